"""IPv4, IPv6 and their fragments: from an IP header to a transport payload.

Contract: ``IpLayer.packet`` takes a frame and the offset of its IP header and gives an
``IpPacket``, or None (not IP, malformed, or a fragment that waits for others). Never raises on
content. Waiting fragments are bounded by ``Limits.fragments_held``, ``fragment_bytes`` and
``fragment_age_s``; ``incomplete`` counts those whose rest never came.
"""

from __future__ import annotations

from typing import NamedTuple

from sipdiag.base.interval import NS
from sipdiag.base.limits import LimitHits, Limits

ICMP = 1
IPIP = 4
TCP = 6
UDP = 17
IPV6_IN_IP = 41
ICMPV6 = 58

_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTH, _DESTINATION = 0, 43, 44, 51, 60
_OPTION_LIKE = frozenset({_HOP_BY_HOP, _ROUTING, _DESTINATION, 135, 139, 140})
"""RFC 8200 section 4 and, of the same form, Mobility, HIP and Shim6."""

_LARGEST = 65_535
_MOST_PARTS = 1024
"""Fragments of one datagram: at 64 bytes each that is the largest there is. Fewer bytes a piece
are an attack on the time it takes to sort them."""


class IpPacket(NamedTuple):
    """``src``/``dst`` are 4 or 16 bytes; ``body`` begins at the transport header. ``cut``: bytes
    of the body are missing from the capture. ``ident``: the IPv4 identification, None in IPv6.
    ``whole``: False where it was put together of fragments."""

    protocol: int
    src: bytes
    dst: bytes
    body: bytes
    cut: bool
    ident: int | None
    whole: bool = True


class Header(NamedTuple):
    """What an IP header says. ``missing``: bytes of the body that the capture didn't keep."""

    protocol: int
    src: bytes
    dst: bytes
    body: bytes
    missing: int
    ident: int | None
    fragment: tuple[int, int, bool] | None
    """(identification, offset in bytes, more to come); None for a packet in one piece."""


def ip_header(data: bytes, at: int) -> Header | None:
    """Reads one IP header."""
    if at < 0 or at >= len(data):
        return None
    version = data[at] >> 4
    if version == 4:
        return _ipv4(data, at)
    return _ipv6(data, at) if version == 6 else None


def _ipv4(data: bytes, at: int) -> Header | None:
    """RFC 791 section 3.1. A total length of 0 comes from segmentation offload: the captured
    length stands for it."""
    head = (data[at] & 0x0F) * 4
    if head < 20 or len(data) < at + head:
        return None
    total = int.from_bytes(data[at + 2 : at + 4])
    if total == 0:
        total = len(data) - at
    if total < head:
        return None
    body = data[at + head : at + total]
    ident = int.from_bytes(data[at + 4 : at + 6])
    flags = int.from_bytes(data[at + 6 : at + 8])
    offset, more = (flags & 0x1FFF) * 8, bool(flags & 0x2000)
    return Header(
        data[at + 9],
        data[at + 12 : at + 16],
        data[at + 16 : at + 20],
        body,
        total - head - len(body),
        ident,
        (ident, offset, more) if offset or more else None,
    )


def _ipv6(data: bytes, at: int) -> Header | None:
    """RFC 8200 sections 3 and 4. A payload length of 0 is a jumbogram or offload."""
    if len(data) < at + 40:
        return None
    length = int.from_bytes(data[at + 4 : at + 6])
    end = at + 40 + length if length else len(data)
    kind = data[at + 6]
    src, dst = data[at + 8 : at + 24], data[at + 24 : at + 40]
    here = at + 40
    fragment: tuple[int, int, bool] | None = None
    while True:
        if kind in _OPTION_LIKE:
            size = (data[here + 1] + 1) * 8 if here + 2 <= len(data) else 0
        elif kind == _AUTH:
            size = (data[here + 1] + 2) * 4 if here + 2 <= len(data) else 0
        elif kind == _FRAGMENT and fragment is None:
            size = 8
        else:
            break
        if not size or here + size > min(end, len(data)):
            return None
        if kind == _FRAGMENT:
            flags = int.from_bytes(data[here + 2 : here + 4])
            ident = int.from_bytes(data[here + 4 : here + 8])
            fragment = (ident, flags & 0xFFF8, bool(flags & 1))
        kind = data[here]
        here += size
        if fragment is not None and fragment[1]:
            break
    if fragment is not None and not fragment[1] and not fragment[2]:
        fragment = None  # an atomic fragment, RFC 6946
    body = data[here:end]
    return Header(kind, src, dst, body, end - here - len(body), None, fragment)


class _Pieces:
    __slots__ = ("bytes_held", "first_ns", "parts", "poisoned", "protocol", "total")

    def __init__(self, ts_ns: int, protocol: int) -> None:
        self.first_ns = ts_ns
        self.protocol = protocol
        self.parts: list[tuple[int, int, bytes]] = []
        """(offset, length on the wire, captured bytes), sorted and without overlap."""
        self.total: int | None = None
        self.bytes_held = 0
        self.poisoned = False


_Key = tuple[bytes, bytes, int, int]


