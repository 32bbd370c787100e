"""``--metrics ADDR``: the last snapshot for Prometheus, by its client library.

Contract: own registry, nothing of the process's own; every value is of the last snapshot. Peers
have the labels ``protocol`` and ``user``; where several clients share both, the one that was heard
last counts. At most ``PEERS`` label pairs are ever told of in one run, registered clients first,
so that a flood of names can't fill Prometheus. Listens on loopback unless an address says
otherwise, which is told on standard error.
"""

from __future__ import annotations

import ipaddress
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.errors import AccessError, UsageError
from sipdiag.base.interval import seconds
from sipdiag.live.model import Alert, Counters, PeerRow, PeerState, Snapshot
from sipdiag.live.view import age_s
from sipdiag.report.model import Report
from sipdiag.report.safe import plain

PORT = 9477
PEERS = 1000
"""Label pairs: some 8 series each."""
_NAME_LONGEST = 64
_PLACE = re.compile(
    r"(?:\[(?P<six>[^\]]+)\]|(?P<host>[^:\[\]]*|[^\[\]]*:[^\[\]]*:[^\[\]]*))(?::(?P<port>[0-9]+))?"
)
"""An address without brackets that has two colons is of IPv6, and has no port."""

_COUNTERS: dict[str, tuple[Callable[[Counters], int], str]] = {
    "packets": (lambda c: c.packets, "Packets that were looked at."),
    "sip_messages": (lambda c: c.sip_messages, "SIP messages."),
    "iax2_frames": (lambda c: c.iax2_frames, "IAX2 full frames."),
    "media_packets": (lambda c: c.media_packets, "Media packets, where --media counts them."),
    "kernel_dropped_packets": (lambda c: c.dropped_by_kernel, "Packets that the kernel dropped."),
    "limit_drops": (lambda c: c.dropped_by_limits, "Things not held because a cap was reached."),
    "scanners": (lambda c: c.scanners, "Addresses recognised as SIP scanners."),
    "scanner_packets": (lambda c: c.scanner_packets, "Packets of SIP scanners."),
}

_PEER_GAUGES: dict[str, tuple[Callable[[PeerRow, int], float | None], str]] = {
    "reachable": (
        lambda row, _: None if row.state is PeerState.UNKNOWN else row.state is PeerState.REACHABLE,
        "1 reachable; 0 at risk, dark, silent or lapsed; no value where it isn't known.",
    ),
    "last_packet_age_seconds": (age_s, "Since the peer's newest packet."),
    "nat_lifetime_lower_seconds": (
        lambda row, _: row.lifetime.lower_s,
        "Largest age of its NAT binding that was seen to work.",
    ),
    "nat_lifetime_upper_seconds": (
        lambda row, _: row.lifetime.upper_s,
        "Smallest age of its NAT binding that was seen to fail.",
    ),
    "registration_granted_seconds": (
        lambda row, _: row.granted_s,
        "Expiry that the registrar granted.",
    ),
    "refresh_interval_seconds": (
        lambda row, _: row.observed_s,
        "Median time between its refreshes.",
    ),
    "round_trip_seconds": (
        lambda row, _: None if row.rtt_ms is None else row.rtt_ms / 1000,
        "How long its newest answer took.",
    ),
    "findings": (lambda row, _: len(row.findings), "Findings that are open."),
}


def listen_at(text: str) -> Endpoint:
    """``9477``, ``:9477``, ``localhost:9477``, ``127.0.0.1:9477``, ``[::1]:9477``, or an address
    alone, to where to listen; loopback where no address is given. Raises ``UsageError``."""
    wanted = _PLACE.fullmatch(f":{text}" if text.isdecimal() else text)
    host = wanted["six"] or wanted["host"] or "127.0.0.1" if wanted and text else ""
    port = int(wanted["port"] or PORT) if wanted else 0
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError as error:
        raise UsageError(f"--metrics: {text} is no port and no IP address") from error
    if not 0 < port < 65536:
        raise UsageError(f"--metrics: {text} has no port from 1 to 65535")
    return Endpoint(str(address), port)


