"""Scales and their marks: round numbers of seconds, minutes or hours."""

from __future__ import annotations

import math
from typing import NamedTuple

_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200)
_DAY_S = 86400


class Scale(NamedTuple):
    """Values [low, high] to pixels [start, end]; ``end`` may be the smaller one (upwards)."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        span = self.high - self.low
        share = (value - self.low) / span if span else 0.0
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)


def time_step_s(span_s: float, most: int) -> float:
    """Seconds between marks so that at most ``most`` of them are in ``span_s``.

    >>> time_step_s(277, 8), time_step_s(86400, 8), time_step_s(0.4, 8)
    (60, 14400, 0.05)
    """
    wanted = span_s / max(most, 1)
    if wanted <= 0.5:
        return _round_up(wanted)
    for step in _STEPS_S:
        if step >= wanted:
            return step
    return math.ceil(wanted / _DAY_S) * _DAY_S


def _round_up(value: float) -> float:
    if value <= 0:
        return 1.0
    power = float(10 ** math.floor(math.log10(value)))
    return next(n * power for n in (1, 2, 5, 10) if n * power >= value * 0.999999)


def time_word(value_s: float, span_s: float) -> str:
    """A time on an axis that is ``span_s`` long.

    >>> time_word(60, 277), time_word(600, 3000), time_word(5400, 86400), time_word(0.5, 2)
    ('60 s', '10 min', '1.5 h', '0.5 s')
    """
    if span_s <= 900:
        return f"{value_s:.6g} s"
    if span_s <= 4 * 3600:
        return f"{value_s / 60:.6g} min"
    return f"{value_s / 3600:.6g} h"


def marks(low: float, high: float, step: float) -> list[float]:
    """The multiples of ``step`` in [low, high]."""
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(n * step, 9) for n in range(first, last + 1)]


def value_mark(high: float) -> float:
    """The largest of 1, 2 or 5 times a power of ten that isn't above ``high``.

    >>> value_mark(66), value_mark(50), value_mark(0.3)
    (50.0, 50.0, 0.2)
    """
    if high <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(high) + 1e-9)
    return next(n * power for n in (5, 2, 1) if n * power <= high * 1.000001)


def value_step(high: float, most: int) -> float:
    """1, 2 or 5 times a power of ten, so that at most ``most`` marks are in [0, high]."""
    return _round_up(high / max(most, 1))
