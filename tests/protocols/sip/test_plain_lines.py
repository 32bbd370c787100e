"""What is plain goes the short way, what isn't the long one: to the same, whatever the text.

A line feed before a message sends it the long way.
"""

from __future__ import annotations

import re
from unittest.mock import patch

from hypothesis import given
from hypothesis import strategies as st

from sipdiag.protocols.sip import fields, parse
from sipdiag.protocols.sip.fields import parse_name_addr, parse_via

STARTS = [
    b"INVITE sip:101@192.0.2.7 SIP/2.0",
    b"SIP/2.0 200 OK",
    b"SIP/2.0 486",
    b"sip/2.0 99999 x",
]
LINES = [
    b"Via: SIP/2.0/UDP 192.168.1.50:5060;branch=z9hG4bK1;rport",
    b"v:SIP/2.0/TCP a, SIP/2.0/UDP b",
    b'From: "A, \\"B\\"" <sip:a@b>;tag=1',
    b"t : sip:101@example.com;x=1",
    b"Contact: *",
    b"CONTACT: <sip:a@[2001:db8::1]:5070;ob>;expires=60, <sip:b@c>",
    b"Call-ID: 1@192.168.1.50",
    b"CSeq: 7 INVITE",
    b"Content-Length: 0",
    b"l: 12",
    b"Expires:",
    b" folded",
    b"\tfolded: too",
    b"no header",
    b"two words: x",
    b": nameless",
    b"X: a\rb",
    b"X: a\nY: b",
    b"\xff\xfe: \xff\xc3\xa9 ",
    b"",
]
NAMES = ("via", "from", "to", "contact", "call-id", "cseq", "content-length", "expires", "x", "y")

ENDS = [b"\r\n\r\n", b"\r\n\r\nbody", b"\n\n", b"\r\n", b""]


@given(st.sampled_from(STARTS), st.lists(st.sampled_from(LINES), max_size=8), st.sampled_from(ENDS))
def test_a_message(start: bytes, lines: list[bytes], end: bytes) -> None:
    raw = b"\r\n".join([start, *lines]) + end
    short, long = parse(raw), parse(b"\r\n" + raw)
    assert short is not None and long is not None
    assert short.summary == long.summary and short.body == long.body
    for name in NAMES:
        assert short.all(name) == long.all(name)
        assert short.get(name) == long.get(name)
    for field in ("vias", "from_", "to", "contacts", "cseq", "content_length", "expires", "method"):
        assert getattr(short, field) == getattr(long, field)
    assert [h[:3] for h in short.headers] == [h[:3] for h in long.headers]
    assert [h.offset + 2 for h in short.headers] == [h.offset for h in long.headers]
    assert [d.code for d in short.defects] == [d.code for d in long.defects]


PARTS = [
    "SIP/2.0/UDP ", "SIP/2.0/TCP  ", "sip:", "sips:", "101", "@", "192.168.1.5", ":5060", ":99999",
    ":", "[2001:db8::1]", "[", "]", ";branch=z9hG4bKx", ";rport", ";rport=5", "==", ";tag=a b", ";",
    '"Bob"', "Bob ", '"a\\"b" ', "<", ">", "?x=y", ",", " ", "\t", ";lr", ";A=B", ';a="q"',
    ';a="b;c"', "host", "é", "\x85", "%40", "user:pw", ";=x",
]  # fmt: skip
TEXTS = st.builds(
    lambda base, at, more: "".join([*base[:at], *more, *base[at:]]),
    st.sampled_from(
        [
            ["SIP/2.0/UDP ", "192.168.1.5", ":5060", ";branch=z9hG4bKx", ";rport"],
            ['"Bob" ', "<", "sip:", "101", "@", "host", ":5060", ";lr", ">", ";tag=1"],
            [],
        ]
    ),
    st.integers(0, 10),
    st.lists(st.sampled_from(PARTS), max_size=4),
)


NEVER = re.compile("(?!)")


@given(TEXTS)
def test_a_via(text: str) -> None:
    short = parse_via(text)
    with patch.object(fields, "_PLAIN_VIA", NEVER):
        assert parse_via(text) == short


@given(TEXTS)
def test_a_name_addr(text: str) -> None:
    short = parse_name_addr(text)
    with patch.object(fields, "_PLAIN_NAME_ADDR", NEVER):
        assert parse_name_addr(text) == short


def test_lines_longer_than_are_remembered_are_read_all_the_same() -> None:
    long = b"a" * 10_000
    for _ in range(2):
        message = parse(b"OPTIONS sip:a SIP/2.0\r\nCall-ID: " + long + b"\r\n\r\n")
        assert message is not None and message.call_id == long.decode()


def test_more_lines_than_are_remembered_are_read_all_the_same() -> None:
    for number in range(20_000):
        message = parse(b"OPTIONS sip:a SIP/2.0\r\nCall-ID: %d\r\nl: 0\r\n\r\n" % number)
        assert message is not None and message.call_id == str(number)
