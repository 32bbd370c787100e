"""Media as counters: the only place where RTP and IAX2 mini frames are remembered.

Contract: ``MediaTable.count`` takes one packet's facts and keeps numbers, never the packet. For
each direction (source, destination) there is a ``MediaFlow`` with its ``MediaSegment``s: a new
one begins after a silence of more than 10 s or with another SSRC (RFC 3550 section 5.1). The
queries answer in time proportional to the flows of the endpoint asked for, ``last_ns`` at once.
Everything is capped by ``Limits`` (``media_flows``, ``media_segments``); content never raises.

``count`` hands out the open segment's ``Tally``, a bare list that a reader's inner loop may
bump itself, as long as ``ts_ns`` is in ``tally[LAST] <= ts_ns < tally[DEADLINE]`` and the SSRC
is the same; every other packet must come through ``count``. A tally that is no longer open has
a deadline in the past, so a stale one is never bumped.
"""

from __future__ import annotations

import enum
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import NS
from sipdiag.base.limits import DEFAULT_LIMITS, LimitHits, Limits

SILENCE_NS = 10 * NS
"""A longer silence ends a segment: twice the usual comfort-noise and RTCP interval."""

MARK_NS = 2 * NS
"""Time between the marks that make windows countable; doubled whenever ``_MARKS`` are full."""

_MARKS = 64
_RESUMABLE = 8
_RANDOM = 4

Tally = list[Any]
"""Counters of an open segment, by the indices below."""

LAST = 0
"""Nanoseconds (UTC) of the newest packet."""
PACKETS = 1
OCTETS = 2
"""Octets of UDP payload, headers of RTP or IAX2 included."""
FRAME = 3
"""Frame of the newest packet."""
SSRC = 4
"""Four bytes as on the wire; None for IAX2 mini frames."""
TAG = 5
"""First four bytes of the newest payload, to know a packet captured twice."""
DEADLINE = 6
"""Nanoseconds (UTC) from which on a packet must come through ``count``."""


class MediaKind(enum.Enum):
    """What the media is carried in."""

    RTP = "rtp"
    IAX2_MINI = "iax2-mini"
    """IAX2 mini, video mini and trunk (meta) frames, RFC 5456 sections 8.1.2 and 8.1.3."""


class MediaSegment(NamedTuple):
    """An uninterrupted stretch of media. Times in ns UTC; ``octets`` of UDP payload;
    ``payload_type`` is the first packet's (RFC 4733 events may follow within)."""

    first_ns: int
    last_ns: int
    packets: int
    octets: int
    ssrc: int | None
    payload_type: int | None
    first_frame: int
    last_frame: int


class _Segment:
    __slots__ = ("first_frame", "first_ns", "mark_ns", "marks", "payload_type", "tally")

    def __init__(
        self,
        ts_ns: int,
        frame: int,
        octets: int,
        ssrc: bytes | None,
        payload_type: int | None,
        tag: bytes,
    ) -> None:
        self.first_ns = ts_ns
        self.first_frame = frame
        self.payload_type = payload_type
        self.marks = array("q")
        self.mark_ns = MARK_NS
        self.tally: Tally = [ts_ns, 1, octets, frame, ssrc, tag, ts_ns + MARK_NS]

    def add(self, ts_ns: int, frame: int, octets: int, tag: bytes) -> None:
        tally = self.tally
        tally[PACKETS] += 1
        tally[OCTETS] += octets
        tally[TAG] = tag
        if ts_ns >= tally[LAST]:
            tally[LAST] = ts_ns
            tally[FRAME] = frame
        elif ts_ns < self.first_ns:
            self.first_ns = ts_ns
            self.first_frame = frame
        newest: int = tally[LAST]
        marked = self.marks[-3] if self.marks else self.first_ns
        if newest >= marked + self.mark_ns:
            self.marks.extend((newest, tally[PACKETS], tally[FRAME]))
            if len(self.marks) >= 3 * _MARKS:
                kept = array("q")
                for at in range(3, len(self.marks), 6):
                    kept.extend(self.marks[at : at + 3])
                self.marks = kept
                self.mark_ns *= 2
        tally[DEADLINE] = newest + MARK_NS

    def points(self) -> list[tuple[int, int, int]]:
        """(time, packets up to and with it, frame), rising; at least first and last packet."""
        tally = self.tally
        marks = self.marks
        found = [(self.first_ns, 1, self.first_frame)]
        found += [(marks[i], marks[i + 1], marks[i + 2]) for i in range(0, len(marks), 3)]
        if tally[LAST] > found[-1][0] or tally[PACKETS] > found[-1][1]:
            found.append((tally[LAST], tally[PACKETS], tally[FRAME]))
        return found

    def public(self) -> MediaSegment:
        tally = self.tally
        ssrc = tally[SSRC]
        return MediaSegment(
            self.first_ns,
            tally[LAST],
            tally[PACKETS],
            tally[OCTETS],
            None if ssrc is None else int.from_bytes(ssrc),
            self.payload_type,
            self.first_frame,
            tally[FRAME],
        )


