"""The interfaces and the logs that are watched, as one.

Contract: pure. A client that several sources know is shown once, as the packets show it; a finding
that several of them make is told once, and again only where it is worse or surer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sipdiag.advice import Target
from sipdiag.asterisk.identify import AsteriskVersion, version_of
from sipdiag.findings import merge
from sipdiag.flows.subjects import Packet
from sipdiag.live.model import Alert, Counters, PeerRow, Snapshot
from sipdiag.live.watch import Judgement, Watch
from sipdiag.report.build import build
from sipdiag.report.model import Report
from sipdiag.report.picture import Pictures


class Together:
    """``watches``: the interfaces' first."""

    def __init__(self, watches: Sequence[Watch], started_ns: int) -> None:
        self._watches = watches
        self._started_ns = started_ns
        self._told: dict[tuple[str, str], tuple[int, int]] = {}
        self._judged: list[Judgement] = []

    def judging(self, now_ns: int) -> Iterator[list[Alert]]:
        """As ``Watch.judging``, of all."""
        for watch in self._watches:
            for alerts in watch.judging(now_ns):
                yield alerts if len(self._watches) == 1 else [a for a in alerts if self._is_news(a)]

    def _is_news(self, alert: Alert) -> bool:
        finding = alert.finding
        key = (finding.code, finding.subject.ident)
        weight = (int(finding.severity), int(finding.confidence))
        if weight <= self._told.get(key, (0, 0)):
            return False
        self._told[key] = weight
        return True

    def snapshot(self, now_ns: int, dropped_by_kernel: int) -> Snapshot:
        """As ``Watch.snapshot``, of all."""
        parts = [watch.snapshot(now_ns) for watch in self._watches]
        rows: dict[tuple[str, str], list[PeerRow]] = {}
        for part in parts:
            known = set(rows)
            for row in part.peers:
                if (row.protocol, row.user) not in known:
                    rows.setdefault((row.protocol, row.user), []).append(row)
        return Snapshot(
            now_ns,
            self._started_ns,
            tuple(source for part in parts for source in part.sources),
            tuple(row for same in rows.values() for row in same),
            _sum((part.counters for part in parts), dropped_by_kernel),
        )

    def ladder(self, key: str) -> list[Packet] | None:
        """The recent signalling of a client, by the key of its row."""
        for watch in self._watches:
            found = watch.ladder(key)
            if found is not None:
                return found
        return None

    def report(self, asterisk: AsteriskVersion | None, notes: Iterable[str]) -> Report:
        """Everything, judged. ``notes``: on the first source."""
        judgements = self._judged = [watch.judge_all() for watch in self._watches]
        for note in notes:
            judgements[0].source.notes.append(note)
        contexts = [judgement.context for judgement in judgements]
        verdicts = merge([verdict for j in judgements for verdict in j.verdicts])
        subjects = contexts[0].subjects
        target = Target(asterisk or version_of(subjects.pbx_software), subjects.pbx_driver)
        hits = sorted({name for judgement in judgements for name in judgement.limits_hit})
        return build(contexts, verdicts, [j.source for j in judgements], target, hits)

    def pictures(self) -> Pictures:
        """Of what ``report`` judged; messages as far as they are held."""
        from sipdiag.report.picture.paint import paint

        judged = sorted(self._judged, key=lambda j: -max((f.severity for f in j.context.found),
                                                         default=0))  # fmt: skip
        again = {id(judgement.context): judgement.datagrams for judgement in judged}
        return paint([j.context for j in judged], lambda context: again[id(context)]())


def _sum(parts: Iterable[Counters], dropped_by_kernel: int) -> Counters:
    found = list(parts)
    return Counters(
        packets=sum(c.packets for c in found),
        sip_messages=sum(c.sip_messages for c in found),
        iax2_frames=sum(c.iax2_frames for c in found),
        media_packets=sum(c.media_packets for c in found),
        dropped_by_kernel=dropped_by_kernel,
        dropped_by_limits=sum(c.dropped_by_limits for c in found),
        scanners=sum(c.scanners for c in found),
        scanner_packets=sum(c.scanner_packets for c in found),
    )
