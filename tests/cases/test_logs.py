"""Asterisk's log of a run leads to where the server's capture of that run leads."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import sipdiag

CAPTURES = Path(__file__).parents[2] / "captures"
RUNS = sorted((path.parent, path.stem) for path in CAPTURES.glob("*/*.log"))
PAIRS = sorted({folder for folder, run in RUNS if run == "bad"})
UNSEEN_IN_A_LOG = {"one-way-audio", "no-media", "sip-alg-broken-rewrite"}
"""What needs media, or every byte of a message."""


def _id(value: object) -> str:
    return value.name if isinstance(value, Path) else str(value)


def _accused(report: sipdiag.Report) -> set[str]:
    return {f.name for f in report.findings if f.severity != "info"}


def _lifetimes(report: sipdiag.Report) -> list[tuple[str, float | None, float | None]]:
    return [(e.subject, e.lower_s, e.upper_s) for e in report.estimates.nat_lifetime]


@pytest.mark.parametrize(("folder", "run"), RUNS, ids=_id)
def test_the_log_alone_leads_to_the_captures_verdict(folder: Path, run: str) -> None:
    log = sipdiag.analyse(folder / f"{run}.log")
    capture = sipdiag.analyse(folder / f"{run}.pcap")
    unseen = _accused(capture) & UNSEEN_IN_A_LOG
    assert _accused(log) == _accused(capture) - unseen
    assert unseen <= {item.name for item in log.undetermined} | {"sip-alg-broken-rewrite"}
    if not unseen:
        assert log.verdict.finding == capture.verdict.finding
    for (subject, *ours), (other, *theirs) in zip(
        _lifetimes(log), _lifetimes(capture), strict=True
    ):
        assert subject == other
        for mine, its in zip(ours, theirs, strict=True):
            assert (mine is None) == (its is None)
            assert mine is None or its is None or abs(mine - its) <= 1.0


@pytest.mark.parametrize("folder", PAIRS, ids=_id)
@pytest.mark.parametrize(("good", "bad"), [("log", "log"), ("log", "pcap"), ("pcap", "log")])
def test_compare_takes_logs_on_either_side(folder: Path, good: str, bad: str) -> None:
    told = tomllib.loads((folder / "case.toml").read_text())["bad"]
    report = sipdiag.compare(folder / f"good.{good}", folder / f"bad.{bad}")
    expected = set(told["expected"])
    assert _accused(report) <= expected | {"sip-alg-rewrite"}
    if told["verdict"] not in UNSEEN_IN_A_LOG:
        assert report.verdict.finding == told["verdict"]
        assert report.comparison is not None
        assert report.comparison.first_divergence is not None


def test_a_log_and_both_captures_taken_together() -> None:
    folder = CAPTURES / "sip-binding-30s"
    report = sipdiag.analyse(folder / "bad.log", folder / "bad.pcap", folder / "bad.inside.pcap")
    assert report.verdict.finding == "nat-binding-expired"
    (finding,) = [f for f in report.findings if f.name == "nat-binding-expired"]
    assert {e.source.rpartition("/")[2] for e in finding.evidence} >= {"bad.log", "bad.pcap"}
    together = {(Path(c.near).name, Path(c.far).name): c for c in report.crossings}
    assert together["bad.log", "bad.pcap"].changed_count is None
    assert together["bad.inside.pcap", "bad.pcap"].changed_count == 0
    assert abs(together["bad.log", "bad.pcap"].clock_ahead_s) < 1.0


def test_asterisks_own_words_are_evidence() -> None:
    report = sipdiag.analyse(CAPTURES / "sip-ack-missing" / "bad.log")
    finding = next(f for f in report.findings if f.name == "ack-missing")
    words = [e for e in finding.evidence if e.excerpt.startswith("Asterisk: ")]
    assert any("Retransmission timeout reached" in e.excerpt for e in words)
    assert all(e.line is not None and e.frame is None for e in words)


def test_words_without_packets_are_an_open_question(tmp_path: Path) -> None:
    log = tmp_path / "messages"
    log.write_text(
        "[2026-01-02 03:04:05.678] NOTICE[12] chan_sip.c: Peer '101' is now UNREACHABLE!  "
        "Last qualify: 20\n"
        "[2026-01-02 03:05:05.678] NOTICE[12] chan_sip.c: Peer '101' is now Reachable. "
        "(21ms / 2000ms)\n"
    )
    report = sipdiag.analyse(log)
    assert report.verdict.finding is None
    (item,) = report.undetermined
    assert (item.name, item.subject.id) == ("peer-unreachable", "101")
    assert "sip set debug on" in item.capture_next
