"""Recognition by content and flow."""

from __future__ import annotations

import struct
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.limits import LimitHits, Limits
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
from sipdiag.readers import open_source

A, B = Endpoint("192.168.1.20", 16384), Endpoint("203.0.113.5", 10_002)
PHONE, PBX = Endpoint("192.168.1.20", 40_000), Endpoint("203.0.113.5", 5060)
PEER, SWITCH = Endpoint("192.168.1.20", 41_000), Endpoint("203.0.113.5", 4569)
REQUEST = b"OPTIONS sip:100@203.0.113.5 SIP/2.0\r\nCSeq: 1 OPTIONS\r\n\r\n"
STUN = struct.pack(">HHI12s", 1, 0, 0x2112A442, b"transaction!")


def rtp(first: int = 0x80, second: int = 0, body: bytes = b"\xd5" * 160, ssrc: int = 7) -> bytes:
    return struct.pack(">BBHII", first, second, 1, 160, ssrc) + body


def full(subclass: int, ies: bytes = b"", call: int = 1, kind: int = 6) -> bytes:
    return struct.pack(">HHIBBBB", 0x8000 | call, 0, 20, 0, 0, kind, subclass) + ies


@pytest.mark.parametrize(
    "start",
    [
        REQUEST,
        b"SIP/2.0 200 OK\r\n",
        b"SIP/2.0 200\r\n",
        b"sip/2.0 180 Ringing\r\n",
        b"SIP/7.0 200 OK\r\n",
        b"\r\n\r\n" + REQUEST,
        b"\0\0" + REQUEST,
        b"!interesting-Method0123456789_*+`.%indeed'~ sip:a SIP/2.0\r\n",
        b"OPTIONS    sip:a    SIP/2.0  \r\n",
        b"INVITE <sip:a> SIP/2.0\n",
        b"REGISTER sip:a SIP/2.0",
        b"INVITE sip:cut.off.by.the.snap.len",
        b"INVITE tel:+49",
    ],
)
def test_sip(start: bytes) -> None:
    assert is_sip(start)


@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"M-SEARCH * HTTP/1.1\r\n",
        b"SIP/2.0 20",
        b"SIP/2.0 2000 OK",
        b"SIP/2.0\r\n",
        b"INVITE\r\n",
        b"hello world\r\nINVITE sip:a SIP/2.0\r\n",
        b"INVITE sip:a\r\nSIP/2.0\r\n",
        b"\x80" + REQUEST,
    ],
)
def test_no_sip(start: bytes) -> None:
    assert not is_sip(start)
    assert sip_start(start) is not True


def test_every_prefix_of_a_stream_is_undecided_until_its_line_is_whole() -> None:
    for message in (REQUEST, b"SIP/2.0 200 OK\r\nVia: a\r\n", b"\r\n\r\n" + REQUEST):
        line = message.index(b"\n", 4) + 1
        for size in range(len(message)):
            assert sip_start(message[:size]) is (True if size >= line else None), size
    for other in (b"\x16\x03\x01", b"GET / HTTP/1.1\r\n", b"INVITE \0", b"A" * 70):
        assert sip_start(other) is False


def test_next_start_needs_a_header_behind_it() -> None:
    assert next_sip_start(b"tail of a body\r\n" + REQUEST) == 16
    assert next_sip_start(b"SIP/2.0 200 OK\r\n" + REQUEST) == 16, "a sipfrag body"
    assert next_sip_start(REQUEST[:40]) == -1
    assert next_sip_start(b"x" + REQUEST) == 0, "any token may be a method"
    assert next_sip_start(b"\xff" + REQUEST) == -1


@pytest.mark.parametrize(
    "hostile",
    [
        b" " * 60_000,
        b"A " + b" " * 60_000,
        b"A" * 60_000,
        b"A " * 30_000,
        b"SIP/2.0 200" + b" " * 60_000,
        b"A b SIP/2.0" + b" \t" * 30_000,
        b"A sip:" + b" SIP/" * 12_000,
        b"A b SIP/2.0\r\n" * 4_000,
    ],
)
def test_hostile_lines_take_no_time(hostile: bytes) -> None:
    begin = time.perf_counter()
    for look in (is_sip, sip_start, next_sip_start):
        look(hostile)
    assert time.perf_counter() - begin < 1


