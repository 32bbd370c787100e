"""The report on a terminal, 80 columns or more, or as plain text where it is piped.

The verdict stands first, in one sentence; then how sure it is, where GOOD and BAD part, the
evidence, and the settings, which are never wrapped or indented by more than blanks, so that they
can be pasted. Wire text passes ``safe.plain`` and is never taken for rich's markup.
"""

from __future__ import annotations

import io
import re
from itertools import groupby, zip_longest

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sipdiag.report.model import (
    DivergenceInfo,
    EvidenceInfo,
    FindingInfo,
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
    contact_facts,
    held,
    where,
)

_COLOURS = {"error": "bold red", "warning": "bold yellow", "info": "cyan"}


def render(report: Report, console: Console, *, quiet: bool = False, what_if: bool = False) -> None:
    """Prints the report. ``quiet``: the verdict's sentence and name only. ``what_if``: the table of
    what every setting would do."""
    for part in _verdict(report):
        console.print(part)
    if quiet:
        return
    for block in (
        _sources(report),
        _crossings(report),
        _divergence(report),
        _evidence(report),
        _other_findings(report),
        _settings(report),
        _what_if(report) if what_if else None,
        _contact(report),
        _undetermined(report),
        _differences(report),
    ):
        if block is not None:
            console.print()
            console.print(block)


def render_text(
    report: Report, width: int = 80, *, quiet: bool = False, what_if: bool = False
) -> str:
    """The report as text without colour, at most ``width`` columns wide, no blanks at line ends."""
    out = io.StringIO()
    render(report, make_console(out, width=width), quiet=quiet, what_if=what_if)
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())


def make_console(file: io.TextIOBase | None = None, width: int | None = None) -> Console:
    """A console that takes every text as it is: no markup, no emoji, no highlighting."""
    return Console(
        file=file,  # type: ignore[arg-type]
        width=width,
        markup=False,
        emoji=False,
        highlight=False,
        soft_wrap=False,
    )


def _head(title: str, note: str = "") -> Text:
    text = Text.assemble((title.upper(), "bold"))
    if note:
        text.append(f"  {plain(note)}", style="dim")
    return text


def _indent(part: RenderableType, by: int = 2) -> Padding:
    return Padding(part, (0, 0, 0, by))


def _verdict(report: Report) -> list[RenderableType]:
    verdict = report.verdict
    root = next((f for f in report.findings if f.name == verdict.finding), None)
    if root is None:
        return [Text(plain(verdict.summary), style="bold green")]
    name = Text.assemble(
        (f"{root.name} ({root.code})", _COLOURS[root.severity]),
        f", {root.severity}, {CONFIDENCE[root.confidence]}",
    )
    parts: list[RenderableType] = [Text(plain(verdict.summary), style="bold"), Text(""), name]
    lifetime = next(
        (e for e in report.estimates.nat_lifetime if e.subject == verdict.subject), None
    )
    if root.name == "nat-binding-expired" and lifetime is not None:
        parts.append(
            Text(
                f"Lifetime of the binding: {bounds(lifetime.lower_s, lifetime.upper_s)}. "
                f"Re-register, or let anything else cross the NAT, every {lifetime.refresh_s} s."
            )
        )
    return parts


def _sources(report: Report) -> RenderableType:
    labels = ["GOOD", "BAD"] if report.comparison is not None else ["file"] * len(report.sources)
    table = Table.grid(padding=(0, 2, 0, 0))
    for label, source in zip(labels, report.sources, strict=False):
        table.add_row(Text(label, style="dim"), _source(source))
    return table


def _source(source: SourceInfo) -> Text:
    text = Text(plain(source.name))
    text.append(f": {held(source)}", style="dim")
    if source.truncated:
        text.append("; cut off: analysed up to the cut", style="yellow")
    for note in source.notes:
        text.append(f"\n{plain(note)}", style="yellow")
    return text


