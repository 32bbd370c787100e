"""SD501: the NAT forgot the client between two of its packets."""

from __future__ import annotations

from collections.abc import Iterable

from sipdiag.findings.call_costs import Drop, LateRing, drops, late_rings
from sipdiag.findings.context import (
    Context,
    age,
    count,
    lost_evidence,
    peer_subject,
    sent_evidence,
    through_evidence,
)
from sipdiag.findings.model import (
    Confidence,
    Evidence,
    Finding,
    Rule,
    Severity,
    Undetermined,
)
from sipdiag.findings.reach import Fate, Reach
from sipdiag.flows.binding import Observation


def _confidence(
    reach: Reach,
    expired: list[Observation],
    proved: list[Observation],
    baseline: list[Observation],
) -> Confidence:
    """High: it was lost twice and had worked before; or once, and GOOD shows that the same client
    answers at such ages elsewhere; or the client's side was captured and saw nothing of it."""
    losses = len({id(o.transaction) for o in expired})
    if any(reach.arrived.get(id(o)) is False for o in expired):
        return Confidence.HIGH
    if losses >= 2 and proved:
        return Confidence.HIGH
    if proved and baseline:
        return Confidence.HIGH
    return Confidence.MEDIUM if losses >= 2 or proved or baseline else Confidence.LOW


def _judge_peer(context: Context, reach: Reach) -> Iterable[Finding | Undetermined]:
    peer = reach.peer
    subject = peer_subject(peer)
    expired = reach.of(Fate.EXPIRED)
    survived, failed = reach.survived_s, reach.failed_s
    if not expired or survived is None or failed is None:
        return
    if not any(o.repeated for o in expired):
        yield Undetermined(
            RULE.code, RULE.name, subject,
            f"one packet was lost {age(failed)} after the client's last one; a single loss may "
            "be chance",
            "go on capturing until two or three calls have failed",
        )  # fmt: skip
        return
    ignored = reach.of(Fate.IGNORED)
    if 2 * len(ignored) >= len(expired):
        yield Undetermined(
            RULE.code, RULE.name, subject,
            f"requests were lost at small ages of the binding too ({count(len(ignored), 'time')}),"
            " which expiry doesn't explain",
            "capture on the phone's side of the router as well",
        )  # fmt: skip
        return
    through = [o for o in reach.got_through() if o.quiet_s is not None]
    proved = [o for o in through if o.transaction in peer.inbound]
    good = context.baseline_of(peer)
    baseline = [
        o
        for o in (good.of(Fate.THROUGH) if good else [])
        if o.quiet_s is not None and o.quiet_s >= failed
    ]
    registration = peer.registration
    alive = [reach.lives[id(o)] for o in expired if id(o) in reach.lives]
    new_ports = sum(life.outer != o.dst for o, life in zip(expired, alive, strict=False))
    dropped, late = drops(reach), late_rings(reach)
    yield Finding(
        code=RULE.code,
        name=RULE.name,
        severity=Severity.ERROR,
        confidence=_confidence(reach, expired, proved, baseline),
        subject=subject,
        message=(
            f"The NAT binding of {peer.ident} expired: its router forgets it after {survived:.1f} "
            f"to {age(failed)} without a packet from it. "
            + (
                f"{count(len(proved), 'request')} up to {age(survived)} after its last packet got "
                "through; "
                if proved
                else ""
            )
            + f"{count(len(expired), 'request')} {age(failed)} or more after it got no reply, "
            "though the phone was alive all along."
            + (
                " They left the server and never came to the phone's side."
                if any(reach.arrived.get(id(o)) is False for o in expired)
                else ""
            )
            + _costs(dropped, late)
        ),
        params={
            "lifetime_lower_s": round(survived, 3),
            "lifetime_upper_s": round(failed, 3),
            "survived_count": len(through),
            "failed_count": len(expired),
            "refresh_s": reach.refresh_s,
            "refresh_share": reach.refresh_share,
            "granted_s": registration.granted_s if registration else None,
            "new_port_count": new_ports,
            "dropped_after_s": [
                round(d.after_s if d.ended_s is None else d.ended_s, 3) for d in dropped
            ],
            "session_expires_s": next((d.session_s for d in dropped if d.session_s), None),
            "late_ring_s": [round(ring.late_s, 3) for ring in late],
        },
        evidence=_evidence(expired, proved, baseline, reach),
        protocol=peer.protocol,
    )


