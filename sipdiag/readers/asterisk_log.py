"""The reader of Asterisk's debug logs: the messages that chan_sip, chan_pjsip and chan_iax2 print
with debugging on, as ``Datagram``s, and Asterisk's own verdicts as ``LogEvent``s.

Contract: as every reader (``sipdiag.readers``). A log names only the far side: ``src`` is None on
what Asterisk sent, ``dst`` on what it received. It shows no media and no IAX2 mini frames, and
its bytes aren't exact. An IAX2 frame is encoded anew from its dump. The record prefix, the dumps
and the verdicts are described, as data, in ``sipdiag.asterisk.log_*`` and ``iax2_dump``.

Times: the zone is the user's, else that of the dates, else what the ``Date`` headers prove that
Asterisk sent, else UTC is assumed. What was assumed is in ``source.notes``.
"""

from __future__ import annotations

import os
import re
import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import BinaryIO

from sipdiag.asterisk import iax2_dump
from sipdiag.asterisk.log_counted import is_whole
from sipdiag.asterisk.log_dump import (
    KEEPALIVE,
    OPENING,
    may_open,
    parse_address,
    read_dump,
    read_opening,
    transport_of,
)
from sipdiag.asterisk.log_forgery import Forgeries
from sipdiag.asterisk.log_form import first_date, last_date, sniff
from sipdiag.asterisk.log_prefix import BRACKETED, DATED, DATED_LINES, looks_like_log
from sipdiag.asterisk.log_records import Record, records
from sipdiag.asterisk.log_time import LogClock, first_year, parse_date, zone_of
from sipdiag.asterisk.log_verdict import STARTS, unmarked, verdict
from sipdiag.base.datagram import Datagram, Direction, Origin, Source, Transport, Vantage
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.errors import InputError
from sipdiag.base.interval import NS
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.base.logevent import EventKind, LogEvent
from sipdiag.base.secrets import hide
from sipdiag.protocols.media import MediaTable
from sipdiag.protocols.sip import looks_like_sip
from sipdiag.readers.record import cut_off, note
from sipdiag.readers.sniff import refuse
from sipdiag.readers.stream import ByteStream

_HEAD_BYTES = 256 * 1024
"""What is looked at to tell the form of a log."""

_TAIL_BYTES = 64 * 1024

_REGROUP_RECORDS = 512
"""The lines of an IAX2 frame come from one thread at once; chan_iax2 has ten by default
(iax.conf, ``iaxthreadcount``). After as many records of others a frame has all its lines."""
_REGROUP_NS = 1 * NS

_CLEAR_COPIES = 4096
"""Call pairs of which the encrypted copy of a frame is still to come."""


@dataclass(slots=True, eq=False)
class _Item:
    """Something to be paid out, in the order of the log. ``frame`` is read as long as ``open``;
    ``detailed``: its information elements are over."""

    ts_ns: int
    line: int
    sequence: int
    datagram: Datagram | None = None
    frame: iax2_dump.FrameDump | None = None
    open: bool = False
    detailed: bool = False
    dropped: bool = False


