"""SD506: same phone, same age, another source: only the registrar gets through."""

from __future__ import annotations

import pytest

from sipdiag.crafting import sip
from sipdiag.crafting.scenario import Scenario, SipPhone
from sipdiag.findings import Confidence
from tests.findings.conftest import INNER, OUTER
from tests.told import accused, the, verdict_on

PORT, ADDRESS = "203.0.113.80:5080", "203.0.113.81:5060"


def _invite(
    s: Scenario, at_s: float, src: str, number: int, *, times: int = 3, answered: bool = False,
    software: str = "Asterisk PBX 16.28.0",
) -> None:  # fmt: skip
    """A call from another place of the PBX, repeated as chan_sip does."""
    headers = [
        ("Via", f"SIP/2.0/UDP {src};branch=z9hG4bKother{number};rport"),
        ("From", f"<sip:200@{src}>;tag=other{number}"),
        ("To", f"<sip:101@{INNER}>"),
        ("Call-ID", f"other{number}@{src}"),
        ("CSeq", "102 INVITE"),
        ("Contact", f"<sip:200@{src}>"),
    ]
    request = sip.build(f"INVITE sip:101@{INNER} SIP/2.0", [*headers, ("User-Agent", software)])
    for moment in (0.0, 0.5, 1.5)[:times]:
        s.at(at_s + moment)
        s.send(src, OUTER, request)
    if answered:
        s.at(at_s + 0.05)
        s.send(OUTER, src, sip.build("SIP/2.0 486 Busy Here", headers))


@pytest.mark.parametrize(("src", "differs"), [(PORT, "port"), (ADDRESS, "address")])
def test_fires_for_another_port_or_address(
    s: Scenario, phone: SipPhone, src: str, differs: str
) -> None:
    s.keep_registered(phone, until=300, every=54)
    s.at(30)
    s.call(phone, answered=True, talk_s=1, media="none")
    _invite(s, 60, src, 1)
    _invite(s, 120, src, 2)
    verdict = verdict_on(s)
    assert accused(verdict) == ["inbound-filtered"]
    found = the(verdict, "inbound-filtered")
    assert found.confidence is Confidence.HIGH
    assert found.params["differs_in"] == differs
    assert found.params["sent_from"] == src
    assert [u.name for u in verdict.undetermined] == []


def test_without_a_call_that_got_through_it_is_less_sure(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=300, every=54)
    _invite(s, 60, PORT, 1)
    found = the(verdict_on(s), "inbound-filtered")
    assert found.confidence is Confidence.MEDIUM


def test_undetermined_on_a_single_packet(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=300, every=54)
    _invite(s, 60, PORT, 1, times=1)
    verdict = verdict_on(s)
    assert accused(verdict) == []
    assert [u.name for u in verdict.undetermined] == ["inbound-filtered"]


def test_silent_where_the_other_port_gets_through(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=300, every=54)
    _invite(s, 60, PORT, 1, times=1, answered=True)
    _invite(s, 120, PORT, 2)
    assert "inbound-filtered" not in accused(verdict_on(s))


def test_silent_on_a_phone_that_is_gone(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    _invite(s, 5, PORT, 1)
    assert "inbound-filtered" not in accused(verdict_on(s, until_s=200))


def test_silent_on_an_aged_mapping(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=300, every=54)
    _invite(s, 100, PORT, 1)
    assert "inbound-filtered" not in accused(verdict_on(s))


def test_silent_on_strangers(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=300, every=54)
    _invite(s, 60, ADDRESS, 1, software="friendly-scanner")
    _invite(s, 120, ADDRESS, 2, software="friendly-scanner")
    assert accused(verdict_on(s)) == []


def test_silent_on_a_filter_that_drops_the_registrar_too(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=200, every=54)
    s.at(40)
    s.call(phone, answered=True, talk_s=1, media="none")
    for start in (60, 114):
        s.at(start)
        s.call(phone, answered=False, retransmissions=3)
    assert accused(verdict_on(s)) == ["peer-unreachable"]
