"""``sipdiag advise [--config DIR] [FILE...]``: the settings to change, in the user's own files.

Standard output gets the diff and nothing else (without ``--config``: the settings to paste), so
that it can be piped to ``patch -p1``; what it means goes to standard error. Secrets are printed
nowhere: the diff's context ends before a line that holds one.
"""

from __future__ import annotations

import json as json_
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from sipdiag import pipeline
from sipdiag.advice import Recommendation
from sipdiag.advice.conf_cures import MOST_SECTIONS
from sipdiag.anonymise import Anonymiser
from sipdiag.asterisk.conf_files import ConfDir
from sipdiag.asterisk.conf_setup import Setup
from sipdiag.asterisk.conf_write import write_files
from sipdiag.base.datagram import Vantage
from sipdiag.base.errors import UsageError
from sipdiag.cli.common import (
    Asterisk,
    Fail,
    FailOn,
    Keylog,
    Local,
    ReaderKind,
    Tz,
    UseReader,
    Vantages,
    exit_code,
    options_of,
    progress,
)
from sipdiag.cli.outputs import Anonymise
from sipdiag.pipeline import Advised
from sipdiag.report.json import render as render_json
from sipdiag.report.model import AdviseInfo, ConfChangeInfo, ConfDefectInfo, ConfSettingInfo
from sipdiag.report.safe import plain, plain_tree

_RELOADS = {
    "chan_sip": "sip reload",
    "pjsip": "pjsip reload",
    "iax2": "iax2 reload",
}
_LONGEST_LIST = 20


def command(
    files: Annotated[
        list[str] | None, typer.Argument(help="Captures or logs; - is standard input.")
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="Asterisk's configuration directory.", metavar="DIR"),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Make the change, and keep what was there.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="All of it as JSON.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="The diff only, explain nothing.")
    ] = False,
    fail_on: Fail = FailOn.ERROR,
    local: Local = None,
    asterisk: Asterisk = None,
    reader: UseReader = ReaderKind.NATIVE,
    keylog: Keylog = None,
    tz: Tz = None,
    vantage: Vantages = None,
    anonymise: Anonymise = False,
) -> None:
    """Write the settings to change, as a diff against your own files."""
    if write and config is None:
        raise UsageError("--write needs --config: the directory to write to")
    options = replace(
        options_of(local, asterisk, reader, keylog, tz),
        vantages=[Vantage(place.value) for place in vantage or []],
        config=ConfDir(config) if config is not None else None,
    )
    if anonymise:
        options = replace(options, anonymise=Anonymiser(options.limits))
    with progress(quiet) as step:
        advised = pipeline.advise(*(files or []), options=replace(options, on_progress=step))
    backups = _write(advised) if write else {}
    if json:
        print(_json(advised, backups))
    else:
        if advised.setup is None:
            _emit(_to_paste(advised.chosen).encode())
        elif not write:
            _emit(advised.changes.diff)
        if not quiet:
            _explain(advised, backups)
    raise typer.Exit(exit_code(advised.report, fail_on))


def _write(advised: Advised) -> dict[str, Path]:
    setup = advised.setup
    if setup is None:
        return {}
    before = {name: file.data for name, file in setup.files.items()}
    return write_files(setup.folder, before, advised.changes.contents)


