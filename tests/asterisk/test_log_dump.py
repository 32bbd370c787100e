"""SIP dumps: where they begin and end, and the bytes behind their text."""

# ruff: noqa: E501 - a log's lines are as long as they are

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipdiag.asterisk.log_dump import (
    OPENING,
    Close,
    may_open,
    parse_address,
    read_dump,
    read_opening,
    restore,
    transport_of,
)
from sipdiag.base.datagram import Direction, Transport
from sipdiag.base.endpoint import Endpoint
from sipdiag.protocols import sip

FAR = Endpoint("203.0.113.7", 5060)


@pytest.mark.parametrize(
    ("line", "direction", "far", "transport", "close"),
    [
        ("<-- SIP read from 203.0.113.7:5060: ", "received", "203.0.113.7:5060", "UDP", Close.ANY),
        ("<--- SIP read from 203.0.113.7:5060 --->", "received", "203.0.113.7:5060", None, Close.DASHES),
        ("<--- SIP read from UDP://203.0.113.7:5060 --->", "received", "203.0.113.7:5060", "UDP", Close.DASHES),
        ("<--- SIP read from WSS:[2001:db8::7]:443 --->", "received", "[2001:db8::7]:443", "WSS", Close.DASHES),
        ("Transmitting (no NAT) to 203.0.113.7:5060:", "sent", "203.0.113.7:5060", None, Close.RULE),
        ("Reliably Transmitting (NAT) to 203.0.113.7:5060:", "sent", "203.0.113.7:5060", None, Close.RULE),
        ("<--- Reliably Transmitting (NAT) to 203.0.113.7:5060 --->", "sent", "203.0.113.7:5060", None, Close.DASHES),
        ("Retransmitting #6 (no NAT) to [2001:db8::7]:5060:", "sent", "[2001:db8::7]:5060", None, Close.RULE),
        ("<--- Received SIP request (514 bytes) from UDP:203.0.113.7:5060 --->", "received", "203.0.113.7:5060", "UDP", Close.COUNT),
        ("<--- Transmitting SIP response (5 bytes) to TLS:[2001:db8::7]:5061 --->", "sent", "[2001:db8::7]:5061", "TLS", Close.COUNT),
        ("<--- Received SIP response (5 bytes) from TCP:2001:db8::7:5060 --->\r", "received", "[2001:db8::7]:5060", "TCP", Close.COUNT),
    ],
)  # fmt: skip
def test_openings(line: str, direction: str, far: str, transport: str | None, close: Close) -> None:
    text = b"\n" + line.encode() + b"\nOPTIONS"
    assert may_open(text)
    match = OPENING.search(text)
    assert match is not None
    opening = read_opening(match)
    assert opening is not None
    assert (opening.direction, str(opening.far)) == (Direction(direction), far)
    assert opening.transport == (None if transport is None else Transport(transport))
    assert opening.close is close
    assert text[match.end() :] == b"OPTIONS"
    assert opening.retransmission == (6 if "#6" in line else 0)


@pytest.mark.parametrize(
    "line",
    [
        "Transmitting to 203.0.113.7:5060",
        "x <--- SIP read from UDP:203.0.113.7:5060 --->",
        "User-Agent: Transmitting (NAT) to 203.0.113.7:5060:",
        "Sending to 203.0.113.7:5060 (NAT)",
    ],
)
def test_no_openings(line: str) -> None:
    assert OPENING.search(line.encode() + b"\n") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"203.0.113.7:5060", "203.0.113.7:5060"),
        (b"203.0.113.7", "203.0.113.7:5060"),
        (b"[2001:DB8::7]:5060", "[2001:db8::7]:5060"),
        (b"[2001:db8::7]", "[2001:db8::7]:5060"),
        (b"::ffff:203.0.113.7:5060", "203.0.113.7:5060"),
        (b"phone.example.org:5060", None),
        (b"203.0.113.7:99999", None),
        (b"203.0.113.7:x", None),
        (b"", None),
        (b"\xff\xfe:1", None),
    ],
)
def test_addresses(text: bytes, expected: str | None) -> None:
    found = parse_address(text)
    assert (None if found is None else str(found)) == expected


def lost(message: bytes) -> bytes:
    """A message as chan_sip prints it after lws2sws(): no CRs, and not the last LF."""
    text = message.replace(b"\r", b"")
    return text[:-1] if text.endswith(b"\n") else text


HEAD = b"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\nContent-Length: %d\r\n\r\n"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"v=0\r\n",
        b"v=0\r\nm=audio 1 RTP/AVP 0\r\n",
        b"v=0\r\ns=-",
        b"v=0\ns=-",
        b"x",
    ],
)
def test_bytes_come_back(body: bytes) -> None:
    message = HEAD % len(body) + body
    assert restore(message) == (message, False)
    assert restore(lost(message)) == (message, False)


@given(st.lists(st.text("abc =", max_size=8).map(str.strip), max_size=6), st.booleans())
def test_any_body_comes_back(lines: list[str], ended: bool) -> None:
    body = "\r\n".join(lines).strip("\r\n").encode() + (b"\r\n" if ended else b"")
    if not body.strip():
        body = b""
    message = HEAD % len(body) + body
    assert restore(lost(message)) == (message, False)


def test_a_length_that_was_wrong_stays_wrong() -> None:
    """An ALG that rewrites a body and not its length must be seen in the log too."""
    body = b"v=0\r\nc=IN IP4 203.0.113.7\r\n"
    message = HEAD % (len(body) + 9) + body
    assert restore(lost(message)) == (message, True)
    message = HEAD % (len(body) - 9) + body
    assert restore(lost(message)) == (message, False)


def test_transport_of_what_is_sent() -> None:
    assert transport_of(b"SIP/2.0 200 OK\r\nv:SIP/2.0/tcp 1.2.3.4\r\n") is Transport.TCP
    assert transport_of(b"SIP/2.0 200 OK\r\nVia: SIP / 2.0 / TLS a\r\n") is Transport.TLS
    assert transport_of(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/SCTP a\r\n") is Transport.UDP
    assert transport_of(b"SIP/2.0 200 OK\r\n\r\n") is Transport.UDP


@given(st.binary(max_size=400), st.sampled_from(list(Close)), st.integers(0, 500))
def test_nothing_raises(text: bytes, close: Close, count: int) -> None:
    match = OPENING.search(b"Transmitting (NAT) to 203.0.113.7:5060:\n")
    assert match is not None
    opening = read_opening(match)
    assert opening is not None
    for transport in (Transport.UDP, Transport.TCP):
        changed = opening._replace(close=close, size_bytes=count, transport=transport)
        dump = read_dump(changed, text)
        assert 0 <= dump.end <= len(text)
        for message in dump.messages:
            sip.parse(message)
    found = OPENING.search(text)
    if found is not None:
        read_opening(found)
    restore(text, count)
