"""SD204 fires on an answer that is repeated for seconds without an ACK where it came from."""

from __future__ import annotations

from sipdiag.crafting.scenario import Scenario, SipPhone
from sipdiag.findings import Confidence
from tests.told import accused, the, verdict_on


def test_fires_when_asterisks_contact_is_wrong() -> None:
    s = Scenario(writes="10.20.30.40")
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    s.register(phone)
    s.at(5)
    s.call_from(phone, ack=False)
    found = the(verdict_on(s), "ack-missing")
    assert found.confidence is Confidence.HIGH
    assert found.params["answered_by"] == "pbx"
    assert found.params["contact"] == "10.20.30.40:5060"
    assert found.params["ack_sent_to"] is None


def test_fires_when_the_ack_goes_to_the_phones_private_contact(
    s: Scenario, phone: SipPhone
) -> None:
    s.register(phone)
    s.at(5)
    s.call(phone, ack_to="192.168.1.50:5060")
    verdict = verdict_on(s)
    assert accused(verdict) == ["ack-missing"]
    assert the(verdict, "ack-missing").params["ack_sent_to"] == "192.168.1.50:5060"


def test_silent_on_ordinary_calls(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(5)
    s.call(phone)
    s.at(15)
    s.call_from(phone)
    assert accused(verdict_on(s)) == []
