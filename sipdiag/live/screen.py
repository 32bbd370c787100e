"""The live table on a terminal: a thread that takes keys and draws, and the sink that feeds it.

Contract: nothing here makes ``update`` or ``alert`` wait for the terminal. Leaving the context
ends the thread and puts the terminal back; what was said on ``sys.stderr`` meanwhile is shown in
the table, and printed there again at the end. A terminal that is hung up ends the table and not
the watching: ``stop`` is for whoever presses q.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator

from sipdiag.flows.subjects import Packet
from sipdiag.live.keys import Keyboard
from sipdiag.live.model import Alert, Snapshot
from sipdiag.live.table import draw
from sipdiag.live.view import View
from sipdiag.report.model import Report
from sipdiag.report.terminal import make_console, render

_ENTER = b"\x1b[?1049h\x1b[?25l"
"""The alternate screen, and no cursor (xterm's private modes 1049 and 25)."""
_LEAVE = b"\x1b[?25h\x1b[?1049l"
_HOME = "\x1b[H"
_REDRAW_S = 1.0
"""A new size of the terminal is seen so late where no signal tells of it."""
_JOIN_S = 2.0
"""A terminal that takes nothing any more isn't waited for longer."""
_SAID_KEPT = 200
"""Lines of ``sys.stderr``; something that goes wrong each second says the same each time."""
_SMALLEST = (10, 4)
"""Columns and lines that are drawn at least; a smaller terminal cuts them."""


class _Said(io.TextIOBase):
    """Stands in for ``sys.stderr``: hands over every line that is written."""

    def __init__(self, told: Callable[[str], None]) -> None:
        self._told, self._part = told, ""

    def write(self, text: str) -> int:
        *lines, self._part = (self._part + text).split("\n")
        for line in lines:
            if line.strip():
                self._told(line)
        return len(text)


class TableSink:
    """See the module. ``keys_fd`` and ``screen_fd`` are the terminal."""

    def __init__(
        self,
        keys_fd: int,
        screen_fd: int,
        *,
        stop: Callable[[], None],
        ladder_of: Callable[[str], list[Packet] | None],
        colour: bool = True,
    ) -> None:
        self._screen_fd, self._colour = screen_fd, colour
        self._stop, self._ladder_of = stop, ladder_of
        self._keyboard = Keyboard(keys_fd, farewell=self._leave)
        self._view = View()
        self._lock = threading.RLock()
        self._ending = threading.Event()
        self._failure: Exception | None = None
        self._said: deque[str] = deque(maxlen=_SAID_KEPT)
        self._thread = threading.Thread(target=self._run, name="sipdiag table", daemon=True)

    @contextlib.contextmanager
    def shown(self) -> Iterator[TableSink]:
        """On the screen as long as the context lasts, or until ``finish``."""
        with self._keyboard:
            os.write(self._screen_fd, _ENTER)
            with contextlib.redirect_stderr(_Said(self._notice)):
                self._thread.start()
                try:
                    yield self
                finally:
                    self._end()
        for line in self._said:
            print(line, file=sys.stderr)

    def update(self, snapshot: Snapshot) -> None:
        """Shows it, soon."""
        if self._failure is not None:
            raise self._failure
        with self._lock:
            self._view.take(snapshot, self._ladder_of)
        self._keyboard.wake()

    def alert(self, alert: Alert) -> None:
        """Shows it, soon."""
        with self._lock:
            self._view.told(alert)
        self._keyboard.wake()

    def finish(self, report: Report) -> None:
        """The table goes, the report comes on the ordinary screen."""
        self._end()
        try:
            render(report, make_console())
            sys.stdout.flush()
        except OSError:  # the terminal was hung up; what is buffered must not raise once more
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def _notice(self, line: str) -> None:
        self._said.append(line)
        with self._lock:
            self._view.told(line)
        self._keyboard.wake()

    def _end(self) -> None:
        self._ending.set()
        self._keyboard.wake()
        self._thread.join(_JOIN_S)
        self._keyboard.restore()

    def _leave(self) -> None:
        os.write(self._screen_fd, _LEAVE)

    def _run(self) -> None:
        try:
            self._draw_and_read()
        except OSError:  # hung up
            pass
        except Exception as error:
            self._failure = error

    def _draw_and_read(self) -> None:
        shown = ""
        while not self._ending.is_set() and not self._keyboard.gone:
            size = os.get_terminal_size(self._screen_fd)
            width, height = max(size.columns, _SMALLEST[0]), max(size.lines, _SMALLEST[1])
            with self._lock:
                picture = draw(self._view, width, height, colour=self._colour)
                quitting = self._view.quitting
            if picture != shown:
                self._write(_HOME + picture)
                shown = picture
            if quitting:
                self._stop()
                return
            presses = self._keyboard.read(_REDRAW_S)
            with self._lock:
                for press in presses:
                    self._view.press(press)

    def _write(self, text: str) -> None:
        data = text.encode(sys.stdout.encoding or "utf-8", "replace")
        while data:
            data = data[os.write(self._screen_fd, data) :]
