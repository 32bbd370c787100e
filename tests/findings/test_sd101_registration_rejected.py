"""SD101 fires on a refusal after the challenge was answered, not on the challenge."""

from __future__ import annotations

import pytest

from sipdiag.crafting.scenario import IaxPeer, Scenario, SipPhone
from tests.told import accused, the, verdict_on


@pytest.mark.parametrize("code", [401, 403])
def test_fires_when_credentials_are_refused_again_and_again(
    s: Scenario, phone: SipPhone, code: int
) -> None:
    s.reject(phone, code, attempts=3)
    verdict = verdict_on(s)
    assert verdict.root is not None
    assert verdict.root.name == "registration-rejected"
    assert verdict.root.params["refused_count"] == 3
    assert accused(verdict) == ["registration-rejected"]


def test_fires_for_iax2(s: Scenario, box: IaxPeer) -> None:
    s.reject(box, attempts=2)
    found = the(verdict_on(s), "registration-rejected")
    assert found.params["reply"] == "REGREJ"


def test_silent_on_the_ordinary_challenge(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=300, every=54)
    assert accused(verdict_on(s)) == []


def test_silent_when_a_success_follows(s: Scenario, phone: SipPhone) -> None:
    s.reject(phone, 403, attempts=2)
    s.at(60)
    s.register(phone)
    assert accused(verdict_on(s)) == []


def test_silent_on_a_single_refusal(s: Scenario, phone: SipPhone) -> None:
    s.reject(phone, 403, attempts=1)
    assert accused(verdict_on(s)) == []