def _costs(dropped: list[Drop], late: list[LateRing]) -> str:
    """What else it did to calls, in a sentence or two."""
    said = ""
    if dropped:
        first = dropped[0]
        what = (
            "the session timer's refresh"
            if first.session_s
            else f"the {first.refresh.method} within it"
        )
        end = first.after_s if first.ended_s is None else first.ended_s
        said += f" A call dropped {end:.0f} s after it was answered, as {what} got no reply."
    if late:
        latest = max(ring.late_s for ring in late)
        said += (
            f" {count(len(late), 'call')} rang late, up to {age(latest)} after it was placed, when "
            "the phone had registered again."
        )
    return said


def _evidence(
    expired: list[Observation],
    proved: list[Observation],
    baseline: list[Observation],
    reach: Reach,
) -> list[Evidence]:
    first = min(expired, key=lambda o: o.idle_s or 0.0)
    found = [lost_evidence(first, "primary")]
    found += [lost_evidence(o, "supports") for o in expired if o is not first][:4]
    by_age = sorted(proved, key=lambda o: o.quiet_s or 0.0)
    found += [through_evidence(o, "contrast") for o in by_age[-2:]]
    life = reach.lives.get(id(first))
    if life is not None:
        what = f"{life.transaction.method} from {life.outer}: the client is alive"
        found.append(sent_evidence(life.transaction, "supports", what))
    longest = max(baseline, key=lambda o: o.quiet_s or 0.0, default=None)
    if longest is not None:
        found.append(through_evidence(longest, "baseline"))
    return found


def judge_client(context: Context, reach: Reach) -> Iterable[Finding | Undetermined]:
    """Fires where requests got through at small ages of the binding and were lost at larger ones
    while the client was alive; the lifetime is the interval between."""
    return _judge_peer(context, reach)


RULE = Rule(
    code="SD501",
    name="nat-binding-expired",
    title="The NAT binding expires before the phone is heard again",
    severity=Severity.ERROR,
    means=(
        "Requests reached the phone while its last packet was recent, and none did when that was "
        "longer ago, although the phone was on: it registered on time before and after. Between "
        "the two ages lies the lifetime of the router's (or carrier's) UDP mapping."
    ),
    why=(
        "A NAT lets packets in only as long as it remembers that the phone sent one out. Many "
        "routers remember for 30 s, far less than the 120 s that RFC 4787 asks for, and phones "
        "register every 60 s or less often. In the time between, the phone can call but not be "
        "called. On another network, such as 4G, the same phone works."
    ),
    confirm=(
        "Call the phone 10 s after it registered: it rings. Call it again a second or two before "
        "its next registration: it doesn't."
    ),
    remedy=(
        "Let a packet leave the phone more often than the lifetime's lower bound. Best is a ping "
        "that the phone must answer: `qualify=yes` and `qualifyfreq` (chan_sip), "
        "`qualify_frequency` (PJSIP), `qualify=yes` and `qualifyfreqok` (IAX2). Registering more "
        "often does it too: `maxexpiry`, `maximum_expiration`, `maxregexpire`. In the router, "
        "raise the UDP timeout."
    ),
    references=(
        "RFC 4787 REQ-5 and REQ-6",
        "RFC 5626 section 4.4",
        "Linux: nf_conntrack_udp_timeout (30 s), nf_conntrack_udp_timeout_stream (120 s)",
    ),
    judge_client=judge_client,
    silent_on=(
        "a phone that was off: it isn't heard on schedule afterwards (SD201)",
        "losses at small ages",
        "a server that changed its address",
        "requests sent to another place than the phone's packets come from (SD203)",
    ),
)
