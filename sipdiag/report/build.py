"""Findings, estimates and advice to a ``Report``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from sipdiag._version import __version__
from sipdiag.advice import (
    Outlook,
    Recommendation,
    Target,
    outlooks,
    recommend,
    recommended,
    refresh_interval,
    seen_of,
)
from sipdiag.base.datagram import Source, Vantage
from sipdiag.base.interval import seconds
from sipdiag.findings import Finding, Severity, Undetermined, Verdict
from sipdiag.findings.context import Context, peer_subject
from sipdiag.findings.keepalives import audit
from sipdiag.findings.model import Evidence, Subject
from sipdiag.findings.reach import Fate, Reach
from sipdiag.findings.reachable import reachable
from sipdiag.findings.routers import Router, routers
from sipdiag.flows.align import Step, StepPair, pair_peers, pair_steps, steps_of
from sipdiag.flows.sightings import Crossing, changes_of
from sipdiag.flows.subjects import Peer, Subjects
from sipdiag.report.model import (
    SCHEMA,
    Comparison,
    CrossingInfo,
    DifferenceInfo,
    DivergenceInfo,
    Estimates,
    EvidenceInfo,
    FindingInfo,
    KeepaliveInfo,
    LifetimeInfo,
    NatTestsInfo,
    OutlookInfo,
    PairInfo,
    ReachableInfo,
    RecommendationInfo,
    RegistrationInfo,
    Report,
    RouterInfo,
    SideInfo,
    SourceInfo,
    SubjectInfo,
    UndeterminedInfo,
    VerdictInfo,
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(ts_ns: int) -> str:
    """A time in UTC, ISO 8601 with microseconds; "" outside of what dates can be."""
    try:
        return (_EPOCH + timedelta(microseconds=ts_ns // 1000)).isoformat(timespec="microseconds")
    except OverflowError:
        return ""


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
    simulated = _simulate(contexts, target)
    undetermined = [open_ for verdict in verdicts for open_ in verdict.undetermined]
    return Report(
        schema=SCHEMA,
        tool={"version": __version__},
        sources=[_source(source) for source in sources],
        verdict=_verdict(root, undetermined, contexts),
        findings=[_finding(finding) for finding in findings],
        undetermined=[_undetermined(item) for item in undetermined],
        estimates=_estimates(contexts),
        recommendations=[_recommendation(item) for item in recommend(findings, target, simulated)],
        comparison=comparison,
        limits_hit=limits_hit,
        asterisk=str(target.version) if target.version else None,
        driver=target.driver,
        crossings=[_crossing(crossing, same_place) for crossing, same_place in crossings],
        what_if=[
            _outlook(subject, row, row is recommended(rows, row.where))
            for subject, rows in simulated.items()
            for row in rows
        ],
    )


def _simulate(contexts: Iterable[Context], target: Target) -> dict[Subject, list[Outlook]]:
    """What other settings would do for each client: by the source that saw most of its fate."""
    simulated: dict[Subject, list[Outlook]] = {}
    for context in contexts:
        if context.subjects.source.vantage is Vantage.PHONE:
            continue
        for reach in context.reaches:
            subject = peer_subject(reach.peer)
            seen = seen_of(reach, context.subjects)
            if seen is not None and subject not in simulated:
                simulated[subject] = outlooks(seen, reach.peer.protocol, target)
    return simulated


def _outlook(subject: Subject, row: Outlook, chosen: bool) -> OutlookInfo:
    return OutlookInfo(
        subject.ident, row.where, row.setting, row.reply.value, row.request.value,
        row.audio.value if row.audio else None, row.binding.value, row.overall.value, chosen,
        row.note,
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


def _finding(finding: Finding) -> FindingInfo:
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


def _estimates(contexts: Sequence[Context]) -> Estimates:
    """Of several sources that measured the same client, the one that saw a failure, and of those
    one with exact times, is believed."""
    estimates = Estimates()
    reaches: dict[str, tuple[tuple[bool, bool], Reach, Subjects]] = {}
    for context in contexts:
        for reach in context.reaches:
            subject = peer_subject(reach.peer).ident
            worth = (reach.failed_s is not None, context.subjects.source.bytes_exact)
            if subject not in reaches or worth > reaches[subject][0]:
                reaches[subject] = (worth, reach, context.subjects)
    for subject, (_, reach, subjects) in reaches.items():
        _add_estimates(estimates, subject, reach)
        _add_contact(estimates, subject, reach, subjects)
    for context in contexts:
        known = {router.address for router in estimates.routers}
        found = routers(context.reaches, context.subjects)
        estimates.routers += [_router(r) for r in found if r.address not in known]
    return estimates


def _router(router: Router) -> RouterInfo:
    lower, upper = router.lifetime
    return RouterInfo(
        router.address,
        list(router.clients),
        None if lower is None else round(lower, 3),
        None if upper is None else round(upper, 3),
        router.agree,
        router.survived_count,
        router.failed_count,
        router.inbound_refreshes,
        router.keeps_ports,
        router.endpoint_independent,
        router.lets_in_others,
    )


def _add_contact(estimates: Estimates, subject: str, reach: Reach, subjects: Subjects) -> None:
    """How the client is kept in reach, and how much of the time it was."""
    share = reachable(reach, subjects)
    if share is not None:
        estimates.reachable.append(
            ReachableInfo(subject, share.alive, share.dead, share.unknown, round(share.span_s, 3))
        )
    attempts = reach.peer.registration.attempts if reach.peer.registration else []
    if attempts and attempts[-1].written is not None:
        bits = attempts[-1].written.nat_tests
        estimates.nat_tests.append(NatTestsInfo(subject, bits.kamailio, bits.opensips))
    estimates.keepalives += [
        KeepaliveInfo(
            subject,
            kept.kind,
            "client" if kept.by_client else "pbx",
            kept.sent_count,
            None if kept.every_s is None else round(kept.every_s, 3),
            kept.answered_count,
            kept.refreshes,
        )
        for kept in audit(reach.peer, subjects)
    ]


def _add_estimates(estimates: Estimates, subject: str, reach: Reach) -> None:
    lower, upper = reach.lifetime
    if lower is not None or upper is not None:
        refresh = refresh_interval(reach.lifetime) if upper is not None else None
        estimates.nat_lifetime.append(
            LifetimeInfo(
                subject,
                None if lower is None else round(lower, 3),
                None if upper is None else round(upper, 3),
                len(reach.got_through()),
                len(reach.of(Fate.EXPIRED)),
                refresh.seconds if refresh else None,
                refresh.assumed if refresh else None,
            )
        )
    registration = reach.peer.registration
    if registration is not None:
        observed = registration.observed_s
        estimates.registration_interval.append(
            RegistrationInfo(
                subject,
                registration.granted_s,
                None if observed is None else round(observed, 3),
            )
        )


def compare_contexts(good: Context, bad: Context, verdict: Verdict) -> Comparison:
    """GOOD beside BAD: which clients were paired, where they first part, and what else differs.

    Where something was found, the divergence of the client that it is about counts, and of its
    steps the first that differs.
    """
    paired, differences = [], []
    candidates: list[tuple[bool, int, DivergenceInfo]] = []
    for theirs, mine in pair_peers(good.subjects.peers, bad.subjects.peers):
        subject = peer_subject(mine).ident
        good_steps = steps_of(theirs, good.subjects)
        bad_steps = steps_of(mine, bad.subjects)
        pairs = pair_steps(good_steps, bad_steps)
        parted = [pair for pair in pairs if pair.differing]
        paired.append(PairInfo(subject, len(good_steps), len(bad_steps), len(parted)))
        accused = verdict.root is not None and verdict.root.subject.ident == subject
        if parted:
            candidates.append((not accused, parted[0].bad.at_ns, _divergence(subject, parted[0])))
        differences += _differences(theirs, mine, pairs, good, bad, verdict)
    first = min(candidates, key=lambda c: c[:2], default=None)
    return Comparison(paired, first[2] if first else None, differences)


def _divergence(subject: str, pair: StepPair) -> DivergenceInfo:
    name = pair.bad.kind
    if pair.number > 1 or not name.startswith(("first", "un-")):
        name = f"{name} #{pair.number}"
    return DivergenceInfo(f"{subject}, {name}", _side(pair.good), _side(pair.bad))


def _side(step: Step) -> SideInfo:
    origin = step.origin
    return SideInfo(
        origin.source, origin.frame, origin.line, iso(step.at_ns), dict(step.facts),
        list(step.lines),
    )  # fmt: skip


def _differences(
    good: Peer,
    bad: Peer,
    pairs: list[StepPair],
    good_context: Context,
    bad_context: Context,
    verdict: Verdict,
) -> list[DifferenceInfo]:
    """What differs between two sessions of one client, each thing once."""
    subject = peer_subject(bad).ident
    found = next(
        (
            f.name
            for f in verdict.findings
            if f.subject.ident == subject and f.severity >= Severity.WARNING
        ),
        None,
    )
    rows: dict[str, tuple[str, str]] = {}

    def row(what: str, left: str, right: str) -> None:
        if left != right and what not in rows:
            rows[what] = (left, right)

    for pair in pairs:
        for name in pair.differing:
            what = f"{pair.bad.kind}: {name}"
            row(what, pair.good.facts.get(name, "-"), pair.bad.facts.get(name, "-"))
    row("survived idle time", _survived(good_context, good), _survived(bad_context, bad))
    row("phone's software", _software(good), _software(bad))
    row(
        "PBX's software",
        good_context.subjects.pbx_software or "not said",
        bad_context.subjects.pbx_software or "not said",
    )
    row("public addresses and ports", _outers(good), _outers(bad))
    settled = ("phone's software", "PBX's software")
    return [
        DifferenceInfo(f"{subject}: {what}", left, right, None if what in settled else found)
        for what, (left, right) in rows.items()
    ]


def _survived(context: Context, peer: Peer) -> str:
    reach = next(r for r in context.reaches if r.peer is peer)
    lower, upper = reach.lifetime
    if lower is None:
        return "nothing observed"
    at_least = f"at least {lower:.1f} s"
    return at_least if upper is None else f"{at_least}, less than {upper:.1f} s"


def _software(peer: Peer) -> str:
    attempts = peer.registration.attempts if peer.registration else []
    written = attempts[-1].written if attempts else None
    return (written.user_agent if written else None) or "not said"


def _outers(peer: Peer) -> str:
    return ", ".join(str(outer) for outer in peer.outers[:4]) or "none"
