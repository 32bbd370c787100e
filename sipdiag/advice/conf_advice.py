"""From recommendations to changes in the administrator's own files.

Of each finding's alternatives the first that Asterisk can do is taken. What the files do already
is said; where that should have prevented what the traffic shows, the files aren't what Asterisk
runs with, and that is said instead of a change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from sipdiag.advice.conf_change import Change, Desk, Wanted, entity_of, holds, part_of, suits
from sipdiag.advice.conf_diff import unified_diff
from sipdiag.advice.plan import Recommendation
from sipdiag.asterisk.conf import Setting
from sipdiag.asterisk.conf_setup import Setup

_REFUTES = {
    "nat": {"SD202", "SD203", "SD204", "SD301"},
    "force_rport": {"SD202"},
    "rewrite_contact": {"SD203", "SD204"},
    "rtp_symmetric": {"SD301"},
    "qualify": {"SD501"},
    "qualifyfreq": {"SD501"},
    "qualifyfreqok": {"SD501"},
    "qualify_frequency": {"SD501"},
    "minexpiry": {"SD501"},
    "maxexpiry": {"SD501"},
    "minimum_expiration": {"SD501"},
    "maximum_expiration": {"SD501"},
    "minregexpire": {"SD501"},
    "maxregexpire": {"SD501"},
}
"""Findings that can't be there while Asterisk runs with the option as recommended."""

_SETTINGS = {"SD601", "SD602", "SD603", "SD604"}
"""Findings on lines of the files: what cures one has no alternative, and cures nothing else."""

_GENERAL = "general"
_HEAD_LINES = 20


@dataclass(slots=True)
class ConfAdvice:
    """What came of it. ``diff`` applies with ``patch -p1`` in the directory; ``contents``: the
    changed files, whole. The sentences are for people; secrets are in none of them."""

    changes: list[Change] = field(default_factory=list)
    diff: bytes = b""
    contents: dict[str, bytes] = field(default_factory=dict)
    already: list[str] = field(default_factory=list)
    contradictions: list[str] = field(default_factory=list)
    by_hand: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def choose(recommendations: Sequence[Recommendation], setup: Setup | None) -> list[Recommendation]:
    """Of each finding's alternatives the first with an option of Asterisk's, for each client that
    it is about. A way that goes through ``[general]`` cures all clients at once."""
    chosen: list[Recommendation] = []
    cured: set[tuple[str, str]] = set()
    for _, group in groupby(recommendations, key=lambda r: r.rank):
        options = [r for r in group if r.file and _here(r, setup)]
        codes = {code for r in options for code in r.addresses}
        names = {_name(r) for r in options} - {_GENERAL}
        if not codes & _SETTINGS:
            touched = {code for code, _ in cured}
            codes = {code for code in codes if (code, _GENERAL) not in cured}
            open_ = {(c, n) for c in codes for n in names} - cured
            if not open_ and (names or codes <= touched):
                continue
        chosen += options
        cured |= {(code, name) for code in codes for name in names or {_GENERAL}}
    return list({(r.file, r.section, r.option): r for r in reversed(chosen)}.values())[::-1]


def _name(recommendation: Recommendation) -> str:
    return _wanted(recommendation).name


def _here(recommendation: Recommendation, setup: Setup | None) -> bool:
    """Whether the driver that it is for is the one that the client is configured in. Where
    neither knows the client, both are kept."""
    if setup is None or recommendation.where == "iax2":
        return True
    wanted = _wanted(recommendation)
    if wanted.name.lower() == "general" or wanted.kind == "transport":
        return wanted.file in setup.configs
    other = "pjsip" if wanted.where == "chan_sip" else "chan_sip"
    known = part_of(setup, wanted) is not None
    return known or entity_of(setup, wanted._replace(where=other)) is None


def _wanted(item: Recommendation) -> Wanted:
    return Wanted(item.where, item.file or "", item.section or "", item.option, item.value)


def advise(
    recommendations: Iterable[Recommendation], setup: Setup, *, seen_until_ns: int | None = None
) -> ConfAdvice:
    """The changes that the recommendations come to in these files. ``seen_until_ns``: when the
    traffic ended, to tell whether a file was changed since."""
    advice, desk = ConfAdvice(), Desk(setup)
    chosen = choose(list(recommendations), setup)
    for _, group in groupby(chosen, key=lambda r: (r.rank, _name(r))):
        _one_way(list(group), advice, desk, seen_until_ns)
    files = setup.files
    advice.diff = b"".join(
        unified_diff(name, files[name].raw_lines, edits) for name, edits in desk.edits.items()
    )
    advice.contents = desk.contents()
    advice.notes += _notes(setup, advice)
    return advice


