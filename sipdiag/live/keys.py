"""Keys of a terminal: bytes to keys (``Decoder``), and a terminal that hands them over one by one
(``Keyboard``).

Contract: leaving ``Keyboard`` puts the terminal back as it was, also after an exception, and also
on a signal that would end the process and that nobody else handles. Signals of the terminal's own
keys: Ctrl-C stays one; Ctrl-Z, Ctrl-\\ and Ctrl-S do nothing, as they would leave a full screen
behind or stop it.
"""

from __future__ import annotations

import codecs
import contextlib
import enum
import os
import select
import signal
import termios
from collections.abc import Callable
from types import FrameType
from typing import Any

_ESC = "\x1b"
_LONGEST_SEQUENCE = 32
"""Characters that are held; what is longer isn't a key."""
_LONE_ESC_S = 0.05
"""How long the rest of a sequence may take. Terminals send it in one piece."""
_ENDING = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)

Handler = Callable[[int, FrameType | None], Any] | int | None


class Key(enum.Enum):
    """A key that isn't a character."""

    UP = "up"
    DOWN = "down"
    LEFT = "left"
    RIGHT = "right"
    PAGE_UP = "page up"
    PAGE_DOWN = "page down"
    HOME = "home"
    END = "end"
    ENTER = "enter"
    ESCAPE = "escape"
    BACKSPACE = "backspace"


Press = Key | str
"""A key, or the character that was typed."""

_LETTERS = {
    "A": Key.UP, "B": Key.DOWN, "C": Key.RIGHT, "D": Key.LEFT, "H": Key.HOME, "F": Key.END,
}  # fmt: skip
_NUMBERS = {
    "1": Key.HOME, "7": Key.HOME, "4": Key.END, "8": Key.END, "5": Key.PAGE_UP, "6": Key.PAGE_DOWN,
}  # fmt: skip
_SINGLE = {"\r": Key.ENTER, "\n": Key.ENTER, "\x7f": Key.BACKSPACE, "\x08": Key.BACKSPACE}


class Decoder:
    """Bytes of a terminal (ECMA-48 and xterm sequences, UTF-8) to keys; pure.

    Sequences may come in pieces. What is no key that we know is swallowed whole.
    """

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    @property
    def waiting(self) -> bool:
        """An escape sequence has begun and isn't complete."""
        return bool(self._held)

    def feed(self, data: bytes) -> list[Press]:
        """The keys that are complete with these bytes."""
        presses: list[Press] = []
        for char in self._utf8.decode(data):
            press = self._take(char)
            if press is not None:
                presses.extend(press)
        return presses

    def flush(self) -> list[Press]:
        """No more came: a lone ESC was the key itself, anything else no key."""
        held, self._held = self._held, ""
        return [Key.ESCAPE] if held == _ESC else []

    def _take(self, char: str) -> list[Press] | None:
        if char == _ESC:
            lone = self.flush()
            self._held = _ESC
            return lone
        if not self._held:
            return _plain(char)
        if self._held == _ESC:
            if char in "[O":
                self._held += char
                return None
            self._held = ""
            return [Key.ESCAPE, *_plain(char)]
        if " " <= char < "@":
            if len(self._held) < _LONGEST_SEQUENCE:
                self._held += char
            return None
        numbers, self._held = self._held[2:], ""
        return _key_of(numbers, char)


def _plain(char: str) -> list[Press]:
    if char in _SINGLE:
        return [_SINGLE[char]]
    return [char] if char.isprintable() else []


def _key_of(numbers: str, last: str) -> list[Press]:
    """``A``, ``1;5A`` (with Ctrl held), ``5~``."""
    key = _NUMBERS.get(numbers.partition(";")[0]) if last == "~" else _LETTERS.get(last)
    return [key] if key is not None else []


class Keyboard:
    """A terminal in cbreak mode without echo. See the module.

    ``wake`` may be called from any thread and from a signal's handler. ``farewell`` is called
    right before the terminal is put back. Raises ``termios.error`` on entering where ``fd`` is no
    terminal.
    """

    def __init__(self, fd: int, farewell: Callable[[], None] = lambda: None) -> None:
        self.gone = False
        """The terminal was hung up; there will be no more keys."""
        self._fd, self._farewell = fd, farewell
        self._wake_out = self._wake_in = -1
        self._decoder = Decoder()
        self._mode: list[Any] | None = None
        self._handlers: dict[signal.Signals, Handler] = {}

    def __enter__(self) -> Keyboard:
        mode = termios.tcgetattr(self._fd)
        self._wake_out, self._wake_in = os.pipe()
        os.set_blocking(self._wake_out, False)
        os.set_blocking(self._wake_in, False)
        changed = [*mode[:6], list(mode[6])]
        changed[0] &= ~termios.IXON
        changed[3] &= ~(termios.ECHO | termios.ICANON)
        off = os.fpathconf(self._fd, "PC_VDISABLE").to_bytes(1, "little")
        changed[6][termios.VSUSP] = changed[6][termios.VQUIT] = off
        changed[6][termios.VMIN], changed[6][termios.VTIME] = 1, 0
        self._mode = mode
        self._catch(signal.SIGWINCH, self._resized)
        for number in _ENDING:
            if signal.getsignal(number) is signal.SIG_DFL:
                self._catch(number, self._ended)
        termios.tcsetattr(self._fd, termios.TCSAFLUSH, changed)
        return self

    def __exit__(self, *_: object) -> None:
        self.restore()
        for number, handler in self._handlers.items():
            if signal.getsignal(number) in (self._resized, self._ended):
                signal.signal(number, handler)
        self._handlers.clear()
        pipe = self._wake_out, self._wake_in
        self._wake_out = self._wake_in = -1
        for end in pipe:
            os.close(end)

    def restore(self) -> None:
        """Puts the terminal back as it was; more than once does no harm."""
        mode, self._mode = self._mode, None
        if mode is not None:
            with contextlib.suppress(OSError, termios.error):  # hung up: nothing to put back
                self._farewell()
                termios.tcsetattr(self._fd, termios.TCSANOW, mode)

    def wake(self) -> None:
        """Makes ``read`` return now."""
        with contextlib.suppress(OSError):  # full: it is about to wake; closed: it has ended
            os.write(self._wake_in, b"w")

    def read(self, timeout_s: float) -> list[Press]:
        """The keys that were pressed; [] when woken or after ``timeout_s``."""
        watched = [self._wake_out] if self.gone else [self._wake_out, self._fd]
        wait_s = _LONE_ESC_S if self._decoder.waiting else timeout_s
        ready, _, _ = select.select(watched, [], [], wait_s)
        if self._wake_out in ready:
            os.read(self._wake_out, 4096)
        if self._fd not in ready:
            return [] if ready else self._decoder.flush()
        try:
            data = os.read(self._fd, 1024)
        except OSError:
            data = b""
        self.gone = not data
        return self._decoder.feed(data)

    def _catch(self, number: signal.Signals, handler: Callable[[int, object], None]) -> None:
        with contextlib.suppress(ValueError):  # not the main thread: no signals here
            self._handlers[number] = signal.signal(number, handler)

    def _resized(self, number: int, frame: object) -> None:
        self.wake()

    def _ended(self, number: int, frame: object) -> None:
        self.restore()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
