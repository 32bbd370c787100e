"""The dates of a log: what ``dateformat`` in logger.conf can write, to nanoseconds UTC.

Contract: pure; nothing raises on content. ``parse_date`` reads one date; ``LogClock`` puts dates
in order (missing years, summer time, small disorder among threads) and says what it assumed.

Asterisk's default is ``%b %e %T`` in every release (logger.conf.sample): no year, no zone and
whole seconds. ``%q`` (fractions) came with 1.6.0.
"""

from __future__ import annotations

import re
import zoneinfo
from calendar import timegm
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

from sipdiag.base.errors import UsageError
from sipdiag.base.interval import NS

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_TIME = r"(?P<h>\d{1,2}):(?P<m>\d\d):(?P<s>\d\d)(?:[.,](?P<f>\d{1,9}))?"
_ZONE = r"(?: ?(?P<z>Z|UTC|GMT|[+-]\d\d:?\d\d)| (?P<zn>[A-Z][A-Za-z]{1,4}))?"
_WEEKDAY = r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? )?"
_FORMS = tuple(
    re.compile(f"{_WEEKDAY}{form}{_ZONE}$", re.IGNORECASE if "mon" in form else 0)
    for form in (
        rf"(?P<Y>\d{{4}})[-/.](?P<M>\d\d)[-/.](?P<D>\d\d)[ T,]+{_TIME}",
        rf"(?P<mon>[A-Za-z]{{3}})[a-z]* +(?P<D>\d{{1,2}})(?:,? (?P<Y>\d{{4}}))? {_TIME}"
        r"(?: (?P<Y2>\d{4}))?",
        rf"(?P<D>\d{{1,2}})[ -](?P<mon>[A-Za-z]{{3}})[a-z]*[ -](?P<Y>\d{{4}}) {_TIME}",
        rf"(?P<D>\d{{1,2}})\.(?P<M>\d{{1,2}})\.(?P<Y>\d{{4}}),? {_TIME}",
        rf"(?P<us>\d{{1,2}})/(?P<D>\d{{1,2}})/(?P<Y>\d{{4}}|\d\d),? {_TIME}",
    )
)
_EPOCH = re.compile(r"(?P<t>\d{9,10})(?:[.,](?P<f>\d{1,9}))?$")


class Stamp(NamedTuple):
    """A date as written. ``year`` and ``offset_s`` (east of UTC) None = not written; ``digits``
    of the fraction of the second."""

    year: int | None
    month: int
    day: int
    hour: int
    minute: int
    second: int
    fraction_ns: int
    digits: int
    offset_s: int | None


def parse_date(text: str) -> Stamp | None:
    """The date that ``text`` writes in one of the usual forms, or None.

    ``3/4/2024`` is taken as Asterisk's ``%D`` writes it, the month first, unless that can't be.

    >>> parse_date("Jan  1 12:00:00")
    Stamp(year=None, month=1, day=1, hour=12, minute=0, second=0, fraction_ns=0, digits=0, offset_s=None)
    >>> parse_date("2024-01-31 12:00:00,123").fraction_ns
    123000000
    """  # noqa: E501
    epoch = _EPOCH.match(text)
    if epoch is not None:
        at = datetime.fromtimestamp(int(epoch["t"]), UTC)
        digits = epoch["f"] or ""
        return Stamp(*at.timetuple()[:6], _fraction(digits), len(digits), 0)
    for form in _FORMS:
        match = form.match(text)
        if match is not None:
            return _stamp(match.groupdict())
    return None


def _fraction(digits: str) -> int:
    return int(digits.ljust(9, "0")) if digits else 0


def _stamp(found: dict[str, str | None]) -> Stamp | None:
    written = found.get("Y") or found.get("Y2")
    year = int(written) if written else None
    if year is not None and year < 100:
        year += 2000
    if year is not None and not 1970 <= year <= 2261:
        return None  # beyond 64 bits of nanoseconds
    name = found.get("mon")
    day = int(found["D"] or 0)
    if name is not None:
        if name.lower() not in _MONTHS:
            return None
        month = _MONTHS.index(name.lower()) + 1
    else:
        month = int(found.get("M") or found.get("us") or 0)
        if month > 12 >= day and found.get("us"):
            month, day = day, month
    hour, minute, second = (int(found[key] or 0) for key in "hms")
    try:
        # 2000 is a leap year: February 29 is good without a year. A leap second is clipped.
        datetime(year or 2000, month, day, hour, minute, min(second, 59))
    except ValueError:
        return None
    digits = found["f"] or ""
    return Stamp(
        year,
        month,
        day,
        hour,
        minute,
        min(second, 59),
        _fraction(digits),
        len(digits),
        _offset(found["z"]),
    )


def _offset(text: str | None) -> int | None:
    if text is None:
        return None
    if text[0] not in "+-":
        return 0
    size = int(text[1:3]) * 3600 + int(text[-2:]) * 60
    return -size if text[0] == "-" else size


def zone_of(text: str) -> tzinfo:
    """A zone as a user names it: ``Europe/Berlin``, ``UTC``, ``+02:00``. Raises ``UsageError``."""
    if re.fullmatch(r"[+-]\d\d:?\d\d", text):
        size = _offset(text)
        if size is not None and abs(size) < 86400:
            return timezone(timedelta(seconds=size))
    elif text.upper() in ("UTC", "GMT", "Z"):
        return UTC
    else:
        try:
            return zoneinfo.ZoneInfo(text)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise UsageError(f"no time zone is called {text!r} (such as Europe/Berlin or +02:00)")