def _one_way(
    group: list[Recommendation], advice: ConfAdvice, desk: Desk, seen_until_ns: int | None
) -> None:
    """The options of one client and one cure."""
    done: list[tuple[Recommendation, Setting | None]] = []
    todo: list[Recommendation] = []
    for item in group:
        found = suits(desk.now, _wanted(item))
        if set(item.addresses) & _SETTINGS and not holds(desk.now, _wanted(item)):
            found = False
        if found is False or _wanted(item).open:
            todo.append(item)
        else:
            done.append((item, found if isinstance(found, Setting) else None))
    codes = {code for item in group for code in item.addresses}
    refuted = [
        (item, line) for item, line in done if codes & _REFUTES.get(item.option, frozenset())
    ]
    for item, line in done:
        advice.already.append(f"{_says(item, line)}: already so.")
    if refuted and not todo:
        advice.contradictions.append(_contradiction(refuted, codes, desk, seen_until_ns))
    for item in todo:
        _change(item, advice, desk)


def _says(item: Recommendation, line: Setting | None) -> str:
    if line is None:
        return f"{item.option} for {item.section} is not written, and its default suits"
    return f"{line.place} says {line.name}={line.value} for {item.section}"


def _contradiction(
    refuted: list[tuple[Recommendation, Setting | None]],
    codes: set[str],
    desk: Desk,
    seen_until_ns: int | None,
) -> str:
    said = " and ".join(_says(item, line) for item, line in refuted)
    files = desk.setup.files
    later = [
        line.place.file
        for _, line in refuted
        if line and seen_until_ns and files[line.place.file].mtime_ns > seen_until_ns
    ]
    if later:
        why = (
            f"{later[0]} was changed after the capture was made. Reload if that wasn't done, and "
            "make a new capture."
        )
    else:
        why = (
            "So Asterisk doesn't run with these lines: it wasn't reloaded since they were written, "
            "or reads another directory, or took the client for another peer. `sip show peer`, "
            "`pjsip show endpoint` and `iax2 show peer` say what it runs with."
        )
    return f"{said}. But the traffic shows {', '.join(sorted(codes))}. {why}"


def _change(item: Recommendation, advice: ConfAdvice, desk: Desk) -> None:
    wanted = _wanted(item)
    if wanted.open:
        advice.by_hand.append(_to_fill_in(wanted, desk.setup))
        return
    if wanted.option == "nat" and wanted.where == "chan_sip":
        made = _nat(wanted, desk)
    else:
        made = [change] if (change := desk.make(wanted)) is not None else []
    if made:
        advice.changes += made
    elif part_of(desk.setup, wanted) is None:
        advice.by_hand.append(
            f"No section for {item.section} was found in {item.file}: put {item.option}="
            f"{item.value} where the client is configured (a database, or another file)."
        )
    else:
        advice.by_hand.append(
            f"{item.option}={item.value} for {item.section} in {item.file}: no place was found at "
            "which the line does that and the diff shows no secret. Set it by hand."
        )


def _nat(wanted: Wanted, desk: Desk) -> list[Change]:
    """``nat`` belongs into ``[general]`` (a peer's that differs tells outsiders its name), and
    into the peer's section only where that has its own."""
    made = []
    general = wanted._replace(section="[general]")
    if wanted.name.lower() != "general" and suits(desk.now, general) is False:
        entity = entity_of(desk.now, wanted)
        if entity is not None and desk.now.general("chan_sip") is not None:
            made = [change] if (change := desk.make(general)) is not None else []
    if suits(desk.now, wanted) is False:
        change = desk.make(wanted)
        if change is None:
            return []
        made.append(change)
    return made


def _to_fill_in(wanted: Wanted, setup: Setup) -> str:
    part = part_of(setup, wanted)
    found = part.find(wanted.option) if part else None
    now = ""
    if found is not None:
        now = f" ({found.place} sets it now)"
    elif part is not None:
        now = f" ({part.section.heads[-1]} begins the section)"
    return f"{wanted.file} {wanted.section}: {wanted.option}={wanted.value}{now}"


def _notes(setup: Setup, advice: ConfAdvice) -> list[str]:
    notes = []
    for change in advice.changes:
        if change.affects:
            others = ", ".join(change.affects[:8]) + (" ..." if len(change.affects) > 8 else "")
            notes.append(
                f"{change.wanted.option} in {change.place.file} changes for {others}, too."
            )
    for name in dict.fromkeys(change.place.file for change in advice.changes):
        head = b"".join(setup.files[name].raw_lines[:_HEAD_LINES]).lower()
        if b"auto-generated" in head or b"automatically generated" in head:
            notes.append(
                f"{name} says that it is generated: make the change in the program that writes "
                "it, or it is gone with the next run."
            )
    return notes
