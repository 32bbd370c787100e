"""What a UDP payload is: SIP, IAX2, STUN, a keep-alive, media or nothing of ours.

Contract: ``Recogniser.classify`` looks at content and remembers what a pair of endpoints speaks;
it never raises on content and holds at most ``Limits.known_flows`` pairs. Ports decide only
where the bytes can't: 4569 for IAX2 (RFC 5456 section 6.1), 5060 for a bare keep-alive. RTP and
IAX2 full frames both begin with the top bit set, so the flow decides between them.
"""

from __future__ import annotations

import enum
import re
from collections import OrderedDict

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.limits import DEFAULT_LIMITS, LimitHits, Limits

SIP_PORTS = frozenset({5060, 5061})
IAX2_PORT = 4569

STUN_COOKIE = b"\x21\x12\xa4\x42"
"""RFC 5389 section 6."""

_SERVICES = frozenset({53, 67, 68, 69, 123, 137, 138, 161, 162, 443, 500, 514, 1812, 1813, 1900})
_SERVICES |= {4500, 5353, 5355}
"""Ports on which a payload that looks like RTP or IAX2 isn't: DNS, NTP, SNMP, IKE, QUIC ..."""

_BLANK = b"\r\n \t\0"
_BLANK_BYTES = frozenset({b"\r", b"\n", b" ", b"\t", b"\0"})

# Possessive quantifiers (*+, ++) keep every search linear in hostile input.
_METHOD = rb"[A-Za-z0-9.!%*_+`'~-]{1,64}+[ \t]++"

_SIP_START = re.compile(
    rb"SIP/\d++\.\d++[ \t]++\d{3}(?!\d)"
    rb"|" + _METHOD + rb"[^\r\n\0]*[ \t]SIP/\d++\.\d++[ \t]*+(?:[\r\n]|\Z)"
    rb"|" + _METHOD + rb"(?:sips?|tel):[^\r\n\0]*+\Z",
    re.IGNORECASE,
)

_SIP_PREFIX = re.compile(
    rb"S(?:I(?:P(?:/[\d.]*+[ \t]*+\d{0,3}.*+)?)?)?"
    rb"|[A-Za-z0-9.!%*_+`'~-]{1,64}"
    rb"|" + _METHOD + rb"[^\0]*+",
    re.IGNORECASE,
)

_SIP_RESYNC = re.compile(
    rb"^(?:SIP/\d++\.\d++[ \t]++\d{3}(?!\d)[^\r\n]*+"
    rb"|" + _METHOD + rb"[^\r\n\0]*[ \t]SIP/\d++\.\d++[ \t]*+"
    rb")\r?\n[A-Za-z-]{1,64}+[ \t]{0,64}+:",
    re.IGNORECASE | re.MULTILINE,
)

START_LINE_BYTES = 4096
"""Of a start line in a byte stream, which is judged by no more than these."""

_IAX2_CONTROL_TYPE = 6
_IAX2_SUBCLASSES = frozenset(range(1, 0x29))
"""RFC 5456 section 8.4 (0x01 NEW .. 0x27 RTKEY) and Asterisk's 0x28 CALLTOKEN."""
_IAX2_BARE = frozenset({0x02, 0x03, 0x04, 0x0B, 0x0C, 0x12, 0x1E})
"""PING, PONG, ACK, LAGRQ, LAGRP, VNAK, POKE: whole in 12 bytes, without information elements."""
_IAX2_IES = frozenset(range(1, 0x3A)) | {0xFF}
"""RFC 5456 section 8.6 (0x01 .. 0x38), and what Asterisk has beyond it is skipped by length."""

_KEEPALIVE = re.compile(rb"(?:\r\n){1,2}|[\0 \t\r\n]{1,4}")


