"""A pipe from one process to another, of which the one that writes seldom waits.

Contract: what was written to an ``Outlet`` comes out of ``opened`` as bytes, in order. Writing
waits only where more than ``most_bytes`` wait to be taken; where the other process is gone, what is
written is dropped, and ``gone`` says so.
"""

from __future__ import annotations

import os
import select
import sys
from collections import deque
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import BinaryIO

_PIPE_BYTES = 1 << 20
"""What Linux lets anybody have."""


class Outlet:
    """The end that is written to. ``connection`` is closed with it."""

    def __init__(self, connection: Connection, most_bytes: int = sys.maxsize) -> None:
        self.gone = False
        self.waiting_bytes = 0
        """Of what the pipe had no room for."""
        self._connection = connection
        self._most_bytes = most_bytes
        self._waiting: deque[memoryview] = deque()
        os.set_blocking(connection.fileno(), False)
        _widen(connection)

    def write(self, data: bytes) -> int:
        """Takes all of ``data``, as a file does."""
        self._waiting.append(memoryview(data))
        self.waiting_bytes += len(data)
        self._drain(self._most_bytes)
        return len(data)

    def flush(self) -> None:
        """Waits until nothing is waiting any more."""
        self._drain(0)

    def close(self) -> None:
        """Ends it; what is still waiting is dropped."""
        self._connection.close()

    def _drain(self, most_bytes: int) -> None:
        """Writes what can be written, and waits until no more than ``most_bytes`` are left."""
        waiting = self._waiting
        while waiting and not self.gone:
            try:
                written = os.write(self._connection.fileno(), waiting[0])
            except BlockingIOError:
                if self.waiting_bytes <= most_bytes:
                    return
                select.select([], [self._connection], [])
                continue
            except BrokenPipeError:
                self.gone = True
                break
            self.waiting_bytes -= written
            if written == len(waiting[0]):
                waiting.popleft()
            else:
                waiting[0] = waiting[0][written:]
        if self.gone:
            waiting.clear()
            self.waiting_bytes = 0


def opened(connection: Connection) -> BinaryIO:
    """The other end as a file, to be closed beside ``connection``. It ends where nobody can write
    to it any more."""
    return os.fdopen(os.dup(connection.fileno()), "rb", _PIPE_BYTES)


def _widen(connection: Connection) -> None:
    """Gives the pipe more room, so that the processes take turns less often."""
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):
            fcntl.fcntl(connection.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