class IpLayer:
    """Parses IP packets and puts fragments together."""

    def __init__(self, limits: Limits, hits: LimitHits) -> None:
        self._limits = limits
        self._hits = hits
        self._waiting: dict[_Key, _Pieces] = {}
        self._bytes = 0
        self.incomplete = 0
        """Datagrams of which fragments never came, or were dropped for overlapping."""
        self.overlapping = 0
        """Fragments that say again, and otherwise, what others had said."""

    def packet(self, data: bytes, at: int, ts_ns: int) -> IpPacket | None:
        """The packet whose IP header is at ``at``, whole, or None."""
        header = ip_header(data, at)
        return None if header is None else self.deliver(header, ts_ns)

    def deliver(self, header: Header, ts_ns: int) -> IpPacket | None:
        """As ``packet``, of a header already read."""
        if header.fragment is None:
            return IpPacket(
                header.protocol,
                header.src,
                header.dst,
                header.body,
                header.missing > 0,
                header.ident,
            )
        return self._gather(header, header.fragment, ts_ns)

    def finish(self) -> None:
        """Gives up all that still waits."""
        self.incomplete += len(self._waiting)
        self._waiting.clear()
        self._bytes = 0

    def _gather(
        self, header: Header, fragment: tuple[int, int, bool], ts_ns: int
    ) -> IpPacket | None:
        ident, offset, more = fragment
        length = len(header.body) + header.missing
        if offset + length > _LARGEST or length == 0 or (more and length % 8):
            return None
        self._expire(ts_ns)
        # RFC 8200 section 4.5 leaves the next header out of the key, RFC 791 has the protocol.
        scope = header.protocol if len(header.src) == 4 else -1
        key = (header.src, header.dst, ident, scope)
        pieces = self._waiting.get(key)
        if pieces is None:
            pieces = self._waiting[key] = _Pieces(ts_ns, header.protocol)
        if offset == 0:
            pieces.protocol = header.protocol
        if not pieces.poisoned:
            self._insert(pieces, offset, length, header.body, len(header.src) == 16)
            self._end(pieces, None if more else offset + length)
        if pieces.poisoned or pieces.total is None or not _complete(pieces):
            return None
        del self._waiting[key]
        self._bytes -= pieces.bytes_held
        body, cut = _join(pieces)
        return IpPacket(
            pieces.protocol, header.src, header.dst, body, cut, header.ident, whole=False
        )

    def _insert(self, pieces: _Pieces, offset: int, length: int, body: bytes, ipv6: bool) -> None:
        """IPv4: what came first stays (as Linux and Wireshark do). IPv6: an overlap spoils the
        whole datagram (RFC 5722), an exact duplicate doesn't (RFC 8200 section 4.5)."""
        end = offset + length
        if (offset, length, body) in pieces.parts:
            return
        overlaps = [p for p in pieces.parts if p[0] < end and offset < p[0] + p[1]]
        self.overlapping += bool(overlaps)
        if (overlaps and ipv6) or len(pieces.parts) >= _MOST_PARTS:
            self._poison(pieces)
            return
        at = offset
        new: list[tuple[int, int, bytes]] = []
        for start, size, _ in [*overlaps, (end, 0, b"")]:
            if start > at:
                new.append((at, start - at, body[at - offset : start - offset]))
            at = max(at, start + size)
        for part in new:
            pieces.parts.append(part)
            pieces.bytes_held += len(part[2])
            self._bytes += len(part[2])
        pieces.parts.sort(key=lambda part: part[0])

    def _end(self, pieces: _Pieces, end: int | None) -> None:
        """``end``: where the last fragment, if this is it, says that the datagram ends. Where
        others go on behind it, or say otherwise, there is none (teardrop)."""
        total = pieces.total
        pieces.total = total = end if total is None else total
        if total is None or not pieces.parts:
            return
        offset, length, _ = pieces.parts[-1]
        if offset + length > total or (end is not None and end != total):
            self._poison(pieces)

    def _poison(self, pieces: _Pieces) -> None:
        """Nothing is made of this datagram any more, whatever comes."""
        pieces.poisoned = True
        self._bytes -= pieces.bytes_held
        pieces.bytes_held = 0
        pieces.parts.clear()

    def _expire(self, ts_ns: int) -> None:
        oldest_ns = ts_ns - self._limits.fragment_age_s * NS
        while self._waiting:
            key, pieces = next(iter(self._waiting.items()))
            if len(self._waiting) >= self._limits.fragments_held:
                self._hits.hit("fragments_held")
            elif self._bytes > self._limits.fragment_bytes:
                self._hits.hit("fragment_bytes")
            elif pieces.first_ns >= oldest_ns:
                return
            del self._waiting[key]
            self._bytes -= pieces.bytes_held
            self.incomplete += 1


def _complete(pieces: _Pieces) -> bool:
    at = 0
    for offset, length, _ in pieces.parts:
        if offset != at:
            return False
        at = offset + length
    return pieces.total is not None and at >= pieces.total


def _join(pieces: _Pieces) -> tuple[bytes, bool]:
    """The bytes up to the first that the capture didn't keep, and whether any weren't kept."""
    out: list[bytes] = []
    for _, length, body in pieces.parts:
        out.append(body)
        if len(body) < length:
            return b"".join(out), True
    return b"".join(out)[: pieces.total], False