class Kind(enum.Enum):
    """What one UDP payload is."""

    SIP = "sip"
    KEEPALIVE = "keepalive"
    """CRLF, CRLFCRLF (RFC 5626 section 3.5.1), or up to four blank or NUL bytes."""
    STUN = "stun"
    IAX2 = "iax2"
    """A full frame."""
    IAX2_MEDIA = "iax2-media"
    """A mini, video mini or meta (trunk) frame."""
    RTP = "rtp"
    OTHER = "other"


def is_sip(payload: bytes) -> bool:
    """Whether it begins with a SIP start line (RFC 3261 section 7), leading blanks allowed.

    Any version number counts, as does a request line that a snap length cut off after the
    scheme of its URI: what is wrong with them is for the parser to say.
    """
    if payload[:1] in _BLANK_BYTES:
        payload = payload.lstrip(_BLANK)
    return _SIP_START.match(payload) is not None


def sip_start(data: bytes) -> bool | None:
    """As ``is_sip`` for the beginning of a byte stream, by the first ``START_LINE_BYTES`` of its
    first line; None while there are neither these nor its end."""
    line, newline, _ = data.lstrip(_BLANK).partition(b"\n")
    if len(line) > START_LINE_BYTES:
        return is_sip(line[:START_LINE_BYTES])
    if newline:
        return is_sip(line + newline)
    line = line.partition(b"\r")[0]
    return None if not line or _SIP_PREFIX.fullmatch(line) else False


def next_sip_start(data: bytes | bytearray) -> int:
    """Offset of the first SIP start line at the beginning of a line and followed by a header,
    or -1. The header tells it from the status line in a ``message/sipfrag`` body (RFC 3420)."""
    found = _SIP_RESYNC.search(data)
    return -1 if found is None else found.start()


def is_keepalive(payload: bytes) -> bool:
    """Whether it says nothing and is there to keep a NAT mapping open."""
    return len(payload) <= 4 and _KEEPALIVE.fullmatch(payload) is not None


def is_stun(payload: bytes) -> bool:
    """A STUN message: two zero bits, length, magic cookie (RFC 5389 section 6)."""
    return (
        len(payload) >= 20
        and payload[0] < 0x40
        and payload[4:8] == STUN_COOKIE
        and not payload[3] & 3
    )


def is_rtcp(payload: bytes) -> bool:
    """RTCP multiplexed with RTP (RFC 5761 section 4): packet type 192 to 223."""
    return len(payload) >= 8 and payload[0] >> 6 == 2 and 192 <= payload[1] <= 223


def is_rtp(payload: bytes, cut: bool = False) -> bool:
    """Whether it can be RTP (RFC 3550 section 5.1): version 2, a payload type that RFC 3551
    section 6 assigns or leaves to negotiation, and lists, extension and padding that fit.

    ``cut``: the capture holds fewer bytes than were sent, so nothing is asked of the end.
    """
    if len(payload) < 12 or payload[0] >> 6 != 2:
        return False
    kind = payload[1] & 0x7F
    if 192 <= payload[1] <= 223 or 34 < kind < 96:
        return False
    if cut:
        return True
    need = 12 + 4 * (payload[0] & 0x0F)
    if payload[0] & 0x10:
        if len(payload) < need + 4:
            return False
        need += 4 + 4 * int.from_bytes(payload[need + 2 : need + 4])
    if payload[0] & 0x20:
        return 0 < payload[-1] <= len(payload) - need
    return len(payload) >= need


def is_iax2_control(payload: bytes, cut: bool = False) -> bool:
    """A full frame of type IAX with a known subclass and a chain of information elements that
    ends where the frame does (RFC 5456 sections 8.1.1 and 8.6)."""
    if len(payload) < 12 or payload[0] < 0x80 or payload[10] != _IAX2_CONTROL_TYPE:
        return False
    call = int.from_bytes(payload[:2]) & 0x7FFF
    if not call or payload[11] not in _IAX2_SUBCLASSES:
        return False
    at = 12
    if len(payload) == at:
        return payload[11] in _IAX2_BARE
    while at + 2 <= len(payload):
        if payload[at] not in _IAX2_IES:
            return False
        at += 2 + payload[at + 1]
    return at == len(payload) or cut


