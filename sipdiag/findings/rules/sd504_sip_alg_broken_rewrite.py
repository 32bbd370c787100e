"""SD504: an ALG's changes contradict each other."""

from __future__ import annotations

from collections.abc import Iterable

from sipdiag.base.endpoint import behind_nat, same_address
from sipdiag.findings.context import Context, count, peer_subject, sent_evidence
from sipdiag.findings.model import Confidence, Evidence, Finding, Rule, Severity
from sipdiag.findings.reach import Reach
from sipdiag.findings.rules._written import (
    attempts,
    changes_on_the_way,
    same_client,
    says_private,
)
from sipdiag.flows.subjects import Packet
from sipdiag.flows.transaction import Transaction


def _wrong_port(transaction: Transaction) -> bool:
    """Via and Contact name the source's public address, the Contact with a port that is neither
    the source's nor the Via's."""
    written = transaction.written
    return (
        written is not None
        and not behind_nat(transaction.src.ip)
        and same_address(written.via_host or "", transaction.src.ip)
        and same_address(written.contact_host or "", transaction.src.ip)
        and written.contact_port not in (transaction.src.port, written.via_port)
    )


def _half(transaction: Transaction) -> bool:
    """The Via was mapped and the Contact was not. (The other way round a client does that
    learned its address from the reply.)"""
    written = transaction.written
    return (
        written is not None
        and not behind_nat(transaction.src.ip)
        and same_address(written.via_host or "", transaction.src.ip)
        and behind_nat(written.contact_host or "")
    )


def _contradictions(mine: list[Transaction], lengths: list[Packet]) -> list[str]:
    found = []
    if all(_wrong_port(t) for t in mine):
        written = mine[0].written
        port = written.contact_port if written else None
        found.append(f"the Contact has port {port}, which no packet of the phone comes from")
    if all(_half(t) for t in mine):
        found.append("the Via has the public address, the Contact the private one")
    if lengths:
        found.append(f"Content-Length isn't the body's in {count(len(lengths), 'message')}")
    return found


def _judge_peer(context: Context, reach: Reach) -> Iterable[Finding]:
    peer = reach.peer
    mine = attempts(peer)
    if not mine or any(outer in context.subjects.stun_clients for outer in peer.outers):
        return
    lengths = [p for p in context.subjects.length_errors if p.src in peer.outers]
    contradictions = _contradictions(mine, lengths)
    baseline = context.baseline_of(peer)
    theirs = attempts(baseline.peer) if baseline else []
    compared = (
        bool(theirs)
        and all(says_private(t) for t in theirs)
        and same_client(theirs[0], mine[0])
        and not says_private(mine[0])
    )
    crossed = bool(changes_on_the_way(context, peer)[1])
    if not contradictions or (not compared and not crossed and len(contradictions) < 2):
        return
    first = mine[0]
    written = first.written
    said = f"{written.contact_host}:{written.contact_port}" if written else ""
    evidence = [
        sent_evidence(first, "primary", f"{first.method} from {first.src} with Contact {said}")
    ]
    evidence += [Evidence(p.origin, p.ts_ns, "supports", p.label) for p in lengths[:3]]
    if compared and theirs[0].written:
        own = theirs[0].written
        what = f"{first.method} in which the phone writes {own.contact_host}:{own.contact_port}"
        evidence.append(sent_evidence(theirs[0], "baseline", what))
    yield Finding(
        code=RULE.code,
        name=RULE.name,
        severity=Severity.ERROR if compared or crossed else Severity.WARNING,
        confidence=Confidence.HIGH if compared or crossed else Confidence.MEDIUM,
        subject=peer_subject(peer),
        message=(
            f"Something on the way rewrites the SIP messages of {peer.ident}, and contradicts "
            f"itself: {'; '.join(contradictions)}."
            + (" In GOOD the same phone writes its private address." if compared else "")
            + (" The capture of the phone's side shows what it wrote itself." if crossed else "")
        ),
        params={
            "contradictions": contradictions,
            "contact": said,
            "source": str(first.src),
            "length_errors_count": len(lengths),
        },
        evidence=evidence,
    )


def judge_client(context: Context, reach: Reach) -> Iterable[Finding]:
    """Fires for one contradiction where GOOD or a capture of the phone's side shows what the phone
    writes itself, for two otherwise."""
    return _judge_peer(context, reach) if reach.peer.protocol == "SIP" else ()


RULE = Rule(
    code="SD504",
    name="sip-alg-broken-rewrite",
    title="A SIP ALG rewrites the phone's messages wrongly",
    severity=Severity.ERROR,
    means=(
        "The messages were changed on the way, and the changes don't fit together: a Contact "
        "with a port of no binding, a Via mapped and a Contact not, a Content-Length that isn't "
        "the body's any more."
    ),
    why=(
        "Asterisk and the phone rely on these fields. Requests to a port of no binding are lost; "
        "a message with a wrong length is cut, waited for, or thrown away."
    ),
    confirm=(
        "Capture on both sides of the router and compare the same message; or let the phone use "
        "another port than 5060 or TLS: the contradictions are gone."
    ),
    remedy=(
        "Turn the SIP ALG (SIP helper, SIP passthrough) off in the router, with a keepalive at "
        "the same time. Where that can't be done: TLS, or another port than 5060."
    ),
    references=("RFC 4787 REQ-10", "RFC 3261 section 20.14", "Linux: net/netfilter/nf_nat_sip.c"),
    judge_client=judge_client,
    silent_on=(
        "a Contact with another port than the source's alone: a client may listen elsewhere",
        "clients that learn their address from the reply (Contact public, Via private)",
        "messages of which the capture kept only a part",
        "compact header forms and several Contacts",
    ),
)
