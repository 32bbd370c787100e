"""Media as counters: segments, windows, bounds."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.protocols.media import (
    DEADLINE,
    LAST,
    MARK_NS,
    OCTETS,
    PACKETS,
    SILENCE_NS,
    MediaKind,
    MediaTable,
)

MS, S = 1_000_000, 1_000_000_000
T0 = 1_700_000_000 * S
A, B, C = Endpoint("10.0.0.1", 4000), Endpoint("10.0.0.2", 4002), Endpoint("10.0.0.2", 4004)
ONE, TWO = b"\0\0\0\x01", b"\0\0\0\x02"


def rtp(
    table: MediaTable,
    ts_ns: int,
    frame: int = 1,
    ssrc: bytes = ONE,
    src: Endpoint = A,
    dst: Endpoint = B,
    payload_type: int = 0,
) -> list[object] | None:
    return table.count(src, dst, MediaKind.RTP, ts_ns, frame, 172, ssrc, payload_type)


def call(table: MediaTable, start: int, count: int, step: int = 20 * MS, frame: int = 1) -> None:
    for n in range(count):
        rtp(table, start + n * step, frame + n)


def test_a_call() -> None:
    table = MediaTable()
    call(table, T0, 500)
    flow = table.flow(A, B)
    assert flow is not None
    assert (flow.src, flow.dst, flow.kind, flow.packets) == (A, B, MediaKind.RTP, 500)
    assert flow.segments == [(T0, T0 + 499 * 20 * MS, 500, 500 * 172, 1, 0, 1, 500)]
    assert table.flow(B, A) is None
    assert (table.last_ns(A, B), table.last_ns(B, A)) == (T0 + 499 * 20 * MS, None)
    assert list(table) == [flow]
    assert len(table) == 1
    assert "500 packets" in repr(flow)


def test_progress_is_told_by_marks_two_seconds_apart() -> None:
    table = MediaTable()
    call(table, T0, 500)
    flow = table.flow(A, B)
    assert flow is not None
    (points,) = flow.progress
    assert points[0] == (T0, 1) and points[-1] == (T0 + 499 * 20 * MS, 500)
    assert points == sorted(points) and len(points) == 6
    assert all(count == (at - T0) // (20 * MS) + 1 for at, count in points)


def test_silence_and_ssrc_begin_segments() -> None:
    table = MediaTable()
    call(table, T0, 10)
    last = T0 + 180 * MS
    rtp(table, last + SILENCE_NS, 11)
    rtp(table, last + 2 * SILENCE_NS + 1, 12)
    rtp(table, last + 2 * SILENCE_NS + 2, 13, TWO, payload_type=101)
    flow = table.flow(A, B)
    assert flow is not None
    assert [(s.packets, s.ssrc, s.payload_type, s.first_frame) for s in flow.segments] == [
        (11, 1, 0, 1),
        (1, 1, 0, 12),
        (1, 2, 101, 13),
    ]


def test_two_sources_taking_turns_are_two_segments() -> None:
    table = MediaTable()
    for n in range(50):
        rtp(table, T0 + n * 20 * MS, 2 * n, ONE)
        rtp(table, T0 + n * 20 * MS + MS, 2 * n + 1, TWO)
    flow = table.flow(A, B)
    assert flow is not None
    assert [(s.packets, s.ssrc) for s in flow.segments] == [(50, 1), (50, 2)]


def test_times_out_of_order() -> None:
    table = MediaTable()
    for when in (5, 3, 4, 6):
        rtp(table, T0 + when * MS, when)
    flow = table.flow(A, B)
    assert flow is not None
    (segment,) = flow.segments
    assert (segment.first_ns, segment.first_frame) == (T0 + 3 * MS, 3)
    assert (segment.last_ns, segment.last_frame) == (T0 + 6 * MS, 6)


def test_four_packets_of_four_sources_are_no_media() -> None:
    table = MediaTable()
    results = [rtp(table, T0 + n, n, bytes([n, 1, 2, 3])) for n in range(4)]
    assert results[3] is None
    assert None not in results[:3]
    assert len(table) == 0
    assert table.towards(B, 0, 2 * T0) == []


def test_mini_frames_have_no_source() -> None:
    table = MediaTable()
    for n in range(9):
        table.count(A, B, MediaKind.IAX2_MINI, T0 + n * 20 * MS, n, 164)
    (flow,) = table
    assert [(s.ssrc, s.payload_type, s.packets) for s in flow.segments] == [(None, None, 9)]


def test_tally_tells_how_long_it_may_be_bumped() -> None:
    table = MediaTable()
    tally = table.count(A, B, MediaKind.RTP, T0, 1, 172, ONE, 0)
    assert tally is not None
    assert (tally[LAST], tally[DEADLINE], tally[PACKETS], tally[OCTETS]) == (
        T0,
        T0 + MARK_NS,
        1,
        172,
    )
    tally[PACKETS] += 1
    tally[LAST] = T0 + MS
    assert table.last_ns(A, B) == T0 + MS
    newer = table.count(A, B, MediaKind.RTP, T0 + 60 * S, 3, 172, ONE, 0)
    assert newer is not tally
    assert tally[DEADLINE] < 0
    table.discard(A, B)
    table.discard(A, B)
    assert newer is not None
    assert newer[DEADLINE] < 0


def test_windows() -> None:
    table = MediaTable()
    call(table, T0, 3000)
    call(table, T0 + 200 * S, 100, frame=3001)
    for n in range(10):
        rtp(table, T0 + n * 20 * MS, 9000 + n, src=C)
    end = T0 + 300 * S
    passages = table.towards(B, T0, end)
    assert [(p.flow.src, p.packets) for p in passages] == [(A, 3100), (C, 10)]
    (passage,) = table.from_(A, T0, end)
    assert passage[1:] == (3100, T0, T0 + 200 * S + 1980 * MS, 1, 3100)
    (passage,) = table.from_(A, T0 + 100 * S, end)
    assert passage[1:] == (100, T0 + 200 * S, T0 + 200 * S + 1980 * MS, 3001, 3100)
    assert table.from_(A, T0 + 100 * S, T0 + 150 * S) == []
    assert table.from_(B, T0, end) == []
    assert [p.flow.src for p in table.towards_ip(B.ip, T0, end)] == [A, C]
    assert [p.flow.src for p in table.from_ip(C.ip, T0, end)] == [C]
    assert table.towards_ip("192.0.2.9", T0, end) == []


@pytest.mark.parametrize(("start", "length"), [(0, 10), (7, 3), (13, 30), (31, 1), (55, 60)])
def test_windows_that_cut_a_segment(start: int, length: int) -> None:
    table = MediaTable()
    call(table, T0, 3000)
    (passage,) = table.towards(B, T0 + start * S, T0 + (start + length) * S)
    seconds = min(60, start + length) - start
    assert passage.packets == pytest.approx(50 * seconds, abs=3)
    assert passage.first_ns == T0 + start * S
    exact = T0 + (passage.first_frame - 1) * 20 * MS
    assert T0 + start * S <= exact <= T0 + (start + length) * S
    assert passage.first_frame <= passage.last_frame


def test_a_tiny_window_within_a_segment() -> None:
    table = MediaTable()
    call(table, T0, 100)
    assert sum(p.packets for p in table.towards(B, T0 + S + 1, T0 + S + 2)) <= 1


def test_long_segments_keep_few_marks() -> None:
    table = MediaTable()
    call(table, T0, 7200, step=S)
    (flow,) = table
    assert len(flow._segments[0].marks) < 3 * 64
    (passage,) = table.towards(B, T0 + 1000 * S, T0 + 2000 * S)
    assert passage.packets == pytest.approx(1001, abs=5)


def test_flows_and_segments_are_bounded() -> None:
    hits = LimitHits()
    table = MediaTable(Limits(media_flows=5, media_segments=4), hits)
    for port in range(20):
        rtp(table, T0, 1, src=Endpoint("10.0.0.9", port))
    assert len(table) == 5
    assert hits.counts["media_flows"] == 15
    assert [p.flow.src.port for p in table.towards(B, T0, T0)] == [15, 16, 17, 18, 19]
    for n in range(10):
        call(table, T0 + n * 60 * S, 2)
    flow = table.flow(A, B)
    assert flow is not None
    assert len(flow.segments) == 4
    assert flow.packets == 20
    assert hits.counts["media_segments"] == 6


EVENTS = st.tuples(st.integers(0, 60 * S), st.sampled_from([ONE, TWO]))


@given(st.lists(EVENTS, min_size=1, max_size=60), st.integers(0, 60 * S), st.integers(0, 60 * S))
def test_a_window_never_invents_packets(
    events: list[tuple[int, bytes]], start: int, length: int
) -> None:
    table = MediaTable()
    for number, (when, ssrc) in enumerate(events):
        rtp(table, T0 + when, number, ssrc)
    assert sum(flow.packets for flow in table) == len(events)
    for passage in table.towards(B, T0 + start, T0 + start + length):
        assert 1 <= passage.packets <= len(events)
        assert T0 + start <= passage.first_ns <= passage.last_ns <= T0 + start + length
    everything = table.towards(B, T0, T0 + 60 * S)
    assert sum(p.packets for p in everything) == len(events)


def test_random_traffic_stays_consistent() -> None:
    pick = random.Random(1)
    table = MediaTable(Limits(media_flows=8))
    ends = [Endpoint(f"10.0.0.{n}", n) for n in range(6)]
    for frame in range(3000):
        src, dst = pick.sample(ends, 2)
        rtp(table, T0 + frame * 50 * MS, frame, src=src, dst=dst)
    assert len(table) == 8
    assert sum(len(table.towards(end, 0, 2 * T0)) for end in ends) == 8
    assert sum(len(table.from_ip(end.ip, 0, 2 * T0)) for end in ends) == 8
