"""Work that may be slow, in a thread of its own: a bounded queue that never makes a sink wait.

Contract: ``put`` returns at once. What finds no room is dropped and counted. Items are handled one
after the other, in order. An exception of ``handle`` ends the thread; ``put`` and ``close`` raise
it in the caller's.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Outbox(Generic[T]):
    """See the module. ``room``: how much may wait; ``weigh``: how much an item is of it."""

    def __init__(
        self,
        handle: Callable[[T], None],
        *,
        name: str,
        room: int,
        weigh: Callable[[T], int] = lambda _: 1,
    ) -> None:
        self.dropped_count = 0
        """Items that found no room."""
        self.giving_up = threading.Event()
        """Set when nobody waits for the rest any more; a long ``handle`` looks at it."""
        self._handle, self._weigh = handle, weigh
        self._room = room
        self._waiting: deque[T] = deque()
        self._changed = threading.Condition()
        self._closing = self._handling = False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def put(self, item: T, *, must: bool = False) -> bool:
        """Hands an item over; False where there was no room. ``must``: room is made beyond it."""
        with self._changed:
            if self._failure is not None:
                raise self._failure
            weight = self._weigh(item)
            if weight > self._room and not must:
                self.dropped_count += 1
                return False
            self._room -= weight
            self._waiting.append(item)
            self._changed.notify()
        return True

    def close(self, patience_s: float | None) -> int:
        """Ends the thread when all is handled, or after ``patience_s`` (None: never) without what
        is left then; how many items that is."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(patience_s)
        with self._changed:
            left = len(self._waiting) + self._handling
            self._waiting.clear()
            if left:
                self.giving_up.set()
        if self._failure is not None:
            raise self._failure
        return left

    def _run(self) -> None:
        while (item := self._next()) is not None:
            try:
                self._handle(item[0])
            except Exception as error:
                with self._changed:
                    self._failure = error
                    self._waiting.clear()
                    self._handling = False
                return

    def _next(self) -> tuple[T] | None:
        with self._changed:
            self._handling = False
            self._changed.wait_for(lambda: self._waiting or self._closing)
            if not self._waiting:
                return None
            item = self._waiting.popleft()
            self._room += self._weigh(item)
            self._handling = True
            return (item,)