class AsteriskLogReader:
    """Reads a log out of ``stream``, which it closes at the end. Raises ``InputError`` where the
    input is none, ``UsageError`` where ``tz`` is no zone.

    ``tz``: a zone's name or ``+HH:MM``. ``now_ns``: for dates without a year, in place of the
    file's modification time ``modified_ns`` (both ns since 1970 UTC). ``tail``: the file's end.
    ``sample``: lines of the same log to tell its form by, where ``stream`` has only the newest;
    ``first_line``: the number of its first line.
    """

    def __init__(
        self,
        stream: ByteStream,
        source: Source,
        limits: Limits,
        hits: LimitHits,
        *,
        tz: str | None = None,
        now_ns: int | None = None,
        modified_ns: int | None = None,
        tail: bytes = b"",
        sample: bytes | None = None,
        first_line: int = 1,
    ) -> None:
        self.source = source
        self.media = MediaTable(limits, hits)
        self.events: list[LogEvent] = []
        self.times_known = True
        """False for a log without dates: its times are made up, in the order of its lines."""
        self._stream, self._limits, self._hits = stream, limits, hits
        self._started = False
        zone = zone_of(tz) if tz is not None else None
        head = stream.read_at_least(_HEAD_BYTES, b"") if sample is None else sample
        if not looks_like_log(head):
            raise InputError(f"{source.name}: {refuse(head)}")
        source.kind = "log"
        source.vantage = Vantage.PBX
        source.both_ends_known = source.media_visible = source.bytes_exact = False
        self._head, self._line_offset = head, first_line - 1
        self._form = sniff(head)
        self._zone_told = zone is not None
        self._zone_proved = False
        year: int | None = None
        if zone is None:
            proof = _zone_proof(head)
            if proof is not None:
                zone, self._zone_proved = proof, True
        year = _written_year(head)
        self._year_proved = year is not None
        self._begin_clock(zone, year, now_ns, modified_ns, tail)
        if sample is not None:
            self._head = b""
        self._queue: deque[_Item] = deque()
        self._frames: dict[bytes | None, _Item] = {}
        self._clear_sent: OrderedDict[tuple[int, int, Endpoint | None], int] = OrderedDict()
        self._sequence = self._made_up = self._undated = 0
        self._cut = self._ancient = self._addressless = self._encrypted = self._unfinished = 0
        self._forgeries = Forgeries()
        self._open_end = False
        self._out: list[Datagram] = []

    def _begin_clock(
        self,
        zone: tzinfo | None,
        year: int | None,
        now_ns: int | None,
        modified_ns: int | None,
        tail: bytes,
    ) -> None:
        found = first_date(self._form, self._head)
        reference = now_ns if now_ns is not None else modified_ns
        if reference is None:
            reference = time.time_ns()
        last = last_date(self._form, tail) if tail else None
        if found is not None and year is None:
            year = first_year(found[1], last, reference)
        self._year = year or 1970
        self._clock = LogClock(zone, self._year)
        if found is None:
            self.times_known = self.source.times_known = False
        else:
            self._clock.ns(found[0], 1)

    def close(self) -> None:
        """Closes the file; a no-op once everything was read."""
        self._stream.close()

    def __iter__(self) -> Iterator[Datagram]:
        if self._started:
            raise RuntimeError("a reader can be iterated once")
        self._started = True
        return self._read()

    def _blocks(self) -> Iterator[bytes]:
        head, self._head = self._head, b""
        if head:
            yield head
        while more := self._stream.read():
            yield more

    def _read(self) -> Iterator[Datagram]:
        """The loop over records. Most of an ordinary log is neither dump nor verdict: the first
        bytes of a message tell."""
        out = self._out
        last: Record | None = None
        try:
            for record in records(self._form, self._blocks()):
                line, date, tid, body = record
                line += self._line_offset
                if last is None and date is None:
                    self._note_torn(body)
                last = record
                if b"\n" in body:
                    self._long(line, date, tid, body)
                elif body[:4] in _STARTS:
                    self._line(line, date, tid, body)
                elif body[:1] == b"[" and (dated := DATED.match(body)):
                    self._line(line, date, tid, body[dated.end() :])
                else:
                    continue
                if out:
                    yield from out
                    out.clear()
            self._release(None)
            if last is not None and last[1] is not None:
                self._note_time(self._time(last[1], last[0]))
            yield from out
            out.clear()
            self._finish()
        finally:
            self.close()

    def _note_torn(self, body: bytes) -> None:
        text = body.strip()
        torn = text and not DATED.match(text) and not may_open(text)
        if torn and self._form.pattern is not None:
            note(self.source, self._limits, "the log begins in the middle of a message")

    # What a record says.

    def _long(self, line: int, date: bytes | None, tid: bytes | None, body: bytes) -> None:
        """A record of several lines: messages, and on a console whatever has no prefix."""
        if (b"\n[" in body or body[:1] == b"[") and not is_whole(body):
            if date is None and (dated := DATED.match(body.lstrip(b"\n"))):
                date = dated[1]
            body = DATED_LINES.sub(b"", body)
        at = 0
        if may_open(body):
            match = OPENING.match(body, 1 if body[:1] == b"\n" else 0) or OPENING.search(body)
            while match is not None:
                if body[at : match.start()].strip():
                    self._plain(line, date, tid, body, at, match.start())
                at = self._message(line, date, tid, body, match)
                match = OPENING.search(body, at) if may_open(body, at) else None
        if at < len(body) and body[at:].strip():
            self._plain(line, date, tid, body, at, len(body))

    def _plain(
        self, line: int, date: bytes | None, tid: bytes | None, body: bytes, at: int, end: int
    ) -> None:
        """Lines without prefix, each by itself; but a verdict may have two."""
        line += body.count(b"\n", 0, at)
        text = body[at:end]
        for number, piece in enumerate(text.split(b"\n")):
            piece = piece.rstrip(b"\r")
            if number == 0 and not at and piece[:4] in STARTS:
                self._line(line, date, tid, text)
            elif piece[:4] in _STARTS or not piece:
                self._line(line + number, date, None if number or at else tid, piece)

    def _message(
        self,
        line: int,
        date: bytes | None,
        tid: bytes | None,
        body: bytes,
        match: re.Match[bytes],
    ) -> int:
        """A SIP dump; gives where it ends."""
        opening = read_opening(match)
        if opening is None:
            self._ancient += match["ancient"] is not None
            self._addressless += match["ancient"] is None
            return match.end()
        end = match.end()
        least = self._forgeries.least_end(opening, body, end)
        following = OPENING.search(body, least) if may_open(body, least) else None
        stop = following.start() if following is not None else len(body)
        dump = read_dump(opening, body, end, stop)
        self._open_end = not dump.closed and stop == len(body)
        self._cut += dump.cut
        self._forgeries.heard(opening, tid)
        before = body[: match.start()]
        place = line + before.count(b"\n") if before.strip() else line
        ts_ns = self._time(date, place)
        for message in dump.messages:
            transport = opening.transport or transport_of(message)
            sent = opening.direction is Direction.SENT
            datagram = Datagram(
                ts_ns,
                None if sent else opening.far,
                opening.far if sent else None,
                transport,
                message,
                Origin(self.source.name, None, place),
                opening.direction,
                dump.cut,
            )
            self.source.sip_messages += message is not KEEPALIVE and looks_like_sip(message)
            self._pay(_Item(ts_ns, place, self._next(), datagram))
        return dump.end

    def _line(self, line: int, date: bytes | None, tid: bytes | None, text: bytes) -> None:
        """A record of one line: part of an IAX2 frame, or a verdict."""
        if text[2:8] == b"-Frame":
            match = iax2_dump.FRAME.match(text)
            if match is not None:
                self._begin_frame(line, date, tid, iax2_dump.begin(match))
                return
        item = self._frames.get(tid)
        if item is not None and not item.detailed and item.frame is not None:
            if not text.strip():
                item.detailed = True
                return
            if text[:3] == b"   " and self._detail(item, item.frame, text):
                return
        message = unmarked(text)
        if message[:4] not in STARTS:
            return
        found = verdict(message)
        if found is None:
            return
        ts_ns = self._time(date, line)
        if len(self.events) >= self._limits.log_events:
            self._hits.hit("log_events")
            return
        first = message.split(b"\n", 1)[0].rstrip()
        origin = Origin(self.source.name, None, line)
        words = hide(first.decode("utf-8", "surrogateescape"))
        self.events.append(
            LogEvent(ts_ns, found.kind, found.user, found.address, words, origin, found.params)
        )
        self._note_time(ts_ns)
        if found.kind is EventKind.DISCARDED:
            lost = found.params.get("lost_count")
            note(
                self.source,
                self._limits,
                f"line {line}: Asterisk's logger was overloaded and discarded {lost} messages: "
                "what lacks here may have been there",
            )

    # IAX2: the lines of a frame, by thread.

    def _begin_frame(
        self, line: int, date: bytes | None, tid: bytes | None, frame: iax2_dump.FrameDump
    ) -> None:
        before = self._frames.get(tid)
        if before is not None:
            before.open = frame.label == b"RD" and before.open
        ts_ns = self._time(date, line)
        item = _Item(ts_ns, line, self._next(), frame=frame, open=True)
        self._frames[tid] = item
        if len(self._frames) > self._limits.log_threads:
            self._frames.pop(next(iter(self._frames))).open = False
            self._hits.hit("log_threads")
        if frame.label == b"RD" and before is not None and before.frame is not None:
            item.open = before.open = True
            item.ts_ns = before.ts_ns
            self._replace(before, item)
        self._pay(item)

    def _replace(self, garbled: _Item, clear: _Item) -> None:
        """RD is the deciphered copy of the Rx before it, which is garbage."""
        if garbled.frame is not None and garbled.frame.label == b"Rx" and garbled.open:
            garbled.dropped, garbled.open = True, False
            clear.line = garbled.line
            self._encrypted += 1

    def _detail(self, item: _Item, frame: iax2_dump.FrameDump, text: bytes) -> bool:
        """Whether ``text`` was a line of the frame's."""
        element = iax2_dump.element(text)
        if element is not None:
            if element:
                frame.chain.append(element)
            return True
        match = iax2_dump.CALLS.match(text)
        if match is None:
            return iax2_dump.NESTED.match(text) is not None
        far = match["addr"]
        if far[:1] == b"[" and far[-1:] == b"]":
            far = far[1:-1]
        iax2_dump.calls(frame, match, parse_address(far))
        key = (frame.source_call, frame.dest_call, frame.far)
        if frame.label == b"TE":
            self._clear_sent[key] = self._clear_sent.get(key, 0) + 1
            self._encrypted += 1
            if len(self._clear_sent) > _CLEAR_COPIES:
                self._clear_sent.popitem(last=False)
        elif frame.label == b"Tx" and self._clear_sent and (left := self._clear_sent.get(key)):
            item.dropped = True
            if left > 1:
                self._clear_sent[key] = left - 1
            else:
                del self._clear_sent[key]
        return True

    # Paying out.

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    def _pay(self, item: _Item) -> None:
        self._queue.append(item)
        self._release(item)

    def _release(self, newest: _Item | None) -> None:
        """Moves what is complete, in the log's order, to what is paid out; all of it at the
        end (``newest`` None)."""
        queue = self._queue
        while queue:
            item = queue[0]
            if item.open and newest is not None:
                waited = newest.sequence - item.sequence
                if waited <= _REGROUP_RECORDS and newest.ts_ns - item.ts_ns <= _REGROUP_NS:
                    return
            item.open = False
            queue.popleft()
            datagram = item.datagram if item.frame is None else self._frame(item, item.frame)
            if datagram is not None and not item.dropped:
                self.source.packets += 1
                self._note_time(datagram.ts_ns)
                self._out.append(datagram)

    def _frame(self, item: _Item, frame: iax2_dump.FrameDump) -> Datagram | None:
        if frame.far is None:
            self._unfinished += 1
            return None
        self.source.iax2_frames += not item.dropped
        return Datagram(
            item.ts_ns,
            None if frame.sent else frame.far,
            frame.far if frame.sent else None,
            Transport.UDP,
            frame.encode(),
            Origin(self.source.name, None, item.line),
            Direction.SENT if frame.sent else Direction.RECEIVED,
        )

    # Times.

    def _time(self, date: bytes | None, line: int) -> int:
        if not self.times_known:
            self._made_up += 1
            return self._made_up
        if date is None:
            self._undated += 1
        else:
            ns = self._clock.ns(date, line)
            if ns is not None:
                return ns
        return self._clock.last_ns or 0

    def _note_time(self, ts_ns: int) -> None:
        source = self.source
        if source.first_ns is None or ts_ns < source.first_ns:
            source.first_ns = ts_ns
        if source.last_ns is None or ts_ns > source.last_ns:
            source.last_ns = ts_ns

    # What there is to know of the source.

    def _finish(self) -> None:
        source, limits = self.source, self._limits
        for text in self._time_notes():
            note(source, limits, text)
        if self._form.width is not None:
            note(
                source,
                limits,
                f"the lines were broken at {self._form.width} columns by a terminal and are put "
                "together again as header grammar has it; a header may have lost blanks",
            )
        if self._cut:
            note(source, limits, f"{_count(self._cut, 'message')} cut off in the log")
        for text in self._forgeries.notes():
            note(source, limits, text)
        if self._ancient:
            note(source, limits, "dumps of Asterisk 1.0 don't tell the addresses: left out")
        if self._addressless:
            note(
                source,
                limits,
                f"left out: {_count(self._addressless, 'dump')} without a readable address",
            )
        if self._unfinished:
            note(source, limits, f"left out: {_count(self._unfinished, 'IAX2 frame')} not whole")
        if self._encrypted:
            note(source, limits, "encrypted IAX2 frames are given as Asterisk deciphered them")
        if source.iax2_frames:
            note(
                source,
                limits,
                "IAX2 frames are encoded anew from their dumps; call tokens and keys are zeros",
            )
        if not source.packets:
            note(
                source,
                limits,
                "no message dumps: 'sip set debug on', 'pjsip set logger on' or 'iax2 set debug "
                "on' writes them, to files that take 'verbose' (logger.conf)",
            )
        if self._open_end:
            cut_off(source, limits, "the log ends in the middle of a message")
        if self._stream.damage:
            cut_off(source, limits, f"{source.name}: {self._stream.damage}")

    def _time_notes(self) -> Iterator[str]:
        if not self.times_known:
            yield (
                "the log has no dates: times are made up in the order of its lines, and no age "
                "can be told"
            )
            return
        clock = self._clock
        if clock.coarse:
            yield (
                "times are in whole seconds: ages are known within a second (logger.conf: "
                "dateformat=%F %T.%3q)"
            )
        if clock.yearless:
            how = "as dates in messages have it" if self._year_proved else "the newest that fits"
            yield f"the dates have no year: {self._year} is taken, {how}"
        if self._zone_proved and not clock.own_zone:
            yield "the zone of the times follows from the Date headers that Asterisk sent"
        elif not self._zone_told and not clock.own_zone:
            yield "the time zone is unknown: times are taken as UTC (--tz sets it)"
        if self._undated:
            yield (f"{_count(self._undated, 'record')} without a date: taken as the one before")
        if clock.unread:
            yield f"{_count(clock.unread, 'date')} in a form that isn't known"
        yield from clock.notes


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


