"""Times as reports write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(ts_ns: int) -> str:
    """A time in UTC, ISO 8601 with microseconds; "" outside of what dates can be."""
    try:
        return (_EPOCH + timedelta(microseconds=ts_ns // 1000)).isoformat(timespec="microseconds")
    except OverflowError:
        return ""
