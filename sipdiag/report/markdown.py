"""The report as Markdown, fit for a forum or an issue.

Contract: CommonMark with GitHub's tables; no HTML, no links, no images, whatever the capture holds.
Wire text passes ``safe.plain`` and is then escaped; a word that GitHub or a forum would link, or
take for a mention, stands in a code span. Settings stand in fenced blocks, with a fence longer
than any in them, so that they can be copied as they are. Lists are cut to what a post can hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby, zip_longest

from sipdiag.report.model import (
    DivergenceInfo,
    FindingInfo,
    LifetimeInfo,
    Report,
    SideInfo,
    SourceInfo,
)
from sipdiag.report.safe import plain
from sipdiag.report.ways import Way, ways
from sipdiag.report.words import (
    CONFIDENCE,
    EVIDENCE_SHOWN,
    ROLES,
    bounds,
    held,
    keepalive_facts,
    router_facts,
    where,
)

_MOST_ROWS = 30
"""Of each list: GitHub takes 65,536 characters a post."""
_LONGEST = 1000
"""Characters of one wire text."""

_WORD = re.compile(r"[^\s`]+")
_LINKED = re.compile(
    r"@|://|www\.|(?<![\w-])[\w-]+\.[A-Za-z]{2,}(?!\w)|(?<!\w)#\d|mailto:|xmpp:"
    r"|:[A-Za-z0-9_+-]{1,32}:|\b(?=\d*[a-f])[0-9a-f]{7,40}\b",
    re.IGNORECASE,
)
"""What GitHub (GFM section 6.9: mentions, references, commits, emoji, too) or a forum makes
something of."""
_SPECIAL = re.compile(r"[\\`*_\[\]<>|~&$]")
_BEHIND = re.compile(r"(?<![,;:.!?)'\"])[,;:.!?)'\"]+$")


def render(report: Report, *, quiet: bool = False, what_if: bool = False) -> str:
    """The report as one Markdown text. ``quiet``: the verdict only."""
    parts = _verdict(report)
    if not quiet:
        for block in (
            _sources(report),
            _timeline(report),
            _divergence(report),
            _evidence(report),
            _settings(report),
            _others(report),
            _contact(report),
            _what_if(report) if what_if else [],
            _undetermined(report),
            _differences(report),
            _footer(report),
        ):
            parts += block
    return "\n\n".join(parts) + "\n"


def text(wire: str) -> str:
    """Wire text within a line, not at its beginning: shown as it is, doing nothing."""
    shown = plain(wire, longest=_LONGEST)
    out, at = [], 0
    for match in _WORD.finditer(shown):
        if not _LINKED.search(match[0]):
            continue
        behind = _BEHIND.search(match[0])
        end = match.end() - (len(behind[0]) if behind else 0)
        if end <= match.start():
            continue
        out += [_escaped(shown[at : match.start()]), code(shown[match.start() : end])]
        at = end
    return "".join([*out, _escaped(shown[at:])])


def _prose(sentence: str) -> str:
    """A sentence of ours, in which backticks mark what to type."""
    shown = plain(sentence, longest=_LONGEST)
    parts = re.split(r"`([^`]+)`", shown)
    return "".join(code(part) if n % 2 else text(part) for n, part in enumerate(parts))


def _escaped(shown: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", shown)


def code(shown: str) -> str:
    """A code span round a text that was made ``plain``, whatever backticks are in it."""
    fence = "`" * (_longest_run(shown) + 1)
    pad = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def _longest_run(shown: str) -> int:
    return max((len(run) for run in re.findall("`+", shown)), default=0)


def _fenced(lines: Iterable[str], kind: str = "") -> str:
    body = "\n".join(lines)
    fence = "`" * max(3, _longest_run(body) + 1)
    return f"{fence}{kind}\n{body}\n{fence}"


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are Markdown already; a ``|`` in a code span wants escaping in a table."""
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for row in rows:
        cells = (re.sub(r"(?<!\\)\|", r"\\|", cell) for cell in row)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _cut(count: int) -> list[str]:
    return [f"... and {count - _MOST_ROWS} more"] if count > _MOST_ROWS else []


def _root(report: Report) -> FindingInfo | None:
    return next((f for f in report.findings if f.name == report.verdict.finding), None)


