"""IAX2 frames: pure, never raising, and header and elements re-join to the bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from sipdiag.protocols.iax2 import FullFrame, MetaFrame, looks_encrypted, parse, unpack_elements
from sipdiag.protocols.recognise import is_iax2_control
from tests.fuzz.target import Target

_OVERRUN = frozenset({"element-overrun", "trunk-overrun"})


def check(data: bytes) -> None:
    """See the module."""
    frame = parse(data)
    assert frame == parse(data)
    elements, defects = unpack_elements(data, 7)
    whole = b"".join(bytes((e.number, len(e.raw))) + e.raw for e in elements)
    assert data.startswith(whole)
    assert len(whole) == len(data) or any(d.code in _OVERRUN for d in defects)
    for element in elements:
        at = element.offset - 7
        assert data[at] == element.number and data[at + 2 :].startswith(element.raw)
    if is_iax2_control(data):
        assert isinstance(frame, FullFrame) and frame.type_name == "IAX"
    if frame is None:
        return
    assert frame.raw == data
    if isinstance(frame, FullFrame):
        _full(frame)
    elif isinstance(frame, MetaFrame):
        broken = any(d.code in _OVERRUN for d in frame.defects)
        ends = [entry.offset + entry.length_bytes for entry in frame.entries]
        assert all(end <= len(data) for end in ends) and ends == sorted(ends)
        assert broken or not ends or ends[-1] == len(data)
        assert sum(frame.calls.values()) == len(frame.entries)
    else:
        assert frame.data == data[-len(frame.data) :] or not frame.data


def _full(frame: FullFrame) -> None:
    head = struct.pack(
        "!HHIBBBB",
        0x8000 | frame.source_call,
        (0x8000 if frame.retransmission else 0) | frame.dest_call,
        frame.timestamp_ms,
        frame.oseqno,
        frame.iseqno,
        frame.frame_type,
        frame.csub,
    )
    assert head + frame.data == frame.raw
    assert frame.type_name and frame.subclass_name is not None
    assert frame.marker in (True, False) and looks_encrypted(frame) in (True, False)
    assert all(0 <= defect.offset <= len(frame.raw) for defect in frame.defects)
    for element in frame.elements:
        assert frame.has(element.name)
        frame.get(element.name)
        frame.text(element.name)
        frame.integer(element.name)
    frame.address()
    frame.when()


def seeds() -> Iterator[bytes]:
    """Each form of frame, elements of each kind."""
    head = bytes.fromhex("8001000000000014000006")
    chain = (
        b"\x06\x03bob\x13\x02\x00\x3c\x36\x00\x0b\x02\x00\x02"
        b"\x12\x10\x02\x00\x11\xd9\xcb\x00\x71\x07" + bytes(8)
        + b"\x1f\x04\x2c\x5a\x6c\x21\x38\x09" + bytes(9) + b"\xf0\x01\x00"
    )  # fmt: skip
    yield head + b"\x0d" + chain
    yield head + b"\x1e"
    yield head + b"\x0d\x06\xffbob"
    yield bytes.fromhex("80018002000000140000020a") + bytes(160)
    yield bytes.fromhex("800100020000001400000382") + b"picture"
    yield bytes.fromhex("800100020000001400000c23")
    yield b"\0\1\0\x14" + bytes(160)
    yield b"\0\0\x80\1\x80\x14" + bytes(20)
    yield b"\0\0\1\0\0\0\0\x14\0\1\0\4soun\0\2\0\4dsou"
    yield b"\0\0\1\1\0\0\0\x14\0\4\0\1\0\x14soun"


TARGET = Target(
    "iax2",
    check,
    seeds,
    words=(b"\x80\x01\0\0", b"\x06\x0d", b"\x06\x1e", b"\x12\x10", b"\x13\x02", b"\x36\0", b"\xff"),
)
