"""SIP messages in a log: how a dump begins and ends, and how its text becomes bytes again.

Contract: pure; nothing raises on content. ``OPENING`` finds the line before a message,
``read_dump`` cuts the message out of the text after it and restores what logging took away.

What logging takes away (chan_sip.c:handle_request_do(), res_pjsip_logger.c):

- chan_sip with ``pedantic`` (the default since 1.8) runs lws2sws() over what it received before
  it is printed: every CR, the last LF and runs of blanks are gone, folded lines are joined;
- a log that was pasted, mailed or opened in an editor has lost its CRs;
- a record of more than 8192 bytes (4096 in 1.0 and 1.2) is cut off.
"""

from __future__ import annotations

import enum
import re
from functools import lru_cache
from typing import NamedTuple

from sipdiag.base.datagram import Direction, Transport
from sipdiag.base.endpoint import Endpoint, parse_ip


class Close(enum.Enum):
    """What ends a dump."""

    DASHES = re.compile(rb"^<-{6,}>[ \t\r]*$", re.MULTILINE)
    """chan_sip: ``<------------->`` after what was received, one dash less after an answer."""
    RULE = re.compile(rb"^---[ \t\r]*$", re.MULTILINE)
    """chan_sip: ``---`` after a request that was sent, and after every retransmission."""
    COUNT = re.compile(rb"(?!)")
    """chan_pjsip has no mark; the line before the message says how many bytes it has."""
    ANY = re.compile(rb"^(?:<-{6,}>|---(?: \(\d+ headers,? \d+ lines\).*)?)[ \t\r]*$", re.MULTILINE)
    """1.2 ends what it received only with the record that follows it."""


OPENING = re.compile(
    rb"""^[ \t]*(?:
    <--(?P<third>-?)\ SIP\ read\ from\ (?:(?P<rt>[A-Z]{2,4}):(?://)?)?(?P<ra>[^\s<>]+?)
        (?:\ --->|:)
    |(?P<arrow><---\ )?(?:Reliably\ )?Transmitting\ \((?:NAT|no\ NAT|non-NAT)\)\ to
        \ (?P<sa>[^\s<>]+?)(?:\ --->|:)
    |Retransmitting\ \#(?P<n>\d{1,6})\ \((?:NAT|no\ NAT|non-NAT)\)\ to\ (?P<xa>[^\s<>]+?):
    |<---\ (?P<pd>Received|Transmitting)\ SIP\ (?:request|response)\ \((?P<count>\d{1,9})\ bytes\)
        \ (?:from|to)\ (?P<pt>[A-Za-z0-9]{2,5}):(?P<pa>[^\s<>]+)\ --->
    |(?P<ancient>Sip\ read:|(?:Reliably\ )?(?:Ret|T)ransmitting(?:\ \#\d+)?(?:\ \(.{2,7}\))?:)
    )[ \t\r]*(?:\n|\Z)""",
    re.MULTILINE | re.VERBOSE,
)
"""The line before a message. The group ``ancient`` is that of 1.0, which names no address there
(and none at all for what it received)."""


def may_open(text: bytes, start: int = 0) -> bool:
    """Whether there can be an ``OPENING`` from ``start`` on: a quick look."""
    return (
        text.find(b"SIP re", start) >= 0
        or text.find(b"ransmitting", start) >= 0
        or text.find(b"Sip read:", start) >= 0
    )


AFTER_ANCIENT = re.compile(rb"^(?: \((?:non-)?NAT\))? to [\d.]{7,15}:\d+[ \t\r]*$", re.MULTILINE)


class Opening(NamedTuple):
    """What the line before a message says. ``transport`` None = it doesn't; ``retransmission``
    counts from 1; ``size_bytes`` is that on the wire."""

    direction: Direction
    far: Endpoint
    transport: Transport | None
    close: Close
    size_bytes: int | None = None
    retransmission: int = 0


_TRANSPORTS = {
    member.value.encode(): member for member in Transport if member is not Transport.ICMP
}


@lru_cache(maxsize=4096)
def parse_address(text: bytes) -> Endpoint | None:
    """``1.2.3.4:5060``, ``[2001:db8::1]:5060``, and ``2001:db8::1:5060`` as res_pjsip_logger.c
    had it up to 13.23, 15.6 and 16.0. Port 5060 where none is written."""
    written = text.decode("latin-1")
    host, colon, port = written.rpartition(":")
    if written.endswith("]") or not colon:
        host, port = written, "5060"
    address = parse_ip(host)
    if address is None or not (port.isascii() and port.isdigit()) or int(port[:9]) > 65535:
        return None
    return Endpoint(str(address), int(port))


def read_opening(match: re.Match[bytes]) -> Opening | None:
    """What an ``OPENING`` says; None where its address can't be read, or in 1.0."""
    groups = match.groupdict()
    if groups["pa"] is not None:
        received = groups["pd"] == b"Received"
        far = parse_address(groups["pa"])
        transport = _TRANSPORTS.get(groups["pt"].upper())
        close, count = Close.COUNT, int(groups["count"])
    else:
        received = groups["ra"] is not None
        far = parse_address(groups["ra"] or groups["sa"] or groups["xa"] or b"")
        transport = _TRANSPORTS.get(groups["rt"] or b"") if received else None
        count = None
        close = Close.DASHES if groups["third"] or groups["arrow"] else Close.RULE
        if received and not groups["third"]:
            close = Close.ANY
            transport = Transport.UDP
    if far is None:
        return None
    return Opening(
        Direction.RECEIVED if received else Direction.SENT,
        far,
        transport,
        close,
        count,
        int(groups["n"] or 0),
    )


