"""SD102: the registration ran out, and nobody can be called who isn't registered."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from sipdiag.base.interval import NS, seconds
from sipdiag.findings.context import Context, age, count, peer_subject, sent_evidence
from sipdiag.findings.model import (
    Confidence,
    Evidence,
    Finding,
    Rule,
    Severity,
    Subject,
    Undetermined,
)
from sipdiag.findings.reach import GRACE_S, Reach
from sipdiag.flows.call import Call
from sipdiag.flows.registration import Refresh, challenged, succeeded
from sipdiag.flows.subjects import Peer
from sipdiag.flows.transaction import Transaction

_PJSIP_GRACE_S = 30
"""PJSIP looks only so often for contacts to forget (``contact_expiration_check_interval``)."""

_NO_CONTACT = frozenset({480, 503})
"""What Asterisk tells the caller of somebody for whom it has no contact: 480 for hangup cause 20
(subscriber absent), 503 for 34 (congestion; chan_sip.c:hangup_cause2sip, 16.28)."""

_ROOTS = (
    "registration-rejected", "registration-unanswered", "response-misrouted", "iax2-call-token",
    "peer-unreachable", "iax2-peer-unreachable",
)  # fmt: skip


class _Lapse(NamedTuple):
    """``from_ns``: when the registrar forgot the client. ``back``: when it asked again, and
    ``back_ns`` when that was, or the end of the source."""

    refresh: Refresh
    from_ns: int
    back: Transaction | None
    back_ns: int


def _lapses(peer: Peer, context: Context) -> list[_Lapse]:
    registration = peer.registration
    if registration is None:
        return []
    subjects = context.subjects
    end_ns = subjects.end_ns or 0
    surely_ten = peer.protocol == "IAX2" or subjects.pbx_driver == "chan_sip"
    grace_s = GRACE_S if surely_ten else _PJSIP_GRACE_S
    attempts = registration.attempts
    starts = [t.start_ns for t in attempts]
    found = []
    for refresh in registration.refreshes:
        if not refresh.granted_s:
            continue
        forgotten = refresh.ts_ns + (refresh.granted_s + grace_s) * NS
        after, late = bisect_right(starts, refresh.ts_ns), bisect_right(starts, forgotten)
        if not all(_failed(t) for t in attempts[after:late]):
            continue
        back = attempts[late] if late < len(attempts) else None
        lapse = _Lapse(refresh, forgotten, back, back.start_ns if back else end_ns)
        if (
            lapse.back_ns > forgotten
            and not _known(peer, lapse)
            and not _elsewhere(peer, context, refresh, forgotten)
        ):
            found.append(lapse)
    return found


def _known(peer: Peer, lapse: _Lapse) -> bool:
    """Whether it was registered all the same: the PBX went on sending it requests, or CSeq, which
    rises by one with every REGISTER of a Call-ID (RFC 3261 section 10.2), leaves room for some that
    weren't captured."""
    if any(not t.in_dialog and lapse.from_ns < t.start_ns < lapse.back_ns for t in peer.inbound):
        return True
    before, back = lapse.refresh.transaction, lapse.back
    return (
        back is not None
        and peer.protocol == "SIP"
        and back.call_id == before.call_id
        and back.cseq > before.cseq + 1
        and not any(before.start_ns < t.start_ns < back.start_ns for t in peer.attempts)
    )


def _failed(attempt: Transaction) -> bool:
    """Whether a registration surely came to nothing. One whose answer wasn't captured may well have
    been granted, and an un-registration is a clean end."""
    if attempt.asked_s == 0:
        return False
    if attempt.answers:
        final = attempt.final
        if final is None or challenged(attempt) or succeeded(attempt):
            return False
        return final.code >= 400 or final.label == "REGREJ"
    return len(attempt.sent) > 2


def _elsewhere(peer: Peer, context: Context, refresh: Refresh, forgotten: int) -> bool:
    """Whether the same user was registered by another run of the phone, or another phone."""
    return any(
        other is not peer
        and (other.protocol, other.local.ip) == (peer.protocol, peer.local.ip)
        and other.registration is not None
        and any(
            r.granted_s and r.ts_ns <= forgotten and r.ts_ns + r.granted_s * NS >= refresh.ts_ns
            for r in other.registration.refreshes
        )
        for other in context.peers_of[peer.user]
    )


def _refused(peer: Peer, context: Context, lapse: _Lapse) -> list[Call]:
    """Calls for the client that were refused for want of a contact while it was forgotten."""
    tried = [t.start_ns for t in peer.inbound if t.method == "INVITE"]
    return [
        call
        for call in context.calls_for[peer.user]
        if call.protocol == peer.protocol == "SIP"
        and call.callee.ip == peer.local.ip
        and lapse.from_ns < call.start_ns < lapse.back_ns
        and any(t.status in _NO_CONTACT for t in call.transactions if t.method == "INVITE")
        and not any(abs(ts_ns - call.start_ns) < 2 * NS for ts_ns in tried)
    ]


