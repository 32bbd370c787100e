"""``sipdiag doctor [AREA...]``: what works on this machine, and what to do where it doesn't.

Exit code: without AREA 0 where the main job works (reading captures and logs, and diagnosing
them), whatever else is missing; with AREA 0 where all that was asked for works; else 4.
"""

from __future__ import annotations

import json as json_
import textwrap
from dataclasses import asdict
from typing import Annotated

import typer

from sipdiag._version import __version__
from sipdiag.base.errors import AccessError
from sipdiag.cli.doctor_checks import Area, Examined, State, examine
from sipdiag.cli.host import Host
from sipdiag.report.model import SCHEMA
from sipdiag.report.safe import plain, plain_tree

_WIDTH = 80
_MARKS = {State.GOOD: "[ok] ", State.NOTE: "[--] ", State.LACKS: "[!!] "}


def command(
    areas: Annotated[
        list[Area] | None,
        typer.Argument(
            help="What has to work: diagnose, tshark, live, asterisk, output. All are looked at "
            "where none is named.",
            metavar="AREA",
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say what works on this machine, and what to do where it doesn't."""
    examined = examine(Host.real(), areas or list(Area))
    print(as_json(examined) if json else as_text(examined), end="")
    code = exit_code(examined, areas or [Area.DIAGNOSE])
    if code:
        raise typer.Exit(code)


def exit_code(examined: list[Examined], needed: list[Area]) -> int:
    """0 where all that is needed works, else that of a missing right or tool."""
    works = {each.area for each in examined if each.works}
    return 0 if works.issuperset(needed) else AccessError.exit_code


def as_text(examined: list[Examined]) -> str:
    """For people: at most 80 columns."""
    lines = []
    for each in examined:
        lines.append(f"{each.area}: {each.word}")
        for check in each.checks:
            lines += _wrapped(_MARKS[check.state], check.text)
            if check.remedy:
                lines += _wrapped("     -> ", check.remedy)
    return "\n".join(lines) + "\n"


def _wrapped(before: str, text: str) -> list[str]:
    return textwrap.wrap(
        plain(text),
        _WIDTH,
        initial_indent=before,
        subsequent_indent=" " * len(before),
        break_on_hyphens=False,
    )


def as_json(examined: list[Examined]) -> str:
    """For programs: one object."""
    whole = {
        "schema": SCHEMA,
        "type": "doctor",
        "version": __version__,
        "areas": [
            {
                "name": each.area.value,
                "works": each.works,
                "checks": [asdict(check) for check in each.checks],
            }
            for each in examined
        ],
    }
    return json_.dumps(plain_tree(whole), indent=2) + "\n"
