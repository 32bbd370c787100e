"""A log's bytes to its records, whatever wrote or wrapped it.

Contract: ``records`` takes blocks of bytes of a log whose form is known, and gives ``Record``s
lazily, in order, in bounded memory. Nothing raises on content.

A log with Asterisk's own prefix on every record is split by one pattern, a block at a time; the
lines inside of a message are never looked at one by one. Every other form goes line by line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sipdiag.asterisk.log_counted import message_end, opening_of, record_end
from sipdiag.asterisk.log_dump import OPENING, Close, may_open, read_opening
from sipdiag.asterisk.log_form import PRINTED, Form, better, unwrap
from sipdiag.asterisk.log_prefix import COLOURS, DATED, LINE, MIDLINE, PROMPT, VERBOSE_MARK

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


def records(form: Form, blocks: Iterable[bytes]) -> Iterator[Record]:
    """The records of a log of the given form."""
    if form.pattern is not None:
        found = _by_block(form.pattern, blocks, coloured=form.coloured)
    else:
        found = _by_line(form, blocks)
    for record in found:
        body = record[3]
        if len(body) > _CUT_FROM and (at := MIDLINE.search(body, _whole(body))):
            yield from _parted(record, at)
        else:
            yield record


def _whole(body: bytes) -> int:
    """How much of a long record can't have been cut."""
    opening = opening_of(body)
    end = message_end(body, *opening) if opening is not None else None
    return max(_CUT_FROM, end or 0)


def _parted(record: Record, at: re.Match[bytes] | None) -> Iterator[Record]:
    """A record that was cut, and the one that begins in the same line."""
    line, date, tid, body = record
    while at is not None:
        yield line, date, tid, body[: at.start()]
        line += body.count(b"\n", 0, at.start())
        date, tid, body = at[1], at[2], body[at.end() :]
        at = MIDLINE.search(body, _CUT_FROM) if len(body) > _CUT_FROM else None
    yield line, date, tid, body


def _by_block(
    pattern: re.Pattern[bytes], blocks: Iterable[bytes], *, coloured: bool
) -> Iterator[Record]:
    """Splits at the prefixes. What stands before the first one is a record without a date.

    The text always begins with the line feed before a record; ``line`` counts those before it.
    Each line is rid of its colours once: what is left may look like one again.
    """
    line = 0
    carry, rest = b"", b"\n"
    for block, last in _with_last(blocks):
        fresh = rest + block
        rest = b""
        if not last:
            newline = fresh.rfind(b"\n")
            fresh, rest = fresh[:newline], fresh[newline:]
        if coloured and b"\x1b" in fresh:
            fresh = COLOURS.sub(b"", fresh)
        text = carry + fresh
        start, date, tid, body, inside = 0, None, None, 1, 0
        for match in pattern.finditer(text):
            at = match.start()
            if at < inside:
                continue
            if at:
                end = record_end(pattern, text, body, at, last=last)
                if end is None:
                    break
                if end > at:
                    inside = end
                    continue
                yield line + 1, date, tid, text[body:at]
                line += text.count(b"\n", start, at)
            start, body = at, match.end()
            date, tid = match[1], match[2]
        if last:
            text = text[body:].removesuffix(b"\n")
            if start or date is not None or text.strip():
                yield line + 1, date, tid, text
        elif len(text) - start > RECORD_BYTES:
            yield line + 1, date, tid, text[body:]
            line += text.count(b"\n", start)
            carry = b""
        else:
            carry = text[start:]


def _with_last(blocks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each block, and at the end an empty one that is the last."""
    for block in blocks:
        yield block, False
    yield b"", True


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
        if full and not PRINTED.match(line) and len(text) < RECORD_BYTES:
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
        text, outer, tid, whole, more = unwrap(form, raw)
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
                date = better(form, match[1] or match[2], outer)
                if repeated := DATED.match(piece):
                    piece = piece[repeated.end() :]
                yield _Line(number, date, match[3], piece, True)
            elif dated is not None:
                yield _Line(number, better(form, dated[1], outer), None, piece[dated.end() :])
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
