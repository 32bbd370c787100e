"""SD401 is SD201 for IAX2: a fresh binding and no reply."""

from __future__ import annotations

from sipdiag.crafting.scenario import IaxPeer, Scenario
from sipdiag.findings import Confidence
from tests.told import accused, the, verdict_on


def test_fires_for_a_peer_that_went_down(s: Scenario, box: IaxPeer) -> None:
    s.register(box)
    s.at(40)
    s.call(box, answered=True, talk_s=1)
    s.at(50)
    s.register(box)
    s.phone_off(box)
    s.at(58)
    s.call(box)
    s.at(70)
    s.poke(box)
    verdict = verdict_on(s, until_s=180)
    assert accused(verdict) == ["iax2-peer-unreachable"]
    assert the(verdict, "iax2-peer-unreachable").confidence is Confidence.HIGH


def test_silent_on_an_aged_binding(s: Scenario, box: IaxPeer) -> None:
    s.keep_registered(box, until=300, every=50)
    s.at(20)
    s.call(box, answered=True, talk_s=1)
    for start in (127, 227):
        s.at(start)
        s.call(box, answered=False)
    assert accused(verdict_on(s)) == ["nat-binding-expired"]


def test_silent_on_the_call_token_exchange(s: Scenario, box: IaxPeer) -> None:
    s.keep_registered(box, until=120, every=50)
    s.at(10)
    s.call(box, answered=True, talk_s=1, calltoken=True)
    assert accused(verdict_on(s)) == []


def test_silent_on_a_peer_that_released_its_registration(s: Scenario, box: IaxPeer) -> None:
    s.register(box)
    s.at(10)
    s.unregister(box)
    s.at(15)
    s.call(box, answered=False)
    assert accused(verdict_on(s, until_s=200)) == []


def test_silent_on_an_encrypted_call(s: Scenario, box: IaxPeer) -> None:
    s.keep_registered(box, until=120, every=50)
    s.at(10)
    s.call(box, answered=True, talk_s=3, encrypted=True)
    assert accused(verdict_on(s)) == []
