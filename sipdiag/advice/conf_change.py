"""One option changed in the administrator's own files: where, and what it would do.

A change is made where the option is set, or put behind the last line of its section. It counts
only if the files, read again with it, say what was wanted: so whatever else stands in the way
(templates, includes, lines that add up) is found by trying, not by rules. Of several places the
first is taken that changes nothing for other clients.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from sipdiag.advice.conf_diff import Edits, edited, gives_away
from sipdiag.asterisk.conf import Place, Setting
from sipdiag.asterisk.conf_setup import DEFAULTS, GENERAL_ONLY, Entity, Part, Setup, read_setup
from sipdiag.asterisk.conf_values import NatMode, is_false, is_true, nat_mode, number

_SEPARATOR = re.compile(rb"\s*=>?\s*")
_KIND = re.compile(r"type=(\w+)")


class Wanted(NamedTuple):
    """An option to set. ``section``: as recommendations name it, ``[101] type=aor``."""

    where: str
    file: str
    section: str
    option: str
    value: str

    @property
    def name(self) -> str:
        """The section's own name."""
        return self.section.partition("]")[0].lstrip("[")

    @property
    def kind(self) -> str:
        """Of which kind of object it is an option."""
        found = _KIND.search(self.section)
        return found[1] if found else self.where

    @property
    def open(self) -> bool:
        """Whether something is left for a person to fill in."""
        return "<" in self.value or "<" in self.name


class Change(NamedTuple):
    """What was done for one ``Wanted``. ``before``: what counted, None where nothing was written.
    ``affects``: other clients for which it changes, too."""

    wanted: Wanted
    place: Place
    added: bool
    before: str | None
    affects: list[str]


@dataclass(slots=True)
class Desk:
    """The files as they are, and the changes made so far. Line numbers are those of the files as
    they are."""

    setup: Setup
    edits: dict[str, Edits] = field(default_factory=dict)
    now: Setup = field(init=False)
    """As it would be read with the changes."""

    def __post_init__(self) -> None:
        self.now = self.setup

    def contents(self, edits: dict[str, Edits] | None = None) -> dict[str, bytes]:
        """Every changed file, whole."""
        chosen = self.edits if edits is None else edits
        files = self.setup.files
        return {name: edited(files[name].raw_lines, each) for name, each in chosen.items()}

    def make(self, wanted: Wanted) -> Change | None:
        """Makes one change; None where no place was found at which it does what it should."""
        part = part_of(self.setup, wanted)
        if part is None:
            return None
        best: tuple[Change, dict[str, Edits], Setup] | None = None
        before = part_of(self.now, wanted)
        old = found if before and (found := before.find(wanted.option)) else None
        for place, new, added in _candidates(self.setup, part, wanted):
            edits = {name: dict(each) for name, each in self.edits.items()}
            lines = self.setup.files[place.file].raw_lines
            _put(edits.setdefault(place.file, {}), lines, place.line, new, added=added)
            if gives_away(lines, edits[place.file]):
                continue
            then = read_setup(
                self.setup.folder.with_changes(self.contents(edits)), self.now.version
            )
            if not holds(then, wanted):
                continue
            others = _affected(self.now, then, wanted)
            change = Change(wanted, place, added, old.value if old else None, others)
            if best is None or len(others) < len(best[0].affects):
                best = change, edits, then
            if not others or part.section.name.lower() == "general" or part.section.template:
                break
        if best is None:
            return None
        change, self.edits, self.now = best
        return change


def part_of(setup: Setup, wanted: Wanted) -> Part | None:
    """The section that an option belongs to; None where there is none."""
    if wanted.option in GENERAL_ONLY.get(wanted.where, ()) or wanted.name.lower() == "general":
        section = setup.section(wanted.file, "general")
        return Part(wanted.where, section) if section else None
    entity = entity_of(setup, wanted)
    if entity is not None:
        return entity.part(wanted.kind)
    for part in setup.objects:
        same = part.kind == wanted.kind and part.section.name.lower() == wanted.name.lower()
        if wanted.where == "pjsip" and same:
            return part
    config = setup.configs.get(wanted.file)
    sections = [s for s in config.sections if s.name == wanted.name] if config else []
    return Part(wanted.kind, sections[-1]) if sections else None


def entity_of(setup: Setup, wanted: Wanted) -> Entity | None:
    """The client that a section's name means; an AOR's leads to its endpoint."""
    found = setup.find(wanted.where, wanted.name)
    if found is None and wanted.where == "pjsip":
        name = wanted.name.lower()
        holders = [
            entity
            for entity in setup.of("pjsip")
            if any(p.kind == "aor" and p.section.name.lower() == name for p in entity.parts)
        ]
        found = holders[0] if len(holders) == 1 else None
    return found


def holds(setup: Setup, wanted: Wanted) -> bool:
    """Whether an option has just the value that is wanted."""
    if wanted.option == "nat":
        mode = nat_mode(wanted.value, version=setup.version)
        mine = _nat(setup, wanted)
        return mine is not None and (mine.rport, mine.comedia) == (mode.rport, mode.comedia)
    part = part_of(setup, wanted)
    found = part.find(wanted.option) if part else None
    return found is not None and found.value == wanted.value


