"""The same message seen at two places: what the clocks differ by, what was lost, what was changed.

A message is known by what nothing on the way changes in it: for SIP the branch of the top Via, the
CSeq and the Call-ID's part before ``@`` (some ALGs map the host behind it), for IAX2 its call and
sequence numbers and its timestamp. What is sent again is the same message once more, and is told
apart by the order and, where one of them was lost, by the time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from sipdiag.base.datagram import Datagram, Origin, Source
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import NS
from sipdiag.base.limits import DEFAULT_LIMITS, LimitHits, Limits
from sipdiag.protocols import iax2, sip

Identity = tuple[object, ...]

_SAME_NS = NS // 4
"""Two sightings of one transmission, clocks aligned, are no further apart: half of the shortest
retransmission interval (T1 = 500 ms)."""


class Sighting(NamedTuple):
    """One message at one place. ``payload`` None where only its being there was kept."""

    ts_ns: int
    src: Endpoint | None
    dst: Endpoint | None
    origin: Origin
    label: str
    payload: bytes


class Sightings:
    """Every signalling message of one source, by identity, up to ``limits.requests_held``."""

    def __init__(
        self, source: Source, limits: Limits = DEFAULT_LIMITS, hits: LimitHits | None = None
    ) -> None:
        self.source = source
        self.by_identity: defaultdict[Identity, list[Sighting]] = defaultdict(list)
        self._left = limits.requests_held
        self._left_bytes = limits.sighting_bytes
        self._hits = hits if hits is not None else LimitHits()

    def add(self, datagram: Datagram) -> None:
        """Takes the next datagram; what is neither SIP nor a full frame of IAX2 is passed over."""
        known = identity_of(datagram.payload)
        if known is None:
            return
        if not self._left:
            self._hits.hit("requests_held")
            return
        if self._left_bytes < len(datagram.payload):
            self._hits.hit("sighting_bytes")
            return
        self._left -= 1
        self._left_bytes -= len(datagram.payload)
        identity, label = known
        self.by_identity[identity].append(
            Sighting(
                datagram.ts_ns, datagram.src, datagram.dst, datagram.origin, label,
                datagram.payload,
            )
        )  # fmt: skip


def identity_of(payload: bytes) -> tuple[Identity, str] | None:
    """What a message is known by at every place, and its name for people."""
    message = sip.parse(payload)
    if message is not None:
        via, cseq = message.via, message.cseq
        call = message.call_id.partition("@")[0]
        if via is None or cseq is None or not call:
            return None
        what = message.method if message.is_request else message.status
        return ("SIP", via.branch, call, cseq, what), message.summary
    frame = iax2.parse(payload) if len(payload) >= 12 and payload[0] & 0x80 else None
    if isinstance(frame, iax2.FullFrame):
        return (
            "IAX2", frame.source_call, frame.dest_call, frame.oseqno, frame.iseqno,
            frame.frame_type, frame.subclass, frame.timestamp_ms,
        ), frame.subclass_name  # fmt: skip
    return None


class Match(NamedTuple):
    """One message seen at both places."""

    near: Sighting
    far: Sighting


@dataclass(slots=True, eq=False)
class Crossing:
    """Two sources set beside each other. ``far_ahead_ns``: what the far source's clock is ahead,
    the messages' own travelling time left aside (it cancels out between the directions)."""

    near: Sightings
    far: Sightings
    far_ahead_ns: int
    matches: list[Match] = field(default_factory=list)
    near_only: list[Sighting] = field(default_factory=list)
    """Seen at the near place while the far one was capturing, and not there."""
    far_only: list[Sighting] = field(default_factory=list)


