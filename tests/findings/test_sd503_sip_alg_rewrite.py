"""SD503 is sure only where GOOD shows what the phone writes itself."""

from __future__ import annotations

import pytest

from sipdiag.base.endpoint import Endpoint
from sipdiag.crafting.scenario import Scenario
from sipdiag.findings import Confidence, Severity
from tests.told import accused, the, verdict_on

INNER, OUTER = "192.168.1.50:5060", "203.0.113.7:5060"


def _story(
    writes: str, *, user_agent: str = "Phone 1.0", call_id_host: str | None = None
) -> Scenario:
    s = Scenario()
    phone = s.sip_phone(
        "101",
        inner=INNER,
        outer=OUTER,
        writes=writes,
        user_agent=user_agent,
        call_id_host=call_id_host,
    )
    s.keep_registered(phone, until=120, every=54)
    s.at(20)
    s.call(phone, talk_s=2)
    return s


def test_fires_where_good_is_private_and_bad_is_public() -> None:
    verdict = verdict_on(_story("outer"), _story("inner"))
    assert accused(verdict) == ["sip-alg-rewrite"]
    found = the(verdict, "sip-alg-rewrite")
    assert found.confidence is Confidence.HIGH
    assert found.severity is Severity.WARNING
    assert found.params["changed_fields"] == ["Via", "Contact", "SDP"]


def test_one_side_with_a_private_call_id_is_a_low_hint() -> None:
    verdict = verdict_on(_story("outer", call_id_host="192.168.1.50"))
    found = the(verdict, "sip-alg-rewrite")
    assert (found.severity, found.confidence) == (Severity.INFO, Confidence.LOW)
    assert "STUN" in found.message


@pytest.mark.parametrize("writes", ["inner", "outer"])
def test_silent_when_both_write_the_same(writes: str) -> None:
    assert verdict_on(_story(writes), _story(writes)).findings == []


def test_silent_on_a_client_that_was_seen_with_stun() -> None:
    s = _story("outer", call_id_host="192.168.1.50")
    s.at(0)
    s.send(OUTER, "203.0.113.80:3478", b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12))
    assert verdict_on(s, _story("inner")).findings == []


def test_silent_on_another_phone() -> None:
    verdict = verdict_on(_story("outer", user_agent="Other 2.0"), _story("inner"))
    assert accused(verdict) == []


def test_silent_on_a_phone_with_a_public_address() -> None:
    s = Scenario()
    phone = s.sip_phone("101", inner="198.51.100.5:5060", outer="198.51.100.5:5060")
    s.keep_registered(phone, until=120, every=54)
    assert verdict_on(s, _story("inner")).findings == [] or accused(verdict_on(s)) == []
    assert verdict_on(s).findings == []


def test_silent_on_a_client_that_learns_its_address_from_the_reply() -> None:
    """Its first REGISTER is private; an ALG would have rewritten that one too."""
    s = Scenario()
    phone = s.sip_phone("101", inner=INNER, outer=OUTER, user_agent="Phone 1.0")
    s.register(phone)
    phone.writes = phone.writes._replace(
        via=Endpoint("203.0.113.7", 5060), contact=Endpoint("203.0.113.7", 5060)
    )
    s.at(54)
    s.keep_registered(phone, until=200, every=54)
    assert accused(verdict_on(s, _story("inner"))) == []
