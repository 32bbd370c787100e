"""The keepalive audit of a client: what holds its NAT binding open, which way, how often, and
whether it crosses.

Only what comes from the client surely refreshes a mapping (RFC 4787 REQ-6); a ping from the PBX
does so by its answer. Pings that nobody answers (CRLF, NUL bytes) may do nothing at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from sipdiag.base.interval import NS, seconds
from sipdiag.flows.keepalive import KeepaliveTrain
from sipdiag.flows.subjects import Peer, Subjects
from sipdiag.flows.transaction import Transaction

_ANSWER_NS = 2 * NS
"""A STUN or CRLF answer comes within a round trip (RFC 5626 section 4.4.1: 10 s is given up)."""


class Keepalive(NamedTuple):
    """One kind of keepalive one way."""

    kind: str
    """``REGISTER``, ``REGREQ``, ``OPTIONS``, ``POKE``, ``CRLF``, ``NUL``, ``STUN`` or ``other``."""
    by_client: bool
    sent_count: int
    every_s: float | None
    """The median time between two; None with fewer than two."""
    answered_count: int | None
    """None where no answer is due (CRLF and NUL alone)."""

    @property
    def refreshes(self) -> bool | None:
        """Whether it surely refreshes the binding: it comes from the client, or the client answers
        it. None: a ping that wants no answer, which some NATs take and others don't."""
        if self.by_client:
            return True
        return None if self.answered_count is None else self.answered_count > 0


def audit(peer: Peer, subjects: Subjects) -> list[Keepalive]:
    """Everything that keeps the client's binding open, the most frequent first."""
    attempts = peer.attempts
    found = [
        *_requests(_refreshing(attempts), by_client=True),
        *_requests([t for t in peer.inbound if _is_ping(t)], by_client=False),
        *_requests([t for t in peer.outbound if _is_ping(t)], by_client=True),
        *_bare(peer, subjects.keepalives_of(peer)),
    ]
    return sorted(found, key=lambda k: (k.every_s is None, k.every_s or 0.0, k.kind))


def _is_ping(transaction: Transaction) -> bool:
    return transaction.method in ("OPTIONS", "POKE") and not transaction.in_dialog


def _refreshing(attempts: Sequence[Transaction]) -> list[Transaction]:
    """One for each registration: a challenge, or a call token, isn't counted again."""
    kept: list[Transaction] = []
    for attempt in attempts:
        if attempt.asked_s == 0:
            continue
        if kept and attempt.start_ns - kept[-1].start_ns < _ANSWER_NS:
            kept[-1] = attempt
        else:
            kept.append(attempt)
    return kept


def _requests(transactions: Iterable[Transaction], *, by_client: bool) -> Iterable[Keepalive]:
    by_method: dict[str, list[Transaction]] = {}
    for transaction in transactions:
        by_method.setdefault(transaction.method, []).append(transaction)
    for method, same in by_method.items():
        times = [t.start_ns for t in same]
        answered = sum(t.answered for t in same)
        yield Keepalive(method, by_client, len(same), every(times), answered)


def _bare(peer: Peer, mine: Sequence[KeepaliveTrain]) -> Iterable[Keepalive]:
    """CRLF, NUL and STUN between the client and its PBX. In STUN the two ways are request and
    answer: what has an answer right after it is the request."""
    for train in mine:
        by_client = train.src in peer.outers
        back = next(
            (t for t in mine if (t.kind, t.src, t.dst) == (train.kind, train.dst, train.src)), None
        )
        answered: int | None = None
        if train.kind in ("STUN", "CRLF"):
            if back is not None and _follows(back, train):
                continue
            answered = _answered(train, back)
            if train.kind == "CRLF" and not answered:
                answered = None
        yield Keepalive(train.kind, by_client, train.count, every(train.times_ns), answered)


def _follows(request: KeepaliveTrain, answer: KeepaliveTrain) -> bool:
    """Whether ``answer`` is the answers to ``request``: it began after it, close upon it."""
    if not request.times_ns or not answer.times_ns:
        return False
    return request.times_ns[0] <= answer.times_ns[0] and _answered(request, answer) * 2 >= min(
        request.count, answer.count
    )


def _answered(train: KeepaliveTrain, back: KeepaliveTrain | None) -> int:
    times = list(back.times_ns) if back is not None else []
    count = at = 0
    for sent in train.times_ns:
        while at < len(times) and times[at] < sent:
            at += 1
        if at < len(times) and times[at] - sent <= _ANSWER_NS:
            count += 1
    return count


def every(times_ns: Sequence[int]) -> float | None:
    """The median time between neighbours in seconds."""
    gaps = [seconds(later - earlier) for earlier, later in pairwise(sorted(times_ns))]
    return median(gaps) if gaps else None
