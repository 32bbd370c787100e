"""A log's bytes to its records, whatever wrote or wrapped it.

Contract: ``sniff`` looks at the beginning and tells the form; ``records`` takes blocks of bytes
and gives ``Record``s lazily, in order, in bounded memory. Nothing raises on content.

A log with Asterisk's own prefix on every record is split by one pattern, a block at a time; the
lines inside of a message are never looked at one by one. Every other form goes line by line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from sipdiag.asterisk.log_dump import OPENING, Close, may_open, read_opening
from sipdiag.asterisk.log_prefix import (
    BRACKETED,
    COLOURS,
    DATED,
    LINE,
    MIDLINE,
    PROMPT,
    UNBRACKETED,
    VERBOSE_MARK,
    WRAPPERS,
    Wrapper,
    unescape_syslog,
    unwrap_json,
)
from sipdiag.asterisk.log_time import Stamp, parse_date

Record = tuple[int, bytes | None, bytes | None, bytes]
"""(line number from 1, date as written or None, thread or None, message, maybe of several lines
and with the line feed that it begins with)."""

RECORD_BYTES = 1 << 20
"""A record that is larger is taken in pieces: Asterisk itself writes at most 8192 bytes (1.6 to
23), and in 1.4, which had no limit, SIP over 64 KiB was refused."""

_CUT_FROM = 3900
"""main/logger.c: records are built in 8192 bytes, in 1.0 and 1.2 in 4096; the rest is lost, the
line end too, and the next record begins in the middle of a line."""

_GROUP_LINES = 64
"""Lines without a prefix that are taken together outside of a dump."""


@dataclass(slots=True)
class Form:
    """How a log is written. ``pattern`` None: line by line. ``width``: columns at which a
    terminal broke the lines."""

    pattern: re.Pattern[bytes] | None = None
    wrapper: Wrapper | None = None
    json: bool = False
    width: int | None = None


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
    return form


_PRINTED = re.compile(
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
            if _PRINTED.match(following) or (wrapper and wrapper.pattern.match(following)):
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
    text, date, _, _, _ = _unwrap(form, line)
    match = LINE.match(text)
    if match is not None and (match[1] or match[2]):
        return _better(form, match[1] or match[2], date)
    if match is None and (dated := DATED.match(text)):
        return _better(form, dated[1], date)
    return date


def _better(form: Form, inner: bytes | None, outer: bytes | None) -> bytes | None:
    """Docker's dates have zone, year and fractions, Asterisk's own mostly don't."""
    if outer is not None and (inner is None or (form.wrapper and form.wrapper.utc) or form.json):
        return outer
    return inner


def _unwrap(form: Form, line: bytes) -> tuple[bytes, bytes | None, bytes | None, bool, bool]:
    """(text, date, thread, whole record, partial line)."""
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


def records(form: Form, blocks: Iterable[bytes]) -> Iterator[Record]:
    """The records of a log of the given form."""
    found = _by_block(form.pattern, blocks) if form.pattern else _by_line(form, blocks)
    for record in found:
        body = record[3]
        if len(body) > _CUT_FROM and (at := MIDLINE.search(body, _CUT_FROM)):
            yield from _parted(record, at)
        else:
            yield record


def _parted(record: Record, at: re.Match[bytes] | None) -> Iterator[Record]:
    """A record that was cut, and the one that begins in the same line."""
    line, date, tid, body = record
    while at is not None:
        yield line, date, tid, body[: at.start()]
        line += body.count(b"\n", 0, at.start())
        date, tid, body = at[1], at[2], body[at.end() :]
        at = MIDLINE.search(body, _CUT_FROM) if len(body) > _CUT_FROM else None
    yield line, date, tid, body


def _by_block(pattern: re.Pattern[bytes], blocks: Iterable[bytes]) -> Iterator[Record]:
    """Splits at the prefixes. What stands before the first one is a record without a date.

    The text always begins with the line feed before a record; ``line`` counts those before it.
    """
    line = 0
    carry = b"\n"
    for block in blocks:
        text = carry + block
        end = text.rfind(b"\n")
        text, rest = text[:end], text[end:]
        if b"\x1b" in text:
            text = COLOURS.sub(b"", text)
        start, date, tid, body = 0, None, None, 1
        for match in pattern.finditer(text):
            at = match.start()
            if at:
                yield line + 1, date, tid, text[body:at]
                line += text.count(b"\n", start, at)
            start, body = at, match.end()
            date, tid = match[1], match[2]
        if len(text) - start > RECORD_BYTES:
            yield line + 1, date, tid, text[body:]
            line += text.count(b"\n", start)
            carry = rest
        else:
            carry = text[start:] + rest
    if b"\x1b" in carry:
        carry = COLOURS.sub(b"", carry)
    start, date, tid, body = 0, None, None, 1
    for match in pattern.finditer(carry):
        if match.start():
            yield line + 1, date, tid, carry[body : match.start()]
            line += carry.count(b"\n", start, match.start())
        start, body, date, tid = match.start(), match.end(), match[1], match[2]
    last = carry[body:].removesuffix(b"\n")
    if start or date is not None or last.strip():
        yield line + 1, date, tid, last


