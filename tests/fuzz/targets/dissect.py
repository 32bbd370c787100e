"""Frames of every link type: never raising, and no packet is made out of thin air."""

from __future__ import annotations

from collections.abc import Iterator

from sipdiag.base.datagram import Source, Transport
from sipdiag.base.limits import LimitHits
from sipdiag.protocols.media import MediaTable
from sipdiag.readers.dissect import Dissector
from sipdiag.readers.ip import IpLayer, ip_header
from sipdiag.readers.link import LINKS
from tests.fuzz.target import Taken, Target, block
from tests.fuzz.targets._capture import LIMITS
from tests.readers import packets as p

_TYPES = (*sorted(LINKS), 147)
_MS = 1_000_000


def check(data: bytes) -> None:
    """``data``: a link type, then frames, each with a byte for the time before it."""
    taken = Taken(data)
    linktype = _TYPES[taken.number() % len(_TYPES)]
    hits = LimitHits()
    source = Source("x")
    media = MediaTable(LIMITS, hits)
    dissector = Dissector(source, media, LIMITS, hits)
    layer = IpLayer(LIMITS, hits)
    now, frame = p.T0, 0
    given = paid = 0
    while taken:
        frame += 1
        now += (taken.number() - 32) * 7 * _MS
        raw = taken.block()
        given += len(raw)
        _headers(linktype, raw, layer, now)
        for datagram in dissector.feed(now, frame, linktype, frame % 3, raw):
            assert datagram.ts_ns == now or datagram.transport is Transport.TCP
            assert 0 < (datagram.origin.frame or 0) <= frame
            paid += len(datagram.payload)
    paid += sum(len(datagram.payload) for datagram in dissector.finish())
    layer.finish()
    assert paid <= given
    assert len(dissector.flows) <= LIMITS.media_flows
    assert len(media) <= LIMITS.media_flows
    assert len(source.notes) <= LIMITS.notes


def _headers(linktype: int, raw: bytes, layer: IpLayer, now: int) -> None:
    find = LINKS.get(linktype)
    at = -1 if find is None else find(raw)
    assert at >= -1
    header = ip_header(raw, at)
    if header is None:
        return
    assert len(header.body) <= len(raw) and header.missing >= 0
    assert len(header.src) == len(header.dst) and len(header.src) in (4, 16)
    packet = layer.deliver(header, now)
    assert layer._bytes >= 0
    assert len(layer._waiting) <= LIMITS.fragments_held
    assert packet is None or len(packet.body) <= 65_535 + 8


def _frames(linktype: int, frames: list[bytes], step: int = 33) -> bytes:
    head = bytes([_TYPES.index(linktype)])
    return head + b"".join(bytes([step]) + block(frame) for frame in frames)


def seeds() -> Iterator[bytes]:
    """Every link type, fragments of both versions, tunnels, options, extension headers."""
    sip = p.udp(p.PHONE, p.PBX, p.sip())
    other = (p.PHONE[0], 4000), (p.PBX[0], 10000)
    body = p.udp_header(p.PHONE, p.PBX, p.sip())
    parts = [
        p.ip(p.PHONE[0], p.PBX[0], 17, body[:160], 7, 0, True),
        p.ip(p.PHONE[0], p.PBX[0], 17, body[160:], 7, 160),
    ]
    over = p.ip(p.PHONE[0], p.PBX[0], 17, body[80:240], 7, 80, True)
    six = p.udp_header(p.PHONE6, p.PBX6, p.sip())
    parts6 = [
        p.ip(*_SIX, 44, six[:160], extension=p.fragment6(17, 9, 0, True)),
        p.ip(*_SIX, 44, six[160:], extension=p.fragment6(17, 9, 160, False)),
    ]
    over6 = p.ip(*_SIX, 44, six[80:240], extension=p.fragment6(17, 9, 80, True))
    yield _frames(
        1, [p.ethernet(sip), p.ethernet(sip, (0x88A8, 0x8100)), p.ethernet(sip, pad=True)]
    )
    yield _frames(101, [sip, sip, *[p.udp(*other, p.rtp(n)) for n in range(3)]])
    yield _frames(101, parts)
    yield _frames(101, [over, *parts, over])
    yield _frames(101, parts6)
    yield _frames(101, [parts6[0], over6, parts6[1]])
    yield _frames(
        101,
        [
            p.ip("192.0.2.1", "192.0.2.2", 4, sip),
            p.ip("192.0.2.1", "192.0.2.2", 41, p.ip(*_SIX, 17, six)),
        ],
    )
    yield _frames(
        101, [p.ip(*_SIX, 0, six, extension=bytes([60, 0]) + bytes(6) + bytes([17, 0]) + bytes(6))]
    )
    yield _frames(101, [p.tcp(p.PHONE, p.PBX, 0, flags=2), p.tcp(p.PHONE, p.PBX, 1, p.sip())])
    yield _frames(101, [sip, p.icmp_unreachable(p.PBX[0], p.PHONE[0], sip)])
    yield _frames(113, [p.cooked(sip, 4), p.cooked(sip)])
    yield _frames(276, [p.cooked2(sip)])
    yield _frames(0, [b"\x02\0\0\0" + sip])
    yield _frames(9, [b"\xff\x03\0\x21" + sip, b"\x21" + sip])
    yield _frames(51, [bytes(6) + b"\0\x21" + sip])
    yield _frames(104, [b"\x0f\0\x08\0" + sip])
    yield _frames(
        239,
        [
            b"\x02\0\0\0\x08\0\x05\0abcd"
            + bytes([4 + len(sip) & 255, 4 + len(sip) >> 8])
            + b"\x09\0"
            + sip
        ],
    )
    yield _frames(
        1,
        [
            bytes(12) + b"\x88\x47\0\0\0\0\0\0\x11\0" + sip,
            bytes(12) + b"\x88\x64" + bytes(6) + b"\0\x21" + sip,
        ],
    )
    yield _frames(
        101, [p.ip(p.PHONE[0], p.PBX[0], 17, bytes(8), n, 8 * n, True) for n in range(20)]
    )


_SIX = (p.PHONE6[0], p.PBX6[0])

TARGET = Target(
    "dissect",
    check,
    seeds,
    words=(b"\x45\0", b"\x60\0\0\0", b"\x08\0", b"\x86\xdd", b"\x81\0", b"\x88\x64", b"\x20\0"),
)
