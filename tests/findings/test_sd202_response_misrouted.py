"""SD202 fires on replies that go to the Via's port while the client repeats itself."""

from __future__ import annotations

import pytest

from sipdiag.crafting.scenario import Scenario, SipPhone
from tests.findings.conftest import INNER
from tests.told import accused, the, verdict_on


@pytest.fixture
def phone(s: Scenario) -> SipPhone:
    """A phone that doesn't write rport, behind a router that changes ports."""
    return s.sip_phone("101", inner=INNER, outer="203.0.113.7:20001", rport=False)


def test_fires_when_the_challenge_goes_to_the_vias_port(s: Scenario, phone: SipPhone) -> None:
    s.register(phone, reply_to="203.0.113.7:5060")
    verdict = verdict_on(s)
    assert accused(verdict) == ["response-misrouted"]
    found = the(verdict, "response-misrouted")
    assert (found.params["sent_to"], found.params["source"]) == (
        "203.0.113.7:5060",
        "203.0.113.7:20001",
    )


def test_silent_when_replies_go_to_the_source(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=120, every=54)
    assert accused(verdict_on(s)) == []


def test_silent_when_nothing_is_replied(s: Scenario, phone: SipPhone) -> None:
    s.register(phone, answered=False)
    assert accused(verdict_on(s)) == ["registration-unanswered"]