def _split(blocks: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """Numbered lines, without line ends; an endless one in pieces."""
    number, rest = 0, b""
    for block in blocks:
        parts = (rest + block).split(b"\n")
        rest = parts.pop()
        if len(rest) > RECORD_BYTES:
            parts.append(rest)
            rest = b""
        for part in parts:
            number += 1
            yield number, (COLOURS.sub(b"", part) if b"\x1b" in part else part).rstrip(b"\r")
    if rest:
        yield number + 1, (COLOURS.sub(b"", rest) if b"\x1b" in rest else rest).rstrip(b"\r")


def _joined(lines: Iterable[tuple[int, bytes]], width: int) -> Iterator[tuple[int, bytes]]:
    """Lines as they were before a terminal broke them at ``width`` columns."""
    number, text, full = 0, b"", False
    for at, line in lines:
        if full and not _PRINTED.match(line) and len(text) < RECORD_BYTES:
            text += line
        else:
            if number:
                yield number, text
            number, text = at, line
        full = len(line) == width
    if number:
        yield number, text


@dataclass(slots=True)
class _Line:
    """A line without what others put before it. ``prefixed``: a record begins here; ``whole``:
    it is all of the record, of several lines maybe."""

    number: int
    date: bytes | None
    tid: bytes | None
    text: bytes
    prefixed: bool = False
    whole: bool = False


def _unwrapped(form: Form, lines: Iterable[tuple[int, bytes]]) -> Iterator[_Line]:
    indent = 0
    partial = b""
    for number, raw in lines:
        text, outer, tid, whole, more = _unwrap(form, raw)
        if whole:
            yield _Line(number, outer, tid, text, True, True)
            continue
        if more:
            partial = partial[:RECORD_BYTES] + text
            continue
        if partial:
            text, partial = partial + text, b""
        if form.wrapper is not None:
            # journalctl puts blanks in place of the prefix before the other lines of a message.
            if text is not raw:
                indent = len(raw) - len(text)
            elif indent and len(raw) > indent and raw[:indent].isspace():
                text = raw[indent:]
        if b"*CLI>" in text:
            text = PROMPT.sub(b"", text, 4)
        for place, piece in enumerate(text.split(b"\n") if b"\n" in text else (text,)):
            piece = piece.rstrip(b"\r")
            match = dated = None
            if b"]" in piece:
                match = LINE.match(piece) if not place else None
                dated = DATED.match(piece)
            if match is not None:
                piece = piece[match.end() :]
                date = _better(form, match[1] or match[2], outer)
                if repeated := DATED.match(piece):
                    piece = piece[repeated.end() :]
                yield _Line(number, date, match[3], piece, True)
            elif dated is not None:
                yield _Line(number, _better(form, dated[1], outer), None, piece[dated.end() :])
            else:
                yield _Line(number, outer, None, piece)


class _Group:
    """Lines that belong together: a record being gathered."""

    def __init__(self, line: _Line, opens: bool) -> None:
        self.line, self.date, self.tid = line.number, line.date, line.tid
        self.lines: list[bytes] = []
        self.close: Close | None = None
        """What ends the dump that this group is."""
        self.size = self._wanted = 0
        self.add(line.text, opens)

    @property
    def blank(self) -> bool:
        """Only a prefix so far: chan_sip's dumps begin with a line feed."""
        return self.close is None and not any(self.lines)

    def add(self, text: bytes, opens: bool = False) -> None:
        """Takes another line; ``opens``: it is one before a message."""
        self.lines.append(text)
        self.size += len(text) + 2
        if opens and self.close is None and (match := OPENING.match(text + b"\n")):
            opening = read_opening(match)
            if opening is not None:
                self.close = opening.close
                self._wanted = self.size + (opening.size_bytes or 0)

    def ends_with(self, text: bytes) -> bool:
        """Whether ``text`` is the line that ends the dump."""
        return self.close is not None and self.close.value.match(text) is not None

    def ends_before(self, text: bytes) -> bool:
        """Whether the dump has all of its bytes and ``text`` isn't of a message."""
        over = self.size >= self._wanted or self.size > RECORD_BYTES
        if self.close is not Close.COUNT:
            return False
        return VERBOSE_MARK.match(text) is not None or (over and not _OF_MESSAGE.match(text))

    def record(self) -> Record:
        """What was gathered."""
        return self.line, self.date, self.tid, b"\n".join(self.lines)


_OF_MESSAGE = re.compile(rb"[a-z]=|[\w-]+:")


def _by_line(form: Form, blocks: Iterable[bytes]) -> Iterator[Record]:
    """Gathers lines to records: from prefix to prefix, and without prefixes from the line before
    a message to the one that ends it."""
    lines = _split(blocks)
    if form.width is not None:
        lines = _joined(lines, form.width)
    group: _Group | None = None
    for line in _unwrapped(form, lines):
        opens = may_open(line.text) and OPENING.match(line.text + b"\n") is not None
        if line.whole:
            if group is not None:
                yield group.record()
                group = None
            yield line.number, line.date, line.tid, line.text
            continue
        if group is None:
            group = _Group(line, opens)
            continue
        if line.prefixed or _apart(group, line, opens):
            yield group.record()
            group = _Group(line, opens)
            continue
        group.add(line.text, opens)
        if group.ends_with(line.text) or group.size > RECORD_BYTES:
            yield group.record()
            group = None
    if group is not None:
        yield group.record()


def _apart(group: _Group, line: _Line, opens: bool) -> bool:
    """Whether a line without a prefix begins something else."""
    if group.close is not None:
        return opens or group.ends_before(line.text)
    if opens:
        return not group.blank
    if len(group.lines) >= _GROUP_LINES:
        return True
    return line.date is not None and line.date != group.date
