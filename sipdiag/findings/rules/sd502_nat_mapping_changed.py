"""SD502: the client is somewhere else than it was, and requests went to the old place."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from sipdiag.findings.context import (
    Context,
    count,
    lost_evidence,
    peer_subject,
    sent_evidence,
)
from sipdiag.findings.model import Confidence, Finding, Rule, Severity
from sipdiag.findings.reach import Fate, Reach
from sipdiag.flows.transaction import Transaction


def _changes(reach: Reach) -> list[tuple[Transaction, Transaction]]:
    attempts = reach.peer.attempts
    return [(a, b) for a, b in pairwise(attempts) if a.src != b.src]


def _judge_peer(context: Context, reach: Reach) -> Iterable[Finding]:
    peer = reach.peer
    changes = _changes(reach)
    if not changes:
        return
    subject = peer_subject(peer)
    moved = [o for o in reach.of(Fate.MOVED) if not o.through]
    lost = sum(len(o.sent) for o in moved) >= 2
    expired = context.earlier("nat-binding-expired", subject)
    before, after = changes[0]
    if lost:
        before, after = next(
            ((a, b) for a, b in changes if b.start_ns > moved[0].at_ns), changes[-1]
        )
    port_only = before.src.ip == after.src.ip
    what = "port" if port_only else "address"
    message = f"{peer.ident} came from {before.src} and then from {after.src}"
    if lost:
        message += (
            f": the NAT gave it another {what}, and {count(len(moved), 'request')} sent to the "
            "old one in between got no reply, although the binding was fresh."
        )
    else:
        message += f" ({count(len(changes), 'change')} in all); no request was lost by it."
    evidence = [
        lost_evidence(o, "primary" if number == 0 else "supports")
        for number, o in enumerate(moved[:5] if lost else [])
    ]
    evidence += [
        sent_evidence(before, "supports" if lost else "primary", f"the client at {before.src}"),
        sent_evidence(after, "supports", f"the same client at {after.src}"),
    ]
    yield Finding(
        code=RULE.code,
        name=RULE.name,
        severity=Severity.ERROR if lost else Severity.INFO,
        confidence=Confidence.HIGH if peer.protocol == "SIP" else Confidence.MEDIUM,
        subject=subject,
        message=message,
        params={
            "before": str(before.src),
            "after": str(after.src),
            "changes_count": len(changes),
            "lost_count": len(moved) if lost else 0,
            "registration_interval_s": peer.registration.observed_s if peer.registration else None,
        },
        evidence=evidence,
        caused_by=expired if not lost else None,
        protocol=peer.protocol,
    )


def judge_client(context: Context, reach: Reach) -> Iterable[Finding]:
    """Fires (error) where requests to the old address or port were lost on a fresh binding; a
    change without loss is information."""
    return _judge_peer(context, reach)


RULE = Rule(
    code="SD502",
    name="nat-mapping-changed",
    title="The phone's public address or port changed",
    severity=Severity.ERROR,
    means=(
        "The same client (for SIP: the same registration Call-ID) registered from one public "
        "address and port and later from another. Requests in between went to the old one."
    ),
    why=(
        "A router that restarts, gets a new address from its provider or clears its table gives "
        "its phones new ports. Asterisk learns of it with the phone's next registration; until "
        "then calls go where nobody listens."
    ),
    confirm=(
        "The router's log or uptime; `Registered SIP ... at` with another port in Asterisk's log."
    ),
    remedy=(
        "Make the phone register more often, so that the gap is short; a keepalive doesn't help, "
        "as Asterisk learns the new port only by a registration. PJSIP: `max_contacts=1` with "
        "`remove_existing=yes`, so that the new contact replaces the old. If the port changes "
        "without a restart, look for 'consistent NAT' in the router."
    ),
    references=("RFC 4787 REQ-1", "RFC 3261 section 10.2.1"),
    judge_client=judge_client,
    silent_on=(
        "a new port after the old binding had expired: SD501 is the cause then",
        "two phones of one user (their Call-IDs differ)",
    ),
    after=("SD501",),
)
