"""``--html FILE``: the report as one page."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from sipdiag.base.errors import AccessError, UsageError
from sipdiag.base.files import write_output
from sipdiag.report.html import render
from sipdiag.report.model import SCHEMA, Estimates, Report, VerdictInfo
from sipdiag.report.picture import Pictures


def check(inputs: Sequence[str], target: str) -> None:
    """Raises ``UsageError`` where the page would take the place of an input or a folder."""
    if os.path.isdir(target):
        raise UsageError(f"--html: {target} is a folder; name a file in it")
    for source in inputs:
        if os.path.exists(source) and os.path.exists(target) and os.path.samefile(source, target):
            raise UsageError(f"--html: {target} is an input")


def rehearse(inputs: Sequence[str], target: str) -> None:
    """As ``check``, and loads all that the page is made of, as it may be out of reach later."""
    check(inputs, target)
    render(
        Report(
            SCHEMA,
            {},
            [],
            VerdictInfo(None, None, None, None, ""),
            [],
            [],
            Estimates(),
            [],
            None,
            [],
        )
    )


def check_place(target: str) -> None:
    """Raises ``AccessError`` where the page can't be written now: better before hours of watching
    than after."""
    known = os.path.realpath(target)
    place = known if os.path.exists(known) else os.path.dirname(known)
    if not os.access(place, os.W_OK):
        raise AccessError(f"--html: {target} can't be written")


def write_html(report: Report, pictures: Pictures | None, target: str) -> str:
    """Writes the page, and says so in a sentence. Raises ``AccessError`` where it can't."""
    page = render(report, pictures).encode("utf-8", "replace")
    write_output(Path(target), page)
    return f"the page was written to {target} ({max(1, len(page) // 1024)} KB)"
