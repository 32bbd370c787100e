"""``parse``: the bytes of one SIP message -> ``Message``, or None where they aren't SIP.

The contract:

- Nothing raises, whatever the bytes. What RFC 3261 forbids is a ``Defect`` on the message.
- ``raw`` is what was given. Each header's ``offset`` and ``end`` cut its whole line (or folded
  lines, with the line end) out of ``raw``: start line + headers + blank line + body re-join to it.
- Header names come as the long lower-case form (RFC 3261 section 7.3.3), whatever was written.
- Fields are typed when asked for, and then kept.

A capture says the same thing over and over: the start line ``SIP/2.0 200 OK``, the From of a
dialog, a phone's Contact. So lines are known by their bytes (``_Known``), with what was made of
them; a message of plain lines is a look-up for each. Whatever isn't plain (folding, bare line
feeds, lines that are no header, too much of anything) is read by ``_carefully``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, TypeVar

from sipdiag.base.defect import Defect
from sipdiag.base.lazy import lazy
from sipdiag.base.limits import DEFAULT_LIMITS, Limits
from sipdiag.protocols.sdp import Session, parse_sdp
from sipdiag.protocols.sip.fields import (
    NameAddr,
    Uri,
    Via,
    parse_cseq,
    parse_name_addr,
    parse_uri,
    parse_via,
    split_outside,
)
from sipdiag.protocols.sip.grammar import content_defects

T = TypeVar("T")
V = TypeVar("V")

COMPACT = {
    "a": "accept-contact", "b": "referred-by", "c": "content-type", "d": "request-disposition",
    "e": "content-encoding", "f": "from", "i": "call-id", "j": "reject-contact", "k": "supported",
    "l": "content-length", "m": "contact", "n": "identity-info", "o": "event", "r": "refer-to",
    "s": "subject", "t": "to", "u": "allow-events", "v": "via", "x": "session-expires",
    "y": "identity",
}  # fmt: skip
"""Compact header names (IANA registry "SIP Parameters": RFC 3261, 3515, 3841, 3892, 4028, 4474,
6665)."""

_START = re.compile(
    rb"(?:(?P<method>[A-Za-z0-9.!%*_+`'~\-]{1,64}+)[ \t]++"
    rb"(?P<uri>[^ \t\r\n](?:[^\r\n]*[^ \t\r\n])?)[ \t]++SIP/(?P<asked>\d++\.\d++)[ \t]*+"
    rb"|SIP/(?P<given>\d++\.\d++)[ \t]++"
    rb"(?P<status>\d++)(?:[ \t]++(?P<reason>[^\r\n]*+))?+)(?:\r?\n|\Z)",
    re.IGNORECASE,
)
"""Possessive (``++``), as all patterns here: a line made of blanks must not cost more than its
length."""
_HEADER = re.compile(
    rb"(?P<name>[^\s:]++)[ \t]*+:(?P<value>[^\r\n]*+(?:\r?\n[ \t]++[^\r\n]*+)*+)(?:\r?\n|\Z)"
)
_NAME = re.compile(rb"[^\s:]+[ \t]*")
_LINE = re.compile(rb"[^\r\n]*(?:\r?\n|\r|\Z)")
_FOLD = re.compile(r"\r?\n[ \t]+")
_BLANK = re.compile(rb"\r?\n\r?\n")


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


class _Start:
    """Request-Line or Status-Line (RFC 3261 sections 7.1 and 7.2): ``method`` or ``status`` is
    None."""

    def __init__(self, match: re.Match[bytes]) -> None:
        method, status = match["method"], match["status"]
        self.method = _text(method) if method is not None else None
        self.uri = _text(match["uri"]) if method is not None else ""
        self.status = int(status[:9]) if status is not None else None
        self.reason = _text(match["reason"] or b"") if status is not None else ""
        self.version = _text(match["asked"] or match["given"])
        self.summary = self.method or f"{self.status} {self.reason}".rstrip()

    @lazy
    def request_uri(self) -> Uri | None:
        if self.method is None:
            return None
        return parse_uri(self.uri.removeprefix("<").removesuffix(">"))


class _Places(NamedTuple):
    """Where the start line begins and ends, and the headers with their places."""

    start_offset: int
    start_end: int
    headers: tuple[Header, ...]


def _one_name_addr(text: str) -> NameAddr | None:
    return parse_name_addr(text) if text else None


def _all_name_addrs(text: str) -> tuple[NameAddr, ...]:
    if text and "," not in text:
        return (parse_name_addr(text),)
    return tuple(parse_name_addr(part) for part in split_outside(text, ",") if part.strip())


def _all_vias(text: str) -> tuple[Via, ...]:
    if "," not in text:
        via = parse_via(text)
        return () if via is None else (via,)
    vias = (parse_via(part) for part in split_outside(text, ",") if part.strip())
    return tuple(via for via in vias if via is not None)


def _delta_seconds(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


_UNTYPED: Any = object()


class _Field:
    """The value of one header line, unfolded and stripped, and what it was typed as."""

    __slots__ = ("typed", "value")

    def __init__(self, value: str) -> None:
        self.value = value
        self.typed = _UNTYPED


class _One(Generic[T]):
    """A header that stands once (RFC 3261 section 20), typed; None without it. Its name decides how
    it is typed, so the line knows its typed value."""

    def __init__(self, name: str, parse: Callable[[str], T | None]) -> None:
        self._name, self._parse = name, parse

    def __get__(self, message: Message, owner: type) -> T | None:
        field = message._fields.get(self._name)
        if field is None:
            return None
        if field.typed is _UNTYPED:
            field.typed = self._parse(field.value)
        typed: T | None = field.typed
        return typed


class _Several(Generic[T]):
    """The values of a header that may hold several, and stand on several lines (RFC 3261 section
    7.3.1)."""

    def __init__(self, name: str, parse: Callable[[str], tuple[T, ...]]) -> None:
        self._name, self._parse = name, parse

    def __get__(self, message: Message, owner: type) -> tuple[T, ...]:
        field = message._fields.get(self._name)
        if field is None:
            return ()
        if field.typed is _UNTYPED:
            field.typed = self._parse(field.value)
        first: tuple[T, ...] = field.typed
        more = message._repeated.get(self._name) if message._repeated else None
        if more is None:
            return first
        return tuple(value for line in more for value in self._parse(line.value))


_KNOWN_LINES = 8192
_KNOWN_BYTES = 256


class _Known(dict[bytes, V], Generic[V]):
    """Lines seen before and what was made of them: at most ``_KNOWN_LINES`` of at most
    ``_KNOWN_BYTES`` bytes each; then it begins anew."""

    def __init__(self, make: Callable[[bytes], V]) -> None:
        self._make = make

    def __missing__(self, line: bytes) -> V:
        made = self._make(line)
        if len(line) <= _KNOWN_BYTES:
            if len(self) >= _KNOWN_LINES:
                self.clear()
            self[line] = made
        return made


def _make_start(line: bytes) -> _Start | None:
    """None too where the line ends in a bare LF: the headers may end right after it."""
    match = None if line.endswith(b"\n") else _START.fullmatch(line)
    return _Start(match) if match is not None else None


_NO_HEADER = ""


def _make_name(written: bytes) -> str:
    """The long lower-case form, or ``_NO_HEADER`` where it can't be a name as it stands."""
    if _NAME.fullmatch(written) is None:
        return _NO_HEADER
    name = _text(written.rstrip(b" \t")).lower()
    return COMPACT.get(name, name)


