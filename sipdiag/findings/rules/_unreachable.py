"""SD201 and SD401 are one question in two protocols: does a client on a fresh binding answer?"""

from __future__ import annotations

from collections.abc import Iterable

from sipdiag.base.interval import seconds
from sipdiag.findings.context import (
    Context,
    age,
    count,
    lost_evidence,
    peer_subject,
    through_evidence,
)
from sipdiag.findings.model import Confidence, Finding, Severity, Undetermined
from sipdiag.findings.reach import Fate, Reach
from sipdiag.findings.rules._filtered import filtered
from sipdiag.flows.binding import Observation


def unreachable(
    context: Context, reach: Reach, protocol: str, code: str, name: str
) -> Iterable[Finding | Undetermined]:
    """Fires for a client of ``protocol`` with requests lost on a fresh binding; says what is open
    where the binding's age can't be told from the client's silence."""
    if reach.peer.protocol == protocol:
        yield from _judge_peer(context, reach, code, name)


def _judge_peer(
    context: Context, reach: Reach, code: str, name: str
) -> Iterable[Finding | Undetermined]:
    peer = reach.peer
    subject = peer_subject(peer)
    elsewhere = {id(f.transaction) for f in filtered(reach, context.subjects)}
    deaf, ignored = (
        [o for o in reach.of(fate) if id(o.transaction) not in elsewhere]
        for fate in (Fate.DEAF, Fate.IGNORED)
    )
    lost = deaf or ignored
    if not any(o.repeated for o in lost):
        yield from _open_question(context, reach, code, name, elsewhere)
        return
    through = [o for o in reach.of(Fate.THROUGH) if o.transaction.answers and o.quiet_s]
    once = not deaf and len({id(o.transaction) for o in ignored}) == 1
    worked_later = any(o.at_ns > lost[-1].at_ns for o in through)
    fresh = [o.idle_s for o in lost if o.idle_s is not None]
    survived = reach.survived_s
    registration = peer.registration
    if deaf:
        state = "and it was not heard again"
        later = reach.lives.get(id(lost[0]))
        if later is not None:
            state = f"and it was next heard {age(seconds(later.ts_ns - lost[0].at_ns))} later"
        elif registration and registration.granted_s:
            state += f", although its registration ({registration.granted_s} s) ran out"
    else:
        state = "although it went on registering on schedule"
    seen = [o for o in lost if reach.arrived.get(id(o))]
    proved = bool(seen) or (survived is not None and survived > max(fresh, default=0.0))
    worked = "No NAT in use forgets so soon, so "
    if seen:
        worked = "They arrived on the phone's side, so "
    elif survived is not None and proved:
        worked = f"Others got through after {age(survived)} of silence, so "
    confidence = Confidence.HIGH if deaf and proved else Confidence.MEDIUM
    if once and worked_later:
        confidence = Confidence.LOW
    yield Finding(
        code=code,
        name=name,
        severity=Severity.WARNING if confidence is Confidence.LOW else Severity.ERROR,
        confidence=confidence,
        subject=subject,
        message=(
            f"{peer.ident} doesn't answer: {count(len(lost), 'request')} sent {_ages(fresh)} "
            f"after its last packet got no reply, {state}. {worked}the NAT binding was fresh: "
            + (
                "the phone itself was off, crashed or cut off from its network."
                if deaf
                else "the phone or a filter before it drops the requests."
            )
        ),
        params={
            "lost_count": len(lost),
            "lost_idle_s": [round(value, 3) for value in fresh],
            "survived_s": survived,
            "heard_again": not deaf,
        },
        evidence=[
            lost_evidence(o, "primary" if number == 0 else "supports")
            for number, o in enumerate(lost[:5])
        ]
        + [through_evidence(o, "contrast") for o in _largest(through)],
        protocol=peer.protocol,
    )


def _ages(fresh: list[float]) -> str:
    if not fresh:
        return "soon"
    return age(fresh[0]) if len(fresh) == 1 else f"{min(fresh):.1f} to {age(max(fresh))}"


def _largest(through: list[Observation]) -> list[Observation]:
    return sorted(through, key=lambda o: o.quiet_s or 0.0)[-2:]


def _open_question(
    context: Context, reach: Reach, code: str, name: str, elsewhere: set[int]
) -> Iterable[Undetermined]:
    """Lost requests that fit a silent phone as well as an expired binding."""
    subject = peer_subject(reach.peer)
    doubtful = [
        o for o in reach.of(Fate.OPEN) if len(o.sent) > 1 and id(o.transaction) not in elsewhere
    ]
    if doubtful and context.earlier("nat-binding-expired", subject) is None:
        yield Undetermined(
            code,
            name,
            subject,
            f"{count(len(doubtful), 'request')} got no reply, but the phone may have been off as "
            "well as its NAT binding expired",
            "capture on the phone's side of the router as well, or go on capturing here until "
            "the phone has registered twice after a failed call",
        )
