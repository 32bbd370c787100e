"""SIP over TCP: however it is cut into segments, the same messages come out."""

from __future__ import annotations

import random
from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipdiag.base.datagram import Transport
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.protocols.recognise import START_LINE_BYTES

from .packets import MS, PBX, PHONE, T0, S, frames, opened, pcap, read, sip, tcp

ISN = 0xFFFFFF00
"""Wraps around within the first message."""

MESSAGES = [
    sip("INVITE", 1, b"v=0\r\no=- 1 1 IN IP4 192.168.1.20\r\n"),
    sip("ACK", 1),
    sip("MESSAGE", 2, b"\r\n\r\nhello\r\n\r\n"),
    sip("INFO", 3, b"SIP/2.0 200 OK\r\n", "l: 16\r\n"),
    b"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\nCONTENT-LENGTH :\r\n  3\r\n\r\nabc",
    sip("BYE", 4),
]
STREAM = b"".join(MESSAGES)


def segments(data: bytes, size: int, isn: int = ISN) -> list[bytes]:
    return [tcp(PHONE, PBX, isn + 1 + at, data[at : at + size]) for at in range(0, len(data), size)]


def syn(isn: int = ISN) -> bytes:
    return tcp(PHONE, PBX, isn, flags=2)


def payloads(packets: list[bytes]) -> list[bytes]:
    found, _ = read(pcap(packets, 101))
    assert all(d.transport is Transport.TCP for d in found)
    return [d.payload for d in found]


