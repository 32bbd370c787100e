"""An Asterisk log, followed as it grows: messages and verdict lines as they come.

Contract: ``poll`` never blocks and never raises; it gives what was completed since. Rotation by
renaming (a new file under the old name) and by copying and truncating are both followed; what was
written to the old file until then is read to its end. Asterisk writes a record at once, so what
stands at the end of a log that is quiet for a moment is whole; while the log grows without a pause
it is cut before the beginning of its last record. Opening raises ``InputError`` or ``AccessError``.

Times: a log without zones whose newest line is off by whole quarters of an hour from the clock is
in another zone, and put right.
"""

from __future__ import annotations

import io
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import BinaryIO

from sipdiag.base.datagram import Datagram, Source
from sipdiag.base.errors import AccessError, InputError, UsageError
from sipdiag.base.interval import NS
from sipdiag.base.limits import DEFAULT_LIMITS, LimitHits, Limits
from sipdiag.base.logevent import LogEvent
from sipdiag.readers.asterisk_log import AsteriskLogReader
from sipdiag.readers.stream import ByteStream

Item = Datagram | LogEvent

_SAMPLE_BYTES = 64 * 1024
"""What is looked at to tell the log's form."""
_BURST_BYTES = 4 << 20
_QUARTER_NS = 900 * NS
_OFF_NS = 120 * NS
"""A log's newest line and the clock agree to this, whatever the zone."""
_IAX2_FRAME = b"-Frame Retry["
_IAX2_FRAME_BYTES = 8192
"""Of the lines of one frame: some 20 of 150 bytes each."""
_RECORD = re.compile(rb"\n(?=\[|\{|[A-Z][a-z]{2} [ 0-9]\d \d\d:|\d{4}-\d\d-\d\d)")
"""Where a record may begin: Asterisk's own prefix, JSON, syslog, journald or docker."""


class LogFollower:
    """Follows ``path`` from its present end on. ``tz``: as for the reader of logs."""

    def __init__(
        self,
        path: str,
        *,
        tz: str | None = None,
        limits: Limits = DEFAULT_LIMITS,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.path = path
        self.notices: list[str] = []
        self.times_known = True
        self._tz, self._limits, self._hits, self._clock = tz, limits, LimitHits(), clock
        self._file = _open(path)
        self._inode = os.fstat(self._file.fileno()).st_ino
        self._sample, self._line = self._skip()
        self._buffer = b""
        self._quiet = False
        self._shift_ns: int | None = None
        self._complained = False
        if self._sample:
            try:
                self._reader(b"\n")
            except (InputError, UsageError):
                self._file.close()
                raise

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def poll(self, now_ns: int) -> Iterator[Item]:
        """What came since, in the order of the log."""
        grown = self._grow()
        rotated = self._rotated()
        if rotated:
            self._grow()
        if self._buffer and (rotated or not grown):
            yield from self._take(len(self._buffer), now_ns)
        elif len(self._buffer) > _BURST_BYTES or (grown and not self._quiet):
            yield from self._take(self._last_record(), now_ns)
        self._quiet = not grown
        if rotated:
            self._begin()

    def finish(self) -> Iterator[Item]:
        """What is left."""
        self._grow()
        yield from self._take(len(self._buffer), self._clock())

    def _skip(self) -> tuple[bytes, int]:
        """The end of what there is already, from the beginning of a record on, to tell the form
        by; and the number of the line that comes next."""
        lines = 0
        sample = b""
        while block := self._file.read(1 << 20):
            lines += block.count(b"\n")
            sample = (sample + block)[-_SAMPLE_BYTES:]
        begin = _RECORD.search(sample) if len(sample) == _SAMPLE_BYTES else None
        return sample[begin.end() if begin is not None else 0 :], lines + 1

    def _grow(self) -> bool:
        """Reads what is new. Whether there was any."""
        grown = False
        with suppress(OSError):
            if os.fstat(self._file.fileno()).st_size < self._file.tell():
                self._file.seek(0)
                self._line, self._buffer = 1, b""
                self.notices.append(f"{self.path}: was truncated, goes on from its beginning")
            while len(self._buffer) < 2 * _BURST_BYTES and (more := self._file.read(1 << 20)):
                self._buffer += more
                grown = True
        return grown

    def _rotated(self) -> bool:
        """Whether another file has the name now."""
        try:
            return os.stat(self.path).st_ino != self._inode
        except OSError:
            return False

    def _begin(self) -> None:
        """Goes over to the new file."""
        try:
            file = _open(self.path)
        except (InputError, AccessError) as error:
            if not self._complained:
                self._complained = True
                self.notices.append(str(error))
            return
        self._complained = False
        self._file.close()
        self._file = file
        self._inode = os.fstat(file.fileno()).st_ino
        self._line, self._buffer = 1, b""
        self.notices.append(f"{self.path}: was rotated, the new file is followed")

    def _last_record(self) -> int:
        """Where the last record in the buffer begins, or the last frame of IAX2, which is several
        records."""
        found = 0
        for match in _RECORD.finditer(self._buffer, max(0, len(self._buffer) - _BURST_BYTES)):
            found = match.end()
        frame = self._buffer.rfind(_IAX2_FRAME, max(0, found - _IAX2_FRAME_BYTES))
        return min(found, self._buffer.rfind(b"\n", 0, frame) + 1) if frame >= 0 else found

    def _take(self, end: int, now_ns: int) -> Iterator[Item]:
        """Reads the first ``end`` bytes of the buffer."""
        block, self._buffer = self._buffer[:end], self._buffer[end:]
        if not block:
            return
        if not self._sample:
            self._sample = block[:_SAMPLE_BYTES]
        try:
            reader = self._reader(block)
        except InputError as error:
            if not self._complained:
                self._complained = True
                self.notices.append(str(error))
            self._sample = b""
            self._line += block.count(b"\n")
            return
        items: list[Item] = [*reader, *reader.events]
        self._line += block.count(b"\n")
        self.times_known = reader.times_known
        yield from self._timed(items, now_ns, reader.times_known)

    def _reader(self, block: bytes) -> AsteriskLogReader:
        stream = ByteStream(io.BytesIO(block), self.path, True)
        return AsteriskLogReader(
            stream, Source(self.path), self._limits, self._hits, tz=self._tz,
            now_ns=self._clock(), sample=self._sample, first_line=self._line,
        )  # fmt: skip

    def _timed(self, items: list[Item], now_ns: int, known: bool) -> Iterator[Item]:
        items.sort(key=lambda item: item.origin.line or 0)
        if not known:
            for item in items:
                yield replace(item, ts_ns=now_ns)
            return
        if items and self._shift_ns is None and self._tz is None:
            off_ns = now_ns - items[-1].ts_ns
            shift_ns = round(off_ns / _QUARTER_NS) * _QUARTER_NS
            self._shift_ns = shift_ns if abs(off_ns - shift_ns) < _OFF_NS else 0
        shift_ns = self._shift_ns or 0
        for item in items:
            yield replace(item, ts_ns=item.ts_ns + shift_ns) if shift_ns else item


def _open(path: str) -> BinaryIO:
    try:
        file = open(path, "rb", buffering=0)  # noqa: SIM115 (closed by LogFollower)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except PermissionError:
        raise AccessError(f"{path}: permission denied") from None
    except OSError as error:
        raise InputError(f"{path}: can't be opened: {error.strerror or error}") from None
    if not os.path.isfile(path):
        file.close()
        raise UsageError(f"{path}: is no file that can be followed")
    return file