class MediaFlow:
    """Media from ``src`` to ``dst``."""

    __slots__ = ("_segments", "dst", "kind", "src")

    def __init__(self, src: Endpoint, dst: Endpoint, kind: MediaKind) -> None:
        self.src = src
        self.dst = dst
        self.kind = kind
        self._segments: list[_Segment] = []

    @property
    def segments(self) -> list[MediaSegment]:
        """Its stretches in order of their beginning; the last one may still grow."""
        return [segment.public() for segment in self._segments]

    @property
    def packets(self) -> int:
        """Packets of all segments."""
        return sum(segment.tally[PACKETS] for segment in self._segments)

    @property
    def last_ns(self) -> int:
        """Time of the newest packet, ns UTC."""
        newest: int = max(segment.tally[LAST] for segment in self._segments[-_RESUMABLE:])
        return newest

    @property
    def progress(self) -> list[list[tuple[int, int]]]:
        """For each segment (time, packets so far), rising: its first packet, its last, and marks
        2 s apart or more between them."""
        return [[(at, count) for at, count, _ in s.points()] for s in self._segments]

    def __repr__(self) -> str:
        return f"MediaFlow({self.src} -> {self.dst}, {self.kind.value}, {self.packets} packets)"


class Passage(NamedTuple):
    """What a flow carried in a window.

    ``packets`` is exact for segments that lie wholly inside; where the window cuts one, it is
    interpolated between marks (2 s apart, more in segments over two minutes). The frames are
    real packets of the flow, inside the window wherever a mark is.
    """

    flow: MediaFlow
    packets: int
    first_ns: int
    last_ns: int
    first_frame: int
    last_frame: int


def _before(points: list[tuple[int, int, int]], ts_ns: int) -> int:
    """Packets earlier than ``ts_ns``, interpolated between points."""
    if ts_ns <= points[0][0]:
        return 0
    for (t0, n0, _), (t1, n1, _) in pairwise(points):
        if ts_ns <= t1:
            if t1 == t0:
                return n0
            return max(n0, min(n1 - 1, n0 + round((n1 - n0) * (ts_ns - t0) / (t1 - t0))))
    return points[-1][1]


def _passage(flow: MediaFlow, start_ns: int, end_ns: int) -> Passage | None:
    packets = 0
    first: tuple[int, int] | None = None
    last: tuple[int, int] | None = None
    for segment in flow._segments:
        if segment.first_ns > end_ns or segment.tally[LAST] < start_ns:
            continue
        points = segment.points()
        count = _before(points, end_ns + 1) - _before(points, start_ns)
        inside = [point for point in points if start_ns <= point[0] <= end_ns]
        if not count and not inside:
            continue
        packets += max(count, len(inside))
        nearest = max((p for p in points if p[0] <= end_ns), key=lambda p: p[0])
        begin = inside[0] if inside else nearest
        finish = inside[-1] if inside else nearest
        begin_ns = begin[0] if segment.first_ns >= start_ns else start_ns
        finish_ns = finish[0] if segment.tally[LAST] <= end_ns else end_ns
        if first is None or begin_ns < first[0]:
            first = (begin_ns, begin[2])
        if last is None or finish_ns > last[0]:
            last = (finish_ns, finish[2])
    if first is None or last is None:
        return None
    return Passage(flow, packets, first[0], last[0], first[1], last[1])


