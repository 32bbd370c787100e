"""How often something must cross a NAT whose lifetime is known only as an interval."""

from __future__ import annotations

from typing import NamedTuple

from sipdiag.base.interval import Interval

UNKNOWN_S = 25
"""Where too little was observed: RFC 5626 section 4.4.2 has UDP clients refresh every 24 to 29 s,
chosen to stay below the 30 s that many NATs forget after."""

_LEAST_S = 15
"""A shorter interval is traffic that only an observed lifetime would justify."""


class RefreshInterval(NamedTuple):
    """``seconds`` between refreshes. ``assumed``: not backed by an observation of what survives,
    but by what is usual."""

    seconds: int
    assumed: bool


def refresh_interval(lifetime: Interval) -> RefreshInterval:
    """Below the lifetime's lower bound by at least 5 s or 15 %, whichever is more.

    The bound is rounded to whole seconds first: seen from the server it is short by the time that
    a packet takes to and from the NAT.

    >>> refresh_interval(Interval(29.7, 33.0))
    RefreshInterval(seconds=25, assumed=False)
    >>> refresh_interval(Interval(0.02, 45.0))
    RefreshInterval(seconds=22, assumed=True)
    """
    lower, upper = lifetime
    if lower is not None:
        whole = round(lower)
        value = int(whole - max(5.0, 0.15 * whole))
        if value >= _LEAST_S:
            return RefreshInterval(value, False)
    if upper is not None:
        return RefreshInterval(max(1, min(UNKNOWN_S, int(upper / 2))), True)
    return RefreshInterval(UNKNOWN_S, True)
