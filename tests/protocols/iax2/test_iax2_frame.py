"""Frames: every kind from typed-in bytes, every truncation, and random bytes."""

from __future__ import annotations

import struct
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipdiag.base.endpoint import Endpoint
from sipdiag.protocols.iax2 import (
    Control,
    FrameType,
    FullFrame,
    Iax,
    MetaFrame,
    MiniFrame,
    TrunkEntry,
    VideoMiniFrame,
    looks_encrypted,
    parse,
)

REGACK = bytes.fromhex(
    "83e9 8001 00000053 01 02 06 0f"
    "06 06 6272616e6368"
    "1f 04 35978ae1"
    "13 02 003c"
    "12 10 0200 11d9 cb007107 0000000000000000"
)


def full(data: bytes) -> FullFrame:
    frame = parse(data)
    assert isinstance(frame, FullFrame)
    return frame


def rejoined(frame: FullFrame) -> bytes:
    return (
        struct.pack(
            "!HHIBBBB",
            0x8000 | frame.source_call,
            (0x8000 if frame.retransmission else 0) | frame.dest_call,
            frame.timestamp_ms,
            frame.oseqno,
            frame.iseqno,
            frame.frame_type,
            frame.csub,
        )
        + frame.data
    )


def test_a_registration_answer() -> None:
    frame = full(REGACK)
    assert (frame.source_call, frame.dest_call, frame.retransmission) == (1001, 1, True)
    assert (frame.timestamp_ms, frame.oseqno, frame.iseqno) == (0x53, 1, 2)
    assert (frame.frame_type, frame.type_name) == (FrameType.IAX, "IAX")
    assert (frame.subclass, frame.subclass_name) == (Iax.REGACK, "REGACK")
    assert frame.text("USERNAME") == "branch"
    assert frame.integer("REFRESH") == 60
    assert frame.address() == Endpoint("203.0.113.7", 4569)
    when = frame.when()
    assert when is not None
    assert when.isoformat() == "2026-12-23T17:23:02"
    assert [(e.number, e.offset) for e in frame.elements] == [(6, 12), (31, 20), (19, 26), (18, 30)]
    assert frame.defects == ()


def test_an_element_that_is_not_there_or_of_another_kind_is_none() -> None:
    frame = full(REGACK)
    assert frame.get("CAUSE") is None
    assert not frame.has("CAUSE")
    assert frame.has("REFRESH")
    assert frame.text("REFRESH") is None
    assert frame.integer("USERNAME") is None
    assert frame.address("REFRESH") is None
    assert frame.when("REFRESH") is None


def test_the_first_of_two_elements_counts() -> None:
    frame = full(REGACK + bytes.fromhex("13 02 0258"))
    assert frame.get("REFRESH") == 60
    assert len(frame.elements) == 5


@pytest.mark.parametrize(
    ("frame_type", "csub", "subclass", "name"),
    [
        (FrameType.VOICE, 0x04, 4, "ULAW"),
        (FrameType.VOICE, 0x82, 4, "ULAW"),
        (FrameType.VOICE, 0x8A, 1 << 10, "ILBC"),
        (FrameType.VOICE, 0xA2, 1 << 34, "OPUS"),
        (FrameType.VIDEO, 0x93, 1 << 19, "H263"),
        (FrameType.VIDEO, 0xD3, 1 << 19, "H263"),
        (FrameType.CONTROL, 0xFF, Control.STOP_SOUNDS, "STOP_SOUNDS"),
        (FrameType.CONTROL, 0x82, Control.ANSWER, "ANSWER"),
    ],
)
def test_the_power_of_two_bit(frame_type: int, csub: int, subclass: int, name: str) -> None:
    frame = full(bytes.fromhex("80010002000000000000") + bytes((frame_type, csub)))
    assert (frame.subclass, frame.subclass_name, frame.csub) == (subclass, name, csub)
    assert frame.defects == ()
    assert frame.marker == (csub == 0xD3)


@pytest.mark.parametrize(
    ("frame_type", "csub", "code"),
    [
        (0, 0, "unknown-type"),
        (13, 1, "unknown-type"),
        (0x62, 0xD1, "unknown-subclass"),
        (FrameType.IAX, 41, "unknown-subclass"),
        (FrameType.VOICE, 3, "unknown-subclass"),
        (FrameType.VOICE, 0xC0, "unknown-subclass"),
    ],
)
def test_unknown_numbers_are_defects(frame_type: int, csub: int, code: str) -> None:
    frame = full(bytes.fromhex("80010002000000000000") + bytes((frame_type, csub)))
    assert [defect.code for defect in frame.defects] == [code]
    assert frame.type_name
    assert frame.subclass_name
    assert looks_encrypted(frame)


def test_only_iax_frames_have_elements() -> None:
    frame = full(bytes.fromhex("800100020000000000000700") + b"hello")
    assert frame.elements == ()
    assert frame.defects == ()
    assert frame.data == b"hello"


