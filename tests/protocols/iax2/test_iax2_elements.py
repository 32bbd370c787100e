"""Each kind of element: its bytes typed in, its value, and what a wrong size makes of it."""

from __future__ import annotations

import datetime

import pytest

from sipdiag.base.endpoint import Endpoint
from sipdiag.protocols.iax2 import ELEMENTS, IE, Value, unpack_elements

V6_TAIL = bytes.fromhex("11d9 00000000 20010db8000000000000000000000007 00000000")
ENDPOINT_4 = Endpoint("203.0.113.7", 4569)
ENDPOINT_6 = Endpoint("2001:db8::7", 4569)
V4_TAIL = bytes.fromhex("11d9 cb007107 0000000000000000")


def read(number: int, data: bytes) -> Value | None:
    (element,), _ = unpack_elements(bytes((number, len(data))) + data)
    return element.value


@pytest.mark.parametrize(
    ("number", "data", "value"),
    [
        (IE.USERNAME, b"branch", "branch"),
        (IE.CALLING_NAME, "Zoë".encode(), "Zoë"),
        (IE.CAUSE, b"", ""),
        (IE.CAUSE, b"\xff", "\udcff"),
        (IE.MD5_RESULT, b"0cc175b9", "0cc175b9"),
        (IE.VARIABLE, b"a=b", "a=b"),
        (IE.MUSICONHOLD, b"", ""),
        (IE.CAPABILITY, b"\x00\x00\x00\x0c", 12),
        (IE.VERSION, b"\x00\x02", 2),
        (IE.REFRESH, b"\x00\x3c", 60),
        (IE.REFRESH, b"\xff\xff", 65535),
        (IE.CALLNO, b"\x12\x34", 0x1234),
        (IE.IAX_UNKNOWN, b"\x29", 41),
        (IE.CAUSECODE, b"\x10", 16),
        (IE.RR_LOSS, b"\x01\x00\x00\x02", 0x01000002),
        (IE.RR_DELAY, b"\x00\x28", 40),
        (IE.AUTOANSWER, b"", b""),
        (IE.ENCKEY, b"\x00\x01", b"\x00\x01"),
        (IE.CALLTOKEN, b"", b""),
        (IE.CALLTOKEN, b"1?ab", b"1?ab"),
        (IE.OSPTOKEN, b"\x00x", b"\x00x"),
        (IE.CAPABILITY2, b"\x00" + b"\x00" * 7 + b"\x0c", 12),
        (IE.FORMAT2, b"\x00" + b"\x00" * 3 + b"\x04" + b"\x00" * 4, 1 << 34),
        (IE.CALLINGANI2, b"\x00\x00\x00\x17", 23),
        (IE.DATAFORMAT, b"\x00\x00\x00\x01", 1),
        (IE.DATETIME, bytes.fromhex("35 97 8a e1"), datetime.datetime(2026, 12, 23, 17, 23, 2)),
        (99, b"abc", b"abc"),
    ],
)
def test_value(number: int, data: bytes, value: Value) -> None:
    assert read(number, data) == value


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x02\x00" + V4_TAIL, ENDPOINT_4),
        (b"\x00\x02" + V4_TAIL, ENDPOINT_4),
        (b"\x10\x02" + V4_TAIL, ENDPOINT_4),
        (b"\x0a\x00" + V6_TAIL, ENDPOINT_6),
        (b"\x00\x0a" + V6_TAIL, ENDPOINT_6),
        (b"\x1c\x1c" + V6_TAIL, ENDPOINT_6),
        (b"\x1e\x00" + V6_TAIL, ENDPOINT_6),
        (b"\x07\x00" + V4_TAIL, None),
        (b"\x02\x00" + V6_TAIL, None),
        (b"\x02\x00" + V4_TAIL[:-1], None),
        (b"", None),
    ],
    ids=[
        "little-endian", "big-endian", "bsd", "ipv6 little-endian", "ipv6 big-endian",
        "freebsd ipv6", "macos family", "unknown family", "family and size differ", "short",
        "empty",
    ],
)  # fmt: skip
def test_apparent_address(data: bytes, value: Endpoint | None) -> None:
    assert read(IE.APPARENT_ADDR, data) == value


def test_mapped_address_is_the_ipv4_one() -> None:
    data = bytes.fromhex("0a00 11d9 00000000 00000000000000000000ffffcb007107 00000000")
    assert read(IE.APPARENT_ADDR, data) == ENDPOINT_4


@pytest.mark.parametrize(
    ("number", "data"),
    [
        (IE.REFRESH, b"\x3c"),
        (IE.CAPABILITY, b"\x00"),
        (IE.CAUSECODE, b""),
        (IE.AUTOANSWER, b"x"),
        (IE.DATETIME, b"\x00\x00\x00\x00"),
        (IE.DATETIME, b"\x00"),
        (IE.CAPABILITY2, b"\x01" + bytes(8)),
        (IE.CAPABILITY2, b""),
    ],
)
def test_what_cannot_be_read_is_a_defect_and_stays_raw(number: int, data: bytes) -> None:
    elements, defects = unpack_elements(bytes((number, len(data))) + data + b"\x06\x01a")
    assert [(e.value, e.raw) for e in elements] == [(None, data), ("a", b"a")]
    assert [(d.code, d.offset) for d in defects] == [("element-value", 0)]


def test_every_element_reads_something_and_its_length_is_checked() -> None:
    for number, name, unpack in ELEMENTS:
        good = [size for size in range(30) if unpack(bytes(size)) is not None]
        assert good or number in (IE.APPARENT_ADDR, IE.DATETIME), name


@pytest.mark.parametrize(
    ("chain", "names", "offset"),
    [
        (b"\x06\x03ab", [], 0),
        (b"\x06\x01a\x13", ["USERNAME"], 3),
        (b"\x06\x01a\x13\x02\x00", ["USERNAME"], 3),
        (b"\x06\xff", [], 0),
    ],
)
def test_an_overrun_ends_the_walk(chain: bytes, names: list[str], offset: int) -> None:
    elements, defects = unpack_elements(chain, 12)
    assert [element.name for element in elements] == names
    assert [(defect.code, defect.offset) for defect in defects] == [
        ("element-overrun", 12 + offset)
    ]


def test_offsets_and_raw_rejoin_to_the_chain() -> None:
    chain = b"\x06\x01a\x13\x02\x00\x3c\x63\x00\x36\x00"
    elements, defects = unpack_elements(chain)
    assert not defects
    assert b"".join(bytes((e.number, len(e.raw))) + e.raw for e in elements) == chain
    assert [e.offset for e in elements] == [0, 3, 7, 9]
    assert elements[2].name == "UNKNOWN_99"
