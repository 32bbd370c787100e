"""Findings, estimates and advice to a ``Report``."""

from __future__ import annotations

from collections.abc import Container, Sequence

from sipdiag._version import __version__
from sipdiag.advice import (
    Outlook,
    Recommendation,
    Target,
    outlooks,
    recommend,
    recommended,
    seen_of,
)
from sipdiag.base.datagram import Source, Vantage
from sipdiag.base.interval import seconds
from sipdiag.base.limits import DEFAULT_LIMITS
from sipdiag.findings import Finding, Undetermined, Verdict
from sipdiag.findings.context import Context, peer_subject
from sipdiag.findings.model import Evidence, Subject
from sipdiag.flows.sightings import Crossing, changes_of
from sipdiag.report.estimates import estimates
from sipdiag.report.model import (
    SCHEMA,
    Comparison,
    CrossingInfo,
    EvidenceInfo,
    FindingInfo,
    OutlookInfo,
    RecommendationInfo,
    Report,
    SourceInfo,
    SubjectInfo,
    UndeterminedInfo,
    VerdictInfo,
)
from sipdiag.report.when import iso


def build(
    contexts: list[Context],
    verdicts: list[Verdict],
    sources: list[Source],
    target: Target,
    limits_hit: list[str],
    comparison: Comparison | None = None,
    crossings: Sequence[tuple[Crossing, bool]] = (),
) -> Report:
    """The report on one or several judged contexts (GOOD of a comparison not among them, though
    its source is)."""
    findings = [finding for verdict in verdicts for finding in verdict.findings]
    roots = [verdict.root for verdict in verdicts if verdict.root is not None]
    root = max(roots, key=lambda f: (f.severity, f.confidence), default=None)
    if root is not None:
        findings.sort(key=lambda f: f is not root and f.caused_by is not root)
    simulated, left_out = _simulate(contexts, target, {finding.subject for finding in findings})
    if left_out:
        limits_hit = sorted({*limits_hit, "clients_simulated"})
    undetermined = [open_ for verdict in verdicts for open_ in verdict.undetermined]
    return Report(
        schema=SCHEMA,
        tool={"version": __version__},
        sources=[_source(source) for source in sources],
        verdict=_verdict(root, undetermined, contexts),
        findings=[finding_info(finding) for finding in findings],
        undetermined=[_undetermined(item) for item in undetermined],
        estimates=estimates(contexts),
        recommendations=[_recommendation(item) for item in recommend(findings, target, simulated)],
        comparison=comparison,
        limits_hit=limits_hit,
        asterisk=str(target.version) if target.version else None,
        driver=target.driver,
        crossings=[_crossing(crossing, same_place) for crossing, same_place in crossings],
        what_if=[
            _outlook(subject, row, any(row is best for best in chosen))
            for subject, rows in simulated.items()
            for chosen in [[recommended(rows, where) for where in {row.where for row in rows}]]
            for row in rows
        ],
    )


def _simulate(
    contexts: Sequence[Context], target: Target, found: Container[Subject]
) -> tuple[dict[Subject, list[Outlook]], bool]:
    """What other settings would do for each client, by the source that saw most of its fate; those
    that something was found of go first. Whether clients were left out."""
    clients = [
        (peer_subject(peer), peer, context)
        for context in contexts
        if context.subjects.source.vantage is not Vantage.PHONE
        for peer in context.subjects.peers
    ]
    most = DEFAULT_LIMITS.clients_simulated
    if len(clients) > most:
        clients.sort(key=lambda each: each[0] not in found)
    simulated: dict[Subject, list[Outlook]] = {}
    for subject, peer, context in clients:
        if subject in simulated:
            continue
        seen = seen_of(context.reach(peer), context.subjects)
        if seen is None:
            continue
        if len(simulated) == most:
            return simulated, True
        simulated[subject] = outlooks(seen, peer.protocol, target)
    return simulated, False


def _outlook(subject: Subject, row: Outlook, chosen: bool) -> OutlookInfo:
    return OutlookInfo(
        subject.ident, row.where, row.setting, row.reply.value, row.request.value,
        row.audio.value if row.audio else None, row.binding.value, row.overall.value, chosen,
        row.note, row.inward.value if row.inward else None,
    )  # fmt: skip


def _crossing(crossing: Crossing, same_place: bool) -> CrossingInfo:
    near, far = crossing.near.source, crossing.far.source
    exact = near.bytes_exact and far.bytes_exact
    changed = [changes for m in crossing.matches if (changes := changes_of(m))] if exact else []
    fields = list(dict.fromkeys(change.what for changes in changed for change in changes))
    return CrossingInfo(
        near=near.name,
        far=far.name,
        same_place=same_place,
        clock_ahead_s=round(seconds(crossing.far_ahead_ns), 6),
        matched_count=len(crossing.matches),
        near_only_count=len(crossing.near_only),
        far_only_count=len(crossing.far_only),
        changed_count=len(changed) if exact else None,
        changed_fields=fields if exact else None,
    )


def _verdict(
    root: Finding | None, undetermined: list[Undetermined], contexts: list[Context]
) -> VerdictInfo:
    if root is not None:
        ident = root.subject.ident
        return VerdictInfo(root.name, root.code, root.confidence.word, ident, root.message)
    if all(context.subjects.source.kind == "configuration" for context in contexts):
        summary = "Nothing wrong was found in the configuration."
    elif not any(c.subjects.peers or c.subjects.calls for c in contexts):
        summary = "Nothing to diagnose: no registrations, calls or pings were found."
    elif undetermined:
        summary = "Nothing wrong was shown, but not everything could be decided (see below)."
    else:
        summary = "Nothing wrong was found."
    return VerdictInfo(None, None, None, None, summary)


def _source(source: Source) -> SourceInfo:
    return SourceInfo(
        name=source.name,
        kind=source.kind,
        vantage=source.vantage.value,
        packets=source.packets,
        sip_messages=source.sip_messages,
        iax2_frames=source.iax2_frames,
        rtp_packets=source.rtp_packets,
        first=iso(source.first_ns) if source.first_ns is not None else None,
        last=iso(source.last_ns) if source.last_ns is not None else None,
        truncated=source.truncated,
        notes=list(source.notes),
    )


def _subject(subject: Subject) -> SubjectInfo:
    return SubjectInfo(subject.kind, subject.ident)


def _evidence(evidence: Evidence) -> EvidenceInfo:
    origin = evidence.origin
    return EvidenceInfo(
        origin.source, origin.frame, origin.line,
        "" if evidence.ts_ns is None else iso(evidence.ts_ns), evidence.role, evidence.excerpt,
    )  # fmt: skip


def finding_info(finding: Finding) -> FindingInfo:
    """A finding as the report has it."""
    return FindingInfo(
        code=finding.code,
        name=finding.name,
        severity=finding.severity.word,
        confidence=finding.confidence.word,
        subject=_subject(finding.subject),
        message=finding.message,
        params=dict(finding.params),
        evidence=[_evidence(item) for item in finding.evidence],
        caused_by=finding.caused_by.name if finding.caused_by else None,
    )


def _undetermined(item: Undetermined) -> UndeterminedInfo:
    return UndeterminedInfo(
        item.code, item.name, _subject(item.subject), item.reason, item.capture_next
    )


def _recommendation(item: Recommendation) -> RecommendationInfo:
    return RecommendationInfo(**item._asdict())
