"""SD203: requests leave for what the phone wrote in its Contact, where nothing can reach it."""

from __future__ import annotations

from collections.abc import Iterable

from sipdiag.base.endpoint import behind_nat
from sipdiag.findings.context import (
    Context,
    count,
    lost_evidence,
    peer_subject,
    sent_evidence,
)
from sipdiag.findings.model import Confidence, Finding, Rule, Severity
from sipdiag.findings.reach import Fate, Reach


def _judge_peer(reach: Reach) -> Iterable[Finding]:
    peer = reach.peer
    astray = reach.of(Fate.ASTRAY)
    if peer.registration is None or sum(len(o.sent) for o in astray) < 2:
        return
    dst = astray[0].dst
    if any(o.dst == dst and o.transaction.answered for o in reach.of(Fate.THROUGH)):
        return
    source = peer.registration.outer_at(astray[0].at_ns)
    if source is None:
        return
    private = behind_nat(dst.ip)
    registered = [t for t in peer.registration.attempts if t.start_ns <= astray[0].at_ns]
    yield Finding(
        code=RULE.code,
        name=RULE.name,
        severity=Severity.ERROR,
        confidence=(
            Confidence.HIGH
            if private and not behind_nat(source.ip) and dst.ip != source.ip
            else Confidence.MEDIUM
        ),
        subject=peer_subject(peer),
        message=(
            f"Asterisk sends {count(len(astray), 'request')} for {peer.ident} to {dst}, "
            f"{'the private address that' if private else 'which'} the phone wrote in its "
            f"Contact; its packets come from {source}. None was answered."
        ),
        params={
            "sent_to": str(dst),
            "contact": str(dst),
            "source": str(source),
            "lost_count": len(astray),
            "private": private,
        },
        evidence=[
            lost_evidence(o, "primary" if number == 0 else "supports")
            for number, o in enumerate(astray[:5])
        ]
        + [
            sent_evidence(t, "supports", f"{t.method} from {t.src} with Contact {dst}")
            for t in registered[-1:]
        ],
        protocol=peer.protocol,
    )


def judge_client(context: Context, reach: Reach) -> Iterable[Finding]:
    """Fires for requests sent to the Contact, unanswered, while the phone's own packets come from
    another address or port."""
    return _judge_peer(reach) if reach.peer.protocol == "SIP" else ()


RULE = Rule(
    code="SD203",
    name="request-to-private-contact",
    title="Requests are sent to the phone's private Contact",
    severity=Severity.ERROR,
    means=(
        "The phone registered from one address (its router's public one) and wrote another one "
        "in its Contact (its own, private). Asterisk sends its requests to the latter."
    ),
    why=(
        "RFC 3261 says that requests go to the Contact. Behind NAT that is an address nobody "
        "outside can send to, so that calls in and pings are lost while registering works."
    ),
    confirm=(
        "`sip show peer NAME`: `Addr->IP` is the private address; `Force rport` is No. PJSIP: "
        "`pjsip show contacts` shows the private address."
    ),
    remedy=(
        "chan_sip: `nat=force_rport,comedia` (Asterisk 11 to 20; `nat=yes` before). PJSIP: "
        "`rewrite_contact=yes` on the endpoint. Then let the phone register again."
    ),
    references=(
        "RFC 3261 section 8.1.2",
        "RFC 3581",
        "res_pjsip_nat.c:rewrite_contact (22)",
        "chan_sip.c:parse_register_contact (16.28)",
    ),
    judge_client=judge_client,
    silent_on=(
        "a private Contact where the requests go to the packet's source",
        "requests to a Contact that are answered (same network, VPN)",
        "an address that the phone used to have (SD502)",
    ),
)
