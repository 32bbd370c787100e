"""The bar says, without colour, what is known of an age."""

from __future__ import annotations

import pytest

from sipdiag.base.interval import Interval
from sipdiag.live.bar import Phase, age_text, bar, phase

KNOWN = Interval(29.7, 33.0)


@pytest.mark.parametrize(
    ("age_s", "lifetime", "expected"),
    [
        (0.0, KNOWN, Phase.ALIVE),
        (29.7, KNOWN, Phase.ALIVE),
        (29.8, KNOWN, Phase.OPEN),
        (32.9, KNOWN, Phase.OPEN),
        (33.0, KNOWN, Phase.DEAD),
        (20.0, Interval(20.0, None), Phase.ALIVE),
        (900.0, Interval(20.0, None), Phase.OPEN),
        (1.0, Interval(None, 33.0), Phase.OPEN),
        (33.0, Interval(None, 33.0), Phase.DEAD),
        (1.0, Interval(), None),
        (1.0, Interval(40.0, 30.0), None),
    ],
)
def test_the_phase_changes_at_the_bounds(
    age_s: float, lifetime: Interval, expected: Phase | None
) -> None:
    assert phase(age_s, lifetime) == expected


@pytest.mark.parametrize("width", [1, 2, 12, 30])
@pytest.mark.parametrize("age_s", [None, 0.0, 12.0, 31.0, 33.0, 1e9])
@pytest.mark.parametrize("lifetime", [KNOWN, Interval(30.0, None), Interval(None, 30.0)])
def test_it_is_as_wide_as_asked_and_always_has_its_mark(
    width: int, age_s: float | None, lifetime: Interval
) -> None:
    drawn = bar(age_s, lifetime, width)
    assert len(drawn) == width
    assert "|" in drawn


def test_it_grows_with_the_age_up_to_the_marks_and_beyond() -> None:
    filled = [bar(age, KNOWN, 24).count("=") for age in (0.0, 5.0, 15.0, 29.0)]
    assert filled == sorted(set(filled))
    assert "=" not in bar(31.0, KNOWN, 24) and "?" in bar(31.0, KNOWN, 24)
    dead = bar(200.0, KNOWN, 24)
    assert set(dead) == {"!", "|"} and dead.endswith("!")


@pytest.mark.parametrize("lifetime", [Interval(), Interval(40.0, 30.0)])
def test_nothing_to_hold_it_against_is_no_bar(lifetime: Interval) -> None:
    assert bar(12.0, lifetime, 12) == ""


def test_a_phone_that_has_just_come_is_not_drawn_as_half_dead() -> None:
    assert bar(7.0, Interval(0.04, None), 12) == ""
    assert bar(7.0, Interval(3.0, None), 12) == "|?.........."
    assert bar(7.0, Interval(0.04, 5.0), 12) == "|!!!!!!!|!!."


@pytest.mark.parametrize("age_s", [0, 99, 100, 5999, 6000, 359_999, 360_000, 1e12])
def test_ages_have_four_characters_at_most(age_s: float) -> None:
    assert len(age_text(age_s)) <= 4
