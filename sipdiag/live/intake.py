"""Frames and log lines to clients' histories: what comes in of one source.

Contract: pure, nothing raises on content. A frame goes whole to the history of the client that it
is of, together with the fragments or TCP segments before it that it needed; media only where it
was asked for. Everything that waits is capped (``Limits.live_*``).
"""

from __future__ import annotations

import socket
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from sipdiag.base.datagram import Datagram, Origin, Transport
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import NS
from sipdiag.base.limits import LimitHits
from sipdiag.base.logevent import EventKind, LogEvent
from sipdiag.live.client import Client
from sipdiag.live.clients import Clients
from sipdiag.live.history import Kept
from sipdiag.live.signals import signal_of
from sipdiag.live.verdicts import View
from sipdiag.protocols.media import MediaTable
from sipdiag.protocols.recognise import IAX2_PORT
from sipdiag.readers import ip
from sipdiag.readers.dissect import Dissector
from sipdiag.readers.link import LINKS

_SIP_PORT = 5060
_MOST_LEARNT = 16
"""Ports learnt of each kind: a PBX has one or two, and a forger may name many."""


@dataclass(slots=True)
class Learnt:
    """Ports on which signalling was found by content, which the kernel's filter doesn't know."""

    iax2_ports: set[int] = field(default_factory=set)
    tcp_ports: set[int] = field(default_factory=set)