@pytest.mark.parametrize("blank", [b"\r\n", b"\r\n\r\n", b"\0", b"\0\0\0\0", b" ", b"\t", b"\n"])
def test_keepalives(blank: bytes) -> None:
    assert is_keepalive(blank)
    assert Recogniser().classify(PHONE, PBX, blank) is Kind.KEEPALIVE
    assert Recogniser().classify(A, B, blank) is Kind.OTHER
    known = Recogniser()
    known.classify(A, B, REQUEST)
    assert known.classify(B, A, blank) is Kind.KEEPALIVE


def test_no_keepalives() -> None:
    for payload in (b"", b"\0" * 5, b"a", b"\r\n\r\n\r\n"):
        assert not is_keepalive(payload)
        assert Recogniser().classify(PHONE, PBX, payload) is Kind.OTHER


def test_short_noise_of_phones_on_a_sip_flow() -> None:
    recogniser = Recogniser()
    assert recogniser.classify(PHONE, PBX, b"jaK\0") is Kind.OTHER
    recogniser.classify(PHONE, PBX, REQUEST)
    assert recogniser.classify(PHONE, PBX, b"jaK\0") is Kind.KEEPALIVE
    assert recogniser.classify(PHONE, PBX, b"longer") is Kind.OTHER
    assert recogniser.classify(PHONE, PBX, rtp()) is Kind.OTHER


def test_stun() -> None:
    assert is_stun(STUN)
    assert not is_stun(STUN[:19])
    assert not is_stun(STUN.replace(b"\x21\x12\xa4\x42", b"\0\0\0\0"))
    recogniser = Recogniser()
    assert recogniser.classify(A, B, STUN) is Kind.STUN
    recogniser.classify(A, B, rtp())
    assert recogniser.classify(B, A, STUN) is Kind.OTHER, "checks within a media flow"


def test_rtp() -> None:
    recogniser = Recogniser()
    assert recogniser.classify(A, B, rtp()) is Kind.RTP
    assert recogniser.known(B, A) is Kind.RTP
    assert recogniser.classify(B, A, rtp(second=0x80 | 101)) is Kind.RTP
    assert recogniser.classify(A, B, rtp(second=77)) is Kind.RTP, "a known flow is believed"
    assert recogniser.classify(A, B, b"\x80\xc8" + bytes(30)) is Kind.OTHER
    assert recogniser.classify(A, B, rtp()[:11]) is Kind.OTHER
    assert recogniser.classify(A, B, b"\xc0" + bytes(30)) is Kind.OTHER
    recogniser.forget(A, B)
    assert recogniser.classify(A, B, rtp()) is Kind.OTHER


@pytest.mark.parametrize(
    ("payload", "good"),
    [
        (rtp(), True),
        (rtp(body=b""), True),
        (rtp(second=96), True),
        (rtp(second=0x80 | 34), True),
        (rtp(0x8F, body=bytes(60)), True),
        (rtp(0x8F, body=bytes(59)), False),
        (rtp(0x90, body=b"\xbe\xde\0\x01" + bytes(4)), True),
        (rtp(0x90, body=b"\xbe\xde\0\x02" + bytes(4)), False),
        (rtp(0x90, body=b"\xbe\xde\0"), False),
        (rtp(0xA0, body=bytes(7) + b"\x04"), True),
        (rtp(0xA0, body=bytes(7) + b"\x09"), False),
        (rtp(0xA0, body=bytes(8)), False),
        (rtp(0x40), False),
        (rtp(0xC0), False),
        (rtp(second=72), False),
        (rtp(second=50), False),
        (rtp()[:11], False),
        (b"\x80\xc9" + bytes(20), False),
    ],
)
def test_rtp_shapes(payload: bytes, good: bool) -> None:
    assert is_rtp(payload) is good
    assert is_rtp(rtp(0xAF)[:20], cut=True)


def test_rtcp() -> None:
    assert is_rtcp(b"\x80\xc8\0\x01" + bytes(4))
    assert not is_rtcp(rtp())


@pytest.mark.parametrize("port", [53, 123, 443, 4500, 5353])
def test_services_are_not_media(port: int) -> None:
    service = Endpoint("198.51.100.1", port)
    assert Recogniser().classify(A, service, rtp()) is Kind.OTHER
    assert Recogniser().classify(service, A, full(0x1E)) is Kind.OTHER
    assert Recogniser().classify(service, SWITCH, bytes(40)) is Kind.OTHER