def _make_field(line: bytes) -> tuple[str, _Field]:
    name, colon, value = line.partition(b":")
    if not colon:
        return _NO_HEADER, _Field("")
    return _names[name], _Field(value.decode("utf-8", "surrogateescape").strip())


_names = _Known(_make_name)
_starts = _Known(_make_start)
_fields = _Known(_make_field)


class Message:
    """One SIP message; see the module's contract."""

    def __init__(
        self,
        raw: bytes,
        start: _Start,
        fields: dict[str, _Field],
        repeated: dict[str, list[_Field]],
        body_offset: int,
        parse_defects: tuple[Defect, ...] = (),
        places: _Places | None = None,
    ) -> None:
        self.raw = raw
        self._start = start
        self.is_request = start.method is not None
        self.status = start.status
        self.body_offset = body_offset
        self.parse_defects = parse_defects
        self._fields = fields
        self._repeated = repeated
        self._placed = places

    def __repr__(self) -> str:
        return f"<sip.Message {self.summary}>"

    @property
    def summary(self) -> str:
        """``INVITE`` or ``200 OK``: the message in a word or two (wire text, not escaped)."""
        return self._start.summary

    @property
    def request_uri_text(self) -> str:
        """The Request-URI as written; "" on responses."""
        return self._start.uri

    @property
    def reason(self) -> str:
        """The reason phrase; "" on requests."""
        return self._start.reason

    @property
    def version(self) -> str:
        """``2.0``, or what else stands after ``SIP/``."""
        return self._start.version

    @lazy
    def _places(self) -> _Places:
        if self._placed is not None:
            return self._placed
        end = self.raw.index(b"\r\n") + 2
        limits = Limits(message_bytes=len(self.raw), header_count=len(self.raw))
        return _Places(0, end, _carefully(self.raw, end, limits)[0])

    @property
    def start_offset(self) -> int:
        """Where in ``raw`` the start line begins."""
        return self._places.start_offset

    @property
    def start_end(self) -> int:
        """Where in ``raw`` the first header begins."""
        return self._places.start_end

    @property
    def headers(self) -> tuple[Header, ...]:
        """Every header line, in order, with its place."""
        return self._places.headers

    @property
    def method(self) -> str:
        """The request's method, or for a response the CSeq's; "" where neither can be read."""
        method = self._start.method
        if method is None:
            cseq = self.cseq
            return cseq.method if cseq else ""
        return method

    def _lines(self, name: str) -> list[_Field]:
        field = self._fields.get(name)
        if field is None:
            return []
        return self._repeated.get(name) or [field]

    def all(self, name: str) -> list[str]:
        """The values of every line of a header (long lower-case name), in order."""
        return [field.value for field in self._lines(name)]

    def get(self, name: str) -> str | None:
        """The value of the first line of a header, or None."""
        field = self._fields.get(name)
        return None if field is None else field.value

    @property
    def call_id(self) -> str:
        """The Call-ID, "" where there is none."""
        field = self._fields.get("call-id")
        return "" if field is None else field.value

    cseq = _One("cseq", parse_cseq)
    """Number and method."""
    from_ = _One("from", _one_name_addr)
    """The From value."""
    to = _One("to", _one_name_addr)
    """The To value."""
    vias = _Several("via", _all_vias)
    """All Via values, topmost first."""
    contacts = _Several("contact", _all_name_addrs)
    """All Contact values; the ``*`` of an un-REGISTER has no ``uri``."""
    expires = _One("expires", _delta_seconds)
    """The Expires header in seconds (RFC 3261 section 20.19)."""
    content_length = _One("content-length", _delta_seconds)
    """As written, or None."""

    @property
    def request_uri(self) -> Uri | None:
        """The Request-URI, None on responses."""
        return self._start.request_uri

    @property
    def via(self) -> Via | None:
        """The topmost Via."""
        vias = self.vias
        return vias[0] if vias else None

    def contact_expires(self, contact: NameAddr) -> int | None:
        """The expiry in seconds that holds for one Contact: its own parameter, else the header
        (RFC 3261 section 10.2.1.1)."""
        own = contact.params.get("expires")
        seconds = None if own is None else _delta_seconds(own)
        return seconds if seconds is not None else self.expires

    @property
    def body(self) -> bytes:
        """What follows the blank line, up to Content-Length (RFC 3261 section 18.3)."""
        rest = self.raw[self.body_offset :]
        if self.content_length is not None and self.content_length < len(rest):
            return rest[: self.content_length]
        return rest

    @lazy
    def sdp(self) -> Session | None:
        """The session description, where the body is one or holds one (multipart)."""
        if self.body_offset >= len(self.raw):
            return None
        kind = (self.get("content-type") or "").partition(";")[0].strip().lower()
        if not self.body or (kind and kind != "application/sdp" and not kind.startswith("multi")):
            return None
        return parse_sdp(self.body, self.body_offset)

    @property
    def software(self) -> str | None:
        """The User-Agent (requests) or Server (responses) header, whichever is there."""
        field = self._fields.get("user-agent") or self._fields.get("server")
        return None if field is None else field.value

    @lazy
    def defects(self) -> tuple[Defect, ...]:
        """All that RFC 3261 doesn't allow, and that was noticed."""
        return self.parse_defects + tuple(content_defects(self))