def _crossings(report: Report) -> RenderableType | None:
    if not report.crossings:
        return None
    rows: list[RenderableType] = [_head("the same messages in two inputs")]
    for crossing in report.crossings:
        near, far = (name.rpartition("/")[2] for name in (crossing.near, crossing.far))
        text = Text.assemble((f"{plain(near)} and {plain(far)}", "bold"))
        text.append(f": {crossing.matched_count} messages seen in both")
        if crossing.changed_count:
            fields = ", ".join(crossing.changed_fields or [])
            text.append(f", {crossing.changed_count} of them changed on the way ({plain(fields)})")
        elif crossing.changed_count == 0:
            text.append(", every one the same byte for byte")
        if crossing.far_only_count or crossing.near_only_count:
            text.append(
                f"; {crossing.far_only_count} only in {plain(far)}, "
                f"{crossing.near_only_count} only in {plain(near)}"
            )
        if abs(crossing.clock_ahead_s) >= 0.001:
            text.append(f"; the clock of {plain(far)} is {crossing.clock_ahead_s:+.3f} s ahead")
        rows.append(_indent(text))
    return Group(*rows)


def _divergence(report: Report) -> RenderableType | None:
    comparison = report.comparison
    if comparison is None:
        return None
    if comparison.first_divergence is None:
        same = "every step of BAD went as in GOOD" if comparison.paired else "no session in common"
        return Group(_head("first divergence"), _indent(Text(same)))
    return _sides(comparison.first_divergence)


def _sides(divergence: DivergenceInfo) -> RenderableType:
    good, bad = divergence.good, divergence.bad
    table = Table.grid(padding=(0, 3, 0, 0), expand=True)
    table.add_column(ratio=1)
    table.add_column(ratio=1)
    left, right = _side_head("GOOD", good), _side_head("BAD", bad)
    table.add_row(left, right)
    names = list(dict.fromkeys([*good.facts, *bad.facts]))
    for name in names:
        ours, theirs = good.facts.get(name, "-"), bad.facts.get(name, "-")
        if ours != theirs:
            table.add_row(
                Text(plain(f"{name}: {ours}"), style="green"),
                Text(plain(f"{name}: {theirs}"), style="red"),
            )
    for one, other in zip_longest(good.messages, bad.messages, fillvalue=""):
        table.add_row(Text(plain(one)), Text(plain(other)))
    return Group(_head("first divergence", divergence.step), _indent(table))


def _side_head(label: str, side: SideInfo) -> Text:
    text = Text.assemble((label, "bold"))
    text.append(f"  {plain(where(side.source, side.frame, side.line))}", style="dim")
    return text


def _evidence(report: Report) -> RenderableType | None:
    root = next((f for f in report.findings if f.name == report.verdict.finding), None)
    if root is None or not root.evidence:
        return None
    return Group(_head("evidence"), _indent(_evidence_table(root.evidence)))


def _evidence_table(evidence: list[EvidenceInfo]) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for item in evidence[:EVIDENCE_SHOWN]:
        place = where(item.source, item.frame, item.line)
        table.add_row(ROLES[item.role], plain(place, longest=40), Text(plain(item.excerpt)))
    return table


def _other_findings(report: Report) -> RenderableType | None:
    others = [f for f in report.findings if f.name != report.verdict.finding]
    if not others:
        return None
    rows: list[RenderableType] = [_head("also found")]
    for finding in others:
        rows.append(_indent(_finding(finding)))
    return Group(*rows)


def _finding(finding: FindingInfo) -> Text:
    text = Text.assemble((f"{finding.name} ({finding.code})", _COLOURS[finding.severity]))
    cause = f", follows from {finding.caused_by}" if finding.caused_by else ""
    text.append(f", {finding.severity}, {CONFIDENCE[finding.confidence]}{cause}: ", style="dim")
    text.append(plain(finding.message))
    return text


def _settings(report: Report) -> RenderableType | None:
    if not report.recommendations:
        return None
    drivers = {"chan_sip": "chan_sip", "chan_pjsip": "PJSIP"}
    version = f"Asterisk {report.asterisk}" if report.asterisk else "Asterisk, version not seen"
    driver = f" ({drivers[report.driver]})" if report.driver in drivers else ""
    rows: list[RenderableType] = [_head("settings to change", f"for {version}{driver}")]
    for number, way in enumerate(ways(report.recommendations), start=1):
        rows.append(_way(number, way))
    return Group(*rows)


