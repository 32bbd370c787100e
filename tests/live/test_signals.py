"""What a message says to whoever only sorts messages."""

from __future__ import annotations

from sipdiag.base.datagram import Datagram, Origin, Transport
from sipdiag.base.endpoint import Endpoint
from sipdiag.live.signals import Signal, signal_of

ENDS = Endpoint("203.0.113.7", 5060), Endpoint("203.0.113.80", 5060)


def said(payload: bytes) -> Signal:
    """What ``payload`` says."""
    signal = signal_of(_datagram(payload))
    assert signal is not None
    return signal


def _datagram(payload: bytes) -> Datagram:
    return Datagram(0, *ENDS, Transport.UDP, payload, Origin("x", 1))


def sip(start: str, *headers: str, cseq: str = "7 REGISTER", body: str = "") -> bytes:
    """A SIP message."""
    lines = [
        start, "Via: SIP/2.0/UDP 192.168.1.50:5060;branch=z9hG4bK1", "From: <sip:101@x>;tag=1",
        "To: <sip:101@x>", "Call-ID: abc", f"CSeq: {cseq}", *headers,
    ]  # fmt: skip
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


CONTACT = "Contact: <sip:101@192.168.1.50:5062>;expires=60"


def test_a_registration_and_its_grant() -> None:
    asked = said(sip("REGISTER sip:x SIP/2.0", CONTACT, "User-Agent: yealink"))
    assert asked.registering and asked.opens and not asked.answers
    assert (asked.user, asked.call_id, asked.agent) == ("101", "abc", "yealink")
    assert asked.contact == ("101", "192.168.1.50", 5062)
    assert asked.written == "192.168.1.50"
    granted = said(sip("SIP/2.0 200 OK", CONTACT))
    assert granted.granted and granted.registering and granted.granted_s == 60
    assert granted.key == asked.key
    assert said(sip("SIP/2.0 200 OK", "Expires: 90", "Contact: <sip:101@x>")).granted_s == 90
    assert said(sip("SIP/2.0 200 OK")).granted_s == 0


def test_refusals_and_challenges() -> None:
    challenged = said(sip("SIP/2.0 401 Unauthorized"))
    assert challenged.refused and challenged.challenged and not challenged.granted
    forbidden = said(sip("SIP/2.0 403 Forbidden"))
    assert forbidden.refused and not forbidden.challenged
    trying = said(sip("SIP/2.0 100 Trying"))
    assert not trying.refused and not trying.granted


def test_a_call_names_whom_it_is_for_and_where_it_wants_media() -> None:
    sdp = "v=0\r\nc=IN IP4 192.168.1.50\r\nm=audio 4000 RTP/AVP 0\r\n"
    invite = said(
        sip(
            "INVITE sip:900@203.0.113.80 SIP/2.0", "Content-Type: application/sdp",
            f"Content-Length: {len(sdp)}", cseq="1 INVITE", body=sdp,
        )
    )  # fmt: skip
    assert invite.user == "900" and not invite.registering
    assert invite.media_at == (Endpoint("192.168.1.50", 4000),)
    assert said(sip("BYE sip:x SIP/2.0", cseq="2 BYE")).ending
    ack = said(sip("ACK sip:x SIP/2.0", cseq="1 ACK"))
    assert not ack.opens and not ack.answers


def full(source: int, destination: int, subclass: int, *elements: bytes) -> bytes:
    """An IAX2 control frame."""
    head = (0x8000 | source).to_bytes(2) + destination.to_bytes(2)
    return head + bytes(4) + b"\x00\x00\x06" + bytes((subclass,)) + b"".join(elements)


USERNAME, REFRESH = b"\x06\x03201", b"\x13\x02\x00\x3c"


def test_iax2_says_the_same() -> None:
    asked = said(full(5, 0, 0x0D, USERNAME, REFRESH))
    assert asked.registering and asked.opens and asked.user == "201"
    granted = said(full(9, 5, 0x0F, USERNAME, REFRESH))
    assert granted.granted and granted.registering and granted.granted_s == 60
    assert granted.answers and granted.key == asked.key
    assert said(full(9, 5, 0x10)).refused
    new = said(full(5, 0, 0x01, USERNAME))
    assert new.opens and not new.registering and new.call_id is None
    assert said(full(5, 9, 0x05)).ending


def test_what_says_nothing_is_none() -> None:
    for payload in (b"", b"\r\n\r\n", b"\x80", b"\x00\x01" + bytes(20), b"\xff" * 11):
        assert signal_of(_datagram(payload)) is None


def test_rubbish_in_headers_raises_nothing() -> None:
    for header in ("Contact: *", "Contact: <", "To: \x00", "Expires: -1", "Contact: <sip:>"):
        signal_of(_datagram(sip("SIP/2.0 200 OK", header)))
        signal_of(_datagram(sip("REGISTER x SIP/2.0", header)))
    signal_of(_datagram(b"SIP/2.0 200\r\n\r\n"))
