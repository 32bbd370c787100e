"""Frames printed as iax_showframe() prints them, read back and encoded: the same bytes."""

from __future__ import annotations

import doctest
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipdiag.asterisk import iax2_dump
from sipdiag.asterisk.iax2_dump import CALLS, FRAME, FrameDump, begin, calls, element
from sipdiag.base.endpoint import Endpoint
from sipdiag.protocols import iax2
from sipdiag.protocols.iax2 import IE, Iax

FAR = Endpoint("203.0.113.7", 4569)

WORDS = [
    "NEW", "PING", "PONG", "ACK", "HANGUP", "REJECT", "ACCEPT", "AUTHREQ", "AUTHREP", "INVAL",
    "LAGRQ", "LAGRP", "REGREQ", "REGAUTH", "REGACK", "REGREJ", "REGREL", "VNAK", "DPREQ", "DPREP",
    "DIAL", "TXREQ", "TXCNT", "TXACC", "TXREADY", "TXREL", "TXREJ", "QUELCH", "UNQUELCH", "POKE",
    "PAGE", "MWI", "UNSPRTD", "TRANSFR", "PROVISN", "FWDWNLD", "FWDATA", "TXMEDIA", "RTKEY",
    "CTOKEN",
]  # fmt: skip
"""channels/iax2/parser.c:iax_frame_subclass2str() (22), from 1 on."""

OLD_WORDS = {"UNQULCH": 29, "UNSUPPORTED": 33, "TRANSFER": 34, "PROVISION": 35, "FWDOWNLD": 36}
"""iax2-parser.c (1.0 to 11)."""


def first_line(sub: str, kind: str = "IAX    ", retry: str = " No", label: str = "Rx") -> bytes:
    return (
        f"{label}-Frame Retry[{retry}] -- OSeqno: 007 ISeqno: 255 Type: {kind} Subclass: {sub}"
    ).encode()


def dumped(first: bytes, *lines: str) -> FrameDump:
    match = FRAME.match(first)
    assert match is not None
    frame = begin(match)
    second = CALLS.match(b"   Timestamp: 65536ms  SCall: 00005  DCall: 32767 203.0.113.7:4569")
    assert second is not None
    calls(frame, second, FAR)
    for line in lines:
        found = element(line.encode())
        assert found is not None
        frame.chain.append(found)
    return frame


def parsed(frame: FrameDump) -> iax2.FullFrame:
    found = iax2.parse(frame.encode())
    assert isinstance(found, iax2.FullFrame)
    return found


def test_header() -> None:
    frame = parsed(dumped(first_line("PING   ")))
    assert (frame.source_call, frame.dest_call) == (5, 32767)
    assert (frame.timestamp_ms, frame.oseqno, frame.iseqno) == (65536, 7, 255)
    assert (frame.type_name, frame.subclass_name) == ("IAX", "PING")
    assert not frame.retransmission


@pytest.mark.parametrize(("number", "word"), list(enumerate(WORDS, start=1)))
def test_commands(number: int, word: str) -> None:
    assert parsed(dumped(first_line(f"{word:7}"))).subclass == number
    assert Iax(number)


@pytest.mark.parametrize(("word", "number"), list(OLD_WORDS.items()))
def test_old_commands(word: str, number: int) -> None:
    assert parsed(dumped(first_line(word))).subclass == number


@pytest.mark.parametrize(
    ("kind", "sub", "name"),
    [
        ("CONTROL", "HANGUP ", "HANGUP"),
        ("CONTROL", "RINGING", "RINGING"),
        ("CONTROL", "ANSWER ", "ANSWER"),
        ("CONTROL", "CONGSTN", "CONGESTION"),
        ("CONTROL", "PROCDNG", "PROCEEDING"),
        ("CONTROL", "UNHOLD ", "UNHOLD"),
        ("CONTROL", "SRCUPDT", "SRCUPDATE"),
        ("CONTROL", "PCAUSEC", "PVT_CAUSE_CODE"),
        ("CONTROL", "(255?)", "STOP_SOUNDS"),
        ("VOICE  ", "2", "GSM"),
        ("VOICE  ", "136", "G729"),
        ("VOICE  ", "256", "G729"),
        ("VOICE  ", "4096", "G722"),
        ("DTMF   ", "5", "5"),
        ("DTMF_E ", "#", "#"),
        ("DTMF_B ", "*", "*"),
        ("TEXT   ", "0", "0"),
        ("CNG    ", "0", "0"),
    ],
)
def test_other_types(kind: str, sub: str, name: str) -> None:
    frame = parsed(dumped(first_line(sub, kind)))
    assert frame.subclass_name == name
    assert frame.type_name == {"DTMF_E": "DTMF", "DTMF_B": "DTMF_BEGIN"}.get(
        kind.strip(), kind.strip()
    )


