"""From one captured frame to the datagrams in it: link, IP, then UDP, TCP or ICMP.

Contract: ``Dissector.feed`` takes any frame that the native reader's inner loop didn't count
itself, updates ``Source`` and ``MediaTable`` and gives the datagrams that it completed (mostly
none). Never raises on content. ``finish`` gives what was still open at the end of input and
writes the closing notes. The live reader uses it as it is.
"""

from __future__ import annotations

import socket
from collections import deque

from sipdiag.base.datagram import Datagram, Origin, Source, Transport
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.limits import DEFAULT_LIMITS, LimitHits, Limits
from sipdiag.protocols.media import LAST, TAG, MediaKind, MediaTable, Tally
from sipdiag.protocols.recognise import Kind, Recogniser, is_sip
from sipdiag.readers import ip
from sipdiag.readers.link import LINKS
from sipdiag.readers.record import note
from sipdiag.readers.tcp import TcpStreams

DUPLICATE_NS = 2_000_000
"""Two sightings of one packet lie microseconds apart; SIP's shortest retransmission comes after
500 ms (RFC 3261 section 17.1.1.1, T1), so 2 ms can't take one for the other."""

MOST_RECENT = 1024
"""Packets remembered for those 2 ms, also where a file gives all packets the same time."""

_ENDPOINTS = 65_536
_NESTING = 4

_PLAIN_IPV4 = b"\x45"
"""First byte of an IPv4 header without options."""

_TELLING = 96
"""Octets of a UDP datagram, checksum included, that are nearly always enough to tell it from
others; where they aren't, all of it is compared."""


