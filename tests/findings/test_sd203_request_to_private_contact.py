"""SD203 fires on where requests go, not on what the Contact says."""

from __future__ import annotations

from sipdiag.crafting.scenario import Scenario, SipPhone
from sipdiag.findings import Confidence
from tests.told import accused, the, verdict_on

PRIVATE = "192.168.1.50:5060"


def test_fires_for_requests_to_the_private_contact(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    for start in (5, 20):
        s.at(start)
        s.call(phone, answered=False, to=PRIVATE)
    verdict = verdict_on(s)
    assert accused(verdict) == ["request-to-private-contact"]
    found = the(verdict, "request-to-private-contact")
    assert found.confidence is Confidence.HIGH
    assert (found.params["contact"], found.params["source"]) == (PRIVATE, "203.0.113.7:5060")


def test_fires_for_a_public_contact_with_a_port_of_no_binding(s: Scenario) -> None:
    phone = s.sip_phone(
        "101", inner=PRIVATE, outer="203.0.113.7:20001", writes={"contact": "203.0.113.7:5060"}
    )
    s.register(phone)
    s.at(5)
    s.call(phone, answered=False, to="203.0.113.7:5060")
    found = the(verdict_on(s), "request-to-private-contact")
    assert found.confidence is Confidence.MEDIUM


def test_silent_when_requests_go_to_the_source(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(5)
    s.call(phone, talk_s=1)
    assert accused(verdict_on(s)) == []


def test_silent_without_nat(s: Scenario) -> None:
    phone = s.sip_phone("101", inner="192.0.2.50:5060", outer="192.0.2.50:5060")
    s.register(phone)
    s.phone_off(phone)
    s.at(5)
    s.call(phone)
    assert "request-to-private-contact" not in accused(verdict_on(s, until_s=180))


def test_silent_when_the_contact_answers(s: Scenario, phone: SipPhone) -> None:
    """Same site, two ways to it (VPN): the private address works."""
    s.register(phone)
    s.at(5)
    s.call(phone, answered=True, to=PRIVATE, talk_s=1, media="none")
    assert "request-to-private-contact" not in accused(verdict_on(s))


def test_silent_on_an_address_that_the_phone_used_to_have(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.rebind(phone, "203.0.113.7:20101")
    s.at(5)
    s.call(phone)
    s.at(50)
    s.register(phone)
    assert accused(verdict_on(s)) == ["nat-mapping-changed"]
