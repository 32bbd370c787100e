"""Which sinks the options ask for, and that all of them are closed on every way out."""

from __future__ import annotations

import os
import pty
import socket
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sipdiag.base.errors import AccessError, UsageError
from sipdiag.live.command import CommandSink
from sipdiag.live.jsonlines import JsonSink
from sipdiag.live.metrics import MetricsSink
from sipdiag.live.plain import PlainSink
from sipdiag.live.screen import TableSink
from sipdiag.live.sinks import Telling, sinks_of
from sipdiag.live.webhook import WebhookSink
from tests.live.made import expired, moment, peer, report


def _kinds(telling: Telling) -> list[type]:
    with sinks_of(telling, stop=lambda: None, ladder_of=lambda _: None) as sinks:
        return [type(sink) for sink in sinks]


@contextmanager
def _terminal(monkeypatch: pytest.MonkeyPatch, term: str = "xterm") -> Iterator[int]:
    """A pseudo-terminal as standard input and output, with this test in its foreground."""
    user, program = pty.openpty()
    reading = threading.Thread(target=_read_all, args=(user,))
    reading.start()
    with (
        open(os.dup(program)) as stdin,
        open(os.dup(program), "w") as stdout,
        monkeypatch.context() as patch,
    ):
        patch.setattr(sys, "stdin", stdin)
        patch.setattr(sys, "stdout", stdout)
        patch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp())
        patch.setenv("TERM", term)
        yield program
    os.close(program)
    reading.join()
    os.close(user)


def _read_all(fd: int) -> None:
    try:
        while os.read(fd, 65536):
            pass
    except OSError:  # the other side was closed
        return


def test_lines_where_there_is_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    assert _kinds(Telling()) == [PlainSink]
    assert _kinds(Telling(json=True)) == [JsonSink]


def test_the_table_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    with _terminal(monkeypatch):
        assert _kinds(Telling()) == [TableSink]
        assert _kinds(Telling(json=True)) == [JsonSink]
        assert _kinds(Telling(quiet=True)) == [PlainSink]


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_lines_on_a_terminal_that_cannot_draw(term: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with _terminal(monkeypatch, term):
        assert _kinds(Telling()) == [PlainSink]


def test_lines_in_the_background(monkeypatch: pytest.MonkeyPatch) -> None:
    with _terminal(monkeypatch):
        monkeypatch.setattr(os, "tcgetpgrp", lambda _: os.getpgrp() + 1)
        assert _kinds(Telling()) == [PlainSink]


def test_what_writes_on_the_terminal_is_told_last(capfd: pytest.CaptureFixture[str]) -> None:
    telling = Telling(alert_command="true", webhook="http://127.0.0.1:1/", metrics=_free_port())
    assert _kinds(telling) == [MetricsSink, CommandSink, WebhookSink, PlainSink]


@pytest.mark.parametrize(
    ("telling", "error"),
    [
        (Telling(webhook="ftp://h/"), UsageError),
        (Telling(metrics="eth0"), UsageError),
        (Telling(alert_command=""), UsageError),
        (Telling(alert_command="no-such-program"), AccessError),
    ],
)
def test_a_wrong_option_is_told_before_anything_begins(
    telling: Telling, error: type[Exception], capfd: pytest.CaptureFixture[str]
) -> None:
    threads = threading.active_count()
    with pytest.raises(error):
        _kinds(telling)
    assert threading.active_count() == threads
    assert capfd.readouterr().out == ""


def test_an_exception_closes_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    telling = Telling(alert_command="true", webhook="http://127.0.0.1:1/", metrics=_free_port())
    with _terminal(monkeypatch) as program:
        before = termios.tcgetattr(program)
        threads = threading.active_count()
        with (
            pytest.raises(ZeroDivisionError),
            sinks_of(telling, stop=lambda: None, ladder_of=lambda _: None),
        ):
            assert threading.active_count() > threads
            raise ZeroDivisionError
        assert termios.tcgetattr(program) == before
        assert threading.active_count() == threads


def test_a_whole_run_in_lines(capfd: pytest.CaptureFixture[str]) -> None:
    with sinks_of(Telling(), stop=lambda: None, ladder_of=lambda _: None) as sinks:
        for sink in sinks:
            sink.update(moment(peer()))
            sink.alert(expired())
            sink.finish(report())
    said = capfd.readouterr()
    assert "nat-binding-expired (SD501)" in said.out and "Nothing wrong was found." in said.out
    assert "watching eth0" in said.err


def _free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return str(probe.getsockname()[1])


_ALL_LOADED = """
import sys
import sipdiag
from sipdiag.live import webhook
from sipdiag.live.sinks import Telling, sinks_of
from sipdiag.live.table import draw
from sipdiag.live.view import View
from sipdiag.report.terminal import render_text
from tests.live.made import expired, moment, packets, peer

webhook.TRIES = 1
report = sipdiag.analyse(sys.argv[1])
rows = [peer("電話" * 9, findings=("SD501", "SD103")), peer("102")]
telling = Telling(alert_command="false", webhook="http://localhost:1/", metrics=sys.argv[2])
with sinks_of(telling, stop=lambda: None, ladder_of=lambda _: None) as sinks:
    before = set(sys.modules)
    view = View()
    view.take(moment(*rows), lambda _: packets())
    for press in ("x", "s", "a", "q", "l"):
        view.press(press)
        view.take(moment(*rows), lambda _: packets())
        view.told(expired("電話 " * 99))
        draw(view, 80, 24, colour=True)
    for sink in sinks:
        sink.update(moment(*rows))
        sink.alert(expired())
        sink.finish(report)
print(sorted(set(sys.modules) - before), file=sys.stderr)
"""


def test_nothing_is_loaded_after_root_was_given_up() -> None:
    capture = Path(__file__).parents[2] / "captures" / "sip-binding-30s" / "bad.pcap"
    done = subprocess.run(
        [sys.executable, "-c", _ALL_LOADED, str(capture), _free_port()],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "no_proxy": "localhost"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "[]"
