"""SD004 notices a clock that was set; ages aren't read across the step."""

from __future__ import annotations

from pathlib import Path

from sipdiag.base.datagram import Datagram, Source
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import NS
from sipdiag.crafting.capture import PcapBuilder
from sipdiag.crafting.scenario import Scenario, SipPhone
from sipdiag.findings import Severity, Verdict, judge
from sipdiag.findings.context import Context
from sipdiag.flows.tracker import Tracker
from sipdiag.pipeline import read
from sipdiag.protocols.media import MediaTable
from tests.told import accused, the, verdict_on


def _stepped(s: Scenario, at_s: float, by_s: float) -> Verdict:
    """The story with the clock set by ``by_s`` at the second ``at_s``; in the order of the file."""
    told = s.datagrams()
    begin = told[0].ts_ns
    source = Source("stepped.pcap", "pcap", sip_messages=len(told))
    tracker = Tracker(source, MediaTable())
    shifted: list[Datagram] = []
    for datagram in told:
        if datagram.ts_ns >= begin + at_s * NS:
            datagram.ts_ns += round(by_s * NS)
        shifted.append(datagram)
        tracker.feed(datagram)
    source.first_ns = min(d.ts_ns for d in shifted)
    source.last_ns = max(d.ts_ns for d in shifted)
    return judge(Context(tracker.subjects()))


def test_a_step_back_is_told_as_information(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=300, every=54)
    found = the(_stepped(s, 100, -60), "clock-jumps")
    assert found.severity is Severity.INFO
    assert found.params["back_s"] != []


def test_a_step_back_makes_no_lost_call_young(s: Scenario, phone: SipPhone) -> None:
    """Lost at an age of 45 s, which a step of 60 s makes look like no time: a filter, it seems."""
    s.keep_registered(phone, until=300, every=54)
    s.at(20)
    s.call(phone, answered=True, talk_s=1, media="none")
    for start in (54 + 45, 162 + 45):
        s.at(start)
        s.call(phone, answered=False, retransmissions=3)
    assert accused(verdict_on(s)) == ["nat-binding-expired"]
    verdict = _stepped(s, 170, -60)
    assert "peer-unreachable" not in accused(verdict)
    assert the(verdict, "clock-jumps").params["unjudged_count"] == 1


def test_lost_at_an_unknown_age_is_a_warning(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=300, every=54)
    s.at(20)
    s.call(phone, answered=True, talk_s=1, media="none")
    for start in (162 + 30, 162 + 34):
        s.at(start)
        s.options(phone, answered=False)
    found = the(_stepped(s, 162 + 10, -60), "clock-jumps")
    assert found.severity is Severity.WARNING
    assert found.params["unjudged_count"] == 2


def test_a_step_forward_in_the_middle_of_an_exchange(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=300, every=54)
    found = the(_stepped(s, 108.0005, 30), "clock-jumps")
    assert found.params["forward_count"] == 1
    assert found.severity is Severity.INFO


def test_silent_on_one_packet_out_of_order(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=300, every=54)
    told = s.datagrams()
    late = told.pop(4)
    told.insert(7, late)
    source = Source("order.pcap", "pcap", sip_messages=len(told))
    source.first_ns, source.last_ns = told[0].ts_ns, told[-1].ts_ns
    tracker = Tracker(source, MediaTable())
    for datagram in told:
        tracker.feed(datagram)
    assert judge(Context(tracker.subjects())).findings == []


def test_silent_on_tcp_streams_that_end_in_the_middle_of_a_message(tmp_path: Path) -> None:
    """Their last messages are given at the end of the capture, with the times that they have."""
    server, begin = Endpoint("203.0.113.80", 5060), 1_700_000_000
    builder = PcapBuilder()
    for number in (1, 2, 3):
        message = _request("OPTIONS", f"tcp{number}", "Content-Length: 50") + b"v=0"
        phone = Endpoint(f"198.51.100.{number}", 40_000)
        builder.add_tcp((begin + number) * NS, phone, server, message)
    for number in (100, 101):
        message = _request("OPTIONS", f"udp{number}", "Content-Length: 0")
        builder.add_udp((begin + number) * NS, Endpoint("198.51.100.9", 5060), server, message)
    path = tmp_path / "streams.pcap"
    builder.write(path)
    subjects = read(path)
    assert subjects.source.sip_messages == 5
    assert "clock-jumps" not in [f.name for f in judge(Context(subjects)).findings]


def _request(method: str, call_id: str, *headers: str) -> bytes:
    lines = (
        f"{method} sip:203.0.113.80 SIP/2.0",
        f"Via: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bK{call_id}",
        "From: <sip:101@203.0.113.80>;tag=1",
        "To: <sip:101@203.0.113.80>",
        f"Call-ID: {call_id}",
        f"CSeq: 1 {method}",
        *headers,
    )
    return "\r\n".join((*lines, "", "")).encode()


def test_silent_on_an_even_clock(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=300, every=54)
    s.at(20)
    s.call(phone, ring_s=25, talk_s=1)
    assert verdict_on(s).findings == []
