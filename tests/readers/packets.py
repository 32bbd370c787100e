"""Small builders of messages, packets and capture files. Checksums are left zero: no reader
looks at them, since captures of outgoing packets rarely have them right (offload)."""

from __future__ import annotations

import io
import ipaddress
import struct
from collections.abc import Iterable, Sequence

from sipdiag.base.datagram import Datagram
from sipdiag.base.limits import DEFAULT_LIMITS, LimitHits, Limits
from sipdiag.readers import Reader, open_source

PHONE = ("192.168.1.20", 5060)
PBX = ("203.0.113.5", 5060)
PHONE6 = ("2001:db8::20", 5060)
PBX6 = ("2001:db8:1::5", 5060)
T0 = 1_700_000_000_000_000_000
MS = 1_000_000
S = 1_000_000_000

Address = tuple[str, int]


def sip(
    method: str = "OPTIONS", cseq: int = 1, body: bytes = b"", length: str | None = None
) -> bytes:
    """A request; ``length`` overrides the Content-Length line ("" leaves it out)."""
    line = f"Content-Length: {len(body)}\r\n" if length is None else length
    return (
        f"{method} sip:100@203.0.113.5 SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 192.168.1.20:5060;branch=z9hG4bK-1\r\n"
        "From: <sip:200@203.0.113.5>;tag=1\r\n"
        "To: <sip:100@203.0.113.5>\r\n"
        "Call-ID: 1@192.168.1.20\r\n"
        f"CSeq: {cseq} {method}\r\n"
        f"{line}\r\n"
    ).encode() + body


def rtp(seq: int = 1, ssrc: int = 0x11223344, payload_type: int = 0, size: int = 160) -> bytes:
    return (
        struct.pack(">BBHII", 0x80, payload_type, seq & 0xFFFF, seq * 160 & 0xFFFFFFFF, ssrc)
        + b"\xd5" * size
    )


def iax2(
    subclass: int = 0x1E, ies: bytes = b"", kind: int = 6, call: int = 1, dest: int = 0
) -> bytes:
    """A full frame, RFC 5456 section 8.1.1."""
    return struct.pack(">HHIBBBB", 0x8000 | call, dest, 20, 0, 0, kind, subclass) + ies


def mini(call: int = 1, stamp: int = 20) -> bytes:
    return struct.pack(">HH", call, stamp & 0xFFFF) + b"\xd5" * 160


STUN = struct.pack(">HHI12s", 1, 0, 0x2112A442, b"transaction!")


