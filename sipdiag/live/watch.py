"""Frames and log lines in; what is known of every client, and alerts, out.

Contract: pure, time is an argument, nothing raises on content. A client is judged when there may
be something new: a request that nobody answered, the client heard again after one, a call that
ended, a registration that was refused, and else every two minutes while it is busy. A judgement
reads the client's history anew, as ``analyse`` would, so that its cost and memory are bounded and
its outcome is that of the frozen capture. The work of a tick is bounded, the longest unjudged
client comes first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

from sipdiag.base.datagram import Datagram, Source
from sipdiag.base.interval import NS, Interval
from sipdiag.base.limits import LimitHits
from sipdiag.base.logevent import LogEvent
from sipdiag.findings import Verdict
from sipdiag.findings.context import Context
from sipdiag.findings.model import Finding, Severity
from sipdiag.findings.reach import Reach
from sipdiag.flows.subjects import Packet
from sipdiag.live.client import Client, Judged
from sipdiag.live.history import Kept
from sipdiag.live.intake import Intake, Learnt
from sipdiag.live.model import Alert, Counters, Snapshot
from sipdiag.live.rows import row_of
from sipdiag.live.verdicts import View, datagrams_in, replay, verdict_on

_ROUTINE_NS = 120 * NS
"""A client that is busy without news is judged as often as this."""
_AT_MOST_NS = 2 * NS
"""And with news not more often than this."""
_PACKETS_PER_TICK = 2000
"""Packets read anew in one tick, some 200 ms of work; the kernel's buffer holds what comes in
the meantime."""
_TOLD = 4096
"""Findings remembered as told."""
_JUDGING_COSTS = 50
"""What a judgement costs by itself, in packets."""
_AGAIN_NS = 3600 * NS
"""A finding that was not there for as long is new when it comes again."""


class Judgement(NamedTuple):
    """All of one source: what is held, judged, and what was found before."""

    context: Context
    verdicts: list[Verdict]
    source: Source
    limits_hit: list[str]
    datagrams: Callable[[], Iterator[Datagram]]
    """The messages that were judged, once more."""


class Freezer(Protocol):
    """Keeps the capture that a finding was made from."""

    def name_for(self, client: str, at_ns: int) -> str:
        """The path that ``freeze`` would write to."""

    def freeze(self, path: str, packets: Sequence[Kept]) -> bool:
        """Writes it; False where that failed."""


@dataclass(slots=True)
class _Told:
    finding: Finding
    weight: tuple[int, int]
    seen_ns: int


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """``media``: frames of media are kept, too. ``here``: this host's addresses, to tell the
    direction by; they are not told to the diagnosis, which ``analyse`` could not repeat then.
    ``least``: findings below are no alerts."""

    media: bool = False
    here: frozenset[str] = frozenset()
    least: Severity = Severity.WARNING


class Watch:
    """One source: the interfaces together, or one log, as ``view`` says. See the module."""

    def __init__(
        self,
        view: View,
        started_ns: int,
        options: WatchOptions | None = None,
        freezer: Freezer | None = None,
    ) -> None:
        self._options = WatchOptions() if options is None else options
        self._limits, self._hits = view.limits, LimitHits()
        self._freezer = freezer
        self._view = view
        self._started_ns = started_ns
        self._intake = Intake(view, self._hits, self._options.here, media=self._options.media)
        self._clients = self._intake.clients
        self._told: OrderedDict[tuple[str, str, str], _Told] = OrderedDict()
        view.events = self._intake.events

    # What comes in.

    def frame(self, ts_ns: int, interface: int, data: bytes, wire: int) -> None:
        """Takes the next frame."""
        self._intake.frame(ts_ns, interface, data, wire)

    def log_item(self, item: Datagram | LogEvent) -> None:
        """Takes the next message or verdict line of a log."""
        self._intake.log_item(item)

    def dropped(self, now_ns: int, count: int) -> None:
        """The kernel dropped packets in the second before ``now_ns``: what got no reply around
        then may have been answered, and accuses nobody."""
        self._intake.dropped(now_ns, count)

    @property
    def learnt(self) -> Learnt:
        """Ports that the kernel's filter should let through."""
        return self._intake.learnt

    # What goes out.

    def tick(self, now_ns: int) -> list[Alert]:
        """Judges whom there may be something new of; to be called about once a second."""
        return [alert for alerts in self.judging(now_ns) for alert in alerts]

    def judging(self, now_ns: int) -> Iterator[list[Alert]]:
        """As ``tick``, giving way after each client: some 30 ms at most. More may be taken in
        between."""
        left = _PACKETS_PER_TICK
        for client in self._ready(now_ns):
            if client.alive:
                left -= len(client.history) + _JUDGING_COSTS
                yield self._judge(client, now_ns)
            if left <= 0:
                break

    def _ready(self, now_ns: int) -> list[Client]:
        """Those to be judged: with news first, then by when they last were."""
        self._clients.forget_before(now_ns - self._limits.live_history_s * NS)
        ready: list[tuple[bool, int, Client]] = []
        for client in self._clients:
            if client.expecting:
                client.expect(now_ns)
            if not client.shown or not len(client.history):
                continue
            since = now_ns - client.judged_ns
            news = client.due_ns is not None and client.due_ns <= now_ns
            if (news and since >= _AT_MOST_NS) or (client.changed and since >= _ROUTINE_NS):
                ready.append((not news, client.judged_ns, client))
        ready.sort(key=lambda entry: entry[:2])
        return [client for _, _, client in ready]

    def _judge(self, client: Client, now_ns: int) -> list[Alert]:
        client.due_ns, client.changed, client.judged_ns = None, False, now_ns
        packets = self._packets_of(client)
        name = None
        if self._freezer is not None and self._view.linktype is not None:
            name = self._freezer.name_for(client.key, now_ns)
        context, verdict = verdict_on(replay(self._view, packets, name=name))
        reach = _newest(context.reaches, client)
        client.judged = Judged(
            codes=tuple(f.code for f in verdict.findings if f.severity >= self._options.least),
            lifetime=reach.lifetime if reach else Interval(),
        )
        fresh = [(finding, worse) for finding in verdict.findings
                 if (worse := self._news(client, finding, now_ns)) is not None]  # fmt: skip
        frozen = None
        if fresh and name is not None and self._freezer is not None:
            frozen = name if self._freezer.freeze(name, packets) else None
        return [
            Alert(now_ns, finding, worse, client.key, frozen)
            for finding, worse in fresh
            if finding.caused_by is None
        ]

    def _packets_of(self, client: Client) -> list[Kept]:
        """Its history, and the newest packet of all: it shows how long nothing came."""
        packets = client.history.packets()
        witness = self._intake.witness
        if witness is not None and packets and witness.ts_ns > packets[-1].ts_ns:
            packets.append(witness)
        return packets

    def _news(self, client: Client, finding: Finding, now_ns: int) -> bool | None:
        """False: it is new; True: it is worse or surer than it was told; None: neither."""
        if finding.severity < self._options.least:
            return None
        place = client.key if finding.subject.kind != "source" else ""
        key = (place, finding.code, finding.subject.ident)
        weight = (int(finding.severity), int(finding.confidence))
        told = self._told.get(key)
        if told is None or now_ns - told.seen_ns > _AGAIN_NS:
            self._told[key] = _Told(finding, weight, now_ns)
            if len(self._told) > _TOLD:
                self._told.popitem(last=False)
            return False
        told.seen_ns = now_ns
        if weight >= told.weight:
            told.finding = finding
        if weight > told.weight:
            told.weight = weight
            return True
        return None

    def snapshot(self, now_ns: int, dropped_by_kernel: int = 0) -> Snapshot:
        """What is known now."""
        rows = [row_of(client, now_ns) for client in self._clients if client.shown]
        return Snapshot(
            now_ns, self._started_ns, (self._view.name,), tuple(rows),
            self.counters(dropped_by_kernel),
        )  # fmt: skip

    def counters(self, dropped_by_kernel: int = 0) -> Counters:
        """Since the start."""
        source, scanners = self._intake.source, self._clients.scanners
        return Counters(
            packets=source.packets,
            sip_messages=source.sip_messages,
            iax2_frames=source.iax2_frames,
            media_packets=source.rtp_packets,
            dropped_by_kernel=dropped_by_kernel,
            dropped_by_limits=self._hits.counts.total(),
            scanners=scanners.count,
            scanner_packets=scanners.packets,
        )

    def ladder(self, key: str) -> list[Packet] | None:
        """The recent signalling of a client, by the key of its row."""
        client = self._clients.get(key)
        if client is None:
            return None
        packets = client.history.packets()
        return replay(self._view, packets, keep_packets=len(packets) * 4).packets

    # The end.

    def judge_all(self) -> Judgement:
        """What was seen, judged as a whole; what was told before and is not held any more is in
        it, too."""
        everything = {
            (kept.ts_ns, kept.number): kept
            for client in self._clients
            for kept in client.history.packets()
        }
        self._intake.finish()
        packets = [everything[when] for when in sorted(everything)]
        subjects = replay(self._view, packets, hits=self._hits)
        context, verdict = verdict_on(subjects)
        earlier = [told.finding for told in self._told.values() if told.finding.caused_by is None]
        self._intake.source.vantage = subjects.source.vantage
        self._intake.source.notes += self._notes()
        return Judgement(
            context, [verdict, Verdict(None, earlier, [])], self._intake.source, self._hits.names(),
            partial(datagrams_in, self._view, packets),
        )  # fmt: skip

    def _notes(self) -> Iterable[str]:
        scanners = self._clients.scanners
        if scanners.count:
            listed = ", ".join(scanners.addresses(10))
            yield (
                f"left out as scanners, as they tried many users and were granted nothing: "
                f"{scanners.count} addresses, {scanners.packets} packets ({listed})"
            )


def _newest(reaches: Sequence[Reach], client: Client) -> Reach | None:
    """Of the peers that a history holds, the client's own: the one that registered last."""

    def rank(reach: Reach) -> tuple[bool, int]:
        registration = reach.peer.registration
        attempts = registration.attempts if registration else []
        mine = reach.peer.protocol == client.protocol
        return mine and reach.peer.user == client.user, attempts[-1].start_ns if attempts else 0

    return max(reaches, key=rank, default=None)
