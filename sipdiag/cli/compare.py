"""``sipdiag compare GOOD BAD``: the main job."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from sipdiag import pipeline
from sipdiag.cli.common import (
    Asterisk,
    Fail,
    FailOn,
    Json,
    Keylog,
    Local,
    Quiet,
    ReaderKind,
    Tz,
    UseReader,
    WhatIf,
    exit_code,
    options_of,
    progress,
    show,
)


def command(
    good: Annotated[str, typer.Argument(help="A capture in which calls work.")],
    bad: Annotated[str, typer.Argument(help="A capture in which they don't.")],
    json: Json = False,
    quiet: Quiet = False,
    fail_on: Fail = FailOn.ERROR,
    local: Local = None,
    asterisk: Asterisk = None,
    reader: UseReader = ReaderKind.NATIVE,
    keylog: Keylog = None,
    tz: Tz = None,
    what_if: WhatIf = False,
) -> None:
    """Diagnose BAD with GOOD as its baseline: first divergence, cause, settings."""
    options = options_of(local, asterisk, reader, keylog, tz)
    with progress(quiet) as step:
        report = pipeline.compare(good, bad, replace(options, on_progress=step))
    show(report, as_json=json, quiet=quiet, what_if=what_if)
    raise typer.Exit(exit_code(report, fail_on))
