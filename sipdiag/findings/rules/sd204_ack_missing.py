"""SD204: a call is answered, the answer never acknowledged, and it drops after half a minute."""

from __future__ import annotations

from collections.abc import Iterable

from sipdiag.base.endpoint import behind_nat
from sipdiag.base.interval import seconds
from sipdiag.findings.context import Context, age, peer_subject
from sipdiag.findings.model import Confidence, Evidence, Finding, Rule, Severity
from sipdiag.findings.reach import Reach
from sipdiag.flows.call import UNACKNOWLEDGED_COUNT, Call
from sipdiag.flows.subjects import Peer


def _judge_call(peer: Peer, call: Call, *, pbx_calls: bool) -> Finding | None:
    answers = call.answers_repeated
    if len(answers) < UNACKNOWLEDGED_COUNT:
        return None
    first, last = answers[0], answers[-1]
    acks = [ack for ack in call.acks if ack.ts_ns >= first.ts_ns]
    if any(ack.dst == first.src for ack in acks):
        return None
    contact = call.answered_contact
    host = (contact or "").rpartition(":")[0].strip("[]")
    wrong = bool(host) and host != first.src.ip
    whose = "the phone's" if pbx_calls else "Asterisk's"
    if acks:
        where = f"The ACK goes to {acks[0].dst}, the address in {whose} Contact"
    else:
        where = f"No ACK arrives: it must go to {contact}, the address in {whose} Contact"
    dropped = call.ended_ns if call.ended_ns and call.ended_ns >= last.ts_ns else None
    lasted = seconds((dropped or last.ts_ns) - first.ts_ns)
    evidence = [
        Evidence(
            first.origin,
            first.ts_ns,
            "primary",
            f"{first.label} from {first.src}, sent {len(answers)} times in {age(lasted)}",
        ),
        Evidence(last.origin, last.ts_ns, "supports", f"{last.label} for the last time"),
    ]
    evidence += [
        Evidence(ack.origin, ack.ts_ns, "supports", f"ACK to {ack.dst}") for ack in acks[:2]
    ]
    return Finding(
        code="SD204",
        name="ack-missing",
        severity=Severity.ERROR,
        confidence=Confidence.HIGH if wrong else Confidence.MEDIUM,
        subject=peer_subject(peer),
        message=(
            f"A call {'to' if pbx_calls else 'from'} {peer.ident} was answered, but its answer "
            f"never acknowledged: {len(answers)} times {first.label} in {age(lasted)}"
            + (", and then it was hung up. " if dropped else ". ")
            + where
            + (f", while its packets come from {first.src}." if wrong else ".")
        ),
        params={
            "contact": contact,
            "source": str(first.src),
            "ack_sent_to": str(acks[0].dst) if acks else None,
            "answered_by": "phone" if pbx_calls else "pbx",
            "private": behind_nat(host),
            "repeated_count": len(answers),
            "dropped_after_s": round(lasted, 3) if dropped else None,
        },
        evidence=evidence,
    )


def judge_client(context: Context, reach: Reach) -> Iterable[Finding]:
    """Fires once a client, for a 2xx that was repeated for seconds with no ACK where it came
    from."""
    peer = reach.peer
    openings = {id(t) for t in peer.inbound}
    for call in peer.calls:
        if call.protocol == "SIP":
            found = _judge_call(peer, call, pbx_calls=id(call.opening) in openings)
            if found is not None:
                yield found
                break


RULE = Rule(
    code="SD204",
    name="ack-missing",
    title="The answer to a call is never acknowledged, and the call drops",
    severity=Severity.ERROR,
    means=(
        "The one who answered a call repeats its 200 OK and gets no ACK, until it gives up and "
        "hangs up: after 64 times T1, which is 32 s by default, and less on an Asterisk that "
        "knows the phone's round-trip time (`qualify`)."
    ),
    why=(
        "The ACK goes to the Contact in the 200 OK. Where that is an address that can't be "
        "reached (an Asterisk behind NAT with a wrong or no `externaddr`, or a phone's private "
        "Contact that Asterisk believes), it is lost, while audio may flow."
    ),
    confirm=(
        "Calls drop after the same time, every time. Asterisk's log says `Retransmission timeout "
        "reached` and `no reply to our critical packet`."
    ),
    remedy=(
        "Asterisk's Contact at fault: `externaddr` and `localnet` (chan_sip), "
        "`external_signaling_address` and `local_net` (PJSIP). The phone's: "
        "`nat=force_rport,comedia` (chan_sip), `rewrite_contact=yes` (PJSIP)."
    ),
    references=(
        "RFC 3261 sections 13.2.2.4 and 13.3.1.4",
        "chan_sip.c:retrans_pkt (16.28)",
    ),
    judge_client=judge_client,
    silent_on=(
        "an ACK that comes late",
        "a 200 OK that is repeated once or twice because an ACK was lost",
        "calls over TCP",
    ),
)
