"""One message in, its fields or its defects out; nothing raises and no byte is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipdiag.base.limits import Limits
from sipdiag.protocols.sip import Message, looks_like_sip, parse

INVITE = (
    b"INVITE sip:101@192.0.2.7:5070;transport=udp SIP/2.0\r\n"
    b"v: SIP/2.0/UDP 192.168.1.50;branch=z9hG4bK1;rport, "
    b"SIP/2.0/TCP [2001:db8::9]:6050;branch=b\r\n"
    b'f: "Bob, \\"B\\"" <sip:bob@example.com>;tag=a1\r\n'
    b"t: sip:101@example.com;x=1\r\n"
    b"i: abc@192.168.1.50\r\n"
    b"CSeq: 7 INVITE\r\n"
    b'Contact: <sip:bob@192.168.1.50:5062;ob>;expires=90;+sip.instance="<urn:uuid:1>"\r\n'
    b"Expires: 60\r\n"
    b"Subject: a\r\n  folded\r\n\tvalue\r\n"
    b"User-Agent: Phone\r\n"
    b"l: 4\r\n"
    b"\r\n"
    b"bodyEXTRA"
)


def _parsed(payload: bytes) -> Message:
    message = parse(payload)
    assert message is not None
    return message


def _codes(message: Message) -> list[str]:
    return [defect.code for defect in message.defects]


def _rejoined(message: Message) -> bytes:
    lines = b"".join(message.raw[h.offset : h.end] for h in message.headers)
    return message.raw[: message.start_end] + lines


def test_fields() -> None:
    message = _parsed(INVITE)
    assert message.is_request and message.method == "INVITE"
    uri = message.request_uri
    assert uri is not None and (uri.user, uri.host, uri.port) == ("101", "192.0.2.7", 5070)
    assert message.call_id == "abc@192.168.1.50"
    assert message.cseq is not None and message.cseq == (7, "INVITE")
    assert [(v.transport, v.host, v.port) for v in message.vias] == [
        ("UDP", "192.168.1.50", None),
        ("TCP", "2001:db8::9", 6050),
    ]
    assert message.via is not None
    assert message.via.effective_port == 5060
    assert "rport" in message.via.params and message.via.rport is None
    assert message.from_ is not None and message.from_.tag == "a1"
    assert message.to is not None and message.to.tag is None and message.to.params == {"x": "1"}
    (contact,) = message.contacts
    assert contact.uri is not None and contact.uri.port == 5062
    assert contact.params["+sip.instance"] == "<urn:uuid:1>"
    assert message.contact_expires(contact) == 90
    assert message.expires == 60
    assert message.get("subject") == "a folded value"
    assert message.software == "Phone"
    assert message.body == b"body"
    assert _codes(message) == ["content-length-short"]


def test_offsets_rejoin_to_the_bytes() -> None:
    message = _parsed(INVITE)
    blank = b"\r\n"
    assert _rejoined(message) + blank + message.raw[message.body_offset :] == INVITE


def test_a_response() -> None:
    message = _parsed(
        b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;received=192.0.2.1;rport=4444\r\n"
        b"CSeq: 1 REGISTER\r\nContact: *\r\n\r\n"
    )
    assert (message.status, message.reason, message.method) == (200, "OK", "REGISTER")
    assert message.via is not None
    assert (message.via.received, message.via.rport) == ("192.0.2.1", 4444)
    assert message.contacts[0].uri is None


@pytest.mark.parametrize(
    ("field", "code"),
    [
        (b"Content-Length: 99", "content-length-long"),
        (b"Content-Length: -1", "content-length-unreadable"),
        (b"CSeq: one INVITE", "cseq-unreadable"),
        (b"CSeq: 4294967296 OPTIONS", "cseq-range"),
        (b"CSeq: 1 INVITE", "cseq-method"),
        (b"Via: nonsense", "via-unreadable"),
        (b"Call-ID: a\r\nCall-ID: b", "header-repeated"),
        (b"no colon here", "header-malformed"),
    ],
)
def test_defects_are_values(field: bytes, code: str) -> None:
    message = _parsed(b"OPTIONS sip:a@b SIP/2.0\r\n" + field + b"\r\n\r\n")
    assert code in _codes(message)


def test_missing_headers_are_named() -> None:
    message = _parsed(b"OPTIONS sip:a@b SIP/2.0\r\n\r\n")
    assert _codes(message).count("header-missing") == 5


@pytest.mark.parametrize(
    "payload", [b"", b"\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"\x80\x01" * 20, b"INVITE"]
)
def test_what_is_not_sip_is_none(payload: bytes) -> None:
    assert parse(payload) is None
    assert not looks_like_sip(payload)


def test_crlf_before_the_start_line_is_allowed() -> None:
    assert _parsed(b"\r\n\r\nOPTIONS sip:a@b SIP/2.0\r\n\r\n").method == "OPTIONS"


def test_bare_line_feeds_are_read() -> None:
    message = _parsed(b"OPTIONS sip:a@b SIP/2.0\nCSeq: 1 OPTIONS\n\nbody")
    assert message.cseq == (1, "OPTIONS")
    assert message.body == b"body"


def test_a_start_line_that_ends_in_a_bare_line_feed_may_be_followed_by_the_blank_line() -> None:
    message = _parsed(b"SIP/2.0 200 OK\n\r\nbody: of the message\r\n\r\n")
    assert message.headers == ()
    assert message.body == b"body: of the message\r\n\r\n"


def test_limits_leave_the_rest_raw() -> None:
    many = b"OPTIONS sip:a@b SIP/2.0\r\n" + b"X: y\r\n" * 600 + b"\r\nbody"
    message = _parsed(many)
    assert len(message.headers) == 512
    assert "header-count" in _codes(message)
    assert message.body == b"body"
    long = parse(b"OPTIONS sip:a@b SIP/2.0\r\nX: " + b"y" * 9000, Limits(message_bytes=4000))
    assert long is not None and "message-long" in _codes(long)


def test_every_prefix_is_parsed_or_refused() -> None:
    for length in range(len(INVITE)):
        message = parse(INVITE[:length])
        if message is not None:
            assert message.raw == INVITE[:length]
            complete = length == len(INVITE) - len(b"EXTRA")
            assert bool(message.defects) is not complete


@given(st.binary(max_size=400))
def test_nothing_raises(tail: bytes) -> None:
    for payload in (tail, b"INVITE sip:a SIP/2.0\r\n" + tail, b"SIP/2.0 200 OK\r\nVia: " + tail):
        message = parse(payload)
        if message is not None:
            _use_everything(message)


def _use_everything(message: Message) -> None:
    for name in ("via", "from_", "to", "contacts", "sdp", "defects", "request_uri", "software"):
        getattr(message, name)
    assert message.raw[message.start_offset :].startswith(
        message.raw[message.start_offset : message.start_end]
    )
    for header in message.headers:
        assert 0 <= header.offset < header.end <= len(message.raw)


@pytest.mark.parametrize(
    "start",
    [
        b"A " + b" " * 60_000 + b"x SIP/2.0\rX",
        b"A x" + b" " * 60_000 + b"SIP/2.0\rX",
        b"A " + b"x SIP/2.0 " * 6000 + b"SIP/2.0\rX",
        b"SIP/2.0 " + b"2" * 60_000 + b"\rX",
        b"SIP/2.0 200" + b" " * 60_000 + b"\rX",
        b"A sip:b SIP/2.0\r\nX:" + (b"\r\n" + b" " * 99) * 600 + b"\rX",
        b"A sip:b SIP/2.0\r\n" + b"x" * 60_000,
        b"A sip:b SIP/2.0\r\n" + b"x" + b" " * 60_000,
    ],
    ids=[
        "blanks",
        "blanks behind",
        "versions",
        "digits",
        "reason",
        "folds",
        "name",
        "name, blanks",
    ],
)
def test_lines_made_to_be_slow(start: bytes) -> None:
    """A pattern that tries every way to split such a line would never come to an end."""
    for end in (b"", b"\r\n", b"\r\n\r\n"):
        looks_like_sip(start + end)
        message = parse(start + end)
        if message is not None:
            _use_everything(message)