class Dissector:
    """Takes frames apart. ``flows`` maps source, destination and ports, as they stand in a packet,
    to the open ``Tally`` of its media, for the native reader's inner loop."""

    def __init__(
        self,
        source: Source,
        media: MediaTable,
        limits: Limits = DEFAULT_LIMITS,
        hits: LimitHits | None = None,
    ) -> None:
        self.source = source
        self.media = media
        self.flows: dict[bytes, Tally] = {}
        self.duplicates = 0
        self._limits = limits
        self._hits = LimitHits() if hits is None else hits
        self._recogniser = Recogniser(limits, self._hits)
        self._ip = ip.IpLayer(limits, self._hits)
        self._tcp = TcpStreams(source, limits, self._hits)
        self._endpoints: dict[bytes, Endpoint] = {}
        self._seen: dict[bytes, tuple[int, bytes, bytes]] = {}
        self._seen_order: deque[tuple[int, bytes]] = deque()
        self._sip: dict[bytes, tuple[Endpoint, Endpoint]] = {}
        """As ``flows``, for UDP that is known to carry SIP."""
        self._forgotten = 0

    def feed(
        self, ts_ns: int, frame: int, linktype: int, interface: int, data: bytes
    ) -> list[Datagram]:
        """The datagrams that this frame completed. ``frame``: its number, from 1;
        ``interface``: any number that tells interfaces of one source apart."""
        find = LINKS.get(linktype)
        if find is None:
            return []
        at = find(data)
        if data[at : at + 1] == _PLAIN_IPV4 and at >= 0 and len(data) >= at + 28:
            end = at + (data[at + 2] << 8) + data[at + 3]
            whole = at + 28 <= end <= len(data) and not (data[at + 6] & 0x3F or data[at + 7])
            if whole and data[at + 9] == ip.UDP:
                return self._plain(ts_ns, frame, interface, data, at, end)
        header = ip.ip_header(data, at)
        if header is None:
            return []
        if header.protocol != ip.TCP:
            ident = b"" if header.ident is None else header.ident.to_bytes(2)
            place = header.fragment[1] if header.fragment else 0
            key = ident + header.src + header.dst + place.to_bytes(2) + header.body[:_TELLING]
            if self._twice(ts_ns, key, header.body, interface, data[:at], bool(header.ident)):
                return []
        packet = self._ip.deliver(header, ts_ns)
        for _ in range(_NESTING):
            if packet is None or packet.protocol not in (ip.IPIP, ip.IPV6_IN_IP):
                break
            packet = self._ip.packet(packet.body, 0, ts_ns)
        if packet is None:
            return []
        if packet.protocol == ip.UDP:
            return self._udp(ts_ns, frame, packet)
        if packet.protocol == ip.TCP:
            return self._segment(ts_ns, frame, packet)
        if packet.protocol in (ip.ICMP, ip.ICMPV6):
            return self._icmp(ts_ns, frame, packet)
        return []

    def finish(self) -> list[Datagram]:
        """What was still open; adds the notes on duplicates and lost fragments."""
        found = self._tcp.finish()
        self._ip.finish()
        self.source.fragments_incomplete = self._ip.incomplete
        self.source.fragments_overlapping = self._ip.overlapping
        self.source.tcp_messages_incomplete = self._tcp.incomplete
        self.source.duplicate_packets = self.duplicates
        _closing_notes(self.source, self._limits)
        return found

    def endpoint(self, address: bytes, port: bytes) -> Endpoint:
        """The endpoint of a packed address (4 or 16 bytes) and port (2 bytes)."""
        key = address + port
        known = self._endpoints.get(key)
        if known is None:
            family = socket.AF_INET if len(address) == 4 else socket.AF_INET6
            known = Endpoint(socket.inet_ntop(family, address), int.from_bytes(port))
            if len(self._endpoints) >= _ENDPOINTS:
                self._endpoints.clear()
            self._endpoints[key] = known
        return known

    def _plain(
        self, ts_ns: int, frame: int, interface: int, data: bytes, at: int, end: int
    ) -> list[Datagram]:
        """UDP in a whole IPv4 packet without options, which is at ``data[at:end]``."""
        ident, ends = data[at + 4 : at + 6], data[at + 12 : at + 24]
        body = data[at + 20 : end]
        key = ident + ends + body[4:_TELLING]
        if self._twice(ts_ns, key, body, interface, data[:at], ident != b"\0\0"):
            return []
        if self._forgotten != self._recogniser.forgotten:
            self._forgotten = self._recogniser.forgotten
            self._sip.clear()
        known = self._sip.get(ends)
        if known is not None and (body[4] << 8) + body[5] == len(body):
            payload = body[8:]
            if is_sip(payload):
                self.source.sip_messages += 1
                origin = Origin(self.source.name, frame)
                return [Datagram(ts_ns, known[0], known[1], Transport.UDP, payload, origin)]
        return self._udp(
            ts_ns,
            frame,
            ip.IpPacket(ip.UDP, ends[:4], ends[4:8], body, False, int.from_bytes(ident)),
        )

    def _twice(
        self, ts_ns: int, key: bytes, body: bytes, interface: int, link: bytes, numbered: bool
    ) -> bool:
        """Whether this very packet was just captured elsewhere (``any``, a mirror port).

        The same identification on the same interface is a second sighting too, unless the
        sender sets none (0, or IPv6; ``numbered`` False): then the link layer must differ.
        """
        order = self._seen_order
        while order and (len(order) > MOST_RECENT or abs(ts_ns - order[0][0]) > DUPLICATE_NS):
            self._seen.pop(order.popleft()[1], None)
        before = self._seen.get(key)
        if before is None or before[2] != body:
            self._seen[key] = (interface, link, body)
            order.append((ts_ns, key))
            return False
        if numbered or before[0] != interface or before[1] != link:
            self.duplicates += 1
            return True
        return False

    def _udp(self, ts_ns: int, frame: int, packet: ip.IpPacket) -> list[Datagram]:
        body = packet.body
        if len(body) < 8:
            return []
        size = int.from_bytes(body[4:6])
        if size == 0:
            size = len(body)
        if size < 8:
            return []
        payload = body[8:size]
        cut = packet.cut or size > len(body)
        src = self.endpoint(packet.src, body[0:2])
        dst = self.endpoint(packet.dst, body[2:4])
        kind = self._recogniser.classify(src, dst, payload, cut)
        if kind is Kind.OTHER:
            return []
        if kind is Kind.RTP or kind is Kind.IAX2_MEDIA:
            self._count(ts_ns, frame, packet, kind, src, dst, size - 8)
            return []
        if kind is Kind.SIP:
            self.source.sip_messages += 1
            if len(packet.src) == 4:
                if len(self._sip) >= _ENDPOINTS:
                    self._sip.clear()
                self._sip[packet.src + packet.dst + body[:4]] = (src, dst)
        elif kind is Kind.IAX2:
            self.source.iax2_frames += 1
        origin = Origin(self.source.name, frame)
        return [Datagram(ts_ns, src, dst, Transport.UDP, payload, origin, cut=cut)]

    def _count(
        self,
        ts_ns: int,
        frame: int,
        packet: ip.IpPacket,
        kind: Kind,
        src: Endpoint,
        dst: Endpoint,
        octets: int,
    ) -> None:
        head = packet.body[8:20]
        known = self.flows.get(packet.src + packet.dst + packet.body[:4])
        if known and known[TAG] == head[:4] and abs(ts_ns - known[LAST]) <= DUPLICATE_NS:
            self.duplicates += 1
            return
        if kind is Kind.RTP:
            tally = self.media.count(
                src,
                dst,
                MediaKind.RTP,
                ts_ns,
                frame,
                octets,
                head[8:12],
                head[1] & 0x7F,
                head[:4],
            )
            self.source.rtp_packets += 1
            if tally is None:
                self.source.rtp_packets -= 4
                self._recogniser.forget(src, dst)
        else:
            tally = self.media.count(
                src, dst, MediaKind.IAX2_MINI, ts_ns, frame, octets, tag=head[:4]
            )
        if tally is not None and packet.whole:
            if len(self.flows) >= self._limits.media_flows:
                self.flows.clear()
            self.flows[packet.src + packet.dst + packet.body[:4]] = tally

    def _segment(self, ts_ns: int, frame: int, packet: ip.IpPacket) -> list[Datagram]:
        body = packet.body
        if len(body) < 20:
            return []
        src = self.endpoint(packet.src, body[0:2])
        dst = self.endpoint(packet.dst, body[2:4])
        return self._tcp.segment(ts_ns, frame, src, dst, body, packet.cut)

    def _icmp(self, ts_ns: int, frame: int, packet: ip.IpPacket) -> list[Datagram]:
        """ICMP type 3 (RFC 792) or ICMPv6 type 1 (RFC 4443 section 3.1), any code, where it
        quotes a UDP packet of a signalling flow. Its endpoints have port 0."""
        body = packet.body
        unreachable = 3 if packet.protocol == ip.ICMP else 1
        if len(body) < 16 or body[0] != unreachable:
            return []
        quoted = body[8:]
        if not concerns_us(self._recogniser, quoted):
            return []
        return [
            Datagram(
                ts_ns,
                self.endpoint(packet.src, b"\0\0"),
                self.endpoint(packet.dst, b"\0\0"),
                Transport.ICMP,
                quoted,
                Origin(self.source.name, frame),
                cut=packet.cut,
            )
        ]


