"""``sipdiag analyse FILE...``: a diagnosis without a working capture to compare with."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

import typer

from sipdiag import pipeline
from sipdiag.base.datagram import Vantage
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
    Vantages,
    WhatIf,
    exit_code,
    options_of,
    progress,
    show,
)


def command(
    files: Annotated[list[str], typer.Argument(help="Captures; - is standard input.")],
    json: Json = False,
    quiet: Quiet = False,
    fail_on: Fail = FailOn.ERROR,
    local: Local = None,
    asterisk: Asterisk = None,
    reader: UseReader = ReaderKind.NATIVE,
    keylog: Keylog = None,
    tz: Tz = None,
    what_if: WhatIf = False,
    vantage: Vantages = None,
) -> None:
    """Diagnose one or several captures, taken together."""
    options = replace(
        options_of(local, asterisk, reader, keylog, tz),
        vantages=[Vantage(place.value) for place in vantage or []],
    )
    with progress(quiet) as step:
        report = pipeline.analyse(*files, options=replace(options, on_progress=step))
    show(report, as_json=json, quiet=quiet, what_if=what_if)
    raise typer.Exit(exit_code(report, fail_on))
