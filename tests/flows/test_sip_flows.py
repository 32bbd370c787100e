"""SIP scenarios to transactions, registrations and calls."""

from __future__ import annotations

import pytest

from sipdiag.base.endpoint import Endpoint
from sipdiag.crafting.scenario import Scenario, SipPhone
from sipdiag.flows.call import End
from sipdiag.flows.subjects import Peer
from tests.told import subjects_of


@pytest.fixture
def s() -> Scenario:
    return Scenario(server="203.0.113.80", software="Asterisk PBX 16.28.0")


@pytest.fixture
def phone(s: Scenario) -> SipPhone:
    return s.sip_phone("101", inner="192.168.1.50:5060", outer="203.0.113.7:5060")


def _only_peer(s: Scenario) -> Peer:
    (peer,) = subjects_of(s).peers
    return peer


def test_a_registration_has_asked_granted_and_observed(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=200, every=54, expires=3600, granted=60)
    registration = _only_peer(s).registration
    assert registration is not None
    assert (registration.user, registration.protocol) == ("101", "SIP")
    assert (registration.asked_s, registration.granted_s) == (3600, 60)
    assert registration.observed_s == pytest.approx(54, abs=0.1)
    assert len(registration.refreshes) == 4
    assert len(registration.attempts) == 8


def test_an_unregistration_is_granted_zero(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(10)
    s.unregister(phone)
    registration = _only_peer(s).registration
    assert registration is not None
    assert [r.granted_s for r in registration.refreshes] == [60, 0]


def test_a_call_from_invite_to_bye(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(5)
    s.call(phone, talk_s=2)
    (call,) = _only_peer(s).calls
    assert call.end is End.HUNG_UP
    assert call.ringing_ns is not None and call.answered_ns is not None
    assert call.start_ns < call.ringing_ns < call.answered_ns
    assert call.acks and call.acks[0].ts_ns > call.answered_ns
    assert [t.method for t in call.transactions] == ["INVITE", "BYE"]
    assert [offer.src.ip for offer in call.offers] == ["203.0.113.80", "203.0.113.7"]


def test_retransmissions_belong_to_one_transaction(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(40)
    s.call(phone, answered=False, retransmissions=6)
    (invite,) = _only_peer(s).inbound
    assert len(invite.sent) == 7
    assert not invite.answered and invite.final is None
    ages = [sent.idle_ns for sent in invite.sent]
    assert all(age is not None for age in ages)
    assert ages[0] is not None and ages[0] / 1e9 == pytest.approx(40, abs=0.2)
    quiet = invite.sent[1].quiet_ns
    assert quiet is not None and quiet / 1e9 == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("how", "end"),
    [
        ({"refused": 486}, End.REFUSED),
        ({"cancelled": True}, End.CANCELLED),
        ({"answered": False}, End.NO_ANSWER),
    ],
)
def test_how_calls_end(s: Scenario, phone: SipPhone, how: dict[str, object], end: End) -> None:
    s.register(phone)
    s.at(5)
    s.call(phone, **how)  # type: ignore[arg-type]
    (call,) = _only_peer(s).calls
    assert call.outcome is end


def test_requests_find_their_peer_wherever_they_go(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    other = s.sip_phone("102", inner="192.168.1.51:5060", outer="203.0.113.7:5061")
    s.at(1)
    s.register(other)
    s.at(5)
    s.call(phone, answered=False, to="192.168.1.50:5060", retransmissions=1)
    s.at(10)
    s.call(other, talk_s=1, media="none")
    peers = {peer.user: peer for peer in subjects_of(s).peers}
    assert [t.method for t in peers["101"].inbound] == ["INVITE"]
    assert [t.method for t in peers["102"].inbound] == ["INVITE", "BYE"]


def test_requests_of_two_runs_of_a_phone_go_to_the_right_one(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(5)
    s.call(phone, talk_s=1, media="none")
    again = s.sip_phone("101", inner="192.168.1.50:5060", outer="203.0.113.7:5060")
    s.at(30)
    s.register(again)
    s.at(40)
    s.options(again)
    first, second = subjects_of(s).peers
    assert [t.method for t in first.inbound] == ["INVITE", "BYE"]
    assert [t.method for t in second.inbound] == ["OPTIONS"]


def test_a_phone_that_never_registers_is_a_peer_by_its_address(
    s: Scenario, phone: SipPhone
) -> None:
    s.at(5)
    s.call(phone, talk_s=1, media="none", to="203.0.113.7:5060")
    subjects = subjects_of(s)
    (peer,) = subjects.peers
    assert peer.registration is None
    assert peer.ident == "203.0.113.7:5060"
    assert subjects.servers == {Endpoint("203.0.113.80", 5060)}


def test_software_and_driver_of_the_pbx(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(5)
    s.call(phone, talk_s=1, media="none")
    subjects = subjects_of(s)
    assert subjects.pbx_software == "Asterisk PBX 16.28.0"
    assert subjects.pbx_driver == "chan_sip"
    newer = Scenario(software="Asterisk PBX 22.5.1")
    other = newer.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    newer.register(other)
    newer.at(5)
    newer.call(other, talk_s=1, media="none")
    assert subjects_of(newer).pbx_driver == "chan_pjsip"


def test_a_length_that_is_not_the_bodys_is_noted(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(5)
    s.send(
        "203.0.113.7:5060",
        "203.0.113.80:5060",
        b"MESSAGE sip:a@b SIP/2.0\r\nContent-Length: 9\r\n\r\nhello",
    )
    (error,) = subjects_of(s).length_errors
    assert "9" in error.label and "5 bytes" in error.label


def test_icmp_is_kept_apart(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(5)
    s.call(phone, answered=False, retransmissions=1)
    invite = next(d for d in s.datagrams() if d.payload.startswith(b"INVITE"))
    s.at(5.1)
    s.unreachable("203.0.113.7", invite)
    subjects = subjects_of(s)
    assert len(subjects.unreachable) == 1
    assert not subjects.peers[0].inbound[0].answered


@pytest.mark.parametrize(("contact", "returned"), [("192.168.1.50", True), ("10.0.0.9", False)])
def test_whether_the_200_names_the_contact_that_was_sent(
    s: Scenario, phone: SipPhone, contact: str, returned: bool
) -> None:
    head = "Via: SIP/2.0/UDP 192.168.1.50:5060;branch=z9\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n"
    to = "To: <sip:101@pbx>\r\nFrom: <sip:101@pbx>;tag=1\r\n"
    request = f"REGISTER sip:pbx SIP/2.0\r\n{head}{to}Contact: <sip:101@192.168.1.50:5060>\r\n\r\n"
    reply = f"SIP/2.0 200 OK\r\n{head}{to}Contact: <sip:101@{contact}:5060>;expires=60\r\n\r\n"
    s.send("203.0.113.7:5060", "203.0.113.80:5060", request.encode())
    s.send("203.0.113.80:5060", "203.0.113.7:5060", reply.encode())
    registration = _only_peer(s).registration
    assert registration is not None
    assert registration.attempts[0].contact_returned is returned
    assert registration.granted_s == 60
