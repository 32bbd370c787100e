"""SD202: the answers go to the Via's port, where the NAT has nobody."""

from __future__ import annotations

from collections.abc import Iterable

from sipdiag.base.datagram import Transport
from sipdiag.base.endpoint import same_address
from sipdiag.findings.context import Context, count, peer_subject, sent_evidence
from sipdiag.findings.model import Confidence, Evidence, Finding, Rule, Severity
from sipdiag.findings.reach import Reach
from sipdiag.flows.subjects import Peer
from sipdiag.flows.transaction import Answer, Transaction


def _misrouted(transaction: Transaction) -> Answer | None:
    """The first answer, where it went to the Via's address or port instead of the source, and the
    client then went on repeating its request."""
    written = transaction.written
    if len(transaction.sent) < 2 or not transaction.answers or written is None:
        return None
    if transaction.transport is not Transport.UDP:
        return None
    answer = transaction.answers[0]
    again = sum(sent.ts_ns > answer.ts_ns for sent in transaction.sent)
    to_source = any(a.dst == transaction.src for a in transaction.answers)
    if to_source or again < 2 or written.via_port != answer.dst.port:
        return None
    by_via = same_address(written.via_host or "", answer.dst.ip)
    return answer if by_via or same_address(answer.dst.ip, transaction.src.ip) else None


def _judge_peer(peer: Peer) -> Iterable[Finding]:
    attempts = peer.attempts
    found = [
        (transaction, answer)
        for transaction in [*attempts, *peer.outbound]
        if (answer := _misrouted(transaction)) is not None
    ]
    if not found:
        return
    transaction, answer = found[0]
    repeated = max(len(t.sent) for t, _ in found)
    evidence = [
        Evidence(
            answer.origin,
            answer.ts_ns,
            "primary",
            f"{answer.label} to {answer.dst}, for a {transaction.method} from {transaction.src}",
        )
    ]
    evidence += [
        sent_evidence(
            t, "supports", f"{t.method} from {t.src}, sent {len(t.sent)} times in spite of replies"
        )
        for t, _ in found[:4]
    ]
    yield Finding(
        code=RULE.code,
        name=RULE.name,
        severity=Severity.ERROR,
        confidence=Confidence.HIGH,
        subject=peer_subject(peer),
        message=(
            f"Asterisk's replies to {peer.ident} go to {answer.dst}, the port in its Via, but its "
            f"packets come from {transaction.src}. The phone never hears them and repeats itself "
            f"({count(len(found), 'request')}, sent up to {repeated} times each)."
        ),
        params={
            "sent_to": str(answer.dst),
            "source": str(transaction.src),
            "lost_count": len(found),
            "asks_rport": bool(transaction.written and transaction.written.via_rport),
        },
        evidence=evidence,
    )


def judge_client(context: Context, reach: Reach) -> Iterable[Finding]:
    """Fires for requests whose replies all went elsewhere than their source, and that went on
    being repeated."""
    return _judge_peer(reach.peer) if reach.peer.protocol == "SIP" else ()


RULE = Rule(
    code="SD202",
    name="response-misrouted",
    title="Replies go to the Via's port instead of the packet's source",
    severity=Severity.ERROR,
    means=(
        "The phone's requests come from a port that its NAT chose. Asterisk replies to the port "
        "that the phone wrote in its Via. The phone repeats its request as if there were no "
        "reply."
    ),
    why=(
        "RFC 3261 sends a reply to the Via's port. A NAT has a mapping only for the port that it "
        "chose. Phones that write `rport` in the Via (RFC 3581) ask for a reply to the source; "
        "those that don't need a server that does it anyway."
    ),
    confirm=(
        "In a capture on the server the destination port of the 401 is not the source port of "
        "the REGISTER. `sip show peer NAME`: `Force rport: No`."
    ),
    remedy=(
        "chan_sip: `nat=force_rport,comedia` (11 to 20; `nat=yes` before). PJSIP: "
        "`force_rport=yes`, which is the default. Or switch `rport` on in the phone."
    ),
    references=("RFC 3261 section 18.2.2", "RFC 3581 section 4", "chan_sip.c:sip_real_dst (16.28)"),
    judge_client=judge_client,
    silent_on=(
        "hosts with no NAT between, where the Via is the source",
        "a request that is repeated once because its reply was late",
        "TCP and TLS, where the reply takes the connection",
    ),
)