class Dump(NamedTuple):
    """A dump cut out of a text. ``messages``: more than one where a stream carried several at
    once; ``end``: where it ends in the text; ``cut``: the message isn't whole; ``closed``: its
    mark was found, or all of its bytes."""

    messages: list[bytes]
    end: int
    cut: bool
    closed: bool


KEEPALIVE = b"\r\n\r\n"
"""Stands for an empty dump: CRLF CRLF (RFC 5626 section 3.5.1), or 4 NULs; which isn't told."""

_BLANK = re.compile(rb"\n\r*\n")
_LENGTH = re.compile(rb"^(?:Content-Length|l)[ \t]*:[ \t]*(\d{1,7})[ \t\r]*$", re.M | re.I)
_START = re.compile(
    rb"\s*(?:SIP/2\.0 \d{3}|[A-Za-z]{3,20} [a-zA-Z][a-zA-Z0-9+.-]*:[^\r\n]* SIP/2\.0)"
)
_SENT_BY = re.compile(
    rb"^(?:Via|v)[ \t]*:[ \t]*SIP[ \t]*/[ \t]*2\.0[ \t]*/[ \t]*([A-Za-z]{2,4})", re.M | re.I
)


def transport_of(message: bytes) -> Transport:
    """The transport that the topmost Via names, for the dumps that don't (chan_sip, sent)."""
    match = _SENT_BY.search(message)
    return _TRANSPORTS.get(match[1].upper(), Transport.UDP) if match else Transport.UDP


def read_dump(opening: Opening, text: bytes, start: int = 0, stop: int | None = None) -> Dump:
    """The message that begins at ``start`` of ``text``; ``stop``: where something else begins."""
    stop = len(text) if stop is None else stop
    if opening.close is Close.COUNT:
        return _counted(opening, text, start, stop)
    mark = opening.close.value.search(text, start, stop)
    if mark is None:
        inside, end = text[start:stop], stop
    else:
        inside, end = text[start : mark.start()], mark.end()
        if inside.endswith(b"\n"):
            inside = inside[:-1]
        if inside.endswith(b"\r") and text[:start].endswith(b"\r\n"):
            inside = inside[:-1]
    closed = mark is not None or opening.close is Close.ANY
    message, short = restore(inside)
    cut = not closed and (short or _BLANK.search(inside) is None)
    return Dump([message], end, cut, closed)


def _counted(opening: Opening, text: bytes, start: int, stop: int) -> Dump:
    """res_pjsip_logger.c: the count is that of the bytes on the wire. Of a stream the whole
    receive buffer is printed, with what follows the counted bytes."""
    count = opening.size_bytes or 0
    inside = text[start:stop]
    if b"\r\n" in inside[: 4 * 80]:
        if len(inside) < count:
            return Dump([restore(inside, count)[0]], stop, True, False)
        first, rest = inside[:count], inside[count:]
        end = start + count
    else:
        blank = _BLANK.search(inside)
        first, rest, end = inside, b"", stop
        if blank is not None:
            head = _crlf(inside[: blank.start()].lstrip(b"\n"))
            body_count = count - len(head) - 4
            body = inside[blank.end() :]
            if 0 <= body_count < len(_crlf(body)) + 2:
                size = _fit(body, body_count)
                first, rest = inside[: blank.end() + size], body[size:]
                end = start + blank.end() + size
        first = restore(first, count)[0]
    messages = [first]
    if _START.match(rest) and opening.transport is not Transport.UDP:
        mate = restore(rest.strip(b"\r\n"))[0]
        messages.append(mate)
        end = stop
    return Dump(messages, end, False, True)


def _crlf(text: bytes) -> bytes:
    """Twice, as a log converted on Windows has CR CR LF."""
    bare = text.replace(b"\r\n", b"\n").replace(b"\r\n", b"\n")
    return bare.replace(b"\n", b"\r\n")


def _fit(body: bytes, count: int) -> int:
    """How many bytes of ``body`` were ``count`` before its line ends lost their CRs."""
    size = at = 0
    while at < len(body) and size < count:
        newline = body.find(b"\n", at)
        if newline < 0:
            return min(len(body), at + count - size)
        size += newline - at + 2
        at = newline + 1
    return at


def restore(text: bytes, count: int | None = None) -> tuple[bytes, bool]:
    """A message's bytes from its dump, and whether bytes are missing.

    ``count``: bytes that it had on the wire, where that is known. Text that kept its line ends is
    given as it is; else they become CRLF, and the last one of the body is there or not as
    Content-Length has it.
    """
    text = text.lstrip(b"\r\n")
    if not text:
        return KEEPALIVE, False
    blank = _BLANK.search(text)
    head = text if blank is None else text[: blank.start()]
    exact = (
        b"\r\n" in head
        and blank is not None
        and text[blank.start() - 1 : blank.end()] == b"\r\n\r\n"
    )
    if exact and blank is not None:
        head_bytes, body = text[: blank.end()], text[blank.end() :]
    else:
        if blank is None and b":" not in text:
            return text.rstrip(b"\r\n"), False
        head_bytes = _crlf(head.rstrip(b"\r\n")) + b"\r\n\r\n"
        body = b"" if blank is None else text[blank.end() :]
    if count is not None:
        wanted: int | None = max(0, count - len(head_bytes))
    else:
        length = _LENGTH.search(head)
        wanted = int(length[1]) if length is not None else None
    if exact:
        return head_bytes + body, wanted is not None and len(body) < wanted
    body = body.rstrip(b"\r\n")
    if not body:
        return head_bytes, bool(wanted)
    wire = _crlf(body)
    if wanted is not None:
        for candidate in (wire + b"\r\n", wire, body + b"\n", body):
            if len(candidate) == wanted:
                return head_bytes + candidate, False
    wire += b"\r\n"
    return head_bytes + wire, wanted is not None and len(wire) < wanted
