"""The share of the captured time in which a client could be called: its NAT binding surely alive,
surely dead, or not known.

Surely alive: less than the lifetime's lower bound after a packet of the client's own. Surely dead:
more than its upper bound after any packet that may have refreshed it. A packet to the client may
have refreshed the binding while it may still have lived (RFC 4787 REQ-6 leaves that to the NAT).
Without observations on a side, that side has no share: no number is made up.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from sipdiag.base.interval import NS, Interval, seconds
from sipdiag.findings.reach import Fate, Reach
from sipdiag.flows.subjects import Peer, Subjects
from sipdiag.protocols.media import MediaKind


class Reachable(NamedTuple):
    """Shares of ``span_s``, each from 0 to 1; together they make 1."""

    alive: float
    dead: float
    unknown: float
    span_s: float
    """Seconds from the client's first registration to the end of the source."""


class State(enum.Enum):
    """What is known of a binding at one time."""

    ALIVE = "alive"
    UNKNOWN = "unknown"
    DEAD = "dead"


class Stretch(NamedTuple):
    """A time in which one thing is known, in ns UTC."""

    begin_ns: int
    end_ns: int
    state: State


class PathPacket(NamedTuple):
    """A packet on the path of a client's binding."""

    ts_ns: int
    by_client: bool
    until_ns: int
    """For a stretch of IAX2 audio on the same path its end, else ``ts_ns``."""


def reachable(reach: Reach, subjects: Subjects) -> Reachable | None:
    """The shares for one client; None where ``stretches`` knows nothing."""
    spans = dict.fromkeys(State, 0)
    for stretch in stretches(reach, subjects):
        spans[stretch.state] += stretch.end_ns - stretch.begin_ns
    span_ns = sum(spans.values())
    if not span_ns:
        return None
    alive, dead = spans[State.ALIVE] / span_ns, spans[State.DEAD] / span_ns
    return Reachable(round(alive, 4), round(dead, 4), round(1 - alive - dead, 4), seconds(span_ns))


def stretches(reach: Reach, subjects: Subjects) -> Iterator[Stretch]:
    """The time from the client's first registration to ``Subjects.end_ns``, without gaps;
    nothing where it never registered, or nothing was observed of its NAT's lifetime."""
    registration = reach.peer.registration
    end_ns = subjects.end_ns
    lifetime = reach.lifetime
    if registration is None or not registration.refreshes or end_ns is None:
        return
    if lifetime == Interval() or not lifetime.consistent or not subjects.source.times_known:
        return
    begin_ns = registration.refreshes[0].ts_ns
    if end_ns <= begin_ns or subjects.clock_jumps:
        return
    packets = [p for p in path_packets(reach, subjects) if p.until_ns >= begin_ns]
    yield from _judged(packets, lifetime, begin_ns, end_ns)


def _judged(
    packets: list[PathPacket], lifetime: Interval, begin_ns: int, end_ns: int
) -> Iterator[Stretch]:
    lower = round((lifetime.lower_s or 0.0) * NS)
    upper = None if lifetime.upper_s is None else round(lifetime.upper_s * NS)
    alive_until = maybe_until = at = begin_ns
    # While it is alive nothing is told: the stretch goes on.
    for packet in [*packets, PathPacket(end_ns, False, end_ns)]:
        moment = min(packet.ts_ns, end_ns)
        while at < moment and (moment > alive_until or packet.ts_ns >= end_ns):
            if at < alive_until:
                until, state = min(moment, alive_until), State.ALIVE
            elif upper is None or at < maybe_until:
                until = moment if upper is None else min(moment, maybe_until)
                state = State.UNKNOWN
            else:
                until, state = moment, State.DEAD
            yield Stretch(at, until, state)
            at = until
        if packet.by_client:
            alive_until = max(alive_until, packet.until_ns + lower)
        if upper is not None and (packet.by_client or packet.ts_ns <= maybe_until):
            maybe_until = max(maybe_until, packet.until_ns + upper)


def path_packets(reach: Reach, subjects: Subjects) -> list[PathPacket]:
    """Every packet between the client and the place where it registered, in order of time; but not
    those that were lost on a dead binding, which can't have refreshed it."""
    peer = reach.peer
    dead = {id(sent) for o in reach.of(Fate.EXPIRED) for sent in o.sent}
    found: list[PathPacket] = []
    attempts = peer.attempts
    for transaction in [*attempts, *peer.outbound, *peer.inbound]:
        from_client = transaction.sent[0].src in peer.outers
        for sent in transaction.sent:
            if peer.local in sent[1:3] and id(sent) not in dead:
                found.append(PathPacket(sent.ts_ns, from_client, sent.ts_ns))
        for answer in transaction.answers:
            if peer.local in answer[1:3]:
                found.append(PathPacket(answer.ts_ns, not from_client, answer.ts_ns))
    for call in peer.calls:
        found += [
            PathPacket(ack.ts_ns, ack.src in peer.outers, ack.ts_ns)
            for ack in call.acks
            if peer.local in (ack.src, ack.dst)
        ]
    for train in subjects.keepalives_of(peer):
        if peer.local in (train.src, train.dst):
            by_client = train.src in peer.outers
            found += [PathPacket(ts_ns, by_client, ts_ns) for ts_ns in train.times_ns]
    found += _audio(peer, subjects)
    return sorted(found)


def _audio(peer: Peer, subjects: Subjects) -> Iterable[PathPacket]:
    """IAX2 carries its audio on the path of its signalling."""
    if peer.protocol != "IAX2":
        return
    for outer in peer.outers:
        for src, dst in ((outer, peer.local), (peer.local, outer)):
            flow = subjects.media.flow(src, dst)
            if flow is not None and flow.kind is MediaKind.IAX2_MINI:
                for segment in flow.segments:
                    yield PathPacket(segment.first_ns, src == outer, segment.last_ns)
