"""A SIP message with stand-ins for all that names somebody (RFC 3261 section 20, RFC 8866).

Contract: the message stays one: every header in its place, Content-Length as right or as wrong as
it was. Header fields known to hold nothing personal stay; of unknown ones only the form does, and
of those that begin with ``X-`` the name's, too: it is often that of a company.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus

from sipdiag.anonymise import values
from sipdiag.anonymise.sdp import rewrite_sdp
from sipdiag.anonymise.standins import StandIns
from sipdiag.protocols.sip import Message
from sipdiag.protocols.sip.message import Header

Rewrite = Callable[[StandIns, str], str]

_ADDRESSES = (
    "from", "to", "contact", "route", "record-route", "path", "service-route", "refer-to",
    "referred-by", "reply-to", "diversion", "history-info", "p-asserted-identity",
    "p-preferred-identity", "p-called-party-id", "p-associated-uri", "remote-party-id",
    "alert-info", "call-info", "error-info",
)  # fmt: skip
_CREDENTIALS = (
    "authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate",
    "authentication-info", "proxy-authentication-info",
)  # fmt: skip
_WORDS = (
    "cseq", "max-forwards", "content-type", "expires", "min-expires", "allow", "supported",
    "require", "proxy-require", "unsupported", "event", "subscription-state", "allow-events",
    "accept", "accept-encoding", "accept-language", "content-encoding", "content-disposition",
    "session-expires", "min-se", "rseq", "rack", "date", "timestamp", "mime-version", "priority",
    "privacy", "retry-after", "reason", "x-asterisk-hangupcause", "x-asterisk-hangupcausecode",
    "rtp-rxstat", "rtp-txstat", "p-rtp-stat",
)  # fmt: skip
"""Words and numbers of the protocol (RFC 3261, 3262, 3326, 4028, 6665; Asterisk's own)."""

_HARMLESS = re.compile(r'[A-Za-z0-9 ,;:=./+*()"_%-]*')
_METHOD = re.compile(r"[A-Z]{2,12}")
_TEXT = re.compile(r'(;\s*text\s*=\s*)("[^"]*"?|[^;]*)', re.IGNORECASE)
_MASKED = re.compile(rb"[^\s:;,=<>@/.\-]")

_REASONS = frozenset(status.phrase.lower() for status in HTTPStatus) | frozenset(
    (
        "trying", "ringing", "call is being forwarded", "queued", "session progress", "answering",
        "early dialog terminated", "no notification", "unsupported uri scheme", "bad extension",
        "extension required", "session interval too small", "interval too brief", "unauthorised",
        "temporarily unavailable", "call/transaction does not exist", "loop detected",
        "call leg/transaction does not exist", "too many hops", "address incomplete", "ambiguous",
        "busy here", "request terminated", "not acceptable here", "bad event", "request pending",
        "undecipherable", "server internal error", "server time-out", "version not supported",
        "message too large", "busy everywhere", "decline", "declined", "does not exist anywhere",
        "unwanted", "rejected", "authentication error", "forbidden (bad auth)", "unavailable",
        "not found (no contacts)", "register required", "wrong password", "registration refused",
    )
)  # fmt: skip
"""Reason phrases of RFC 3261 section 21 and of Asterisk; others may be anybody's words."""


def reason(standins: StandIns, text: str) -> str:
    """A reason phrase: kept where it is a usual one."""
    return text if text.strip().lower() in _REASONS else standins.token(text)


def _words(standins: StandIns, text: str) -> str:
    text = _TEXT.sub(lambda match: match[1] + standins.token(match[2]), text)
    return standins.within(text) if _HARMLESS.fullmatch(text) else standins.token(text)


_REWRITES: dict[str, Rewrite] = {
    **dict.fromkeys(_ADDRESSES, values.name_addrs),
    **dict.fromkeys(_CREDENTIALS, values.credentials),
    **dict.fromkeys(_WORDS, _words),
    **dict.fromkeys(("replaces", "target-dialog", "join"), values.call_id_and_tags),
    **dict.fromkeys(("user-agent", "server"), StandIns.software),
    "via": values.vias,
}
"""Long lower-case name -> what is done with the value; every other value is scrambled."""


def rewrite_sip(standins: StandIns, message: Message) -> bytes:
    """The message's bytes with stand-ins."""
    raw = message.raw
    body = raw[message.body_offset :]
    new_body = _body(standins, message, body)
    longer = len(new_body) - len(body)
    out = [raw[: message.start_offset], _start(standins, message)]
    at = message.start_end
    for header in message.headers:
        out.append(_masked(raw[at : header.offset]))
        out.append(_header(standins, header, raw[header.offset : header.end], longer))
        at = header.end
    out.append(_masked(raw[at : message.body_offset]))
    return b"".join(out) + new_body


def _masked(data: bytes) -> bytes:
    """What no parser understood: only line ends and punctuation stay."""
    return _MASKED.sub(b"x", data)


def _start(standins: StandIns, message: Message) -> bytes:
    raw = message.raw[message.start_offset : message.start_end]
    line = raw.decode("utf-8", "surrogateescape")
    if message.is_request:
        method = line.split(maxsplit=1)[0]
        if not _METHOD.fullmatch(method):
            line = standins.token(method) + line[len(method) :]
        target = message.request_uri_text
        at = line.index(target, len(method))
        line = line[:at] + values.uri(standins, target) + line[at + len(target) :]
    elif message.reason:
        at = line.rindex(message.reason)
        line = line[:at] + reason(standins, message.reason) + line[at + len(message.reason) :]
    return line.encode("utf-8", "surrogateescape")


_NAME = re.compile(r"[^\s:]+[ \t]*:[ \t]*")
_END = re.compile(r"\s*\Z")


def _header(standins: StandIns, header: Header, line: bytes, longer: int) -> bytes:
    text = line.decode("utf-8", "surrogateescape")
    begin, end = _NAME.match(text), _END.search(text)
    name = begin[0] if begin else f"{header.written}: "
    if header.name.startswith("x-") and header.name not in _REWRITES:
        name = name[:2] + standins.token(name[2:])
    if header.name == "content-length":
        value = _length(standins, header.value, longer)
    else:
        value = _REWRITES.get(header.name, StandIns.token)(standins, header.value)
    return (name + value + (end[0] if end else "")).encode("utf-8", "surrogateescape")


def _length(standins: StandIns, value: str, longer: int) -> str:
    if value.isascii() and value.isdigit() and len(value) <= 10:
        return str(max(int(value) + longer, 0))
    return standins.token(value)


def _body(standins: StandIns, message: Message, body: bytes) -> bytes:
    if message.sdp is None:
        return _MASKED.sub(b"x", body)
    return rewrite_sdp(standins, body)
