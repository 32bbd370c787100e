"""Transactions and dialogs that may still go on, under a cap.

Contract: whether something is still open is a matter of its own times and of the packet that asks,
not of other packets in between.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Generic, TypeVar

from sipdiag.base.interval import NS
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.flows.transaction import Transaction

Key = tuple[object, ...]
K = TypeVar("K")
D = TypeVar("D")

SETTLED_NS = 70 * NS
"""Longer than any request is retransmitted: 64*T1 = 32 s (RFC 3261 section 17.1.1.2), 64 s for
INVITE in Asterisk 1.6 and older, 32 s for IAX2 (chan_iax2.c:__attempt_transmit)."""

_LATE_NS = 5 * NS
"""Packets may be captured out of order by less than this."""


class OpenTransactions:
    """Transactions that may still get an answer, oldest activity first."""

    def __init__(self, limits: Limits, hits: LimitHits) -> None:
        self._open: OrderedDict[Key, Transaction] = OrderedDict()
        self._limits, self._hits = limits, hits
        self._stalest_ns = 0
        """No open transaction was silent since before this."""

    def get(self, key: Key) -> Transaction | None:
        """The open transaction of ``key``; asking marks it as active."""
        found = self._open.get(key)
        if found is not None:
            self._open.move_to_end(key)
        return found

    def add(self, key: Key, transaction: Transaction) -> None:
        """Opens one, closing the stalest where the cap is reached."""
        if len(self._open) >= self._limits.open_transactions:
            self._open.popitem(last=False)
            self._hits.hit("open_transactions")
        self._open[key] = transaction

    def close_before(self, ts_ns: int) -> None:
        """Drops those whose newest packet is older than ``ts_ns``."""
        if ts_ns <= self._stalest_ns:
            return
        while self._open:
            key, transaction = next(iter(self._open.items()))
            self._stalest_ns = transaction.last_ns
            if self._stalest_ns >= ts_ns:
                break
            del self._open[key]


class OpenDialogs(Generic[K, D]):
    """Dialogs by what they are known by, oldest first. ``over_ns`` says since when one is over, or
    None; it is found for ``SETTLED_NS`` more."""

    def __init__(self, limits: Limits, hits: LimitHits, over_ns: Callable[[D], int | None]) -> None:
        self._open: OrderedDict[K, D] = OrderedDict()
        self._ended: deque[tuple[int, K, D]] = deque()
        self._limits, self._hits, self._over_ns = limits, hits, over_ns

    def get(self, key: K, now_ns: int) -> D | None:
        """The dialog of ``key``, unless it was over long before ``now_ns``."""
        dialog = self._open.get(key)
        if dialog is not None:
            over_ns = self._over_ns(dialog)
            if over_ns is None or over_ns >= now_ns - SETTLED_NS:
                return dialog
        return None

    def add(self, key: K, dialog: D) -> None:
        """Opens one, in the place of another one of the same ``key``; forgets the oldest where the
        cap is reached."""
        if len(self._open) >= self._limits.open_calls:
            self._open.popitem(last=False)
            self._hits.hit("open_calls")
        self._open[key] = dialog
        self._open.move_to_end(key)

    def end(self, key: K, dialog: D, ts_ns: int) -> None:
        """One is over, or will be if nothing else is heard of it."""
        ended = self._ended
        ended.append((ts_ns, key, dialog))
        while ended[0][0] < ts_ns - SETTLED_NS - _LATE_NS:
            _, key, dialog = ended.popleft()
            if self._open.get(key) is dialog and self._over_ns(dialog) is not None:
                del self._open[key]
