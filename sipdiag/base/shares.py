"""Caps where several processes track a source together, each a share of it.

A cap on what all clients have together drops the oldest thing when it is reached; which that is,
no share can know. So each has its part of the cap, and none may reach it.

>>> limits_of_share(Limits(), 2).open_calls
32768
"""

from __future__ import annotations

from dataclasses import replace

from sipdiag.base.limits import LimitHits, Limits

SHARED_CAPS = ("open_transactions", "open_calls", "peers")


class Indivisible(Exception):
    """Shares can't be relied on to come to the same result as one process; ``str`` says why."""


class StrictHits(LimitHits):
    """Raises ``Indivisible`` where one of ``SHARED_CAPS`` is hit."""

    def hit(self, name: str) -> None:
        """As of any; see the class."""
        if name in SHARED_CAPS:
            raise Indivisible(f"{name} is near its cap")
        super().hit(name)


def limits_of_share(limits: Limits, of: int) -> Limits:
    """The caps of one of ``of`` shares."""
    return replace(limits, **{name: getattr(limits, name) // of for name in SHARED_CAPS})