def test_iax2_on_its_port() -> None:
    recogniser = Recogniser()
    assert recogniser.classify(PEER, SWITCH, full(1, b"\x0b\x02\0\x02")) is Kind.IAX2
    assert recogniser.classify(SWITCH, PEER, full(4, b"voice", kind=2)) is Kind.IAX2
    assert recogniser.classify(PEER, SWITCH, b"\0\x01\0\x14voice") is Kind.IAX2_MEDIA
    assert recogniser.classify(PEER, SWITCH, b"\0\0\x01\0trunk") is Kind.IAX2_MEDIA
    assert recogniser.classify(PEER, SWITCH, b"\0\x01") is Kind.OTHER
    assert recogniser.classify(PEER, SWITCH, full(1)[:11]) is Kind.OTHER
    assert recogniser.signalling(PEER, SWITCH)


def test_iax2_by_content_on_other_ports() -> None:
    recogniser = Recogniser()
    assert recogniser.classify(A, B, b"\0\x01\0\x14voice") is Kind.OTHER
    assert recogniser.classify(A, B, full(0x0D, b"\x06\x03bob\x13\x02\0\x3c")) is Kind.IAX2
    assert recogniser.classify(B, A, full(4, b"voice", kind=2)) is Kind.IAX2
    assert recogniser.classify(B, A, b"\0\x01\0\x14voice") is Kind.IAX2_MEDIA
    assert recogniser.known(A, B) is Kind.IAX2


@pytest.mark.parametrize(
    ("payload", "good"),
    [
        (full(0x1E), True),
        (full(0x01), False),
        (full(0x01, b"\x06\x03bob"), True),
        (full(0x01, b"\x06\x04bob"), False),
        (full(0x01, b"\x06"), False),
        (full(0x01, b"\xee\x01a"), False),
        (full(0x7F), False),
        (full(0x1E, call=0), False),
        (full(0x1E, kind=2), False),
        (b"\0" + full(0x1E)[1:], False),
        (full(0x1E)[:11], False),
    ],
)
def test_iax2_shapes(payload: bytes, good: bool) -> None:
    assert is_iax2_control(payload) is good


def test_iax2_cut_by_the_snap_length() -> None:
    assert is_iax2_control(full(0x01, b"\x06\x20bob"), cut=True)


def test_sip_ends_what_was_known() -> None:
    recogniser = Recogniser()
    recogniser.classify(A, B, rtp())
    assert recogniser.classify(A, B, REQUEST) is Kind.SIP
    assert recogniser.known(A, B) is Kind.SIP
    assert recogniser.classify(SWITCH, PEER, REQUEST) is Kind.SIP


def test_memory_is_bounded() -> None:
    hits = LimitHits()
    recogniser = Recogniser(Limits(known_flows=10), hits)
    for port in range(50):
        recogniser.classify(Endpoint("10.0.0.1", port), PBX, REQUEST)
    assert hits.counts["known_flows"] == 40
    assert recogniser.known(Endpoint("10.0.0.1", 49), PBX) is Kind.SIP
    assert recogniser.known(Endpoint("10.0.0.1", 0), PBX) is None


PORTS = st.sampled_from([5060, 4569, 53, 10_002, 16_384])


@given(st.lists(st.tuples(PORTS, PORTS, st.binary(max_size=60), st.booleans()), max_size=30))
def test_any_bytes(packets: list[tuple[int, int, bytes, bool]]) -> None:
    recogniser = Recogniser()
    for a, b, payload, cut in packets:
        assert recogniser.classify(Endpoint("a", a), Endpoint("b", b), payload, cut) in Kind
        is_iax2_control(payload, cut)
        sip_start(payload)
        next_sip_start(payload)


def test_a_real_new_frame_is_known_by_its_content() -> None:
    """Asterisk's NEW carries CALLINGANI2 (57) and other elements younger than the RFC."""
    captures = Path(__file__).parents[2] / "captures"
    frames = [
        datagram.payload
        for datagram in open_source(captures / "iax2-peer-off" / "good.pcap")
        if datagram.payload[10:12] == b"\x06\x01"
    ]
    assert len(frames) > 5
    assert all(is_iax2_control(frame) for frame in frames)


@pytest.mark.parametrize(
    "line",
    [
        b"OPTIONS sip:100@203.0.\0113.5 SIP/2.0\r\nVia: a\r\n",
        b"OPTIONS sip:100@203.0.113.5 SIP/2.0\r\0\nVia: a\r\n",
    ],
    ids=["in the line", "behind its end"],
)
def test_a_nul_is_judged_the_same_in_pieces(line: bytes) -> None:
    """A stream is no less SIP, and no more, because its start line came in two segments."""
    whole = sip_start(line)
    assert whole is is_sip(line)
    assert all(sip_start(line[:size]) in (None, whole) for size in range(len(line)))
