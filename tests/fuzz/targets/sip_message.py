"""SIP messages: parsing is pure, loses no byte, and every header's offset re-joins to them.

A message of plain lines goes a short way, the same one behind a CRLF the long one: both give the
same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sipdiag.base.limits import Limits
from sipdiag.crafting.scenario import Scenario
from sipdiag.protocols.recognise import is_sip, next_sip_start, sip_start
from sipdiag.protocols.sip import Message, looks_like_sip, parse
from tests.fuzz.target import Target

_VALUES = (
    "method", "summary", "call_id", "cseq", "request_uri", "from_", "to", "vias", "via",
    "contacts", "expires", "content_length", "body", "sdp", "software", "defects", "reason",
    "request_uri_text", "version", "status",
)  # fmt: skip
_TIGHT = Limits(message_bytes=300, header_count=5)
_GAP = re.compile(rb"[^\r\n]*(?:\r?\n|\r|\Z)")


def _view(message: Message) -> tuple[object, ...]:
    values = tuple(getattr(message, name) for name in _VALUES)
    grants = tuple(message.contact_expires(contact) for contact in message.contacts)
    return (*values, *grants, *message.headers)


def _same_the_long_way(message: Message) -> None:
    longer = parse(b"\r\n" + message.raw)
    if message.raw.startswith((b"\r", b"\n")):
        return
    assert longer is not None and longer.body_offset == message.body_offset + 2
    for name in _VALUES:
        if name != "defects" and name != "sdp":
            assert getattr(longer, name) == getattr(message, name), name
    assert [d.code for d in longer.defects] == [d.code for d in message.defects]
    assert [header[:3] for header in longer.headers] == [header[:3] for header in message.headers]
    assert [header.offset - 2 for header in longer.headers] == [h.offset for h in message.headers]


def _rejoins(message: Message) -> None:
    """Start line, headers, lines that are none (each with its defect), blank line, body."""
    raw = message.raw
    odd = {d.offset for d in message.defects if d.code == "header-malformed"}
    assert not raw[: message.start_offset].strip(b"\r\n")
    at = message.start_end
    for header in message.headers:
        while at < header.offset:
            assert at in odd, f"bytes at {at} belong to nothing"
            at = _end(raw, at)
        assert at == header.offset < header.end <= len(raw)
        line = raw[header.offset : header.end]
        name, colon, value = line.partition(b":")
        assert colon and name.strip(b" \t").decode("utf-8", "surrogateescape") == header.written
        text = re.sub(r"\r?\n[ \t]+", " ", value.decode("utf-8", "surrogateescape"))
        assert text.strip() == header.value
        at = header.end
    assert at <= message.body_offset <= len(raw)
    for defect in message.defects:
        assert 0 <= defect.offset <= len(raw), defect
    assert raw[message.body_offset :].startswith(message.body)


def _end(raw: bytes, at: int) -> int:
    match = _GAP.match(raw, at)
    assert match is not None
    return max(match.end(), at + 1)


def check(data: bytes) -> None:
    """See the module."""
    message = parse(data)
    tight = parse(data, _TIGHT)
    looks_like_sip(data)
    is_sip(data)
    sip_start(data)
    next_sip_start(data)
    if message is None:
        return
    again = parse(data)
    assert again is not None and _view(message) == _view(again)
    _rejoins(message)
    _same_the_long_way(message)
    if tight is not None:
        _rejoins(tight)
        _view(tight)
        assert len(tight.headers) <= 5


def seeds() -> Iterator[bytes]:
    """A registration, an OPTIONS and a call as phones have them; folded, compact, several a line;
    and what is no message."""
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7:31007")
    s.register(phone)
    s.options(phone)
    s.call(phone, talk_s=1, media="none")
    yield from (datagram.payload for datagram in s.datagrams())
    yield (
        b"OPTIONS sip:101@[fe80::1]:5070;transport=tcp SIP/2.0\r\nv : SIP / 2.0 / UDP\r\n "
        b"192.168.1.50;branch=z9hG4bK1, SIP/2.0/TCP b\r\n"
        b'f:"A, \\"B\\"" <sip:a@b>;tag=1\r\nt: sip:b;x\r\n'
        b"CSeq: 0007\r\n\tOPTIONS\r\nm: <sip:a@b>;expires=60, *\r\nl: 4\r\n\r\nbodyEXTRA"
    )
    yield b"SIP/2.0 200\r\nCall-ID: \xff\xfe\r\nno header\r\nExpires: 99999999999\r\n\r\n"


TARGET = Target(
    "sip_message",
    check,
    seeds,
    words=(
        b"SIP/2.0", b"INVITE sip:", b"REGISTER ", b"\r\n", b"\r\n ", b"\n\t", b"\r\n\r\n", b":",
        b"Via: SIP/2.0/UDP ", b"v:", b"f:", b"t:", b"i:", b"m:", b"l:", b"Content-Length: ",
        b"CSeq: 1 ", b"Contact: <sip:", b"Call-ID: ", b"From: ", b"To: ", b"Expires: ",
        b"Content-Type: multipart/mixed", b"v=0\r\n", b"m=audio ", b";branch=z9hG4bK", b";rport",
        b";received=", b";expires=", b"\"", b"<", b">", b"@", b"[::1]", b"%00", b"\xff",
    ),
)  # fmt: skip
