"""Captures as bytes: datagrams wrapped in IP and a link layer, records in pcap or pcapng.

Contract: standard library only; deterministic; every checksum and length is right unless a
``snaplen`` cuts it. ``write_pcap`` serves most tests, ``PcapBuilder`` those of the readers.

Formats: the libpcap file format (draft-ietf-opsawg-pcap), pcapng (draft-ietf-opsawg-pcapng),
link types from the registry at tcpdump.org.
"""

from __future__ import annotations

import enum
import ipaddress
import struct
from collections.abc import Iterable
from pathlib import Path

from sipdiag.base.datagram import Datagram, Transport
from sipdiag.base.endpoint import Endpoint


class LinkType(enum.IntEnum):
    """Link layers that ``PcapBuilder`` can write."""

    NULL = 0
    ETHERNET = 1
    RAW = 101
    LOOP = 108
    LINUX_SLL = 113
    IPV4 = 228
    IPV6 = 229
    LINUX_SLL2 = 276


_UDP, _TCP, _ICMP, _ICMPV6 = 17, 6, 1, 58
_MACS = bytes.fromhex("020000000002020000000001")


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\x00"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def _packed(ip: str) -> bytes:
    return ipaddress.ip_address(ip).packed


def _pseudo(src: str, dst: str, protocol: int, length: int) -> bytes:
    """RFC 768 and RFC 8200 section 8.1; a sum over either form is the same."""
    return _packed(src) + _packed(dst) + struct.pack("!II", length, protocol)


def udp_segment(src: Endpoint, dst: Endpoint, payload: bytes) -> bytes:
    """A UDP header with its checksum, and the payload."""
    length = 8 + len(payload)
    head = struct.pack("!HHHH", src.port, dst.port, length, 0)
    total = checksum(_pseudo(src.ip, dst.ip, _UDP, length) + head + payload) or 0xFFFF
    return head[:6] + total.to_bytes(2) + payload


def tcp_segment(
    src: Endpoint, dst: Endpoint, payload: bytes, sequence: int, acknowledged: int, flags: int
) -> bytes:
    """A TCP header without options, its checksum, and the payload. ``flags``: 2 SYN, 16 ACK,
    24 PSH and ACK, 1 FIN, 4 RST (RFC 9293)."""
    head = struct.pack(
        "!HHIIBBHHH",
        src.port,
        dst.port,
        sequence & 0xFFFFFFFF,
        acknowledged & 0xFFFFFFFF,
        0x50,
        flags,
        65535,
        0,
        0,
    )
    total = checksum(_pseudo(src.ip, dst.ip, _TCP, len(head) + len(payload)) + head + payload)
    return head[:16] + total.to_bytes(2) + head[18:] + payload


def icmp_unreachable(src: str, dst: str, packet: bytes) -> bytes:
    """Port unreachable, answering ``packet`` (RFC 792; RFC 4443 section 3.1)."""
    if ":" in src:
        body = b"\x01\x04\x00\x00" + bytes(4) + packet
        total = checksum(_pseudo(src, dst, _ICMPV6, len(body)) + body)
    else:
        body = b"\x03\x03\x00\x00" + bytes(4) + packet
        total = checksum(body)
    return body[:2] + total.to_bytes(2) + body[4:]


def ip_packets(
    src: str, dst: str, protocol: int, body: bytes, *, identity: int = 0, mtu: int = 65535
) -> list[bytes]:
    """One IP packet, or its fragments where it is larger than ``mtu`` bytes (RFC 791, RFC 8200
    section 4.5). IPv6 where ``src`` is one."""
    six = ":" in src
    room = mtu - (40 if six else 20)
    if len(body) <= room:
        pieces = [(0, body, False)]
    else:
        room = (room - (8 if six else 0)) // 8 * 8
        starts = range(0, len(body), room)
        pieces = [(at, body[at : at + room], at + room < len(body)) for at in starts]
    build = _ipv6 if six else _ipv4
    whole = len(pieces) == 1
    return [
        build(src, dst, protocol, piece, identity, None if whole else (at, more))
        for at, piece, more in pieces
    ]


def _ipv4(
    src: str, dst: str, protocol: int, body: bytes, identity: int, part: tuple[int, bool] | None
) -> bytes:
    at, more = part or (0, False)
    flags = at // 8 | (0x2000 if more else 0)
    ends = _packed(src) + _packed(dst)
    fixed = (0x45, 0, 20 + len(body), identity & 0xFFFF, flags, 64, protocol)
    total = checksum(struct.pack("!BBHHHBBH", *fixed, 0) + ends)
    return struct.pack("!BBHHHBBH", *fixed, total) + ends + body


def _ipv6(
    src: str, dst: str, protocol: int, body: bytes, identity: int, part: tuple[int, bool] | None
) -> bytes:
    if part is not None:
        at, more = part
        body = struct.pack("!BBHI", protocol, 0, at | int(more), identity) + body
        protocol = 44
    return (
        struct.pack("!IHBB", 6 << 28, len(body), protocol, 64) + _packed(src) + _packed(dst) + body
    )


