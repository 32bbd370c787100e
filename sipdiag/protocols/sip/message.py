"""``parse``: the bytes of one SIP message -> ``Message``, or None where they aren't SIP.

The contract:

- Nothing raises, whatever the bytes. What RFC 3261 forbids is a ``Defect`` on the message.
- ``raw`` is what was given. Each header's ``offset`` and ``end`` cut its whole line (or folded
  lines, with the line end) out of ``raw``: start line + headers + blank line + body re-join to it.
- Header names come as the long lower-case form (RFC 3261 section 7.3.3), whatever was written.
- Fields are typed when asked for, and then kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple, TypeVar

from sipdiag.base.defect import Defect
from sipdiag.base.limits import DEFAULT_LIMITS, Limits
from sipdiag.protocols.sdp import Session, parse_sdp
from sipdiag.protocols.sip.fields import (
    CSeq,
    NameAddr,
    Uri,
    Via,
    parse_cseq,
    parse_name_addr,
    parse_uri,
    parse_via,
    split_outside,
)

T = TypeVar("T")

COMPACT = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition",
    "e": "content-encoding", "f": "from", "i": "call-id", "j": "reject-contact", "k": "supported",
    "l": "content-length", "m": "contact", "n": "identity-info", "o": "event", "r": "refer-to",
    "s": "subject", "t": "to", "u": "allow-events", "v": "via", "x": "session-expires",
    "y": "identity",
}  # fmt: skip
"""Compact header names (IANA registry "SIP Parameters": RFC 3261, 3515, 3841, 3892, 4028, 4474,
6665)."""

_SINGLE = ("call-id", "cseq", "from", "to", "content-length", "max-forwards", "content-type")
_NEEDED = ("call-id", "cseq", "from", "to", "via")

_START = re.compile(
    rb"(?:(?P<method>[A-Za-z0-9.!%*_+`'~\-]{1,64})[ \t]+(?P<uri>[^\r\n]+?)[ \t]+"
    rb"SIP/(?P<asked>\d+\.\d+)[ \t]*|SIP/(?P<given>\d+\.\d+)[ \t]+"
    rb"(?P<status>\d+)(?:[ \t]+(?P<reason>[^\r\n]*))?)(?:\r?\n|\Z)",
    re.IGNORECASE,
)
_HEADER = re.compile(
    rb"(?P<name>[^\s:]+)[ \t]*:(?P<value>[^\r\n]*(?:\r?\n[ \t]+[^\r\n]*)*)(?:\r?\n|\Z)"
)
_LINE = re.compile(rb"[^\r\n]*(?:\r?\n|\r|\Z)")
_FOLD = re.compile(r"\r?\n[ \t]+")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


class Header(NamedTuple):
    """One header line. ``name`` is long and lower case, ``written`` as it stood; ``value`` is
    unfolded and stripped; ``raw[offset:end]`` is the whole line with its line end."""

    name: str
    written: str
    value: str
    offset: int
    end: int


class Message:
    """One SIP message; see the module's contract."""

    def __init__(
        self,
        raw: bytes,
        start: re.Match[bytes],
        headers: tuple[Header, ...],
        body_offset: int,
        defects: tuple[Defect, ...],
    ) -> None:
        self.raw = raw
        self.headers = headers
        self.body_offset = body_offset
        self.parse_defects = defects
        self.start_offset = start.start()
        self.start_end = start.end()
        method, status = start["method"], start["status"]
        self.is_request = method is not None
        self.request_uri_text = _text(start["uri"]) if method is not None else ""
        self.status: int | None = int(status[:9]) if status is not None else None
        self.reason = _text(start["reason"] or b"") if status is not None else ""
        self.version = _text(start["asked"] or start["given"])
        self._request_method = _text(method) if method is not None else None
        by_name: dict[str, list[str]] = {}
        for header in headers:
            by_name.setdefault(header.name, []).append(header.value)
        self._by_name = by_name

    def __repr__(self) -> str:
        return f"<sip.Message {self.summary}>"

    @property
    def summary(self) -> str:
        """``INVITE`` or ``200 OK``: the message in a word or two (wire text, not escaped)."""
        return self.method if self.is_request else f"{self.status} {self.reason}".rstrip()

    @cached_property
    def method(self) -> str:
        """The request's method, or for a response the CSeq's; "" where neither can be read."""
        if self._request_method is not None:
            return self._request_method
        return self.cseq.method if self.cseq else ""

    def all(self, name: str) -> list[str]:
        """The values of every line of a header (long lower-case name), in order."""
        return self._by_name.get(name, [])

    def get(self, name: str) -> str | None:
        """The value of the first line of a header, or None."""
        values = self._by_name.get(name)
        return values[0] if values else None

    def _values(self, name: str, parse: Callable[[str], T | None]) -> tuple[T, ...]:
        """The values of a header that may hold several a line (RFC 3261 section 7.3.1)."""
        found = []
        for line in self.all(name):
            for part in split_outside(line, ","):
                if part.strip():
                    value = parse(part)
                    if value is not None:
                        found.append(value)
        return tuple(found)

    @cached_property
    def call_id(self) -> str:
        """The Call-ID, "" where there is none."""
        return self.get("call-id") or ""

    @cached_property
    def cseq(self) -> CSeq | None:
        """Number and method."""
        value = self.get("cseq")
        return parse_cseq(value) if value else None

    @cached_property
    def request_uri(self) -> Uri | None:
        """The Request-URI, None on responses."""
        return parse_uri(self.request_uri_text) if self.is_request else None

    @cached_property
    def from_(self) -> NameAddr | None:
        """The From value."""
        value = self.get("from")
        return parse_name_addr(value) if value else None

    @cached_property
    def to(self) -> NameAddr | None:
        """The To value."""
        value = self.get("to")
        return parse_name_addr(value) if value else None

    @cached_property
    def vias(self) -> tuple[Via, ...]:
        """All Via values, topmost first."""
        return self._values("via", parse_via)

    @property
    def via(self) -> Via | None:
        """The topmost Via."""
        return self.vias[0] if self.vias else None

    @cached_property
    def contacts(self) -> tuple[NameAddr, ...]:
        """All Contact values; the ``*`` of an un-REGISTER has no ``uri``."""
        return self._values("contact", parse_name_addr)

    @cached_property
    def expires(self) -> int | None:
        """The Expires header in seconds (RFC 3261 section 20.19)."""
        return _delta_seconds(self.get("expires"))

    def contact_expires(self, contact: NameAddr) -> int | None:
        """The expiry in seconds that holds for one Contact: its own parameter, else the header
        (RFC 3261 section 10.2.1.1)."""
        own = _delta_seconds(contact.params.get("expires"))
        return own if own is not None else self.expires

    @cached_property
    def content_length(self) -> int | None:
        """As written, or None."""
        return _delta_seconds(self.get("content-length"))

    @property
    def body(self) -> bytes:
        """What follows the blank line, up to Content-Length (RFC 3261 section 18.3)."""
        rest = self.raw[self.body_offset :]
        if self.content_length is not None and self.content_length < len(rest):
            return rest[: self.content_length]
        return rest

    @cached_property
    def sdp(self) -> Session | None:
        """The session description, where the body is one or holds one (multipart)."""
        kind = (self.get("content-type") or "").partition(";")[0].strip().lower()
        if not self.body or (kind and kind != "application/sdp" and not kind.startswith("multi")):
            return None
        return parse_sdp(self.body, self.body_offset)

    @cached_property
    def software(self) -> str | None:
        """The User-Agent (requests) or Server (responses) header, whichever is there."""
        return self.get("user-agent") or self.get("server")

    @cached_property
    def defects(self) -> tuple[Defect, ...]:
        """All that RFC 3261 doesn't allow, and that was noticed."""
        return self.parse_defects + tuple(self._content_defects())

    def _content_defects(self) -> list[Defect]:
        found = []
        if self.version != "2.0":
            found.append(Defect("version", f"SIP/{self.version}", self.start_offset))
        at = {header.name: header.offset for header in reversed(self.headers)}
        for name in _NEEDED:
            if name not in at:
                found.append(Defect("header-missing", f"no {name} header", self.start_end))
        for name in _SINGLE:
            if len(self.all(name)) > 1:
                found.append(Defect("header-repeated", f"{name} more than once", at[name]))
        if "cseq" in at and self.cseq is None:
            found.append(Defect("cseq-unreadable", "CSeq can't be read", at["cseq"]))
        elif self.cseq and self.cseq.number >= 2**31:
            found.append(Defect("cseq-range", "CSeq is not below 2**31", at["cseq"]))
        if self.is_request and self.cseq and self.cseq.method != self.method:
            found.append(Defect("cseq-method", "CSeq names another method", at["cseq"]))
        if "via" in at and len(self.vias) < len(self.all("via")):
            found.append(Defect("via-unreadable", "a Via can't be read", at["via"]))
        if self.status is not None and not 100 <= self.status <= 699:
            found.append(Defect("status-range", "status code out of range", self.start_offset))
        length = self.get("content-length")
        if length is not None:
            have = len(self.raw) - self.body_offset
            if self.content_length is None:
                text = "Content-Length is no number"
                found.append(Defect("content-length-unreadable", text, at["content-length"]))
            elif self.content_length > have:
                text = f"Content-Length is {self.content_length}, the body has {have} bytes"
                found.append(Defect("content-length-long", text, at["content-length"]))
            elif self.content_length < have:
                text = f"{have - self.content_length} bytes follow the body"
                found.append(Defect("content-length-short", text, at["content-length"]))
        return found


