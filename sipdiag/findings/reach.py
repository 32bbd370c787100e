"""The fate of every request for a client: what the rules on reachability share.

A lost request alone proves nothing. It counts against the binding only where the client was
alive (it came back on schedule, from the same place) and the binding older than at any request
that got through; against the peer only where the binding was fresh; against the settings only
where it was sent somewhere else than the client's packets come from.
"""

from __future__ import annotations

import enum
import itertools
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from sipdiag.base.endpoint import Endpoint, same_address
from sipdiag.base.interval import NS, Interval, seconds
from sipdiag.base.lazy import lazy
from sipdiag.base.logevent import EventKind
from sipdiag.flows.binding import Observation, observe
from sipdiag.flows.sightings import Crossing
from sipdiag.flows.subjects import Peer, Subjects
from sipdiag.flows.transaction import Transaction

LEAST_LIFETIME_S = 10.0
"""No NAT in use is known to forget a UDP mapping sooner (10 s was MikroTik's default for
one-way UDP): a request lost earlier was not lost to expiry."""

GRACE_S = 10
"""Asterisk keeps a registration for this long beyond the grant (chan_sip.c and chan_iax2.c:
expiry + 10): a refresh until then was on schedule."""


SAME_AGE_S = 1.0
"""Two ages that differ by less are the same: the path's delay and the NAT's own clock are between
them."""


class Fate(enum.Enum):
    """What became of a request for the client, as far as it can be told."""

    THROUGH = "through"
    EXPIRED = "expired"
    """Lost on a binding older than any that worked, while the client was alive."""
    ASTRAY = "astray"
    """Sent to what the client wrote, which is not where its packets come from."""
    MOVED = "moved"
    """Sent to an address or port that the client no longer had, though the binding was fresh."""
    DEAF = "deaf"
    """Lost on a fresh binding; the client was never heard again, or not in time."""
    IGNORED = "ignored"
    """Lost on a fresh binding while the client was alive."""
    OPEN = "open"
    """The packets don't decide."""


class Life(NamedTuple):
    """The first thing heard from the client after a request was lost."""

    ts_ns: int
    outer: Endpoint
    on_schedule: bool
    """It came when its registration was due, from the same run of the client."""
    transaction: Transaction


@dataclass(eq=False)
class Reach:
    """All observations of one client, each with its fate. What follows from them is worked out when
    it is first asked for: ``fates`` is complete by then."""

    peer: Peer
    fates: list[tuple[Observation, Fate]] = field(default_factory=list)
    lives: dict[int, Life] = field(default_factory=dict)
    """By ``id`` of the observation: how the client was next heard."""
    arrived: dict[int, bool] = field(default_factory=dict)
    """By ``id`` of the observation: whether the client's side saw it, where that is known."""

    def of(self, *wanted: Fate) -> list[Observation]:
        """The observations with these fates, in order of time."""
        return [observation for observation, fate in self.fates if fate in wanted]

    @lazy
    def router(self) -> str | None:
        """The public address whose NAT the ages below are of: where something expired, else the
        newest at which something got through. A phone that roams has one for each network."""
        expired, through = self.of(Fate.EXPIRED), self.of(Fate.THROUGH)
        if expired:
            return expired[0].dst.ip
        return through[-1].dst.ip if through else None

    def got_through(self) -> list[Observation]:
        """What got through the NAT of ``router``, in order of time."""
        router = self.router
        return [o for o in self.of(Fate.THROUGH) if o.dst.ip == router]

    @lazy
    def survived_s(self) -> float | None:
        """The largest age at which something got through, in seconds."""
        ages = [o.quiet_s for o in self.got_through() if o.quiet_s is not None]
        return max(ages, default=None)

    @lazy
    def failed_s(self) -> float | None:
        """The smallest age at which the binding had expired, in seconds."""
        router = self.router
        ages = [
            o.idle_s for o in self.of(Fate.EXPIRED) if o.idle_s is not None and o.dst.ip == router
        ]
        return min(ages, default=None)

    @lazy
    def lifetime(self) -> Interval:
        """The binding's lifetime, between observations."""
        return Interval(self.survived_s, self.failed_s)

    @lazy
    def refresh_s(self) -> float | None:
        """The median time between the client's refreshes in seconds."""
        registration = self.peer.registration
        return registration.observed_s if registration else None

    @property
    def refresh_share(self) -> float | None:
        """How far into its grant the client refreshes: 0.9 = after 90 % of it."""
        registration = self.peer.registration
        if registration is None:
            return None
        shares = []
        refreshes = [r for r in registration.refreshes if r.granted_s]
        for now, later in itertools.pairwise(refreshes):
            if now.granted_s:
                shares.append(seconds(later.ts_ns - now.ts_ns) / now.granted_s)
        return median(shares) if shares else None


class Arrivals:
    """What a capture on the client's side says of the requests that got no reply."""

    def __init__(self, crossings: Sequence[Crossing] = ()) -> None:
        self._arrived = {m.far.origin for c in crossings for m in c.matches}
        self._lost = {s.origin for c in crossings for s in c.far_only}

    def of(self, observation: Observation) -> bool | None:
        """True: the client's side saw it; False: it was capturing and saw none of it."""
        origins = [sent.origin for sent in observation.sent]
        if any(origin in self._arrived for origin in origins):
            return True
        return False if all(origin in self._lost for origin in origins) else None


_NO_ARRIVALS = Arrivals()


