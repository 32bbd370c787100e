"""The two sides of the router taken together prove what one side can't."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

import sipdiag

CAPTURES = Path(__file__).parents[2] / "captures"
BOTH = sorted(
    (path.parent, path.name.removesuffix(".inside.pcap"))
    for path in CAPTURES.glob("*/*.inside.pcap")
)


def _together(case: str, run: str) -> sipdiag.Report:
    folder = CAPTURES / case
    return sipdiag.analyse(folder / f"{run}.pcap", folder / f"{run}.inside.pcap")


def _accused(report: sipdiag.Report) -> set[str]:
    return {f.name for f in report.findings if f.severity != "info"}


@pytest.mark.parametrize(("folder", "run"), BOTH, ids=lambda value: getattr(value, "name", value))
def test_no_false_accusation(folder: Path, run: str) -> None:
    told = tomllib.loads((folder / "case.toml").read_text()).get(run, {})
    report = _together(folder.name, run)
    assert _accused(report) <= set(told.get("expected", []))
    (crossing,) = report.crossings
    assert crossing.near.endswith(".inside.pcap") or crossing.same_place
    assert crossing.matched_count > 0
    assert abs(crossing.clock_ahead_s) < 0.01


@pytest.mark.parametrize("case", ["sip-alg", "sip-alg-asterisk-phone"])
def test_both_sides_prove_the_rewrite_field_by_field(case: str) -> None:
    report = _together(case, "bad")
    assert (report.verdict.finding, report.verdict.confidence) == ("sip-alg-rewrite", "high")
    finding = report.findings[0]
    fields = finding.params["changed_fields"]
    assert isinstance(fields, list)
    assert {"Via", "Contact", "SDP c="} <= set(fields)
    changes = finding.params["changes"]
    assert isinstance(changes, list) and len(changes) == len(fields)
    assert all("192.168.1.50" in c and "203.0.113.7" in c for c in changes if c.startswith("Via"))
    frames = {(e.source.rpartition("/")[2], e.frame) for e in finding.evidence}
    assert {source for source, _ in frames} == {"bad.pcap", "bad.inside.pcap"}
    assert all(frame is not None for _, frame in frames)
    assert {s.vantage for s in report.sources} == {"phone", "pbx"}


def test_a_broken_alg_is_told_from_one_that_works() -> None:
    report = _together("sip-alg-broken", "bad")
    assert report.verdict.finding == "sip-alg-broken-rewrite"
    assert report.verdict.confidence == "high"


@pytest.mark.parametrize("case", ["ok-stun-phone", "ok-externaddr-phone", "ok-public-phone"])
def test_both_sides_prove_that_there_was_no_rewrite(case: str) -> None:
    report = _together(case, "capture")
    (crossing,) = report.crossings
    assert crossing.changed_count == 0
    assert crossing.changed_fields == []
    assert [f for f in report.findings if f.name.startswith("sip-alg")] == []


def test_what_never_came_to_the_phone_was_lost_in_the_nat() -> None:
    report = _together("sip-binding-30s", "bad")
    assert report.verdict.finding == "nat-binding-expired"
    assert "never came to the phone's side" in report.verdict.summary
    (lifetime,) = report.estimates.nat_lifetime
    assert lifetime.refresh_s == 25


def test_what_came_to_the_phone_was_not() -> None:
    report = _together("sip-phone-off", "bad")
    assert report.verdict.finding == "peer-unreachable"
    assert "arrived on the phone's side" in report.verdict.summary


@pytest.mark.parametrize("case", ["sip-response-misrouted", "pjsip-response-misrouted"])
def test_what_one_side_leaves_open_the_other_answers(case: str) -> None:
    alone = sipdiag.analyse(CAPTURES / case / "bad.inside.pcap")
    assert [u.name for u in alone.undetermined] == ["registration-unanswered"]
    report = _together(case, "bad")
    assert report.verdict.finding == "response-misrouted"
    assert report.undetermined == []