class PcapBuilder:
    """Collects packets, then gives the file's bytes.

    ``kind``: ``pcap`` or ``pcapng``; ``byte_order``: ``<`` or ``>``; ``nanoseconds``: pcap with
    the nanosecond magic, or pcapng with ``if_tsresol`` 9; ``snaplen``: bytes kept of each frame;
    ``vlan``: an 802.1Q tag on Ethernet; ``mtu``: larger IP packets are fragmented.
    """

    def __init__(
        self,
        *,
        kind: str = "pcap",
        byte_order: str = "<",
        linktype: LinkType = LinkType.ETHERNET,
        nanoseconds: bool = False,
        snaplen: int = 262_144,
        vlan: int | None = None,
        mtu: int = 65535,
    ) -> None:
        self.kind = kind
        self.byte_order = byte_order
        self.linktype = linktype
        self.nanoseconds = nanoseconds
        self.snaplen = snaplen
        self.vlan = vlan
        self.mtu = mtu
        self._records: list[tuple[int, bytes]] = []

    def __len__(self) -> int:
        """Frames so far: the number of the last one as Wireshark counts."""
        return len(self._records)

    def add(self, datagram: Datagram) -> None:
        """Adds a datagram; an ICMP one has the packet that it answers as its payload. TCP goes
        as one segment with sequence number 1: use ``add_tcp`` for a stream."""
        src, dst = datagram.src, datagram.dst
        if src is None or dst is None:
            raise ValueError("a packet needs both its ends")
        match datagram.transport:
            case Transport.UDP:
                self.add_udp(datagram.ts_ns, src, dst, datagram.payload)
            case Transport.ICMP:
                body = icmp_unreachable(src.ip, dst.ip, datagram.payload)
                protocol = _ICMPV6 if ":" in src.ip else _ICMP
                self._add_ip(datagram.ts_ns, src.ip, dst.ip, protocol, body)
            case _:
                self.add_tcp(datagram.ts_ns, src, dst, datagram.payload)

    def add_udp(self, ts_ns: int, src: Endpoint, dst: Endpoint, payload: bytes) -> None:
        """Adds a UDP datagram at ``ts_ns`` (nanoseconds since 1970, UTC)."""
        self._add_ip(ts_ns, src.ip, dst.ip, _UDP, udp_segment(src, dst, payload))

    def add_tcp(
        self,
        ts_ns: int,
        src: Endpoint,
        dst: Endpoint,
        payload: bytes,
        *,
        sequence: int = 1,
        acknowledged: int = 1,
        flags: int = 24,
    ) -> None:
        """Adds one TCP segment."""
        segment = tcp_segment(src, dst, payload, sequence, acknowledged, flags)
        self._add_ip(ts_ns, src.ip, dst.ip, _TCP, segment)

    def add_frame(self, ts_ns: int, frame: bytes) -> None:
        """Adds a frame as it is, link layer and all."""
        self._records.append((ts_ns, frame))

    def _add_ip(self, ts_ns: int, src: str, dst: str, protocol: int, body: bytes) -> None:
        identity = len(self._records) + 1
        for packet in ip_packets(src, dst, protocol, body, identity=identity, mtu=self.mtu):
            self.add_frame(ts_ns, self._link(packet))

    def _link(self, packet: bytes) -> bytes:
        six = packet[0] >> 4 == 6
        ethertype = (0x86DD if six else 0x0800).to_bytes(2)
        match self.linktype:
            case LinkType.ETHERNET:
                tag = b"" if self.vlan is None else b"\x81\x00" + self.vlan.to_bytes(2)
                return _MACS + tag + ethertype + packet
            case LinkType.LINUX_SLL:
                return struct.pack("!HHH8s", 0, 1, 6, _MACS[6:]) + ethertype + packet
            case LinkType.LINUX_SLL2:
                return ethertype + struct.pack("!HIHBB8s", 0, 1, 1, 0, 6, _MACS[6:]) + packet
            case LinkType.NULL:
                return struct.pack(self.byte_order + "I", 10 if six else 2) + packet
            case LinkType.LOOP:
                return struct.pack("!I", 24 if six else 2) + packet
            case _:
                return packet

    def to_bytes(self) -> bytes:
        """The whole file."""
        return self._pcapng() if self.kind == "pcapng" else self._pcap()

    def write(self, path: str | Path) -> None:
        """Writes the file."""
        Path(path).write_bytes(self.to_bytes())

    def _pcap(self) -> bytes:
        magic = 0xA1B23C4D if self.nanoseconds else 0xA1B2C3D4
        unit = 1 if self.nanoseconds else 1000
        order = self.byte_order
        parts = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, self.snaplen, self.linktype)]
        for ts_ns, frame in self._records:
            second, fraction = divmod(ts_ns, 1_000_000_000)
            kept = frame[: self.snaplen]
            parts.append(
                struct.pack(order + "IIII", second, fraction // unit, len(kept), len(frame))
            )
            parts.append(kept)
        return b"".join(parts)

    def _pcapng(self) -> bytes:
        order = self.byte_order
        resolution = b""
        if self.nanoseconds:
            resolution = struct.pack(order + "HHB3xHH", 9, 1, 9, 0, 0)
        parts = [
            self._block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)),
            self._block(1, struct.pack(order + "HHI", self.linktype, 0, self.snaplen) + resolution),
        ]
        unit = 1 if self.nanoseconds else 1000
        for ts_ns, frame in self._records:
            ticks = ts_ns // unit
            kept = frame[: self.snaplen]
            head = struct.pack(
                order + "IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(kept), len(frame)
            )
            parts.append(self._block(6, head + kept))
        return b"".join(parts)

    def _block(self, kind: int, body: bytes) -> bytes:
        body += bytes(-len(body) % 4)
        length = struct.pack(self.byte_order + "I", 12 + len(body))
        return struct.pack(self.byte_order + "I", kind) + length + body + length


def write_pcap(path: str | Path, datagrams: Iterable[Datagram]) -> None:
    """Writes datagrams as an ordinary capture: pcap, little-endian, microseconds, Ethernet."""
    builder = PcapBuilder()
    for datagram in datagrams:
        builder.add(datagram)
    builder.write(path)
