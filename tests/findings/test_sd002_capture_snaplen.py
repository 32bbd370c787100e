"""SD002 warns only where SIP messages were cut; audio may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipdiag.crafting.capture import PcapBuilder
from sipdiag.crafting.scenario import Scenario, SipPhone
from sipdiag.findings import Finding, Severity, judge
from sipdiag.findings.context import Context
from sipdiag.pipeline import read


def _with_snaplen(s: Scenario, path: Path, snaplen: int) -> list[Finding]:
    builder = PcapBuilder(snaplen=snaplen)
    for datagram in s.packets():
        builder.add(datagram)
    builder.write(path)
    found = judge(Context(read(path))).findings
    return [f for f in found if f.name == "capture-snaplen"]


def _story(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(5)
    s.call(phone, talk_s=1)


def test_cut_messages_are_a_warning(s: Scenario, phone: SipPhone, tmp_path: Path) -> None:
    _story(s, phone)
    (found,) = _with_snaplen(s, tmp_path / "cut.pcap", 400)
    assert found.severity is Severity.WARNING
    messages = found.params["cut_messages_count"]
    assert isinstance(messages, int) and messages > 1
    assert found.evidence[0].origin.frame is not None


def test_silent_on_whole_packets(s: Scenario, phone: SipPhone, tmp_path: Path) -> None:
    _story(s, phone)
    assert _with_snaplen(s, tmp_path / "whole.pcap", 65_535) == []


def test_cut_audio_alone_is_information(s: Scenario, phone: SipPhone, tmp_path: Path) -> None:
    s.at(5)
    for number in range(30):
        s.at(5 + number / 50)
        s.send(
            "203.0.113.7:4000",
            "203.0.113.80:10000",
            b"\x80\x08" + number.to_bytes(2) + bytes(8) + bytes(160),
            rtp=True,
        )
    (found,) = _with_snaplen(s, tmp_path / "audio.pcap", 96)
    assert found.severity is Severity.INFO
    assert found.params["cut_messages_count"] == 0


@pytest.mark.parametrize("snaplen", [60, 100, 262])
def test_a_cut_capture_accuses_nobody_else(
    s: Scenario, phone: SipPhone, tmp_path: Path, snaplen: int
) -> None:
    _story(s, phone)
    path = tmp_path / "cut.pcap"
    _with_snaplen(s, path, snaplen)
    worse = [f.name for f in judge(Context(read(path))).findings if f.severity > Severity.INFO]
    assert set(worse) <= {"capture-snaplen"}