def test_a_broken_chain_looks_encrypted_and_a_wrong_value_does_not() -> None:
    head = bytes.fromhex("80010002000000000000060d")
    assert looks_encrypted(full(head + b"\x06\x09bob"))
    wrong = full(head + b"\x13\x01\x3c")
    assert wrong.defects
    assert not looks_encrypted(wrong)
    assert not looks_encrypted(full(REGACK))


@pytest.mark.parametrize("length", range(len(REGACK)))
def test_a_truncation_anywhere_never_raises_and_never_passes_as_whole(length: int) -> None:
    frame = parse(REGACK[:length])
    if length < 12:
        assert frame is None
    else:
        assert isinstance(frame, FullFrame)
        at_a_border = length in (12, 20, 26, 30)
        assert bool(frame.defects) != at_a_border
        assert rejoined(frame) == REGACK[:length]


def test_mini() -> None:
    frame = parse(bytes.fromhex("03e9 0a0b") + b"sound")
    assert frame == MiniFrame(1001, 0x0A0B, frame.raw if frame else b"")
    assert isinstance(frame, MiniFrame)
    assert frame.data == b"sound"


def test_video_mini() -> None:
    frame = parse(bytes.fromhex("0000 83e9 8a0b") + b"picture")
    assert isinstance(frame, VideoMiniFrame)
    assert (frame.source_call, frame.timestamp_ms, frame.marker) == (1001, 0x0A0B, True)
    assert frame.data == b"picture"


def test_trunk_with_one_timestamp() -> None:
    frame = parse(bytes.fromhex("0000 01 00 00001000  03e9 0002 aaaa  03ea 0001 bb 03e9 0000"))
    assert isinstance(frame, MetaFrame)
    assert frame.timestamp_ms == 0x1000
    assert frame.entries == (
        TrunkEntry(1001, None, 2, 12),
        TrunkEntry(1002, None, 1, 18),
        TrunkEntry(1001, None, 0, 23),
    )
    assert frame.calls == Counter({1001: 2, 1002: 1})
    assert frame.defects == ()


def test_trunk_with_timestamps_of_its_own() -> None:
    frame = parse(bytes.fromhex("0000 01 01 00001000  0002 03e9 0014 aaaa  0001 03ea 0028 bb"))
    assert isinstance(frame, MetaFrame)
    assert frame.entries == (TrunkEntry(1001, 20, 2, 14), TrunkEntry(1002, 40, 1, 22))


@pytest.mark.parametrize("length", range(20))
def test_a_truncated_trunk(length: int) -> None:
    whole = bytes.fromhex("0000 01 00 00001000  03e9 0002 aaaa  03ea 0001 bb")
    frame = parse(whole[:length])
    if length < 8:
        assert frame is None
    else:
        assert isinstance(frame, MetaFrame)
        assert bool(frame.defects) == (length not in (8, 14, 19))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00",
        b"\x80\x01\x00",
        bytes(4),
        bytes(20),
        b"\x00\x00\x80\x01\x00",
        b"\x80" + bytes(10),
    ],
)
def test_what_is_no_frame_is_none(data: bytes) -> None:
    assert parse(data) is None


def test_meta_video_command() -> None:
    frame = parse(bytes.fromhex("0000 02 00") + b"fax")
    assert isinstance(frame, MetaFrame)
    assert (frame.command, frame.timestamp_ms, frame.entries) == (2, None, ())


@given(st.binary(max_size=80))
def test_random_bytes_never_raise_and_nothing_is_lost(data: bytes) -> None:
    check(data)


@given(st.binary(min_size=4, max_size=4), st.binary(max_size=60))
def test_random_elements_never_raise(head: bytes, chain: bytes) -> None:
    check(b"\x80" + head[:3] + bytes(6) + b"\x06\x0d" + chain)


@given(st.binary(max_size=60), st.integers(0, 1))
def test_random_trunks_never_raise(entries: bytes, kind: int) -> None:
    check(b"\x00\x00\x01" + bytes((kind,)) + bytes(4) + entries)


def check(data: bytes) -> None:
    frame = parse(data)
    if frame is None:
        return
    assert frame.raw == data
    if isinstance(frame, FullFrame):
        assert rejoined(frame) == data
        assert frame.type_name
        assert frame.subclass_name
        end = 12
        for element in frame.elements:
            assert element.offset == end
            assert data[end] == element.number
            end += 2 + len(element.raw)
            assert data[end - len(element.raw) : end] == element.raw
        chained = frame.frame_type == FrameType.IAX
        overran = any(defect.code == "element-overrun" for defect in frame.defects)
        assert not chained or (end < len(data)) == overran
    elif isinstance(frame, MetaFrame):
        assert sum(frame.calls.values()) == len(frame.entries)
        for entry in frame.entries:
            assert entry.offset + entry.length_bytes <= len(data)
