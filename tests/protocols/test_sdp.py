"""Where media is to go, and which way."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sipdiag.base.endpoint import Endpoint
from sipdiag.protocols.sdp import parse_sdp

BODY = (
    b"v=0\r\no=- 1 1 IN IP4 192.168.1.50\r\ns=-\r\ni=(o=IN IP4 10.0.0.1)\r\n"
    b"c=IN IP4 203.0.113.7\r\nt=0 0\r\na=sendonly\r\n"
    b"m=audio 4000 RTP/AVP 0 101\r\na=rtcp:4001\r\n"
    b"a=candidate:1 1 UDP 1 192.168.1.50 4000 typ host\r\n"
    b"m=video 0 RTP/AVP 96\r\n"
    b"m=video 5000/2 RTP/AVP 97\r\nc=IN IP6 2001:db8::5\r\na=recvonly\r\n"
)


def test_sessions_with_several_media() -> None:
    session = parse_sdp(BODY, offset=100)
    assert session is not None
    assert session.origin_address == "192.168.1.50"
    assert session.information == "(o=IN IP4 10.0.0.1)"
    audio, refused, video = session.media
    assert session.audio is audio
    assert audio.endpoint == Endpoint("203.0.113.7", 4000)
    assert (audio.direction, audio.on_hold, audio.rtcp) == ("sendonly", True, "4001")
    assert audio.formats == ("0", "101")
    assert len(audio.candidates) == 1
    assert refused.endpoint is None
    assert (video.address, video.port, video.direction) == ("2001:db8::5", 5000, "recvonly")
    assert BODY[audio.line_offset - 100 :].startswith(b"m=audio")


def test_the_old_hold() -> None:
    session = parse_sdp(b"v=0\nc=IN IP4 0.0.0.0\nm=audio 4000 RTP/AVP 0\n")
    assert session is not None and session.audio is not None
    assert session.audio.direction == "sendrecv" and session.audio.on_hold


def test_inside_a_multipart() -> None:
    session = parse_sdp(b"--x\r\nContent-Type: application/sdp\r\n\r\n" + BODY + b"--x--")
    assert session is not None and len(session.media) == 3


def test_what_is_no_sdp() -> None:
    assert parse_sdp(b"") is None
    assert parse_sdp(b"hello") is None


@given(st.binary(max_size=300))
def test_nothing_raises(tail: bytes) -> None:
    parse_sdp(tail)
    parse_sdp(b"v=0\r\nm=audio " + tail)
