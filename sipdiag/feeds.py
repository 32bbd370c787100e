"""A capture's datagrams on their way from the process that reads them to one that follows them.

Contract: what ``Feed.put`` took comes out of ``fed``, in order, as it was, if it names both its
ends and its frame, as datagrams of captures do; ``Feed.close`` ends it.
``put`` waits only where more than ``Limits.share_bytes`` wait to be taken; where the other process
is gone it drops what it is given, and ``gone`` says so. Rows go by marshal, which knows numbers and
bytes and takes a fifth of pickle's time; both processes run the same Python.
"""

from __future__ import annotations

import marshal
import struct
from collections.abc import Generator
from multiprocessing.connection import Connection
from typing import Any

from sipdiag.base.datagram import Datagram, Origin, Transport
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.limits import Limits
from sipdiag.base.pipe import Outlet, opened
from sipdiag.flows.tracker import BATCH_COUNT, Aside
from sipdiag.readers import Progress

Row = tuple[int, Datagram, Aside | None]
"""What ``SharedTracker.take`` takes."""

_COLUMNS = 5
_NEWS_BYTES = 4 << 20
"""A bar moves some ten times a second then."""
_LENGTH = struct.Struct("<Q")
_TRANSPORTS = {transport.value: transport for transport in Transport}

_Rest = tuple[Any, ...]


class Ended(Exception):
    """The process that reads ended before it had read everything."""


class Feed:
    """The reading process's end. ``connection`` can be written to, and is closed with it."""

    def __init__(self, connection: Connection, limits: Limits) -> None:
        self.count = 0
        """Datagrams taken."""
        self._outlet = Outlet(connection, limits.share_bytes)
        self._ways_count = 0
        self._new_ways: list[tuple[Any, ...]] = []
        self._columns: list[Any] = []
        self._rest: dict[int, _Rest] = {}
        self._progress: tuple[int, int | None] = (0, None)

    @property
    def gone(self) -> bool:
        """Whether the other process is."""
        return self._outlet.gone

    def way(self, src: Endpoint, dst: Endpoint, source: str) -> int:
        """A new number for what goes from one endpoint to another and comes from ``source``."""
        self._new_ways.append(((*src,), (*dst,), source))
        self._ways_count += 1
        return self._ways_count - 1

    def put(self, way: int, place: int, datagram: Datagram, aside: Aside | None) -> None:
        """Sends a row. ``way``: the number that its datagram's was given."""
        columns = self._columns
        columns += (way, place, datagram.ts_ns, datagram.origin.frame, datagram.payload)
        if aside is not None or datagram.cut or datagram.transport is not Transport.UDP:
            self._rest[place] = (
                datagram.transport.value,
                datagram.cut,
                datagram.before,
                aside and (*aside,),
            )
        self.count += 1
        if len(columns) >= BATCH_COUNT * _COLUMNS:
            self._flush()

    def tell(self, done: int, total: int | None) -> None:
        """Sends how far reading has come, if that is news."""
        if abs(done - self._progress[0]) >= _NEWS_BYTES:
            self._progress = done, total
            self._flush()

    def close(self, *, whole: bool) -> None:
        """Sends all that waits, if this is the ``whole``, and ends the feed."""
        if whole:
            self._flush()
            self._push(marshal.dumps(None))
            self._outlet.flush()
        self._outlet.close()

    def _flush(self) -> None:
        self._push(marshal.dumps((self._new_ways, self._columns, self._rest, self._progress)))
        self._new_ways, self._columns, self._rest = [], [], {}

    def _push(self, packed: bytes) -> None:
        self._outlet.write(_LENGTH.pack(len(packed)))
        self._outlet.write(packed)


def fed(
    connection: Connection, on_progress: Progress | None = None
) -> Generator[list[Row], None, None]:
    """What the other end's ``Feed`` was given, some rows at a time, up to its end; ``on_progress``
    is called with what it was told. Raises ``Ended`` where the end doesn't come."""
    ways: list[tuple[Endpoint, Endpoint, str]] = []
    with opened(connection) as file:
        while (batch := _batch(file)) is not None:
            new_ways, columns, rest, progress = batch
            if on_progress is not None and progress[0]:
                on_progress(*progress)
            ways += [(Endpoint(*src), Endpoint(*dst), source) for src, dst, source in new_ways]
            each = iter(columns)
            rows: list[Row] = []
            for number, place, ts_ns, frame, payload in zip(*[each] * _COLUMNS, strict=True):
                src, dst, source = ways[number]
                origin = Origin(source, frame)
                datagram = Datagram(ts_ns, src, dst, Transport.UDP, payload, origin)
                aside = None
                if place in rest:
                    transport, datagram.cut, datagram.before, told = rest[place]
                    datagram.transport = _TRANSPORTS[transport]
                    aside = told and Aside(*told)
                rows.append((place, datagram, aside))
            yield rows


def _batch(file: Any) -> Any:
    head = file.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise Ended
    (size,) = _LENGTH.unpack(head)
    packed = file.read(size)
    if len(packed) < size:
        raise Ended
    return marshal.loads(packed)
