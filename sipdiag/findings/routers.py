"""What the traffic shows of each NAT, its clients' observations pooled: by public address.

RFC 4787's words: the mapping (section 4.1), its refresh (REQ-6) and the filtering (section 5).
Everything is None where nothing was observed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from sipdiag.base.endpoint import Endpoint, behind_nat
from sipdiag.base.interval import Interval
from sipdiag.findings.context import Context
from sipdiag.findings.reach import SAME_AGE_S, Fate, Reach
from sipdiag.findings.rules._filtered import filtered
from sipdiag.flows.binding import Observation
from sipdiag.flows.subjects import Peer, Subjects


@dataclass(frozen=True, slots=True)
class Router:
    """One NAT."""

    address: str
    clients: tuple[str, ...]
    lifetime: Interval
    """Of all its clients' bindings; without bounds where they contradict each other."""
    agree: bool
    """False: what survived with one client is older than what failed with another."""
    survived_count: int
    failed_count: int
    inbound_refreshes: bool | None
    """Whether a packet to a client refreshes its binding. A packet from it always does."""
    keeps_ports: bool | None
    """Clients keep the port that they wrote in Via (port preservation)."""
    endpoint_independent: bool | None
    """A client has the same public port towards two places (RFC 4787 section 4.1)."""
    lets_in_others: bool | None
    """Packets from another address or port than the client sent to get in (section 5)."""


def routers(context: Context) -> list[Router]:
    """Every public address that clients behind a NAT came from, in order of appearance."""
    reaches: defaultdict[str, list[Reach]] = defaultdict(list)
    for reach in context.reaches:
        for address in dict.fromkeys(outer.ip for outer in reach.peer.outers):
            if _behind(reach.peer, address):
                reaches[address].append(reach)
    return [_router(address, own, context.subjects) for address, own in reaches.items()]


def _behind(peer: Peer, address: str) -> bool:
    """Whether the client wrote another address than its packets come from; IAX2 writes none, so
    that it counts where it isn't private itself."""
    if behind_nat(address):
        return False
    attempts = peer.attempts
    written = [t.written for t in attempts if t.src.ip == address and t.written is not None]
    return all(w.via_host != address for w in written) if written else peer.protocol == "IAX2"


def _router(address: str, reaches: list[Reach], subjects: Subjects) -> Router:
    through = [o for r in reaches for o in r.of(Fate.THROUGH) if o.dst.ip == address]
    expired = [o for r in reaches for o in r.of(Fate.EXPIRED) if o.dst.ip == address]
    lifetime = Interval(
        max((o.quiet_s for o in through if o.quiet_s is not None), default=None),
        min((o.idle_s for o in expired if o.idle_s is not None), default=None),
    )
    agree = lifetime.consistent
    return Router(
        address=address,
        clients=tuple(f"{r.peer.protocol}/{r.peer.ident}" for r in reaches),
        lifetime=lifetime if agree else Interval(),
        agree=agree,
        survived_count=len(through),
        failed_count=len(expired),
        inbound_refreshes=_inbound(through, expired, lifetime),
        keeps_ports=_keeps_ports(reaches, address),
        endpoint_independent=_independent(reaches, address),
        lets_in_others=_lets_in(reaches, subjects, address),
    )


def _inbound(
    through: list[Observation], expired: list[Observation], lifetime: Interval
) -> bool | None:
    """Yes: something got through that only a packet to the client can have kept open. No: one that
    came while the binding lived didn't keep it."""
    lower, upper = lifetime
    if upper is not None and any(
        o.idle_s is not None and o.quiet_s is not None
        and o.idle_s > upper + SAME_AGE_S and o.quiet_s < upper
        for o in through
    ):  # fmt: skip
        return True
    if lower is not None and any(
        o.idle_s is not None and o.quiet_s is not None
        and SAME_AGE_S < o.idle_s - o.quiet_s <= lower and o.quiet_s <= lower
        for o in expired
    ):  # fmt: skip
        return False
    return None


def _keeps_ports(reaches: list[Reach], address: str) -> bool | None:
    kept = [
        t.written.via_port == t.src.port
        for r in reaches
        for t in r.peer.attempts
        if t.src.ip == address and t.written is not None and t.written.via_port is not None
    ]
    return all(kept) if kept else None


def _independent(reaches: list[Reach], address: str) -> bool | None:
    """By what a client wrote of itself: its ports as several registrars saw them."""
    seen: defaultdict[tuple[str, int], dict[Endpoint, set[int]]] = defaultdict(dict)
    for reach in reaches:
        for t in reach.peer.attempts:
            w = t.written
            if t.src.ip == address and w is not None and w.via_host and w.via_port:
                seen[w.via_host, w.via_port].setdefault(t.dst, set()).add(t.src.port)
    several = [list(ports.values()) for ports in seen.values() if len(ports) > 1]
    if not several:
        return None
    return all(ports[0] & other for ports in several for other in ports[1:])


def _lets_in(reaches: list[Reach], subjects: Subjects, address: str) -> bool | None:
    foreign = [
        t
        for r in reaches
        for t in r.peer.inbound
        if t.dst.ip == address and t.src != r.peer.local and t.protocol == r.peer.protocol
    ]
    if any(t.answered for t in foreign):
        return True
    return False if any(filtered(r, subjects) for r in reaches) else None
