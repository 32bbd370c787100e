"""SD502 is an error where requests were lost to the old place, and information otherwise."""

from __future__ import annotations

from sipdiag.crafting.scenario import IaxPeer, Scenario, SipPhone
from sipdiag.findings import Confidence, Severity
from tests.told import accused, the, verdict_on


def test_fires_when_the_router_restarts_between_two_registrations(
    s: Scenario, phone: SipPhone
) -> None:
    s.register(phone)
    s.at(20)
    s.call(phone, answered=True, talk_s=1, media="none")
    s.at(54)
    s.register(phone)
    s.rebind(phone, "203.0.113.7:20110")
    s.at(60)
    s.call(phone)
    s.at(108)
    s.register(phone)
    verdict = verdict_on(s)
    assert accused(verdict) == ["nat-mapping-changed"]
    found = the(verdict, "nat-mapping-changed")
    assert found.confidence is Confidence.HIGH
    assert (found.params["before"], found.params["after"]) == (
        "203.0.113.7:5060",
        "203.0.113.7:20110",
    )


def test_fires_when_requests_go_on_to_the_old_place_after_it(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.rebind(phone, "203.0.113.7:20110")
    s.at(54)
    s.register(phone)
    s.at(60)
    s.call(phone, answered=False, to="203.0.113.7:5060")
    assert accused(verdict_on(s)) == ["nat-mapping-changed"]


def test_fires_for_iax2(s: Scenario, box: IaxPeer) -> None:
    s.register(box)
    s.at(20)
    s.call(box, answered=True, talk_s=1)
    s.at(50)
    s.register(box)
    s.rebind(box, "203.0.113.7:20110")
    s.at(58)
    s.call(box)
    s.at(100)
    s.register(box)
    found = the(verdict_on(s), "nat-mapping-changed")
    assert found.severity is Severity.ERROR
    assert found.confidence is Confidence.MEDIUM


def test_a_change_without_loss_is_information(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.rebind(phone, "203.0.113.7:20110")
    s.at(54)
    s.register(phone)
    s.at(60)
    s.call(phone, talk_s=1, media="none")
    verdict = verdict_on(s)
    assert accused(verdict) == []
    assert the(verdict, "nat-mapping-changed").severity is Severity.INFO


def test_silent_on_two_phones_of_one_user(s: Scenario, phone: SipPhone) -> None:
    other = s.sip_phone("101", inner="192.168.1.51:5060", outer="203.0.113.7:20001")
    for start in (0, 54, 108):
        s.at(start)
        s.register(phone)
        s.at(start + 10)
        s.register(other)
    assert verdict_on(s).findings == []


def test_all_that_is_lost_after_the_change_belongs_to_it(s: Scenario, phone: SipPhone) -> None:
    """The second call fails at an age at which none had worked; the first shows why."""
    s.register(phone)
    s.at(15)
    s.call(phone, answered=True, talk_s=1, media="none")
    s.at(54)
    s.register(phone)
    s.rebind(phone, "203.0.113.7:20110")
    for start in (60, 85):
        s.at(start)
        s.call(phone, retransmissions=3)
    s.at(108)
    s.register(phone)
    assert accused(verdict_on(s)) == ["nat-mapping-changed"]