class Intake:
    """See the module. ``here``: the host's own addresses."""

    def __init__(self, view: View, hits: LimitHits, here: frozenset[str], *, media: bool) -> None:
        self.source = view.source()
        self.events: deque[LogEvent] = deque(maxlen=view.limits.live_events)
        self.clients = Clients(view.limits, hits, view.local | here)
        self.learnt = Learnt()
        self.witness: Kept | None = None
        """The newest whole message in one frame, whoever's."""
        self._limits, self._hits, self._linktype = view.limits, hits, view.linktype
        self._with_media = media
        media_table = MediaTable(view.limits, hits)
        self._dissector = Dissector(self.source, media_table, view.limits, hits)
        self._pending: OrderedDict[bytes, deque[Kept]] = OrderedDict()

    def finish(self) -> None:
        """Writes the closing notes on the source."""
        self._dissector.finish()

    def frame(self, ts_ns: int, interface: int, data: bytes, wire: int) -> None:
        """Takes the next frame."""
        source = self.source
        source.packets += 1
        if source.first_ns is None:
            source.first_ns = ts_ns
        source.last_ns = ts_ns
        linktype = self._linktype
        if linktype is None:
            return
        media_before = source.rtp_packets
        kept = Kept(ts_ns, source.packets, interface, data, wire)
        found = self._dissector.feed(ts_ns, source.packets, linktype, interface, data)
        if found:
            self._datagrams(found, kept)
        elif source.rtp_packets == media_before:
            self._part(kept)
        elif self._with_media:
            self._media_frame(kept)

    def log_item(self, item: Datagram | LogEvent) -> None:
        """Takes the next message or verdict line of a log."""
        if isinstance(item, LogEvent):
            self._event(item)
        else:
            self._message(item)

    def dropped(self, now_ns: int, count: int) -> None:
        """Packets are missing, as lines are where a log says so."""
        text = f"the kernel dropped {count} packets"
        origin = Origin(self.source.name)
        self.events.append(LogEvent(now_ns, EventKind.DISCARDED, None, None, text, origin))

    def _message(self, datagram: Datagram) -> None:
        source = self.source
        source.packets += 1
        if datagram.payload[:1] >= b"\x80":
            source.iax2_frames += 1
        else:
            source.sip_messages += 1
        if source.first_ns is None:
            source.first_ns = datagram.ts_ns
        source.last_ns = datagram.ts_ns
        size = len(datagram.payload)
        kept = Kept(datagram.ts_ns, datagram.origin.line or 0, 0, datagram, size)
        client = self._client_of(datagram)
        if client is not None:
            self.clients.keep(client, kept)

    def _event(self, event: LogEvent) -> None:
        self.events.append(event)
        for client in self.clients:
            if event.user is not None and client.user == event.user:
                client.changed = True
                client.due(event.ts_ns + NS)

    def _datagrams(self, found: list[Datagram], kept: Kept) -> None:
        """What a frame completed. The frames before it that it needed go with it."""
        parts = self._parts_of(kept) if self._pending else ()
        owners: list[Client] = []
        for datagram in found:
            client = self._client_of(datagram)
            if client is not None and client not in owners:
                owners.append(client)
        for client in owners:
            for part in parts:
                self.clients.keep(client, part)
            self.clients.keep(client, kept)
        if not parts and found[0].transport is Transport.UDP and owners:
            self.witness = kept

    def _client_of(self, datagram: Datagram) -> Client | None:
        src, dst = datagram.src, datagram.dst
        if datagram.transport is Transport.ICMP:
            ends = _udp_ends(datagram.payload, 0)
            return self.clients.quoted(ends) if ends is not None else None
        signal = signal_of(datagram)
        if signal is not None and src is not None and dst is not None:
            self._learn(datagram, signal.protocol, src, dst)
        return self.clients.take(datagram.ts_ns, src, dst, signal)

    def _learn(self, datagram: Datagram, protocol: str, src: Endpoint, dst: Endpoint) -> None:
        """The lower port of the two is the server's: what clients have is higher."""
        port = min(src.port, dst.port)
        ports, known = self.learnt.iax2_ports, IAX2_PORT
        if protocol == "SIP":
            if datagram.transport is not Transport.TCP:
                return
            ports, known = self.learnt.tcp_ports, _SIP_PORT
        if known not in (src.port, dst.port) and len(ports) < _MOST_LEARNT:
            ports.add(port)

    def _part(self, kept: Kept) -> None:
        """A frame that completed nothing: a fragment, or a segment of a stream."""
        key = self._key_of(kept)
        if key is None:
            return
        waiting = self._pending.get(key)
        if waiting is None:
            if len(self._pending) >= self._limits.live_pending:
                self._pending.popitem(last=False)
                self._hits.hit("live_pending")
            waiting = self._pending[key] = deque(maxlen=self._limits.live_pending_each)
        waiting.append(kept)

    def _parts_of(self, kept: Kept) -> Sequence[Kept]:
        key = self._key_of(kept)
        return self._pending.pop(key, ()) if key is not None else ()

    def _key_of(self, kept: Kept) -> bytes | None:
        """What the parts of one message share: the addresses of a fragment, and those with the
        ports of a TCP segment."""
        data, linktype = kept.data, self._linktype
        if not isinstance(data, bytes) or linktype is None:
            return None
        find = LINKS.get(linktype)
        header = ip.ip_header(data, find(data)) if find is not None else None
        if header is None:
            return None
        if header.fragment is not None:
            return header.src + header.dst
        if header.protocol == ip.TCP:
            return header.src + header.dst + header.body[:4]
        return None

    def _media_frame(self, kept: Kept) -> None:
        """Media goes to the client whose call it is of."""
        data, linktype = kept.data, self._linktype
        if not isinstance(data, bytes) or linktype is None:
            return
        ends = _udp_ends(data, LINKS[linktype](data))
        client = self.clients.of_media(*ends) if ends is not None else None
        if client is not None:
            self.clients.keep(client, kept, media=True)


def _udp_ends(data: bytes, at: int) -> tuple[Endpoint, Endpoint] | None:
    """The ends of the UDP packet whose IP header is at ``at``."""
    header = ip.ip_header(data, at)
    if header is None or len(header.body) < 4:
        return None
    family = socket.AF_INET if len(header.src) == 4 else socket.AF_INET6
    return (
        Endpoint(socket.inet_ntop(family, header.src), int.from_bytes(header.body[0:2])),
        Endpoint(socket.inet_ntop(family, header.dst), int.from_bytes(header.body[2:4])),
    )