def looks_like_sip(payload: bytes) -> bool:
    """Whether the bytes begin with a SIP start line (CRLFs before it allowed, RFC 3261 7.5)."""
    return _START.match(payload.lstrip(b"\r\n")[:2048]) is not None


def parse(payload: bytes, limits: Limits = DEFAULT_LIMITS) -> Message | None:
    """The message in ``payload``, or None where it doesn't begin with a SIP start line.

    Bytes beyond ``limits.message_bytes`` and header lines beyond ``limits.header_count`` are not
    parsed; a defect says so.
    """
    end = payload.find(b"\r\n\r\n")
    if end > 0 and len(payload) <= limits.message_bytes:
        head = payload[:end]
        lines = head.split(b"\r\n")
        start = _starts[lines[0]]
        plain = head.count(b"\n") == head.count(b"\r") == len(lines) - 1
        if start is not None and plain and len(lines) <= limits.header_count:
            del lines[0]
            pairs = list(map(_fields.__getitem__, lines))
            fields = dict(pairs)
            if _NO_HEADER not in fields:
                repeated = {} if len(fields) == len(pairs) else _repeated(pairs, fields)
                return Message(payload, start, fields, repeated, end + 4)
    match = _match_start(payload, limits)
    if match is None:
        return None
    headers, body_offset, defects = _carefully(payload, match.end(), limits)
    named = [(header.name, _Field(header.value)) for header in headers]
    found = dict(named)
    places = _Places(match.start(), match.end(), headers)
    return Message(
        payload, _Start(match), found, _repeated(named, found), body_offset, defects, places
    )


