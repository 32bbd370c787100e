"""Reader -> protocols -> tracker -> findings -> advice -> ``Report``.

The one place that knows all the rooms. Errors are those of ``sipdiag.base.errors``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

from sipdiag.advice import Recommendation, Target
from sipdiag.advice.conf_advice import ConfAdvice, choose
from sipdiag.advice.conf_advice import advise as conf_advise
from sipdiag.asterisk.conf_setup import Setup, read_setup
from sipdiag.asterisk.identify import parse_version, version_of
from sipdiag.base.datagram import Datagram, Source, Vantage
from sipdiag.base.errors import UsageError
from sipdiag.base.interval import NS
from sipdiag.base.limits import LimitHits
from sipdiag.findings import judge, merge
from sipdiag.findings.context import Context
from sipdiag.flows.sightings import Sightings
from sipdiag.flows.subjects import Subjects
from sipdiag.flows.tracker import Tracker
from sipdiag.flows.vantage import crossings_of, rotated
from sipdiag.inputs import (
    DEFAULTS,
    Held,
    Input,
    Options,
    Row,
    can_be_reopened,
    datagrams,
    open_input,
    open_reader,
    read,
    track_all,
)
from sipdiag.protocols.media import MediaTable
from sipdiag.report.build import build
from sipdiag.report.comparison import compare_contexts
from sipdiag.report.model import Report

if TYPE_CHECKING:
    from sipdiag.report.picture import Pictures

__all__ = [
    "DEFAULTS",
    "Advised",
    "Diagnosis",
    "Illustrated",
    "Input",
    "Options",
    "advise",
    "analyse",
    "analyse_illustrated",
    "compare",
    "compare_illustrated",
    "datagrams",
    "diagnose",
    "diagnose_beside",
    "illustrate",
    "open_input",
    "read",
]


def _target(subjects: Subjects, options: Options) -> Target:
    version = options.asterisk or version_of(subjects.pbx_software)
    return Target(version, subjects.pbx_driver)


class Diagnosis(NamedTuple):
    """A report, and what it was made from. ``contexts``: the one with the verdict first, GOOD of
    a comparison not among them; ``inputs`` of each, by the name of its source."""

    report: Report
    contexts: list[Context]
    inputs: dict[str, list[Input]]
    held: dict[str, Held]


class Illustrated(NamedTuple):
    """A report and its pictures, for ``sipdiag.render(report, "html", pictures)``."""

    report: Report
    pictures: Pictures


def analyse(*sources: Input, options: Options = DEFAULTS) -> Report:
    """Diagnoses one input, or several together: what two of them saw of the same messages is set
    beside each other, and what they find of the same client is told once.

    Raises ``InputError`` where one can't be read, ``AccessError`` where a right or tool lacks,
    ``UsageError`` for more vantages than sources.
    """
    return diagnose(sources, options, illustrated=False).report


def analyse_illustrated(*sources: Input, options: Options = DEFAULTS) -> Illustrated:
    """As ``analyse``, with the pictures of a page; what can be is read a second time for them."""
    return illustrate(diagnose(sources, options, illustrated=True), options)


def diagnose(sources: Sequence[Input], options: Options, *, illustrated: bool) -> Diagnosis:
    """As ``analyse``, with all that the report was made from. ``illustrated``: whether pictures are
    to follow."""
    if len(options.vantages) > len(sources):
        raise UsageError("--vantage was given more often than there are files")
    hits = LimitHits()
    sightings: list[Sightings] | None = [] if len(sources) > 1 else None
    holds = [_hold(source, options, hits, illustrated) for source in sources]
    everything = track_all(
        [
            Row([source], vantage, held)
            for source, vantage, held in zip_longest(sources, options.vantages, holds)
        ],
        options,
        hits,
        sightings,
    )
    inputs: list[list[Input]] = [[source] for source in sources]
    parts = rotated([subjects.source for subjects in everything])
    if len(parts) < len(sources) and all(can_be_reopened(source) for source in sources):
        sightings = [] if len(parts) > 1 else None
        everything = track_all(
            [Row([sources[n] for n in part], everything[part[0]].source.vantage) for part in parts],
            options,
            hits,
            sightings,
        )
        inputs = [[sources[n] for n in part] for part in parts]
    crossings = crossings_of(sightings or [])
    for crossing, same_place in crossings:
        if not same_place:
            _place(crossing.near.source, Vantage.PHONE)
            _place(crossing.far.source, Vantage.PBX)
    setup = _setup(everything, options)
    names = [subjects.source.name for subjects in everything]
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
    report = build(
        contexts,
        verdicts,
        [subjects.source for subjects in everything],
        _target(everything[worst], options),
        hits.names(),
        crossings=crossings,
    )
    return Diagnosis(
        report,
        [contexts[worst], *(c for n, c in enumerate(contexts) if n != worst)],
        dict(zip(names, inputs, strict=True)),
        {name: held for name, held in zip(names, holds, strict=False) if held is not None},
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
        if options.anonymise is not None:
            raise UsageError("--anonymise doesn't go with --config: the diff is of your own files")
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


def _place(source: Source, vantage: Vantage) -> None:
    if source.vantage is Vantage.UNKNOWN:
        source.vantage = vantage


def compare(good: Input, bad: Input, options: Options = DEFAULTS) -> Report:
    """Diagnoses BAD with GOOD as its baseline. Raises as ``analyse`` does."""
    return diagnose_beside(good, bad, options, illustrated=False).report


def compare_illustrated(good: Input, bad: Input, options: Options = DEFAULTS) -> Illustrated:
    """As ``compare``, with the pictures of a page; what can be is read a second time for them."""
    return illustrate(diagnose_beside(good, bad, options, illustrated=True), options)


def diagnose_beside(good: Input, bad: Input, options: Options, *, illustrated: bool) -> Diagnosis:
    """As ``compare``, with all that the report was made from. ``illustrated``: whether pictures are
    to follow."""
    hits = LimitHits()
    if options.anonymise is not None:
        options.anonymise.label(good, "good")
        options.anonymise.label(bad, "bad")
    holds = [_hold(source, options, hits, illustrated) for source in (good, bad)]
    rows = [Row([good], held=holds[0]), Row([bad], held=holds[1])]
    good_subjects, subjects = track_all(rows, options, hits)
    sources = [good_subjects.source, subjects.source]
    names = [source.name for source in sources]
    baseline = Context(good_subjects)
    context = Context(subjects, baseline)
    verdict = judge(context)
    report = build(
        [context],
        [verdict],
        sources,
        _target(subjects, options),
        hits.names(),
        compare_contexts(baseline, context, verdict),
    )
    return Diagnosis(
        report,
        [context],
        {names[0]: [good], names[1]: [bad]},
        {name: held for name, held in zip(names, holds, strict=True) if held is not None},
    )


def _hold(source: Input, options: Options, hits: LimitHits, wanted: bool) -> Held | None:
    return Held(options.limits, hits) if wanted and not can_be_reopened(source) else None


def illustrate(judged: Diagnosis, options: Options) -> Illustrated:
    """The report with its pictures, for which what can be is read a second time."""
    from sipdiag.report.picture.paint import paint

    quietly = replace(options, on_progress=None)

    def again(context: Context) -> Iterator[Datagram]:
        name = context.subjects.source.name
        if name in judged.held:
            yield from judged.held[name].datagrams
            return
        for source in judged.inputs.get(name, ()):
            reader = open_reader(source, quietly, LimitHits())
            try:
                yield from datagrams(reader, quietly)
            finally:
                reader.close()

    return Illustrated(judged.report, paint(judged.contexts, again))