@pytest.mark.parametrize("handshake", [True, False])
@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 16, 50, 199, 200, 536, 1460, 10_000])
def test_pieces_of_every_size(size: int, handshake: bool) -> None:
    packets = ([syn()] if handshake else []) + segments(STREAM, size)
    found, reader = read(pcap(packets, 101))
    assert [d.payload for d in found] == MESSAGES
    assert not any(d.cut for d in found)
    assert reader.source.sip_messages == len(MESSAGES)
    begin = 0
    for datagram in found:
        end = begin + len(datagram.payload)
        first, last = (1 + handshake + at // size for at in (begin, end - 1))
        assert datagram.origin.frame == last
        assert datagram.before == tuple(range(first, last))[-63:]
        begin = end


def test_two_pieces_cut_at_every_place() -> None:
    for at in range(1, len(STREAM)):
        packets = [tcp(PHONE, PBX, 1, STREAM[:at]), tcp(PHONE, PBX, 1 + at, STREAM[at:])]
        assert payloads(packets) == MESSAGES


def test_the_completing_frame_is_named() -> None:
    found, _ = read(pcap([syn(), *segments(MESSAGES[0] + MESSAGES[1], 100)], 101))
    ends = [len(MESSAGES[0]), len(MESSAGES[0] + MESSAGES[1])]
    assert frames(found) == [2 + (end - 1) // 100 for end in ends]
    assert [d.ts_ns for d in found] == [T0 + (1 + (end - 1) // 100) * 10 * MS for end in ends]


def test_any_order_with_retransmissions() -> None:
    for seed in range(30):
        packets = segments(STREAM, 90) * 2
        random.Random(seed).shuffle(packets)
        assert payloads([syn(), *packets]) == MESSAGES


def test_overlapping_segments() -> None:
    packets = [
        tcp(PHONE, PBX, ISN + 1 + at, STREAM[at : at + 130]) for at in range(0, len(STREAM), 50)
    ]
    assert payloads([syn(), *packets]) == MESSAGES


def test_starts_in_the_middle_of_a_message() -> None:
    for skip in (10, 60, 150, len(MESSAGES[0]) - 3):
        for size in (1, 64, 2000):
            packets = segments(STREAM[skip:], size)
            assert payloads(packets)[-5:] == MESSAGES[1:], (skip, size)


def test_starts_in_the_middle_on_another_port() -> None:
    a, b = ("10.0.0.1", 33333), ("10.0.0.2", 7000)
    packets = [
        tcp(a, b, 1, MESSAGES[0][50:]),
        tcp(a, b, 1 + len(MESSAGES[0][50:]), MESSAGES[1]),
    ]
    assert payloads(packets) == [MESSAGES[1]]


def test_other_protocols_are_dropped() -> None:
    a, b = ("10.0.0.1", 33333), ("10.0.0.2", 80)
    request = b"GET /sip HTTP/1.1\r\nHost: a\r\n\r\n" + sip()
    assert payloads([tcp(a, b, 0, flags=2), tcp(a, b, 1, request)]) == []
    assert payloads([tcp(a, b, 1, b"\x16\x03\x01\x02\0" + bytes(99))]) == []


def test_tls_on_a_sip_port_is_noted_once() -> None:
    client, server = ("10.0.0.1", 33333), ("10.0.0.2", 5061)
    record = b"\x17\x03\x03\0\x40" + bytes(64)
    _, reader = read(pcap([tcp(client, server, 1 + 69 * n, record) for n in range(3)], 101))
    assert len(reader.source.notes) == 1
    assert "TLS" in reader.source.notes[0]


@pytest.mark.parametrize("size", [1, 2, 3, 12, 40, 9000])
def test_sip_behind_tls_is_found_in_any_pieces(size: int) -> None:
    """As where the first segment is too short to show the head of a TLS record."""
    stream = b"\x16\x03\x01\0\x05hello\r\n" + MESSAGES[1] + MESSAGES[5]
    assert payloads([syn(), *segments(stream, size)]) == [MESSAGES[1], MESSAGES[5]]
    assert payloads(segments(stream, size)) == [MESSAGES[1], MESSAGES[5]], "joined, not opened"


@pytest.mark.parametrize("ping", [b"\r\n", b"\r\n\r\n"])
def test_keepalives_are_datagrams(ping: bytes) -> None:
    data = [MESSAGES[0], ping, MESSAGES[1], ping, ping]
    packets, seq = [syn()], ISN + 1
    for piece in data:
        packets.append(tcp(PHONE, PBX, seq, piece))
        seq += len(piece)
    found, reader = read(pcap(packets, 101))
    assert [d.payload for d in found] == data
    assert frames(found) == [2, 3, 4, 5, 6]
    assert reader.source.sip_messages == 2


def test_keepalive_before_anything_else() -> None:
    assert payloads([tcp(PHONE, PBX, 1, b"\r\n\r\n")]) == [b"\r\n\r\n"]
    other = (PHONE[0], 3333), (PBX[0], 4444)
    assert payloads([tcp(*other, 1, b"\r\n\r\n")]) == []


def test_line_ends_glued_to_a_message_are_not_a_keepalive() -> None:
    assert payloads(segments(MESSAGES[0] + b"\r\n\r\n" + MESSAGES[1], 9000)) == MESSAGES[:2]


def test_hole_is_given_up_when_acknowledged() -> None:
    first, second, third = MESSAGES[0], MESSAGES[1], MESSAGES[5]
    base = 1 + len(first)
    stamped = [
        (T0, tcp(PHONE, PBX, 1, first[:100])),
        (T0 + MS, tcp(PHONE, PBX, base, second)),
        (T0 + 2 * MS, tcp(PBX, PHONE, 9, flags=0x10, ack=base + len(second))),
        (T0 + 200 * MS, tcp(PBX, PHONE, 9, flags=0x10, ack=base + len(second))),
        (T0 + 300 * MS, tcp(PHONE, PBX, base + len(second), third)),
    ]
    found, _ = read(pcap(stamped, 101))
    assert [(d.payload, d.cut) for d in found] == [
        (first[:100], True),
        (second, False),
        (third, False),
    ]
    assert [d.ts_ns for d in found] == [T0 + MS, T0 + MS, T0 + 300 * MS]


def test_hole_is_given_up_with_time() -> None:
    first, second, third = MESSAGES[0], MESSAGES[1], MESSAGES[5]
    base = 1 + len(first)
    stamped = [
        (T0, tcp(PHONE, PBX, 1, first[:100])),
        (T0 + MS, tcp(PHONE, PBX, base, second)),
        (T0 + 4 * S, tcp(PHONE, PBX, base + len(second), third)),
    ]
    found, _ = read(pcap(stamped, 101))
    assert [d.payload for d in found][1:] == [second, third]


def test_hole_at_the_end_of_input() -> None:
    first, second = MESSAGES[0], MESSAGES[1]
    packets = [syn(), tcp(PHONE, PBX, ISN + 1 + len(first), second)]
    assert payloads(packets) == [second]


def test_message_that_never_ends_is_cut() -> None:
    found, _ = read(pcap([syn(), *segments(MESSAGES[0][:-5], 100)], 101))
    assert [(d.payload, d.cut) for d in found] == [(MESSAGES[0][:-5], True)]
    found, _ = read(pcap([syn(), *segments(MESSAGES[0][:60], 100)], 101))
    assert found == [], "not even its header is there"


@pytest.mark.parametrize("size", [1, 4, 9000])
def test_blank_lines_are_not_the_end_of_a_header(size: int) -> None:
    found = payloads([syn(), *segments(b"\r\n\r\n" + MESSAGES[0][:20], size)])
    assert b"".join(found).strip() == b""


def test_snap_length_cuts_a_message() -> None:
    packets = [tcp(PHONE, PBX, 1, MESSAGES[0]), tcp(PHONE, PBX, 1 + len(MESSAGES[0]), MESSAGES[5])]
    found, _ = read(pcap(packets, 101, snaplen=150))
    assert [(d.payload, d.cut) for d in found] == [
        (MESSAGES[0][:110], True),
        (MESSAGES[5][:110], True),
    ]


def test_frames_of_a_message_before_a_hole() -> None:
    first, second = MESSAGES[0], MESSAGES[1]
    packets = [*segments(first[:90], 40), tcp(PHONE, PBX, ISN + 1 + len(first), second)]
    found, reader = read(pcap([syn(), *packets], 101))
    assert [(d.payload, d.cut, d.before) for d in found] == [
        (first[:90], True, (2, 3, 4)),
        (second, False, ()),
    ]
    assert reader.source.tcp_messages_incomplete == 1


def test_reset_and_reuse_of_a_port() -> None:
    packets = [
        syn(),
        tcp(PHONE, PBX, ISN + 1, MESSAGES[0][:50]),
        tcp(PHONE, PBX, ISN + 51, flags=4),
        syn(5),
        tcp(PHONE, PBX, 6, MESSAGES[1]),
        syn(5000),
        tcp(PHONE, PBX, 5001, MESSAGES[5]),
    ]
    assert payloads(packets) == [MESSAGES[1], MESSAGES[5]]


def test_wrong_content_length_is_survived() -> None:
    short = sip("MESSAGE", 1, b"longer\r\nthan said\r\n", "Content-Length: 3\r\n")
    absent = sip("MESSAGE", 1, b"", "")
    assert payloads(segments(short + MESSAGES[1], 77))[-1] == MESSAGES[1]
    assert payloads(segments(absent + MESSAGES[1], 77)) == [absent, MESSAGES[1]]


def test_huge_content_length_gives_the_header() -> None:
    huge = sip("MESSAGE", 1, b"", "Content-Length: 999999999\r\n")
    found, _ = read(pcap(segments(huge + MESSAGES[1], 77), 101))
    assert [(d.payload, d.cut) for d in found] == [(huge, True), (MESSAGES[1], False)]


def test_buffers_are_bounded() -> None:
    hits = LimitHits()
    endless = b"OPTIONS sip:a SIP/2.0\r\n" + b"X: y\r\n" * 3000
    reader = opened(pcap(segments(endless, 1000), 101), Limits(tcp_buffer_bytes=8000), hits)
    found = list(reader)
    assert [d.cut for d in found] == [True]
    assert hits.counts["tcp_buffer_bytes"]
    hits = LimitHits()
    early = [tcp(PHONE, PBX, ISN + 5000 + at, bytes(1000)) for at in range(0, 20_000, 1000)]
    list(opened(pcap([syn(), *early], 101), Limits(tcp_buffer_bytes=8000), hits))
    assert hits.counts["tcp_buffer_bytes"]


@pytest.mark.parametrize("size", [1, 97, 9000])
def test_a_header_beyond_the_limit_is_cut_there(size: int) -> None:
    """However much more of it came in the same segment."""
    long = sip("MESSAGE", 1, b"", "X: y\r\n" * 200)
    packets = [syn(), *segments(long + MESSAGES[1], size)]
    found = list(opened(pcap(packets, 101), Limits(tcp_buffer_bytes=1000)))
    assert [(d.payload, d.cut) for d in found] == [(long[:1000], True), (MESSAGES[1], False)]


@pytest.mark.parametrize("port", [5060, 7000])
@pytest.mark.parametrize("blank", [b"\0", b" ", b"\t \0\r\n"])
def test_blanks_without_end_are_not_kept(blank: bytes, port: int) -> None:
    a, b = ("10.0.0.1", 33333), ("10.0.0.2", port)
    data = (blank * 1000)[:1000]
    hits = LimitHits()
    packets = [tcp(a, b, 1 + 1000 * n, data) for n in range(50)]
    assert list(opened(pcap(packets, 101), Limits(tcp_held_bytes=20_000), hits)) == []
    assert not hits.counts


def test_a_start_line_too_long_to_be_one_is_passed_over() -> None:
    """In one segment of nearly 64 KiB, as captures behind segmentation offload have them."""
    long = b"FOO " + b"x" * 9000 + b" SIP/2.0\r\nVia: x\r\n\r\n"
    assert payloads([syn(), *segments(b"\xff\r\n" + long + MESSAGES[1], 60_000)]) == [MESSAGES[1]]


_LONG = [
    START_LINE_BYTES + by
    for by in (-4200, -129, -128, -40, -12, -3, -2, -1, 0, 1, 2, 40, 4100, 9000)
]
_LINES = st.one_of(
    st.builds(lambda size: b"INVITE sip:" + b"a" * size, st.sampled_from(_LONG)),
    st.builds(lambda size: b"FOO " + b"a" * size + b" SIP/2.0", st.sampled_from(_LONG)),
    st.builds(lambda size: b"SIP/2.0 200 " + b"a" * size, st.sampled_from(_LONG)),
    st.builds(lambda size: b"\xff" * size, st.sampled_from(_LONG)),
    st.builds(lambda size: b"Via" + b" " * size + b": x", st.sampled_from([0, 63, 64, 65, *_LONG])),
    st.sampled_from([b"", b"Via: x", b"Content-Length: 3", b"INVITE sip:a SIP/2.0", b"\0", b" "]),
)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(_LINES, st.sampled_from([b"\r\n", b"\n"])), max_size=9),
    st.lists(st.integers(1, 5000), min_size=1, max_size=5),
)
def test_long_lines_in_pieces(lines: list[tuple[bytes, bytes]], sizes: list[int]) -> None:
    data = b"".join(line + end for line, end in lines) + MESSAGES[1]
    packets, at = [syn()], 0
    for size in cycle(sizes):
        if at >= len(data):
            break
        packets.append(tcp(PHONE, PBX, ISN + 1 + at, data[at : at + size]))
        at += size
    whole, _ = read(pcap([syn(), *segments(data, 60_000)], 101))
    pieces, _ = read(pcap(packets, 101))
    told = [
        [(d.payload, d.cut) for d in found if d.payload.strip(b"\r\n")] for found in (whole, pieces)
    ]
    assert told[0] == told[1]


def test_streams_are_bounded() -> None:
    hits = LimitHits()
    packets = [tcp((PHONE[0], 10_000 + n), PBX, 1, sip()[:80]) for n in range(50)]
    list(opened(pcap(packets, 101), Limits(tcp_streams=10), hits))
    assert hits.counts["tcp_streams"] == 40


@settings(max_examples=200)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 400),
            st.one_of(st.binary(max_size=60), st.sampled_from([b"\r\n", sip(), sip()[:70]])),
            st.sampled_from([0x18, 0x10, 2, 4, 0x12, 1]),
            st.integers(0, 500),
            st.booleans(),
        ),
        max_size=20,
    )
)
def test_any_segments(parts: list[tuple[int, bytes, int, int, bool]]) -> None:
    packets = [
        tcp(*((PHONE, PBX) if out else (PBX, PHONE)), seq, data, flags, ack)
        for seq, data, flags, ack, out in parts
    ]
    read(pcap(packets, 101))
