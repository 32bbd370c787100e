"""IAX2 dumps: whatever their lines say, what is encoded of them is a frame that says the same."""

from __future__ import annotations

from collections.abc import Iterator

from sipdiag.asterisk import iax2_dump
from sipdiag.asterisk.log_dump import parse_address
from sipdiag.protocols import iax2
from tests.fuzz.target import Target

_CODES = frozenset({"element-value", "unknown-type", "unknown-subclass"})


def check(data: bytes) -> None:
    """``data``: the lines of one frame."""
    lines = data.split(b"\n")
    first = iax2_dump.FRAME.match(lines[0])
    if first is None:
        return
    frame = iax2_dump.begin(first)
    for line in lines[1:]:
        element = iax2_dump.element(line)
        assert element == iax2_dump.element.__wrapped__(line)
        if element:
            assert len(element) == 2 + element[1]
            frame.chain.append(element)
        elif element is None and (calls := iax2_dump.CALLS.match(line)):
            iax2_dump.calls(frame, calls, parse_address(calls["addr"]))
    parsed = iax2.parse(frame.encode())
    assert isinstance(parsed, iax2.FullFrame)
    assert parsed.source_call == frame.source_call & 0x7FFF
    assert parsed.dest_call == frame.dest_call & 0x7FFF
    assert parsed.timestamp_ms == frame.timestamp_ms & 0xFFFFFFFF
    assert (parsed.oseqno, parsed.iseqno) == (frame.oseqno & 0xFF, frame.iseqno & 0xFF)
    assert parsed.frame_type == frame.frame_type and parsed.csub == frame.csub
    if parsed.type_name == "IAX":
        assert len(parsed.elements) == len(frame.chain)
    assert {defect.code for defect in parsed.defects} <= _CODES
    assert frame.sent in (True, False) and frame.clear_copy in (True, False)


_HEAD = b"Rx-Frame Retry[ No] -- OSeqno: 000 ISeqno: 001 Type: IAX     Subclass: "
_CALLS = b"\n   Timestamp: 00014ms  SCall: 00006  DCall: 00001 203.0.113.7:4569"


def seeds() -> Iterator[bytes]:
    """A line of every element, and the types of frames."""
    yield _HEAD + b"REGREQ " + _CALLS + b"\n   USERNAME        : bob\n   REFRESH         : 60\n"
    names = list(iax2_dump._ELEMENTS)
    for value in (b"60", b"(gsm|ulaw)", b"51 bytes", b"\\x31\\x35", b"IPV4 203.0.113.7:4569"):
        yield _HEAD + b"NEW" + _CALLS + b"".join(b"\n   %-15b : %b" % (n, value) for n in names)
    yield _HEAD.replace(b"IAX    ", b"VOICE  ") + b"4"
    yield _HEAD.replace(b"IAX    ", b"DTMF_E ") + b"#"
    yield _HEAD.replace(b"IAX    ", b"(77?)  ") + b"(200?)" + _CALLS
    yield _HEAD + b"Unknown" + _CALLS.replace(b"203.0.113.7", b"[2001:db8::1]")
    yield _HEAD + b"NEW" + _CALLS + b"\n   DATE TIME       : 2024-01-31  12:00:02"
    yield _HEAD + b"NEW\n   Unknown IE 200  : Present\n   CODEC_PREFS     : (ulaw|gsm)"


TARGET = Target(
    "iax2_dump",
    check,
    seeds,
    words=(_HEAD, _CALLS, *(b"\n   %-15b : " % name for name in iax2_dump._ELEMENTS)),
)