def _emit(data: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        print(plain(line), file=sys.stderr)


def _to_paste(chosen: Sequence[Recommendation]) -> str:
    """The settings as sections, file by file; ``;`` begins a comment there."""
    blocks = []
    by_section = sorted(chosen, key=lambda r: (r.file or "", r.section or ""))
    for (file, section), items in groupby(by_section, key=lambda r: (r.file, r.section)):
        name, _, kind = (section or "").partition(" ")
        lines = [f"; {file}", name + (f" ; {kind}" if kind else "")]
        lines += [f"{i.option}={i.value}" + (f" ; {i.unit}" if i.unit else "") for i in items]
        blocks.append("".join(plain(line) + "\n" for line in lines))
    return "\n".join(blocks)


def _explain(advised: Advised, backups: dict[str, Path]) -> None:
    report, changes = advised.report, advised.changes
    _say([report.verdict.summary])
    for found in report.findings[:_LONGEST_LIST]:
        if found.message != report.verdict.summary:
            _say([f"{found.severity}: {found.name} ({found.code}): {found.message}"])
        sections = found.params.get("sections")
        if isinstance(sections, list) and len(sections) > MOST_SECTIONS and found.params["set"]:
            _say([f"The first {MOST_SECTIONS} are changed: apply that and run advise again."])
    if advised.setup is not None:
        _defects(advised.setup)
    for change in changes.changes:
        was = "was not set" if change.before is None else f"was {change.before}"
        _say(
            [
                f"{change.place}: {change.wanted.section} {change.wanted.option}="
                f"{change.wanted.value} ({was}{', added behind this line' if change.added else ''})"
            ]
        )
    for title, lines in (
        ("", changes.already),
        ("CONTRADICTION: ", changes.contradictions),
        ("By hand: ", changes.by_hand),
        ("Note: ", changes.notes),
    ):
        _say(f"{title}{line}" for line in lines[:_LONGEST_LIST])
    _forecasts(advised)
    _devices(advised)
    _say(f"{name} is changed; as it was: {backup}" for name, backup in backups.items())
    reloads = {_RELOADS[c.wanted.where] for c in changes.changes}
    if reloads:
        _say([f"Then: {', '.join(f'asterisk -rx {word!r}' for word in sorted(reloads))}"])
    if any(c.wanted.kind == "transport" for c in changes.changes):
        _say(["A transport isn't reloaded: restart Asterisk."])


def _defects(setup: Setup) -> None:
    if not setup.configs:
        _say([f"{setup.folder.root} has none of sip.conf, pjsip.conf, iax.conf."])
    for defect in setup.defects[:_LONGEST_LIST]:
        refused = " Asterisk refuses the file for it." if defect.refused else ""
        _say([f"{defect.place}: {defect.text}.{refused}"])


def _forecasts(advised: Advised) -> None:
    made = {(c.wanted.option, c.wanted.value) for c in advised.changes.changes}
    chosen = [
        item
        for item in advised.chosen
        if advised.setup is None or (item.option, item.value) in made
    ]
    for (forecast, verify), items in groupby(chosen, key=lambda r: (r.forecast, r.verify)):
        options = ", ".join(dict.fromkeys(f"{item.option}={item.value}" for item in items))
        _say([f"{options}: {forecast}. To verify: {verify}."])


def _devices(advised: Advised) -> None:
    """What only the phone or the router can do."""
    for item in advised.report.recommendations:
        if item.file is None:
            unit = f" {item.unit}" if item.unit else ""
            _say([f"Or, in the {item.where}: {item.option}: {item.value}{unit}: {item.forecast}."])


def _json(advised: Advised, backups: dict[str, Path]) -> str:
    changes = advised.changes
    info = AdviseInfo(
        changes=[
            ConfChangeInfo(
                file=change.place.file,
                line=change.place.line,
                added=change.added,
                section=change.wanted.section,
                option=change.wanted.option,
                before=change.before,
                value=change.wanted.value,
                affects=list(change.affects),
            )
            for change in changes.changes
        ],
        chosen=[ConfSettingInfo(i.file, i.section, i.option, i.value) for i in advised.chosen],
        already=changes.already,
        contradictions=changes.contradictions,
        by_hand=changes.by_hand,
        notes=changes.notes,
        defects=[
            ConfDefectInfo(
                code=defect.code,
                file=defect.place.file,
                line=defect.place.line,
                text=defect.text,
                refused=defect.refused,
            )
            for defect in (advised.setup.defects if advised.setup else [])
        ],
        backups={name: str(path) for name, path in backups.items()},
        diff="",
    )
    whole = json_.loads(render_json(advised.report))
    whole["advise"] = plain_tree(asdict(info))
    # Not through plain_tree: it must apply. JSON escapes what is no ASCII.
    whole["advise"]["diff"] = changes.diff.decode("utf-8", "replace")
    return json_.dumps(whole, indent=2)
