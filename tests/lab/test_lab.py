"""The lab's own tests: every case is run afresh and diagnosed.

Contract: marked ``lab``; skipped, with the reason, where root, namespaces, packages or chroots are
missing. A fresh run must go as its script says, and ``sipdiag`` must reach the verdict that the
committed ``captures/<case>/case.toml`` states, from packets it has never seen.
"""

from __future__ import annotations

import tomllib
from typing import Any

import pytest

import sipdiag

from .__main__ import CAPTURES
from .cases import Case, load_all
from .conftest import Runs, lacking_build

pytestmark = pytest.mark.lab

RAISED = ("warning", "error")
CASES = load_all()


def _names(report: Any) -> set[str]:
    """The findings at warning or above."""
    return {finding.name for finding in report.findings if finding.severity in RAISED}


def _check(report: Any, stated: dict[str, Any]) -> None:
    names = _names(report)
    if stated["verdict"]:
        assert report.verdict.finding == stated["verdict"]
    else:
        assert not names
    assert set(stated.get("expected", ())) <= names
    assert not names & set(stated.get("forbidden", ()))


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_fresh_run(case: Case, runs: Runs) -> None:
    if lacking := lacking_build(case):
        pytest.skip(lacking)
    stated = tomllib.loads((CAPTURES / case.name / "case.toml").read_text(encoding="utf-8"))
    made = runs.made(case)
    if "capture" in stated:
        _check(sipdiag.analyse(made / "capture.pcap"), stated["capture"])
        return
    _check(sipdiag.analyse(made / "good.pcap"), stated["good"])
    _check(sipdiag.compare(made / "good.pcap", made / "bad.pcap"), stated["bad"])
