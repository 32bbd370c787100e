"""Telling payloads apart: bounded, the same twice, and a longer look never takes a word back."""

from __future__ import annotations

from collections.abc import Iterator

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.protocols.media import MediaKind, MediaTable
from sipdiag.protocols.recognise import (
    Kind,
    Recogniser,
    is_iax2_control,
    is_keepalive,
    is_rtcp,
    is_rtp,
    is_sip,
    is_stun,
    next_sip_start,
    sip_start,
)
from tests.fuzz.target import Taken, Target, block

_PORTS = (5060, 4569, 40000, 53)
_ENDS = [Endpoint(f"192.0.2.{n}", port) for n in range(4) for port in _PORTS]
_LIMITS = Limits(known_flows=3, media_flows=3, media_segments=4)
_S = 1_000_000_000


def check(data: bytes) -> None:
    """``data``: one payload after another, each with a byte for its ends and one for its time."""
    taken = Taken(data)
    hits = LimitHits()
    one, two = Recogniser(_LIMITS, hits), Recogniser(_LIMITS)
    table = MediaTable(_LIMITS, hits)
    now, frame = 0, 0
    while taken:
        ends, step = taken.number(), taken.number()
        src, dst = _ENDS[ends >> 4], _ENDS[ends & 15]
        now += (step - 16) * _S // 4
        frame += 1
        payload = taken.block()
        cut = step == 255
        kind = one.classify(src, dst, payload, cut)
        assert kind is two.classify(src, dst, payload, cut)
        assert len(one._known) <= _LIMITS.known_flows
        _alone(payload, kind)
        media = kind in (Kind.RTP, Kind.IAX2_MEDIA)
        if media and not _count(table, kind, src, dst, now, frame, payload):
            one.forget(src, dst)
            two.forget(src, dst)
    for flow in table:
        _flow(table, flow.src, flow.dst)


def _count(
    table: MediaTable,
    kind: Kind,
    src: Endpoint,
    dst: Endpoint,
    now: int,
    frame: int,
    payload: bytes,
) -> bool:
    """False: it turned out to be noise."""
    tally = table.count(
        src,
        dst,
        MediaKind.RTP if kind is Kind.RTP else MediaKind.IAX2_MINI,
        now,
        frame,
        len(payload),
        payload[8:12] if kind is Kind.RTP else None,
        0,
        payload[:4],
    )
    assert len(table) <= _LIMITS.media_flows
    return tally is not None


def _flow(table: MediaTable, src: Endpoint, dst: Endpoint) -> None:
    flow = table.flow(src, dst)
    assert flow is not None and table.last_ns(src, dst) == flow.last_ns
    assert len(flow.segments) <= _LIMITS.media_segments
    assert sum(segment.packets for segment in flow.segments) == flow.packets
    first = min(segment.first_ns for segment in flow.segments)
    last = max(segment.last_ns for segment in flow.segments)
    (passage,) = [p for p in table.towards(dst, first, last) if p.flow is flow]
    assert passage.packets == flow.packets
    assert first <= passage.first_ns <= passage.last_ns <= last
    table.from_ip(src.ip, first + 1, last - 1)
    table.towards_ip(dst.ip, last + 1, last + 2)


def _alone(payload: bytes, kind: Kind) -> None:
    if kind is Kind.SIP:
        assert is_sip(payload)
    if kind is Kind.STUN:
        assert is_stun(payload)
    for test in (is_keepalive, is_rtcp, is_rtp, is_iax2_control):
        assert test(payload) in (True, False)
    at = next_sip_start(payload)
    assert at == -1 or is_sip(payload[at:])
    whole = sip_start(payload)
    for size in range(1, min(len(payload), 40)):
        earlier = sip_start(payload[:size])
        assert earlier is None or whole is None or earlier == whole, (payload[:size], whole)


def seeds() -> Iterator[bytes]:
    """SIP, IAX2, RTP, STUN and keep-alives between four hosts."""
    sip = b"OPTIONS sip:100@203.0.113.5 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1\r\n\r\n"
    rtp = b"\x80\0\0\1\0\0\0\xa0abcd" + bytes(20)
    poke = bytes.fromhex("80010000000000140000061e")
    stun = b"\0\1\0\0\x21\x12\xa4\x42" + bytes(12)
    for ends in (b"\x04", b"\x15", b"\x26"):
        every = (sip, rtp, rtp, poke, b"\0\1\0\x14" + bytes(160), stun, b"\r\n\r\n", b"\0", b"jaK")
        yield b"".join(ends + b"\x14" + block(payload) for payload in every)
    yield b"".join(b"\x2a\x80" + block(rtp[:8] + bytes([n] * 4)) for n in range(6))
    yield b"".join(b"\x2a\x14" + block(rtp) for _ in range(300))


TARGET = Target(
    "recognise",
    check,
    seeds,
    words=(
        b"SIP/2.0 200 ",
        b" SIP/2.0\r\n",
        b"sip:",
        b"\x80\x00",
        b"\x21\x12\xa4\x42",
        b"\x06\x1e",
    ),
)
