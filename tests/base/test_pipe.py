"""What is written to a pipe comes out of it, however slow its reader is; its ends are noticed."""

from __future__ import annotations

import threading
from multiprocessing.connection import Connection

from sipdiag.base.pipe import Outlet, opened

PIECES = [n.to_bytes(2) * 5000 for n in range(1024)]
WHOLE = b"".join(PIECES)


class Taking(threading.Thread):
    """Takes all that comes by a pipe."""

    def __init__(self, inlet: Connection) -> None:
        super().__init__()
        self._inlet = inlet
        self.taken = b""
        self.start()

    def run(self) -> None:
        with opened(self._inlet) as file:
            self.taken = file.read()

    def all(self) -> bytes:
        self.join()
        return self.taken


def test_more_than_the_pipe_holds_waits_for_whoever_is_slow(
    ends: tuple[Connection, Connection],
) -> None:
    inlet, end = ends
    outlet = Outlet(end)
    for piece in PIECES:
        assert outlet.write(piece) == len(piece)
    assert 1 << 20 < outlet.waiting_bytes < len(WHOLE)
    taking = Taking(inlet)
    outlet.flush()
    assert outlet.waiting_bytes == 0
    outlet.close()
    assert taking.all() == WHOLE


def test_no_more_waits_than_may(ends: tuple[Connection, Connection]) -> None:
    inlet, end = ends
    outlet = Outlet(end, 3_000_000)
    taking = Taking(inlet)
    most = 0
    for piece in PIECES:
        outlet.write(piece)
        most = max(most, outlet.waiting_bytes)
    outlet.flush()
    outlet.close()
    assert taking.all() == WHOLE
    assert most <= 3_000_000


def test_who_is_gone_is_given_nothing_more(ends: tuple[Connection, Connection]) -> None:
    inlet, end = ends
    outlet = Outlet(end)
    for piece in PIECES:
        outlet.write(piece)
    assert outlet.waiting_bytes > 0
    inlet.close()
    outlet.flush()
    assert outlet.gone
    assert outlet.waiting_bytes == 0
    outlet.write(b"more")
    assert outlet.waiting_bytes == 0
    outlet.close()


def test_what_still_waits_is_dropped_at_the_end(ends: tuple[Connection, Connection]) -> None:
    inlet, end = ends
    outlet = Outlet(end)
    for piece in PIECES:
        outlet.write(piece)
    outlet.close()
    taken = Taking(inlet).all()
    assert WHOLE.startswith(taken)
    assert 0 < len(taken) < len(WHOLE)
