"""IAX2 scenarios to transactions, registrations and calls."""

from __future__ import annotations

import pytest

from sipdiag.base.endpoint import Endpoint
from sipdiag.crafting.scenario import IaxPeer, Scenario
from sipdiag.flows.call import End
from sipdiag.flows.subjects import Peer
from tests.told import subjects_of


@pytest.fixture
def s() -> Scenario:
    return Scenario()


@pytest.fixture
def box(s: Scenario) -> IaxPeer:
    return s.iax_peer("branch", inner="192.168.1.50:4569", outer="203.0.113.7:4569")


def _only_peer(s: Scenario) -> Peer:
    (peer,) = subjects_of(s).peers
    return peer


@pytest.mark.parametrize("calltoken", [True, False])
def test_a_registration(s: Scenario, box: IaxPeer, calltoken: bool) -> None:
    for start in (0, 50, 100):
        s.at(start)
        s.register(box, refresh=120, granted=60, calltoken=calltoken)
    registration = _only_peer(s).registration
    assert registration is not None
    assert (registration.user, registration.asked_s, registration.granted_s) == ("branch", 120, 60)
    assert len(registration.refreshes) == 3
    assert len(registration.attempts) == (6 if calltoken else 3)
    assert registration.observed_s == pytest.approx(50, abs=0.1)
    assert registration.attempts[-1].seen_as == Endpoint("203.0.113.7", 4569)


def test_a_call_and_its_token_are_one_call(s: Scenario, box: IaxPeer) -> None:
    s.register(box)
    s.at(10)
    s.call(box, talk_s=2)
    (call,) = _only_peer(s).calls
    assert call.end is End.HUNG_UP
    assert call.ringing_ns is not None and call.answered_ns is not None
    assert [t.method for t in call.transactions] == ["NEW", "NEW"]


def test_retransmissions(s: Scenario, box: IaxPeer) -> None:
    s.register(box)
    s.at(40)
    s.call(box, answered=False)
    (new,) = _only_peer(s).inbound
    assert len(new.sent) == 4
    assert not new.answered


def test_a_poke(s: Scenario, box: IaxPeer) -> None:
    s.register(box)
    s.at(10)
    s.poke(box)
    (poke,) = _only_peer(s).inbound
    assert poke.method == "POKE"
    assert poke.final is not None and poke.final.label == "PONG"


def test_mini_frames_refresh_the_path(s: Scenario, box: IaxPeer) -> None:
    """The peer's voice is the newest packet when the PBX asks again right after the call."""
    s.register(box)
    s.at(10)
    s.call(box, talk_s=20)
    end = s.now_s
    s.at(end + 5)
    s.poke(box)
    poke = _only_peer(s).inbound[-1]
    idle = poke.sent[0].idle_ns
    assert idle is not None and idle / 1e9 == pytest.approx(5, abs=0.2)


def test_an_encrypted_call_is_not_misread(s: Scenario, box: IaxPeer) -> None:
    s.register(box)
    s.at(10)
    s.call(box, talk_s=3, encrypted=True)
    (call,) = _only_peer(s).calls
    assert call.outcome is not End.REFUSED
    labels = {answer.label for t in call.transactions for answer in t.answers}
    assert "encrypted" in labels