def _verdict(report: Report) -> list[str]:
    root = _root(report)
    summary = f"**{text(report.verdict.summary.strip())}**"
    if root is None:
        return [summary]
    return [f"### {_name(root)}, {root.severity}, {CONFIDENCE[root.confidence]}", summary]


def _name(finding: FindingInfo) -> str:
    return f"`{finding.name}` ({finding.code})"


def _sources(report: Report) -> list[str]:
    labels = ["GOOD", "BAD"] if report.comparison is not None else ["file"] * len(report.sources)
    rows = [
        (label, _code(where(source.name, None, None)), _counts(source))
        for label, source in zip_longest(labels, report.sources[:_MOST_ROWS], fillvalue="file")
        if isinstance(source, SourceInfo)
    ]
    notes = [
        f"- {_code(where(source.name, None, None))}: {text(note)}"
        for source in report.sources[:_MOST_ROWS]
        for note in source.notes[:_MOST_ROWS]
    ]
    tables = [_table(("", "file", "holds"), rows)] if rows else []
    return tables + (["\n".join(notes)] if notes else [])


def _counts(source: SourceInfo) -> str:
    return held(source) + ("; cut off: analysed up to the cut" if source.truncated else "")


_BAR = 40


def _timeline(report: Report) -> list[str]:
    """What got through and what didn't, by the seconds since the phone's last packet."""
    root = _root(report)
    lifetime = next(
        (e for e in report.estimates.nat_lifetime if e.subject == report.verdict.subject), None
    )
    if root is None or root.name != "nat-binding-expired" or lifetime is None:
        return []
    rows = _ages(lifetime)
    most = max(age for _, age, _ in rows)
    lines = ["seconds since its last packet", ""]
    for label, age, what in rows:
        bar = "=" * max(round(_BAR * age / most) - 1, 0) + "|"
        lines.append(f"{label:<10} {bar:<{_BAR}} {age:6.1f} s  {what}".rstrip())
    return [
        f"Lifetime of the binding: **{bounds(lifetime.lower_s, lifetime.upper_s)}**. Something "
        f"must cross the NAT every **{lifetime.refresh_s} s**.",
        _fenced(lines, "text"),
    ]


def _ages(lifetime: LifetimeInfo) -> list[tuple[str, float, str]]:
    rows: list[tuple[str, float, str]] = []
    if lifetime.refresh_s is not None:
        rows.append(("refresh", float(lifetime.refresh_s), "proposed"))
    if lifetime.lower_s is not None:
        rows.append(("worked", lifetime.lower_s, f"{lifetime.survived_count} seen up to here"))
    if lifetime.upper_s is not None:
        rows.append(("lost", lifetime.upper_s, f"{lifetime.failed_count} seen from here on"))
    return rows


def _divergence(report: Report) -> list[str]:
    if report.comparison is None:
        return []
    divergence = report.comparison.first_divergence
    if divergence is None:
        same = report.comparison.paired
        return [
            "### First divergence",
            "Every step of BAD went as in GOOD." if same else "No session in common.",
        ]
    return [f"### First divergence: {text(divergence.step)}", _sides(divergence)]


def _sides(divergence: DivergenceInfo) -> str:
    good, bad = divergence.good, divergence.bad
    names = dict.fromkeys([*good.facts, *bad.facts])
    rows = [
        (
            f"{text(name)}: {text(good.facts.get(name, '-'))}",
            f"**{text(name)}: {text(bad.facts.get(name, '-'))}**",
        )
        for name in names
        if good.facts.get(name) != bad.facts.get(name)
    ]
    shown = zip_longest(good.messages[:_MOST_ROWS], bad.messages[:_MOST_ROWS], fillvalue="")
    rows += [(_code(one), _code(other)) for one, other in shown]
    return _table((f"GOOD, {_place(good)}", f"BAD, {_place(bad)}"), rows)


def _place(side: SideInfo) -> str:
    return text(where(side.source, side.frame, side.line))


def _code(wire: str) -> str:
    shown = plain(wire, longest=_LONGEST)
    return code(shown) if shown.strip() else ""


def _evidence(report: Report) -> list[str]:
    root = _root(report)
    if root is None or not root.evidence:
        return []
    rows = [
        (ROLES[item.role], text(where(item.source, item.frame, item.line)), text(item.excerpt))
        for item in root.evidence[:EVIDENCE_SHOWN]
    ]
    return ["### Evidence", _table(("", "packet", "what it shows"), rows)]


