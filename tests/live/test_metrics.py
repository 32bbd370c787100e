"""``--metrics``: the last snapshot as Prometheus reads it, bounded, on loopback unless told."""

from __future__ import annotations

import socket
import urllib.request
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.errors import AccessError, UsageError
from sipdiag.base.interval import Interval
from sipdiag.live.metrics import PEERS, PORT, MetricsSink, PeerCollector, listen_at
from sipdiag.live.model import Counters, PeerState, Snapshot
from tests.live.made import HOSTILE, expired, moment, peer

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def _samples(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _told(*snapshots: Snapshot) -> Samples:
    collector = PeerCollector()
    registry = CollectorRegistry(auto_describe=False)
    registry.register(collector)
    text = ""
    for snapshot in snapshots:
        collector.snapshot = snapshot
        text = generate_latest(registry).decode()
    return _samples(text)


def _of(samples: Samples, name: str, **labels: str) -> float | None:
    return samples.get((name, frozenset(labels.items())))


def test_counters_and_peers_by_state() -> None:
    told = _told(
        moment(
            peer("101"),
            peer("102", state=PeerState.DARK),
            peer("i", protocol="IAX2"),
            counters=Counters(packets=9, dropped_by_kernel=2, scanners=1),
        )
    )
    assert _of(told, "sipdiag_packets_total") == 9
    assert _of(told, "sipdiag_kernel_dropped_packets_total") == 2
    assert _of(told, "sipdiag_scanners_total") == 1
    assert _of(told, "sipdiag_peers", protocol="SIP", state="dark") == 1
    assert _of(told, "sipdiag_peers", protocol="IAX2", state="dark") == 0
    assert _of(told, "sipdiag_start_time_seconds") == 1_700_000_000 - 3723


def test_a_peer_in_seconds_and_nothing_made_up() -> None:
    told = _told(moment(peer("101", findings=("SD501",)), peer("102", lifetime=Interval(20.0))))
    known = {"protocol": "SIP", "user": "101"}
    expected = {
        "reachable": 1, "last_packet_age_seconds": 12, "nat_lifetime_lower_seconds": 29.7,
        "nat_lifetime_upper_seconds": 33, "registration_granted_seconds": 60,
        "refresh_interval_seconds": 58, "round_trip_seconds": 0.0412, "findings": 1,
    }  # fmt: skip
    for name, value in expected.items():
        assert _of(told, f"sipdiag_peer_{name}", **known) == pytest.approx(value), name
    other = {"protocol": "SIP", "user": "102"}
    assert _of(told, "sipdiag_peer_nat_lifetime_upper_seconds", **other) is None
    assert _of(told, "sipdiag_peer_nat_lifetime_lower_seconds", **other) == 20


@pytest.mark.parametrize("state", PeerState)
def test_reachable_is_open_only_where_nothing_is_known(state: PeerState) -> None:
    told = _told(moment(peer(state=state)))
    value = _of(told, "sipdiag_peer_reachable", protocol="SIP", user="101")
    expected = {PeerState.UNKNOWN: None, PeerState.REACHABLE: 1}.get(state, 0)
    assert value == expected


def test_of_two_clients_with_one_name_the_newest_counts() -> None:
    told = _told(moment(peer(age_s=5.0, key="a"), peer(age_s=90.0, key="b")))
    assert _of(told, "sipdiag_peer_last_packet_age_seconds", protocol="SIP", user="101") == 5


def test_a_flood_of_names_is_capped_over_the_whole_run_and_registered_clients_come_first() -> None:
    flood = [peer(f"x{n}", granted_s=None) for n in range(2 * PEERS)]
    later = [peer(f"y{n}", granted_s=None) for n in range(50)]
    told = _told(moment(*flood, peer("101")), moment(peer("101"), *later))
    users = {dict(labels)["user"] for name, labels in told if name == "sipdiag_peer_findings"}
    assert users == {"101"}
    assert _of(told, "sipdiag_peers_left_out") == 50
    assert _of(told, "sipdiag_peers", protocol="SIP", state="reachable") == 51


def test_a_hostile_name_is_one_label() -> None:
    told = _told(moment(peer(f'{HOSTILE}"}} 1\n' + "x" * 999)))
    (user,) = {dict(labels)["user"] for name, labels in told if name == "sipdiag_peer_findings"}
    assert user.startswith("\\x1b[2J[red]evil") and user.isprintable() and len(user) < 150


def test_every_metric_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "howto" / "live.md").read_text()
    collector = PeerCollector()
    collector.snapshot = moment(peer())
    names = {sample.name for family in collector.collect() for sample in family.samples}
    assert len(names) > 15
    assert {name for name in names if f"`{name}`" not in page} == set()


def test_it_is_served_over_http_and_the_port_closes() -> None:
    at = Endpoint("127.0.0.1", _free_port())
    sink = MetricsSink(at)
    assert _samples(_get(at)) == {}
    sink.update(moment(peer()))
    sink.alert(expired())
    told = _samples(_get(at))
    assert _of(told, "sipdiag_alerts_total", code="SD501", severity="error") == 1
    assert _of(told, "sipdiag_packets_total") == 1234
    assert not any(name.startswith(("python_", "process_")) for name, _ in told)
    sink.close()
    with pytest.raises(OSError):
        _get(at)


def test_loopback_is_not_worth_a_word_and_everything_else_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    MetricsSink(Endpoint("127.0.0.1", _free_port())).close()
    assert capsys.readouterr().err == ""
    MetricsSink(Endpoint("0.0.0.0", port := _free_port())).close()
    assert f"open to whoever reaches 0.0.0.0:{port}" in capsys.readouterr().err


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = Endpoint("127.0.0.1", taken.getsockname()[1])
        with pytest.raises(AccessError, match="can't listen"):
            MetricsSink(at)


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("9477", Endpoint("127.0.0.1", 9477)),
        (":8080", Endpoint("127.0.0.1", 8080)),
        ("localhost", Endpoint("127.0.0.1", PORT)),
        ("localhost:1", Endpoint("127.0.0.1", 1)),
        ("127.0.0.1:9477", Endpoint("127.0.0.1", 9477)),
        ("10.8.0.1", Endpoint("10.8.0.1", PORT)),
        ("0.0.0.0:9477", Endpoint("0.0.0.0", 9477)),
        ("[::1]:9477", Endpoint("::1", 9477)),
        ("::1", Endpoint("::1", PORT)),
        ("[::1]", Endpoint("::1", PORT)),
    ],
)
def test_where_it_listens(text: str, endpoint: Endpoint) -> None:
    assert listen_at(text) == endpoint


@pytest.mark.parametrize(
    "text", ["", "eth0", "pbx.example:9477", "127.0.0.1:", "0", "65536", "127.0.0.1:x", "[::1]x"]
)
def test_where_it_cannot_listen(text: str) -> None:
    with pytest.raises(UsageError, match="--metrics"):
        listen_at(text)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _get(at: Endpoint) -> str:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{at}/metrics", timeout=30) as answer:
        text: str = answer.read().decode()
        return text
