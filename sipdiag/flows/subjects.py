"""Everything that a tracker found in one source: what the findings judge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from sipdiag.base.datagram import Origin, Source
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.logevent import LogEvent
from sipdiag.flows.call import Call
from sipdiag.flows.clock import ClockJump
from sipdiag.flows.keepalive import KeepaliveTrain
from sipdiag.flows.registration import Registration
from sipdiag.flows.transaction import Transaction
from sipdiag.protocols.media import MediaTable

NOTED_COUNT = 1024
"""Packets with something odd kept of each kind: more prove nothing more."""


class Packet(NamedTuple):
    """A signalling packet, kept for ladders and timelines. ``label`` is wire text, unescaped."""

    ts_ns: int
    src: Endpoint
    dst: Endpoint
    label: str
    protocol: str
    call_id: str
    origin: Origin


@dataclass(slots=True, eq=False)
class Peer:
    """One client and all the signalling with it: the phone's side of a registration, or, where
    no registration was seen, whoever is at one outer address and port."""

    protocol: str
    user: str | None
    local: Endpoint
    """The PBX's side."""
    registration: Registration | None = None
    outers: list[Endpoint] = field(default_factory=list)
    """Every address and port that it sent from, in order of appearance."""
    inbound: list[Transaction] = field(default_factory=list)
    """Requests from the PBX for this client, wherever they were sent."""
    outbound: list[Transaction] = field(default_factory=list)
    """Requests from the client, REGISTER and REGREQ not among them."""
    calls: list[Call] = field(default_factory=list)

    @property
    def attempts(self) -> list[Transaction]:
        """Its attempts to register; none where no registration was seen."""
        return self.registration.attempts if self.registration else []

    @property
    def ident(self) -> str:
        """How a report names it: ``101`` or the address (wire text, unescaped)."""
        return self.user or (str(self.outers[0]) if self.outers else "?")


@dataclass(slots=True, eq=False)
class Subjects:
    """The outcome of a tracker."""

    source: Source
    peers: list[Peer]
    calls: list[Call]
    media: MediaTable
    servers: frozenset[Endpoint]
    """Registrars, and what ``--local`` named."""
    software: dict[str, str]
    """Sender's IP address to the newest User-Agent or Server header seen from it."""
    drivers: dict[str, str]
    """Sender's IP address to ``chan_sip`` or ``chan_pjsip``, where its tags betray it."""
    unreachable: list[Packet]
    """ICMP destination unreachable answers to signalling."""
    length_errors: list[Packet]
    """SIP messages whose Content-Length isn't their body's; ``label`` says so."""
    stun_clients: frozenset[Endpoint]
    """Endpoints that exchanged STUN messages with somebody."""
    events: list[LogEvent]
    """What the PBX's log says in its own words, where the source is one."""
    packets: list[Packet]
    """The signalling packets, up to the cap; empty unless asked for."""
    cut_messages: list[Packet] = field(default_factory=list)
    """SIP messages in packets of which the capture kept only a part."""
    clock_jumps: list[ClockJump] = field(default_factory=list)
    """Where the clock was set back."""
    keepalives: list[KeepaliveTrain] = field(default_factory=list)
    limits_hit: dict[str, int] = field(default_factory=dict)
    """Caps of ``Limits`` that this source reached, and how often."""
    full_ns: int | None = None
    """From here on nothing was kept of registrations and requests (``Limits.requests_held``)."""
    _trains_at: dict[Endpoint, list[KeepaliveTrain]] = field(default_factory=dict, repr=False)

    def keepalives_of(self, peer: Peer) -> list[KeepaliveTrain]:
        """Keepalives between a client and the address of its PBX, either way."""
        if not self._trains_at:
            for train in self.keepalives:
                for end in (train.src, train.dst):
                    self._trains_at.setdefault(end, []).append(train)
        found = [train for outer in peer.outers for train in self._trains_at.get(outer, ())]
        return [train for train in found if peer.local.ip in (train.src.ip, train.dst.ip)]

    @property
    def end_ns(self) -> int | None:
        """Up to when it is known what clients did: the end of the source, or of what was kept."""
        last_ns = self.source.last_ns
        return last_ns if self.full_ns is None or last_ns is None else min(last_ns, self.full_ns)

    @property
    def pbx_software(self) -> str | None:
        """What the PBX calls itself, where it does."""
        return self._of_pbx(self.software)

    @property
    def pbx_driver(self) -> str | None:
        """``chan_sip`` or ``chan_pjsip``, where it can be told."""
        return self._of_pbx(self.drivers)

    def _of_pbx(self, by_ip: dict[str, str]) -> str | None:
        known = [by_ip[server.ip] for server in sorted(self.servers) if server.ip in by_ip]
        return known[0] if known else None
