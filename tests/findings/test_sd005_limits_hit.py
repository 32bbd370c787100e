"""SD005 names the cap that was reached, and warns where it dropped evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipdiag.base.limits import Limits
from sipdiag.crafting.scenario import Scenario
from sipdiag.findings import Severity, judge
from sipdiag.findings.context import Context
from sipdiag.pipeline import Options, read
from tests.told import the, verdict_on


def _story() -> Scenario:
    s = Scenario()
    for number in range(6):
        phone = s.sip_phone(str(number), inner="10.0.0.1", outer=f"198.51.100.{number + 1}")
        s.at(number)
        s.register(phone)
    return s


@pytest.mark.parametrize("limits", [Limits(peers=3), Limits(open_transactions=1)])
def test_dropped_evidence_is_a_warning(limits: Limits, tmp_path: Path) -> None:
    _story().write(tmp_path / "many.pcap")
    subjects = read(tmp_path / "many.pcap", Options(limits=limits))
    found = the(judge(Context(subjects)), "limits-hit")
    assert found.severity is Severity.WARNING
    assert found.params["caps"] == sorted(subjects.limits_hit)


def test_segments_of_audio_are_information(tmp_path: Path) -> None:
    s = _story()
    for number in range(4):
        s.at(100 + 20 * number)
        payload = b"\x80\x08\0\1" + bytes(7) + bytes([number]) + bytes(160)
        s.send("198.51.100.1:4000", "203.0.113.80:10000", payload, rtp=True)
        s.at(100.02 + 20 * number)
        s.send("198.51.100.1:4000", "203.0.113.80:10000", payload[:-1] + b"x", rtp=True)
    s.write(tmp_path / "audio.pcap")
    subjects = read(tmp_path / "audio.pcap", Options(limits=Limits(media_segments=2)))
    found = the(judge(Context(subjects)), "limits-hit")
    assert (found.severity, found.params["caps"]) == (Severity.INFO, ["media_segments"])


def test_silent_below_the_caps() -> None:
    assert verdict_on(_story()).findings == []


def test_what_came_after_the_cap_is_no_silence_of_the_phone(tmp_path: Path) -> None:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="198.51.100.7:5060")
    for minute in range(40):
        s.at(60 * minute)
        s.register(phone, expires=70, challenge=False)
        s.at(60 * minute + 30)
        s.options(phone, answered=minute != 19)
    s.write(tmp_path / "long.pcap")
    subjects = read(tmp_path / "long.pcap", Options(limits=Limits(requests_held=20)))
    findings = judge(Context(subjects)).findings
    assert [finding.name for finding in findings] == ["limits-hit"]
    assert findings[0].params["ends_after_s"] == pytest.approx(1200, abs=1)
    assert max(t.start_ns for t in subjects.peers[0].inbound) < (subjects.end_ns or 0)
