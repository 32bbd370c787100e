"""The loop: what ends it, and that nothing that was received is lost."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

import pytest

from sipdiag.base.interval import NS
from sipdiag.crafting.scenario import START_NS, Scenario
from sipdiag.findings.model import Severity
from sipdiag.live.follow import LogFollower
from sipdiag.live.model import Alert, Snapshot
from sipdiag.live.ring import Ring
from sipdiag.live.run import Post, Stop, on_signals, watch_until
from sipdiag.live.together import Together
from sipdiag.live.verdicts import View
from sipdiag.live.watch import Watch
from sipdiag.readers.bpf import Wanted
from sipdiag.readers.live import Frame
from sipdiag.report.model import Report
from tests.live.watched import ETHERNET, dark_phone, frames_of

CAPTURES = Path(__file__).parents[2] / "captures"


@dataclass
class Told:
    """A sink that keeps what it was told."""

    snapshots: list[Snapshot] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)

    def update(self, snapshot: Snapshot) -> None:
        self.snapshots.append(snapshot)

    def alert(self, alert: Alert) -> None:
        self.alerts.append(alert)

    def finish(self, report: Report) -> None:
        self.reports.append(report)


class Played:
    """An interface on which frames come as they were captured, in a time that runs fast: each
    look at the clock moves it on."""

    def __init__(self, frames: Sequence[tuple[int, bytes, int]], step_s: float = 0.25) -> None:
        self.notices: list[str] = []
        self.wanted = Wanted()
        self.dropped = self.drops = 0
        self.mended = 0
        self._frames = deque(frames)
        self.now_ns = frames[0][0] if frames else START_NS
        self._step_ns = int(step_s * NS)
        self._read, self._write = os.pipe()
        os.write(self._write, b"!")

    def clock(self) -> int:
        self.now_ns += self._step_ns
        return self.now_ns

    def filenos(self) -> list[int]:
        return [self._read]

    def read(self, fileno: int, most: int) -> list[Frame]:
        found: list[Frame] = []
        while self._frames and self._frames[0][0] <= self.now_ns and len(found) < most:
            ts_ns, data, wire = self._frames.popleft()
            found.append(Frame(ts_ns, 1, data, wire))
        return found

    def want(self, wanted: Wanted) -> None:
        self.wanted = wanted

    def statistics(self) -> int:
        self.dropped += self.drops
        self.drops = 0
        return self.dropped

    def mend(self) -> None:
        self.mended += 1

    def __enter__(self) -> Played:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._read)
        os.close(self._write)


@pytest.fixture
def stop() -> Iterator[Stop]:
    stop = Stop()
    yield stop
    stop.close()


def post(stop: Stop, played: Played, told: Told, ring: Ring | None = None) -> Post:
    """The loop's parts."""
    watch = Watch(View("eth0", ETHERNET), played.now_ns, freezer=ring)
    return Post(
        stop=stop, sinks=[told], together=Together([watch], played.now_ns), capture=played,
        watch=watch, ring=ring, clock=played.clock, notice=lambda text: None,
    )  # fmt: skip


def frames(tmp_path: Path) -> list[tuple[int, bytes, int]]:
    return frames_of(dark_phone().write(tmp_path / "story.pcap"))


def test_the_duration_ends_it_and_the_sinks_are_told_all(tmp_path: Path, stop: Stop) -> None:
    told = Told()
    with Played(frames(tmp_path)) as played:
        report = watch_until(replace(post(stop, played, told), duration_ns=300 * NS))
    assert told.reports == [report]
    assert report.verdict.finding == "nat-binding-expired"
    assert [alert.finding.name for alert in told.alerts] == ["nat-binding-expired"] * 2
    assert len(told.snapshots) > 100
    assert played.mended == len(told.snapshots)
    assert told.snapshots[-1].counters.packets == len(frames(tmp_path))
    assert report.sources[0].packets == len(frames(tmp_path))


def test_the_first_finding_ends_it_where_that_was_asked(tmp_path: Path, stop: Stop) -> None:
    told = Told()
    with Played(frames(tmp_path)) as played:
        watch_until(replace(post(stop, played, told), until=Severity.ERROR))
        assert played.now_ns < START_NS + 200 * NS
    assert len(told.alerts) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_what_was_received_is_judged(
    tmp_path: Path, stop: Stop, number: signal.Signals
) -> None:
    """All frames are there when the signal comes, none is read yet."""
    told = Told()
    before = signal.getsignal(number)
    with Played(frames(tmp_path)) as played, on_signals(stop):
        played.now_ns += 400 * NS
        os.kill(os.getpid(), number)
        report = watch_until(post(stop, played, told))
    assert signal.getsignal(number) == before
    assert report.verdict.finding == "nat-binding-expired"
    assert told.snapshots[-1].counters.packets == len(frames(tmp_path))


