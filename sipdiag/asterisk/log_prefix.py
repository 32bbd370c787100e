"""What stands before a message in a log: Asterisk's own prefix, and what others put before that.

Contract: patterns as data, and ``unwrap`` for one line; nothing raises on content.

Asterisk's prefixes are those of main/logger.c, 1.2 to 23: the file form (``DATE LEVEL[tid] FILE:``,
from 11 on with a call id), the console form (``LEVEL[tid]: FILE:LINE FUNC:``, also in files with
the ``[plain]`` formatter), syslog (``LEVEL[tid]: FILE:LINE in FUNC:``), the ``[json]`` formatter
(14 and later, format_log_json()) and the bare dates of ``asterisk -T``.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

_LEVEL = (
    rb"(?:DEBUG|EVENT|NOTICE|WARNING|ERROR|VERBOSE|DTMF|SECURITY|FAX|TRACE|[A-Z][A-Z0-9_]{2,19})"
)
_TID = rb"\[(-?\d{1,20})\](?:\[C-[0-9a-f]{1,16}\])?:?"
_REST = (
    _LEVEL + _TID + rb"(?: [\w./+-]+\.[a-z]{1,7}(?::\d+(?: (?:in )?[\w.~$<>]*)?)?: ?| |(?=\n)|$)"
)
_BSD = rb"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:[.,]\d{1,9})?"

BRACKETED = re.compile(rb"\n\[([^\]\n]{4,64})\] " + _REST)
"""A record's beginning in a file or on a console: a date, a thread. The message follows."""

UNBRACKETED = re.compile(rb"\n(" + _BSD + rb") " + _REST)
"""The same in 1.0 and 1.2."""

LINE = re.compile(rb"(?:\[([^\]\n]{4,64})\] |(" + _BSD + rb") )?" + _REST)
"""Either at the beginning of a line, or without a date as in syslog."""

MIDLINE = re.compile(rb"\[([A-Za-z0-9][^\]\n]{5,62}\d)\] " + _REST)
"""The next record after one that was cut at 8192 bytes without its line end (logger.c)."""

DATED = re.compile(
    rb"\[((?:\d{4}-\d\d-\d\d[ T]|[A-Z][a-z]{2} [ \d]\d )\d\d:\d\d:\d\d(?:[.,]\d{1,9})?)\] ?"
)
"""The repeated date of ``asterisk -T``: before every line of the console, in 11 and 12 also of
files."""

DATED_LINES = re.compile(rb"^" + DATED.pattern, re.MULTILINE)

COLOURS = re.compile(rb"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|[()][A-Z0-9]|[@-Z\\-_])")
"""Terminal control sequences (ECMA-48) of a recorded console."""

PROMPT = re.compile(rb"[\w.-]{1,64}\*CLI> ?")
VERBOSE_MARK = re.compile(rb" +(?:--|==|>) ")
"""include/asterisk/logger.h, VERBOSE_PREFIX_1 to _10."""


class Wrapper(NamedTuple):
    """What others put before every line. Groups of ``pattern``: ``t``, the date, if it has one."""

    name: str
    pattern: re.Pattern[bytes]
    utc: bool = False
    """Its dates are UTC or carry their zone."""


_ISO = rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)"
_IDENT = rb"[^\s\[\]:]{1,64}(?:\[\d{1,10}\])?: "

WRAPPERS: tuple[Wrapper, ...] = (
    Wrapper(
        "compose",
        re.compile(rb"[A-Za-z0-9][\w.-]{0,62} {0,20} \| (?:(?P<t>" + _ISO + rb") )?"),
        True,
    ),
    Wrapper(
        "journald",
        re.compile(
            rb"(?:<\d{1,3}>)?(?P<t>"
            + _BSD
            + rb"|"
            + _ISO
            + rb"|(?:[A-Z][a-z]{2} )?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})? [A-Z]{2,5}"
            + rb") (?!(?:DEBUG|NOTICE|WARNING|ERROR|VERBOSE)\[)\S{1,255} "
            + _IDENT
        ),
    ),
    Wrapper(
        "syslog",
        re.compile(rb"<\d{1,3}>1 (?P<t>" + _ISO + rb") \S+ \S+ \S+ \S+ (?:-|\[[^\n]*?\]) ?"),
        True,
    ),
    Wrapper(
        "docker",
        re.compile(rb"(?P<t>" + _ISO + rb") (?:std(?:out|err) [FP] )?"),
        True,
    ),
)
"""docker compose; journalctl's short forms and syslog files (RFC 3164); syslog (RFC 5424); docker
and Kubernetes."""

