"""Dates of logs: every form that dateformat writes, years, zones, summer time."""

from __future__ import annotations

import doctest
import zoneinfo
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipdiag.asterisk import log_time
from sipdiag.asterisk.log_time import LogClock, first_year, parse_date, zone_of
from sipdiag.base.errors import UsageError
from sipdiag.base.interval import NS


def at(clock: LogClock, text: str, line: int = 1) -> str:
    ns = clock.ns(text.encode(), line)
    assert ns is not None
    whole = datetime.fromtimestamp(ns // NS, UTC)
    return f"{whole:%Y-%m-%d %H:%M:%S}.{ns % NS // 1_000_000:03d}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Jan  1 12:00:00", "2024-01-01 12:00:00.000"),
        ("Feb 29 23:59:59", "2024-02-29 23:59:59.000"),
        ("Wed Jan 31 12:00:00 2018", "2018-01-31 12:00:00.000"),
        ("Wed, 31 Jan 2018 12:00:00", "2018-01-31 12:00:00.000"),
        ("Jan 31, 2018 12:00:00", "2018-01-31 12:00:00.000"),
        ("2024-01-31 12:00:00", "2024-01-31 12:00:00.000"),
        ("2024-01-31 12:00:00.123", "2024-01-31 12:00:00.123"),
        ("2024-01-31 12:00:00,123", "2024-01-31 12:00:00.123"),
        ("2024-01-31 12:00:00.123456", "2024-01-31 12:00:00.123"),
        ("2024-01-31T12:00:00.5", "2024-01-31 12:00:00.500"),
        ("2024/01/31 12:00:00", "2024-01-31 12:00:00.000"),
        ("2024-01-31 12:00:00.123 +0100", "2024-01-31 11:00:00.123"),
        ("2024-01-31T12:00:00-05:30", "2024-01-31 17:30:00.000"),
        ("2024-01-31T12:00:00Z", "2024-01-31 12:00:00.000"),
        ("2024-01-31 12:00:00 CET", "2024-01-31 12:00:00.000"),
        ("31.01.2024 12:00:00", "2024-01-31 12:00:00.000"),
        ("01/31/2024 12:00:00", "2024-01-31 12:00:00.000"),
        ("31/01/24 12:00:00", "2024-01-31 12:00:00.000"),
        ("31-Jan-2024 12:00:00", "2024-01-31 12:00:00.000"),
        ("1706702400.250", "2024-01-31 12:00:00.250"),
        ("2016-12-31 23:59:60", "2016-12-31 23:59:59.000"),
    ],
)
def test_forms(text: str, expected: str) -> None:
    assert at(LogClock(None, 2024), text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "C-00000001", "12:00:00", "Foo  1 12:00:00", "2024-13-01 12:00:00", "9999-01-01 1:2:3"],
)
def test_not_dates(text: str) -> None:
    assert parse_date(text) is None
    clock = LogClock(None, 2024)
    assert clock.ns(text.encode() or b"?", 1) is None
    assert clock.unread == 1


@given(st.text(max_size=40), st.text(max_size=40))
def test_nothing_raises(one: str, other: str) -> None:
    clock = LogClock(zone_of("Europe/Berlin"), 2024)
    for number, text in enumerate((one, other, "Jan  1 00:00:00", one)):
        clock.ns(text.encode("utf-8", "surrogatepass"), number)


@given(st.lists(st.datetimes(datetime(1971, 1, 1), datetime(2260, 1, 1)), max_size=8))
def test_written_and_read(times: list[datetime]) -> None:
    for when in times:
        text = f"{when:%Y-%m-%d %H:%M:%S}.{when.microsecond:06d}"
        if when.year >= 1971:
            expected = int(when.replace(microsecond=0, tzinfo=UTC).timestamp()) * NS
            assert LogClock(None, 2024).ns(text.encode(), 1) == expected + when.microsecond * 1000


def test_milliseconds_of_one_second() -> None:
    clock = LogClock(None, 2024)
    assert at(clock, "2024-01-31 12:00:00.001") == "2024-01-31 12:00:00.001"
    assert at(clock, "2024-01-31 12:00:00.999") == "2024-01-31 12:00:00.999"
    assert at(clock, "2024-01-31 12:00:01.000") == "2024-01-31 12:00:01.000"
    assert not clock.coarse


