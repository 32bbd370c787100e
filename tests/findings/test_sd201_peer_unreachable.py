"""SD201 fires on silence while the binding is fresh; the binding's age is SD501's matter."""

from __future__ import annotations

from sipdiag.crafting.scenario import Scenario, SipPhone
from sipdiag.findings import Confidence
from tests.told import accused, the, verdict_on


def _worked_before(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(40)
    s.call(phone, answered=True, talk_s=1, media="none")
    s.at(54)
    s.register(phone)


def test_fires_for_a_phone_that_was_switched_off(s: Scenario, phone: SipPhone) -> None:
    _worked_before(s, phone)
    s.phone_off(phone)
    s.at(62)
    s.call(phone)
    s.at(75)
    s.call(phone)
    verdict = verdict_on(s, until_s=180)
    assert accused(verdict) == ["peer-unreachable"]
    assert the(verdict, "peer-unreachable").confidence is Confidence.HIGH


def test_without_a_proof_that_the_binding_was_fresh_it_is_less_sure(
    s: Scenario, phone: SipPhone
) -> None:
    s.register(phone)
    s.phone_off(phone)
    s.at(6)
    s.call(phone)
    verdict = verdict_on(s, until_s=180)
    assert accused(verdict) == ["peer-unreachable"]
    assert the(verdict, "peer-unreachable").confidence is Confidence.MEDIUM


def test_fires_for_a_phone_that_registers_but_never_answers(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=200, every=54)
    s.at(40)
    s.call(phone, answered=True, talk_s=1, media="none")
    for start in (60, 114):
        s.at(start)
        s.call(phone, answered=False, retransmissions=3)
    found = the(verdict_on(s), "peer-unreachable")
    assert found.params["heard_again"] is True
    assert "filter" in found.message


def test_undetermined_when_silence_and_expiry_look_alike(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.phone_off(phone)
    s.at(45)
    s.call(phone)
    verdict = verdict_on(s, until_s=180)
    assert accused(verdict) == []
    assert "peer-unreachable" in [item.name for item in verdict.undetermined]


def test_silent_on_an_aged_binding(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=300, every=54)
    s.at(20)
    s.call(phone, answered=True, talk_s=1, media="none")
    for start in (148, 202):
        s.at(start)
        s.call(phone, answered=False, retransmissions=3)
    assert accused(verdict_on(s)) == ["nat-binding-expired"]


def test_silent_on_a_phone_that_unregistered(s: Scenario, phone: SipPhone) -> None:
    _worked_before(s, phone)
    s.at(60)
    s.unregister(phone)
    s.at(65)
    s.call(phone, answered=False)
    assert accused(verdict_on(s, until_s=200)) == []


def test_silent_on_a_capture_that_ends_too_early(s: Scenario, phone: SipPhone) -> None:
    _worked_before(s, phone)
    s.phone_off(phone)
    s.at(62)
    s.call(phone, retransmissions=3)
    assert accused(verdict_on(s)) == []


def test_silent_on_one_lost_packet(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=200, every=54)
    s.at(60)
    s.options(phone, answered=False, retransmissions=0)
    assert accused(verdict_on(s)) == []


def test_silent_on_a_busy_phone(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=200, every=54)
    for start in (60, 114):
        s.at(start)
        s.call(phone, refused=486)
    assert accused(verdict_on(s)) == []
