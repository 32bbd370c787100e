"""What the commands share: options, output, progress, exit codes."""

from __future__ import annotations

import enum
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from sipdiag.asterisk.identify import parse_version
from sipdiag.base.endpoint import parse_ip
from sipdiag.base.errors import UsageError
from sipdiag.pipeline import Options
from sipdiag.report.model import Report

_SEVERITIES = ("info", "warning", "error")


class Place(enum.StrEnum):
    """Where a capture was taken."""

    PBX = "pbx"
    PHONE = "phone"
    PATH = "path"


class FailOn(enum.StrEnum):
    """From which severity on the exit code is 1."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    NEVER = "never"


class ReaderKind(enum.StrEnum):
    """What reads captures."""

    NATIVE = "native"
    TSHARK = "tshark"


Json = Annotated[bool, typer.Option("--json", help="The report as JSON (schema sipdiag/1).")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="The verdict only, no progress.")]
Fail = Annotated[
    FailOn, typer.Option("--fail-on", help="Exit with 1 from this severity on.", metavar="LEVEL")
]
Local = Annotated[
    list[str] | None,
    typer.Option("--local", help="The PBX's address, where it can't be told.", metavar="ADDR"),
]
Asterisk = Annotated[
    str | None,
    typer.Option("--asterisk", help="The version to write settings for.", metavar="VERSION"),
]
UseReader = Annotated[
    ReaderKind,
    typer.Option("--reader", help="native, or tshark for odd encapsulations and TLS."),
]
Keylog = Annotated[
    str | None,
    typer.Option("--keylog", help="A TLS key log file (with --reader tshark).", metavar="FILE"),
]


WhatIf = Annotated[
    bool, typer.Option("--what-if", help="The table of what every NAT setting would do.")
]
Vantages = Annotated[
    list[Place] | None,
    typer.Option(
        "--vantage", help="Where each file was taken (pbx, phone, path), in order; repeatable."
    ),
]


Tz = Annotated[
    str | None,
    typer.Option("--tz", help="The zone of a log's times, as Europe/Berlin.", metavar="ZONE"),
]


Jobs = Annotated[
    int,
    typer.Option(
        "--jobs", "-j", min=0, metavar="N",
        help="Read several files with N processes; 0: one a processor.",
    ),
]  # fmt: skip


def options_of(
    local: list[str] | None,
    asterisk: str | None,
    reader: ReaderKind,
    keylog: str | None,
    tz: str | None = None,
    jobs: int = 1,
) -> Options:
    """Checks what the user said. Raises ``UsageError``."""
    for address in local or []:
        if parse_ip(address) is None:
            raise UsageError(f"--local: {address} is no IP address")
    version = parse_version(asterisk) if asterisk else None
    if asterisk and version is None:
        raise UsageError(f"--asterisk: {asterisk} is no version (such as 16.28)")
    if keylog and reader is not ReaderKind.TSHARK:
        raise UsageError("--keylog needs --reader tshark")
    return Options(
        local=frozenset(str(parse_ip(address)) for address in local or []),
        asterisk=version,
        reader=reader.value,
        keylog=keylog,
        tz=tz,
        jobs=jobs or os.cpu_count() or 1,
    )


def say_of_jobs(files: Sequence[str], jobs: int) -> None:
    """Says on standard error what several processes can't do."""
    if jobs != 1 and "-" in files:
        print("sipdiag: standard input is read by one process", file=sys.stderr)


Step = Callable[[int, int | None], None]


@contextmanager
def progress(quiet: bool) -> Iterator[Step | None]:
    """A bar on standard error, from the second second of one input on; None where there is no
    terminal to show it on. It has no thread, as other processes may begin as copies of this one."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("reading"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        auto_refresh=False,
    )
    task = bar.add_task("reading", total=None)
    due = time.monotonic() + 1.0

    def step(done: int, total: int | None) -> None:
        nonlocal due
        if time.monotonic() < due:
            return
        if not bar.live.is_started:
            bar.start()
        bar.update(task, completed=done, total=total, refresh=True)
        due = time.monotonic() + 0.1

    try:
        yield step
    finally:
        bar.stop()


def show(
    report: Report,
    *,
    as_json: bool,
    quiet: bool,
    what_if: bool = False,
    as_markdown: bool = False,
) -> None:
    """Prints the report on standard output."""
    if as_markdown:
        from sipdiag.report.markdown import render as render_markdown

        print(render_markdown(report, quiet=quiet, what_if=what_if), end="")
        return
    if as_json:
        from sipdiag.report.json import render as render_json

        print(render_json(report))
        return
    from sipdiag.report.terminal import make_console, render, render_text

    if sys.stdout.isatty():
        render(report, make_console(), quiet=quiet, what_if=what_if)
    else:
        print(render_text(report, quiet=quiet, what_if=what_if), end="")


def exit_code(report: Report, fail_on: FailOn) -> int:
    """1 where a finding is at or above ``fail_on``."""
    if fail_on is FailOn.NEVER:
        return 0
    least = _SEVERITIES.index(fail_on.value)
    return int(any(_SEVERITIES.index(f.severity) >= least for f in report.findings))
