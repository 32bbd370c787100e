"""The report, arranged as the page shows it: grouped, cut to what a page can hold, and counted.

Nothing here is escaped; the template does that to whatever it prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Generic, TypeVar

from sipdiag.report.model import FindingInfo, OutlookInfo, Report
from sipdiag.report.picture import Pictures
from sipdiag.report.ways import Way, ways
from sipdiag.report.words import CONFIDENCE, bounds, contact_facts

T = TypeVar("T")

ROWS = 40
"""Of any list: more prove nothing more to a reader, and the JSON report has them all."""
_EACH = 6
"""Findings of one kind that are told each by itself."""
_SUBJECTS = 60
_WAYS = 8


@dataclass(slots=True)
class Cut(Generic[T]):
    """A list as far as it is shown, and how many more there are."""

    items: list[T]
    more: int = 0


def cut(items: Iterable[T], most: int = ROWS) -> Cut[T]:
    """The first ``most`` of them."""
    every = list(items)
    return Cut(every[:most], max(0, len(every) - most))


def ways_shown(report: Report) -> Cut[Way]:
    """What to change, as far as a page holds it."""
    return cut(ways(report.recommendations), _WAYS)


@dataclass(slots=True)
class Kind:
    """Findings of one name. ``more``: the subjects of those that aren't told by themselves."""

    code: str
    name: str
    severity: str
    told: list[FindingInfo]
    more: Cut[str]


def others(report: Report) -> list[Kind]:
    """What was found beside the verdict, by name, in order of appearance."""
    root = root_of(report)
    kinds: dict[str, list[FindingInfo]] = {}
    for finding in report.findings:
        if finding is not root:
            kinds.setdefault(finding.name, []).append(finding)
    return [
        Kind(
            found[0].code,
            name,
            found[0].severity,
            found[:_EACH],
            cut((f.subject.id for f in found[_EACH:]), _SUBJECTS),
        )
        for name, found in kinds.items()
    ]


def root_of(report: Report) -> FindingInfo | None:
    """The finding that the verdict is."""
    verdict = report.verdict
    named = [f for f in report.findings if f.name == verdict.finding]
    return next((f for f in named if f.subject.id == verdict.subject), named[0] if named else None)


SECTIONS = {
    "binding": "The binding over time",
    "settings": "Settings to change",
    "steps": "Message by message",
    "evidence": "Evidence",
    "reach": "When the way in was open",
    "media": "Media, each way",
    "others": "Also found",
    "open": "Not decided, and what to capture next",
    "differences": "All differences",
    "whatif": "What every setting would do",
    "sources": "Sources",
}
"""The page's sections and their headings, in their order."""

_LEADS = {"SD3": "media", "SD503": "steps", "SD504": "steps", "SD1": "steps", "SD402": "steps"}
"""What tells most, by the beginning of the verdict's code; else the binding over time."""


def order(report: Report, pictures: Pictures) -> list[str]:
    """The sections that have something in them: what tells most, what to do, then the rest."""
    root = root_of(report)
    comparison = report.comparison
    empty = {
        "binding": not pictures.timelines,
        "settings": not report.recommendations,
        "steps": not pictures.steps,
        "evidence": root is None or not root.evidence,
        "reach": not pictures.strips,
        "media": not pictures.media,
        "others": all(finding is root for finding in report.findings),
        "open": not report.undetermined,
        "differences": comparison is None or not comparison.differences,
        "whatif": not report.what_if,
    }
    found = [name for name in SECTIONS if not empty.get(name)]
    code = root.code if root is not None else ""
    lead = next((section for begin, section in _LEADS.items() if code.startswith(begin)), "binding")
    return sorted(found, key=lambda name: (name != lead, name != "settings"))


def sentences(text: str) -> tuple[str, str]:
    """The first sentence, and the others."""
    first, stop, rest = text.partition(". ")
    return (first + ".", rest) if stop else (text, "")


def key_facts(report: Report) -> list[tuple[str, str]]:
    """(what, how much) of the accused client: the numbers to remember."""
    subject = report.verdict.subject
    facts = []
    for lifetime in report.estimates.nat_lifetime:
        if lifetime.subject == subject:
            facts.append(("NAT binding lives", bounds(lifetime.lower_s, lifetime.upper_s)))
            if lifetime.refresh_s is not None:
                assumed = " (usual practice)" if lifetime.refresh_assumed else ""
                facts.append(("so refresh every", f"{lifetime.refresh_s} s{assumed}"))
    for registration in report.estimates.registration_interval:
        if registration.subject == subject and registration.observed_s is not None:
            facts.append(("the phone registers every", f"{registration.observed_s:.1f} s"))
    for share in report.estimates.reachable:
        if share.subject == subject and share.dead_share:
            facts.append(("way in surely closed", f"{share.dead_share:.0%} of the time"))
    return facts


def contact(report: Report) -> list[str]:
    """How the accused client is kept in reach, and what was seen of its NAT."""
    return contact_facts(report, report.verdict.subject)


@dataclass(slots=True)
class Outlooks:
    """What every setting would do for one client. ``notes`` explain the marks."""

    subject: str
    rows: list[tuple[OutlookInfo, list[str]]]
    notes: list[str]


LEGS = ("reply", "request", "audio", "binding", "inward")
MARKS = {"reaches": "gets there", "fails": "fails", "undetermined": "?"}


def outlooks(report: Report) -> Cut[Outlooks]:
    """The accused client's first."""
    found = []
    for subject, rows in groupby(report.what_if, key=lambda row: row.subject):
        every = list(rows)
        notes = dict.fromkeys(row.note for row in every if row.note)
        found.append(
            Outlooks(
                subject,
                [(row, [getattr(row, leg) or "" for leg in LEGS]) for row in every],
                list(notes),
            )
        )
    found.sort(key=lambda item: item.subject != report.verdict.subject)
    return cut(found, 3)


def labels(report: Report) -> Sequence[str]:
    """What each source is called."""
    if report.comparison is not None:
        return ("GOOD", "BAD")
    return [f"file {n}" if len(report.sources) > 1 else "file"
            for n in range(1, len(report.sources) + 1)]  # fmt: skip


def sureness(finding: FindingInfo) -> str:
    """``error, high confidence``."""
    return f"{finding.severity}, {CONFIDENCE[finding.confidence]}"
