"""Judged contexts to timelines, strips and media: the clients that something was found of first."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sipdiag.advice import refresh_interval
from sipdiag.base.datagram import Origin
from sipdiag.base.interval import NS, seconds
from sipdiag.findings.context import Context, peer_subject
from sipdiag.findings.reach import Fate, Reach
from sipdiag.findings.reachable import State, path_packets, reachable, stretches
from sipdiag.report.picture.model import CAPS, Attempt, Caps, Moment, Span, Strip, Timeline
from sipdiag.report.when import iso

_REGISTRATIONS = frozenset({"REGISTER", "REGREQ", "REGREL"})
_RANKS = {Fate.EXPIRED: 0, Fate.ASTRAY: 1, Fate.MOVED: 1, Fate.IGNORED: 2, Fate.DEAF: 2}


class Client(NamedTuple):
    """One client in one source, with what is needed to draw it. ``side``: GOOD, BAD or empty."""

    reach: Reach
    context: Context
    side: str

    @property
    def subject(self) -> str:
        """How findings name it."""
        return peer_subject(self.reach.peer).ident

    @property
    def zero_ns(self) -> int:
        """What its times are counted from."""
        return self.context.subjects.source.first_ns or 0


def clients(contexts: Sequence[Context], accused: Iterable[str] = ()) -> list[Client]:
    """Every client once, those in ``accused`` first and in that order, then whoever lost
    something, then the rest. Of several sources that saw it, the one with most to show counts.

    In a comparison each is followed by itself in GOOD."""
    order = {subject: n for n, subject in enumerate(accused)}
    best: dict[str, tuple[tuple[int, ...], Client]] = {}
    for context in contexts:
        side = "BAD" if context.baseline is not None else ""
        for reach in context.reaches:
            client = Client(reach, context, side)
            lost = min((_RANKS.get(fate, 3) for _, fate in reach.fates), default=4)
            exact = context.subjects.source.bytes_exact
            worth = (lost, not exact, -len(reach.fates))
            known = best.get(client.subject)
            if known is None or worth < known[0]:
                best[client.subject] = (worth, client)
    last = len(order)
    rows = sorted(best.values(), key=lambda row: (order.get(row[1].subject, last), row[0]))
    found = []
    for _, client in rows:
        found.append(client)
        twin = client.context.baseline_of(client.reach.peer)
        if twin is not None and client.context.baseline is not None:
            found.append(Client(twin, client.context.baseline, "GOOD"))
    return found


def place(origin: Origin) -> str:
    """``bad.pcap frame 494``."""
    name = origin.source.rpartition("/")[2]
    if origin.frame is not None:
        return f"{name} frame {origin.frame}"
    return f"{name} line {origin.line}" if origin.line is not None else name


def timeline(client: Client, caps: Caps = CAPS) -> Timeline | None:
    """One client's; None where nothing was seen that a time axis would show."""
    reach, subjects = client.reach, client.context.subjects
    source, zero = subjects.source, client.zero_ns
    if source.first_ns is None or source.last_ns is None or not source.times_known:
        return None

    def at(ts_ns: int) -> float:
        return seconds(ts_ns - zero)

    registration = reach.peer.registration
    refreshes = [at(r.ts_ns) for r in registration.refreshes if r.granted_s != 0] if registration \
        else []  # fmt: skip
    attempts = [
        Attempt(
            tuple(at(sent.ts_ns) for sent in o.sent),
            o.transaction.method,
            fate,
            o.quiet_s if o.through else o.idle_s,
            str(o.dst),
            place(o.origin),
        )
        for o, fate in reach.fates
        if o.transaction.method not in _REGISTRATIONS
    ]
    heard = [Moment(at(p.ts_ns), at(p.until_ns)) for p in path_packets(reach, subjects)
             if p.by_client]  # fmt: skip
    if not attempts and len(refreshes) < 2:
        return None
    whole_s = at(source.last_ns)
    begin, end = _window(refreshes, attempts, whole_s, caps)
    first = max(0, bisect_right([m.at_s for m in heard], begin) - 1)
    shown = [a for a in attempts if begin <= a.sent_s[0] <= end]
    proposal = refresh_interval(reach.lifetime) if reach.lifetime.upper_s is not None else None
    spans = [Span(at(s.begin_ns), at(s.end_ns), s.state) for s in stretches(reach, subjects)]
    return Timeline(
        subject=client.subject,
        source=source.name.rpartition("/")[2],
        side=client.side,
        zero=iso(zero),
        begin_s=begin,
        end_s=end,
        whole_s=whole_s,
        refreshes=tuple(r for r in refreshes if begin <= r <= end),
        refresh_name="REGREQ" if reach.peer.protocol == "IAX2" else "REGISTER",
        heard=tuple(m for m in heard[first:] if m.at_s <= end),
        attempts=tuple(_thin(shown, caps.attempts)),
        lifetime=reach.lifetime,
        proposed_s=proposal.seconds if proposal else None,
        assumed=bool(proposal and proposal.assumed),
        spans=tuple(_clip(_merged(spans), begin, end)),
        share=reachable(reach, subjects),
        attempts_left_out=len(attempts) - min(len(shown), caps.attempts),
    )


