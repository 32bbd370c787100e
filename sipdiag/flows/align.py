"""GOOD beside BAD: clients by who they are, steps by what they are, never by the clock.

A ``Step`` is something a client and its PBX did together: a registration, a call, a ping. The
n-th step of a kind in BAD stands beside the n-th of that kind in GOOD (or its last one). They
differ where a fact that both have does; the earliest of these in BAD is the first divergence.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from sipdiag.base.datagram import Origin
from sipdiag.base.endpoint import Endpoint, behind_nat, same_address
from sipdiag.base.interval import NS, seconds
from sipdiag.flows.call import UNACKNOWLEDGED_COUNT, Call, End
from sipdiag.flows.registration import challenged, succeeded
from sipdiag.flows.streams import audio_of
from sipdiag.flows.subjects import Peer, Subjects
from sipdiag.flows.transaction import Transaction

_LINES = 8
"""Messages of a step that are shown; the rest is counted."""


@dataclass(slots=True, eq=False)
class Step:
    """One thing done. ``facts`` are what may be compared; ``lines`` the messages, for people."""

    kind: str
    at_ns: int
    origin: Origin
    facts: dict[str, str] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    """What it consists of."""
    until_ns: int = 0
    """When its last packet was seen."""


def pair_peers(good: Sequence[Peer], bad: Sequence[Peer]) -> list[tuple[Peer, Peer]]:
    """Pairs by protocol and user; what is left over, by protocol and order. The second of two
    incarnations of a user pairs with the second."""
    pairs: list[tuple[Peer, Peer]] = []
    free = list(good)
    rest: list[Peer] = []
    for peer in bad:
        same = [g for g in free if (g.protocol, g.user) == (peer.protocol, peer.user)]
        if peer.user is not None and same:
            free.remove(same[0])
            pairs.append((same[0], peer))
        else:
            rest.append(peer)
    for peer in rest:
        twin = next((g for g in free if g.protocol == peer.protocol), None)
        if twin is not None:
            free.remove(twin)
            pairs.append((twin, peer))
    return pairs


def steps_of(peer: Peer, subjects: Subjects) -> list[Step]:
    """Everything done with a client, in order of time."""
    steps = _registrations(peer)
    called = {id(t) for call in peer.calls for t in call.transactions}
    openings = {id(t) for t in peer.inbound}
    for call in peer.calls:
        steps.append(_call(call, peer, subjects, pbx_calls=id(call.opening) in openings))
    for transaction in peer.inbound:
        if id(transaction) not in called:
            steps.append(_request(transaction, peer))
    return sorted(steps, key=lambda step: step.at_ns)


def _registrations(peer: Peer) -> list[Step]:
    """A challenge and the request that answers it are one step."""
    attempts = peer.attempts
    groups: list[list[Transaction]] = []
    for attempt in attempts:
        if groups and _belongs(groups[-1][-1], attempt):
            groups[-1].append(attempt)
        else:
            groups.append([attempt])
    return [_registration(group, number == 0) for number, group in enumerate(groups)]


def _belongs(before: Transaction, attempt: Transaction) -> bool:
    """Whether ``attempt`` answers the challenge or the CALLTOKEN that ``before`` got."""
    if attempt.start_ns - before.last_ns >= 2 * NS:
        return False
    return challenged(before) and (attempt.authorised or attempt.protocol == "IAX2")


def _registration(group: list[Transaction], first: bool) -> Step:
    last = group[-1]
    gone = last.asked_s == 0
    kind = "un-registration" if gone else "first registration" if first else "re-registration"
    step = Step(kind, group[0].start_ns, group[0].origin)
    final = last.final
    step.facts["outcome"] = "accepted" if succeeded(last) else final.label if final else "no reply"
    if last.written is not None:
        step.facts["Via"] = written_as(last.written.via_host, last.written.via_port, last.src)
        step.facts["Contact"] = written_as(
            last.written.contact_host, last.written.contact_port, last.src
        )
    if last.granted_s is not None:
        step.facts["granted"] = f"{last.granted_s} s"
    for transaction in group:
        step.lines += _lines(transaction, group[0].start_ns)
    _consists_of(step, group)
    return step


def written_as(host: str | None, port: int | None, source: Endpoint) -> str:
    """What an address that a client wrote is, seen from where its packet came."""
    if host is None:
        return "none"
    if same_address(host, source.ip):
        return "the packet's source" if port == source.port else "the source's address, other port"
    if behind_nat(host):
        return "a private address"
    return "another address"


def _call(call: Call, peer: Peer, subjects: Subjects, *, pbx_calls: bool) -> Step:
    step = Step("call to the phone" if pbx_calls else "call from the phone", call.start_ns,
                call.opening.origin)  # fmt: skip
    if call.answered_ns is not None:
        outcome = "answered"
    elif call.outcome is End.REFUSED and call.opening.final is not None:
        outcome = call.opening.final.label
    elif call.opening.answered:
        outcome = "rang, not answered" if call.ringing_ns else "not answered"
    else:
        outcome = "no reply"
    step.facts["outcome"] = outcome
    if call.answered_ns is not None and call.protocol == "SIP":
        missing = len(call.answers_repeated) >= UNACKNOWLEDGED_COUNT
        step.facts["answer acknowledged"] = "no" if missing else "yes"
    if pbx_calls:
        step.facts["sent to"] = sent_to(call.opening, peer)
    audio = audio_of(call, subjects, pbx_calls=pbx_calls)
    if audio is not None and (audio.received_count or audio.sent_count):
        heard = audio.heard_from
        if heard is None:
            step.facts["audio"] = "none from the phone"
        elif audio.sent_to(heard):
            step.facts["audio"] = "both ways"
        elif audio.sent_count:
            step.facts["audio"] = "from the phone only; Asterisk's goes elsewhere"
        else:
            step.facts["audio"] = "from the phone only"
    for transaction in call.transactions[:4]:
        step.lines += _lines(transaction, call.start_ns)
    _consists_of(step, call.transactions)
    step.until_ns = max([step.until_ns, call.ended_ns or 0, *(ack.ts_ns for ack in call.acks)])
    _shorten(step)
    return step


def sent_to(transaction: Transaction, peer: Peer) -> str:
    """What the destination of a request to the client is to it."""
    outer = peer.registration.outer_at(transaction.start_ns) if peer.registration else None
    if outer is None or transaction.dst == outer:
        return "where the phone's packets come from"
    if transaction.dst in peer.outers:
        return "another address or port of the phone"
    return "a private address" if behind_nat(transaction.dst.ip) else "another address"


def _request(transaction: Transaction, peer: Peer) -> Step:
    step = Step(f"{transaction.method} to the phone", transaction.start_ns, transaction.origin)
    step.facts["outcome"] = "answered" if transaction.answered else "no reply"
    step.facts["sent to"] = sent_to(transaction, peer)
    step.lines = _lines(transaction, transaction.start_ns)
    _consists_of(step, [transaction])
    _shorten(step)
    return step


def _consists_of(step: Step, transactions: list[Transaction]) -> None:
    step.transactions = transactions
    step.until_ns = max((t.last_ns for t in transactions), default=step.at_ns)


def _lines(transaction: Transaction, zero_ns: int) -> list[str]:
    """``+0.00 s INVITE ->`` for each message, retransmissions folded."""
    sent = transaction.sent
    repeated = f" (x{len(sent)} in {seconds(sent[-1].ts_ns - sent[0].ts_ns):.1f} s)"
    head = f"{seconds(sent[0].ts_ns - zero_ns):6.2f} s  {transaction.method}"
    lines = [head + (repeated if len(sent) > 1 else "")]
    if not transaction.answers:
        lines.append("          no reply")
    seen: set[str] = set()
    for answer in transaction.answers:
        if answer.label not in seen and answer.label != "ACK":
            seen.add(answer.label)
            lines.append(f"{seconds(answer.ts_ns - zero_ns):6.2f} s    {answer.label}")
    return lines


def _shorten(step: Step) -> None:
    if len(step.lines) > _LINES:
        step.lines = [*step.lines[:_LINES], "          ..."]


@dataclass(slots=True, eq=False)
class StepPair:
    """A step of BAD and its counterpart in GOOD, and the facts in which they differ."""

    good: Step
    bad: Step
    number: int
    """Which of its kind in BAD, from 1."""
    differing: list[str]


def pair_steps(good: list[Step], bad: list[Step]) -> list[StepPair]:
    """Every step of BAD that GOOD has the like of, in the order of BAD."""
    by_kind: defaultdict[str, list[Step]] = defaultdict(list)
    for step in good:
        by_kind[step.kind].append(step)
    counts: defaultdict[str, int] = defaultdict(int)
    pairs = []
    for step in bad:
        twins = by_kind.get(step.kind)
        number = counts[step.kind]
        counts[step.kind] += 1
        if not twins:
            continue
        twin = twins[min(number, len(twins) - 1)]
        differing = [
            name for name, fact in step.facts.items() if fact != twin.facts.get(name, fact)
        ]
        pairs.append(StepPair(twin, step, number + 1, differing))
    return pairs
