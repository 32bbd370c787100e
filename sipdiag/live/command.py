"""``--alert-command CMD``: a program of the administrator's, run for every alert.

Contract: no shell: CMD is split into words as a shell would, and run as it is. The alert comes as
JSON on standard input (as a line of ``--json``), its main fields in the environment, wire text
escaped. One run at a time, in a thread of its own, each ``TIMEOUT_S`` at most; alerts that wait are
bounded. The first failure is told on standard error, and at the end how many there were.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile

from sipdiag.base.errors import AccessError, UsageError
from sipdiag.live.jsonlines import alert_object, line
from sipdiag.live.model import Alert, Snapshot
from sipdiag.live.outbox import Outbox
from sipdiag.report.model import Report
from sipdiag.report.safe import plain

TIMEOUT_S = 30.0
ROOM = 100
"""Alerts that wait for their run."""
PATIENCE_S = 15.0
"""How long the runs that are left are waited for at the end."""
_TEXT_LONGEST = 500
"""Characters of a text in the environment, and of what the program complains about."""


def words_of(command: str) -> list[str]:
    """The program, as found in PATH, and its arguments. Raises ``UsageError`` where there are
    none, ``AccessError`` where there is no such program."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--alert-command: {str(error).lower()}") from error
    if not words:
        raise UsageError("--alert-command: no command")
    program = shutil.which(words[0])
    if program is None:
        raise AccessError(f"--alert-command: {words[0]} is no program that can be run")
    return [program, *words[1:]]


def environment(alert: Alert) -> dict[str, str]:
    """What the program finds in its environment beside ours."""
    finding = alert.finding
    texts = {
        "CODE": finding.code,
        "NAME": finding.name,
        "SEVERITY": finding.severity.word,
        "CONFIDENCE": finding.confidence.word,
        "SUBJECT": finding.subject.ident,
        "MESSAGE": finding.message,
        "ESCALATED": "1" if alert.escalated else "0",
        "CAPTURE": alert.frozen or "",
    }
    return {f"SIPDIAG_{name}": plain(text, longest=_TEXT_LONGEST) for name, text in texts.items()}


class CommandSink:
    """See the module. ``words``: from ``words_of``."""

    def __init__(self, words: list[str], *, timeout_s: float = TIMEOUT_S) -> None:
        self._words, self._timeout_s = words, timeout_s
        self._failed_count = 0
        self._running: subprocess.Popen[bytes] | None = None
        self._outbox = Outbox(self._run, name="sipdiag alert command", room=ROOM)

    def update(self, snapshot: Snapshot) -> None:
        """Nothing to tell."""

    def alert(self, alert: Alert) -> None:
        """Has it run, soon."""
        self._outbox.put(alert)

    def finish(self, report: Report) -> None:
        """Nothing to tell."""

    def close(self, patience_s: float = PATIENCE_S) -> None:
        """Waits for the runs that are left, and says what went wrong. One that still runs then is
        killed."""
        lost = self._outbox.close(patience_s) + self._outbox.dropped_count
        if self._outbox.giving_up.is_set() and self._running is not None:
            _kill(self._running)
        if lost:
            _complain(f"{lost} alerts were not handed over: it takes too long")
        if self._failed_count > 1:
            _complain(f"failed {self._failed_count} times")

    def _run(self, alert: Alert) -> None:
        with tempfile.TemporaryFile() as said:
            try:
                process = subprocess.Popen(
                    self._words,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                    env={**os.environ, **environment(alert)},
                    start_new_session=True,
                )
            except OSError as error:
                self._failed(error.strerror or str(error))
                return
            fault = self._wait(process, line(alert_object(alert)).encode("ascii"))
            if fault:
                said.seek(0)
                words = said.read(4 * _TEXT_LONGEST).decode("utf-8", "surrogateescape").strip()
                self._failed(f"{fault}: {plain(words, longest=_TEXT_LONGEST)}" if words else fault)

    def _wait(self, process: subprocess.Popen[bytes], data: bytes) -> str:
        """What went wrong; "" where nothing did."""
        self._running = process
        if self._outbox.giving_up.is_set():
            _kill(process)
        try:
            process.communicate(data, self._timeout_s)
        except subprocess.TimeoutExpired:
            _kill(process)
            process.communicate()
            return f"took longer than {self._timeout_s:g} s and was killed"
        return f"exit code {process.returncode}" if process.returncode else ""

    def _failed(self, why: str) -> None:
        self._failed_count += 1
        if self._failed_count == 1:
            _complain(why)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """The program and what it started, as long as that stayed in its session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _complain(text: str) -> None:
    print(f"sipdiag: --alert-command: {text}", file=sys.stderr)
