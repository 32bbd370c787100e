"""SDP (RFC 8866): where media is to go and which way. Bytes in, ``Session`` or None out.

Only what a diagnosis of media paths needs is typed (origin, connection, media, direction, rtcp,
candidates, crypto present); everything else stays in the raw bytes.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sipdiag.base.endpoint import Endpoint

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")


class Media(NamedTuple):
    """One m= section. ``address`` is its own c= line's, else the session's; ``direction`` its own
    attribute, else the session's, else sendrecv (RFC 8866 section 6.7); ``line_offset`` of m=."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    address: str | None
    direction: str
    rtcp: str | None
    """The value of a=rtcp (RFC 3605)."""
    candidates: tuple[str, ...]
    """Values of a=candidate (RFC 8839)."""
    line_offset: int

    @property
    def endpoint(self) -> Endpoint | None:
        """Where it asks for media; None without an address, or for port 0 (refused)."""
        return Endpoint(self.address, self.port) if self.address and self.port else None

    @property
    def on_hold(self) -> bool:
        """True where the sender doesn't want to hear media: sendonly, inactive, or the old
        0.0.0.0 (RFC 3264 section 8.4)."""
        return self.direction in ("sendonly", "inactive") or self.address in ("0.0.0.0", "::")


class Session(NamedTuple):
    """A session description. Addresses are as written, without brackets."""

    origin_address: str | None
    connection_address: str | None
    information: str | None
    """The session's i= line: FortiGate's ALG writes the private address here."""
    media: tuple[Media, ...]

    @property
    def audio(self) -> Media | None:
        """The first audio section that is not refused (port 0)."""
        return next((m for m in self.media if m.kind == "audio" and m.port), None)


_LINE = re.compile(
    rb"^(?:([cimo])=|a=(?=(?:sendrecv|sendonly|recvonly|inactive|rtcp|candidate)(?![^:\s])))"
    rb"([^\r\n]*+)",
    re.MULTILINE,
)
"""The lines that are looked at; of attributes the value stands alone."""


class _Section:
    def __init__(self) -> None:
        self.address: str | None = None
        self.direction: str | None = None
        self.rtcp: str | None = None
        self.candidates: list[str] = []


def _connection_address(value: str) -> str | None:
    parts = value.split()
    return parts[2].partition("/")[0] if len(parts) >= 3 and parts[0] == "IN" else None


def parse_sdp(body: bytes, offset: int = 0) -> Session | None:
    """The session in ``body`` (a multipart body is searched for its first ``v=0``), or None.

    ``offset`` is where ``body`` begins in the message, for ``line_offset``.
    """
    begin = 0 if body.startswith(b"v=") else body.find(b"\nv=0") + 1
    if begin == 0 and not body.startswith(b"v="):
        return None
    origin = information = None
    session = current = _Section()
    sections: list[tuple[str, int, _Section]] = []
    for match in _LINE.finditer(body, begin):
        kind, value = match[1], match[2].decode("utf-8", "surrogateescape").strip()
        if kind == b"o":
            parts = value.split()
            origin = parts[5] if len(parts) >= 6 else None
        elif kind == b"c":
            current.address = _connection_address(value)
        elif kind == b"i" and current is session:
            information = value
        elif kind == b"m":
            current = _Section()
            sections.append((value, offset + match.start(), current))
        else:
            name, _, rest = value.partition(":")
            if name in DIRECTIONS:
                current.direction = name
            elif name == "rtcp":
                current.rtcp = rest
            elif name == "candidate":
                current.candidates.append(rest)
    media = []
    for value, at, section in sections:
        parts = value.split()
        port = parts[1].partition("/")[0] if len(parts) > 1 else ""
        if not (port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65535):
            continue
        media.append(
            Media(
                kind=parts[0],
                port=int(port),
                protocol=parts[2] if len(parts) > 2 else "",
                formats=tuple(parts[3:]),
                address=section.address or session.address,
                direction=section.direction or session.direction or "sendrecv",
                rtcp=section.rtcp,
                candidates=tuple(section.candidates),
                line_offset=at,
            )
        )
    return Session(origin, session.address, information, tuple(media))
