"""In every lab capture, the lifetime that ``sipdiag`` gives holds what the router was set to.

Contract: not marked ``lab``; it reads the committed captures, and the case files for the truth.
"""

from __future__ import annotations

import math

import pytest

import sipdiag

from .__main__ import CAPTURES
from .cases import Case, Side, load_all

SIDES = [(case, side) for case in load_all() for side in case.sides if not side.phone.tcp]


@pytest.mark.parametrize(
    ("case", "side"), SIDES, ids=[f"{case.name}-{side.name}" for case, side in SIDES]
)
def test_the_interval_holds_the_truth(case: Case, side: Side) -> None:
    true_s = math.inf if side.phone.public else side.router.lifetime_s
    report = sipdiag.analyse(CAPTURES / case.name / f"{side.name}.pcap")
    for lifetime in report.estimates.nat_lifetime:
        assert (lifetime.lower_s or 0) <= true_s <= (lifetime.upper_s or math.inf)
