"""Whether the clock that stamped the packets went backwards.

A step forwards can't be told from silence here; where an exchange shows it, SD004 says so.
"""

from __future__ import annotations

from typing import NamedTuple

from sipdiag.base.datagram import Origin
from sipdiag.base.interval import NS

JUMP_NS = NS
"""Packets of one host that are captured out of order (several queues, a merged file) differ by
milliseconds; a step of NTP is made from 128 ms on, and one under a second hides no lifetime."""

_HELD = 64


class ClockJump(NamedTuple):
    """Times of the newest packet before the step and of the first one after it, UTC."""

    before_ns: int
    after_ns: int
    origin: Origin
    """The first packet after the step."""


class ClockWatch:
    """Takes the times of the packets as they stand in the source. One packet that is late is out
    of order; two in a row, that the clock was set back. What was put together from a TCP stream
    isn't for it: a message whose end never comes is given when the stream is over."""

    def __init__(self) -> None:
        self.jumps: list[ClockJump] = []
        self._newest: int | None = None
        self._late: tuple[int, Origin] | None = None

    def jumped(self, ts_ns: int, origin: Origin) -> bool:
        """Takes the next packet; True where it is now clear that the clock was set back."""
        newest = self._newest
        if newest is None or ts_ns >= newest - JUMP_NS:
            self._newest = ts_ns if newest is None else max(ts_ns, newest)
            self._late = None
            return False
        if self._late is None:
            self._late = (ts_ns, origin)
            return False
        late_ns, first = self._late
        if len(self.jumps) < _HELD:
            self.jumps.append(ClockJump(newest, late_ns, first))
        self._newest, self._late = max(ts_ns, late_ns), None
        return True
