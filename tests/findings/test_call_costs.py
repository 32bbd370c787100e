"""Calls that drop in the middle and calls that ring late, on a binding that is dead."""

from __future__ import annotations

import pytest

from sipdiag.crafting import sip
from sipdiag.crafting.scenario import Scenario, SipPhone
from sipdiag.findings import Finding
from sipdiag.protocols.sip import Message, parse
from tests.findings.conftest import INNER, OUTER
from tests.told import accused, the, verdict_on

SERVER = "203.0.113.80:5060"
REPEATS = (0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5)


def _only(found: Finding, name: str) -> float:
    values = found.params[name]
    assert isinstance(values, list) and len(values) == 1
    return float(values[0])


def _talk(s: Scenario, *, session: int | None, method: str = "INVITE") -> None:
    """A call of a quarter of an hour over a binding that lives for a minute: at 900 s the PBX
    refreshes it in vain, and at 932 s it hangs up."""
    phone = s.sip_phone("101", inner=INNER, outer=OUTER, nat_lifetime_s=60)
    s.register(phone, expires=3600)
    s.at(10)
    call_id = s.call(phone, talk_s=932, media="none", ring_s=2)
    headers = [
        ("Via", f"SIP/2.0/UDP {SERVER};branch=z9hG4bKrefresh"),
        ("From", "<sip:200@203.0.113.80>;tag=here"),
        ("To", "<sip:101@203.0.113.7>;tag=there"),
        ("Call-ID", call_id),
        ("CSeq", f"103 {method}"),
        *([("Session-Expires", f"{session};refresher=uac")] if session else []),
    ]
    for moment in REPEATS:
        s.at(912 + moment)
        s.send(SERVER, OUTER, sip.build(f"{method} sip:101@{INNER} SIP/2.0", headers))
    s.at(3500)
    s.register(phone, expires=3600)
    s.at(3510)
    s.call(phone, talk_s=1, media="none")


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_session_timer_on_a_dead_binding_drops_the_call(s: Scenario, method: str) -> None:
    _talk(s, session=1800, method=method)
    found = the(verdict_on(s), "nat-binding-expired")
    assert _only(found, "dropped_after_s") == pytest.approx(932, abs=1)
    assert found.params["session_expires_s"] == 1800
    assert "session timer" in found.message


def test_without_session_expires_it_is_called_what_it_is(s: Scenario) -> None:
    _talk(s, session=None)
    found = the(verdict_on(s), "nat-binding-expired")
    assert found.params["session_expires_s"] is None
    assert "session timer" not in found.message
    assert "INVITE within it" in found.message


def _requests(s: Scenario, method: bytes) -> list[Message]:
    messages = [parse(d.payload) for d in s.datagrams() if d.payload.startswith(method)]
    return [m for m in messages if m is not None]


def _ring_late(s: Scenario, phone: SipPhone, placed_s: float, answered_s: float) -> None:
    s.at(placed_s)
    s.call(phone, answered=False, retransmissions=5)
    invite = _requests(s, b"INVITE")[-1]
    kept = ("via", "from", "to", "call-id", "cseq")
    headers = [(h.written, h.value) for h in invite.headers if h.name in kept]
    s.at(answered_s)
    s.send(OUTER, SERVER, sip.build("SIP/2.0 180 Ringing", headers))


def test_an_invite_that_got_through_after_the_next_registration(
    s: Scenario, phone: SipPhone
) -> None:
    s.keep_registered(phone, until=400, every=54)
    s.at(20)
    s.call(phone, answered=True, talk_s=1, media="none")
    s.at(108 + 40)
    s.call(phone, answered=False, retransmissions=3)
    _ring_late(s, phone, 216 + 42, 216 + 42 + 15.6)
    verdict = verdict_on(s)
    assert accused(verdict) == ["nat-binding-expired"]
    found = the(verdict, "nat-binding-expired")
    assert _only(found, "late_ring_s") == pytest.approx(15.6, abs=0.01)
    assert "rang late" in found.message


def test_a_quick_answer_is_not_late(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=400, every=54)
    s.at(20)
    s.call(phone, answered=True, talk_s=1, media="none")
    for start in (148, 256):
        s.at(start)
        s.call(phone, answered=False, retransmissions=3)
    found = the(verdict_on(s), "nat-binding-expired")
    assert found.params["late_ring_s"] == []
    assert found.params["dropped_after_s"] == []
