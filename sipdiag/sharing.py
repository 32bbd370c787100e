"""One source, or several that go on from each other, read by one process and followed by several.

Contract: ``track_shared`` gives the same ``Subjects`` as one process, to the last count and order,
or raises ``Indivisible``, and then one process must do it all. A child reads; it follows the
datagrams between some pairs of addresses itself, and hands those between others to the process
whose they are, this one or another child. What all find is put together by ``flows.parts``.

Which addresses belong together is guessed from the source's beginning. If it turns out that two
shares saw pieces of one call, they are dealt anew, knowing that, and the source is read again.
"""

from __future__ import annotations

import multiprocessing
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from multiprocessing.connection import Connection
from typing import NamedTuple

from sipdiag.base.datagram import Datagram, Source
from sipdiag.base.errors import SipdiagError
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.base.shares import Indivisible, StrictHits, limits_of_share
from sipdiag.feeds import Ended, Feed, Row, fed
from sipdiag.flows.clock import JUMP_NS
from sipdiag.flows.parts import entangled, groups, join
from sipdiag.flows.shared import (
    Digest,
    Groups,
    Pair,
    Part,
    SharedTracker,
    hash_of,
    sorted_pair,
)
from sipdiag.flows.subjects import Subjects
from sipdiag.flows.tracker import BATCH_COUNT, aside_of
from sipdiag.jobs import forks, spread
from sipdiag.protocols.media import MediaTable
from sipdiag.readers import Progress, open_source
from sipdiag.readers.native import NativeReader

Path = str | os.PathLike[str]
Owners = dict[Pair, int]
"""The share that has a pair of addresses."""

SAMPLE_COUNT = 8192
"""Messages that are looked at before shares are dealt: who talks most shows no sooner."""
WORTH_BYTES = 4 << 20
"""A smaller source is read before another process has begun."""
MOST_IN_ONE = 0.75
"""Where one share would have more of the work than this, the others are no help."""

_ATTEMPTS = 3

_READING = 0.26
_PASSING = 0.032
_ELSEWHERE = 0.99
"""Reading a message, counting any other packet, and following a message in a process that doesn't
read: beside following one in the process that does, as measured."""

_CALL_ID = re.compile(rb"\n(?:Call-ID|i)[ \t]*:[ \t]*([^\r\n]+)", re.IGNORECASE)


def divisible(sources: Sequence[object]) -> list[Path] | None:
    """The paths of the sources, if all are captures that can be opened several times, and large
    enough."""
    paths = [s for s in sources if isinstance(s, str | os.PathLike) and os.path.isfile(s)]
    if len(paths) < len(sources) or sum(map(os.path.getsize, paths)) < WORTH_BYTES:
        return None
    for path in paths:
        try:
            reader = open_source(path)
        except SipdiagError:
            return None
        reader.close()
        if not isinstance(reader, NativeReader):
            return None
    return paths


def track_shared(
    paths: Sequence[Path],
    *,
    jobs: int,
    local: frozenset[str],
    limits: Limits,
    hits: LimitHits,
    on_progress: Progress | None,
) -> Subjects:
    """The subjects of ``paths``, read as one source and followed by ``jobs`` processes. Raises as
    reading them does, and ``Indivisible``."""
    owners: Owners = {}
    for _ in range(_ATTEMPTS):
        read, others = _followed(paths, jobs, local, limits, owners, on_progress)
        parts = [read.part, *others]
        if not entangled(parts):
            hits.counts.update(read.hits.counts)
            return join(parts, read.source, read.media, local=local, limits=limits, hits=hits)
        owners = read.owners
        found = groups(parts)
        _deal(found, [_READING * sum(weight for weight, _ in found), *[0.0] * (jobs - 1)], owners)
    raise Indivisible("its calls go by several addresses")


def _followed(
    paths: Sequence[Path],
    jobs: int,
    local: frozenset[str],
    limits: Limits,
    owners: Owners,
    on_progress: Progress | None,
) -> tuple[_Read, list[Part]]:
    """What the process that reads found, and what the others did. This one is one of the others:
    most is found by those, and what is found here needn't be sent."""
    pipes = [multiprocessing.Pipe(duplex=False) for _ in range(jobs - 1)]
    inlets, outlets = [inlet for inlet, _ in pipes], [outlet for _, outlet in pipes]
    shared = forks()
    tracking = _Tracking(local, limits_of_share(limits, jobs), hash if shared else hash_of)
    # A copy of this process has every end, as this one has, and must close those that aren't its
    # own: an end is only noticed when nobody has it any more.
    ends = [*inlets, *outlets]
    reader = _Reader(
        tracking,
        _Reading(paths, limits),
        [Feed(outlet, limits) for outlet in outlets],
        owners,
        inlets if shared else [],
        on_progress is not None,
    )

    def foreign(own: Connection) -> list[Connection]:
        return [end for end in ends if end is not own]

    here = _Other(tracking, inlets[0], foreign(inlets[0]), on_progress)
    others = [_Other(tracking, own, foreign(own) if shared else []) for own in inlets[1:]]
    pieces: list[_Reader | _Other] = [here, reader, *others]
    try:
        found = spread(_work, pieces, jobs)
    finally:
        for end in ends:
            end.close()
    read = next(each for each in found if isinstance(each, _Read))
    parts = [each for each in found if isinstance(each, Part)]
    if len(parts) < len(inlets):
        raise Indivisible("it wasn't read to its end")
    return read, parts


