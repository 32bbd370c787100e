"""SD003: the capture holds what one side says, and nothing of what the other answers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

from sipdiag.base.interval import NS
from sipdiag.findings.context import Context, count, sent_evidence
from sipdiag.findings.model import Evidence, Finding, Rule, Severity
from sipdiag.findings.rules._quality import quality
from sipdiag.flows.subjects import Peer, Subjects
from sipdiag.flows.transaction import Transaction

_NEXT_NS = 5 * NS
"""A client answers a challenge at once; 5 s leave room for a lost packet."""


def _answered_unseen(peer: Peer) -> list[tuple[Transaction, str]]:
    """Requests that were answered, as what their sender did next proves, though no answer was
    captured; and what proves it."""
    attempts = peer.attempts
    found = []
    for now, later in pairwise(attempts):
        if (
            not now.answered
            and not now.authorised
            and later.authorised
            and now.src == later.src
            and now.call_id == later.call_id
            and later.start_ns - now.start_ns <= _NEXT_NS
        ):
            found.append((now, "the next one carries the digest that a challenge asks for"))
    found += [
        (t, "it goes on with the digest that a challenge asks for")
        for t in attempts
        if t.protocol == "IAX2" and t.authorised and not t.answered
    ]
    for call in peer.calls:
        tagged = any(t.in_dialog and t.src == call.opening.src for t in call.transactions[1:])
        if tagged and not call.opening.answered and not call.opening.in_dialog:
            found.append((call.opening, "what follows carries the tag that an answer gives"))
    return found


def _heard(subjects: Subjects) -> set[tuple[str, str]]:
    """Pairs of addresses (from, to) between which anything was seen."""
    pairs = set()
    for peer in subjects.peers:
        attempts = peer.attempts
        for t in [*attempts, *peer.inbound, *peer.outbound]:
            pairs.add((t.src.ip, t.dst.ip))
            pairs.update((answer.src.ip, answer.dst.ip) for answer in t.answers)
    pairs.update((train.src.ip, train.dst.ip) for train in subjects.keepalives)
    return pairs


def judge(context: Context) -> Iterable[Finding]:
    """Fires where requests were provably answered, and not a packet that way was captured."""
    silent: defaultdict[tuple[str, str], list[tuple[Transaction, str]]] = defaultdict(list)
    for peer in context.subjects.peers:
        for transaction, proof in _answered_unseen(peer):
            silent[transaction.dst.ip, transaction.src.ip].append((transaction, proof))
    for way in _heard(context.subjects) if silent else ():
        silent.pop(way, None)
    if not silent:
        return
    proofs = [proof for found in silent.values() for proof in found]
    src, dst = next(iter(silent))
    evidence: list[Evidence] = [
        sent_evidence(
            transaction,
            "supports" if number else "primary",
            f"{transaction.method} from {transaction.src}: no answer captured, yet {proof}",
        )
        for number, (transaction, proof) in enumerate(proofs[:5])
    ]
    more = f" and {count(len(silent) - 1, 'other pair')} of hosts" if len(silent) > 1 else ""
    yield quality(
        context,
        RULE,
        f"Only one direction was captured: {count(len(proofs), 'request')} to {src} were answered, "
        f"as what followed shows, but not a packet from {src} to {dst} is in the capture{more}. "
        "What got no reply can't be told from what did.",
        {"missing_from": src, "missing_to": dst, "proofs_count": len(proofs)},
        hides=True,
        evidence=evidence,
    )


RULE = Rule(
    code="SD003",
    name="capture-one-direction",
    title="Only one direction was captured",
    severity=Severity.WARNING,
    means=(
        "The phone went on as one does who got an answer (it sent the digest that a challenge asks "
        "for, or used the tag of an answer), but the capture has no packet of the other side."
    ),
    why=(
        "A mirror port that mirrors only what comes in, a capture filter on `src host`, or two "
        "paths (asymmetric routing) of which one was captured. Every finding here is about what "
        "got no reply, which can't be told from such a capture."
    ),
    confirm="Wireshark, Statistics > Conversations > UDP: `Packets B → A` is 0.",
    remedy=(
        "Capture on the server itself (`tcpdump -i any host ADDRESS`), or let the switch mirror "
        "both directions (`both`, `rx tx`)."
    ),
    references=("RFC 3261 sections 8.2.6.2 and 22.2",),
    judge=judge,
    silent_on=(
        "requests that really got no reply: nothing of what follows shows one",
        "a capture that begins or ends in mid-call",
        "one lost answer among others that were captured",
    ),
)
