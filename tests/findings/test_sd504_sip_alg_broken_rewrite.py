"""SD504 needs a contradiction and GOOD, or two contradictions."""

from __future__ import annotations

from sipdiag.crafting.scenario import Scenario
from sipdiag.findings import Confidence, Severity
from tests.findings.conftest import INNER, OUTER
from tests.told import accused, the, verdict_on


def _registered(**writes: str) -> Scenario:
    s = Scenario()
    phone = s.sip_phone("101", inner=INNER, outer=OUTER, writes=writes or "inner")
    s.keep_registered(phone, until=120, every=54)
    return s


def test_fires_for_a_contact_port_of_no_binding_beside_good() -> None:
    bad = _registered(via="203.0.113.7:5060", contact="203.0.113.7:1025")
    verdict = verdict_on(bad, _registered())
    assert accused(verdict) == ["sip-alg-broken-rewrite"]
    found = the(verdict, "sip-alg-broken-rewrite")
    assert (found.severity, found.confidence) == (Severity.ERROR, Confidence.HIGH)
    assert the(verdict, "sip-alg-rewrite").caused_by is found


def test_fires_for_a_via_that_was_mapped_and_a_contact_that_was_not() -> None:
    bad = _registered(via="203.0.113.7:5060", contact="192.168.1.50:5060")
    assert accused(verdict_on(bad, _registered())) == ["sip-alg-broken-rewrite"]


def test_fires_without_good_on_two_contradictions() -> None:
    bad = _registered(via="203.0.113.7:5060", contact="203.0.113.7:1025")
    bad.at(10)
    bad.send(
        OUTER,
        "203.0.113.80:5060",
        b"MESSAGE sip:1@203.0.113.80 SIP/2.0\r\nCall-ID: m\r\nCSeq: 1 MESSAGE\r\n"
        b"Content-Length: 9\r\n\r\nhello",
    )
    found = the(verdict_on(bad), "sip-alg-broken-rewrite")
    assert (found.severity, found.confidence) == (Severity.WARNING, Confidence.MEDIUM)


def test_silent_on_another_contact_port_alone() -> None:
    bad = _registered(via="203.0.113.7:5060", contact="203.0.113.7:1025")
    assert accused(verdict_on(bad)) == []


def test_silent_on_a_client_that_learned_its_address() -> None:
    learned = _registered(via="192.168.1.50:5060", contact="203.0.113.7:5060")
    assert "sip-alg-broken-rewrite" not in accused(verdict_on(learned, _registered()))
