"""The age of a client's last packet against the lifetime of its NAT binding, in one line of ASCII.

The filling says what is known of such an age: ``=`` it was seen to work, ``?`` it was seen neither
to work nor to fail, ``!`` it was seen to fail. ``|`` marks the largest age that worked and the
smallest that failed.

>>> bar(12.0, Interval(29.7, 33.0), 12)
'===....||...'
>>> bar(31.0, Interval(29.7, 33.0), 12)
'???????||...'
>>> bar(90.0, Interval(29.7, 33.0), 12)
'!!!!!!!||!!!'
>>> bar(12.0, Interval(), 12)
''
"""

from __future__ import annotations

import enum

from sipdiag.base.interval import Interval

_BEYOND = 1.5
"""The bar ends at so many times the largest bound, so that what lies beyond it is seen as well."""
_LEAST_FULL_S = 45.0
"""And not before this where nothing failed yet: no NAT in use forgets within the first seconds."""
_LEAST_TOLD_S = 1.0


class Phase(enum.StrEnum):
    """What is known of a binding of this age; the character that a bar is filled with."""

    ALIVE = "="
    OPEN = "?"
    DEAD = "!"


def told(lifetime: Interval) -> bool:
    """Whether anything worth telling was observed: a phone's first answer shows no more than that
    its binding lives for as long as an answer takes."""
    return lifetime.upper_s is not None or (lifetime.lower_s or 0.0) >= _LEAST_TOLD_S


def phase(age_s: float, lifetime: Interval) -> Phase | None:
    """What is known of the age; None where nothing is known, or observations contradict."""
    lower_s, upper_s = lifetime
    if not told(lifetime) or not lifetime.consistent:
        return None
    if upper_s is not None and age_s >= upper_s:
        return Phase.DEAD
    return Phase.ALIVE if lower_s is not None and age_s <= lower_s else Phase.OPEN


def bar(age_s: float | None, lifetime: Interval, width: int) -> str:
    """A line of ``width`` characters; empty where there is nothing to hold the age against."""
    known = phase(age_s or 0.0, lifetime)
    full_s = _BEYOND * max(lifetime.lower_s or 0.0, lifetime.upper_s or 0.0)
    if lifetime.upper_s is None:
        full_s = max(full_s, _LEAST_FULL_S)
    if known is None:
        return ""
    filled = 0 if age_s is None else min(width, round(age_s / full_s * width))
    cells = [known.value] * filled + ["."] * (width - filled)
    for bound_s in lifetime:
        if bound_s is not None:
            cells[min(width - 1, int(bound_s / full_s * width))] = "|"
    return "".join(cells)


def age_text(age_s: float | None) -> str:
    """An age in at most four characters; ``-`` where it isn't known.

    >>> [age_text(s) for s in (0.4, 61, 3599, 7200, 400000, -1, None)]
    ['0s', '61s', '59m', '2h', '4d', '0s', '-']
    """
    if age_s is None:
        return "-"
    whole_s = max(0, int(age_s))
    for unit_s, most, unit in ((1, 100, "s"), (60, 100, "m"), (3600, 100, "h")):
        if whole_s // unit_s < most:
            return f"{whole_s // unit_s}{unit}"
    return f"{min(whole_s // 86400, 999)}d"
