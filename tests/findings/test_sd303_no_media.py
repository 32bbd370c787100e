"""SD303 fires on silence where audio of other calls is seen, and nowhere else."""

from __future__ import annotations

from sipdiag.crafting.scenario import Scenario, SipPhone
from sipdiag.findings import Confidence
from tests.told import accused, the, verdict_on


def _both(s: Scenario, phone: SipPhone) -> SipPhone:
    other = s.sip_phone("102", inner="192.168.1.51:5060", outer="198.51.100.9:5060")
    s.register(phone)
    s.register(other)
    return other


def test_fires_on_a_call_without_a_packet_of_audio(s: Scenario, phone: SipPhone) -> None:
    other = _both(s, phone)
    s.at(5)
    s.call(other, talk_s=6)
    s.at(20)
    s.call(phone, talk_s=6, media="none")
    verdict = verdict_on(s)
    assert accused(verdict) == ["no-media"]
    found = the(verdict, "no-media")
    assert found.subject.ident == "SIP/101"
    assert found.confidence is Confidence.MEDIUM


def test_two_such_calls_make_it_sure(s: Scenario, phone: SipPhone) -> None:
    other = _both(s, phone)
    s.at(5)
    s.call(other, talk_s=6)
    for start in (20, 40):
        s.at(start)
        s.call_from(phone, talk_s=6, media="none")
    assert the(verdict_on(s), "no-media").confidence is Confidence.HIGH


def test_silent_where_no_audio_is_captured_at_all(s: Scenario, phone: SipPhone) -> None:
    other = _both(s, phone)
    for start, peer in ((5, other), (20, phone)):
        s.at(start)
        s.call(peer, talk_s=6, media="none")
    assert verdict_on(s).findings == []


def test_silent_on_media_that_goes_to_a_third_party() -> None:
    s = Scenario(server="203.0.113.80", writes="198.51.100.200")
    phone = s.sip_phone("101", inner="198.51.100.5", outer="198.51.100.5")
    s.register(phone)
    s.at(1)
    for number in range(40):
        s.at(1 + number / 50)
        rtp = b"\x80\x08" + number.to_bytes(2) + bytes(8) + bytes(160)
        s.send("198.51.100.9:4000", "203.0.113.80:12000", rtp, rtp=True)
    s.at(5)
    s.call(phone, talk_s=6, media="none")
    assert "no-media" not in accused(verdict_on(s))


def test_silent_on_short_calls(s: Scenario, phone: SipPhone) -> None:
    other = _both(s, phone)
    s.at(5)
    s.call(other, talk_s=6)
    s.at(20)
    s.call(phone, talk_s=2, media="none")
    assert verdict_on(s).findings == []


def test_silent_on_unanswered_and_refused_calls(s: Scenario, phone: SipPhone) -> None:
    other = _both(s, phone)
    s.at(5)
    s.call(other, talk_s=6)
    s.at(15)
    s.call(phone, refused=486)
    s.at(20)
    s.call(phone, cancelled=True, ring_s=10)
    assert verdict_on(s).findings == []


def test_silent_on_one_direction(s: Scenario, phone: SipPhone) -> None:
    other = _both(s, phone)
    s.at(5)
    s.call(other, talk_s=6)
    s.at(20)
    s.call(phone, talk_s=6, media="to_pbx")
    assert "no-media" not in accused(verdict_on(s))
