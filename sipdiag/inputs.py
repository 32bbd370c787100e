"""Inputs to ``Subjects``, by one process or several: reader, then tracker.

Errors are those of ``sipdiag.base.errors``.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import BinaryIO, NamedTuple

from sipdiag.anonymise import Anonymiser
from sipdiag.asterisk.conf_files import ConfDir
from sipdiag.asterisk.identify import AsteriskVersion
from sipdiag.base.datagram import Datagram, Vantage
from sipdiag.base.limits import DEFAULT_LIMITS, LimitHits, Limits
from sipdiag.base.logevent import LogEvent
from sipdiag.base.shares import Indivisible
from sipdiag.flows.sightings import Sightings
from sipdiag.flows.subjects import Subjects
from sipdiag.flows.tracker import BATCH_COUNT, Aside, Tracker, aside_of
from sipdiag.flows.vantage import vantage_of
from sipdiag.jobs import spread
from sipdiag.protocols.media import MediaTable
from sipdiag.readers import Reader, open_source
from sipdiag.readers.asterisk_log import AsteriskLogReader
from sipdiag.sharing import divisible, track_shared

Input = str | os.PathLike[str] | BinaryIO


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may say. ``local``: the PBX's addresses, where they can't be told.
    ``asterisk``: the version to write settings for, where the packets don't say it."""

    local: frozenset[str] = frozenset()
    asterisk: AsteriskVersion | None = None
    reader: str = "native"
    keylog: str | os.PathLike[str] | None = None
    decode_as: Sequence[str] = ()
    limits: Limits = DEFAULT_LIMITS
    on_progress: Callable[[int, int | None], None] | None = None
    tz: str | None = None
    """The zone of a log's times, where it doesn't say it: ``Europe/Berlin``, ``+02:00``."""
    config: ConfDir | None = None
    """The PBX's configuration, where the user gave it."""
    vantages: Sequence[Vantage] = ()
    """Where each input was taken, in order; what isn't named is worked out."""
    anonymise: Anonymiser | None = None
    """Who gives out the stand-ins, where the report is to name nobody."""
    jobs: int = 1
    """How many processes may read; what can't be shared is read by one."""

    @property
    def local_shown(self) -> frozenset[str]:
        """``local``, as the datagrams have these addresses."""
        if self.anonymise is None:
            return self.local
        return frozenset(self.anonymise.standins.ip(address) for address in self.local)


DEFAULTS = Options()


def open_input(source: Input, options: Options = DEFAULTS) -> Reader:
    """A reader of one input, whose messages ``datagrams`` gives. Raises as ``analyse`` does."""
    return open_reader(source, replace(options, on_progress=None), LimitHits())


def datagrams(reader: Reader, options: Options) -> Iterator[Datagram]:
    """What a reader of ``open_input`` gives, as it is to be judged and shown."""
    anonymiser = options.anonymise
    if anonymiser is None:
        yield from reader
        return
    yield from map(anonymiser.datagram, reader)
    reader.source.notes[:] = anonymiser.notes(reader.source.notes)


def open_reader(
    source: Input, options: Options, hits: LimitHits, media: MediaTable | None = None
) -> Reader:
    name = None
    if options.anonymise is not None:
        name = options.anonymise.label(source)
        options.anonymise.standins.hits = hits
        media = options.anonymise.media(options.limits, hits) if media is None else media
    return open_source(
        source,
        name=name,
        reader=options.reader,
        limits=options.limits,
        hits=hits,
        on_progress=options.on_progress,
        keylog=options.keylog,
        decode_as=options.decode_as,
        tz=options.tz,
        media=media,
    )


def _events(reader: AsteriskLogReader, options: Options) -> Iterable[LogEvent]:
    return (
        reader.events if options.anonymise is None else map(options.anonymise.event, reader.events)
    )


@dataclass(slots=True)
class Held:
    """The messages of a source that can't be read a second time, up to a cap."""

    limits: Limits
    hits: LimitHits
    datagrams: list[Datagram] = field(default_factory=list)
    _bytes: int = 0

    def add(self, datagram: Datagram) -> None:
        if self._bytes >= self.limits.held_bytes:
            self.hits.hit("held_bytes")
            return
        self._bytes += len(datagram.payload)
        self.datagrams.append(datagram)


def can_be_reopened(source: Input) -> bool:
    return isinstance(source, str | os.PathLike) and os.path.isfile(source)


def read(source: Input, options: Options = DEFAULTS, *, keep_packets: int = 0) -> Subjects:
    """The subjects of one input. ``keep_packets``: how many signalling packets to keep for a
    ladder. Raises as ``analyse`` does."""
    return _track([source], options, LimitHits(), keep_packets=keep_packets)


class Row(NamedTuple):
    """Inputs that go on from each other, and how to take them; see ``_track``."""

    sources: Sequence[Input]
    vantage: Vantage | None = None
    held: Held | None = None


