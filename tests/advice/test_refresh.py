"""How often something must cross a NAT of a given lifetime."""

from __future__ import annotations

import pytest

from sipdiag.advice.refresh import refresh_interval
from sipdiag.base.interval import Interval


@pytest.mark.parametrize(
    ("lower", "upper", "seconds", "assumed"),
    [
        (30.0, 33.0, 25, False),
        (29.6, 33.0, 25, False),
        (20.0, 25.0, 15, False),
        (60.0, 65.0, 51, False),
        (120.0, 130.0, 102, False),
        (10.0, 40.0, 20, True),
        (0.02, 70.0, 25, True),
        (None, 30.0, 15, True),
        (None, None, 25, True),
    ],
)
def test_below_the_lower_bound_by_5_s_or_15_percent(
    lower: float | None, upper: float | None, seconds: int, assumed: bool
) -> None:
    assert refresh_interval(Interval(lower, upper)) == (seconds, assumed)