_LETTERS = [bytes((char,)) for char in range(0x20, 0x7F)]
_STARTS = STARTS.union(
    (b"", b"Tx-F", b"Rx-F", b"TE-F", b"RD-F", b"  =="),
    (mark + letter for mark in (b"   ", b"-- ", b"== ") for letter in _LETTERS),
)
"""The first four bytes of every line that may matter: verdicts, with and without verbosity mark,
and those of IAX2 frames."""

_DATE_HEADER = re.compile(
    rb"\nDate: [A-Z][a-z]{2}, (\d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d) GMT\r?\n"
)
_SENT = re.compile(rb"(?:^|\n)(?:<--- )?(?:Reliably )?Transmitting (?:\(|SIP re)")
_MOST_PROOFS = 5


def _proofs(head: bytes) -> Iterator[tuple[bytes, datetime]]:
    """(date as logged, the Date header) of messages that Asterisk wrote and logged at once."""
    found = 0
    head = b"\n" + head
    for match in _DATE_HEADER.finditer(head):
        begin = max(0, match.start() - 4096)
        before = head[begin : match.start()]
        prefix = None
        for prefix in BRACKETED.finditer(before):  # noqa: B007
            pass
        if prefix is None or not _SENT.search(before[prefix.end() :]):
            continue
        try:
            gmt = datetime.strptime(match[1].decode(), "%d %b %Y %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            continue
        yield prefix[1], gmt
        found += 1
        if found == _MOST_PROOFS:
            return


def _zone_proof(head: bytes) -> tzinfo | None:
    """The zone of a log's times, from the Date headers (GMT, RFC 3261 section 20.17) of messages
    that Asterisk sent: where all of the first few say the same."""
    offsets: set[int] = set()
    for logged, gmt in _proofs(head):
        stamp = parse_date(logged.decode("latin-1"))
        if stamp is None or stamp.offset_s is not None:
            return None
        local = datetime(
            stamp.year or gmt.year, stamp.month, stamp.day, stamp.hour, stamp.minute, stamp.second,
            tzinfo=UTC,
        )  # fmt: skip
        apart = int((local - gmt).total_seconds())
        offset = round(apart / 900) * 900
        if abs(apart - offset) > 3 or abs(offset) > 14 * 3600:
            return None
        offsets.add(offset)
    return timezone(timedelta(seconds=offsets.pop())) if len(offsets) == 1 else None


def _written_year(head: bytes) -> int | None:
    """The year of the log's beginning as a Date header that Asterisk sent has it."""
    for logged, gmt in _proofs(head):
        stamp = parse_date(logged.decode("latin-1"))
        if stamp is None or stamp.year is not None:
            return None
        if stamp.month == 12 and gmt.month == 1:
            return gmt.year - 1
        return gmt.year + 1 if stamp.month == 1 and gmt.month == 12 else gmt.year
    return None


def open_log(
    path: str | os.PathLike[str] | BinaryIO,
    stream: ByteStream,
    source: Source,
    limits: Limits,
    hits: LimitHits,
    *,
    tz: str | None = None,
    now_ns: int | None = None,
) -> AsteriskLogReader:
    """The reader of the log that ``path`` is and ``stream`` reads. Raises ``InputError`` where it
    is none."""
    modified_ns, tail = None, b""
    try:
        if not isinstance(path, str | os.PathLike):
            modified_ns = os.fstat(path.fileno()).st_mtime_ns
        elif os.fspath(path) != "-":
            modified_ns = os.stat(path).st_mtime_ns
            if stream.compression is None and os.path.isfile(path):
                with open(path, "rb") as file:
                    file.seek(max(0, os.path.getsize(path) - _TAIL_BYTES))
                    tail = file.read(_TAIL_BYTES)
    except (OSError, ValueError, AttributeError):
        pass
    return AsteriskLogReader(
        stream,
        source,
        limits,
        hits,
        tz=tz,
        now_ns=now_ns,
        modified_ns=modified_ns,
        tail=tail,
    )
