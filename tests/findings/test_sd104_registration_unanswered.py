"""SD104 is sure only where the reply should have been seen."""

from __future__ import annotations

import pytest

from sipdiag.crafting.scenario import IaxPeer, Scenario, SipPhone
from sipdiag.findings import Confidence, Severity
from tests.findings.conftest import INNER
from tests.told import accused, the, verdict_on


def test_fires_on_a_registrar_that_never_answers(s: Scenario, phone: SipPhone) -> None:
    s.register(phone, answered=False)
    s.at(60)
    s.register(phone, answered=False)
    verdict = verdict_on(s)
    assert accused(verdict) == ["registration-unanswered"]
    found = the(verdict, "registration-unanswered")
    assert found.confidence is Confidence.HIGH
    assert found.params["unanswered_count"] == 2
    assert found.params["answered_count"] == 0


def test_fires_for_iax2(s: Scenario, box: IaxPeer) -> None:
    s.register(box, answered=False)
    verdict = verdict_on(s)
    assert accused(verdict) == ["registration-unanswered"]
    assert the(verdict, "registration-unanswered").protocol == "IAX2"


def test_fires_for_ipv6(s: Scenario) -> None:
    s = Scenario(server="[2001:db8::80]:5060")
    phone = s.sip_phone("101", inner="[2001:db8::50]:5060", outer="[2001:db8::50]:5060")
    s.register(phone, answered=False)
    assert accused(verdict_on(s)) == ["registration-unanswered"]


def test_a_registrar_that_was_gone_for_a_while_is_a_warning(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(54)
    s.register(phone, answered=False)
    s.at(100)
    s.register(phone)
    found = the(verdict_on(s), "registration-unanswered")
    assert found.severity is Severity.WARNING


def test_undetermined_behind_the_phones_own_nat(s: Scenario) -> None:
    phone = s.sip_phone("101", inner=INNER, outer=INNER)
    s.register(phone, answered=False)
    verdict = verdict_on(s)
    assert accused(verdict) == []
    (question,) = [u for u in verdict.undetermined if u.name == "registration-unanswered"]
    assert "capture on the server" in question.capture_next


def test_silent_where_one_packet_was_lost(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=120, every=54)
    s.at(20)
    s.register(phone, answered=False, retransmissions=1)
    s.at(21)
    s.register(phone)
    assert accused(verdict_on(s)) == []


def test_silent_on_a_capture_that_ends_at_once(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(54)
    s.register(phone, answered=False, retransmissions=2)
    assert accused(verdict_on(s)) == []


def test_silent_on_an_unregistration_that_nobody_waits_for(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(30)
    s.register(phone, expires=0, answered=False)
    assert accused(verdict_on(s, until_s=200)) == []


@pytest.mark.parametrize("agent", ["friendly-scanner", "SIPVicious 0.3", "pplsip"])
def test_silent_on_scanners(s: Scenario, agent: str) -> None:
    scanner = s.sip_phone("100", inner="192.0.2.66", outer="192.0.2.66", user_agent=agent)
    s.register(scanner, answered=False)
    assert accused(verdict_on(s)) == []


def test_silent_where_replies_go_elsewhere(s: Scenario) -> None:
    s = Scenario(force_rport=False)
    phone = s.sip_phone("101", inner=INNER, outer="203.0.113.7:31007", rport=False)
    s.register(phone)
    assert accused(verdict_on(s)) == ["response-misrouted"]
