"""SD505 is information; what harm there is has findings of its own."""

from __future__ import annotations

import pytest

from sipdiag.base.endpoint import Endpoint
from sipdiag.crafting.peers import Writes
from sipdiag.crafting.scenario import Scenario
from sipdiag.findings import Confidence, Severity
from tests.told import accused, the, verdict_on


@pytest.mark.parametrize(
    ("inner", "confidence"),
    [
        ("100.64.7.8:5060", Confidence.MEDIUM),
        ("100.127.255.1:5060", Confidence.MEDIUM),
        ("192.0.0.4:5060", Confidence.HIGH),
    ],
)
def test_information_where_the_phone_writes_a_carriers_address(
    s: Scenario, inner: str, confidence: Confidence
) -> None:
    phone = s.sip_phone("101", inner=inner, outer="203.0.113.7:31007")
    s.keep_registered(phone, until=120, every=54)
    verdict = verdict_on(s)
    assert accused(verdict) == []
    found = the(verdict, "carrier-grade-nat")
    assert (found.severity, found.confidence) == (Severity.INFO, confidence)
    assert found.params["harm"] == []


def test_a_pbx_in_the_providers_network_sees_it_too(s: Scenario) -> None:
    phone = s.sip_phone("101", inner="192.168.1.50:5060", outer="100.64.7.8:31007")
    s.keep_registered(phone, until=120, every=54)
    assert the(verdict_on(s), "carrier-grade-nat").params["address"] == "100.64.7.8"


def test_two_private_networks_are_a_weak_sign(s: Scenario) -> None:
    wan = Endpoint("10.20.0.5", 5060)
    writes = Writes(wan, wan, Endpoint("10.20.0.5", 4000), "192.168.1.50")
    phone = s.sip_phone("101", inner="192.168.1.50:5060", outer="203.0.113.7:31007", writes=writes)
    s.keep_registered(phone, until=120, every=54)
    found = the(verdict_on(s), "carrier-grade-nat")
    assert (found.params["kind"], found.confidence) == ("two", Confidence.LOW)


def test_names_the_harm_that_was_found_beside_it(s: Scenario) -> None:
    phone = s.sip_phone("101", inner="100.64.7.8:5060", outer="203.0.113.7:31007")
    s.keep_registered(phone, until=330, every=54)
    for start, answered in ((20, True), (148, False), (256, False)):
        s.at(start)
        s.call(phone, answered=answered, talk_s=1, media="none", retransmissions=3)
    verdict = verdict_on(s)
    assert accused(verdict) == ["nat-binding-expired"]
    found = the(verdict, "carrier-grade-nat")
    assert found.params["harm"] == ["nat-binding-expired"]
    assert "provider" in found.message


def test_silent_on_a_vpn_of_such_addresses() -> None:
    s = Scenario(server="100.64.0.1")
    phone = s.sip_phone("101", inner="100.64.0.9", outer="100.64.0.9")
    s.keep_registered(phone, until=120, every=54)
    assert verdict_on(s).findings == []


@pytest.mark.parametrize("inner", ["192.168.1.50", "10.1.2.3", "198.51.100.5", "100.128.0.1"])
def test_silent_on_other_addresses(s: Scenario, inner: str) -> None:
    phone = s.sip_phone("101", inner=inner, outer="203.0.113.7:31007", call_id_host=inner)
    s.keep_registered(phone, until=120, every=54)
    assert verdict_on(s).findings == []