@dataclass(slots=True)
class _Tracking:
    """How to track a share."""

    local: frozenset[str]
    limits: Limits
    digest: Digest

    def tracker(self) -> SharedTracker:
        return SharedTracker(
            local=self.local, limits=self.limits, hits=StrictHits(), digest=self.digest
        )


@dataclass(slots=True)
class _Other:
    """The work of a process that doesn't read: it follows what it is given."""

    tracking: _Tracking
    inlet: Connection
    foreign: Sequence[Connection]
    on_progress: Progress | None = None

    def part(self) -> Part | None:
        """None where it wasn't given all: what the process that reads says of that is told."""
        for end in self.foreign:
            end.close()
        tracker = self.tracking.tracker()
        try:
            with closing(fed(self.inlet, self.on_progress)) as batches:
                for rows in batches:
                    tracker.take_all(rows)
        except Ended:
            return None
        finally:
            self.inlet.close()
        return tracker.part()


@dataclass(slots=True)
class _Read:
    """What the process that reads found: its part, and the whole of what it alone sees."""

    part: Part
    source: Source
    media: MediaTable
    hits: LimitHits
    owners: Owners


@dataclass(slots=True)
class _Reader:
    """The work of the process that reads: it deals, and follows what it hasn't given away."""

    tracking: _Tracking
    reading: _Reading
    feeds: Sequence[Feed]
    owners: Owners
    foreign: Sequence[Connection]
    is_watched: bool

    def part(self) -> _Read:
        for end in self.foreign:
            end.close()
        whole = False
        reading = self.reading
        try:
            tracker = self.tracking.tracker()
            most_ways = self.tracking.limits.known_flows
            dealer = _Dealer(tracker, self.feeds, reading, self.owners, most_ways)
            rows = reading.rows(self.feeds[0].tell if self.is_watched else None)
            if not self.owners:
                sample = deque(islice(rows, SAMPLE_COUNT))
                dealer.look_at(sample)
                rows = chain(_emptied(sample), rows)
            dealer.deal(rows)
            whole = True
        finally:
            for feed in self.feeds:
                feed.close(whole=whole)
        return _Read(tracker.part(), reading.source, reading.media, reading.hits, self.owners)


def _work(work: _Reader | _Other) -> _Read | Part | None:
    return work.part()


def _emptied(rows: deque[Row]) -> Iterator[Row]:
    while rows:
        yield rows.popleft()


class _Reading:
    """The captures, read as one. ``source`` and ``media`` are whole when ``rows`` are."""

    source: Source
    media: MediaTable

    def __init__(self, paths: Sequence[Path], limits: Limits) -> None:
        self.hits = LimitHits()
        self._paths, self._limits = paths, limits
        self._all_bytes = sum(map(os.path.getsize, paths))
        self._bytes = self._packets = 0
        self._file: Source | None = None

    @property
    def packets(self) -> int:
        """Packets read so far."""
        return self._packets + (self._file.packets if self._file else 0)

    @property
    def fraction(self) -> float:
        """How much of all has been read."""
        return min(1.0, self._bytes / max(1, self._all_bytes))

    def rows(self, on_progress: Progress | None) -> Iterator[Row]:
        """Every datagram, as a tracker of shares takes it. Raises ``Indivisible`` where the clock
        may have been set back."""

        def step(done: int, total: int | None) -> None:
            self._bytes = before + done
            if on_progress is not None:
                on_progress(done, total)

        place = newest_ns = 0
        media = None
        for path in self._paths:
            before = self._bytes
            reader = open_source(
                path, limits=self._limits, hits=self.hits, on_progress=step, media=media
            )
            file = self._file = reader.source
            if media is None:
                self.source, self.media = file, reader.media
            media = reader.media
            for datagram in reader:
                place += 1
                ts_ns = datagram.ts_ns
                if ts_ns > newest_ns:
                    newest_ns = ts_ns
                elif ts_ns < newest_ns - JUMP_NS:
                    raise Indivisible("some packets are older than those before them")
                yield place, datagram, aside_of(datagram, file, media)
            if file is not self.source:
                self.source.extend(file)
            self._packets += file.packets
            self._file = None


