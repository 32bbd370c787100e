"""The advice of ``sipdiag``, carried out as an administrator would: nothing of the case is known.

Contract: ``mend(files, rows, ask)`` gives Asterisk's configuration files with the options of the
rows changed, and what each was before. A row is a recommendation of the JSON report
(``docs/json.md``). A value in angle brackets is for the administrator to fill in: ``ask`` answers
for it. ``tend(side, row)`` does to the router or the phone what a row says. Both raise LabError
where the advice can't be followed: no such file or section, or a remedy that is not known.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from .asterisk import Files
from .cases import Side
from .net import LabError

Row = Mapping[str, str | None]

_PLACE = re.compile(r"(?:\[(?P<name>[^\]]+)\])? ?(?:type=(?P<kind>\w+))?$")
_SECTION = re.compile(r"^\[", re.MULTILINE)
_HEAD = re.compile(r"\[(?P<name>[^\]]+)\]")
DEVICES = ("router", "phone")


@dataclass(frozen=True)
class Change:
    """One option of one section; ``before`` is None where it did not stand there. ``asked``: the
    advice left the value to the administrator."""

    file: str
    section: str
    option: str
    before: str | None
    after: str
    asked: bool

    def __str__(self) -> str:
        was = "unset" if self.before is None else self.before
        hand = " (filled in by hand)" if self.asked else ""
        return f"`{self.file}` {self.section} `{self.option}`: {was} → {self.after}{hand}"


def mend(
    files: Files, rows: Sequence[Row], ask: Callable[[Row], str]
) -> tuple[Files, list[Change]]:
    """The files with all rows for Asterisk applied, and what was changed."""
    mended = dict(files)
    changes: list[Change] = []
    for row in rows:
        file, section, option, value = (row[key] for key in ("file", "section", "option", "value"))
        if row["where"] in DEVICES or option is None or value is None:
            continue
        if file not in mended:
            raise LabError(f"the advice names {file}, which is not there")
        asked = value.startswith("<")
        after = ask(row) if asked else value
        text, before = _set(mended[file], section or "", option, after)
        mended[file] = text
        changes.append(Change(file, section or "", option, before, after, asked))
    return mended, changes


def tend(side: Side, row: Row) -> Side:
    """The side after the router or the phone was seen to."""
    match row["where"], row["option"]:
        case "router", "SIP ALG":
            return replace(side, router=replace(side.router, sip_alg=False, broken_alg=False))
        case "phone", "power and network":
            events = tuple(event for event in side.events if event.do != "power-off")
            return replace(side, events=events)
    raise LabError(f"the lab can't do this: {row['where']}, {row['option']} {row['value']}")


def _set(text: str, place: str, option: str, value: str) -> tuple[str, str | None]:
    """A configuration file with one option set; and what it was in the first section that fits."""
    wanted = _PLACE.match(place)
    starts = [match.start() for match in _SECTION.finditer(text)]
    parts = [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]
    fitting = [i for i, part in enumerate(parts) if wanted and _fits(part, wanted)]
    if not fitting:
        raise LabError(f"the advice names {place}, which is not in the file")
    line = re.compile(rf"^{re.escape(option)}\s*=>?\s*(.*)$", re.MULTILINE)
    before = [match[1] for i in fitting for match in line.finditer(parts[i])]
    for i in fitting:
        parts[i] = line.sub("", parts[i]).rstrip("\n") + f"\n{option}={value}\n"
    return text[: starts[0]] + "".join(parts), before[-1] if before else None


def _fits(part: str, wanted: re.Match[str]) -> bool:
    head = _HEAD.match(part)
    name = wanted["name"] or "<any>"
    named = name.startswith("<") or (head is not None and head["name"] == name)
    kind = wanted["kind"]
    return named and (kind is None or re.search(rf"^type\s*=\s*{kind}$", part, re.M) is not None)