def _window(
    refreshes: list[float], attempts: list[Attempt], whole_s: float, caps: Caps
) -> tuple[float, float]:
    """All of it, or, where that is more than ``caps.window_refreshes``, the part around the first
    attempt that was lost to age (else around the first that was lost, else the end)."""
    begin = min([0.0, *refreshes[:1]])
    if len(refreshes) <= caps.window_refreshes:
        return begin, max(whole_s, begin + 1.0)
    worst = min(
        (a for a in attempts if not a.through and a.fate in _RANKS),
        key=lambda a: (_RANKS[a.fate], a.sent_s[0]),
        default=None,
    )
    middle = worst.sent_s[0] if worst is not None else whole_s
    nearest = bisect_right(refreshes, middle)
    shown = caps.window_refreshes
    first = max(0, min(nearest - shown // 2, len(refreshes) - shown))
    last = min(first + shown, len(refreshes) - 1)
    return refreshes[first], max(refreshes[last], refreshes[first] + 1.0)


def _thin(attempts: list[Attempt], most: int) -> list[Attempt]:
    """What was lost before what got through, and of that what got through latest."""
    if len(attempts) <= most:
        return attempts
    kept = sorted(attempts, key=lambda a: (a.through, -(a.age_s or 0.0)))[:most]
    return sorted(kept, key=lambda a: a.sent_s)


def _merged(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for span in spans:
        if joined and joined[-1].state is span.state:
            joined[-1] = Span(joined[-1].begin_s, span.end_s, span.state)
        else:
            joined.append(span)
    return joined


def _clip(spans: Iterable[Span], begin: float, end: float) -> Iterable[Span]:
    for span in spans:
        if span.begin_s < end and span.end_s > begin:
            yield Span(max(span.begin_s, begin), min(span.end_s, end), span.state)


def strip(client: Client, caps: Caps = CAPS) -> Strip | None:
    """How reachable a client was; None where that isn't known."""
    share = reachable(client.reach, client.context.subjects)
    source = client.context.subjects.source
    if share is None or source.last_ns is None:
        return None
    zero = client.zero_ns
    spans = _merged(
        Span((s.begin_ns - zero) / NS, (s.end_ns - zero) / NS, s.state)
        for s in stretches(client.reach, client.context.subjects)
    )
    length = seconds(source.last_ns - zero)
    return Strip(client.subject, client.side, length, tuple(_coarse(spans, caps)), share)


def _coarse(spans: list[Span], caps: Caps) -> list[Span]:
    """Equal parts, each in the state that most of it was in, where there are too many."""
    if len(spans) <= caps.strip_stretches:
        return spans
    begin, end = spans[0].begin_s, spans[-1].end_s
    width = (end - begin) / caps.strip_stretches
    parts: list[Span] = []
    number = 0
    for n in range(caps.strip_stretches):
        left, right = begin + n * width, begin + (n + 1) * width
        while number < len(spans) - 1 and spans[number].end_s <= left:
            number += 1
        times: dict[State, float] = {}
        at = number
        while at < len(spans) and spans[at].begin_s < right:
            span = spans[at]
            inside = min(span.end_s, right) - max(span.begin_s, left)
            times[span.state] = times.get(span.state, 0.0) + inside
            at += 1
        if times:
            parts.append(Span(left, right, max(times, key=lambda state: times[state])))
    return _merged(parts)
