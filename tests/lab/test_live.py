"""``sipdiag live`` on the lab's VPS, while the phone's calls fail or don't.

Contract: marked ``lab``; skipped, with the reason, where the lab can't run. Both sides of each case
run afresh with ``live`` in the VPS's namespace, and on the phone's side too.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sipdiag import pipeline
from sipdiag.report.model import Report

from . import prepare, wire
from .cases import Case, Side, load_all
from .net import LabError, Network, namespaced, pause, stop
from .play import play

pytestmark = pytest.mark.lab

CASES = ("sip-binding-30s", "iax2-binding-30s", "sip-alg")
WITHIN_S = 35


@dataclass(frozen=True)
class Watched:
    """What ``live`` said at one place, line by line, and where its captures are."""

    lines: list[dict[str, Any]]
    ring: Path

    def all(self, kind: str) -> list[dict[str, Any]]:
        """The lines of a type."""
        return [line for line in self.lines if line["type"] == kind]

    def alerts(self, name: str) -> list[dict[str, Any]]:
        """The alerts of a finding."""
        return [a for a in self.all("alert") if a["finding"]["name"] == name]

    @property
    def snapshot(self) -> dict[str, Any]:
        """The last one."""
        return self.all("snapshot")[-1]

    @property
    def report(self) -> dict[str, Any]:
        """The last line."""
        assert self.lines[-1]["type"] == "report"
        return self.lines[-1]


@dataclass(frozen=True)
class Run:
    """One side: what ``live`` said on the VPS and on the phone's side, and when the calls to the
    phone that got no answer began (seconds since 1970)."""

    vps: Watched
    phone: Watched
    failed_at: list[float]


def _live(stack: ExitStack, host: str, home: Path) -> None:
    """Starts ``live`` on a host and waits until it watches."""
    output = home / "live.json"
    home.mkdir(parents=True)
    argv = (
        "nice", "-n", "-10", sys.executable, "-m", "sipdiag", "live", "-i", "eth0", "--json",
        "--write", str(home / "ring"),
    )  # fmt: skip
    process = namespaced(host, argv, output)
    stack.callback(stop, process)
    end = time.monotonic() + 30
    while b'"type": "snapshot"' not in output.read_bytes():
        if process.poll() is not None or time.monotonic() > end:
            raise LabError(f"live: {output.read_text(errors='replace')}")
        pause(0.1)


def _watched(home: Path) -> Watched:
    text = (home / "live.json").read_text()
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return Watched(lines, home / "ring")


def _run(case: Case, side: Side, into: Path) -> Run:
    def beside(stack: ExitStack, network: Network) -> None:
        _live(stack, network.vps, into / "vps")
        _live(stack, network.phones[0], into / "phone")

    played = play(case, side, prepare.lab_dir(), into / "run", beside=beside)
    if played.complaints:
        raise LabError("; ".join(played.complaints))
    began = _first_packet_s(into / "run" / f"{side.name}.pcap")
    failed = [began + call.at for call in played.measured.calls if call.answered == "no"]
    return Run(_watched(into / "vps"), _watched(into / "phone"), failed)


def _first_packet_s(path: Path) -> float:
    return next(iter(wire.read_pcap(path))).at


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Run]]]:
    """Every side of every case, all at once."""
    if lacking := prepare.missing():
        pytest.skip("; ".join(lacking))
    out = tmp_path_factory.mktemp("live")
    sides = [(case, side) for case in load_all(list(CASES)) for side in case.sides]
    with ThreadPoolExecutor(len(sides)) as pool:
        yield {
            f"{case.name}/{side.name}": pool.submit(
                _run, case, side, out / f"{case.name}-{side.name}"
            )
            for case, side in sides
        }


def _since(alert: dict[str, Any], begin_s: float) -> float:
    return datetime.fromisoformat(alert["time"]).timestamp() - begin_s


def _analysed(*captures: str) -> Report:
    return pipeline.analyse(*captures)


@pytest.mark.parametrize("case", ["sip-binding-30s", "iax2-binding-30s"])
def test_the_phone_that_goes_dark_is_told_within_35_s(
    runs: dict[str, Future[Run]], case: str
) -> None:
    run = runs[f"{case}/bad"].result()
    told = run.vps.alerts("nat-binding-expired")
    assert told and 0 < _since(told[0], run.failed_at[0]) < WITHIN_S
    assert run.vps.report["verdict"]["finding"] == "nat-binding-expired"
    row = run.vps.snapshot["peers"][0]
    assert row["user"] == "101"
    assert 29 < row["lifetime"]["lower_s"] < row["lifetime"]["upper_s"] < 34


@pytest.mark.parametrize("case", ["sip-binding-30s", "iax2-binding-30s"])
def test_its_frozen_capture_leads_to_the_same_verdict(
    runs: dict[str, Future[Run]], case: str
) -> None:
    for alert in runs[f"{case}/bad"].result().vps.alerts("nat-binding-expired"):
        verdict = _analysed(alert["frozen"]).findings[0]
        said = alert["finding"]
        assert (verdict.name, verdict.confidence) == (said["name"], said["confidence"])
        frames = [item["frame"] for item in said["evidence"]]
        assert frames == [item.frame for item in verdict.evidence]


@pytest.mark.parametrize("case", CASES)
def test_silent_on_the_healthy_phone(runs: dict[str, Future[Run]], case: str) -> None:
    run = runs[f"{case}/good"].result()
    assert run.vps.all("alert") == []
    assert run.vps.report["verdict"]["finding"] is None
    assert run.vps.snapshot["peers"][0]["state"] == "reachable"


def test_an_alg_is_told_where_both_vantages_show_it(runs: dict[str, Future[Run]]) -> None:
    run = runs["sip-alg/bad"].result()
    both = [*_ring(run.phone), *_ring(run.vps)]
    names = {finding.name for finding in _analysed(*both).findings}
    assert "sip-alg-rewrite" in names


def test_nothing_was_dropped(runs: dict[str, Future[Run]]) -> None:
    for run in (future.result() for future in runs.values()):
        assert run.vps.snapshot["counters"]["dropped_by_kernel"] == 0


def _ring(watched: Watched) -> list[str]:
    return sorted(str(path) for path in watched.ring.glob("ring-*.pcap"))
