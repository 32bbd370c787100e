"""SIP messages, SDP bodies and digests as bytes.

Contract: pure functions of their arguments, standard library only. Nothing is checked: a test
may ask for a message that no phone would send.

>>> print(build("OPTIONS sip:101@192.0.2.1 SIP/2.0", [("Call-ID", "a@b")]).decode(), end="")
OPTIONS sip:101@192.0.2.1 SIP/2.0\r
Call-ID: a@b\r
Content-Length: 0\r
\r
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from sipdiag.base.endpoint import Endpoint

Headers = Iterable[tuple[str, str]]


def build(start_line: str, headers: Headers, body: bytes = b"") -> bytes:
    """A request or response. ``Content-Length`` is added at the end, unless among ``headers``."""
    lines = [start_line]
    counted = False
    for name, value in headers:
        counted = counted or name.lower() in ("content-length", "l")
        lines.append(f"{name}: {value}")
    if not counted:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


def host(ip: str) -> str:
    """An address as a URI writes it: IPv6 in brackets (RFC 3261 section 25.1)."""
    return f"[{ip}]" if ":" in ip else ip


def sdp(
    media: Endpoint,
    *,
    session: str = "-",
    user: str = "-",
    identifier: int = 1,
    version: int = 1,
    direction: str = "sendrecv",
    formats: tuple[int, ...] = (0, 8, 101),
    origin: str | None = None,
) -> bytes:
    """A session description with one audio section at ``media`` (RFC 8866). ``origin``: the
    address of the o= line where it isn't that of the c= line."""
    names = {0: "PCMU/8000", 8: "PCMA/8000", 9: "G722/8000", 101: "telephone-event/8000"}
    kind = "IP6" if ":" in media.ip else "IP4"
    lines = [
        "v=0",
        f"o={user} {identifier} {version} IN {kind} {origin or media.ip}",
        f"s={session}",
        f"c=IN {kind} {media.ip}",
        "t=0 0",
        f"m=audio {media.port} RTP/AVP {' '.join(map(str, formats))}",
        *(f"a=rtpmap:{number} {names[number]}" for number in formats if number in names),
        *(["a=fmtp:101 0-16"] if 101 in formats else []),
        "a=ptime:20",
        f"a={direction}",
        "",
    ]
    return "\r\n".join(lines).encode()


def digest(
    user: str, password: str, realm: str, nonce: str, method: str, uri: str
) -> tuple[str, str]:
    """The Authorization header that answers a challenge without qop (RFC 2617 section 3.2.2,
    what chan_sip asks for)."""

    def md5(*parts: str) -> str:
        return hashlib.md5(":".join(parts).encode(), usedforsecurity=False).hexdigest()

    response = md5(md5(user, realm, password), nonce, md5(method, uri))
    value = (
        f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
        f'response="{response}", algorithm=MD5'
    )
    return "Authorization", value
