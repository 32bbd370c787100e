"""The table on a real terminal (a pty): keys go in, pictures come out, and it is put back."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sipdiag.flows.subjects import Packet
from sipdiag.live.screen import TableSink
from tests.live.made import expired, moment, packets, peer, report


class Terminal:
    """The user's side of a terminal of 80 columns and 24 lines."""

    def __init__(self) -> None:
        self._user, self.program = pty.openpty()
        self.resize(80, 24)
        self.before = termios.tcgetattr(self.program)
        self.seen = ""

    def resize(self, columns: int, lines: int) -> None:
        size = struct.pack("HHHH", lines, columns, 0, 0)
        fcntl.ioctl(self.program, termios.TIOCSWINSZ, size)

    def type(self, text: str) -> None:
        os.write(self._user, text.encode())

    def until(self, word: str) -> str:
        """What was drawn since the last time, up to the word and what follows at once; fails
        where it doesn't come."""
        drawn = ""
        while word not in drawn:
            ready, _, _ = select.select([self._user], [], [], 30.0)
            assert ready, f"{word!r} never came; the last: {drawn[-3000:]}"
            raw = os.read(self._user, 65536).decode(errors="replace")
            self.seen += raw
            drawn += re.sub(r"\x1b\[[0-9;]*m", "", raw)
        return drawn

    def drain(self) -> None:
        """Reads what is left to be read."""
        while select.select([self._user], [], [], 0)[0]:
            self.seen += os.read(self._user, 65536).decode(errors="replace")

    def hang_up(self) -> None:
        os.close(self._user)
        self._user = -1

    def close(self) -> None:
        for fd in (self._user, self.program):
            if fd >= 0:
                os.close(fd)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()


@contextmanager
def _shown(terminal: Terminal, stopped: threading.Event | None = None) -> Iterator[TableSink]:
    def ladder_of(key: str) -> list[Packet] | None:
        return packets() if key == "SIP/101" else None

    stop = (stopped or threading.Event()).set
    sink = TableSink(terminal.program, terminal.program, stop=stop, ladder_of=ladder_of)
    with sink.shown():
        yield sink


def test_a_session_with_keys(terminal: Terminal) -> None:
    stopped = threading.Event()
    with _shown(terminal, stopped) as sink:
        sink.update(moment(peer("101"), peer("102")))
        terminal.until("203.0.113.7:45060")
        sink.alert(expired())
        terminal.until("The NAT binding of 101 expired.")
        terminal.type("s")
        terminal.until("sort: age")
        terminal.type("/102\r")
        terminal.until("/ filter: 102")
        terminal.type("\x1b")
        terminal.until("/ filter  p pause")
        terminal.type("\x1b[H\r")
        terminal.until("reading")
        sink.update(moment(peer("101"), peer("102")))
        terminal.until("200 OK (REGISTER)")
        terminal.type("q")
        terminal.until("s sort: age")
        terminal.type("p")
        terminal.until("PAUSED")
        assert not stopped.is_set()
        terminal.type("q")
        assert stopped.wait(30)
        terminal.until("ending")


def test_the_screen_is_borrowed_and_given_back(terminal: Terminal) -> None:
    with _shown(terminal):
        terminal.until("starting")
        assert terminal.seen.startswith("\x1b[?1049h\x1b[?25l")
    terminal.drain()
    assert terminal.seen.endswith("\x1b[?25h\x1b[?1049l")
    assert termios.tcgetattr(terminal.program) == terminal.before


def test_an_exception_gives_it_back_too(terminal: Terminal) -> None:
    with pytest.raises(ZeroDivisionError), _shown(terminal):
        raise ZeroDivisionError
    terminal.drain()
    assert terminal.seen.endswith("\x1b[?25h\x1b[?1049l")
    assert termios.tcgetattr(terminal.program) == terminal.before


def test_it_follows_the_size_of_the_terminal(terminal: Terminal) -> None:
    with _shown(terminal) as sink:
        sink.update(moment(peer()))
        assert "rtt ms" not in terminal.until("rtt 41 ms")
        terminal.resize(120, 40)
        sink.update(moment(peer(), after_s=1))
        terminal.until("rtt ms")


def test_what_is_said_on_standard_error_is_shown_and_kept(
    terminal: Terminal, capsys: pytest.CaptureFixture[str]
) -> None:
    with _shown(terminal) as sink:
        sink.update(moment(peer()))
        print("sipdiag: the ring is full", file=sys.stderr)
        terminal.until("notice: sipdiag: the ring is full")
        assert capsys.readouterr().err == ""
    assert capsys.readouterr().err == "sipdiag: the ring is full\n"


def test_the_report_comes_when_the_table_is_gone(
    terminal: Terminal, capfd: pytest.CaptureFixture[str]
) -> None:
    with _shown(terminal) as sink:
        sink.update(moment(peer()))
        sink.finish(report("All is well."))
        terminal.drain()
        assert terminal.seen.endswith("\x1b[?25h\x1b[?1049l")
    assert capfd.readouterr().out.startswith("All is well.")


def test_a_terminal_that_is_hung_up_ends_the_table_and_not_the_watching(
    terminal: Terminal,
) -> None:
    with _shown(terminal) as sink:
        sink.update(moment(peer()))
        terminal.until("a alerts")
        terminal.hang_up()
        for second in range(3):
            sink.update(moment(peer(), after_s=second))
        sink.alert(expired())


def test_a_terminal_that_takes_nothing_does_not_hold_up_who_tells(terminal: Terminal) -> None:
    with _shown(terminal) as sink:
        for second in range(500):  # some 2 MB of pictures; a pty holds a few kB
            sink.update(moment(peer(), after_s=second))
            sink.alert(expired(str(second)))
        terminal.until("alerts: 500")
