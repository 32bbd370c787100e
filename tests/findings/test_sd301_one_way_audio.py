"""SD301 fires where one direction of the audio goes to an address that can't be."""

from __future__ import annotations

from sipdiag.crafting.scenario import Scenario, SipPhone
from sipdiag.findings import Confidence
from tests.told import accused, the, verdict_on


def test_fires_when_audio_goes_to_the_private_sdp_address(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(5)
    s.call(phone, rtp_to="192.168.1.50:4000")
    verdict = verdict_on(s)
    assert accused(verdict) == ["one-way-audio"]
    found = the(verdict, "one-way-audio")
    assert found.confidence is Confidence.HIGH
    assert found.params["missing"] == "to the phone"
    assert found.params["sent_to"] == "192.168.1.50:4000"
    assert found.params["heard_from"] == "203.0.113.7:4000"


def test_fires_for_calls_that_the_phone_makes(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(5)
    s.call_from(phone, rtp_to="192.168.1.50:4000")
    assert accused(verdict_on(s)) == ["one-way-audio"]


def test_fires_when_the_pbx_writes_its_own_private_address() -> None:
    s = Scenario(server="203.0.113.80", writes="10.0.0.5")
    phone = s.sip_phone("101", inner="198.51.100.5", outer="198.51.100.5")
    s.register(phone)
    s.at(5)
    s.call(phone, media="to_phone")
    found = the(verdict_on(s), "one-way-audio")
    assert found.params["missing"] == "from the phone"
    assert str(found.params["sent_to"]).startswith("10.0.0.5:")


def test_silent_when_audio_flows_both_ways(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(5)
    s.call(phone)
    assert accused(verdict_on(s)) == []


def test_silent_without_any_media_in_the_capture(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(5)
    s.call(phone, media="none")
    verdict = verdict_on(s)
    assert accused(verdict) == []
    assert verdict.undetermined == []


def test_undetermined_when_the_phone_just_sends_nothing(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(5)
    s.call(phone, media="to_phone")
    verdict = verdict_on(s)
    assert accused(verdict) == []
    assert [item.name for item in verdict.undetermined] == ["one-way-audio"]


def test_silent_on_a_call_of_half_a_second(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(5)
    s.call(phone, talk_s=0.5, rtp_to="192.168.1.50:4000")
    assert accused(verdict_on(s)) == []