def _delta_seconds(text: str | None) -> int | None:
    if text is None:
        return None
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


def looks_like_sip(payload: bytes) -> bool:
    """Whether the bytes begin with a SIP start line (CRLFs before it allowed, RFC 3261 7.5)."""
    return _START.match(payload.lstrip(b"\r\n")[:2048]) is not None


def parse(payload: bytes, limits: Limits = DEFAULT_LIMITS) -> Message | None:
    """The message in ``payload``, or None where it doesn't begin with a SIP start line.

    Bytes beyond ``limits.message_bytes`` and header lines beyond ``limits.header_count`` are not
    parsed; a defect says so.
    """
    position = len(payload) - len(payload.lstrip(b"\r\n"))
    start = _START.match(payload, position, position + limits.message_bytes)
    if start is None:
        return None
    defects: list[Defect] = []
    headers: list[Header] = []
    end = min(len(payload), limits.message_bytes)
    if end < len(payload):
        defects.append(Defect("message-long", f"parsed up to byte {end}", end))
    position, body_offset = start.end(), len(payload)
    while position < end:
        if payload.startswith((b"\r\n", b"\n"), position):
            body_offset = position + (2 if payload[position] == 13 else 1)
            break
        if len(headers) >= limits.header_count:
            defects.append(Defect("header-count", "header lines left unparsed", position))
            blank = re.compile(rb"\r?\n\r?\n").search(payload, position)
            body_offset = blank.end() if blank else len(payload)
            break
        match = _HEADER.match(payload, position)
        if match is None:
            line = _LINE.match(payload, position)
            defects.append(Defect("header-malformed", "a line that is no header", position))
            position = max(line.end() if line else end, position + 1)
            continue
        written = _text(match["name"])
        name = written.lower()
        value = _text(match["value"])
        if "\n" in value:
            value = _FOLD.sub(" ", value)
        headers.append(
            Header(COMPACT.get(name, name), written, value.strip(), position, match.end())
        )
        position = match.end()
    else:
        defects.append(Defect("header-end-missing", "no blank line after the headers", end))
    return Message(payload, start, tuple(headers), body_offset, tuple(defects))
