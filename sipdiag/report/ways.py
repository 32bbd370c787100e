"""What to change, as every renderer tells it: clients that want the same settings told once.

Nothing here is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from sipdiag.report.model import RecommendationInfo
from sipdiag.report.words import UNITS

_ALL = "[general]"
"""The section whose options hold for every client."""
_PASTED = 100
"""Sections of one text to paste."""

Notes = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Way:
    """One of several ways to cure it, or what cures another client. ``blocks``: (title, lines to
    paste, if any); ``other``: it does the same as the way before it."""

    other: bool
    blocks: list[tuple[str, tuple[str, ...]]]
    notes: Notes


_Sections = tuple[tuple[str, tuple[str, ...]], ...]
"""(section, its lines) of one file."""


@dataclass(slots=True)
class _Change:
    """What one rank comes to: (title, sections) in order; ``sections`` empty for a device."""

    blocks: list[tuple[str, _Sections]]
    notes: Notes

    @property
    def alike(self) -> object:
        """The same for clients that want the same settings."""
        lines = [
            (title, [(name == _ALL, part) for name, part in sections])
            for title, sections in self.blocks
        ]
        return repr((lines, self.notes))

    @property
    def sections(self) -> set[str]:
        return {name for _, sections in self.blocks for name, _ in sections}


def ways(recommendations: Sequence[RecommendationInfo]) -> list[Way]:
    """The recommendations by rank; those of one file in one text to paste, and clients that want
    the same settings in one, too."""
    alike: dict[object, list[_Change]] = {}
    for _, items in groupby(recommendations, key=lambda item: item.rank):
        change = _change(list(items))
        alike.setdefault(change.alike, []).append(change)
    seen: set[str] = set()
    found: list[Way] = []
    for changes in alike.values():
        own = {name for name in changes[0].sections if name != _ALL}
        found.append(Way(bool(found) and own <= seen, _pasted(changes), changes[0].notes))
        seen |= {name for change in changes for name in change.sections}
    return found


def _change(items: list[RecommendationInfo]) -> _Change:
    blocks: list[tuple[str, _Sections]] = []
    for (device, file), group in groupby(items, key=lambda item: (item.where, item.file)):
        same = list(group)
        if file is None:
            for item in same:
                unit = f" {item.unit}" if item.unit else ""
                blocks.append((f"in the {device}: {item.option}: {item.value}{unit}", ()))
        else:
            blocks.append((f"in {file}", tuple(_conf(same))))
    notes = [
        (label, sentence)
        for label, sentences in (
            ("why", [item.forecast for item in items]),
            ("check", [item.verify for item in items]),
            ("undo", [item.undo for item in items]),
        )
        for sentence in dict.fromkeys(sentences)
    ]
    return _Change(blocks, tuple(notes))


def _conf(items: list[RecommendationInfo]) -> Iterable[tuple[str, tuple[str, ...]]]:
    for section, group in groupby(items, key=lambda item: item.section or ""):
        name, _, kind = section.partition(" ")
        lines = []
        for item in group:
            unit = f"   ; {UNITS.get(item.unit, item.unit)}" if item.unit else ""
            lines.append(f"{item.option}={item.value}{unit}")
        yield f"{name}   ; {kind}" if kind else name, tuple(lines)


def _pasted(changes: list[_Change]) -> list[tuple[str, tuple[str, ...]]]:
    """Blocks of changes that are alike, each section once; the rest is counted."""
    found = []
    for number, (title, _) in enumerate(changes[0].blocks):
        sections = dict(part for change in changes for part in change.blocks[number][1])
        shown: list[str] = []
        for name, lines in list(sections.items())[:_PASTED]:
            shown += [*([""] if shown else []), *([name] if name else []), *lines]
        if len(sections) > _PASTED:
            shown += ["", f"; and {len(sections) - _PASTED} more sections"]
        found.append((title, tuple(shown)))
    return found