def _settings(report: Report) -> list[str]:
    if not report.recommendations:
        return []
    drivers = {"chan_sip": "chan\\_sip", "chan_pjsip": "PJSIP"}
    version = f"Asterisk {text(report.asterisk)}" if report.asterisk else "Asterisk"
    driver = f" ({drivers[report.driver]})" if report.driver in drivers else ""
    parts = [f"### Settings to change, for {version}{driver}"]
    for number, way in enumerate(ways(report.recommendations), start=1):
        parts += _way(number, way)
    return parts


def _way(number: int, way: Way) -> list[str]:
    """One of several ways, of which any does; or what cures another client."""
    parts = []
    lead = f"**{number}.** " + ("Or " if way.other else "")
    for title, lines in way.blocks:
        parts.append(f"{lead}{text(title)}{':' if lines else ''}")
        if lines:
            parts.append(_fenced([plain(line) for line in lines], "ini"))
        lead = "and "
    return [*parts, "\n".join(f"- {label}: {_prose(sentence)}" for label, sentence in way.notes)]


def _others(report: Report) -> list[str]:
    others = [f for f in report.findings if f.name != report.verdict.finding]
    if not others:
        return []
    lines = []
    for finding in others[:_MOST_ROWS]:
        cause = f", follows from `{finding.caused_by}`" if finding.caused_by else ""
        sure = f"{finding.severity}, {CONFIDENCE[finding.confidence]}{cause}"
        lines.append(f"- {_name(finding)}, {sure}: {text(finding.message)}")
    return ["### Also found", "\n".join(lines), *_cut(len(others))]


def _contact(report: Report) -> list[str]:
    """How the accused client is kept in reach, and what was seen of its NAT."""
    subject = report.verdict.subject
    lines = [
        f"- {text(keepalive_facts(kept))}"
        for kept in report.estimates.keepalives
        if kept.subject == subject
    ]
    for share in (r for r in report.estimates.reachable if r.subject == subject):
        lines.append(
            f"- in {share.span_s:.0f} s the binding was surely alive for {share.alive_share:.0%} "
            f"of the time, surely dead for {share.dead_share:.0%}"
        )
    for router in (r for r in report.estimates.routers if subject in r.clients):
        lines.append(f"- {text(router_facts(router))}")
    return ["### What keeps the binding open", "\n".join(lines)] if lines else []


_LEGS = {"reaches": "ok", "fails": "**fails**", "undetermined": "?"}


def _what_if(report: Report) -> list[str]:
    parts: list[str] = []
    for subject, outlooks in groupby(report.what_if, key=lambda row: row.subject):
        rows = []
        for row in outlooks:
            legs = (row.reply, row.request, row.audio, row.binding, row.inward)
            marks = [_LEGS.get(leg, "") if leg else "-" for leg in legs]
            device = f"{row.where}: " if row.where in ("phone", "router") else ""
            chosen = " **<- the mildest that reaches**" if row.recommended else ""
            rows.append((_code(device + row.setting) + chosen, *marks))
        heads = ("setting", "reply", "request", "audio", "binding", "inward")
        parts += [f"### What if, for {text(subject)}", _table(heads, rows)]
        if len(parts) >= _MOST_ROWS:
            break
    return parts


def _undetermined(report: Report) -> list[str]:
    if not report.undetermined:
        return []
    lines = [
        f"- `{item.name}` ({item.code}), {text(item.subject.id)}: {text(item.reason)}. "
        f"What would decide it: {_prose(item.capture_next)}."
        for item in report.undetermined[:_MOST_ROWS]
    ]
    head = "### Not decided by these packets, and what to capture next"
    return [head, "\n".join(lines), *_cut(len(report.undetermined))]


def _differences(report: Report) -> list[str]:
    if report.comparison is None or not report.comparison.differences:
        return []
    found = report.comparison.differences
    rows = [(text(row.what), text(row.good), text(row.bad)) for row in found[:_MOST_ROWS]]
    return ["### All differences", _table(("", "GOOD", "BAD"), rows), *_cut(len(found))]


def _footer(report: Report) -> list[str]:
    caps = f" Caps reached: {', '.join(map(text, report.limits_hit))}." if report.limits_hit else ""
    return [f"Made by sipdiag {text(report.tool.get('version', ''))}, times in UTC.{caps}"]