class MediaTable:
    """All media of one source, by direction."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS, hits: LimitHits | None = None) -> None:
        self._limits = limits
        self._hits = LimitHits() if hits is None else hits
        self.by_direction: OrderedDict[tuple[Endpoint, Endpoint], MediaFlow] = OrderedDict()
        """Every flow, by source and destination."""
        self._to: dict[Endpoint, dict[Endpoint, MediaFlow]] = {}
        self.sources: dict[Endpoint, dict[Endpoint, MediaFlow]] = {}
        """Flows by where they come from and where they go."""
        self._to_ip: dict[str, dict[tuple[Endpoint, Endpoint], MediaFlow]] = {}
        self._from_ip: dict[str, dict[tuple[Endpoint, Endpoint], MediaFlow]] = {}

    def __len__(self) -> int:
        return len(self.by_direction)

    def __iter__(self) -> Iterator[MediaFlow]:
        return iter(list(self.by_direction.values()))

    def count(
        self,
        src: Endpoint,
        dst: Endpoint,
        kind: MediaKind,
        ts_ns: int,
        frame: int,
        octets: int,
        ssrc: bytes | None = None,
        payload_type: int | None = None,
        tag: bytes = b"",
    ) -> Tally | None:
        """Counts one packet and returns the tally of the segment it fell into.

        None: the flow was taken back, because its first four packets had four SSRCs. Noise that
        happens to begin like RTP does that; RTP doesn't (RFC 3550 section 8: an SSRC is kept).
        """
        flow = self.by_direction.get((src, dst))
        if flow is None:
            flow = self._open(src, dst, kind)
        segments = flow._segments
        for segment in reversed(segments[-_RESUMABLE:]):
            tally = segment.tally
            if tally[SSRC] == ssrc and abs(ts_ns - tally[LAST]) <= SILENCE_NS:
                segment.add(ts_ns, frame, octets, tag)
                return tally
        if len(segments) >= self._limits.media_segments:
            self._hits.hit("media_segments")
            segment = segments[-1]
            segment.add(ts_ns, frame, octets, tag)
            segment.tally[DEADLINE] = -1
            return segment.tally
        if segments:
            segments[-1].tally[DEADLINE] = -1
        segment = _Segment(ts_ns, frame, octets, ssrc, payload_type, tag)
        segments.append(segment)
        if len(segments) == _RANDOM and self._random(segments):
            self.discard(src, dst)
            return None
        return segment.tally

    @staticmethod
    def _random(segments: list[_Segment]) -> bool:
        ssrcs = {segment.tally[SSRC] for segment in segments}
        return len(ssrcs) == _RANDOM and all(s.tally[PACKETS] == 1 for s in segments)

    def _open(self, src: Endpoint, dst: Endpoint, kind: MediaKind) -> MediaFlow:
        if len(self.by_direction) >= self._limits.media_flows:
            self._hits.hit("media_flows")
            self.discard(*next(iter(self.by_direction)))
        flow = self.by_direction[src, dst] = MediaFlow(src, dst, kind)
        self._to.setdefault(dst, {})[src] = flow
        self.sources.setdefault(src, {})[dst] = flow
        self._to_ip.setdefault(dst.ip, {})[src, dst] = flow
        self._from_ip.setdefault(src.ip, {})[src, dst] = flow
        return flow

    def discard(self, src: Endpoint, dst: Endpoint) -> None:
        """Forgets a direction; a no-op where it isn't known."""
        flow = self.by_direction.pop((src, dst), None)
        if flow is None:
            return
        for segment in flow._segments:
            segment.tally[DEADLINE] = -1
        _drop(self._to, dst, src)
        _drop(self.sources, src, dst)
        _drop(self._to_ip, dst.ip, (src, dst))
        _drop(self._from_ip, src.ip, (src, dst))

    def flow(self, src: Endpoint, dst: Endpoint) -> MediaFlow | None:
        """The flow of this direction, or None where no media was seen."""
        return self.by_direction.get((src, dst))

    def last_ns(self, src: Endpoint, dst: Endpoint) -> int | None:
        """Time of the newest packet of this direction, ns UTC; None where there was none."""
        flow = self.by_direction.get((src, dst))
        return None if flow is None else flow.last_ns

    def towards(self, endpoint: Endpoint, start_ns: int, end_ns: int) -> list[Passage]:
        """Flows that brought packets to ``endpoint`` in the window (both ends included)."""
        return _passages(self._to.get(endpoint, {}).values(), start_ns, end_ns)

    def from_(self, endpoint: Endpoint, start_ns: int, end_ns: int) -> list[Passage]:
        """Flows that carried packets from ``endpoint`` in the window (both ends included)."""
        return _passages(self.sources.get(endpoint, {}).values(), start_ns, end_ns)

    def flows_from(self, ip: str) -> list[MediaFlow]:
        """Every flow from an address, in order of appearance."""
        return list(self._from_ip.get(ip, {}).values())

    def towards_ip(self, ip: str, start_ns: int, end_ns: int) -> list[Passage]:
        """As ``towards``, for every port of an address."""
        return _passages(self._to_ip.get(ip, {}).values(), start_ns, end_ns)

    def from_ip(self, ip: str, start_ns: int, end_ns: int) -> list[Passage]:
        """As ``from_``, for every port of an address."""
        return _passages(self._from_ip.get(ip, {}).values(), start_ns, end_ns)


def _drop(index: dict[Any, dict[Any, MediaFlow]], outer: object, inner: object) -> None:
    entry = index[outer]
    del entry[inner]
    if not entry:
        del index[outer]


def _passages(flows: Iterable[MediaFlow], start_ns: int, end_ns: int) -> list[Passage]:
    found = (_passage(flow, start_ns, end_ns) for flow in flows)
    return [passage for passage in found if passage is not None]