def track_all(
    rows: Sequence[Row],
    options: Options,
    hits: LimitHits,
    sightings: list[Sightings] | None = None,
) -> list[Subjects]:
    """Each of ``rows``, by several processes where there are: one a row, or all of them on one
    row after the other."""
    sizes = None if options.jobs < 2 or options.anonymise is not None else _sizes(rows)
    if sizes is None or len(rows) < 2 or (sightings is None and _uneven(sizes, options.jobs)):
        return [
            _track(
                row.sources, options, hits, sightings=sightings, vantage=row.vantage, held=row.held
            )
            for row in rows
        ]
    alone = replace(options, jobs=1)
    quiet = replace(alone, on_progress=None)
    pieces = [(row, quiet if n else alone, sightings is not None) for n, row in enumerate(rows)]
    everything = []
    for subjects, seen, counts in spread(_track_alone, pieces, options.jobs, weights=sizes):
        everything.append(subjects)
        hits.counts.update(counts)
        if sightings is not None:
            sightings += seen
    return everything


def _track_alone(
    piece: tuple[Row, Options, bool],
) -> tuple[Subjects, list[Sightings], Counter[str]]:
    """One of several rows, in a process that may be another."""
    row, options, crossing = piece
    hits = LimitHits()
    sightings: list[Sightings] = []
    subjects = _track(
        row.sources,
        options,
        hits,
        sightings=sightings if crossing else None,
        vantage=row.vantage,
    )
    return subjects, sightings, hits.counts


def _uneven(sizes: Sequence[int], jobs: int) -> bool:
    """Whether some processes would wait for others for much of the time, a row each."""
    return jobs * max(sizes) > 1.2 * sum(sizes)


def _sizes(rows: Sequence[Row]) -> list[int] | None:
    """Bytes of each row; None where one isn't of files."""
    sizes = []
    for row in rows:
        paths = [source for source in row.sources if isinstance(source, str | os.PathLike)]
        if len(paths) < len(row.sources) or not all(map(os.path.isfile, paths)):
            return None
        sizes.append(sum(map(os.path.getsize, paths)))
    return sizes


def _track_shared(sources: Sequence[Input], options: Options, hits: LimitHits) -> Subjects | None:
    """As ``_track``, by several processes; None where that can't be done."""
    if options.jobs < 2 or options.anonymise is not None or options.reader != "native":
        return None
    paths = divisible(sources)
    if paths is None:
        return None
    try:
        return track_shared(
            paths,
            jobs=options.jobs,
            local=options.local,
            limits=options.limits,
            hits=hits,
            on_progress=options.on_progress,
        )
    except Indivisible:
        return None


def _track(
    sources: Sequence[Input],
    options: Options,
    hits: LimitHits,
    *,
    keep_packets: int = 0,
    sightings: list[Sightings] | None = None,
    vantage: Vantage | None = None,
    held: Held | None = None,
) -> Subjects:
    """Reads an input, or several that go on from each other, to the end. ``sightings``: where to
    put what was seen, for crossing it with others. ``held``: where to keep what can't be read a
    second time."""
    if keep_packets == 0 and sightings is None and held is None:
        shared = _track_shared(sources, options, hits)
        if shared is not None:
            return _placed(shared, vantage)
    reader = open_reader(sources[0], options, hits)
    whole = reader.source
    tracker = Tracker(
        whole,
        reader.media,
        local=options.local_shown,
        limits=options.limits,
        hits=hits,
        keep_packets=keep_packets,
    )
    seen = Sightings(whole, options.limits, hits)
    events: list[LogEvent] = []
    for number, source in enumerate(sources):
        if number:
            reader = open_reader(source, options, hits, reader.media)
        given = _with_asides(datagrams(reader, options), reader)
        while batch := list(islice(given, BATCH_COUNT)):
            for datagram, aside in batch:
                tracker.take(datagram, aside)
                if sightings is not None:
                    seen.add(datagram)
                if held is not None:
                    held.add(datagram)
        if isinstance(reader, AsteriskLogReader):
            events += _events(reader, options)
            whole.times_known = whole.times_known and reader.times_known
        if number:
            whole.extend(reader.source)
    if sightings is not None:
        sightings.append(seen)
    subjects = tracker.subjects()
    subjects.events = events
    return _placed(subjects, vantage)


def _with_asides(
    given: Iterable[Datagram], reader: Reader
) -> Iterator[tuple[Datagram, Aside | None]]:
    source, media = reader.source, reader.media
    return ((datagram, aside_of(datagram, source, media)) for datagram in given)


def _placed(subjects: Subjects, vantage: Vantage | None) -> Subjects:
    source = subjects.source
    if vantage is not None:
        source.vantage = vantage
    elif source.vantage is Vantage.UNKNOWN:
        source.vantage = vantage_of(subjects)
    return subjects
