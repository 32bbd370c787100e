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
    Jobs,
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
    say_of_jobs,
)
from sipdiag.cli.outputs import Anonymise, Html, Markdown, Outputs, Plot, ShowSecrets, WritePcap
from sipdiag.report.safe import secrets_shown


def command(
    good: Annotated[str, typer.Argument(help="A capture in which calls work.")],
    bad: Annotated[str, typer.Argument(help="A capture in which they don't.")],
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
) -> None:
    """Diagnose BAD with GOOD as its baseline: first divergence, cause, settings."""
    options = options_of(local, asterisk, reader, keylog, tz, jobs)
    outputs = Outputs(
        json, markdown, quiet, what_if, anonymise, show_secrets, plot=plot, write_pcap=write_pcap,
        html=html,
    )  # fmt: skip
    options = outputs.prepare([good, bad], options)
    say_of_jobs([good, bad], jobs)
    with secrets_shown(show_secrets), progress(quiet) as step:
        watched = replace(options, on_progress=step)
        diagnosis = pipeline.diagnose_beside(good, bad, watched, illustrated=outputs.illustrated)
    report = outputs.deliver(diagnosis, [bad], options, good)
    raise typer.Exit(exit_code(report, fail_on))
