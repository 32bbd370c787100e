"""SD102 needs the time to have passed and somebody to have been missed, or to have come back."""

from __future__ import annotations

from sipdiag.crafting.scenario import IaxPeer, Scenario, SipPhone
from sipdiag.findings import Confidence, Severity
from tests.findings.conftest import INNER, OUTER
from tests.told import accused, the, verdict_on


def _other(s: Scenario) -> SipPhone:
    other = s.sip_phone("102", inner="192.168.1.51:5060", outer="198.51.100.9:5060")
    s.at(0.5)
    s.register(other, expires=3600)
    return other


def test_fires_where_calls_found_no_contact(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    other = _other(s)
    for start in (90, 100):
        s.at(start)
        s.call_from(other, number="101", refused=480)
    s.at(200)
    s.register(phone)
    verdict = verdict_on(s)
    assert accused(verdict) == ["registration-lapsed"]
    found = the(verdict, "registration-lapsed")
    assert (found.severity, found.confidence) == (Severity.ERROR, Confidence.HIGH)
    assert found.params["refused_count"] == 2
    assert found.params["granted_s"] == 60


def test_a_phone_that_comes_back_late_is_a_warning(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    other = _other(s)
    s.at(100)
    s.call_from(other, talk_s=1)
    s.at(300)
    s.register(phone)
    found = the(verdict_on(s), "registration-lapsed")
    assert found.severity is Severity.WARNING
    lapsed_s = found.params["lapsed_s"]
    assert isinstance(lapsed_s, float) and abs(lapsed_s - 230) < 0.1


def test_a_phone_that_is_not_heard_again_is_information(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    verdict = verdict_on(s, until_s=300)
    assert accused(verdict) == []
    assert the(verdict, "registration-lapsed").severity is Severity.INFO


def test_a_phone_that_was_off_is_the_cause(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(40)
    s.call(phone, answered=True, talk_s=1, media="none")
    s.phone_off(phone)
    for start in (46, 52):
        s.at(start)
        s.call(phone)
    verdict = verdict_on(s, until_s=300)
    assert accused(verdict) == ["peer-unreachable"]
    assert the(verdict, "registration-lapsed").caused_by is verdict.root


def test_undetermined_where_the_capture_may_have_stood_still(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(4000)
    s.register(phone)
    verdict = verdict_on(s)
    assert accused(verdict) == []
    assert "registration-lapsed" in [u.name for u in verdict.undetermined]


def test_fires_for_iax2(s: Scenario, box: IaxPeer) -> None:
    s.register(box)
    other = _other(s)
    s.at(100)
    s.call_from(other, talk_s=1)
    s.at(300)
    s.register(box)
    assert the(verdict_on(s), "registration-lapsed").protocol == "IAX2"


def test_silent_on_a_clean_unregistration(s: Scenario, phone: SipPhone, box: IaxPeer) -> None:
    for peer in (phone, box):
        s.at(0)
        s.register(peer)
        s.at(30)
        s.unregister(peer)
    assert verdict_on(s, until_s=600).findings == []


def test_silent_where_refreshes_were_not_captured(s: Scenario, phone: SipPhone) -> None:
    """CSeq shows that there were some."""
    other = _other(s)
    s.at(0)
    s.register(phone)
    s.at(100)
    s.call_from(other, talk_s=1)
    phone.cseq += 4
    s.at(300)
    s.register(phone)
    assert verdict_on(s).findings == []


def test_silent_where_the_pbx_still_knows_where_it_is(s: Scenario, box: IaxPeer) -> None:
    _other(s)
    s.at(0)
    s.register(box)
    for start in (40, 100, 160, 220, 280):
        s.at(start)
        s.poke(box, answered=True)
    s.at(300)
    s.register(box)
    assert verdict_on(s).findings == []


def test_silent_on_regular_refreshes(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=600, every=59)
    assert verdict_on(s).findings == []


def test_silent_within_asterisks_grace(s: Scenario, phone: SipPhone) -> None:
    _other(s)
    s.at(0)
    s.keep_registered(phone, until=600, every=66)
    assert verdict_on(s).findings == []


def test_pjsips_grace_is_longer() -> None:
    s = Scenario(software="Asterisk PBX 22.1.0")
    phone = s.sip_phone("101", inner=INNER, outer=OUTER)
    _other(s)
    s.at(0)
    s.keep_registered(phone, until=600, every=85)
    assert verdict_on(s).findings == []


def test_silent_on_a_phone_that_restarted(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    phone.register_call_id = None
    s.at(40)
    s.keep_registered(phone, until=400, every=54)
    assert accused(verdict_on(s)) == []


def test_silent_where_the_user_has_two_phones(s: Scenario, phone: SipPhone) -> None:
    second = s.sip_phone("101", inner="192.168.1.51:5060", outer="203.0.113.7:31007")
    s.register(phone)
    s.at(1)
    s.keep_registered(second, until=400, every=54)
    assert accused(verdict_on(s)) == []


def test_silent_on_a_capture_that_ends_in_time(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    assert verdict_on(s, until_s=65).findings == []


def test_silent_on_a_call_that_was_sent_to_the_phone(s: Scenario) -> None:
    phone = s.sip_phone("101", inner=INNER, outer=OUTER)
    s.register(phone)
    other = _other(s)
    s.at(30)
    s.call_from(other, number="101", refused=480)
    assert accused(verdict_on(s, until_s=60)) == []
