"""SD501 needs what worked, what failed later, and a client that was alive all the while."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from sipdiag.base.interval import Interval
from sipdiag.crafting.scenario import IaxPeer, Scenario, SipPhone
from sipdiag.findings import Confidence
from tests.findings.conftest import INNER, OUTER
from tests.told import accused, the, verdict_on

EVERY = 54


def _lifetime(finding_params: Mapping[str, object]) -> Interval:
    lower, upper = finding_params["lifetime_lower_s"], finding_params["lifetime_upper_s"]
    assert isinstance(lower, float) and isinstance(upper, float)
    return Interval(lower, upper)


def _registered(s: Scenario, phone: SipPhone, cycles: int = 6) -> None:
    s.keep_registered(phone, until=cycles * EVERY, every=EVERY)


def _calls(s: Scenario, phone: SipPhone, *ages: tuple[int, float, bool]) -> None:
    """(registration, seconds after it, answered)."""
    for cycle, age, answered in ages:
        s.at(cycle * EVERY + age)
        s.call(phone, answered=answered, talk_s=1, media="none", retransmissions=3)


def test_fires_with_the_interval_between_what_worked_and_what_failed(
    s: Scenario, phone: SipPhone
) -> None:
    _registered(s, phone)
    _calls(s, phone, (0, 20, True), (1, 29, True), (2, 33, False), (4, 45, False))
    verdict = verdict_on(s)
    assert accused(verdict) == ["nat-binding-expired"]
    found = the(verdict, "nat-binding-expired")
    assert found.confidence is Confidence.HIGH
    assert 30 in _lifetime(found.params)
    lower, upper = _lifetime(found.params)
    assert lower == pytest.approx(29, abs=0.3)
    assert upper == pytest.approx(33, abs=0.3)
    assert [e.role for e in found.evidence].count("primary") == 1


@pytest.mark.parametrize("lifetime", [20, 45, 60, 120])
def test_the_true_lifetime_is_inside(s: Scenario, lifetime: int) -> None:
    phone = s.sip_phone("101", inner=INNER, outer=OUTER, nat_lifetime_s=lifetime)
    for cycle, age in enumerate((15, 40, 55, 70, 110, 130)):
        s.at(cycle * 180)
        s.register(phone, expires=200)
        s.at(cycle * 180 + age)
        s.call(phone, talk_s=1, media="none", retransmissions=3)
    s.at(6 * 180)
    s.register(phone, expires=200)
    found = the(verdict_on(s), "nat-binding-expired")
    assert lifetime in _lifetime(found.params)


def test_one_failure_alone_is_less_sure(s: Scenario, phone: SipPhone) -> None:
    _registered(s, phone)
    _calls(s, phone, (2, 40, False))
    found = the(verdict_on(s), "nat-binding-expired")
    assert found.confidence is Confidence.LOW


def test_good_makes_it_sure(s: Scenario, phone: SipPhone) -> None:
    _registered(s, phone)
    _calls(s, phone, (0, 20, True), (2, 40, False))
    good = Scenario()
    other = good.sip_phone("101", inner="192.168.1.50", outer="198.51.100.9")
    _registered(good, other)
    _calls(good, other, (1, 45, True))
    assert the(verdict_on(s), "nat-binding-expired").confidence is Confidence.MEDIUM
    found = the(verdict_on(s, good), "nat-binding-expired")
    assert found.confidence is Confidence.HIGH
    assert found.evidence[-1].role == "baseline"


def test_fires_for_iax2(s: Scenario, box: IaxPeer) -> None:
    s.keep_registered(box, until=300, every=50)
    s.at(20)
    s.call(box, answered=True, talk_s=1)
    for start in (127, 227):
        s.at(start)
        s.call(box, answered=False)
    found = the(verdict_on(s), "nat-binding-expired")
    assert found.protocol == "IAX2"
    assert 25 in _lifetime(found.params)


def test_a_new_port_after_the_old_binding_expired_is_part_of_it(
    s: Scenario, phone: SipPhone
) -> None:
    s.register(phone)
    s.at(20)
    s.call(phone, answered=True, talk_s=1, media="none")
    for cycle in (1, 2):
        s.at(cycle * EVERY)
        s.register(phone)
        s.at(cycle * EVERY + 40)
        s.call(phone, answered=False, retransmissions=3)
        s.rebind(phone, f"203.0.113.7:{20000 + cycle}")
    s.at(3 * EVERY)
    s.register(phone)
    verdict = verdict_on(s)
    assert accused(verdict) == ["nat-binding-expired"]
    assert the(verdict, "nat-binding-expired").params["new_port_count"] == 2
    assert the(verdict, "nat-mapping-changed").caused_by is verdict.root


def test_silent_on_a_phone_that_was_off(s: Scenario, phone: SipPhone) -> None:
    s.register(phone)
    s.at(20)
    s.call(phone, answered=True, talk_s=1, media="none")
    s.phone_off(phone)
    for start in (60, 110):
        s.at(start)
        s.call(phone)
    assert "nat-binding-expired" not in accused(verdict_on(s, until_s=300))


def test_silent_on_a_phone_that_came_back_late(s: Scenario, phone: SipPhone) -> None:
    """A smartphone asleep: it missed its own refresh, so it may have missed the call too."""
    s.register(phone)
    s.at(20)
    s.call(phone, answered=True, talk_s=1, media="none")
    s.at(62)
    s.call(phone, answered=False)
    s.at(400)
    s.register(phone)
    assert "nat-binding-expired" not in accused(verdict_on(s))


def test_silent_on_loss_at_small_ages(s: Scenario, phone: SipPhone) -> None:
    _registered(s, phone)
    _calls(s, phone, (0, 20, True), (1, 5, False), (2, 40, False), (3, 8, False))
    verdict = verdict_on(s)
    assert "nat-binding-expired" not in accused(verdict)
    assert "nat-binding-expired" in [item.name for item in verdict.undetermined]


def test_silent_when_everything_gets_through(s: Scenario, phone: SipPhone) -> None:
    _registered(s, phone)
    _calls(s, phone, (0, 20, True), (1, 40, True), (2, 50, True))
    assert verdict_on(s).findings == []


def test_inbound_keepalives_widen_the_interval_rather_than_count_as_age(
    s: Scenario, phone: SipPhone
) -> None:
    """What got through 50 s after the phone's last packet, but 5 s after one to it, may have
    been let in by either: only the 5 s are proved."""
    _registered(s, phone)
    s.at(45)
    s.send("203.0.113.80:5060", "203.0.113.7:5060", b"\r\n")
    s.at(50)
    s.call(phone, answered=True, talk_s=1, media="none")
    _calls(s, phone, (2, 40, False), (4, 40, False))
    found = the(verdict_on(s), "nat-binding-expired")
    lower, upper = _lifetime(found.params)
    assert lower is not None and lower < 10
    assert upper == pytest.approx(40, abs=0.3)


def test_each_network_of_a_roaming_phone_has_its_own_lifetime(s: Scenario, phone: SipPhone) -> None:
    """What survives on 4G says nothing of the router at home."""
    s.register(phone)
    s.at(45)
    s.call(phone, answered=True, talk_s=1, media="none")
    s.rebind(phone, "198.51.100.9:7001")
    s.at(54)
    s.keep_registered(phone, until=400, every=54)
    s.at(54 + 20)
    s.call(phone, answered=True, talk_s=1, media="none")
    for cycle in (3, 5):
        s.at(cycle * 54 + 36)
        s.call(phone, answered=False, retransmissions=3)
    verdict = verdict_on(s)
    assert accused(verdict) == ["nat-binding-expired"]
    lower, upper = _lifetime(the(verdict, "nat-binding-expired").params)
    assert lower == pytest.approx(20, abs=0.3)
    assert upper == pytest.approx(36, abs=0.3)
