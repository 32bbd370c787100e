"""What is known of a NAT is pooled over its clients; what isn't observed is None."""

from __future__ import annotations

import pytest

from sipdiag.base.interval import Interval
from sipdiag.crafting.scenario import Scenario
from sipdiag.findings.context import Context
from sipdiag.findings.routers import Router, routers
from tests.told import subjects_of


def _routers(s: Scenario) -> list[Router]:
    subjects = subjects_of(s)
    return routers(Context(subjects))


def test_clients_of_one_router_are_pooled(s: Scenario) -> None:
    """One phone shows what survives, the other what fails."""
    first = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7:5060")
    second = s.sip_phone("102", inner="192.168.1.51", outer="203.0.113.7:20001")
    s.keep_registered(first, until=200, every=54)
    s.at(1)
    s.keep_registered(second, until=300, every=54)
    s.at(28)
    s.call(first, talk_s=1, media="none")
    for start in (149, 257):
        s.at(start)
        s.call(second, answered=False, retransmissions=3)
    (router,) = _routers(s)
    assert router.address == "203.0.113.7"
    assert router.clients == ("SIP/101", "SIP/102")
    assert router.agree
    assert router.lifetime.lower_s == pytest.approx(28, abs=0.3)
    assert router.lifetime.upper_s == pytest.approx(40, abs=0.3)
    assert router.keeps_ports is False


def test_nothing_is_made_up(s: Scenario) -> None:
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    s.register(phone)
    (router,) = _routers(s)
    assert router.lifetime.upper_s is None
    assert (router.inbound_refreshes, router.endpoint_independent, router.lets_in_others) == (
        None,
        None,
        None,
    )
    assert router.keeps_ports is True


def test_clients_that_disagree_have_no_common_lifetime(s: Scenario) -> None:
    first = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7:5060")
    second = s.sip_phone("102", inner="192.168.1.51", outer="203.0.113.7:20001")
    s.keep_registered(first, until=200, every=54)
    s.at(1)
    s.keep_registered(second, until=300, every=54)
    s.at(50)
    s.call(first, talk_s=1, media="none")
    for start in (149, 257):
        s.at(start)
        s.call(second, answered=False, retransmissions=3)
    (router,) = _routers(s)
    assert not router.agree
    assert router.lifetime == Interval()


def test_an_inbound_packet_that_kept_the_binding_open_shows_it(s: Scenario) -> None:
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    s.keep_registered(phone, until=400, every=54)
    s.at(25)
    s.send("203.0.113.80:5060", "203.0.113.7:5060", b"\r\n")
    s.at(48)
    s.call(phone, talk_s=1, media="none")
    for start in (148, 256):
        s.at(start)
        s.call(phone, answered=False, retransmissions=3)
    (router,) = _routers(s)
    assert router.inbound_refreshes is True


def test_a_phone_without_nat_has_no_router(s: Scenario) -> None:
    phone = s.sip_phone("101", inner="198.51.100.5", outer="198.51.100.5")
    s.register(phone)
    assert _routers(s) == []
