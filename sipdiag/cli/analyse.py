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
    Jobs,
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
    say_of_jobs,
)
from sipdiag.cli.outputs import Anonymise, Html, Markdown, Outputs, Plot, ShowSecrets, WritePcap
from sipdiag.report.safe import secrets_shown


def command(
    files: Annotated[list[str], typer.Argument(help="Captures; - is standard input.")],
    json: Json = False,
    markdown: Markdown = False,
    html: Html = None,
    plot: Plot = None,
    write_pcap: WritePcap = None,
    quiet: Quiet = False,
    fail_on: Fail = FailOn.ERROR,
    local: Local = None,
    asterisk: Asterisk = None,
    reader: UseReader = ReaderKind.NATIVE,
    keylog: Keylog = None,
    tz: Tz = None,
    what_if: WhatIf = False,
    anonymise: Anonymise = False,
    show_secrets: ShowSecrets = False,
    jobs: Jobs = 1,
    vantage: Vantages = None,
) -> None:
    """Diagnose one or several captures, taken together."""
    options = replace(
        options_of(local, asterisk, reader, keylog, tz, jobs),
        vantages=[Vantage(place.value) for place in vantage or []],
    )
    outputs = Outputs(
        json, markdown, quiet, what_if, anonymise, show_secrets, plot=plot, write_pcap=write_pcap,
        html=html,
    )  # fmt: skip
    options = outputs.prepare(files, options)
    say_of_jobs(files, jobs)
    with secrets_shown(show_secrets), progress(quiet) as step:
        watched = replace(options, on_progress=step)
        diagnosis = pipeline.diagnose(files, watched, illustrated=outputs.illustrated)
    report = outputs.deliver(diagnosis, files, options)
    raise typer.Exit(exit_code(report, fail_on))
