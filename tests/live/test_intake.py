"""From frames to histories: what is kept together, what is learnt, and that nothing raises."""

from __future__ import annotations

import random

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import NS
from sipdiag.crafting.capture import ip_packets, tcp_segment, udp_segment
from sipdiag.crafting.scenario import START_NS
from tests.live.watched import (
    watched_frames,
)

_MACS = bytes(12)


def _tcp(src: Endpoint, dst: Endpoint, payload: bytes, sequence: int) -> bytes:
    segment = tcp_segment(src, dst, payload, sequence, 1, 24)
    return _MACS + b"\x08\x00" + ip_packets(src.ip, dst.ip, 6, segment)[0]


_REGISTER = (
    b"REGISTER sip:203.0.113.80 SIP/2.0\r\nVia: SIP/2.0/TCP 192.168.1.50:40000;branch=z9hG4bK1\r\n"
    b"From: <sip:101@x>;tag=1\r\nTo: <sip:101@x>\r\nCall-ID: abc\r\nCSeq: 1 REGISTER\r\n"
    b"Contact: <sip:101@192.168.1.50:40000;transport=tcp>\r\nContent-Length: 0\r\n\r\n"
)


def _frames(*data: bytes) -> list[tuple[int, bytes, int]]:
    return [(START_NS + n * NS // 10, frame, len(frame)) for n, frame in enumerate(data)]


def test_the_segments_and_fragments_of_a_message_stay_together() -> None:
    phone, server = Endpoint("203.0.113.7", 40000), Endpoint("203.0.113.80", 5060)
    half = len(_REGISTER) // 2
    told = watched_frames(
        _frames(
            _tcp(phone, server, _REGISTER[:half], 1),
            _tcp(phone, server, _REGISTER[half:], 1 + half),
        ),
        more_s=1,
    )
    ladder = told.watch.ladder("SIP/101@203.0.113.7:40000")
    assert ladder is not None and [packet.label for packet in ladder] == ["REGISTER"]

    long = _REGISTER.replace(
        b"\r\nContent", b"\r\nX: " + bytes(2000).hex().encode() + b"\r\nContent"
    )
    parts = ip_packets(phone.ip, server.ip, 17, udp_segment(phone, server, long), mtu=1500)
    assert len(parts) == 3
    told = watched_frames(_frames(*(_MACS + b"\x08\x00" + part for part in parts)), more_s=1)
    assert told.watch.ladder("SIP/101@203.0.113.7:40000")


def test_signalling_on_unknown_ports_is_learnt_for_the_filter() -> None:
    phone, server = Endpoint("203.0.113.7", 40000), Endpoint("203.0.113.80", 5070)
    told = watched_frames(_frames(_tcp(phone, server, _REGISTER, 1)), more_s=1)
    assert told.watch.learnt.tcp_ports == {5070}
    poke = b"\x80\x01\x00\x00" + bytes(4) + b"\x00\x00\x06\x1e"
    src, dst = Endpoint("203.0.113.7", 40000), Endpoint("203.0.113.80", 14569)
    packet = ip_packets(src.ip, dst.ip, 17, udp_segment(src, dst, poke))[0]
    told = watched_frames(_frames(_MACS + b"\x08\x00" + packet), more_s=1)
    assert told.watch.learnt.iax2_ports == {14569}


def test_rubbish_raises_nothing() -> None:
    dice = random.Random(7)
    frames = [dice.randbytes(dice.randrange(120)) for _ in range(2000)]
    frames += [_MACS + b"\x08\x00\x45" + dice.randbytes(80) for _ in range(500)]
    told = watched_frames(_frames(*frames), more_s=2)
    assert told.alerts == []
