"""An interval is known from both sides, or from one, or from none."""

from __future__ import annotations

from sipdiag.base.interval import Interval


def test_containment() -> None:
    assert 30 in Interval(29.7, 33.0)
    assert 28 not in Interval(29.7, 33.0)
    assert 1000 in Interval(29.7, None)
    assert 1 in Interval(None, 33.0)
    assert 34 not in Interval(None, 33.0)
    assert None not in Interval(29.7, 33.0)


def test_consistency() -> None:
    assert Interval(29.7, 33.0).consistent
    assert Interval(None, 3.0).consistent
    assert not Interval(40.0, 33.0).consistent
