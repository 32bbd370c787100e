"""Who keeps the binding open, how often, which way, and does it cross."""

from __future__ import annotations

import pytest

from sipdiag.crafting.scenario import IaxPeer, Scenario, SipPhone
from sipdiag.findings.keepalives import Keepalive, audit
from tests.told import subjects_of

SERVER, OUTER = "203.0.113.80:5060", "203.0.113.7:5060"
STUN = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)
STUN_OK = b"\x01\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)


def _audit(s: Scenario) -> list[Keepalive]:
    subjects = subjects_of(s)
    return audit(subjects.peers[0], subjects)


def _one(s: Scenario, kind: str) -> Keepalive:
    (found,) = [k for k in _audit(s) if k.kind == kind]
    return found


def test_registrations_are_counted_once_each(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=300, every=54)
    (found,) = _audit(s)
    assert (found.kind, found.by_client, found.sent_count) == ("REGISTER", True, 6)
    assert found.every_s == pytest.approx(54)
    assert found.answered_count == 6
    assert found.refreshes is True


def test_pings_of_the_pbx_refresh_where_they_are_answered(s: Scenario, phone: SipPhone) -> None:
    s.register(phone, expires=3600)
    for number in range(5):
        s.at(25 * (number + 1))
        s.options(phone, answered=True)
    found = _one(s, "OPTIONS")
    assert (found.by_client, found.sent_count, found.answered_count) == (False, 5, 5)
    assert found.every_s == pytest.approx(25)
    assert found.refreshes is True


def test_pings_that_nobody_answers_do_not(s: Scenario, phone: SipPhone) -> None:
    s.register(phone, expires=3600)
    for number in range(3):
        s.at(25 * (number + 1))
        s.options(phone, answered=False)
    assert _one(s, "OPTIONS").refreshes is False


@pytest.mark.parametrize(
    ("payload", "kind"),
    [(b"\r\n\r\n", "CRLF"), (b"\r\n", "CRLF"), (bytes(4), "NUL"), (b"jaK", "other")],
)
def test_bare_keepalives_of_the_phone(
    s: Scenario, phone: SipPhone, payload: bytes, kind: str
) -> None:
    s.register(phone, expires=3600)
    for number in range(4):
        s.at(15 * (number + 1))
        s.keepalive(phone, payload)
    found = _one(s, kind)
    assert (found.by_client, found.sent_count) == (True, 4)
    assert found.every_s == pytest.approx(15)
    assert found.refreshes is True


def test_what_the_pbx_sends_one_way_may_do_nothing(s: Scenario, phone: SipPhone) -> None:
    s.register(phone, expires=3600)
    for number in range(4):
        s.at(15 * (number + 1))
        s.send(SERVER, OUTER, bytes(4))
    found = _one(s, "NUL")
    assert found.by_client is False
    assert found.answered_count is None
    assert found.refreshes is None


def test_stun_on_the_signalling_socket_and_its_answers(s: Scenario, phone: SipPhone) -> None:
    s.register(phone, expires=3600)
    for number in range(4):
        s.at(25 * (number + 1))
        s.send(OUTER, SERVER, STUN)
        if number < 3:
            s.at(25 * (number + 1) + 0.05)
            s.send(SERVER, OUTER, STUN_OK)
    found = _one(s, "STUN")
    assert (found.by_client, found.sent_count, found.answered_count) == (True, 4, 3)


def test_a_double_crlf_and_its_answer_are_one_exchange(s: Scenario, phone: SipPhone) -> None:
    s.register(phone, expires=3600)
    for number in range(3):
        s.at(25 * (number + 1))
        s.keepalive(phone)
        s.at(25 * (number + 1) + 0.05)
        s.send(SERVER, OUTER, b"\r\n")
    found = _one(s, "CRLF")
    assert (found.by_client, found.answered_count) == (True, 3)


def test_pokes_and_registrations_of_iax2(s: Scenario, box: IaxPeer) -> None:
    s.keep_registered(box, until=100, every=50)
    for start in (20, 70):
        s.at(start)
        s.poke(box, answered=True)
    kinds = {k.kind: k for k in _audit(s)}
    assert set(kinds) == {"REGREQ", "POKE"}
    assert kinds["POKE"].answered_count == 2
    assert kinds["REGREQ"].sent_count == 2


def test_two_phones_behind_one_router_are_kept_apart(s: Scenario, phone: SipPhone) -> None:
    other = s.sip_phone("102", inner="192.168.1.51:5060", outer="203.0.113.7:31007")
    s.register(phone)
    s.register(other)
    s.at(15)
    s.keepalive(phone)
    subjects = subjects_of(s)
    kinds = [[k.kind for k in audit(peer, subjects)] for peer in subjects.peers]
    assert sorted(map(len, kinds)) == [1, 2]


def test_nothing_of_a_stranger(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(15)
    s.send("192.0.2.9:5060", SERVER, b"\r\n\r\n")
    assert [k.kind for k in _audit(s)] == ["REGISTER"]