class PeerCollector(Collector):
    """What Prometheus asks: the metrics of the last snapshot."""

    def __init__(self) -> None:
        self.snapshot: Snapshot | None = None
        self.alerts: Counter[tuple[str, str]] = Counter()
        """(code, severity) to how many."""
        self._told: set[tuple[str, str]] = set()

    def collect(self) -> Iterator[Metric]:
        """Every metric; before the first snapshot, none."""
        snapshot = self.snapshot
        if snapshot is None:
            return
        yield _gauge("start_time_seconds", "Begin, since 1970.", seconds(snapshot.started_ns))
        yield _gauge("snapshot_time_seconds", "Now, since 1970.", seconds(snapshot.now_ns))
        for name, (value, text) in _COUNTERS.items():
            yield CounterMetricFamily(f"sipdiag_{name}", text, value=value(snapshot.counters))
        alerts = CounterMetricFamily("sipdiag_alerts", "Alerts told.", labels=("code", "severity"))
        for labels, count in list(self.alerts.items()):
            alerts.add_metric(labels, count)
        yield alerts
        yield from self._peers(snapshot)

    def _peers(self, snapshot: Snapshot) -> Iterator[Metric]:
        states = GaugeMetricFamily("sipdiag_peers", "Peers.", labels=("protocol", "state"))
        for (protocol, state), count in sorted(_states(snapshot).items()):
            states.add_metric((protocol, state), count)
        yield states
        rows, left_out = self._labelled(snapshot)
        yield _gauge("peers_left_out", "Peers without metrics of their own.", left_out)
        for name, (value, text) in _PEER_GAUGES.items():
            family = GaugeMetricFamily(f"sipdiag_peer_{name}", text, labels=("protocol", "user"))
            for labels, row in rows.items():
                number = value(row, snapshot.now_ns)
                if number is not None:
                    family.add_metric(labels, number)
            yield family

    def _labelled(self, snapshot: Snapshot) -> tuple[dict[tuple[str, str], PeerRow], int]:
        """The row of each label pair, and how many rows have none."""
        rows: dict[tuple[str, str], PeerRow] = {}
        left_out = 0
        for row in sorted(snapshot.peers, key=lambda row: row.granted_s is None):
            labels = (row.protocol, plain(row.user, longest=_NAME_LONGEST))
            if labels not in self._told and len(self._told) >= PEERS:
                left_out += 1
                continue
            self._told.add(labels)
            other = rows.get(labels)
            if other is None or (row.last_out_ns or 0) > (other.last_out_ns or 0):
                rows[labels] = row
        return rows, left_out


def _states(snapshot: Snapshot) -> Counter[tuple[str, str]]:
    """Every state of every protocol that there is, also where it counts none."""
    counts: Counter[tuple[str, str]] = Counter()
    for protocol in {row.protocol for row in snapshot.peers}:
        counts.update({(protocol, state.value): 0 for state in PeerState})
    counts.update((row.protocol, row.state.value) for row in snapshot.peers)
    return counts


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"sipdiag_{name}", text, value=value)


class MetricsSink:
    """Serves them over HTTP from a thread of the library. Raises ``AccessError`` where the port
    can't be opened."""

    def __init__(self, at: Endpoint) -> None:
        self.collector = PeerCollector()
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self.collector)
        try:
            self._server, self._thread = start_http_server(at.port, at.ip, registry)
        except OSError as error:
            raise AccessError(f"--metrics: can't listen on {at}: {error.strerror}") from error
        if not ipaddress.ip_address(at.ip).is_loopback:
            print(f"sipdiag: metrics are open to whoever reaches {at}", file=sys.stderr)

    def update(self, snapshot: Snapshot) -> None:
        """What the next question is answered from."""
        self.collector.snapshot = snapshot

    def alert(self, alert: Alert) -> None:
        """Counts it."""
        finding = alert.finding
        self.collector.alerts[finding.code, finding.severity.word] += 1

    def finish(self, report: Report) -> None:
        """Nothing to tell."""

    def close(self) -> None:
        """Closes the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
