"""Requests from another address or port of the PBX than the phone registered with: for SD506, and
for SD201 and SD401, which must not blame the phone for them."""

from __future__ import annotations

from typing import NamedTuple

from sipdiag.base.datagram import Transport
from sipdiag.base.interval import seconds
from sipdiag.findings.reach import LEAST_LIFETIME_S, Fate, Reach
from sipdiag.flows.binding import Observation
from sipdiag.flows.subjects import Peer, Subjects
from sipdiag.flows.transaction import Transaction


class Filtered(NamedTuple):
    """A request from elsewhere that was lost; ``age_s``: since the phone's last packet to its
    registrar."""

    transaction: Transaction
    age_s: float


def _heard(peer: Peer) -> list[int]:
    """When the phone sent something to the registrar, in order."""
    attempts = peer.attempts
    times = [s.ts_ns for t in [*attempts, *peer.outbound] for s in t.sent if s.dst == peer.local]
    times += [a.ts_ns for t in peer.inbound for a in t.answers if a.dst == peer.local]
    return sorted(times)


def _of_the_pbx(transaction: Transaction, peer: Peer, subjects: Subjects) -> bool:
    """Another port of the registrar's address; or another address that calls itself the same."""
    if transaction.src.ip == peer.local.ip:
        return transaction.src.port != peer.local.port
    name = subjects.software.get(peer.local.ip)
    return name is not None and subjects.software.get(transaction.src.ip) == name


def filtered(reach: Reach, subjects: Subjects) -> list[Filtered]:
    """Requests from elsewhere that got no reply on a mapping that was open for the registrar, while
    the phone was alive; none where anything from there ever got through."""
    peer = reach.peer
    registration = peer.registration
    if registration is None:
        return []
    elsewhere = [
        t for t in peer.inbound if t.transport is Transport.UDP and _of_the_pbx(t, peer, subjects)
    ]
    if not elsewhere:
        return []
    answered = {t.src for t in elsewhere if t.answers}
    heard = _heard(peer)
    fresh_s = max(reach.survived_s or 0.0, LEAST_LIFETIME_S)
    found = []
    for t in elsewhere:
        before = [ts_ns for ts_ns in heard if ts_ns <= t.start_ns]
        alive = any(ts_ns > t.start_ns for ts_ns in heard)
        if t.src in answered or not before or not alive:
            continue
        age_s = seconds(t.start_ns - before[-1])
        if registration.outer_at(t.start_ns) == t.dst and age_s <= fresh_s:
            found.append(Filtered(t, age_s))
    return found


def same_way(reach: Reach) -> list[Observation]:
    """What got through from the registrar's own address and port."""
    return [o for o in reach.of(Fate.THROUGH) if o.sent[0].src == reach.peer.local]
