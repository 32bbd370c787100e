"""What RFC 3261 doesn't allow in a message that could be read all the same: a ``Defect`` each.

Contract: pure, never raises. Looked at only where somebody asks for a message's defects. The codes
are stable; the verdicts are those of RFC 4475 and RFC 5118 wherever they have one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from sipdiag.base.defect import Defect
from sipdiag.protocols.sip.fields import parse_name_addr, parse_via, split_outside

if TYPE_CHECKING:
    from sipdiag.protocols.sip.message import Header, Message

_SINGLE = ("call-id", "cseq", "from", "to", "content-length", "max-forwards", "content-type")
_NEEDED = ("call-id", "cseq", "from", "to", "via")
_ADDRESSES = frozenset({"from", "to", "contact", "route", "record-route", "refer-to", "path"})
_LISTS = _ADDRESSES - {"from", "to", "refer-to"}

_MOST_FORWARDS = 255
"""RFC 3261 section 20.22."""
_MOST_SECONDS = 2**32 - 1
"""RFC 3261 section 20.19."""
_MOST_CSEQ = 2**31 - 1
"""RFC 3261 section 8.1.1.5."""
_COOKIE = "z9hG4bK"
"""RFC 3261 section 8.1.1.7: a branch begins with it, and goes on."""

_REQUEST_LINE = re.compile(rb"\S+ [^ \t].*[^ \t] SIP/\d+\.\d+\r?\n?", re.DOTALL)
_STATUS_LINE = re.compile(rb"SIP/\d+\.\d+ \d+( .*)?\r?\n?", re.DOTALL)
_DATE = re.compile(
    r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d "
    r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4} \d\d:\d\d:\d\d GMT"
)
"""RFC 3261 section 20.17: no zone but GMT."""
_QUOTED = re.compile(r'"(?:[^"\\]++|\\.|\\\Z)*+("|\Z)', re.DOTALL)
"""A quoted string, and its closing quote if there is one. Possessive, as all here: linear in
hostile input."""
_DISPLAY = re.compile(r"\s*+(?:\"x*+\"|(?:[\w.!%*+`'~-]++\s*+)*+)\s*+", re.ASCII)
"""RFC 3261 section 25.1, display-name, with what is quoted made to x."""
_V6_BARE = re.compile(r"sips?:(?:[^@<>]*+@)?+[0-9A-Fa-f]*+:[0-9A-Fa-f.]*+:", re.IGNORECASE)
_V6_THREE_COLONS = re.compile(r"\[[0-9A-Fa-f:]*:::\d+\.\d+\.\d+\.\d+\]")


def content_defects(message: Message) -> list[Defect]:
    """Everything noticed but what the parser itself has said of the message's lines."""
    return [
        *_start_line(message),
        *_required(message),
        *_sequence(message),
        *_numbers(message),
        *(defect for header in message.headers for defect in _header(header)),
        *_length(message),
    ]


def _start_line(message: Message) -> Iterator[Defect]:
    at = message.start_offset
    if message.version != "2.0":
        yield Defect("version", f"SIP/{message.version}", at)
    line = message.raw[at : message.start_end]
    if not message.is_request:
        if message.status is not None and not 100 <= message.status <= 699:
            yield Defect("status-range", "status code out of range", at)
        if _STATUS_LINE.fullmatch(line) is None:
            yield Defect("start-line-blanks", "not one blank between each two parts", at)
        return
    if _REQUEST_LINE.fullmatch(line) is None:
        yield Defect("start-line-blanks", "not one blank between each two parts", at)
    text = message.request_uri_text
    if text[:1] == "<":
        yield Defect("request-uri-brackets", "angle brackets around the Request-URI", at)
    if any(char in " \t" for char in text):
        yield Defect("request-uri-blanks", "blanks inside the Request-URI", at)
    uri = message.request_uri
    if uri is None:
        yield Defect("request-uri-unreadable", "the Request-URI can't be read", at)
    elif uri.scheme in ("sip", "sips") and "?" in text.rpartition("@")[2]:
        yield Defect("request-uri-headers", "header fields inside the Request-URI", at)
    yield from _address(text, at)


def _address(text: str, at: int) -> Iterator[Defect]:
    """IPv6 addresses as RFC 5118 has them (sections 4.2 and 4.10)."""
    if _V6_BARE.match(text.lstrip(" \t<")):
        yield Defect("ipv6-brackets", "an IPv6 address without square brackets", at)
    if _V6_THREE_COLONS.search(text):
        yield Defect("ipv6-colons", "three colons in an IPv6 address", at)