def cross(near: Sightings, far: Sightings) -> Crossing | None:
    """Sets two sources beside each other; None where they have no message in common."""
    shared = near.by_identity.keys() & far.by_identity.keys()
    differences = [
        far.by_identity[identity][0].ts_ns - near.by_identity[identity][0].ts_ns
        for identity in shared
        if len(near.by_identity[identity]) == len(far.by_identity[identity])
    ]
    if not differences:
        return None
    crossing = Crossing(near, far, round(median(differences)))
    for identity in near.by_identity.keys() | far.by_identity.keys():
        _pair(crossing, near.by_identity.get(identity, []), far.by_identity.get(identity, []))
    crossing.matches.sort(key=lambda match: match.near.ts_ns)
    crossing.near_only = _while_capturing(crossing.near_only, far.source, crossing.far_ahead_ns)
    crossing.far_only = _while_capturing(crossing.far_only, near.source, -crossing.far_ahead_ns)
    return crossing


def _pair(crossing: Crossing, here: list[Sighting], there: list[Sighting]) -> None:
    """Pairs the transmissions of one message: in order where the counts agree, by time else."""
    if len(here) == len(there):
        crossing.matches.extend(Match(a, b) for a, b in zip(here, there, strict=True))
        return
    free = sorted(there, key=lambda s: s.ts_ns)
    for sighting in here:
        wanted = sighting.ts_ns + crossing.far_ahead_ns
        times = [s.ts_ns for s in free]
        at = bisect_left(times, wanted)
        nearest = min(
            (n for n in (at - 1, at) if 0 <= n < len(free)),
            key=lambda n: abs(times[n] - wanted),
            default=None,
        )
        if nearest is not None and abs(times[nearest] - wanted) <= _SAME_NS:
            crossing.matches.append(Match(sighting, free.pop(nearest)))
        else:
            crossing.near_only.append(sighting)
    crossing.far_only.extend(free)


def _while_capturing(lonely: list[Sighting], other: Source, ahead_ns: int) -> list[Sighting]:
    """Those at whose time the other source was being captured, in order."""
    if other.first_ns is None or other.last_ns is None:
        return []
    kept = [
        s
        for s in lonely
        if other.first_ns - _SAME_NS <= s.ts_ns + ahead_ns <= other.last_ns + _SAME_NS
    ]
    return sorted(kept, key=lambda s: s.ts_ns)


class Change(NamedTuple):
    """One field that differs between two sightings of a message. ``what``: ``Via``, ``Contact``,
    ``SDP c=``, ``Request-URI`` ...; the values are as written, "" where the field is missing."""

    what: str
    near: str
    far: str
    match: Match


def changes_of(match: Match) -> list[Change]:
    """Every field of a SIP message that isn't the same at both places, byte for byte. Only for
    sources that show the exact bytes."""
    if match.near.payload == match.far.payload:
        return []
    near, far = sip.parse(match.near.payload), sip.parse(match.far.payload)
    if near is None or far is None:
        return []
    found = []
    first, second = _start_line(near), _start_line(far)
    if first != second:
        found.append(Change("Request-URI", first, second, match))
    for what, left, right in (
        *_unequal(_headers(near), _headers(far)),
        *_unequal(_body_lines(near), _body_lines(far)),
    ):
        found.append(Change(what, left, right, match))
    return found


def _start_line(message: sip.Message) -> str:
    return message.request_uri_text if message.is_request else str(message.status)


def _headers(message: sip.Message) -> list[tuple[str, str]]:
    return [(h.written if len(h.written) > 1 else h.name.title(), h.value) for h in message.headers]


def _body_lines(message: sip.Message) -> list[tuple[str, str]]:
    text = message.raw[message.body_offset :].decode("utf-8", "surrogateescape")
    return [(f"SDP {line[:2]}" if line[1:2] == "=" else "body", line) for line in text.splitlines()]


def _unequal(near: list[tuple[str, str]], far: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """(name, near's value, far's value) of the n-th field of each name, where they differ."""
    ours, theirs = _numbered(near), _numbered(far)
    return [
        (name, ours.get((name, number), ""), theirs.get((name, number), ""))
        for name, number in dict.fromkeys([*ours, *theirs])
        if ours.get((name, number)) != theirs.get((name, number))
    ]


def _numbered(fields: list[tuple[str, str]]) -> dict[tuple[str, int], str]:
    seen: Counter[str] = Counter()
    numbered = {}
    for name, value in fields:
        numbered[name, seen[name]] = value
        seen[name] += 1
    return numbered
