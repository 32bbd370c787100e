"""SD302 is the reason for silence where the audio shows that nothing made up for the address."""

from __future__ import annotations

from sipdiag.crafting import sip
from sipdiag.crafting.scenario import Scenario, SipPhone
from sipdiag.findings import Severity
from tests.findings.conftest import INNER, OUTER
from tests.told import accused, the, verdict_on


def test_under_one_way_audio_it_is_information(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(5)
    s.call(phone, rtp_to="192.168.1.50:4000")
    verdict = verdict_on(s)
    assert accused(verdict) == ["one-way-audio"]
    found = the(verdict, "private-media-address")
    assert found.severity is Severity.INFO
    assert found.caused_by is verdict.root
    assert found.params["address"] == "192.168.1.50:4000"


def test_fires_where_the_phone_gives_up_sending(s: Scenario, phone: SipPhone) -> None:
    """It sent a little, Asterisk knew its source, and went on sending to the private address."""
    s.register(phone)
    s.at(5)
    s.call(phone, media="to_phone", talk_s=6, rtp_to="192.168.1.50:4000")
    for number in range(5):
        s.at(7.1 + number / 50)
        rtp = b"\x80\x08" + number.to_bytes(2) + bytes(7) + b"\x07" + bytes(160)
        s.send("203.0.113.7:4000", "203.0.113.80:10002", rtp, rtp=True)
    verdict = verdict_on(s)
    assert accused(verdict) == ["private-media-address"]
    assert the(verdict, "private-media-address").params["whose"] == "phone"


def test_where_the_phone_sends_nothing_it_is_information(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(5)
    s.call(phone, media="to_phone")
    verdict = verdict_on(s)
    assert accused(verdict) == []
    assert the(verdict, "private-media-address").severity is Severity.INFO
    assert "one-way-audio" in [u.name for u in verdict.undetermined]


def test_fires_on_the_pbxs_private_address_where_nothing_comes() -> None:
    s = Scenario(server="203.0.113.80", writes="10.0.0.5")
    near = s.sip_phone("100", inner="198.51.100.4", outer="198.51.100.4")
    phone = s.sip_phone("101", inner="198.51.100.5", outer="198.51.100.5")
    s.register(near)
    s.register(phone)
    s.at(5)
    s.call(near, talk_s=6)
    s.at(20)
    s.call(phone, media="none", talk_s=6)
    verdict = verdict_on(s)
    assert accused(verdict) == ["private-media-address"]
    assert the(verdict, "no-media").caused_by is verdict.root


def test_silent_where_audio_is_sent_to_the_phones_source(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(5)
    s.call(phone)
    assert verdict_on(s).findings == []


def test_silent_in_one_private_network() -> None:
    s = Scenario(server="10.0.0.5")
    phone = s.sip_phone("101", inner="10.0.0.50", outer="10.0.0.50")
    s.register(phone)
    s.at(5)
    s.call(phone, media="to_phone")
    assert verdict_on(s).findings == []


def test_silent_over_a_vpn(s: Scenario) -> None:
    """The phone's own address reaches the PBX without NAT."""
    phone = s.sip_phone("101", inner=INNER, outer=INNER)
    s.register(phone)
    s.at(5)
    s.call(phone, media="to_phone")
    assert "private-media-address" not in [f.name for f in verdict_on(s).findings]


def test_silent_without_audio_in_the_capture(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(5)
    s.call(phone, media="none", talk_s=20)
    assert verdict_on(s).findings == []


def test_silent_on_ipv6() -> None:
    s = Scenario(server="[2001:db8::80]:5060")
    phone = s.sip_phone("101", inner="[2001:db8::50]:5060", outer="[2001:db8::50]:5060")
    s.register(phone)
    s.at(5)
    s.call(phone)
    assert verdict_on(s).findings == []


def test_silent_on_hold(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(5)
    call_id = s.call(phone, rtp_to="192.168.1.50:4000", talk_s=4)
    s.at(8)
    body = sip.sdp(phone.writes.media, version=2, direction="sendonly")
    hold = sip.build(
        "INVITE sip:200@203.0.113.80:5060 SIP/2.0",
        [
            ("Via", f"SIP/2.0/UDP {INNER};branch=z9hG4bKhold;rport"),
            ("From", "<sip:101@203.0.113.80>;tag=1"),
            ("To", "<sip:200@203.0.113.80>;tag=2"),
            ("Call-ID", call_id),
            ("CSeq", "2 INVITE"),
            ("Contact", f"<sip:101@{INNER}>"),
            ("Content-Type", "application/sdp"),
        ],
        body,
    )
    s.send(OUTER, "203.0.113.80:5060", hold)
    assert "private-media-address" not in accused(verdict_on(s))
