"""SD003: the capture holds what one side says, and nothing of what the other answers."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import chain, pairwise

from sipdiag.base.interval import NS
from sipdiag.findings.context import Context, count, sent_evidence
from sipdiag.findings.model import Evidence, Finding, Rule, Severity
from sipdiag.findings.rules._quality import quality
from sipdiag.flows.subjects import Peer
from sipdiag.flows.transaction import Transaction

_Way = tuple[str, str]
"""Addresses, from and to."""

_SHOWN = 5
_NEXT_NS = 5 * NS
"""A client answers a challenge at once; 5 s leave room for a lost packet."""


def _answered_unseen(peer: Peer) -> list[tuple[Transaction, str]]:
    """Requests that were answered, as what their sender did next proves, though no answer was
    captured; and what proves it."""
    attempts = peer.attempts
    found = []
    for now, later in pairwise(attempts):
        if (
            not now.answers
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
        if not t.answers and t.protocol == "IAX2" and t.authorised
    ]
    for call in peer.calls:
        opening = call.opening
        if opening.answers or opening.in_dialog:
            continue
        if any(t.in_dialog and t.src == opening.src for t in call.transactions[1:]):
            found.append((opening, "what follows carries the tag that an answer gives"))
    return found


def _ways(peer: Peer) -> set[_Way]:
    """The ways that a client's signalling was seen to go."""
    ways = set()
    for t in chain(peer.attempts, peer.inbound, peer.outbound):
        ways.add((t.src.ip, t.dst.ip))
        ways.update((answer.src.ip, answer.dst.ip) for answer in t.answers)
    return ways


def _silent(peer: Peer) -> dict[_Way, tuple[int, list[Evidence]]]:
    """By the way of answers that weren't captured: how many requests got one, and the first of
    these."""
    found: defaultdict[_Way, list[Evidence]] = defaultdict(list)
    for transaction, proof in _answered_unseen(peer):
        what = f"{transaction.method} from {transaction.src}: no answer captured, yet {proof}"
        found[transaction.dst.ip, transaction.src.ip].append(
            sent_evidence(transaction, "supports", what)
        )
    return {way: (len(proofs), proofs[:_SHOWN]) for way, proofs in found.items()}


def judge(context: Context) -> Iterable[Finding]:
    """Fires where requests were provably answered, and not a packet that way was captured."""
    counts: Counter[_Way] = Counter()
    firsts: defaultdict[_Way, list[Evidence]] = defaultdict(list)
    for peer in context.subjects.peers:
        for way, (number, proofs) in _silent(peer).items():
            counts[way] += number
            firsts[way] += proofs
    if counts:
        heard = {(train.src.ip, train.dst.ip) for train in context.subjects.keepalives}
        for way in heard.union(*map(_ways, context.subjects.peers)):
            counts.pop(way, None)
    if not counts:
        return
    src, dst = next(iter(counts))
    evidence = [proof for way in counts for proof in firsts[way]][:_SHOWN]
    evidence[0] = evidence[0]._replace(role="primary")
    more = f" and {count(len(counts) - 1, 'other pair')} of hosts" if len(counts) > 1 else ""
    yield quality(
        context,
        RULE,
        f"Only one direction was captured: {count(counts.total(), 'request')} to {src} were "
        "answered, as what followed shows, but not a packet "
        f"from {src} to {dst} is in the capture{more}. "
        "What got no reply can't be told from what did.",
        {"missing_from": src, "missing_to": dst, "proofs_count": counts.total()},
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
