"""SD506: the NAT lets in what comes from the registrar, and nothing else of the same PBX."""

from __future__ import annotations

from collections.abc import Iterable

from sipdiag.findings.context import (
    Context,
    age,
    count,
    peer_subject,
    sent_evidence,
    through_evidence,
)
from sipdiag.findings.model import Confidence, Finding, Rule, Severity, Undetermined
from sipdiag.findings.reach import Reach
from sipdiag.findings.rules._filtered import filtered, same_way


def _judge_peer(context: Context, reach: Reach) -> Iterable[Finding | Undetermined]:
    peer = reach.peer
    lost = filtered(reach, context.subjects)
    if not lost:
        return
    subject = peer_subject(peer)
    through = same_way(reach)
    source = lost[0].transaction.src
    if sum(len(f.transaction.sent) for f in lost) < 2 or not through:
        yield Undetermined(
            RULE.code,
            RULE.name,
            subject,
            f"one packet from {source}, which isn't where it registered, got no reply",
            "go on capturing until two or three such requests have failed",
        )
        return
    asked = [o for o in through if o.transaction in peer.inbound]
    longest = max(f.age_s for f in lost)
    other = "port" if source.ip == peer.local.ip else "address"
    yield Finding(
        code=RULE.code,
        name=RULE.name,
        severity=Severity.ERROR,
        confidence=Confidence.HIGH if len(lost) > 1 and asked else Confidence.MEDIUM,
        subject=subject,
        message=(
            f"The NAT of {peer.ident} lets in only what comes from {peer.local}, where it "
            f"registered: {count(len(lost), 'request')} from {source}, another {other} of the "
            f"PBX, got no reply up to {age(longest)} after its last packet, at which those from "
            f"{peer.local} get through."
        ),
        params={
            "registrar": str(peer.local),
            "sent_from": str(source),
            "lost_count": len(lost),
            "oldest_s": round(longest, 3),
            "through_count": len(through),
            "differs_in": other,
        },
        evidence=[
            sent_evidence(
                f.transaction, "supports" if number else "primary",
                f"{f.transaction.method} from {f.transaction.src}: no reply, sent "
                f"{count(len(f.transaction.sent), 'time')}, {age(f.age_s)} after the phone's last",
            )
            for number, f in enumerate(lost[:5])
        ]
        + [through_evidence(o, "contrast") for o in (asked or through)[-2:]],
        protocol=peer.protocol,
    )  # fmt: skip


def judge_client(context: Context, reach: Reach) -> Iterable[Finding | Undetermined]:
    """Fires where requests from another address or port of the PBX were lost on a mapping that was
    fresh for the registrar, and none from there ever got through."""
    return _judge_peer(context, reach)


RULE = Rule(
    code="SD506",
    name="inbound-filtered",
    title="The NAT drops what comes from another address or port of the server",
    severity=Severity.ERROR,
    means=(
        "The phone registered with one address and port of the server. Requests from there reach "
        "it; requests from another address or port of the same server, at the same age of the "
        "mapping, don't."
    ),
    why=(
        "Most NATs filter by whom the phone itself has sent to (address-dependent or address and "
        "port-dependent filtering). A server with two addresses, two transports on two ports, or a "
        "second server that shares the registrations must send from where the phone registered. "
        "Linux's SIP helper does the same with `sip_direct_signalling=1`."
    ),
    confirm="On the server compare the lost INVITE's source with where the REGISTER goes.",
    remedy=(
        "Let requests leave from the registrar's address and port: `bindaddr`/`udpbindaddr` "
        "(chan_sip), one transport for the endpoint (`transport=` in pjsip.conf), or a proxy in "
        "front of both servers that keeps the path (RFC 3327)."
    ),
    references=("RFC 4787 section 5, REQ-8", "RFC 3327", "Linux: nf_conntrack_sip"),
    judge_client=judge_client,
    silent_on=(
        "requests from the address and port that the phone registered with (SD201, SD501)",
        "a second address from which anything ever got through",
        "an aged mapping, and a phone that wasn't heard again",
        "strangers that call themselves otherwise",
    ),
)
