"""Inputs to ``Subjects``: reader, then tracker; several inputs by a process each, if wanted.

Errors are those of ``sipdiag.base.errors``.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import BinaryIO, NamedTuple, TypeGuard

from sipdiag.anonymise import Anonymiser
from sipdiag.asterisk.conf_files import ConfDir
from sipdiag.asterisk.identify import AsteriskVersion
from sipdiag.base.datagram import Datagram, Vantage
from sipdiag.base.errors import InputError
from sipdiag.base.limits import DEFAULT_LIMITS, LimitHits, Limits
from sipdiag.base.logevent import LogEvent
from sipdiag.flows.sightings import Sightings
from sipdiag.flows.subjects import Subjects
from sipdiag.flows.tracker import BATCH_COUNT, Aside, Tracker, aside_of
from sipdiag.flows.vantage import vantage_of
from sipdiag.protocols.media import MediaTable
from sipdiag.readers import Reader, open_source
from sipdiag.readers.asterisk_log import AsteriskLogReader

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
    """How many processes may read, each a file or a ring of them."""

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


def can_be_reopened(source: Input) -> TypeGuard[str | os.PathLike[str]]:
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
    """Each of ``rows``, in a process of its own where several may read and all are of files."""
    paths = [source for row in rows for source in row.sources]
    several = options.jobs > 1 and len(rows) > 1 and all(can_be_reopened(path) for path in paths)
    # Stand-ins are given out in the order of appearance.
    if several and options.anonymise is None:
        return _track_beside(rows, options, hits, sightings)
    return [
        _track(row.sources, options, hits, sightings=sightings, vantage=row.vantage, held=row.held)
        for row in rows
    ]


def _track_beside(
    rows: Sequence[Row], options: Options, hits: LimitHits, sightings: list[Sightings] | None
) -> list[Subjects]:
    """As ``track_all``, by several processes; a bar moves with each that is done."""
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor

    work = partial(_track_alone, replace(options, on_progress=None), sightings is not None)
    sizes = [sum(os.path.getsize(s) for s in row.sources if can_be_reopened(s)) for row in rows]
    everything: list[Subjects] = []
    pool = ProcessPoolExecutor(min(options.jobs, len(rows)), initializer=_end_with_parent)
    try:
        for subjects, seen, counts in pool.map(work, rows):
            everything.append(subjects)
            hits.counts.update(counts)
            if sightings is not None:
                sightings += seen
            if options.on_progress is not None:
                options.on_progress(sum(sizes[: len(everything)]), sum(sizes))
    except BrokenProcessPool:
        raise InputError(
            "a process that read a part of the input was ended from outside, as happens where "
            "memory is short; --jobs 1 needs less"
        ) from None
    finally:
        # A failure, or Ctrl-C, waits for nobody.
        pool.shutdown(wait=len(everything) == len(rows), cancel_futures=True)
    return everything


def _end_with_parent() -> None:
    """Lets a process end at once and without a word by Ctrl-C, and where its parent is gone."""
    from multiprocessing import parent_process

    def watch() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=watch, daemon=True).start()


def _track_alone(
    options: Options, crossing: bool, row: Row
) -> tuple[Subjects, list[Sightings], Counter[str]]:
    """One of several rows, and what there is to cross it with others, in a process of its own."""
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
    if vantage is not None:
        whole.vantage = vantage
    elif whole.vantage is Vantage.UNKNOWN:
        whole.vantage = vantage_of(subjects)
    return subjects


def _with_asides(
    given: Iterable[Datagram], reader: Reader
) -> Iterator[tuple[Datagram, Aside | None]]:
    source, media = reader.source, reader.media
    return ((datagram, aside_of(datagram, source, media)) for datagram in given)
