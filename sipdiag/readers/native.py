"""The native reader: captures read with ``struct``, RTP counted without touching objects.

Contract: ``NativeReader`` yields the ``Datagram``s of a capture file lazily, once, in file
order. It never raises after construction unless nothing could be read at all (no interface with
a supported link type: ``InputError``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from sipdiag.base.datagram import Datagram, Source
from sipdiag.base.errors import InputError
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.protocols.media import DEADLINE, FRAME, LAST, OCTETS, PACKETS, SSRC, TAG, MediaTable
from sipdiag.readers.dissect import DUPLICATE_NS, Dissector
from sipdiag.readers.ip import UDP
from sipdiag.readers.link import FAST, LINKS
from sipdiag.readers.record import MAX_NS, Interface, RecordFile, note
from sipdiag.readers.stream import ByteStream

_NEVER = 1 << 30
"""An offset beyond any packet: what the inner loop has for an interface without a fast path."""

_IPV4_PLAIN = 0x45
"""First byte of an IPv4 header without options."""

_VLAN = b"\x81\x00"

_FACTS = struct.Struct(">B5xBxxB2x12sH2x4s4x4s")
"""From an IPv4 header on: version and header length, flags and offset (their first byte), protocol,
addresses and ports, UDP's length; what stands where RTP has its first four octets and its SSRC."""
_TOLD = _FACTS.size

_FACTS6 = struct.Struct(">6xBx36sH2x4s4x4s")
"""From an IPv6 header on, the same: what comes after it, addresses and ports, and so on."""
_TOLD6 = _FACTS6.size

_SMALLEST = 20
"""Octets of UDP with no more than an RTP header; less, or a length that lies, goes the slow way."""


class NativeReader:
    """Reads ``file`` (pcap or pcapng) out of ``stream``, which it closes at the end. ``media``: the
    table of the capture that this one goes on from."""

    def __init__(
        self,
        file: RecordFile,
        stream: ByteStream,
        source: Source,
        limits: Limits,
        hits: LimitHits,
        media: MediaTable | None = None,
    ) -> None:
        self.source = source
        self.media = MediaTable(limits, hits) if media is None else media
        self._file = file
        self._stream = stream
        self._limits = limits
        self._dissector = Dissector(source, self.media, limits, hits)
        self._started = False
        self._found = False

    def close(self) -> None:
        """Closes the file; a no-op once everything was read."""
        self._stream.close()

    def __iter__(self) -> Iterator[Datagram]:
        if self._started:
            raise RuntimeError("a reader can be iterated once")
        self._started = True
        return self._read()

    def _read(self) -> Iterator[Datagram]:
        try:
            yield from self._datagrams()
            yield from self._dissector.finish()
            self._refuse_unsupported()
        finally:
            self.close()

    def _datagrams(self) -> Iterator[Datagram]:
        """The inner loop. Media of a known flow, with at most one VLAN tag and no IP options, is
        counted here; every other packet goes through the ``Dissector``.

        Addresses, ports and SSRC of a known flow at their places are proof enough of what the
        frame is; its EtherType isn't looked at.
        """
        source = self.source
        dissector = self._dissector
        flows = dissector.flows
        interfaces = self._file.interfaces
        offsets: list[int] = []
        frame = cut = rtp = known = 0
        newest_ns, oldest_ns = -1, MAX_NS
        facts, facts6 = _FACTS.unpack_from, _FACTS6.unpack_from
        for ts_ns, index, buffer, start, stop, wire in self._file.records():
            frame += 1
            if ts_ns > newest_ns:
                newest_ns = ts_ns
            elif ts_ns < oldest_ns:
                oldest_ns = ts_ns
            if wire > stop - start:
                cut += 1
            if index >= known:
                offsets += [self._fast(face) for face in interfaces[known:]]
                known = len(offsets)
                oldest_ns = min(oldest_ns, ts_ns)
            at = start + offsets[index]
            if at + _TOLD <= stop:
                version, flags, protocol, ends, octets, tag, ssrc = facts(buffer, at)
                tally = flows.get(ends)
                if tally is None:
                    if buffer[at - 2 : at] == _VLAN and at + 4 + _TOLD <= stop:
                        at += 4
                        version, flags, protocol, ends, octets, tag, ssrc = facts(buffer, at)
                        tally = flows.get(ends)
                    if version >> 4 == 6 and at + _TOLD6 <= stop:
                        protocol, ends, octets, tag, ssrc = facts6(buffer, at)
                        tally = flows.get(ends)
                        version, flags = _IPV4_PLAIN, 0
                if (
                    tally is not None
                    and tally[LAST] <= ts_ns < tally[DEADLINE]
                    and version == _IPV4_PLAIN
                    and protocol == UDP
                    and octets >= _SMALLEST
                    and not flags & 0x3F
                ):
                    same = ssrc == tally[SSRC]
                    if same or (tally[SSRC] is None and tag[0] < 0x80):
                        if tag == tally[TAG] and ts_ns - tally[LAST] <= DUPLICATE_NS:
                            dissector.duplicates += 1
                            continue
                        rtp += same
                        tally[LAST] = ts_ns
                        tally[PACKETS] += 1
                        tally[OCTETS] += octets - 8
                        tally[FRAME] = frame
                        tally[TAG] = tag
                        continue
            data = buffer[start:stop]
            found = dissector.feed(ts_ns, frame, interfaces[index].linktype, index, data)
            if found:
                source.packets = frame
                source.cut_packets = cut
                source.rtp_packets += rtp
                rtp = 0
                source.first_ns, source.last_ns = oldest_ns, newest_ns
                self._found = True
                yield from found
        source.packets = frame
        source.cut_packets = cut
        source.rtp_packets += rtp
        if frame and oldest_ns <= newest_ns:
            source.first_ns, source.last_ns = oldest_ns, newest_ns

    def _fast(self, face: Interface) -> int:
        """The offset of a plain IP header on an interface that just appeared."""
        if face.linktype not in LINKS and face.linktype >= 0:
            note(
                self.source,
                self._limits,
                f"an interface has link type {face.linktype}, which can't be read: "
                "its packets were left out",
            )
        return FAST.get(face.linktype, _NEVER)

    def _refuse_unsupported(self) -> None:
        types = {face.linktype for face in self._file.interfaces if face.linktype >= 0}
        if types and not self._found and types.isdisjoint(LINKS):
            raise unsupported(self.source.name, types)


def unsupported(name: str, types: Iterable[int]) -> InputError:
    """The error for a capture of which no link type can be read."""
    listed = ", ".join(str(number) for number in sorted(types))
    return InputError(f"{name}: link type {listed} isn't supported (--reader tshark may read it)")