def _closing_notes(source: Source, limits: Limits) -> None:
    """Notes on duplicates and on what isn't whole, when all were counted."""
    if source.fragments_incomplete:
        lost = f"{source.fragments_incomplete} fragmented IP packets never became whole"
        note(source, limits, lost)
    if source.fragments_overlapping:
        note(
            source,
            limits,
            f"{source.fragments_overlapping} IP fragments overlap others, which none does by "
            "accident: in IPv4 what came first was taken, in IPv6 none of it (RFC 5722)",
        )
    if source.tcp_messages_incomplete == 1:
        missing = "1 SIP message over TCP isn't whole: packets of its stream are missing"
        note(source, limits, missing)
    elif source.tcp_messages_incomplete:
        note(
            source,
            limits,
            f"{source.tcp_messages_incomplete} SIP messages over TCP aren't whole: packets of "
            "their streams are missing",
        )
    if source.duplicate_packets:
        twice = f"{source.duplicate_packets} packets were captured twice and counted once"
        note(source, limits, twice)


def concerns_us(recogniser: Recogniser, quoted: bytes) -> bool:
    """Whether the packet that an ICMP message quotes is UDP of a signalling or RTP flow."""
    inner = ip.ip_header(quoted, 0)
    if inner is None or inner.protocol != ip.UDP or len(inner.body) < 8:
        return False
    if inner.fragment is not None and inner.fragment[1]:
        return False
    family = socket.AF_INET if len(inner.src) == 4 else socket.AF_INET6
    src = Endpoint(socket.inet_ntop(family, inner.src), int.from_bytes(inner.body[0:2]))
    dst = Endpoint(socket.inet_ntop(family, inner.dst), int.from_bytes(inner.body[2:4]))
    return (
        recogniser.known(src, dst) is Kind.RTP
        or recogniser.signalling(src, dst)
        or is_sip(inner.body[8:])
    )