class _Way(NamedTuple):
    """From one endpoint to another, in one file: who follows it (None = who reads it), and its
    number there."""

    feed: Feed | None
    number: int
    source: str


@dataclass(slots=True)
class _Dealer:
    """Gives each datagram to whose it is. A new pair of addresses goes to the share that has least
    to do."""

    tracker: SharedTracker
    feeds: Sequence[Feed]
    reading: _Reading
    owners: Owners
    most_ways: int
    followed: int = 0
    idle: float = 0.0
    """What the others could have done while the beginning was looked at."""

    def look_at(self, sample: Iterable[Row]) -> None:
        """Deals the pairs of the source's beginning. Raises ``Indivisible`` where it's no help."""
        found = Groups()
        for _, datagram, _ in sample:
            if datagram.src is None or datagram.dst is None:
                continue
            pair = sorted_pair(datagram.src.ip, datagram.dst.ip)
            found.weigh(pair)
            call_id = _CALL_ID.search(datagram.payload)
            if call_id is not None and not datagram.payload.startswith(b"REGISTER"):
                found.link(call_id[1], pair)
        dealt = found.all()
        reading = self.idle = self._reading(sum(weight for weight, _ in dealt))
        # All that comes is taken to be like the beginning, but the others were idle only there.
        idle = reading * self.reading.fraction
        _deal(dealt, [reading, *[idle] * len(self.feeds)], self.owners)

    def _reading(self, messages: int) -> float:
        """The work of reading so far, with so many messages."""
        return _READING * messages + _PASSING * (self.reading.packets - messages)

    def deal(self, rows: Iterable[Row]) -> None:
        """Deals all of them, or, where another process is gone, what came before that was noticed:
        then nothing comes of it anyway."""
        ways: dict[tuple[object, object], _Way] = {}
        own: list[Row] = []
        for place, datagram, aside in rows:
            key = datagram.src, datagram.dst
            way = ways.get(key)
            if way is None or way.source != datagram.origin.source:
                if len(ways) >= self.most_ways:
                    raise Indivisible("it has more addresses and ports than are remembered")
                way = ways[key] = self._way(datagram)
            feed = way.feed
            if feed is None:
                own.append((place, datagram, aside))
                if len(own) >= BATCH_COUNT:
                    self._follow(own)
                    own = []
            else:
                feed.put(way.number, place, datagram, aside)
                if feed.gone:
                    return
        self._follow(own)

    def _follow(self, rows: Sequence[Row]) -> None:
        self.tracker.take_all(rows)
        self.followed += len(rows)

    def _way(self, datagram: Datagram) -> _Way:
        src, dst = datagram.src, datagram.dst
        if src is None or dst is None:
            raise Indivisible("a packet names only one of its ends")
        pair = sorted_pair(src.ip, dst.ip)
        number = self.owners.get(pair)
        if number is None:
            taken = [feed.count for feed in self.feeds]
            reading = self._reading(self.followed + sum(taken))
            loads = [reading + self.followed]
            loads += [self.idle + _ELSEWHERE * count for count in taken]
            number = self.owners[pair] = min(range(len(loads)), key=loads.__getitem__)
        source = datagram.origin.source
        if number == 0:
            return _Way(None, 0, source)
        feed = self.feeds[number - 1]
        return _Way(feed, feed.way(src, dst, source), source)


def _deal(found: list[tuple[int, list[Pair]]], loads: list[float], owners: Owners) -> None:
    """Gives each group to the share that has least to do with it, the heaviest first; one that has
    one and the same owner already, stays with it. ``loads``: what each share has to do besides.
    Raises ``Indivisible`` where that is no help."""
    total = sum(loads) + sum(weight for weight, _ in found)

    def give(weight: int, pairs: list[Pair], numbers: Iterable[int]) -> None:
        taken = [weight, *[_ELSEWHERE * weight] * (len(loads) - 1)]
        least = min(numbers, key=lambda n: loads[n] + taken[n])
        loads[least] += taken[least]
        owners.update(dict.fromkeys(pairs, least))

    homeless = []
    for weight, pairs in sorted(found, key=lambda group: (-group[0], group[1])):
        before = {owners.get(pair) for pair in pairs}
        number = before.pop()
        if number is None or before:
            homeless.append((weight, pairs))
        else:
            give(weight, pairs, [number])
    for weight, pairs in homeless:
        give(weight, pairs, range(len(loads)))
    if max(loads) > MOST_IN_ONE * total:
        raise Indivisible("nearly all of it is between two addresses")