def _repeated(
    pairs: list[tuple[str, _Field]], fields: dict[str, _Field]
) -> dict[str, list[_Field]]:
    """The lines of the headers that have several; puts the first of each into ``fields``."""
    lines: dict[str, list[_Field]] = {}
    for name, field in pairs:
        lines.setdefault(name, []).append(field)
    several = {name: found for name, found in lines.items() if len(found) > 1}
    fields.update((name, found[0]) for name, found in several.items())
    return several


def _match_start(payload: bytes, limits: Limits) -> re.Match[bytes] | None:
    position = len(payload) - len(payload.lstrip(b"\r\n"))
    return _START.match(payload, position, position + limits.message_bytes)


def _carefully(
    payload: bytes, position: int, limits: Limits
) -> tuple[tuple[Header, ...], int, tuple[Defect, ...]]:
    """The headers from ``position`` on, where the body begins, and what was wrong."""
    defects: list[Defect] = []
    headers: list[Header] = []
    body_offset = len(payload)
    end = min(len(payload), limits.message_bytes)
    if end < len(payload):
        defects.append(Defect("message-long", f"parsed up to byte {end}", end))
    while position < end:
        if payload.startswith((b"\r\n", b"\n"), position):
            body_offset = position + (2 if payload[position] == 13 else 1)
            break
        if len(headers) >= limits.header_count:
            defects.append(Defect("header-count", "header lines left unparsed", position))
            blank = _BLANK.search(payload, position)
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
    return tuple(headers), body_offset, tuple(defects)
