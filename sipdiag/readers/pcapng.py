"""The pcapng file format (draft-ietf-opsawg-pcapng): records out of a byte stream.

Contract: several sections of either byte order, several interfaces a section with their own link
type, snap length, resolution (decimal or binary) and offset; Enhanced, Simple and the obsolete
Packet Block; other blocks are skipped by length. Raises ``InputError`` only for a first section
header that isn't whole; damage later ends the iteration with a note and ``Source.truncated``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sipdiag.base.datagram import Source
from sipdiag.base.errors import InputError
from sipdiag.base.interval import NS
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.readers.record import MAX_NS, NO_INTERFACE, Interface, Record, cut_off, note
from sipdiag.readers.stream import ByteStream

SECTION = b"\x0a\x0d\x0d\x0a"
"""Block type of a section header, the same in both byte orders."""

_ORDERS = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
_SECTION, _INTERFACE, _PACKET, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
_FRAMES = frozenset({9, 0xBAD, 0x40000BAD})
"""Systemd journal and custom blocks: no packets, but Wireshark (4.0) counts them as frames."""
_OPT_NAME, _OPT_TSRESOL, _OPT_TSOFFSET = 2, 9, 14
_NAME_BYTES = 256
"""Of an interface's name: Windows' are longest, with some 50."""

_Clock = tuple[int, int, int]
"""ns = ticks * first // second + third."""


