"""SDP: never raises, and every section is where it says that it is."""

from __future__ import annotations

from collections.abc import Iterator

from sipdiag.protocols.sdp import parse_sdp
from tests.fuzz.target import Target


def check(data: bytes) -> None:
    """See the module."""
    session = parse_sdp(data, 1000)
    assert session == parse_sdp(data, 1000)
    if session is None:
        return
    assert session.audio is None or session.audio in session.media
    for media in session.media:
        assert 0 <= media.port <= 65535
        assert data[media.line_offset - 1000 :].startswith(b"m=")
        assert isinstance(media.on_hold, bool)
        assert media.endpoint is None or media.endpoint.port == media.port
    offsets = [media.line_offset for media in session.media]
    assert offsets == sorted(set(offsets))


def seeds() -> Iterator[bytes]:
    """Several media, hold, multipart, IPv6."""
    whole = (
        b"v=0\r\no=- 1 1 IN IP4 192.168.1.50\r\ns=-\r\ni=(o=IN IP4 10.0.0.1)\r\n"
        b"c=IN IP4 203.0.113.7/127\r\nt=0 0\r\na=sendonly\r\nm=audio 4000/2 RTP/AVP 0 101\r\n"
        b"a=rtcp:4001 IN IP4 192.0.2.1\r\na=candidate:1 1 UDP 1 192.168.1.50 4000 typ host\r\n"
        b"m=video 0 RTP/AVP 96\r\nm=image 5000 udptl t38\r\nc=IN IP6 2001:db8::5\r\na=inactive\r\n"
    )
    yield whole
    yield b"--x\r\nContent-Type: application/sdp\r\n\r\n" + whole + b"--x--\r\n"
    yield b"v=0\nc=IN IP4 0.0.0.0\nm=audio 65536 RTP/AVP 0\nm=\nc=\na=\no=\n"


TARGET = Target(
    "sdp",
    check,
    seeds,
    words=(b"\r\nm=audio ", b"\nc=IN IP4 ", b"\no=- 1 1 IN IP4 ", b"a=sendonly", b"\r\n", b"v=0"),
)
