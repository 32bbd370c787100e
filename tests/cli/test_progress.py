"""The bar that shows how far reading is."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from sipdiag.cli.common import progress


def test_no_bar_where_nobody_looks() -> None:
    with progress(quiet=False) as step:
        assert step is None


def test_the_bar_comes_late_and_has_no_thread(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    threads = threading.active_count()
    with progress(quiet=False) as step:
        assert step is not None
        step(10, 1000)
        assert "reading" not in capsys.readouterr().err
        now += 1.5
        step(500, 1000)
        assert threading.active_count() == threads
        assert "reading" in capsys.readouterr().err
