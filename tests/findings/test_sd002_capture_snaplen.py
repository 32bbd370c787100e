"""SD002 warns only where SIP messages were cut; audio may be."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import NS
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


_REQUEST = (
    b"OPTIONS sip:203.0.113.80 SIP/2.0\r\n"
    b"Via: SIP/2.0/TCP 203.0.113.7;branch=z9hG4bK1\r\n"
    b"From: <sip:100@203.0.113.80>;tag=1\r\nTo: <sip:203.0.113.80>\r\n"
    b"Call-ID: 1@203.0.113.7\r\nCSeq: 1 OPTIONS\r\nContent-Length: 50\r\n\r\n" + b"v=0\r\n" * 10
)


def _over_tcp(path: Path, *segments: tuple[int, bytes], snaplen: int = 65_535) -> list[Finding]:
    """``segments``: from where in the stream, and what."""
    builder = PcapBuilder(snaplen=snaplen)
    phone, server = Endpoint("203.0.113.7", 40_000), Endpoint("203.0.113.80", 5060)
    for number, (at, data) in enumerate(segments, 1_700_000_000):
        builder.add_tcp(number * NS, phone, server, data, sequence=1 + at)
    builder.write(path)
    subjects = read(path)
    assert subjects.source.sip_messages
    unfinished = "1 SIP message over TCP isn't whole: packets of its stream are missing"
    assert (unfinished in subjects.source.notes) is (snaplen == 65_535)
    return [f for f in judge(Context(subjects)).findings if f.name == "capture-snaplen"]


def test_silent_on_a_tcp_stream_that_ends_in_the_middle_of_a_message(tmp_path: Path) -> None:
    assert _over_tcp(tmp_path / "end.pcap", (0, _REQUEST[:-9])) == []


def test_silent_on_a_lost_tcp_segment(tmp_path: Path) -> None:
    rest = len(_REQUEST) - 10
    later = [(rest + at, b"\r\n") for at in (10, 12, 14, 16)]
    assert _over_tcp(tmp_path / "hole.pcap", (0, _REQUEST[:-20]), *later) == []


def test_cut_tcp_segments_are_a_warning(tmp_path: Path) -> None:
    (found,) = _over_tcp(tmp_path / "cut.pcap", (0, _REQUEST), snaplen=len(_REQUEST))
    assert found.severity is Severity.WARNING
    assert found.params["cut_messages_count"] == 1


def test_silent_on_a_log(tmp_path: Path) -> None:
    """It says of itself what is cut off in it."""
    head, blank, body = _REQUEST.partition(b"\r\n\r\n")
    head = head.replace(b"SIP/2.0/TCP", b"SIP/2.0/UDP")
    dump = b"<--- SIP read from UDP:203.0.113.7:40000 --->\n" + head + blank + body[:9] + b"\n"
    path = tmp_path / "cut.log"
    path.write_bytes(dump * 2)
    subjects = read(path)
    assert "2 messages cut off in the log" in subjects.source.notes
    found = judge(Context(subjects)).findings
    assert "capture-snaplen" not in [f.name for f in found]


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
