"""What trackers found in the shares of one source, put together as one tracker would have it.

Contract: every datagram between two addresses was taken by one and the same ``SharedTracker``.
``join`` makes the ``Subjects`` of their parts, with every order and count as of a single tracker,
or raises ``Indivisible``. It doesn't notice that two shares saw pieces of one exchange: ask
``entangled`` first; ``groups`` says which addresses belong in one share then.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from sipdiag.base.datagram import Source
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.base.shares import Indivisible
from sipdiag.flows.peers import PeerBook
from sipdiag.flows.registration import Registration
from sipdiag.flows.shared import Groups, Pair, Part, Stamped, by_place, in_order
from sipdiag.flows.sip import DRIVER_MESSAGES
from sipdiag.flows.subjects import NOTED_COUNT, Subjects
from sipdiag.flows.tracker import Tracker
from sipdiag.flows.transaction import Transaction
from sipdiag.protocols.media import MediaTable


def join(
    parts: Sequence[Part],
    source: Source,
    media: MediaTable,
    *,
    local: frozenset[str],
    limits: Limits,
    hits: LimitHits,
) -> Subjects:
    """The subjects of the whole ``source`` and its ``media``, of parts that aren't ``entangled``.
    Raises ``Indivisible`` where they can't say what one tracker would have found."""
    tracker = Tracker(source, media, local=local, limits=limits, hits=hits)
    for part in parts:
        hits.counts.update(part.hits)
        tracker._stun |= part.stun
    dropped = _join_book(tracker._book, parts, limits, hits)
    held = limits.requests_held
    sip = tracker._sip
    sip.calls = in_order(part.sip_calls for part in parts)[:held]
    tracker._iax2.calls = in_order(part.iax2_calls for part in parts)[:held]
    if dropped:
        for call in (*sip.calls, *tracker._iax2.calls):
            call.transactions = [
                each
                for each in call.transactions
                if each is call.opening or id(each) not in dropped
            ]
    tracker._unreachable = in_order(part.unreachable for part in parts)[:NOTED_COUNT]
    tracker._cut = in_order(part.cut for part in parts)[:NOTED_COUNT]
    sip.length_errors = in_order(part.length_errors for part in parts)[:NOTED_COUNT]
    trains = in_order(part.keepalives for part in parts)
    if sum(len(train.times_ns) for train in trains) >= held:
        raise Indivisible("it has more keepalives than are kept")
    tracker._keepalives._trains = {(t.kind, t.src, t.dst): t for t in trains}
    _join_senders(sip.software, sip.drivers, parts)
    return tracker.subjects()


def _join_book(book: PeerBook, parts: Sequence[Part], limits: Limits, hits: LimitHits) -> set[int]:
    """Requests and registrations, up to the cap. Gives the ``id`` of each request beyond it."""
    cap = limits.requests_held
    attempts, beyond = _up_to(cap, [part.attempts for part in parts])
    full = min(
        [part.full for part in parts if part.full]
        + [(place, attempt.start_ns) for place, attempt in beyond[:1]],
        default=None,
    )
    requests, dropped = _up_to(cap, [part.requests for part in parts], full and full[0])
    for _ in range(len(beyond) + len(dropped)):
        hits.hit("requests_held")
    book._requests = requests
    book.full_ns = full and full[1]
    rank = {id(attempt): number for number, attempt in enumerate(attempts)}
    newest_at: dict[Any, int] = {}
    found: dict[Any, Registration] = {}
    for part in parts:
        for key, registration in part.registrations.items():
            known = found.setdefault(key, registration)
            if known is not registration:
                known.attempts += registration.attempts
            if part.newest_at.get(key, -1) > newest_at.get(key, -1):
                newest_at[key] = part.newest_at[key]
                known.newest = registration.newest
    for registration in found.values():
        kept = [attempt for attempt in registration.attempts if id(attempt) in rank]
        registration.attempts = sorted(kept, key=lambda attempt: rank[id(attempt)])
    kept_only = [item for item in found.items() if item[1].attempts]
    kept_only.sort(key=lambda item: rank[id(item[1].attempts[0])])
    book._registrations = dict(kept_only)
    return {id(request) for _, request in dropped}


def _up_to(
    cap: int, rows: Sequence[Stamped[Transaction]], end: int | None = None
) -> tuple[list[Transaction], list[tuple[int, Transaction]]]:
    """The first ``cap`` of all rows, none from the place ``end`` on, and the others with their
    places."""
    everything = by_place(rows)
    if end is not None:
        cap = min(cap, bisect_left(everything, end, key=itemgetter(0)))
    return [transaction for _, transaction in everything[:cap]], everything[cap:]


def _join_senders(software: dict[str, str], drivers: dict[str, str], parts: Sequence[Part]) -> None:
    """A driver is looked for in the first messages of an address: those are found again."""
    for ip in dict.fromkeys(ip for part in parts for ip in part.senders):
        senders = [part.senders[ip] for part in parts if ip in part.senders]
        software[ip] = senders[0].software
        driver = senders[0].driver
        if len(senders) > 1:
            if any(each.changes or each.software != senders[0].software for each in senders):
                raise Indivisible("one address calls itself by several names")
            asked = sorted(place for each in senders for place in each.asked)[:DRIVER_MESSAGES]
            answers = [answer for each in senders for answer in each.answers]
            driver = max((a for a in answers if a[0] <= asked[-1]), default=(0, None))[1]
        if driver is not None:
            drivers[ip] = driver


def entangled(parts: Sequence[Part]) -> bool:
    """Whether two shares saw pieces of one transaction or of one call."""
    transactions: set[int] = set()
    met: set[int] = set()
    calls: list[set[int]] = []
    for part in parts:
        mine = set(part.transactions.hashes)
        ids = set(part.call_ids.hashes)
        called = _called(part)
        if not transactions.isdisjoint(mine) or not met.isdisjoint(called):
            return True
        if any(not ids.isdisjoint(others) for others in calls):
            return True
        transactions |= mine
        met |= ids
        calls.append(called)
    return False


def _called(part: Part) -> set[int]:
    """Call-IDs of a share's calls."""
    return {part.digest(call.call_id) for call in part.sip_calls.items}


def groups(parts: Sequence[Part]) -> list[tuple[int, list[Pair]]]:
    """Pairs of addresses that belong in one share, as their transactions or calls are the same,
    each group with the number of its transactions."""
    called = set[int]().union(*map(_called, parts))
    found = Groups()
    for part in parts:
        for what, number in zip(part.transactions.hashes, part.transactions.pairs, strict=True):
            found.weigh(part.pairs[number])
            found.link(what, part.pairs[number])
        for what, number in zip(part.call_ids.hashes, part.call_ids.pairs, strict=True):
            if what in called:
                found.link(what, part.pairs[number])
    return found.all()
