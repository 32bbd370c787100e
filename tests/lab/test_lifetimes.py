"""In every lab capture, the lifetime that ``sipdiag`` gives holds what the router was set to.

Contract: not marked ``lab``; it reads the committed captures, and the case files for the truth.
"""

from __future__ import annotations

import math

import pytest

import sipdiag

from .__main__ import CAPTURES
from .cases import Case, Router, Side, load_all

KERNELS_SIP_TIMEOUT_S = 3600
SIDES = [(case, side) for case in load_all() for side in case.sides if not side.phone.tcp]


def _lifetime_s(router: Router) -> float:
    """How long the signalling's mapping lives after a packet."""
    if router.broken_alg:
        return math.inf
    own = router.udp_timeout_stream_s
    if router.sip_alg:
        own = router.sip_alg_timeout_s or KERNELS_SIP_TIMEOUT_S
    return min(own, router.carrier_udp_timeout_s or own)


@pytest.mark.parametrize(
    ("case", "side"), SIDES, ids=[f"{case.name}-{side.name}" for case, side in SIDES]
)
def test_the_interval_holds_the_truth(case: Case, side: Side) -> None:
    true_s = math.inf if side.phone.public else _lifetime_s(side.router)
    report = sipdiag.analyse(CAPTURES / case.name / f"{side.name}.pcap")
    for lifetime in report.estimates.nat_lifetime:
        assert (lifetime.lower_s or 0) <= true_s <= (lifetime.upper_s or math.inf)