@pytest.mark.parametrize(
    ("label", "retry", "again"),
    [
        ("Tx", "000", False),
        ("Tx", "001", True),
        ("Tx", "012", True),
        ("Tx", "-01", False),
        ("Rx", " No", False),
        ("Rx", "Yes", True),
        ("TE", "Yes", True),
        ("RD", " No", False),
    ],
)
def test_retransmission(label: str, retry: str, again: bool) -> None:
    frame = dumped(first_line("NEW    ", retry=retry, label=label))
    assert parsed(frame).retransmission is again
    assert frame.sent is (label in ("Tx", "TE"))
    assert frame.clear_copy is (label in ("TE", "RD"))


@pytest.mark.parametrize(
    ("line", "name", "raw"),
    [
        ("   USERNAME        : bob", "USERNAME", b"bob"),
        ("   USERNAME        : ", "USERNAME", b""),
        ("   CALLED NUMBER   : a : b", "CALLED_NUMBER", b"a : b"),
        ("   ANI             : 200", "CALLING_ANI", b"200"),
        ("   REFRESH         : 60", "REFRESH", b"\x00\x3c"),
        ("   CAPABILITY      : 4294967295", "CAPABILITY", b"\xff" * 4),
        ("   CAPABILITY2     : (gsm|ulaw|g722)", "CAPABILITY2", bytes(7) + b"\x10\x06"),
        ("   FORMAT2         : (nothing)", "FORMAT2", bytes(9)),
        ("   CODEC_PREFS     : (gsm|alaw)", "CODEC_PREFS", b"CE"),
        ("   CAUSE CODE      : 16", "CAUSECODE", b"\x10"),
        ("   CHALLENGE       : \\x31\\x35\\xff", "CHALLENGE", b"15\xff"),
        ("   CHALLENGE       : 137472844", "CHALLENGE", b"137472844"),
        ("   MD5 RESULT      : 0a88c7", "MD5_RESULT", b"0a88c7"),
        (
            "   APPARENT ADDRES : IPV4 203.0.113.7:4569",
            "APPARENT_ADDR",
            b"\x02\x00\x11\xd9\xcb\x00\x71\x07" + bytes(8),
        ),
        ("   DATE TIME       : 2024-01-31  12:30:58", "DATETIME", b"\x30\x3f\x63\xdd"),
        ("   CALLTOKEN       : Present", "CALLTOKEN", b""),
        ("   CALLTOKEN       : 51 bytes", "CALLTOKEN", bytes(51)),
        ("   ENCRYPTION KEY  : 16 bytes", "ENCKEY", bytes(16)),
        ("   CALLING TYPEOFN : 0", "CALLINGTON", b"\0"),
        ("   CALLING TRANSIT : 0", "CALLINGTNS", b"\0\0"),
        ("   PROVISIONING VE : 1", "PROVVER", b"\0\0\0\1"),
        ("   AUTO ANSWER REQ : Present", "AUTOANSWER", b""),
        ("   RR_OUTOFORDER   : 3", "RR_OOO", b"\0\0\0\3"),
        ("   SAMPLINGRATE    : 8khz,16khz", "SAMPLINGRATE", b"\x00\x05"),
        ("   Unknown IE 099  : Present", "UNKNOWN_99", b""),
    ],
)
def test_elements(line: str, name: str, raw: bytes) -> None:
    frame = parsed(dumped(first_line("NEW    "), line))
    assert [(e.name, e.raw) for e in frame.elements] == [(name, raw)]
    assert frame.defects == ()