def _nat(setup: Setup, wanted: Wanted) -> NatMode | None:
    if wanted.name.lower() == "general":
        general = setup.general("chan_sip")
        return general.nat() if general else None
    entity = entity_of(setup, wanted)
    if entity is not None:
        return entity.nat()
    part = part_of(setup, wanted)
    lines = part.all("nat") if part else []
    return nat_mode(*(s.value for s in lines), version=setup.version) if lines else None


def suits(setup: Setup, wanted: Wanted) -> Setting | bool:
    """Whether the files do already what is wanted, or more of it: the line that says so (True:
    a default), or False."""
    entity = entity_of(setup, wanted)
    part = part_of(setup, wanted)
    if part is None:
        return False
    found = part.find(wanted.option)
    if entity is not None and wanted.name.lower() != "general":
        found = entity.get(wanted.option, _asked_kind(wanted)).setting
    if wanted.option == "nat":
        mode, mine = nat_mode(wanted.value, version=setup.version), _nat(setup, wanted)
        good = mine is not None and mine.rport >= mode.rport and mine.comedia >= mode.comedia
        return (found or True) if good else False
    value = found.value if found else DEFAULTS.get(wanted.kind, {}).get(wanted.option, "")
    return (found or True) if _does(wanted, value) else False


def _asked_kind(wanted: Wanted) -> str | None:
    return wanted.kind if wanted.where == "pjsip" else None


def _does(wanted: Wanted, value: str) -> bool:
    if wanted.option == "qualify":
        return value.lower() == "yes" or (number(value) or 0) > 0
    if is_true(wanted.value) and not wanted.value.isdigit():
        return is_true(value)
    if is_false(wanted.value) and not wanted.value.isdigit():
        return is_false(value)
    now, then = number(value), number(wanted.value)
    if now is None or then is None:
        return value == wanted.value
    if wanted.option.startswith("qualify"):
        return then / 2 <= now <= then
    if wanted.option.startswith("min"):
        return now <= then
    return now == then


def _candidates(
    setup: Setup, part: Part, wanted: Wanted
) -> Iterator[tuple[Place, list[bytes], bool]]:
    """Places and lines, the best first: in the line that sets it, behind the section's last line,
    behind its header."""
    files = setup.files
    found = part.find(wanted.option)
    value = wanted.value.encode("utf-8", "surrogateescape")
    if found is not None and found.origin is None and not found.appended:
        raw = files[found.place.file].raw_lines[found.place.line - 1]
        begin, end = found.span
        yield found.place, [raw[:begin] + value + raw[end:]], False
    head = part.section.heads[-1]
    own = [
        s
        for s in part.section.settings
        if s.origin is None and s.place.file == head.file and s.place.line > head.line
    ]
    last = max(own, key=lambda s: s.place.line, default=None)
    name = part.spelt(wanted.option)[0]
    for place in dict.fromkeys([last.place if last else head, head]):
        raw_lines = files[place.file].raw_lines
        made = _written(raw_lines, place, last, name, value)
        yield place, [made], True
        if wanted.option == "nat":
            yield place, [_written(raw_lines, place, last, name, b"no"), made], True


def _written(
    raw_lines: list[bytes], place: Place, like: Setting | None, name: str, value: bytes
) -> bytes:
    """A new line, with the blanks, the sign and the end that its neighbours have."""
    end = b"\r\n" if raw_lines[0].endswith(b"\r\n") else b"\n"
    indent, sign = b"", b"="
    if like is not None:
        raw = raw_lines[like.place.line - 1]
        own = like.name.encode("utf-8", "surrogateescape")
        indent = raw[: len(raw) - len(raw.lstrip(b" \t"))]
        between = raw[len(indent) + len(own) : like.span[0]]
        if raw[len(indent) :].startswith(own) and _SEPARATOR.fullmatch(between):
            sign = between if like.value else b"="
    return indent + name.encode() + sign + value + end


def _put(edits: Edits, lines: list[bytes], line: int, new: list[bytes], *, added: bool) -> None:
    now = edits.get(line, [lines[line - 1]])
    edits[line] = [*now, *new] if added else [*new, *now[1:]]


def _affected(before: Setup, after: Setup, wanted: Wanted) -> list[str]:
    """Other clients of the same driver for which the option changes, too."""
    target = entity_of(before, wanted)
    pairs = zip(before.of(wanted.where), after.of(wanted.where), strict=False)
    return [
        old.name
        for old, new in pairs
        if (target is None or old.name != target.name) and _differs(old, new, wanted)
    ]


def _differs(old: Entity, new: Entity, wanted: Wanted) -> bool:
    if wanted.option == "nat":
        return old.nat() != new.nat()
    kind = _asked_kind(wanted)
    return old.get(wanted.option, kind).value != new.get(wanted.option, kind).value
