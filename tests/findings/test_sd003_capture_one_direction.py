"""SD003 needs a proof that there was an answer, and that none of them was captured."""

from __future__ import annotations

from sipdiag.crafting.scenario import IaxPeer, Scenario, SipPhone
from tests.told import accused, subjects_of, the, verdict_on

SERVER = "203.0.113.80"


def _only(s: Scenario, *, from_server: bool) -> Scenario:
    """The same story as a mirror of one direction sees it."""
    half = Scenario()
    packets = s.packets()
    for packet in packets:
        assert packet.src is not None and packet.dst is not None
        if (packet.src.ip == SERVER) is from_server:
            half.at((packet.ts_ns - packets[0].ts_ns) / 1e9)
            half.send(packet.src, packet.dst, packet.payload)
    return half


def test_fires_on_registrations_whose_challenges_are_missing(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=200, every=54)
    verdict = verdict_on(_only(s, from_server=False))
    assert accused(verdict) == ["capture-one-direction"]
    found = the(verdict, "capture-one-direction")
    assert found.params["missing_from"] == SERVER
    assert found.params["proofs_count"] == 4


def test_fires_on_calls_without_their_answers(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(5)
    s.call_from(phone, talk_s=2)
    assert accused(verdict_on(_only(s, from_server=False))) == ["capture-one-direction"]


def test_fires_for_iax2(s: Scenario, box: IaxPeer) -> None:
    s.keep_registered(box, until=120, every=50)
    assert accused(verdict_on(_only(s, from_server=False))) == ["capture-one-direction"]


def test_the_servers_half_accuses_nobody(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=200, every=54)
    s.at(20)
    s.call(phone, talk_s=2)
    assert set(accused(verdict_on(_only(s, from_server=True)))) <= {"capture-one-direction"}


def test_silent_on_both_directions(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=200, every=54)
    s.at(20)
    s.call(phone, talk_s=2)
    assert verdict_on(s).findings == []


def test_silent_on_a_registrar_that_says_nothing(s: Scenario, phone: SipPhone) -> None:
    s.register(phone, answered=False)
    assert "capture-one-direction" not in accused(verdict_on(s))
    assert subjects_of(s).peers[0].registration is not None


def test_silent_on_one_lost_answer(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=200, every=54)
    packets = s.packets()
    lossy = Scenario()
    for number, packet in enumerate(packets):
        assert packet.src is not None and packet.dst is not None
        if number != 1:
            lossy.at((packet.ts_ns - packets[0].ts_ns) / 1e9)
            lossy.send(packet.src, packet.dst, packet.payload)
    assert accused(verdict_on(lossy)) == []
