"""What is told, when, and what is in the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipdiag.base.limits import Limits
from tests.live.watched import (
    Frozen,
    Watched,
    dark_phone,
    phone_of,
    second,
    story,
    watched,
)


def test_a_phone_that_goes_dark_is_told_once_and_again_when_it_is_surer(tmp_path: Path) -> None:
    told = watched(dark_phone(), tmp_path)
    assert told.names == ["nat-binding-expired"] * 2
    first, later = told.alerts
    assert (first.escalated, later.escalated) == (False, True)
    assert 140 < second(first) < 140 + 45
    row = told.peers["101"]
    assert row.findings[0] == "SD501"
    assert row.lifetime.lower_s == pytest.approx(14, abs=1)
    assert row.lifetime.upper_s == pytest.approx(20, abs=1)


def test_a_frozen_capture_has_the_client_and_a_last_packet_to_tell_the_time(
    tmp_path: Path,
) -> None:
    """The phone is off for longer than its registration lasts: others' packets show that time
    went by, and so the newest of them is in the capture."""
    s = story()
    dead, other = phone_of(s), phone_of(s, "102", outer="203.0.113.9:5060")
    s.at(0)
    s.register(dead, expires=60, granted=60)
    s.at(5)
    s.phone_off(dead)
    s.call(dead, talk_s=1, ring_s=32)
    for turn in range(6):
        s.at(40 + 55 * turn)
        s.register(other, expires=60, granted=60)
    frozen = Frozen()
    told = watched(s, tmp_path, frozen=frozen, more_s=400)
    (alert,) = told.alerts
    assert alert.finding.name == "peer-unreachable"
    assert alert.peer == "SIP/101@203.0.113.7:5060"
    packets = frozen.kept[alert.frozen or ""]
    assert [b"sip:102@" in bytes(p.data) for p in packets] == [False] * (len(packets) - 1) + [True]  # type: ignore[arg-type]


def test_what_was_told_is_in_the_report_though_its_packets_are_gone(tmp_path: Path) -> None:
    told: Watched = watched(dark_phone(), tmp_path, limits=Limits(live_history_s=300), more_s=400)
    assert told.snapshot.peers == ()
    verdicts = told.watch.judge_all().verdicts
    assert [f.name for verdict in verdicts for f in verdict.findings] == ["nat-binding-expired"]
