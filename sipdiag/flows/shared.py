"""A tracker for one share of a source: what it finds can be put together with other shares'.

Contract: a ``SharedTracker`` is a ``Tracker`` that is told the place in the source of each datagram
that it takes, and what else the source had shown by then. It stamps what it keeps with that place,
and notes what of it another share might have seen a piece of. ``part`` gives all that in a form
that can be sent to another process; ``flows.parts`` joins parts. This module knows the inside of
the tracker and its helpers.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from operator import attrgetter, itemgetter
from typing import Any, Generic, TypeVar

from sipdiag.base.datagram import Datagram, Source
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.base.shares import Indivisible
from sipdiag.flows.call import Call
from sipdiag.flows.keepalive import KeepaliveTrain
from sipdiag.flows.opened import OpenDialogs, OpenTransactions
from sipdiag.flows.peers import PeerBook
from sipdiag.flows.registration import Registration
from sipdiag.flows.subjects import Packet
from sipdiag.flows.tracker import Aside, Tracker
from sipdiag.flows.transaction import Transaction
from sipdiag.protocols.media import MediaTable
from sipdiag.protocols.sip import Message

T = TypeVar("T")
Pair = tuple[str, str]
"""Two addresses, sorted."""
Digest = Callable[[object], int]
"""Gives 64 bits of anything, the same in every process that reads a share."""


def sorted_pair(one: str, other: str) -> Pair:
    """Two addresses, the same for either direction."""
    return (one, other) if one < other else (other, one)


@dataclass(slots=True)
class _Place:
    """Where in the source the tracker is."""

    now: int = 0


@dataclass(slots=True)
class Stamped(Generic[T]):
    """Things with their places, in order."""

    stamps: Sequence[int]
    items: list[T]


class _Row(list[T]):
    """A list that stamps what is appended."""

    def __init__(self, place: _Place) -> None:
        super().__init__()
        self._place = place
        self._stamps = array("q")

    def append(self, item: T) -> None:
        self._stamps.append(self._place.now)
        list.append(self, item)

    def stamped(self) -> Stamped[T]:
        return Stamped(self._stamps, list(self))


class _Table(dict[Any, Any]):
    """A mapping that keeps what its entries were first set to, and where."""

    _KEPT = 64

    def __init__(self, place: _Place) -> None:
        super().__init__()
        self._place = place
        self.history: defaultdict[Any, list[tuple[int, Any]]] = defaultdict(list)

    def __setitem__(self, key: Any, value: Any) -> None:
        history = self.history[key]
        if len(history) < self._KEPT:
            history.append((self._place.now, value))
        super().__setitem__(key, value)

    def stamped(self) -> Stamped[Any]:
        """The values, each with the place where its key was first set."""
        return Stamped([self.history[key][0][0] for key in self], list(self.values()))


def by_place(rows: Iterable[Stamped[T]]) -> list[tuple[int, T]]:
    """The things of all rows, each behind its place, in order."""
    everything = [pair for row in rows for pair in zip(row.stamps, row.items, strict=True)]
    everything.sort(key=itemgetter(0))
    return everything


def in_order(rows: Iterable[Stamped[T]]) -> list[T]:
    """The things of all rows by their places."""
    return [item for _, item in by_place(rows)]


@dataclass(slots=True)
class Seen:
    """Hashes of what could be seen in two shares, each with the number of its pair."""

    hashes: array[int] = field(default_factory=lambda: array("q"))
    pairs: array[int] = field(default_factory=lambda: array("L"))


def hash_of(thing: object) -> int:
    """A ``Digest`` for processes that have nothing in common; those that are copies of one have
    the same ``hash``, which is much quicker."""
    digest = blake2b(repr(thing).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)


class _Watch:
    """Notes what a tracker asked for and didn't have, with the pair of addresses of the
    ``datagram`` that it was fed last."""

    def __init__(self, digest: Digest) -> None:
        self.pairs: list[Pair] = []
        self.datagram: Datagram | None = None
        self._digest = digest
        self._numbers: dict[Pair, int] = {}

    def noting(self, seen: Seen) -> Callable[[object], None]:
        """What notes a thing in ``seen``."""
        add_hash, add_pair = seen.hashes.append, seen.pairs.append
        digest, number_of = self._digest, self._numbers.get

        def note(thing: object) -> None:
            datagram = self.datagram
            if datagram is None or datagram.src is None or datagram.dst is None:
                raise Indivisible("a packet names only one of its ends")
            ends = datagram.src.ip, datagram.dst.ip
            number = number_of(ends)
            if number is None:
                number = self._numbers[ends] = len(self.pairs)
                self.pairs.append(sorted_pair(*ends))
            add_hash(digest(thing))
            add_pair(number)

        return note


class _Book(PeerBook):
    """Keeps requests and every attempt to register with their places."""

    def __init__(
        self, local: frozenset[str], limits: Limits, hits: LimitHits, place: _Place
    ) -> None:
        super().__init__(local, limits, hits)
        self._requests = self.requests = _Row[Transaction](place)
        self._attempts = self.attempts = _Row[Transaction](place)
        self.full_at: int | None = None
        self._newest_at: dict[int, int] = {}
        self._place = place

    def register(
        self, transaction: Transaction, user: str, message: Message | None = None
    ) -> Registration | None:
        registration = super().register(transaction, user, message)
        if self.full_at is None and self.full_ns is not None:
            self.full_at = self._place.now
        if registration is not None and registration.newest is message:
            self._newest_at[id(registration)] = self._place.now
        return registration

    def newest_at(self) -> dict[Any, int]:
        """Where the newest REGISTER of each registration is, if there was one that is kept."""
        at = self._newest_at
        return {key: at[id(r)] for key, r in self._registrations.items() if id(r) in at}


@dataclass(slots=True)
class _Sender:
    """What one address calls itself and how often it became another, and what its messages said
    of its driver: the places of those that were asked, and of the answers."""

    software: str
    changes: int
    driver: str | None
    asked: list[int]
    answers: list[tuple[int, str]]


@dataclass(slots=True)
class Part:
    """What was found in one share."""

    requests: Stamped[Transaction]
    registrations: dict[Any, Registration]
    newest_at: dict[Any, int]
    """Where the newest REGISTER of each is."""
    attempts: Stamped[Transaction]
    full: tuple[int, int] | None
    """Where and when the first attempt came that there was no room for."""
    sip_calls: Stamped[Call]
    iax2_calls: Stamped[Call]
    unreachable: Stamped[Packet]
    length_errors: Stamped[Packet]
    cut: Stamped[Packet]
    keepalives: Stamped[KeepaliveTrain]
    senders: dict[str, _Sender]
    stun: set[Endpoint]
    transactions: Seen
    call_ids: Seen
    pairs: list[Pair]
    digest: Digest
    """What gave the hashes."""
    hits: Counter[str]


class SharedTracker(Tracker):
    """A tracker for one share of a capture, to be fed by ``take_all``."""

    def __init__(
        self, *, local: frozenset[str], limits: Limits, hits: LimitHits, digest: Digest
    ) -> None:
        source, media = Source("a share"), MediaTable(limits, hits)
        super().__init__(source, media, local=local, limits=limits, hits=hits)
        self._seen = _Watch(digest)
        self._transactions, self._call_ids = Seen(), Seen()
        self._digest = digest
        self._place = place = _Place()
        self._rows = {
            name: _Row[Any](place) for name in ("sip", "iax2", "unreachable", "lengths", "cut")
        }
        self._unreachable, self._cut = self._rows["unreachable"], self._rows["cut"]
        self._trains = self._keepalives._trains = _Table(place)
        self._shared_book = self._book = _Book(local, limits, hits, place)
        self._open = OpenTransactions(limits, hits, self._seen.noting(self._transactions))
        sip = self._sip
        sip._book = self._iax2._book = self._book
        sip._open = self._open
        sip._by_call_id = OpenDialogs(
            limits, hits, attrgetter("ended_ns"), self._seen.noting(self._call_ids)
        )
        sip.calls, sip.length_errors = self._rows["sip"], self._rows["lengths"]
        self._software = sip.software = _Table(place)
        self._asked = sip._asked_drivers = _Table(place)
        self._told = sip.drivers = _Table(place)
        self._iax2.calls = self._rows["iax2"]

    def take_all(self, rows: Iterable[tuple[int, Datagram, Aside | None]]) -> None:
        """Takes the next datagrams of the share, each with its place, which rises through all
        shares. None may be older than one before it, in any share, by more than ``JUMP_NS``."""
        place, seen, take = self._place, self._seen, self.take
        for at, datagram, aside in rows:
            place.now, seen.datagram = at, datagram
            take(datagram, aside)

    def part(self) -> Part:
        """What was found. Raises ``Indivisible`` where a single tracker may have found less."""
        if len(self._stun) >= 2 * self._limits.peers:
            raise Indivisible("more speak STUN than are kept")
        rows, book = self._rows, self._shared_book
        return Part(
            requests=book.requests.stamped(),
            registrations=dict(book._registrations),
            newest_at=book.newest_at(),
            attempts=book.attempts.stamped(),
            full=None
            if book.full_at is None or book.full_ns is None
            else (book.full_at, book.full_ns),
            sip_calls=rows["sip"].stamped(),
            iax2_calls=rows["iax2"].stamped(),
            unreachable=rows["unreachable"].stamped(),
            length_errors=rows["lengths"].stamped(),
            cut=rows["cut"].stamped(),
            keepalives=self._trains.stamped(),
            senders={ip: self._sender(ip) for ip in self._software},
            stun=self._stun,
            transactions=self._transactions,
            call_ids=self._call_ids,
            pairs=self._seen.pairs,
            digest=self._digest,
            hits=self._hits.counts,
        )

    def _sender(self, ip: str) -> _Sender:
        return _Sender(
            software=self._software[ip],
            changes=len(self._software.history[ip]) - 1,
            driver=self._told.get(ip),
            asked=[at for at, _ in self._asked.history[ip]],
            answers=self._told.history[ip],
        )


class Groups:
    """Pairs of addresses, put together by what they have in common."""

    def __init__(self) -> None:
        self._above: dict[Pair, Pair] = {}
        self._first: dict[object, Pair] = {}
        self._weight: Counter[Pair] = Counter()

    def weigh(self, pair: Pair) -> None:
        """Counts one more message of a pair."""
        self._weight[pair] += 1

    def link(self, thing: object, pair: Pair) -> None:
        """``pair`` has to do with ``thing``, as every pair that has belongs in its group."""
        self._above[self._top(pair)] = self._top(self._first.setdefault(thing, pair))

    def _top(self, pair: Pair) -> Pair:
        while (above := self._above.setdefault(pair, pair)) != pair:
            self._above[pair] = self._above[above]
            pair = above
        return pair

    def all(self) -> list[tuple[int, list[Pair]]]:
        """Every group with its weight."""
        found: defaultdict[Pair, list[Pair]] = defaultdict(list)
        for pair in dict.fromkeys((*self._weight, *self._above)):
            found[self._top(pair)].append(pair)
        return [(sum(self._weight[pair] for pair in pairs), pairs) for pairs in found.values()]
