"""Keys: bytes of a terminal to keys, and a terminal that is put back on every way out."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipdiag.live.keys import Decoder, Key, Keyboard, Press


@pytest.mark.parametrize(
    ("data", "presses"),
    [
        (b"q", ["q"]),
        (b"/ab\x7f\r", ["/", "a", "b", Key.BACKSPACE, Key.ENTER]),
        (b"\x1b[A\x1b[B\x1b[C\x1b[D", [Key.UP, Key.DOWN, Key.RIGHT, Key.LEFT]),
        (b"\x1bOA\x1bOB", [Key.UP, Key.DOWN]),
        (b"\x1b[5~\x1b[6~", [Key.PAGE_UP, Key.PAGE_DOWN]),
        (b"\x1b[H\x1b[F\x1b[1~\x1b[4~", [Key.HOME, Key.END, Key.HOME, Key.END]),
        (b"\x1b[1;5A", [Key.UP]),
        ("ß€".encode(), ["ß", "€"]),
        (b"\x1bq", [Key.ESCAPE, "q"]),
    ],
)
def test_bytes_to_keys(data: bytes, presses: list[Press]) -> None:
    assert Decoder().feed(data) == presses


@pytest.mark.parametrize("data", [b"\x1b[1;5A", b"\x1bOB", "€".encode(), b"\x1b[6~x"])
def test_pieces_make_the_same_keys(data: bytes) -> None:
    whole, pieces = Decoder(), Decoder()
    assert [p for byte in data for p in pieces.feed(bytes([byte]))] == whole.feed(data)


def test_a_lone_escape_is_a_key_once_nothing_follows() -> None:
    decoder = Decoder()
    assert decoder.feed(b"\x1b") == []
    assert decoder.flush() == [Key.ESCAPE]
    assert decoder.flush() == []
    assert decoder.feed(b"\x1b\x1b[A") == [Key.ESCAPE, Key.UP]


@pytest.mark.parametrize(
    "data",
    [b"\x1b[200~", b"\x1b[?1;2c", b"\x1b[<0;1;1M", b"\x00\x01", b"\x1b[" + b"1" * 40 + b"\n"],
)
def test_what_is_no_key_is_swallowed(data: bytes) -> None:
    decoder = Decoder()
    assert decoder.feed(data) == []
    assert decoder.feed(b"q") == ["q"]


def test_bytes_that_are_no_utf8_do_no_harm() -> None:
    assert Decoder().feed(b"\xffq")[-1] == "q"


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """(the user's side, the program's side)."""
    user, program = pty.openpty()
    yield user, program
    for end in (user, program):
        os.close(end)


def test_it_reads_keys_at_once_and_without_echo(terminal: tuple[int, int]) -> None:
    user, program = terminal
    with Keyboard(program) as keyboard:
        os.write(user, b"s\x1b[B")
        assert keyboard.read(5.0) == ["s", Key.DOWN]
        assert not termios.tcgetattr(program)[3] & (termios.ECHO | termios.ICANON)


def test_a_lone_escape_comes_without_another_key(terminal: tuple[int, int]) -> None:
    user, program = terminal
    with Keyboard(program) as keyboard:
        os.write(user, b"\x1b")
        assert keyboard.read(5.0) == []
        assert keyboard.read(5.0) == [Key.ESCAPE]


def test_stop_and_flow_control_keys_do_nothing_and_ctrl_c_stays(
    terminal: tuple[int, int],
) -> None:
    _, program = terminal
    with Keyboard(program):
        mode = termios.tcgetattr(program)
        assert mode[6][termios.VSUSP] == mode[6][termios.VQUIT] == b"\0"
        assert not mode[0] & termios.IXON
        assert mode[6][termios.VINTR] == b"\x03" and mode[3] & termios.ISIG


def test_leaving_puts_the_terminal_back(terminal: tuple[int, int]) -> None:
    _, program = terminal
    before = termios.tcgetattr(program)
    said = []
    with pytest.raises(ZeroDivisionError), Keyboard(program, lambda: said.append("bye")):
        assert termios.tcgetattr(program) != before
        raise ZeroDivisionError
    assert termios.tcgetattr(program) == before
    assert said == ["bye"]


def test_another_thread_wakes_it(terminal: tuple[int, int]) -> None:
    _, program = terminal
    with Keyboard(program) as keyboard:
        waker = threading.Thread(target=keyboard.wake)
        waker.start()
        assert keyboard.read(60.0) == []
        waker.join()
    keyboard.wake()  # after its end: no harm, and no other file is written to


def test_a_new_size_wakes_it_and_the_handlers_are_put_back(terminal: tuple[int, int]) -> None:
    before = signal.getsignal(signal.SIGWINCH)
    with Keyboard(terminal[1]) as keyboard:
        os.kill(os.getpid(), signal.SIGWINCH)
        assert keyboard.read(60.0) == []
    assert signal.getsignal(signal.SIGWINCH) == before


def test_a_terminal_that_is_hung_up_ends_the_keys() -> None:
    user, program = pty.openpty()
    with Keyboard(program) as keyboard:
        os.close(user)
        assert keyboard.read(5.0) == []
        assert keyboard.gone
        keyboard.wake()
        assert keyboard.read(60.0) == []
    os.close(program)


_KILLED = """
import os, signal
from sipdiag.live.keys import Keyboard
with Keyboard(0, lambda: os.write(1, b"bye")):
    os.write(1, b"ready")
    while True:
        signal.pause()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_that_nobody_handles_puts_it_back_and_ends_the_process(
    terminal: tuple[int, int], number: signal.Signals, tmp_path: Path
) -> None:
    user, program = terminal
    before = termios.tcgetattr(program)
    process = subprocess.Popen(
        [sys.executable, "-c", _KILLED],
        stdin=program,
        stdout=program,
        cwd=tmp_path,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # a shell's "&" ignores some
    )
    seen = b""
    while b"ready" not in seen:
        seen += os.read(user, 100)
    assert termios.tcgetattr(program) != before
    process.send_signal(number)
    assert process.wait(30) == -number
    assert os.read(user, 100) == b"bye"
    assert termios.tcgetattr(program) == before
