"""One source, or several that go on from each other, read by several processes.

Contract: ``track_shared`` gives the same ``Subjects`` as one process, to the last count and order,
or raises ``Indivisible``, and then one process must read it. Each process reads the whole source
and follows the packets of its share only (``readers.share``); what they find is put together by
``flows.parts``.

Which addresses belong together is guessed from the source's beginning. If it turns out that two
shares saw pieces of one call, they are dealt anew, knowing that, and the source is read again.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from sipdiag.base.datagram import Source
from sipdiag.base.errors import SipdiagError
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.base.shares import Indivisible, StrictHits, limits_of_share
from sipdiag.flows.parts import entangled, groups, join
from sipdiag.flows.shared import (
    Digest,
    Groups,
    Pair,
    Part,
    Place,
    SharedMedia,
    SharedTracker,
    hash_of,
    sorted_pair,
)
from sipdiag.flows.subjects import Subjects
from sipdiag.jobs import forks, spread
from sipdiag.readers import Progress, open_source
from sipdiag.readers.dissect import closing_notes
from sipdiag.readers.native import NativeReader
from sipdiag.readers.share import Share, pair_of

Path = str | os.PathLike[str]

SAMPLE_COUNT = 32_768
_SAMPLE_PART = 16
_SAMPLE_BYTES = range(1 << 20, 16 << 20)
"""Of a file its 16th part is looked at beforehand, within these bounds and up to so many messages:
who talks most shows no sooner, and to look further takes more time than unequal shares do."""
WORTH_BYTES = 4 << 20
"""A smaller source is read before another process has begun."""
MOST_IN_ONE = 0.8
"""Where one share would have more of the work than this, the others are no help."""

_SENDING = 0.03
"""How much longer sending takes than receiving, as a part of reading."""

_COUNTS = (
    "sip_messages", "iax2_frames", "rtp_packets", "duplicate_packets", "fragments_incomplete",
    "fragments_overlapping", "tcp_messages_incomplete",
)  # fmt: skip
"""What each share counts for itself; all else is of the file."""

_CALL_ID = re.compile(rb"\n(?:Call-ID|i)[ \t]*:[ \t]*([^\r\n]+)", re.IGNORECASE)


class _Piece(NamedTuple):
    """One share's work, as it is sent to a process. Only this process has ``on_progress``."""

    paths: Sequence[Path]
    local: frozenset[str]
    limits: Limits
    number: int
    of: int
    owners: Mapping[bytes, int]
    digest: Digest
    on_progress: Progress | None


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
    """The subjects of ``paths``, read as one source by ``jobs`` processes. Raises as reading them
    does, and ``Indivisible``."""
    owners = _deal(_sampled(paths[0], limits), jobs)
    for _ in range(2):
        pieces = [
            _Piece(
                paths,
                local,
                limits_of_share(limits, jobs),
                number,
                jobs,
                owners,
                hash if forks() else hash_of,
                None if number else on_progress,
            )
            for number in range(jobs)
        ]
        parts = spread(_read, pieces, jobs)
        if not entangled(parts):
            return join(parts, _joined(parts, limits), local=local, limits=limits, hits=hits)
        owners = _deal(groups(parts), jobs)
    raise Indivisible("its calls go by several addresses")


def _read(piece: _Piece) -> Part:
    """Reads one share to its end."""
    hits = StrictHits()
    share = Share(piece.number, piece.of, piece.owners)
    place = Place()
    media = SharedMedia(piece.limits, hits, place)
    tracker: SharedTracker | None = None
    sources = []
    for path in piece.paths:
        reader = open_source(
            path,
            limits=piece.limits,
            hits=hits,
            on_progress=piece.on_progress,
            media=media,
            share=share,
        )
        source = reader.source
        place.next_file(source)
        if tracker is None:
            tracker = SharedTracker(
                source,
                media,
                place,
                local=piece.local,
                limits=piece.limits,
                hits=hits,
                digest=piece.digest,
            )
        for datagram in reader:
            tracker.feed(datagram)
        sources.append(source)
    if tracker is None:
        raise ValueError("there is nothing to read")
    return tracker.part(sources)


class _Enough(Exception):
    """The sample is taken."""


def _sampled(path: Path, limits: Limits) -> list[tuple[int, list[Pair]]]:
    """Pairs of addresses that belong together by the source's beginning, with their messages."""

    def stop(done: int, total: int | None) -> None:
        part = (total or 0) // _SAMPLE_PART
        if done > min(max(part, _SAMPLE_BYTES.start), _SAMPLE_BYTES.stop):
            raise _Enough

    groups_found = Groups()
    reader = open_source(path, limits=limits, on_progress=stop)
    try:
        for datagram in islice(reader, SAMPLE_COUNT):
            if datagram.src is None or datagram.dst is None:
                continue
            pair = sorted_pair(datagram.src.ip, datagram.dst.ip)
            groups_found.weigh(pair)
            call_id = _CALL_ID.search(datagram.payload)
            if call_id is not None and not datagram.payload.startswith(b"REGISTER"):
                groups_found.link(call_id[1], pair)
    except _Enough:
        pass
    finally:
        reader.close()
    return groups_found.all()


def _deal(found: list[tuple[int, list[Pair]]], shares: int) -> dict[bytes, int]:
    """Gives each group to the share that has least, the heaviest first. The first share has a
    little more, as the others must also send what they find."""
    total = sum(weight for weight, _ in found)
    loads = [0.0, *[_SENDING * total / shares] * (shares - 1)]
    owners: dict[bytes, int] = {}
    for weight, pairs in sorted(found, key=lambda group: (-group[0], group[1])):
        least = min(range(shares), key=loads.__getitem__)
        loads[least] += weight
        for one, other in pairs:
            owners[pair_of(_packed(one), _packed(other))] = least
    if max(loads) > MOST_IN_ONE * total:
        raise Indivisible("nearly all of it is between two addresses")
    return owners


def _packed(ip: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in ip else socket.AF_INET, ip)


def _joined(parts: Sequence[Part], limits: Limits) -> Source:
    """The source as one process would have described it."""
    joined: Source | None = None
    for files in zip(*(part.sources for part in parts), strict=True):
        source: Source = files[0]
        for other in files[1:]:
            if other.notes != source.notes:
                raise Indivisible("some notes are about particular packets")
            for count in _COUNTS:
                setattr(source, count, getattr(source, count) + getattr(other, count))
        closing_notes(source, limits)
        if joined is None:
            joined = source
        else:
            joined.extend(source)
    if joined is None:
        raise ValueError("there is nothing to join")
    return joined