def assess(peer: Peer, subjects: Subjects, arrivals: Arrivals = _NO_ARRIVALS) -> Reach:
    """Sorts the observations of ``peer`` by their fate.

    Where a request was lost while the binding was fresh, what was lost after it without the client
    having been heard in between had the same cause, however old the binding was by then.
    """
    reach = Reach(peer)
    tainted: dict[tuple[Endpoint, int | None], Fate] = {}
    observations = observe(peer)
    heard = _Heard(peer)
    survived_at: dict[str, float] = {}
    for observation in observations:
        if observation.through and observation.quiet_s is not None:
            router = observation.dst.ip
            survived_at[router] = max(survived_at.get(router, 0.0), observation.quiet_s)
    for observation in observations:
        survived = survived_at.get(observation.dst.ip, 0.0)
        if observation.through:
            fate = Fate.THROUGH
        else:
            life = heard.after(observation)
            if life is not None:
                reach.lives[id(observation)] = life
            fate = _fate(peer, observation, survived, life, subjects)
            arrived = arrivals.of(observation)
            if arrived is not None:
                reach.arrived[id(observation)] = arrived
                fate = _with_both_sides(fate, observation, survived, life, arrived)
            stretch = (observation.dst, observation.sent[0].refreshed_ns)
            if fate in (Fate.MOVED, Fate.DEAF, Fate.IGNORED):
                tainted.setdefault(stretch, fate)
            elif fate is Fate.EXPIRED:
                fate = tainted.get(stretch, fate)
        reach.fates.append((observation, fate))
    return reach


def _fate(
    peer: Peer, lost: Observation, survived: float, life: Life | None, subjects: Subjects
) -> Fate:
    registration = peer.registration
    if registration is not None:
        newest = registration.refresh_at(lost.at_ns)
        if newest is not None and newest.granted_s == 0:
            return Fate.OPEN
    outer = registration.outer_at(lost.at_ns) if registration else None
    if outer is not None and lost.dst != outer:
        if lost.dst in peer.outers:
            return Fate.MOVED
        return Fate.ASTRAY if _as_written(peer, lost.dst) else Fate.OPEN
    if lost.idle_s is None or not subjects.source.times_known or _blind(lost, subjects):
        return Fate.OPEN
    fresh = lost.idle_s <= survived + SAME_AGE_S
    possible = lost.idle_s >= LEAST_LIFETIME_S
    if life is None or not life.on_schedule:
        if life is None and not _overdue(peer, lost, subjects):
            return Fate.OPEN
        return Fate.DEAF if fresh or not possible else Fate.OPEN
    if life.outer != lost.dst:
        return Fate.EXPIRED if possible and not fresh else Fate.MOVED
    if fresh:
        return Fate.IGNORED
    return Fate.EXPIRED if possible else Fate.OPEN


def _blind(lost: Observation, subjects: Subjects) -> bool:
    """Whether the log says that it left lines out while a reply could have come."""
    begin, end = lost.sent[0].ts_ns, lost.sent[-1].ts_ns + 4 * NS
    return any(
        event.kind is EventKind.DISCARDED and begin <= event.ts_ns <= end
        for event in subjects.events
    )


def _with_both_sides(
    fate: Fate, lost: Observation, survived: float, life: Life | None, arrived: bool
) -> Fate:
    """What a capture on the client's side changes: what arrived was not lost to the NAT, and what
    didn't arrive was not ignored by the client."""
    if fate in (Fate.ASTRAY, Fate.MOVED):
        return fate
    if arrived:
        return Fate.IGNORED if life is not None and life.on_schedule else Fate.DEAF
    aged = lost.idle_s is not None and lost.idle_s > survived + SAME_AGE_S
    if aged and (lost.idle_s or 0.0) >= LEAST_LIFETIME_S:
        return Fate.EXPIRED
    return fate


def _as_written(peer: Peer, dst: Endpoint) -> bool:
    attempts = peer.attempts
    return any(
        t.written is not None
        and t.written.contact_host is not None
        and same_address(t.written.contact_host, dst.ip)
        and (t.written.contact_port or 5060) == dst.port
        for t in attempts
    )


class _Heard:
    """When a client was heard: its own requests, and its first replies to others."""

    def __init__(self, peer: Peer) -> None:
        attempts = peer.attempts
        self._registration = peer.registration
        self._own = sorted([*attempts, *peer.outbound], key=_begun)
        self._replied = sorted((t for t in peer.inbound if t.answers), key=_answered)

    def after(self, lost: Observation) -> Life | None:
        """How it was next heard after the loss began."""
        own = bisect_right(self._own, lost.at_ns, key=_begun)
        replied = bisect_right(self._replied, lost.at_ns, key=_answered)
        first = self._own[own] if own < len(self._own) else None
        reply = self._replied[replied] if replied < len(self._replied) else None
        if reply is not None and (first is None or _answered(reply) < first.start_ns):
            answer = reply.answers[0]
            return Life(answer.ts_ns, answer.src, self._in_time(lost, answer.ts_ns), reply)
        if first is None:
            return None
        return Life(first.start_ns, first.src, self._in_time(lost, first.start_ns), first)

    def _in_time(self, lost: Observation, ts_ns: int) -> bool:
        registration = self._registration
        grant = registration.grant_at(lost.at_ns) if registration is not None else None
        if grant is None or grant.granted_s is None:
            return registration is None or not registration.refreshes
        return ts_ns <= grant.ts_ns + (grant.granted_s + GRACE_S) * NS


def _begun(transaction: Transaction) -> int:
    return transaction.start_ns


def _answered(transaction: Transaction) -> int:
    return transaction.answers[0].ts_ns


def _overdue(peer: Peer, lost: Observation, subjects: Subjects) -> bool:
    """Whether the source goes on for long enough that the client should have been heard."""
    grant = peer.registration.grant_at(lost.at_ns) if peer.registration else None
    end = subjects.end_ns or lost.at_ns
    if grant is None or grant.granted_s is None:
        return False
    return end > grant.ts_ns + grant.granted_s * NS
