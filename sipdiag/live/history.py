"""The last minutes of one client: what is judged, and what is frozen when a finding appears.

Contract: bounded by count, bytes and age (``Limits.live_history_*``); what is dropped is the
oldest. ``packets`` gives what is held in the order of time.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from sipdiag.base.datagram import Datagram
from sipdiag.base.interval import NS
from sipdiag.base.limits import Limits


class Kept(NamedTuple):
    """One packet: a frame as it was captured, or a message out of a log. ``number``: its place in
    all that was watched, from 1, or the line of the log."""

    ts_ns: int
    number: int
    interface: int
    data: bytes | Datagram
    wire: int

    @property
    def size(self) -> int:
        """Bytes held."""
        return len(self.data if isinstance(self.data, bytes) else self.data.payload)


class History:
    """See the module. ``size``: bytes held altogether."""

    __slots__ = ("_limits", "_media", "_packets", "size")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._packets: deque[Kept] = deque()
        self._media: deque[Kept] = deque()
        self.size = 0

    def __len__(self) -> int:
        return len(self._packets) + len(self._media)

    def add(self, kept: Kept) -> None:
        """Takes a packet of signalling, and drops what is too much."""
        limits, packets = self._limits, self._packets
        packets.append(kept)
        self.size += kept.size
        oldest_ns = kept.ts_ns - limits.live_history_s * NS
        while len(packets) > 1 and (
            len(packets) > limits.live_history_count
            or self.size > limits.live_history_bytes
            or packets[0].ts_ns < oldest_ns
        ):
            self.size -= packets.popleft().size

    def add_media(self, kept: Kept) -> None:
        """Takes a packet of media; they don't push out signalling."""
        self._media.append(kept)
        self.size += kept.size
        if len(self._media) > self._limits.live_media_count:
            self.size -= self._media.popleft().size

    def drop_oldest(self) -> int:
        """Drops the oldest packet, media first; gives its bytes."""
        dropped = (self._media or self._packets).popleft().size
        self.size -= dropped
        return dropped

    def extend(self, other: History) -> None:
        """Takes over what another history holds."""
        both = sorted((*self._packets, *other._packets), key=_when)
        media = sorted((*self._media, *other._media), key=_when)
        self.clear()
        other.clear()
        for kept in both:
            self.add(kept)
        for kept in media:
            self.add_media(kept)

    def clear(self) -> None:
        """Forgets everything."""
        self._packets.clear()
        self._media.clear()
        self.size = 0

    def packets(self) -> list[Kept]:
        """What is held, in the order of time."""
        return sorted((*self._packets, *self._media), key=_when)


def _when(kept: Kept) -> tuple[int, int]:
    return kept.ts_ns, kept.number
