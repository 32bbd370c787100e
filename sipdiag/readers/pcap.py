"""The pcap file format (draft-ietf-opsawg-pcap): records out of a byte stream.

Contract: all magics of both byte orders, micro- and nanoseconds, and the "modified" one of
A. Kuznetzov's patch with its longer record header. ``PcapFile`` raises ``InputError`` only for a
header that isn't whole; a damaged or cut-off record ends the iteration with a note and
``Source.truncated``.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sipdiag.base.datagram import Source
from sipdiag.base.errors import InputError
from sipdiag.base.interval import NS
from sipdiag.base.limits import Limits
from sipdiag.readers.record import Interface, Record, cut_off
from sipdiag.readers.stream import ByteStream

_HEADER = 24

MAGICS: dict[bytes, tuple[str, int, int]] = {
    b"\xa1\xb2\xc3\xd4": (">", 1000, 16),
    b"\xd4\xc3\xb2\xa1": ("<", 1000, 16),
    b"\xa1\xb2\x3c\x4d": (">", 1, 16),
    b"\x4d\x3c\xb2\xa1": ("<", 1, 16),
    b"\xa1\xb2\xcd\x34": (">", 1000, 24),
    b"\x34\xcd\xb2\xa1": ("<", 1000, 24),
}
"""Magic -> (byte order, ns of a fraction's unit, bytes of a record's header)."""


class PcapFile:
    """A pcap file at the beginning of ``stream``; ``interfaces[1]`` is its only one."""

    kind = "pcap"

    def __init__(self, stream: ByteStream, source: Source, limits: Limits) -> None:
        self._stream = stream
        self._source = source
        self._limits = limits
        head = stream.read_at_least(_HEADER, b"")
        if len(head) < _HEADER:
            raise InputError(
                f"{stream.name}: pcap header cut off after {len(head)} of {_HEADER} bytes"
            )
        self._order, self._unit_ns, self._record_header = MAGICS[head[:4]]
        snaplen, linktype = struct.unpack(self._order + "II", head[16:_HEADER])
        # The upper bits tell of a frame check sequence at the end, which no reader here meets.
        self.interfaces = [Interface(-1), Interface(linktype & 0x0FFFFFFF, snaplen)]
        self._rest = head[_HEADER:]

    def records(self) -> Iterator[Record]:
        """The records, once, in file order."""
        unpack = struct.Struct(self._order + "IIII").unpack_from
        head = self._record_header
        unit_ns = self._unit_ns
        largest = self._limits.block_bytes
        stream = self._stream
        buffer = self._rest
        self._rest = b""
        count = 0
        while True:
            at = 0
            end = len(buffer)
            need = head
            while at + head <= end:
                seconds, fraction, size, wire = unpack(buffer, at)
                start = at + head
                stop = start + size
                if stop > end:
                    if size > largest:
                        self._cut(f"packet {count + 1} claims {size} bytes: damaged")
                        return
                    need = head + size
                    break
                yield seconds * NS + fraction * unit_ns, 1, buffer, start, stop, wire
                count += 1
                at = stop
            buffer = stream.read_at_least(max(need, end - at + 1), buffer[at:])
            if len(buffer) < need:
                if buffer or stream.damage:
                    self._cut(f"ends in the middle of packet {count + 1}")
                return

    def _cut(self, what: str) -> None:
        why = f" ({self._stream.damage})" if self._stream.damage else ""
        cut_off(self._source, self._limits, f"{what}{why}; what came before was read")