def test_threads_out_of_order_dont_turn_back_time() -> None:
    clock = LogClock(None, 2024)
    at(clock, "2024-01-31 12:00:00.010")
    assert at(clock, "2024-01-31 12:00:00.008") == "2024-01-31 12:00:00.010"
    assert at(clock, "2024-01-31 11:59:59.900") == "2024-01-31 12:00:00.010"
    assert clock.notes == []


def test_a_clock_that_is_set_back_is_noted() -> None:
    clock = LogClock(None, 2024)
    at(clock, "2024-01-31 12:00:00")
    assert at(clock, "2024-01-31 11:00:00", 17) == "2024-01-31 11:00:00.000"
    assert clock.notes == [
        "line 17: the times go back by 3600 s (the clock was set, or logs were joined)"
    ]


def test_new_year() -> None:
    clock = LogClock(None, 2023)
    assert at(clock, "Dec 31 23:59:59") == "2023-12-31 23:59:59.000"
    assert at(clock, "Jan  1 00:00:00", 9) == "2024-01-01 00:00:00.000"
    assert at(clock, "Feb 29 00:00:00") == "2024-02-29 00:00:00.000"
    assert clock.notes == ["line 9: a new year begins (2024)"]
    assert clock.yearless


def test_end_of_summer_time_in_a_named_zone() -> None:
    clock = LogClock(zoneinfo.ZoneInfo("Europe/Berlin"), 2023)
    assert at(clock, "2023-10-29 02:30:00.000") == "2023-10-29 00:30:00.000"
    assert at(clock, "2023-10-29 02:59:59.500") == "2023-10-29 00:59:59.500"
    assert at(clock, "2023-10-29 02:00:00.100") == "2023-10-29 01:00:00.100"
    assert at(clock, "2023-10-29 02:30:00.000") == "2023-10-29 01:30:00.000"
    assert at(clock, "2023-10-29 03:00:00.000") == "2023-10-29 02:00:00.000"
    assert len(clock.notes) == 1 and "summer time ends" in clock.notes[0]
    # And the year after.
    assert at(clock, "2024-10-27 02:30:00.000") == "2024-10-27 00:30:00.000"


def test_beginning_of_summer_time_in_a_named_zone() -> None:
    clock = LogClock(zoneinfo.ZoneInfo("Europe/Berlin"), 2024)
    assert at(clock, "2024-03-31 01:59:59") == "2024-03-31 00:59:59.000"
    assert at(clock, "2024-03-31 03:00:00") == "2024-03-31 01:00:00.000"
    assert clock.notes == []


def test_end_of_summer_time_where_the_zone_is_unknown() -> None:
    clock = LogClock(None, 2023)
    at(clock, "2023-10-29 02:59:00")
    assert at(clock, "2023-10-29 02:03:00") == "2023-10-29 03:03:00.000"
    assert at(clock, "2023-10-29 04:00:00") == "2023-10-29 05:00:00.000"
    assert "end of summer time" in clock.notes[0]


@pytest.mark.parametrize(
    ("first", "last", "reference", "year"),
    [
        ("Jan 31 12:00:00", "Jan 31 13:00:00", "2024-01-31 13:00:01", 2024),
        ("Jan 31 12:00:00", "Jan 31 13:00:00", "2024-01-30 23:00:00", 2024),
        ("Jan 31 12:00:00", "Jan 31 13:00:00", "2024-01-29 11:00:00", 2023),
        ("Dec 31 12:00:00", "Jan  1 13:00:00", "2024-06-01 00:00:00", 2023),
        ("Dec 31 12:00:00", None, "2024-06-01 00:00:00", 2023),
        ("Mar  1 12:00:00", "Jun  1 12:00:00", "2024-04-01 00:00:00", 2023),
    ],
)
def test_first_year(first: str, last: str | None, reference: str, year: int) -> None:
    begin = parse_date(first)
    assert begin is not None
    reference_ns = int(datetime.fromisoformat(reference + "+00:00").timestamp()) * NS
    assert first_year(begin, parse_date(last) if last else None, reference_ns) == year


def test_zones() -> None:
    assert zone_of("+02:00").utcoffset(None) == zone_of("+0200").utcoffset(None)
    assert zone_of("utc") is UTC
    assert isinstance(zone_of("America/New_York"), zoneinfo.ZoneInfo)
    for wrong in ("", "Middle/Earth", "+99:00", "../../etc/passwd", "+2"):
        with pytest.raises(UsageError):
            zone_of(wrong)


def test_examples() -> None:
    assert doctest.testmod(log_time).failed == 0
