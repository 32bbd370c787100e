"""Transactions that may still get an answer, under a cap."""

from __future__ import annotations

from collections import OrderedDict

from sipdiag.base.limits import LimitHits, Limits
from sipdiag.flows.transaction import Transaction

Key = tuple[object, ...]


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
