"""The packets of a made-up capture: put down in any order, read in order of time.

Contract: no clock, no sockets; the same calls give the same bytes. Times go in as seconds since
the beginning of the capture, and come out as nanoseconds since 1970 (UTC).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from sipdiag.base.datagram import Datagram, Origin, Transport
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import NS
from sipdiag.crafting.capture import write_pcap
from sipdiag.protocols.media import MediaKind, MediaTable

START_NS = 1_767_265_200 * NS
"""2026-01-01 11:00:00 UTC: when every made-up capture begins."""


class _Packet(NamedTuple):
    ts_ns: int
    src: Endpoint
    dst: Endpoint
    payload: bytes
    transport: Transport
    media: MediaKind | None


def endpoint(written: str | Endpoint, default_port: int) -> Endpoint:
    """``192.0.2.1:5060``, ``192.0.2.1``, ``[2001:db8::1]:5060`` or ``2001:db8::1`` as a value."""
    if isinstance(written, Endpoint):
        return written
    if written.startswith("["):
        ip, _, port = written[1:].partition("]")
        return Endpoint(ip, int(port[1:] or default_port))
    if written.count(":") > 1:
        return Endpoint(written, default_port)
    ip, _, port = written.partition(":")
    return Endpoint(ip, int(port or default_port))


class Timeline:
    """Collects packets. ``name`` is the source that every ``Origin`` will name."""

    def __init__(self, name: str, start_ns: int = START_NS) -> None:
        self.name = name
        self.start_ns = start_ns
        self._packets: list[_Packet] = []
        self._drawn = 0

    def send(
        self,
        at_s: float,
        src: Endpoint,
        dst: Endpoint,
        payload: bytes,
        *,
        media: MediaKind | None = None,
        transport: Transport = Transport.UDP,
    ) -> None:
        """Puts down one packet as the capture point sees it, ``at_s`` seconds after the start."""
        ts_ns = self.start_ns + round(at_s * NS / 1000) * 1000
        self._packets.append(_Packet(ts_ns, src, dst, payload, transport, media))

    def draw(self, digits: int) -> str:
        """The next of a fixed series of hexadecimal strings: tags, branches, nonces."""
        self._drawn += 1
        seed = f"{self.name} {self._drawn}".encode()
        return hashlib.sha256(seed).hexdigest()[:digits]

    def _ordered(self) -> list[tuple[int, _Packet]]:
        return list(enumerate(sorted(self._packets, key=lambda packet: packet.ts_ns), 1))

    def _datagram(self, frame: int, packet: _Packet) -> Datagram:
        return Datagram(
            ts_ns=packet.ts_ns,
            src=packet.src,
            dst=packet.dst,
            transport=packet.transport,
            payload=packet.payload,
            origin=Origin(self.name, frame=frame),
        )

    def packets(self) -> list[Datagram]:
        """Everything, media too, numbered from 1 as in the file that ``write`` makes."""
        return [self._datagram(frame, packet) for frame, packet in self._ordered()]

    def datagrams(self) -> list[Datagram]:
        """The signalling, as a reader hands it on; frame numbers count the media in between."""
        return [
            self._datagram(frame, packet)
            for frame, packet in self._ordered()
            if packet.media is None
        ]

    def media(self) -> MediaTable:
        """The media, as a reader counts it."""
        table = MediaTable()
        for frame, packet in self._ordered():
            rtp = packet.media is MediaKind.RTP
            if packet.media is not None:
                table.count(
                    packet.src,
                    packet.dst,
                    packet.media,
                    packet.ts_ns,
                    frame,
                    len(packet.payload),
                    ssrc=packet.payload[8:12] if rtp else None,
                    payload_type=packet.payload[1] & 0x7F if rtp else None,
                    tag=packet.payload[:4],
                )
        return table

    def write(self, path: str | Path) -> None:
        """Writes everything as a pcap."""
        write_pcap(path, self.packets())
