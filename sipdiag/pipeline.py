"""Reader -> protocols -> tracker -> findings -> advice -> ``Report``.

The one place that knows all the rooms. Errors are those of ``sipdiag.base.errors``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import zip_longest
from typing import BinaryIO, NamedTuple

from sipdiag.advice import Recommendation, Target
from sipdiag.advice.conf_advice import ConfAdvice, choose
from sipdiag.advice.conf_advice import advise as conf_advise
from sipdiag.asterisk.conf_files import ConfDir
from sipdiag.asterisk.conf_setup import Setup, read_setup
from sipdiag.asterisk.identify import AsteriskVersion, parse_version, version_of
from sipdiag.base.datagram import Source, Vantage
from sipdiag.base.errors import UsageError
from sipdiag.base.interval import NS
from sipdiag.base.limits import DEFAULT_LIMITS, LimitHits, Limits
from sipdiag.base.logevent import LogEvent
from sipdiag.findings import judge, merge
from sipdiag.findings.context import Context
from sipdiag.flows.sightings import Sightings
from sipdiag.flows.subjects import Subjects
from sipdiag.flows.tracker import Tracker
from sipdiag.flows.vantage import crossings_of, rotated, vantage_of
from sipdiag.protocols.media import MediaTable
from sipdiag.readers import Reader, open_source
from sipdiag.readers.asterisk_log import AsteriskLogReader
from sipdiag.report.build import build
from sipdiag.report.comparison import compare_contexts
from sipdiag.report.model import Report

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


DEFAULTS = Options()


def read(source: Input, options: Options = DEFAULTS, *, keep_packets: int = 0) -> Subjects:
    """The subjects of one input. ``keep_packets``: how many signalling packets to keep for a
    ladder. Raises as ``analyse`` does."""
    return _track([source], options, LimitHits(), keep_packets=keep_packets)


def _track(
    sources: Sequence[Input],
    options: Options,
    hits: LimitHits,
    *,
    keep_packets: int = 0,
    sightings: list[Sightings] | None = None,
    vantage: Vantage | None = None,
) -> Subjects:
    """Reads an input, or several that go on from each other, to the end. ``sightings``: where to
    put what was seen, for crossing it with others."""
    reader = _open(sources[0], options, hits)
    whole = reader.source
    tracker = Tracker(
        whole,
        reader.media,
        local=options.local,
        limits=options.limits,
        hits=hits,
        keep_packets=keep_packets,
    )
    seen = Sightings(whole, options.limits, hits)
    events: list[LogEvent] = []
    for number, source in enumerate(sources):
        if number:
            reader = _open(source, options, hits, reader.media)
        for datagram in reader:
            tracker.feed(datagram)
            if sightings is not None:
                seen.add(datagram)
        if isinstance(reader, AsteriskLogReader):
            events += reader.events
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


def _open(
    source: Input, options: Options, hits: LimitHits, media: MediaTable | None = None
) -> Reader:
    return open_source(
        source,
        reader=options.reader,
        limits=options.limits,
        hits=hits,
        on_progress=options.on_progress,
        keylog=options.keylog,
        decode_as=options.decode_as,
        tz=options.tz,
        media=media,
    )


def _target(subjects: Subjects, options: Options) -> Target:
    version = options.asterisk or version_of(subjects.pbx_software)
    return Target(version, subjects.pbx_driver)


def analyse(*sources: Input, options: Options = DEFAULTS) -> Report:
    """Diagnoses one input, or several together: what two of them saw of the same messages is set
    beside each other, and what they find of the same client is told once.

    Raises ``InputError`` where one can't be read, ``AccessError`` where a right or tool lacks,
    ``UsageError`` for more vantages than sources.
    """
    if len(options.vantages) > len(sources):
        raise UsageError("--vantage was given more often than there are files")
    hits = LimitHits()
    sightings: list[Sightings] | None = [] if len(sources) > 1 else None
    everything = [
        _track([source], options, hits, sightings=sightings, vantage=vantage)
        for source, vantage in zip_longest(sources, options.vantages)
    ]
    parts = rotated([subjects.source for subjects in everything])
    if len(parts) < len(sources) and all(_can_be_reopened(source) for source in sources):
        sightings = []
        everything = [
            _track(
                [sources[n] for n in part],
                options,
                hits,
                sightings=sightings,
                vantage=everything[part[0]].source.vantage,
            )
            for part in parts
        ]
    crossings = crossings_of(sightings or [])
    for crossing, same_place in crossings:
        if not same_place:
            _place(crossing.near.source, Vantage.PHONE)
            _place(crossing.far.source, Vantage.PBX)
    setup = _setup(everything, options)
    contexts = [
        Context(
            subjects,
            crossings=[
                crossing
                for crossing, same_place in crossings
                if crossing.far.source is subjects.source and not same_place
            ],
            setup=setup,
        )
        for subjects in everything
    ]
    verdicts = merge([judge(context) for context in contexts])
    worst = max(
        range(len(contexts)),
        key=lambda n: (v.severity if (v := verdicts[n].root) else 0, -n),
    )
    return build(
        contexts,
        verdicts,
        [subjects.source for subjects in everything],
        _target(everything[worst], options),
        hits.names(),
        crossings=crossings,
    )


def _setup(subjects: Sequence[Subjects], options: Options) -> Setup | None:
    if options.config is None:
        return None
    seen = (version_of(each.pbx_software) for each in subjects)
    return read_setup(options.config, options.asterisk or next((v for v in seen if v), None))


class Advised(NamedTuple):
    """A diagnosis, and what it comes to in the administrator's own files. ``setup`` None = they
    weren't given; ``changes`` is empty then. ``chosen``: of each finding's alternatives the one
    that is taken."""

    report: Report
    setup: Setup | None
    changes: ConfAdvice
    chosen: list[Recommendation]


def advise(*sources: Input, options: Options = DEFAULTS) -> Advised:
    """The changes that cure what the sources show, in the files of ``options.config``; without
    sources what these files show by themselves. Raises as ``analyse`` does."""
    if options.config is not None:
        options.config.check()
    report = analyse(*sources, options=options) if sources else _check(options)
    setup = None
    if options.config is not None:
        setup = read_setup(options.config, parse_version(report.asterisk or ""))
    wanted = [
        Recommendation(*(getattr(item, name) for name in Recommendation._fields))
        for item in report.recommendations
    ]
    changes = ConfAdvice()
    if setup is not None:
        ends = [s.last for s in report.sources if s.last]
        until = max(map(datetime.fromisoformat, ends), default=None)
        until_ns = int(until.timestamp() * NS) if until is not None else None
        changes = conf_advise(wanted, setup, seen_until_ns=until_ns)
    return Advised(report, setup, changes, choose(wanted, setup))


def _check(options: Options) -> Report:
    """The files alone."""
    if options.config is None:
        raise UsageError("say --config DIR (such as /etc/asterisk), or name a capture, or both")
    setup = read_setup(options.config, options.asterisk)
    source = Source(str(options.config.root), kind="configuration", media_visible=False)
    hits = LimitHits()
    context = Context(Tracker(source, MediaTable()).subjects(), setup=setup)
    verdict = judge(context)
    target = Target(options.asterisk, None)
    return build([context], [verdict], [source], target, hits.names())


def _can_be_reopened(source: Input) -> bool:
    return isinstance(source, str | os.PathLike) and os.path.isfile(source)


def _place(source: Source, vantage: Vantage) -> None:
    if source.vantage is Vantage.UNKNOWN:
        source.vantage = vantage


def compare(good: Input, bad: Input, options: Options = DEFAULTS) -> Report:
    """Diagnoses BAD with GOOD as its baseline. Raises as ``analyse`` does."""
    hits = LimitHits()
    baseline = Context(_track([good], options, hits))
    context = Context(_track([bad], options, hits), baseline)
    verdict = judge(context)
    return build(
        [context],
        [verdict],
        [baseline.subjects.source, context.subjects.source],
        _target(context.subjects, options),
        hits.names(),
        compare_contexts(baseline, context, verdict),
    )
