"""The share of the time in which a phone could be called, with no number made up."""

from __future__ import annotations

from itertools import pairwise

import pytest

from sipdiag.crafting.scenario import IaxPeer, Scenario, SipPhone
from sipdiag.findings.context import Context
from sipdiag.findings.reachable import Reachable, State, reachable, stretches
from tests.findings.conftest import INNER, OUTER
from tests.told import subjects_of


def _of(s: Scenario, *, until_s: float | None = None) -> Reachable | None:
    context = Context(subjects_of(s, until_s=until_s))
    return reachable(context.reaches[0], context.subjects)


def _expiring(s: Scenario) -> SipPhone:
    """Registered every 54 s; 30 s after its last packet it was reached, 34 s after it wasn't."""
    phone = s.sip_phone("101", inner=INNER, outer=OUTER)
    s.keep_registered(phone, until=540, every=54)
    s.at(30)
    s.call(phone, answered=True, talk_s=1, media="none")
    for start in (108 + 34, 216 + 34):
        s.at(start)
        s.call(phone, answered=False, retransmissions=3)
    return phone


def test_alive_dead_and_what_lies_between(s: Scenario) -> None:
    _expiring(s)
    found = _of(s)
    assert found is not None
    assert found.alive + found.dead + found.unknown == pytest.approx(1, abs=0.001)
    assert found.span_s == pytest.approx(486, abs=1)
    assert 30 / 54 < found.alive < 34 / 54
    assert 16 / 54 < found.dead < 20 / 54
    assert found.unknown < 5 / 54


def test_stretches_leave_no_gap_and_make_the_shares(s: Scenario) -> None:
    _expiring(s)
    context = Context(subjects_of(s))
    found = list(stretches(context.reaches[0], context.subjects))
    assert all(a.end_ns == b.begin_ns and a.begin_ns < a.end_ns for a, b in pairwise(found))
    share = reachable(context.reaches[0], context.subjects)
    assert share is not None
    span = found[-1].end_ns - found[0].begin_ns
    dead = sum(each.end_ns - each.begin_ns for each in found if each.state is State.DEAD)
    assert span / 1e9 == pytest.approx(share.span_s)
    assert dead / span == pytest.approx(share.dead, abs=1e-4)


def test_a_lost_ping_does_not_bring_the_binding_back(s: Scenario) -> None:
    phone = _expiring(s)
    without = _of(s)
    for start in (324 + 40, 378 + 40):
        s.at(start)
        s.options(phone, answered=False)
    found = _of(s)
    assert found is not None and without is not None
    assert found.dead == pytest.approx(without.dead, abs=0.001)


def test_a_ping_that_may_have_refreshed_it_makes_it_unknown(s: Scenario) -> None:
    _expiring(s)
    without = _of(s)
    s.at(324 + 20)
    s.send("203.0.113.80:5060", OUTER, bytes(4))
    found = _of(s)
    assert found is not None and without is not None
    assert found.alive == without.alive
    assert found.dead < without.dead
    assert found.unknown > without.unknown


def test_keepalives_of_the_phone_keep_it_alive(s: Scenario) -> None:
    phone = _expiring(s)
    without = _of(s)
    for number in range(10):
        s.at(300 + 20 * number)
        s.keepalive(phone)
    found = _of(s)
    assert found is not None and without is not None
    assert found.alive > without.alive
    assert found.dead < without.dead


def test_without_a_loss_nothing_is_said_to_be_dead(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=200, every=54)
    s.at(30)
    s.call(phone, answered=True, talk_s=1, media="none")
    found = _of(s)
    assert found is not None
    assert found.dead == 0
    assert found.unknown > 0


def test_none_without_a_registration(s: Scenario) -> None:
    phone = s.sip_phone("101", inner=INNER, outer=OUTER)
    s.register(phone, answered=False)
    assert _of(s) is None


def test_audio_of_iax2_holds_the_binding_of_iax2(s: Scenario, box: IaxPeer) -> None:
    def story(talk_s: float) -> Reachable:
        told = Scenario()
        peer = told.iax_peer("branch", inner="192.168.1.50:4569", outer="203.0.113.7:4569")
        told.keep_registered(peer, until=400, every=50)
        told.at(20)
        told.call(peer, answered=True, talk_s=1)
        for start in (127, 227):
            told.at(start)
            told.call(peer, answered=False)
        told.at(301)
        told.call(peer, answered=True, talk_s=talk_s)
        found = _of(told)
        assert found is not None
        return found

    assert story(45).alive > story(1).alive
