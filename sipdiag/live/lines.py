"""Lines on a file descriptor whose reader may be slow: they are written in a thread of their own.

Contract: ``put`` never waits; when ``ROOM`` characters wait for the reader, a line is dropped
and counted. ``last`` is written whatever waits, and waited for. A reader that is gone raises
``BrokenPipeError`` with the next line.
"""

from __future__ import annotations

import os
import sys

from sipdiag.live.outbox import Outbox

ROOM = 16 * 1024 * 1024
"""Characters that wait. A snapshot of 1000 peers has 300 000."""
_CLOSE_S = 5.0


class Lines:
    """See the module. ``encoding``: what it can't write is escaped with backslashes."""

    def __init__(self, fd: int, encoding: str = "utf-8") -> None:
        self._fd, self._encoding = fd, encoding
        self._outbox = Outbox(self._write, name="sipdiag lines", room=ROOM, weigh=len)

    def put(self, text: str) -> None:
        """Writes it soon. ``text`` ends with its newline."""
        self._outbox.put(text)

    def last(self, text: str) -> None:
        """Writes it after all others, and waits until the reader has taken it."""
        self._outbox.put(text, must=True)
        self._outbox.close(None)
        if self._outbox.dropped_count:
            dropped = self._outbox.dropped_count
            print(f"sipdiag: {dropped} lines dropped: the reader was slow", file=sys.stderr)

    def close(self) -> None:
        """Ends it where ``last`` was never called; a reader that takes nothing isn't waited for."""
        self._outbox.close(_CLOSE_S)

    def _write(self, text: str) -> None:
        data = text.encode(self._encoding, "backslashreplace")
        while data:
            data = data[os.write(self._fd, data) :]