Pair = tuple[Endpoint, Endpoint]


def _pair(a: Endpoint, b: Endpoint) -> Pair:
    return (a, b) if a <= b else (b, a)


class Recogniser:
    """Remembers what each pair of endpoints speaks (SIP, IAX2 or RTP)."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS, hits: LimitHits | None = None) -> None:
        self._limits = limits
        self._hits = LimitHits() if hits is None else hits
        self._known: OrderedDict[Pair, Kind] = OrderedDict()
        """Ordered, as a plain dict takes ever longer to find its oldest entry in a flood."""
        self.forgotten = 0
        """Pairs that had to make room for others."""

    def known(self, a: Endpoint, b: Endpoint) -> Kind | None:
        """What the pair is known to speak (``SIP``, ``IAX2``, ``RTP``), in either direction."""
        return self._known.get(_pair(a, b))

    def forget(self, a: Endpoint, b: Endpoint) -> None:
        """Takes back what was learnt of a pair, and learns no RTP of it again."""
        self._learn(_pair(a, b), Kind.OTHER)

    def signalling(self, a: Endpoint, b: Endpoint) -> bool:
        """Whether the pair carries SIP or IAX2, as far as flow and ports tell."""
        known = self._known.get(_pair(a, b))
        if known is not None:
            return known is Kind.SIP or known is Kind.IAX2
        ports = {a.port, b.port}
        return bool(ports & SIP_PORTS) or IAX2_PORT in ports

    def classify(self, src: Endpoint, dst: Endpoint, payload: bytes, cut: bool = False) -> Kind:
        """What this payload is. ``cut``: the capture holds fewer bytes than were sent."""
        if not payload:
            return Kind.OTHER
        pair = _pair(src, dst)
        known = self._known.get(pair)
        if payload[0] < 0x80:
            return self._text(pair, known, payload, cut)
        if known is Kind.RTP:
            return Kind.RTP if len(payload) >= 12 and _is_media(payload) else Kind.OTHER
        if known is Kind.SIP or src.port in _SERVICES or dst.port in _SERVICES:
            return Kind.OTHER
        if known is Kind.IAX2 or IAX2_PORT in (src.port, dst.port):
            return Kind.IAX2 if len(payload) >= 12 else Kind.OTHER
        if known is None and is_iax2_control(payload, cut):
            self._learn(pair, Kind.IAX2)
            return Kind.IAX2
        if known is None and is_rtp(payload, cut):
            self._learn(pair, Kind.RTP)
            return Kind.RTP
        return Kind.OTHER

    def _text(self, pair: Pair, known: Kind | None, payload: bytes, cut: bool) -> Kind:
        """A payload without the top bit: anything but RTP and IAX2 full frames."""
        if is_sip(payload):
            if known is not Kind.SIP:
                self._learn(pair, Kind.SIP)
            return Kind.SIP
        if known is not Kind.RTP and is_stun(payload):
            return Kind.STUN
        ports = (pair[0].port, pair[1].port)
        if known is Kind.SIP:
            # Whatever so short is sent here ("jaK" is known of some phones), it says nothing.
            return Kind.KEEPALIVE if len(payload) <= 4 else Kind.OTHER
        if known is None and not SIP_PORTS.isdisjoint(ports) and is_keepalive(payload):
            return Kind.KEEPALIVE
        iax2 = known is Kind.IAX2 or (known is None and IAX2_PORT in ports)
        if iax2 and len(payload) >= 4 and _SERVICES.isdisjoint(ports):
            return Kind.IAX2_MEDIA
        return Kind.OTHER

    def _learn(self, pair: Pair, kind: Kind) -> None:
        if pair not in self._known and len(self._known) >= self._limits.known_flows:
            self._hits.hit("known_flows")
            self.forgotten += 1
            self._known.popitem(last=False)
        self._known[pair] = kind


def _is_media(payload: bytes) -> bool:
    return payload[0] < 0xC0 and not 192 <= payload[1] <= 223