_ESCAPED = re.compile(rb"#(0[0-3][0-7])")


def unescape_syslog(text: bytes) -> bytes:
    """rsyslog writes control characters as ``#`` and three octal digits."""
    return _ESCAPED.sub(lambda match: bytes((int(match[1], 8),)), text)


class Unwrapped(NamedTuple):
    """What a JSON line says: a whole record of Asterisk's own formatter (``whole``), or a line
    that docker or journald wrapped."""

    text: bytes
    date: bytes | None
    tid: bytes | None
    whole: bool
    partial: bool = False
    """Docker splits lines of more than 16 KiB; the rest comes with the next one."""


_MESSAGE = re.compile(rb'"message":"((?:[^"\\]|\\.)*)')
_STAMP = re.compile(rb'"timestamp":"((?:[^"\\]|\\.)*)"')
_LWP = re.compile(rb'"lwp":(-?\d+)')


def unwrap_json(line: bytes) -> Unwrapped | None:
    """A line of the ``[json]`` formatter, of docker's json-file driver or of ``journalctl -o
    json``; None where it is none of them.

    The formatter's lines are built in 8192 bytes, so that of a long message is cut off and no
    longer JSON: what is left of the message is given.
    """
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return _salvage(line)
    if not isinstance(found, dict):
        return None
    where = found.get("logmsg")
    if isinstance(where, dict) and isinstance(where.get("message"), str):
        identifiers = found.get("identifiers")
        lwp = identifiers.get("lwp") if isinstance(identifiers, dict) else None
        tid = str(lwp).encode() if isinstance(lwp, int) else None
        return Unwrapped(_bytes(where["message"]), _date(found.get("timestamp")), tid, True)
    if isinstance(found.get("log"), str):
        text = found["log"]
        partial = not text.endswith("\n")
        return Unwrapped(
            _bytes(text[:-1] if not partial else text),
            _date(found.get("time")),
            None,
            False,
            partial,
        )
    if isinstance(found.get("MESSAGE"), str):
        micros = found.get("__REALTIME_TIMESTAMP")
        date = None
        if isinstance(micros, str) and micros.isdigit() and 15 <= len(micros) <= 16:
            date = f"{micros[:-6]}.{micros[-6:]}".encode()
        return Unwrapped(_bytes(found["MESSAGE"]), date, None, False)
    return None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _date(value: object) -> bytes | None:
    return _bytes(value) if isinstance(value, str) and value else None


def _salvage(line: bytes) -> Unwrapped | None:
    message = _MESSAGE.search(line)
    if message is None or b'"logmsg"' not in line:
        return None
    try:
        text = json.loads(b'"' + message[1] + b'"', strict=False)
    except ValueError:
        return None
    stamp, lwp = _STAMP.search(line), _LWP.search(line)
    return Unwrapped(_bytes(text), stamp[1] if stamp else None, lwp[1] if lwp else None, True)


_SIGNS = re.compile(
    rb"(?:^|\n)(?:\[[^\]\n]{4,64}\] |"
    + _BSD
    + rb" )"
    + _REST
    + rb"|\b(?:DEBUG|NOTICE|WARNING|ERROR|VERBOSE)\[\d+\](?:\[C-[0-9a-f]+\])?: [\w./]+\.c:\d+"
    + rb"|<--?-? SIP read from |<--- (?:Received|Transmitting) SIP re(?:quest|sponse) \("
    + rb"|ransmitting \((?:no |non-)?NAT\)(?: to |:)|Retransmitting #\d+ \("
    + rb"|(?:[TR]x|TE|RD)-Frame Retry\[|\"logmsg\":\{\"location\":"
    + rb"|\] Asterisk \d\S* built by |Connected to Asterisk \d"
    + rb"|(?:^|\n)\s*-- (?:Un)?[Rr]egistered (?:SIP|IAX2) '|Sip read: ?\r?\n"
)


def looks_like_log(head: bytes) -> bool:
    """Whether the beginning of an input shows that it is a log of Asterisk's.

    >>> looks_like_log(b"[Jan  1 12:00:00] NOTICE[123] chan_sip.c: Peer '101' is now UNREACHABLE!")
    True
    >>> looks_like_log(b"Dear diary,")
    False
    """
    return _SIGNS.search(COLOURS.sub(b"", head) if b"\x1b" in head else head) is not None
