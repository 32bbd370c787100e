"""GOOD beside BAD: by who and what, not by the clock."""

from __future__ import annotations

from sipdiag.crafting.scenario import Scenario
from sipdiag.flows.align import pair_peers, pair_steps, steps_of
from tests.told import subjects_of


def _story(
    *, fails: bool, start: float = 0, users: tuple[str, ...] = ("101",), to: str | None = None
) -> Scenario:
    s = Scenario()
    for number, user in enumerate(users):
        phone = s.sip_phone(user, inner="192.168.1.50:5060", outer=f"203.0.113.7:{5060 + number}")
        s.at(start + number)
        s.register(phone)
        s.at(start + 10 + number)
        s.call(phone, answered=True, talk_s=1)
        s.at(start + 40 + number)
        s.call(phone, answered=not fails, talk_s=1, retransmissions=2, to=to)
    return s


def test_a_step_knows_what_it_consists_of_and_when_it_ended() -> None:
    told = subjects_of(_story(fails=True))
    register, answered, lost = steps_of(told.peers[0], told)
    assert [t.method for t in register.transactions] == ["REGISTER", "REGISTER"]
    assert [t.method for t in answered.transactions] == ["INVITE", "BYE"]
    assert [t.method for t in lost.transactions] == ["INVITE"]
    assert register.until_ns < answered.at_ns < answered.until_ns < lost.at_ns
    assert lost.until_ns == lost.transactions[0].sent[-1].ts_ns > lost.at_ns


def test_peers_pair_by_user_in_any_order() -> None:
    good = subjects_of(_story(fails=False, users=("101", "102")))
    bad = subjects_of(_story(fails=True, users=("102", "101")))
    pairs = pair_peers(good.peers, bad.peers)
    assert sorted((a.user, b.user) for a, b in pairs) == [("101", "101"), ("102", "102")]


def test_what_is_left_over_pairs_by_protocol() -> None:
    good = subjects_of(_story(fails=False, users=("201",)))
    bad = subjects_of(_story(fails=True, users=("101",)))
    assert [(a.user, b.user) for a, b in pair_peers(good.peers, bad.peers)] == [("201", "101")]


def test_steps_and_the_first_that_differs() -> None:
    good, bad = subjects_of(_story(fails=False, start=100)), subjects_of(_story(fails=True))
    left, right = steps_of(good.peers[0], good), steps_of(bad.peers[0], bad)
    assert [step.kind for step in right] == [
        "first registration",
        "call to the phone",
        "call to the phone",
    ]
    parted = [pair for pair in pair_steps(left, right) if pair.differing]
    assert len(parted) == 1
    assert (parted[0].number, parted[0].differing) == (2, ["outcome"])
    assert parted[0].bad.facts["outcome"] == "no reply"
    assert parted[0].good.facts["outcome"] == "answered"
    assert any("x3" in line for line in parted[0].bad.lines)


def test_where_a_request_goes_is_a_fact() -> None:
    good = subjects_of(_story(fails=False))
    bad = subjects_of(_story(fails=True, to="192.168.1.50:5060"))
    parted = [
        pair
        for pair in pair_steps(steps_of(good.peers[0], good), steps_of(bad.peers[0], bad))
        if pair.differing
    ]
    assert parted[0].differing == ["outcome", "sent to"]
    assert parted[0].bad.facts["sent to"] == "a private address"


def test_a_step_that_good_lacks_is_left_out() -> None:
    good = Scenario()
    phone = good.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    good.register(phone)
    left = subjects_of(good)
    right = subjects_of(_story(fails=True))
    pairs = pair_steps(steps_of(left.peers[0], left), steps_of(right.peers[0], right))
    assert [pair.bad.kind for pair in pairs] == ["first registration"]