_DISORDER_NS = 2 * NS
"""Threads take the time before they queue a line (logger.c:ast_log_full), so neighbours may be
out of order by a moment; that is no change of the clock."""

_HOUR_NS = 3600 * NS
_HALF_YEAR_NS = 182 * 86400 * NS


class LogClock:
    """Dates in the order of the log, to nanoseconds since 1970 UTC that don't go back.

    ``zone`` None = not known (taken as UTC). ``year``: of the log's first date, for dates without
    one. ``notes`` tells what the log forced it to assume, in the order in which it did.
    """

    def __init__(self, zone: tzinfo | None, year: int) -> None:
        self.notes: list[str] = []
        self.coarse = True
        """No date so far had a fraction of a second."""
        self.yearless = False
        self.own_zone = False
        self.unread = 0
        """Dates in a form that isn't known; they count as the one before."""
        self._zone = zone
        self._year = year
        self._last: int | None = None
        self._shift = 0
        self._fold = 0
        self._fold_until = 0
        self._text = b""
        self._stem = b""
        self._stem_ns = 0

    @property
    def last_ns(self) -> int | None:
        """The newest time so far."""
        return self._last

    def ns(self, text: bytes, line: int) -> int | None:
        """The time of a record that begins at ``line`` with the date ``text``; None before the
        first date that can be read."""
        if text == self._text:
            return self._last
        self._text = text
        # Most logs differ from line to line in milliseconds alone.
        if text[-4:-3] == b"." and text[:-4] == self._stem and text[-3:].isdigit():
            now = self._stem_ns + int(text[-3:]) * 1_000_000
        else:
            stamp = parse_date(text.decode("latin-1").strip())
            if stamp is None:
                self.unread += 1
                return self._last
            now = self._absolute(stamp, line)
            if stamp.digits:
                self.coarse = False
            if stamp.digits == 3 and text[-4:-3] == b".":
                self._stem, self._stem_ns = text[:-4], now - stamp.fraction_ns
        if self._last is None or now >= self._last:
            self._last = now
        elif self._last - now > _DISORDER_NS:
            self._stem = b""
            self._last = now
        return self._last

    def _absolute(self, stamp: Stamp, line: int) -> int:
        now = self._utc(stamp)
        last = self._last
        if last is None or now >= last - _DISORDER_NS:
            return now
        if stamp.year is None and last - now > _HALF_YEAR_NS:
            self._year += 1
            self._note(f"line {line}: a new year begins ({self._year})")
            return self._utc(stamp)
        if self._folds():
            self._fold, self._fold_until = 1, now + 4 * _HOUR_NS
            folded = self._utc(stamp)
            if folded >= last - _DISORDER_NS:
                self._note(f"line {line}: summer time ends, an hour is told twice")
                return folded
            self._fold = 0
        back = last - now
        known = isinstance(self._zone, zoneinfo.ZoneInfo) or stamp.offset_s is not None
        if not known and stamp.hour <= 3 and _HOUR_NS // 2 < back <= _HOUR_NS:
            self._shift += _HOUR_NS
            self._note(
                f"line {line}: the times go back by {back // NS} s; taken as the end of summer "
                "time, all later times are counted an hour later"
            )
            return now + _HOUR_NS
        self._note(
            f"line {line}: the times go back by {back / NS:.0f} s (the clock was set, or logs were "
            "joined)"
        )
        return now

    def _folds(self) -> bool:
        return isinstance(self._zone, zoneinfo.ZoneInfo) and not self._fold

    def _utc(self, stamp: Stamp) -> int:
        if stamp.year is None:
            self.yearless = True
        year = self._year if stamp.year is None else stamp.year
        day = stamp.day
        if stamp.month == 2 and day == 29 and year % 4:
            day = 28
        parts = (year, stamp.month, day, stamp.hour, stamp.minute, stamp.second)
        if stamp.offset_s is not None:
            self.own_zone = True
            return (timegm((*parts, 0, 0, 0)) - stamp.offset_s) * NS + stamp.fraction_ns
        if self._zone is None:
            return timegm((*parts, 0, 0, 0)) * NS + stamp.fraction_ns + self._shift
        try:
            local = datetime(*parts, tzinfo=self._zone, fold=self._fold)
            seconds = int(local.timestamp())
        except (ValueError, OverflowError):
            seconds = timegm((*parts, 0, 0, 0))
        now = seconds * NS + stamp.fraction_ns
        if not isinstance(self._zone, zoneinfo.ZoneInfo):
            return now + self._shift
        if self._fold and now > self._fold_until:
            self._fold = 0
            return self._utc(stamp)
        return now

    def _note(self, text: str) -> None:
        if len(self.notes) < 20:
            self.notes.append(text)


def first_year(first: Stamp, last: Stamp | None, reference_ns: int) -> int:
    """The year of a log's first date, where dates have none: the newest in which its last one
    isn't after ``reference_ns`` (the file's modification, ns UTC), a day's grace for the zone.

    >>> december, january = parse_date("Dec 31 23:59:59"), parse_date("Jan  1 00:00:10")
    >>> first_year(december, january, 1_704_100_000 * 10**9)
    2023
    """
    reference = datetime.fromtimestamp(reference_ns // NS, UTC) + timedelta(days=1)
    latest = last if last is not None else first
    at = (reference.month, reference.day, reference.hour, reference.minute)
    end = (latest.month, latest.day, latest.hour, latest.minute)
    year = reference.year if end <= at else reference.year - 1
    begin = (first.month, first.day, first.hour, first.minute, first.second)
    if begin > (*end, latest.second):
        year -= 1
    return year