def test_another_thread_ends_it(tmp_path: Path, stop: Stop) -> None:
    told = Told()
    with Played([], step_s=0.001) as played:
        threading.Timer(0.1, stop).start()
        report = watch_until(post(stop, played, told))
    assert report.verdict.summary.startswith("Nothing to diagnose")


def test_everything_is_in_the_ring_and_findings_in_captures_of_their_own(
    tmp_path: Path, stop: Stop
) -> None:
    told = Told()
    home = tmp_path / "ring"
    home.mkdir()
    with Played(frames(tmp_path)) as played:
        ring = Ring(home, ETHERNET)
        watch_until(replace(post(stop, played, told, ring), duration_ns=300 * NS))
    (whole,) = home.glob("ring-*.pcap")
    assert frames_of(whole) == frames(tmp_path)
    assert [Path(alert.frozen or "").exists() for alert in told.alerts] == [True, True]


def test_what_the_kernel_dropped_is_in_the_report(tmp_path: Path, stop: Stop) -> None:
    told = Told()
    with Played(frames(tmp_path)) as played:
        played.drops = 7
        report = watch_until(replace(post(stop, played, told), duration_ns=10 * NS))
    assert told.snapshots[-1].counters.dropped_by_kernel == 7
    assert any("7 packets" in note for note in report.sources[0].notes)


def test_a_reply_that_may_have_been_dropped_accuses_nobody(tmp_path: Path, stop: Stop) -> None:
    """The call that fails is the one during which packets were dropped."""
    told = Told()
    with Played(frames(tmp_path)) as played:

        def clock() -> int:
            if played.now_ns > START_NS + 142 * NS and played.dropped < 5:
                played.drops += 1
            return played.clock()

        parts = replace(post(stop, played, told), clock=clock, duration_ns=190 * NS)
        watch_until(parts)
    assert told.alerts == []


def test_notices_of_interfaces_are_told_once(tmp_path: Path, stop: Stop) -> None:
    said: list[str] = []
    with Played(frames(tmp_path)) as played:
        played.notices.append("eth0: network is down; waiting for it")
        watch_until(replace(post(stop, played, Told()), duration_ns=10 * NS, notice=said.append))
    assert said == ["eth0: network is down; waiting for it"]


@pytest.mark.parametrize("given", [frozenset[int](), frozenset({14569})])
def test_ports_found_by_content_are_let_through_unless_ports_were_given(
    tmp_path: Path, stop: Stop, given: frozenset[int]
) -> None:
    s = Scenario(server="203.0.113.80", software="Asterisk PBX 16.28.0")
    s.at(0)
    poke = b"\x80\x01\x00\x00" + bytes(4) + b"\x00\x00\x06\x1e"
    s.send("203.0.113.7:40000", "203.0.113.80:14569", poke)
    with Played(frames_of(s.write(tmp_path / "poke.pcap"))) as played:
        played.wanted = Wanted(given=given)
        watch_until(replace(post(stop, played, Told()), duration_ns=5 * NS))
        assert (14569 in played.wanted.iax2_ports) is not bool(given)


def test_a_log_is_followed_in_place_of_an_interface(tmp_path: Path, stop: Stop) -> None:
    data = (CAPTURES / "sip-binding-30s" / "bad.log").read_bytes()
    log = tmp_path / "full"
    log.write_bytes(b"")
    follower = LogFollower(str(log), tz="UTC")
    watch = Watch(View(str(log), None), START_NS)
    told = Told()
    log.write_bytes(data)
    with Played([]) as played:
        report = watch_until(
            Post(
                stop=stop, sinks=[told], together=Together([watch], START_NS), logs=[follower],
                log_watches=[watch], clock=played.clock, duration_ns=10 * NS,
                notice=lambda text: None,
            )
        )  # fmt: skip
    follower.close()
    assert report.verdict.finding == "nat-binding-expired"
    assert report.sources[0].kind == "log"