class PcapngFile:
    """A pcapng file at the beginning of ``stream``; its interfaces are numbered from 1 through
    all sections."""

    kind = "pcapng"

    def __init__(self, stream: ByteStream, source: Source, limits: Limits, hits: LimitHits) -> None:
        self._stream = stream
        self._source = source
        self._limits = limits
        self._hits = hits
        self.interfaces = [Interface(-1)]
        self._clocks: list[_Clock] = [(1, 1, 0)]
        self._base = 1
        """Index of the section's first interface."""
        self._rest = stream.read_at_least(12, b"")
        order = _ORDERS.get(self._rest[8:12])
        if order is None:
            raise InputError(f"{stream.name}: pcapng section header is cut off or damaged")
        self._order = order

    def records(self) -> Iterator[Record]:
        """The records, once, in file order."""
        stream = self._stream
        buffer = self._rest
        self._rest = b""
        largest = self._limits.block_bytes
        lengths = struct.Struct(self._order + "II").unpack_from
        enhanced = struct.Struct(self._order + "IIIII").unpack_from
        trailer = struct.Struct(self._order + "I").unpack_from
        count = 0
        ts_ns = 0
        while True:
            at = 0
            end = len(buffer)
            need = 12
            while at + 12 <= end:
                kind, size = lengths(buffer, at)
                if kind == _SECTION:
                    order = _ORDERS.get(buffer[at + 8 : at + 12])
                    if order is None:
                        self._cut(f"damaged section header after packet {count}")
                        return
                    if order != self._order:
                        self._order = order
                        lengths = struct.Struct(order + "II").unpack_from
                        enhanced = struct.Struct(order + "IIIII").unpack_from
                        trailer = struct.Struct(order + "I").unpack_from
                        size = lengths(buffer, at)[1]
                if size < 12 or size & 3 or size > largest:
                    self._cut(f"a block after packet {count} claims {size} bytes: damaged")
                    return
                stop = at + size
                if stop > end:
                    need = size
                    break
                if trailer(buffer, stop - 4)[0] != size:
                    self._cut(f"a block after packet {count} is damaged: its two lengths differ")
                    return
                if kind == _ENHANCED and size >= 32:
                    number, high, low, kept, wire = enhanced(buffer, at + 8)
                    start = at + 28
                    if kept > size - 32:
                        self._cut(f"packet {count + 1} is larger than its block: damaged")
                        return
                    index = self._base + number
                    if index < len(self._clocks):
                        scale, divisor, offset = self._clocks[index]
                        ts_ns = ((high << 32) | low) * scale // divisor + offset
                    else:
                        index = self._unknown(number)
                    count += 1
                    clipped_ns = min(max(ts_ns, 0), MAX_NS)
                    yield clipped_ns, index, buffer, start, start + kept, wire
                elif kind in (_PACKET, _SIMPLE) or kind in _FRAMES:
                    record = self._other(kind, buffer[at + 8 : stop - 4], ts_ns)
                    if record is None:
                        self._cut(f"packet {count + 1} is larger than its block: damaged")
                        return
                    ts_ns = record[0]
                    count += 1
                    yield record
                elif kind == _INTERFACE:
                    self._interface(buffer[at + 8 : stop - 4])
                elif kind == _SECTION:
                    self._base = len(self.interfaces)
                elif kind == _ENHANCED:
                    self._cut(f"packet {count + 1} is smaller than its header: damaged")
                    return
                at = stop
            buffer = stream.read_at_least(max(need, end - at + 1), buffer[at:])
            if len(buffer) < need:
                if buffer or stream.damage:
                    self._cut(f"ends in the middle of a block after packet {count}")
                return

    def _other(self, kind: int, body: bytes, ts_ns: int) -> Record | None:
        """A Packet Block, a Simple Packet Block or a frame without a packet; None where its
        lengths don't fit.

        A simple packet has no time: it gets that of the packet before it.
        """
        if kind in _FRAMES:
            return ts_ns, NO_INTERFACE, b"", 0, 0, 0
        if kind == _SIMPLE:
            if len(body) < 4:
                return None
            (wire,) = struct.unpack_from(self._order + "I", body)
            if self._base >= len(self.interfaces):
                return ts_ns, self._unknown(0), b"", 0, 0, wire
            kept = min(wire, self.interfaces[self._base].snaplen or wire)
            if kept > len(body) - 4:
                return None
            note(self._source, self._limits, "packets without a time were taken as of the last one")
            return ts_ns, self._base, body, 4, 4 + kept, wire
        if len(body) < 20:
            return None
        number, _, high, low, kept, wire = struct.unpack_from(self._order + "HHIIII", body)
        if kept > len(body) - 20:
            return None
        index = self._base + number
        if index >= len(self.interfaces):
            return ts_ns, self._unknown(number), body, 20, 20 + kept, wire
        scale, divisor, offset = self._clocks[index]
        ts_ns = ((high << 32) | low) * scale // divisor + offset
        return min(max(ts_ns, 0), MAX_NS), index, body, 20, 20 + kept, wire

    def _interface(self, body: bytes) -> None:
        """Interface Description Block, section 4.2."""
        if len(self.interfaces) > self._limits.interfaces:
            self._hits.hit("interfaces")
            return
        if len(body) < 8:
            linktype, snaplen = -1, 0
        else:
            linktype, _, snaplen = struct.unpack_from(self._order + "HHI", body)
        scale, divisor, offset, name = 1000, 1, 0, ""
        at = 8
        while at + 4 <= len(body):
            code, size = struct.unpack_from(self._order + "HH", body, at)
            value = body[at + 4 : at + 4 + size]
            at += 4 + (size + 3 & ~3)
            if code == 0 or len(value) < size:
                break
            if code == _OPT_TSRESOL and size == 1:
                base, power = (2, value[0] & 0x7F) if value[0] & 0x80 else (10, value[0])
                scale, divisor = NS, base**power
            elif code == _OPT_TSOFFSET and size == 8:
                (whole,) = struct.unpack(self._order + "q", value)
                offset = whole * NS
            elif code == _OPT_NAME:
                name = value[:_NAME_BYTES].decode("utf-8", "replace")
        self.interfaces.append(Interface(linktype, snaplen, name))
        self._clocks.append((scale, divisor, offset))

    def _unknown(self, number: int) -> int:
        note(
            self._source,
            self._limits,
            f"packets of interface {number}, which the file doesn't describe, were left out",
        )
        return NO_INTERFACE

    def _cut(self, what: str) -> None:
        why = f" ({self._stream.damage})" if self._stream.damage else ""
        cut_off(self._source, self._limits, f"{what}{why}; what came before was read")