def _required(message: Message) -> Iterator[Defect]:
    at = {header.name: header.offset for header in reversed(message.headers)}
    for name in _NEEDED:
        if name not in at:
            yield Defect("header-missing", f"no {name} header", message.start_end)
    for name in _SINGLE:
        if len(message.all(name)) > 1:
            yield Defect("header-repeated", f"{name} more than once", at[name])


def _sequence(message: Message) -> Iterator[Defect]:
    header = _first(message, "cseq")
    if header is None:
        return
    cseq = message.cseq
    if cseq is None:
        yield Defect("cseq-unreadable", "CSeq can't be read", header.offset)
        return
    if cseq.number > _MOST_CSEQ:
        yield Defect("cseq-range", "CSeq is not below 2**31", header.offset)
    if message.is_request and cseq.method != message.method:
        yield Defect("cseq-method", "CSeq names another method", header.offset)


def _numbers(message: Message) -> Iterator[Defect]:
    for name, most in (("max-forwards", _MOST_FORWARDS), ("expires", _MOST_SECONDS)):
        header = _first(message, name)
        if header is not None and not _within(header.value, most):
            text = f"{header.written} is no number from 0 to {most}"
            yield Defect(f"{name}-range", text, header.offset)


def _header(header: Header) -> Iterator[Defect]:
    if header.name == "via":
        yield from _via(header)
    elif header.name in _ADDRESSES:
        yield from _name_addrs(header)
    elif header.name == "date" and _DATE.fullmatch(header.value) is None:
        yield Defect("date-unreadable", "no date in GMT", header.offset)


def _via(header: Header) -> Iterator[Defect]:
    parts = split_outside(header.value, ",")
    if any(not part.strip() for part in parts) or any(map(_empty_parameter, parts)):
        yield Defect("parameter-empty", "separators with nothing between them", header.offset)
    for part in parts:
        via = parse_via(part)
        if via is None:
            if part.strip():
                yield Defect("via-unreadable", "a Via can't be read", header.offset)
        elif via.branch is not None and via.branch == _COOKIE:
            yield Defect("branch-empty", "the branch is only the magic cookie", header.offset)


def _name_addrs(header: Header) -> Iterator[Defect]:
    at = header.offset
    if any(not quoted[1] for quoted in _QUOTED.finditer(header.value)):
        yield Defect("quote-open", "a quoted string that doesn't end", at)
        return
    values = split_outside(header.value, ",") if header.name in _LISTS else [header.value]
    for value in values:
        yield from _name_addr(value, header)


def _name_addr(value: str, header: Header) -> Iterator[Defect]:
    at = header.offset
    bare = _QUOTED.sub(lambda match: '"' + "x" * (len(match[0]) - 2) + '"', value)
    display, opened, rest = bare.partition("<")
    inside, _, after = rest.partition(">")
    if not value.strip() or _empty_parameter(after if opened else bare):
        yield Defect("parameter-empty", "separators with nothing between them", at)
    parsed = parse_name_addr(value)
    if not value.strip() or value.strip() == "*":
        return
    if parsed.uri is None:
        yield Defect("addr-unreadable", f"the URI of {header.written} can't be read", at)
    if opened:
        if _DISPLAY.fullmatch(display) is None:
            yield Defect("display-name", "a display name that must be in quotes", at)
        if any(char in " \t" for char in inside):
            yield Defect("addr-blanks", "blanks inside the angle brackets", at)
    elif "?" in bare or "," in bare:
        yield Defect("addr-brackets", "a URI that must be in angle brackets", at)
    yield from _address(inside if opened else bare, at)
    own = parsed.params.get("expires")
    if header.name == "contact" and own is not None and not _within(own, _MOST_SECONDS):
        yield Defect("expires-range", f"expires is no number from 0 to {_MOST_SECONDS}", at)


def _empty_parameter(text: str) -> bool:
    """``;;``, or a ``;`` with nothing behind it (RFC 3261 section 25.1, generic-param)."""
    parts = split_outside(text, ";")
    return len(parts) > 1 and any(not part.strip() for part in parts[1:])


def _length(message: Message) -> Iterator[Defect]:
    header = _first(message, "content-length")
    if header is None:
        return
    have = len(message.raw) - message.body_offset
    length = message.content_length
    if length is None:
        text = "Content-Length is no number"
        yield Defect("content-length-unreadable", text, header.offset)
    elif length > have:
        text = f"Content-Length is {length}, the body has {have} bytes"
        yield Defect("content-length-long", text, header.offset)
    elif length < have:
        text = f"{have - length} bytes follow the body"
        yield Defect("content-length-short", text, header.offset)


def _first(message: Message, name: str) -> Header | None:
    return next((header for header in message.headers if header.name == name), None)


def _within(text: str, most: int) -> bool:
    text = text.strip()
    return text.isascii() and text.isdigit() and len(text) <= 10 and int(text) <= most