def test_ipv6_address() -> None:
    frame = parsed(dumped(first_line("REGACK "), "   APPARENT ADDRES : IPV6 [2001:db8::7]:4569"))
    assert frame.address() == Endpoint("2001:db8::7", 4569)


@pytest.mark.parametrize("word", ["Invalid SHORT", "Invalid INT", "99999999999999999999999", "-1"])
def test_wrong_sizes_stay_wrong(word: str) -> None:
    frame = parsed(dumped(first_line("REGREQ "), f"   REFRESH         : {word}"))
    assert frame.get("REFRESH") is None
    assert frame.has("REFRESH")


def test_no_elements() -> None:
    for line in (b"", b"   Timestamp: 1ms", b"       USEDHCP         : 1 bytes", b"Peer 'x'"):
        assert element(line) is None


_TEXT = st.text(st.characters(codec="ascii", exclude_categories=["C", "Z"]), max_size=40)


@given(
    st.integers(0, 0x7FFF),
    st.integers(0, 0x7FFF),
    st.integers(0, 2**32 - 1),
    st.integers(0, 255),
    st.integers(0, 255),
    st.sampled_from(list(enumerate(WORDS, start=1))),
    st.booleans(),
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from([IE.USERNAME, IE.CAUSE, IE.LANGUAGE, IE.DNID]), _TEXT),
            st.tuples(
                st.sampled_from([IE.REFRESH, IE.VERSION, IE.AUTHMETHODS]), st.integers(0, 65535)
            ),
            st.tuples(
                st.sampled_from([IE.CAPABILITY, IE.RR_LOSS, IE.FORMAT]), st.integers(0, 2**32 - 1)
            ),
            st.tuples(st.just(IE.CHALLENGE), st.binary(min_size=1, max_size=20)),
        ),
        max_size=6,
    ),
)
def test_round_trip(
    source: int,
    dest: int,
    timestamp: int,
    oseq: int,
    iseq: int,
    command: tuple[int, str],
    again: bool,
    values: list[tuple[IE, str | int | bytes]],
) -> None:
    wire = struct.pack(
        "!HHIBBBB",
        0x8000 | source,
        (0x8000 if again else 0) | dest,
        timestamp,
        oseq,
        iseq,
        6,
        command[0],
    )
    lines = []
    for number, value in values:
        name = number.name
        if isinstance(value, str):
            raw, text = value.encode(), value
        elif isinstance(value, bytes):
            raw, text = value, "".join(f"\\x{byte:02x}" for byte in value)
        else:
            raw = value.to_bytes(4 if number in (8, 9, 47) else 2)
            text = str(value)
        wire += bytes((number, len(raw))) + raw
        lines.append(f"   {name:15.15} : {text}")
    first = (
        f"Rx-Frame Retry[{'Yes' if again else ' No'}] -- OSeqno: {oseq:03d} ISeqno: {iseq:03d} "
        f"Type: IAX     Subclass: {command[1]:7}"
    )
    second = f"   Timestamp: {timestamp:05d}ms  SCall: {source:05d}  DCall: {dest:05d} {FAR}"
    match, more = FRAME.match(first.encode()), CALLS.match(second.encode())
    assert match is not None and more is not None
    frame = begin(match)
    calls(frame, more, FAR)
    for line in lines:
        found = element(line.encode())
        assert found is not None
        frame.chain.append(found)
    assert frame.encode() == wire


@given(st.binary(max_size=60), st.integers(0, 120))
def test_damage_doesnt_raise(junk: bytes, at: int) -> None:
    for line in (
        first_line("REGREQ "),
        b"   Timestamp: 65536ms  SCall: 00005  DCall: 32767 203.0.113.7:4569",
        b"   APPARENT ADDRES : IPV4 203.0.113.7:4569",
        b"   DATE TIME       : 2024-01-31  12:30:58",
    ):
        text = line[:at] + junk + line[at:]
        match = FRAME.match(text)
        if match is not None:
            begin(match).encode()
        second = CALLS.match(text)
        if second is not None:
            frame = dumped(first_line("NEW    "))
            calls(frame, second, None)
            frame.encode()
        element(text)


def test_examples() -> None:
    assert doctest.testmod(iax2_dump).failed == 0
