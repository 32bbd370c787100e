"""SD001 tells that the file is cut off; only an empty rest of one is a warning."""

from __future__ import annotations

from pathlib import Path

from sipdiag.crafting.scenario import Scenario, SipPhone
from sipdiag.findings import Severity, judge
from sipdiag.findings.context import Context
from sipdiag.pipeline import read
from tests.told import the, verdict_on


def test_a_file_that_ends_in_a_packet_is_information(
    s: Scenario, phone: SipPhone, tmp_path: Path
) -> None:
    s.register(phone)
    path = tmp_path / "cut.pcap"
    s.write(path)
    path.write_bytes(path.read_bytes()[:-10])
    found = the(judge(Context(read(path))), "capture-truncated")
    assert found.severity is Severity.INFO
    assert found.subject.kind == "source"
    assert len(found.evidence) == 1


def test_one_of_which_nothing_is_left_is_a_warning(
    s: Scenario, phone: SipPhone, tmp_path: Path
) -> None:
    s.register(phone)
    path = tmp_path / "cut.pcap"
    s.write(path)
    path.write_bytes(path.read_bytes()[:60])
    found = the(judge(Context(read(path))), "capture-truncated")
    assert found.severity is Severity.WARNING
    assert "no SIP and no IAX2" in found.message


def test_silent_on_a_whole_file(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    assert verdict_on(s).findings == []


def test_silent_on_a_capture_that_ends_in_mid_call(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(5)
    s.call(phone, talk_s=2)
    kept = s.datagrams()[:-2]
    other = Scenario()
    for datagram in kept:
        assert datagram.src is not None and datagram.dst is not None
        other.at((datagram.ts_ns - kept[0].ts_ns) / 1e9)
        other.send(datagram.src, datagram.dst, datagram.payload)
    assert verdict_on(other).findings == []
