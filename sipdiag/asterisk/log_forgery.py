"""Lines that a sender wrote into a message to be taken for the log's own, as far as that shows.

Contract: pure; nothing raises on content. ``Forgeries`` is told of each dump of a log and counts
what is odd; ``notes`` says it in sentences. Where a message's bytes are counted, what stands within
them is the sender's (``log_counted``); elsewhere it can't be decided, and only the signs are told.
"""

from __future__ import annotations

from collections.abc import Iterator

from sipdiag.asterisk.log_counted import message_end
from sipdiag.asterisk.log_dump import Close, Opening, may_open
from sipdiag.asterisk.log_prefix import BRACKETED
from sipdiag.base.datagram import Direction, Transport

_THREADS = 64
"""Remembered as having read from UDP: one for each start of Asterisk in a log."""


class Forgeries:
    """What is odd in the dumps of one log."""

    def __init__(self) -> None:
        self._looking = self._short = self._interleaved = 0
        self._threads: dict[Close, list[bytes]] = {}

    def least_end(self, opening: Opening, body: bytes, begin: int) -> int:
        """From where on in ``body`` something else than the message that begins at ``begin`` can
        stand: behind the bytes that its line counts."""
        if opening.size_bytes is None:
            return begin
        end = message_end(body, begin, opening.size_bytes)
        if end is None:
            self._short += 1
            return begin
        inside = body[begin:end]
        self._looking += may_open(inside) or BRACKETED.search(inside) is not None
        return end

    def heard(self, opening: Opening, tid: bytes | None) -> None:
        """A thread dumped a message. chan_sip and chan_pjsip have one each that reads from UDP;
        another follows it only where Asterisk was restarted."""
        received = opening.direction is Direction.RECEIVED
        if tid is None or not received or opening.transport is not Transport.UDP:
            return
        threads = self._threads.setdefault(opening.close, [])
        if tid in threads:
            if threads[-1] != tid:
                self._interleaved += 1
                threads.remove(tid)
                threads.append(tid)
        elif len(threads) < _THREADS:
            threads.append(tid)

    def notes(self) -> Iterator[str]:
        """What there is to say, a sentence each."""
        if self._looking:
            yield (
                "messages with lines inside that look like the log's own "
                f"({self._looking}): taken as the sender's, as the message's byte count says"
            )
        if self._short:
            yield (
                f"messages with fewer bytes in the log than their line says ({self._short}): cut "
                "off by the logger, or a sender made lines that look like the log's own; what "
                "comes right behind them can't be relied on"
            )
        if self._interleaved:
            yield (
                "messages received over UDP were logged by several threads in turn, where Asterisk "
                "has one: two Asterisks write to this log, or a sender made lines that look like "
                "the log's own"
            )
