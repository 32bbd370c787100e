"""Reader -> protocols -> tracker -> findings -> advice -> ``Report``.

The one place that knows all the rooms. Errors are those of ``sipdiag.base.errors``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from sipdiag.advice import Target
from sipdiag.asterisk.identify import AsteriskVersion, version_of
from sipdiag.base.datagram import Vantage
from sipdiag.base.endpoint import same_address
from sipdiag.base.limits import DEFAULT_LIMITS, LimitHits, Limits
from sipdiag.findings import judge
from sipdiag.findings.context import Context
from sipdiag.flows.subjects import Subjects
from sipdiag.flows.tracker import Tracker
from sipdiag.readers import Reader, open_source
from sipdiag.report.build import build, compare_contexts
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


DEFAULTS = Options()


def read(
    source: Input, options: Options = DEFAULTS, hits: LimitHits | None = None, keep_packets: int = 0
) -> Subjects:
    """The subjects of one input. ``keep_packets``: how many signalling packets to keep for a
    ladder."""
    hits = hits if hits is not None else LimitHits()
    return _track([_open(source, options, hits)], options, hits, keep_packets)


def _open(source: Input, options: Options, hits: LimitHits) -> Reader:
    return open_source(
        source,
        reader=options.reader,
        limits=options.limits,
        hits=hits,
        on_progress=options.on_progress,
        keylog=options.keylog,
        decode_as=options.decode_as,
    )


def _track(
    readers: list[Reader], options: Options, hits: LimitHits, keep_packets: int = 0
) -> Subjects:
    reader = readers[0]
    tracker = Tracker(
        reader.source,
        reader.media,
        local=options.local,
        limits=options.limits,
        hits=hits,
        keep_packets=keep_packets,
    )
    for datagram in reader:
        tracker.feed(datagram)
    subjects = tracker.subjects()
    subjects.source.vantage = _vantage(subjects)
    return subjects


def _vantage(subjects: Subjects) -> Vantage:
    """Where the capture was taken: the phone's side sees its own address contradicted by the
    registrar's answer (RFC 3581), the PBX's side sees another source than the phone wrote."""
    phone = pbx = False
    for peer in subjects.peers:
        for attempt in peer.registration.attempts if peer.registration else []:
            seen = attempt.seen_as
            if seen is not None and not same_address(seen.ip, attempt.src.ip):
                phone = True
            elif attempt.written is not None and attempt.written.via_host is not None:
                pbx = pbx or not same_address(attempt.written.via_host, attempt.src.ip)
    if phone != pbx:
        return Vantage.PHONE if phone else Vantage.PBX
    return Vantage.UNKNOWN


def _target(subjects: Subjects, options: Options) -> Target:
    version = options.asterisk or version_of(subjects.pbx_software)
    return Target(version, subjects.pbx_driver)


def analyse(*sources: Input, options: Options = DEFAULTS) -> Report:
    """Diagnoses one input, or several, each by itself.

    Raises ``InputError`` where one can't be read, ``AccessError`` where a right or tool lacks.
    """
    hits = LimitHits()
    contexts = [Context(read(source, options, hits)) for source in sources]
    verdicts = [judge(context) for context in contexts]
    worst = max(
        range(len(contexts)),
        key=lambda n: (v.severity if (v := verdicts[n].root) else 0, -n),
    )
    return build(
        contexts,
        verdicts,
        [context.subjects.source for context in contexts],
        _target(contexts[worst].subjects, options),
        hits.names(),
    )


def compare(good: Input, bad: Input, options: Options = DEFAULTS) -> Report:
    """Diagnoses BAD with GOOD as its baseline. Raises as ``analyse`` does."""
    hits = LimitHits()
    baseline = Context(read(good, options, hits))
    context = Context(read(bad, options, hits), baseline)
    verdict = judge(context)
    return build(
        [context],
        [verdict],
        [baseline.subjects.source, context.subjects.source],
        _target(context.subjects, options),
        hits.names(),
        compare_contexts(baseline, context, verdict),
    )
