"""Writes datagrams as a capture file: pcapng or pcap, Ethernet, IP and UDP around each.

Contract: standard library only; every length and checksum is right; times to the nanosecond. The
caller gives both endpoints. pcapng carries a comment for the file and one a packet.

Formats: draft-ietf-opsawg-pcapng, draft-ietf-opsawg-pcap (the magic number for nanoseconds).
"""

from __future__ import annotations

import ipaddress
import struct
from typing import BinaryIO, Protocol

from sipdiag.base.endpoint import Endpoint

MOST_BYTES = 65_507
"""UDP over IPv4: 65535 less both headers (RFC 791, RFC 768)."""

_ETHERNET = 1
_MACS = bytes.fromhex("020000000002020000000001")
_UDP = 17
_TTL = 64


def _checksum(data: bytes) -> int:
    """RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def frame(src: Endpoint, dst: Endpoint, payload: bytes, number: int) -> bytes:
    """An Ethernet frame with one UDP datagram; both addresses of one IP version. ``number`` is
    IPv4's identification. Raises ``ValueError`` for addresses that are none."""
    one, other = ipaddress.ip_address(src.ip), ipaddress.ip_address(dst.ip)
    payload = payload[:MOST_BYTES]
    length = 8 + len(payload)
    udp = struct.pack("!HHHH", src.port, dst.port, length, 0)
    pseudo = one.packed + other.packed + struct.pack("!II", length, _UDP)
    udp = udp[:6] + (_checksum(pseudo + udp + payload) or 0xFFFF).to_bytes(2)
    if one.version == 6:
        head = struct.pack("!IHBB", 6 << 28, length, _UDP, _TTL) + one.packed + other.packed
        return _MACS + b"\x86\xdd" + head + udp + payload
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, number & 0xFFFF, 0, _TTL, _UDP, 0)
    head += one.packed + other.packed
    head = head[:10] + _checksum(head).to_bytes(2) + head[12:]
    return _MACS + b"\x08\x00" + head + udp + payload


class CaptureWriter(Protocol):
    """Takes packets in the order in which they are to stand in the file."""

    def packet(self, ts_ns: int, data: bytes, *comments: str) -> None: ...


class PcapWriter:
    """pcap; comments have no place in it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, _ETHERNET))

    def packet(self, ts_ns: int, data: bytes, *comments: str) -> None:
        """Writes one packet, captured at ``ts_ns`` since 1970 UTC."""
        seconds, rest = divmod(ts_ns, 1_000_000_000)
        head = struct.pack("<IIII", seconds & 0xFFFFFFFF, rest, len(data), len(data))
        self._file.write(head + data)


_COMMENT, _NAME, _APPLICATION, _RESOLUTION = 1, 2, 4, 9


def _option(code: int, value: bytes) -> bytes:
    value = value[:65_000]
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def _block(kind: int, body: bytes) -> bytes:
    size = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + size + body + size


class PcapngWriter:
    """pcapng, with ``comment`` on the file and ``application`` as its writer. A packet's interface
    must have been written before it."""

    def __init__(self, file: BinaryIO, comment: str, application: str) -> None:
        self._file = file
        self._interfaces = 0
        options = _option(_COMMENT, comment.encode()) + _option(_APPLICATION, application.encode())
        section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1) + options + bytes(4)
        file.write(_block(0x0A0D0D0A, section))

    def interface(self, linktype: int = _ETHERNET, name: str = "") -> int:
        """Writes an interface and gives its number; its packets have times in nanoseconds."""
        options = _option(_NAME, name.encode()) if name else b""
        options += _option(_RESOLUTION, b"\x09") + bytes(4)
        self._file.write(_block(1, struct.pack("<HHI", linktype, 0, 262144) + options))
        self._interfaces += 1
        return self._interfaces - 1

    def packet(
        self,
        ts_ns: int,
        data: bytes,
        *comments: str,
        interface: int = 0,
        wire_bytes: int | None = None,
    ) -> None:
        """Writes one packet, captured at ``ts_ns`` since 1970 UTC; ``wire_bytes``: its length on
        the wire, where only a part was kept."""
        wire = len(data) if wire_bytes is None else wire_bytes
        head = struct.pack(
            "<IIIII", interface, ts_ns >> 32 & 0xFFFFFFFF, ts_ns & 0xFFFFFFFF, len(data), wire
        )
        options = b"".join(_option(_COMMENT, comment.encode()) for comment in comments if comment)
        body = data + bytes(-len(data) % 4) + (options + bytes(4) if options else b"")
        self._file.write(_block(6, head + body))
