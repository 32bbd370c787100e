"""How a log is written: told from its beginning, and what it puts before each line.

Contract: pure; nothing raises on content. ``sniff`` tells the form, ``first_date`` and
``last_date`` find dates in a piece of it, ``unwrap`` takes off what others put before a line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from sipdiag.asterisk.log_prefix import (
    BRACKETED,
    COLOURS,
    DATED,
    LINE,
    UNBRACKETED,
    WRAPPERS,
    Wrapper,
    unescape_syslog,
    unwrap_json,
)
from sipdiag.asterisk.log_time import Stamp, parse_date


@dataclass(slots=True)
class Form:
    """How a log is written. ``pattern`` None: line by line. ``width``: columns at which a
    terminal broke the lines. ``coloured``: prefixes have a terminal's colours in them; elsewhere
    an escape is part of a message."""

    pattern: re.Pattern[bytes] | None = None
    wrapper: Wrapper | None = None
    json: bool = False
    width: int | None = None
    coloured: bool = False


def _lines(head: bytes, most: int = 4000) -> list[bytes]:
    if b"\x1b" in head:
        head = COLOURS.sub(b"", head)
    lines = head.split(b"\n", most)
    return [line.rstrip(b"\r") for line in (lines[:-1] if len(lines) > 1 else lines)]


def sniff(head: bytes) -> Form:
    """The form of the log that begins with ``head``."""
    lines = _lines(head)
    form = Form()
    text = b"\n" + b"\n".join(lines)
    bracketed = len(BRACKETED.findall(text))
    unbracketed = len(UNBRACKETED.findall(text))
    form.json = sum(line.startswith(b'{"') for line in lines) * 2 > len(lines)
    wrapped = {w.name: sum(w.pattern.match(line) is not None for line in lines) for w in WRAPPERS}
    most = max(wrapped.values())
    if most > max(bracketed, unbracketed):
        # Docker's date may be another's whole beginning: the first that fits as well has it.
        form.wrapper = next(w for w in WRAPPERS if wrapped[w.name] * 2 > most)
    form.width = _width(lines, form.wrapper)
    if form.json or form.wrapper is not None:
        return form
    if form.width is None and max(bracketed, unbracketed):
        form.pattern = BRACKETED if bracketed >= unbracketed else UNBRACKETED
        if b"\x1b" in head:
            plain = len(form.pattern.findall(b"\n" + head))
            form.coloured = 2 * plain < max(bracketed, unbracketed)
    return form


PRINTED = re.compile(
    rb"\s*$|\[|\{|<-|---|v=|[a-z]=|(?:Rx|Tx|TE|RD)-Frame| *(?:--|==|>) |Reliably |Ret?ransmitting |"
    rb"Transmitting |(?:Via|v|From|f|To|t|Call-ID|i|CSeq|Contact|m|Max-Forwards|Content-Length|l|"
    rb"Content-Type|c|User-Agent|Server|Allow|Supported|k|Expires|Date|Route|Record-Route|"
    rb"Authorization|Proxy-[A-Z]\w+|WWW-Authenticate|Session-Expires|x|Min-SE|Require|Event|"
    rb"Subscription-State|Accept|Allow-Events|[PX]-[\w-]+|Privacy|Reason|Remote-Party-ID|"
    rb"Content-[A-Z]\w+|Warning|Subject|Organization|Diversion|Refer-To|Referred-By|"
    rb"Min-Expires|RSeq|RAck|Unsupported|Retry-After|Timestamp|Path|Service-Route)\s*:\s|"
    rb"[A-Z]{3,10} sips?:|SIP/2\.0 |   [A-Z][A-Z0-9_ ]{14} : |   Timestamp: |"
    rb"(?:NOTICE|WARNING|ERROR|VERBOSE|DEBUG)\[|Packet timed out after "
)
"""How a line begins that wasn't broken off another one."""


def _width(lines: list[bytes], wrapper: Wrapper | None) -> int | None:
    """The columns of the terminal that broke the lines, where one did: the longest lines are of
    one length, and what follows them is no beginning of a line."""
    longest = max(map(len, lines), default=0)
    if not 60 <= longest <= 300:
        return None
    broken = whole = 0
    for line, following in pairwise(lines):
        if len(line) == longest:
            if PRINTED.match(following) or (wrapper and wrapper.pattern.match(following)):
                whole += 1
            else:
                broken += 1
    return longest if broken >= 2 and broken > whole else None


def first_date(form: Form, head: bytes) -> tuple[bytes, Stamp] | None:
    """The first date in ``head`` that can be read, as written and read."""
    for line in _lines(head):
        date = _date_of(form, line)
        stamp = parse_date(date.decode("latin-1").strip()) if date else None
        if date is not None and stamp is not None:
            return date, stamp
    return None


def last_date(form: Form, tail: bytes) -> Stamp | None:
    """The last date in ``tail``."""
    for line in reversed(_lines(tail)):
        date = _date_of(form, line)
        stamp = parse_date(date.decode("latin-1").strip()) if date else None
        if stamp is not None:
            return stamp
    return None


def _date_of(form: Form, line: bytes) -> bytes | None:
    text, date, _, _, _ = unwrap(form, line)
    match = LINE.match(text)
    if match is not None and (match[1] or match[2]):
        return better(form, match[1] or match[2], date)
    if match is None and (dated := DATED.match(text)):
        return better(form, dated[1], date)
    return date


def better(form: Form, inner: bytes | None, outer: bytes | None) -> bytes | None:
    """Docker's dates have zone, year and fractions, Asterisk's own mostly don't."""
    if outer is not None and (inner is None or (form.wrapper and form.wrapper.utc) or form.json):
        return outer
    return inner


def unwrap(form: Form, line: bytes) -> tuple[bytes, bytes | None, bytes | None, bool, bool]:
    """A line without what others put before it: (text, date, thread, whole record, partial
    line)."""
    date = tid = None
    if form.wrapper is not None:
        match = form.wrapper.pattern.match(line)
        if match is not None:
            line, date = line[match.end() :], match["t"]
            if b"#0" in line:
                line = unescape_syslog(line)
    if line.startswith(b'{"'):
        found = unwrap_json(line)
        if found is not None:
            return found.text, found.date or date, found.tid, found.whole, found.partial
    return line, date, tid, False, False
