"""Every case in ``captures/`` is judged as its ``case.toml`` says, and nothing else is accused.

A ``good.pcap``/``bad.pcap`` pair is compared; a ``capture.pcap`` stands alone. Captures of the
phone's side are judged too: from there most faults can't be seen, so that nothing may be accused.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

import sipdiag

CAPTURES = Path(__file__).parents[2] / "captures"
CASES = sorted(path.parent for path in CAPTURES.glob("*/case.toml"))
PAIRS = [case for case in CASES if (case / "bad.pcap").exists()]
SINGLES = [case for case in CASES if (case / "capture.pcap").exists()]


def _told(case: Path) -> dict[str, Any]:
    return tomllib.loads((case / "case.toml").read_text())


def _accused(report: sipdiag.Report) -> list[str]:
    return sorted({f.name for f in report.findings if f.severity != "info"})


def test_there_are_cases() -> None:
    assert len(PAIRS) >= 7
    assert set(PAIRS) | set(SINGLES) == set(CASES)


@pytest.mark.parametrize("case", PAIRS, ids=lambda case: case.name)
def test_compare_names_the_cause_and_nothing_else(case: Path) -> None:
    told = _told(case)["bad"]
    report = sipdiag.compare(case / "good.pcap", case / "bad.pcap")
    assert report.verdict.finding == told["verdict"]
    assert _accused(report) == sorted(told["expected"])
    assert not set(_accused(report)) & set(told["forbidden"])
    assert report.limits_hit == []
    assert report.comparison is not None
    assert report.comparison.first_divergence is not None


@pytest.mark.parametrize("case", PAIRS, ids=lambda case: case.name)
def test_analyse_finds_nothing_in_good(case: Path) -> None:
    report = sipdiag.analyse(case / "good.pcap")
    assert _accused(report) == []
    assert report.verdict.finding is None


@pytest.mark.parametrize("case", PAIRS, ids=lambda case: case.name)
def test_bad_alone_is_never_accused_of_something_else(case: Path) -> None:
    told = _told(case)["bad"]
    assert set(_accused(sipdiag.analyse(case / "bad.pcap"))) <= set(told["expected"])


@pytest.mark.parametrize("case", SINGLES, ids=lambda case: case.name)
def test_a_healthy_look_alike_is_not_accused(case: Path) -> None:
    assert _accused(sipdiag.analyse(case / "capture.pcap")) == []


@pytest.mark.parametrize(
    "capture", sorted(CAPTURES.glob("*/*.inside.pcap")), ids=lambda c: f"{c.parent.name}/{c.name}"
)
def test_the_phones_side_accuses_of_nothing_else(capture: Path) -> None:
    told = _told(capture.parent).get("bad", {})
    expected = told.get("expected", []) if capture.name.startswith("bad") else []
    assert set(_accused(sipdiag.analyse(capture))) <= set(expected)


def _with_lifetime() -> list[Path]:
    return [case for case in PAIRS if _told(case)["bad"]["verdict"] == "nat-binding-expired"]


@pytest.mark.parametrize("case", _with_lifetime(), ids=lambda case: case.name)
def test_the_lifetimes_interval_holds_what_the_lab_set(case: Path) -> None:
    truth = _told(case)["truth"]["nat_lifetime_s"]
    report = sipdiag.compare(case / "good.pcap", case / "bad.pcap")
    (lifetime,) = report.estimates.nat_lifetime
    assert lifetime.lower_s is not None and lifetime.upper_s is not None
    assert lifetime.lower_s <= truth <= lifetime.upper_s
    assert lifetime.upper_s - lifetime.lower_s < 10


def test_the_story_is_told_by_the_demo_pair() -> None:
    case = CAPTURES / "sip-binding-30s"
    report = sipdiag.compare(case / "good.pcap", case / "bad.pcap")
    (lifetime,) = report.estimates.nat_lifetime
    assert lifetime.refresh_s == 25
    assert lifetime.refresh_assumed is False
    first = [(r.file, r.section, r.option, r.value) for r in report.recommendations if r.rank == 1]
    assert first == [
        ("sip.conf", "[101]", "qualify", "yes"),
        ("sip.conf", "[101]", "qualifyfreq", "25"),
    ]
    assert report.asterisk is not None and report.asterisk.startswith("16.28")
    assert report.driver == "chan_sip"
