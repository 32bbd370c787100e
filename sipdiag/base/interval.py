"""An interval between observations, and the seconds in it."""

from __future__ import annotations

from typing import NamedTuple

NS = 1_000_000_000


def seconds(ns: int) -> float:
    """Nanoseconds as seconds."""
    return ns / NS


class Interval(NamedTuple):
    """A quantity known only from both sides: ``lower_s`` is the largest value that was seen to
    hold, ``upper_s`` the smallest that was seen not to. None = no observation on that side."""

    lower_s: float | None = None
    upper_s: float | None = None

    @property
    def consistent(self) -> bool:
        """False where something held at a value above one at which it failed."""
        return self.lower_s is None or self.upper_s is None or self.lower_s < self.upper_s

    def __contains__(self, value_s: object) -> bool:
        if not isinstance(value_s, int | float):
            return False
        above = self.lower_s is None or value_s >= self.lower_s
        return above and (self.upper_s is None or value_s <= self.upper_s)