def _still(lapse: _Lapse, times: list[int]) -> bool:
    """Whether a pause in which nothing at all was captured would explain the gap: the capture or
    its clock may have stood still."""
    begin, end = lapse.refresh.ts_ns, lapse.back_ns
    inside = [begin, *times[bisect_right(times, begin) : bisect_left(times, end)], end]
    pause = max(later - earlier for earlier, later in pairwise(inside))
    return end - begin - pause <= lapse.from_ns - begin


def _judge_peer(
    context: Context, peer: Peer, lapses: list[_Lapse]
) -> Iterable[Finding | Undetermined]:
    subjects = context.subjects
    subject = peer_subject(peer)
    refused = [call for lapse in lapses for call in _refused(peer, context, lapse)]
    returned = [lapse for lapse in lapses if lapse.back and not _still(lapse, context.captured_ns)]
    back = [lapse for lapse in lapses if lapse.back]
    stepped = context.earlier("clock-jumps", Subject("source", subjects.source.name)) is not None
    if not refused and back and (stepped or not returned):
        yield Undetermined(
            RULE.code,
            RULE.name,
            subject,
            f"{count(len(back), 'time')} it registered again only after its registration had run "
            "out, but nothing else was captured in between: the capture or its clock may have "
            "stood still",
            "capture again without a pause, and call the phone while it isn't registered",
        )
        return
    cause = next((f for f in context.about(subject) if f.name in _ROOTS), None)
    severity = Severity.ERROR if refused else Severity.WARNING if returned else Severity.INFO
    gone = [seconds(lapse.back_ns - lapse.from_ns) for lapse in lapses]
    first = lapses[0]
    yield Finding(
        code=RULE.code,
        name=RULE.name,
        severity=Severity.INFO if cause else severity,
        confidence=Confidence.HIGH if len(refused) > 1 else Confidence.MEDIUM,
        subject=subject,
        message=(
            f"The registration of {peer.ident} ran out: {first.refresh.granted_s} s were granted, "
            + (
                f"and it came back only {age(gone[0])} after the registrar had forgotten it"
                if first.back
                else f"and it wasn't heard again in the {age(gone[0])} after that"
            )
            + (f" ({count(len(lapses), 'time')} in all)" if len(lapses) > 1 else "")
            + (f". {count(len(refused), 'call')} for it found no contact." if refused else ".")
        ),
        params={
            "granted_s": first.refresh.granted_s,
            "lapses_count": len(lapses),
            "lapsed_s": round(sum(gone), 3),
            "returned": bool(back),
            "refused_count": len(refused),
        },
        evidence=[
            sent_evidence(
                first.refresh.transaction, "primary",
                f"{first.refresh.transaction.method} granted {first.refresh.granted_s} s: the last "
                "one in time",
            )
        ]
        + [
            Evidence(
                call.opening.origin, call.start_ns, "supports",
                f"{call.opening.method} for {peer.user}: {call.opening.final.label}"
                if call.opening.final
                else f"{call.opening.method} for {peer.user} is refused",
            )
            for call in refused[:4]
        ]
        + [
            sent_evidence(lapse.back, "supports", "it registers again")
            for lapse in returned[:2]
            if lapse.back
        ],
        caused_by=cause,
        protocol=peer.protocol,
    )  # fmt: skip


def judge_client(context: Context, reach: Reach) -> Iterable[Finding | Undetermined]:
    """Fires where the granted time and Asterisk's grace passed with no registration: an
    error where calls found no contact for that, a warning where the phone came back later,
    information where it was just not heard again."""
    subjects = context.subjects
    if not subjects.source.times_known:
        return
    lapses = _lapses(reach.peer, context)
    if lapses:
        yield from _judge_peer(context, reach.peer, lapses)


RULE = Rule(
    code="SD102",
    name="registration-lapsed",
    title="The registration ran out before the phone refreshed it",
    severity=Severity.ERROR,
    means=(
        "The registrar granted a time, the phone let it pass without registering again, and "
        "Asterisk forgot where it is. Calls in that time find no contact."
    ),
    why=(
        "A phone that goes by its own timer rather than by the granted one (some do, where the "
        "Contact in the 200 OK isn't the one that they sent, as behind an ALG), a smartphone that "
        "sleeps, or a network that was gone for a while."
    ),
    confirm=(
        "`sip show peers` shows `(Unspecified)`, `pjsip show contacts` nothing, `iax2 show peers` "
        "`(Unspecified)` for it between two registrations; the caller hears 'unavailable'."
    ),
    remedy=(
        "Set the phone's registration interval to less than what the registrar grants, and look "
        "whether the Contact in the 200 OK is the phone's own. For smartphones: push, or an "
        "exception from battery saving."
    ),
    references=(
        "RFC 3261 sections 10.2.1.1 and 10.2.4",
        "RFC 5456 section 6.1",
        "chan_sip.c:expire_register (16.28)",
    ),
    judge_client=judge_client,
    silent_on=(
        "a clean un-REGISTER (Expires: 0) or REGREL",
        "a phone that comes back within Asterisk's grace (10 s; PJSIP 30 s)",
        "a user who is registered from another phone, or by a new run of the same one",
        "a capture that ends before the time is over",
        "a refresh of which only a part was captured",
        "gaps that a pause of the whole capture explains, and clocks that were set",
    ),
    after=("SD004", "SD101", "SD104", "SD201", "SD202", "SD401", "SD402"),
)
