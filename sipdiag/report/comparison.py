"""GOOD beside BAD, as the report has it."""

from __future__ import annotations

from sipdiag.findings import Severity, Verdict
from sipdiag.findings.context import Context, peer_subject
from sipdiag.flows.align import Step, StepPair, pair_peers, pair_steps, steps_of
from sipdiag.flows.subjects import Peer
from sipdiag.report.model import Comparison, DifferenceInfo, DivergenceInfo, PairInfo, SideInfo
from sipdiag.report.when import iso


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
    attempts = peer.attempts
    written = attempts[-1].written if attempts else None
    return (written.user_agent if written else None) or "not said"


def _outers(peer: Peer) -> str:
    return ", ".join(str(outer) for outer in peer.outers[:4]) or "none"