def ip(
    src: str,
    dst: str,
    protocol: int,
    body: bytes,
    ident: int = 1,
    offset: int = 0,
    more: bool = False,
    options: bytes = b"",
    total: int | None = None,
    extension: bytes = b"",
    ttl: int = 64,
) -> bytes:
    """An IP packet of the version of its addresses. IPv4: ``offset`` (bytes), ``more`` and
    ``options``. IPv6: ``extension`` is put before the body and ``protocol`` is its type."""
    a, b = ipaddress.ip_address(src), ipaddress.ip_address(dst)
    if a.version == 4:
        head = 20 + len(options)
        size = head + len(body) if total is None else total
        flags = (0x2000 if more else 0) | offset // 8
        start = (0x40 | head // 4, 0, size, ident, flags, ttl, protocol, 0)
        return struct.pack(">BBHHHBBH", *start) + a.packed + b.packed + options + body
    size = len(extension) + len(body) if total is None else total
    return (
        struct.pack(">IHBB", 0x60000000, size, protocol, ttl)
        + a.packed
        + b.packed
        + extension
        + body
    )


def fragment6(next_header: int, ident: int, offset: int, more: bool) -> bytes:
    """The fragment extension header, RFC 8200 section 4.5."""
    return struct.pack(">BBHI", next_header, 0, offset | more, ident)


def udp_header(src: Address, dst: Address, payload: bytes, length: int | None = None) -> bytes:
    size = 8 + len(payload) if length is None else length
    return struct.pack(">HHHH", src[1], dst[1], size, 0) + payload


def udp(src: Address, dst: Address, payload: bytes, ident: int = 1, ttl: int = 64) -> bytes:
    """An IP packet with a UDP datagram."""
    return ip(src[0], dst[0], 17, udp_header(src, dst, payload), ident, ttl=ttl)


def tcp(
    src: Address, dst: Address, seq: int, payload: bytes = b"", flags: int = 0x18, ack: int = 0
) -> bytes:
    """An IP packet with a TCP segment (PSH and ACK, unless told)."""
    head = struct.pack(
        ">HHIIBBHHH", src[1], dst[1], seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 8192, 0, 0
    )
    return ip(src[0], dst[0], 6, head + payload)


def icmp_unreachable(src: str, dst: str, quoted: bytes, code: int = 3) -> bytes:
    version6 = ":" in src
    body = struct.pack(">BBHI", 1 if version6 else 3, code, 0, 0) + quoted
    return ip(src, dst, 58 if version6 else 1, body)


def ethertype(packet: bytes) -> bytes:
    return b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"


def ethernet(packet: bytes, tags: Sequence[int] = (), mac: int = 1, pad: bool = False) -> bytes:
    """An Ethernet frame; ``tags`` are the EtherTypes of VLAN tags, outermost first."""
    vlan = b"".join(struct.pack(">HH", tag, 100) for tag in tags)
    frame = bytes([2, 0, 0, 0, 0, mac]) * 2 + vlan + ethertype(packet) + packet
    return frame.ljust(60, b"\0") if pad else frame


def cooked(packet: bytes, kind: int = 0) -> bytes:
    """A Linux cooked frame; ``kind``: 0 to us, 4 sent by us."""
    return struct.pack(">HHH8s", kind, 1, 6, b"\2\0\0\0\0\1\0\0") + ethertype(packet) + packet


def cooked2(packet: bytes, kind: int = 0, index: int = 2) -> bytes:
    return (
        ethertype(packet)
        + struct.pack(">HIHBB8s", 0, index, 1, kind, 6, b"\2\0\0\0\0\1\0\0")
        + packet
    )


Stamped = tuple[int, bytes]
"""(ns, frame)"""


def pcap(
    records: Iterable[bytes | Stamped],
    linktype: int = 1,
    order: str = "<",
    magic: int = 0xA1B2C3D4,
    snaplen: int = 65535,
) -> bytes:
    """A capture file; frames without a time come 10 ms apart, from ``T0``. Frames are cut at
    ``snaplen``."""
    unit = 1 if magic == 0xA1B23C4D else 1000
    out = [struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, snaplen, linktype)]
    for number, record in enumerate(records):
        ts, frame = (T0 + number * 10 * MS, record) if isinstance(record, bytes) else record
        kept = frame[:snaplen]
        out.append(struct.pack(order + "IIII", ts // S, ts % S // unit, len(kept), len(frame)))
        if magic == 0xA1B2CD34:
            out.append(struct.pack(order + "IHBB", 1, 0, 0, 0))
        out.append(kept)
    return b"".join(out)


def block(kind: int, body: bytes, order: str = "<") -> bytes:
    """A pcapng block."""
    body += b"\0" * (-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def option(code: int, value: bytes, order: str = "<") -> bytes:
    return struct.pack(order + "HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def section(order: str = "<") -> bytes:
    return block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)


def interface(linktype: int = 1, snaplen: int = 0, options: bytes = b"", order: str = "<") -> bytes:
    return block(1, struct.pack(order + "HHI", linktype, 0, snaplen) + options, order)


def enhanced(
    frame: bytes, ticks: int = T0 // 1000, index: int = 0, order: str = "<", wire: int | None = None
) -> bytes:
    wire = len(frame) if wire is None else wire
    head = struct.pack(order + "IIIII", index, ticks >> 32, ticks & 0xFFFFFFFF, len(frame), wire)
    return block(6, head + frame + b"\0" * (-len(frame) % 4), order)


def pcapng(frames: Iterable[bytes], linktype: int = 1) -> bytes:
    """A capture file of one section and one interface, frames 10 ms apart from ``T0``."""
    blocks = [section(), interface(linktype)]
    blocks += [enhanced(f, T0 // 1000 + n * 10_000) for n, f in enumerate(frames)]
    return b"".join(blocks)


def opened(data: bytes, limits: Limits = DEFAULT_LIMITS, hits: LimitHits | None = None) -> Reader:
    """A reader of these bytes."""
    return open_source(io.BytesIO(data), name="test", limits=limits, hits=hits)


def read(data: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[list[Datagram], Reader]:
    """All datagrams of these bytes, and the exhausted reader."""
    reader = opened(data, limits)
    return list(reader), reader


def frames(data: Iterable[Datagram]) -> list[int | None]:
    """The frame numbers of datagrams."""
    return [datagram.origin.frame for datagram in data]