def _way(number: int, way: Way) -> RenderableType:
    parts: list[RenderableType] = []
    lead = f"{number}. " + ("or " if way.other else "")
    for title, lines in way.blocks:
        parts.append(Text(plain(f"{lead}{title}{':' if lines else ''}")))
        lead = " " * (len(str(number)) + 2)
        for line in lines:
            style = "bold" if "=" in line else ""
            parts.append(
                Text(plain(f"       {line}"), style=style, no_wrap=True, overflow="ignore")
            )
    for label, sentence in way.notes:
        parts.append(_indent(Text.assemble((f"{label}: ", "dim"), plain(sentence)), 3))
    return _indent(Group(*parts))


_MARKS = {"reaches": ("ok", "green"), "fails": ("FAILS", "bold red"), "undetermined": ("?", "dim")}


def _what_if(report: Report) -> RenderableType | None:
    if not report.what_if:
        return None
    rows: list[RenderableType] = [_head("what if", "ok: gets there; ?: these packets don't decide")]
    for subject, outlooks in groupby(report.what_if, key=lambda row: row.subject):
        table = Table.grid(padding=(0, 2, 0, 0))
        for _ in range(5):
            table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        heads = ("reply", "request", "audio", "binding", "inward")
        table.add_row(*heads, Text(f"setting for {plain(subject)}", style="bold"))
        notes: dict[str, None] = {}
        for row in outlooks:
            legs = [row.reply, row.request, row.audio, row.binding, row.inward]
            marks = [Text(*_MARKS[leg]) if leg else Text("-") for leg in legs]
            device = f"{row.where}: " if row.where in ("phone", "router") else ""
            chosen = "   <- the mildest that reaches" if row.recommended else ""
            table.add_row(*marks, Text(plain(device + row.setting + chosen)))
            notes.update(dict.fromkeys(note for note in re.split(r"[;.] ", row.note) if note))
        rows.append(_indent(table))
        rows.append(Text(""))
        rows += [_indent(Text(plain(f"- {note}"), style="dim")) for note in notes]
    return Group(*rows)


def _contact(report: Report) -> RenderableType | None:
    """How the accused client is kept in reach; of a healthy one nobody asks."""
    subject = report.verdict.subject
    kept = [k for k in report.estimates.keepalives if k.subject == subject]
    if subject is None or not kept:
        return None
    rows: list[RenderableType] = [_head("what keeps the binding open", subject)]
    share = next((r for r in report.estimates.reachable if r.subject == subject), None)
    if share is not None and share.dead_share:
        rows.append(
            _indent(
                Text(
                    f"In {share.span_s:.0f} s the binding was surely alive for "
                    f"{share.alive_share:.0%} of the time, surely dead for {share.dead_share:.0%}."
                )
            )
        )
    rows += [_indent(Text(plain(line))) for line in contact_facts(report, subject)]
    return Group(*rows)


def _undetermined(report: Report) -> RenderableType | None:
    if not report.undetermined:
        return None
    rows: list[RenderableType] = [_head("not decided by these packets")]
    for item in report.undetermined:
        text = Text(f"{item.name} ({item.code}), {plain(item.subject.id)}: {plain(item.reason)}. ")
        text.append(f"What would decide it: {plain(item.capture_next)}.")
        rows.append(_indent(text))
    return Group(*rows)


def _differences(report: Report) -> RenderableType | None:
    comparison = report.comparison
    if comparison is None or not comparison.differences:
        return None
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    for ratio in (5, 4, 4):
        table.add_column(ratio=ratio)
    table.add_row(Text(""), Text("GOOD", style="bold"), Text("BAD", style="bold"))
    for row in comparison.differences:
        table.add_row(Text(plain(row.what)), Text(plain(row.good)), Text(plain(row.bad)))
    return Group(_head("all differences"), _indent(table))
