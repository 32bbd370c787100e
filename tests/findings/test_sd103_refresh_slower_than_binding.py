"""SD103 states the share of time without a binding; inside the lifetime's interval it is open."""

from __future__ import annotations

from sipdiag.crafting.scenario import Scenario, SipPhone
from sipdiag.findings import Severity
from tests.told import accused, the, verdict_on


def _story(s: Scenario, phone: SipPhone, *, every: float, fails_at: float, works_at: float) -> None:
    """Registers all the time; one cycle has a call that works, two have one that fails."""
    s.keep_registered(phone, until=6 * every, every=every)
    s.at(works_at)
    s.call(phone, answered=True, talk_s=1, media="none")
    for cycle in (2, 4):
        s.at(cycle * every + fails_at)
        s.call(phone, answered=False, retransmissions=3)


def test_fires_and_follows_from_the_expired_binding(s: Scenario, phone: SipPhone) -> None:
    _story(s, phone, every=54, works_at=20, fails_at=40)
    verdict = verdict_on(s)
    found = the(verdict, "refresh-slower-than-binding")
    assert found.severity is Severity.INFO
    assert found.caused_by is verdict.root
    assert found.params["refresh_s"] == 54.0
    least, most = (found.params["unreachable_share_least"], found.params["unreachable_share_most"])
    assert isinstance(least, float) and isinstance(most, float)
    assert abs(least - (1 - 40 / 54)) < 0.01
    assert abs(most - (1 - 20 / 54)) < 0.01


def test_a_second_phone_behind_the_same_router_is_warned_of(s: Scenario, phone: SipPhone) -> None:
    _story(s, phone, every=54, works_at=20, fails_at=40)
    other = s.sip_phone("102", inner="192.168.1.51:5060", outer="203.0.113.7:20001")
    s.at(1)
    s.keep_registered(other, until=320, every=54)
    verdict = verdict_on(s)
    warned = [f for f in verdict.findings if f.name == "refresh-slower-than-binding"]
    assert {(f.subject.ident, f.severity) for f in warned} == {
        ("SIP/101", Severity.INFO),
        ("SIP/102", Severity.WARNING),
    }


def test_undetermined_inside_the_interval(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=200, every=30)
    s.at(1)
    s.call(phone, answered=True, talk_s=1, media="none")
    s.at(214)
    for start in (214, 274):
        s.at(start)
        s.call(phone, answered=False, retransmissions=3)
        s.at(start + 5)
        s.keepalive(phone)
        s.register(phone)
    s.at(290)
    s.keep_registered(phone, until=500, every=30)
    verdict = verdict_on(s)
    names = [item.name for item in verdict.undetermined]
    lifetime = the(verdict, "nat-binding-expired").params
    assert lifetime["lifetime_lower_s"] < 30 < lifetime["lifetime_upper_s"]  # type: ignore[operator]
    assert "refresh-slower-than-binding" in names


def test_silent_where_no_lifetime_was_observed(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=300, every=54)
    verdict = verdict_on(s)
    assert verdict.findings == []
    assert verdict.undetermined == []


def test_silent_on_a_faster_refresh(s: Scenario, phone: SipPhone) -> None:
    s.keep_registered(phone, until=300, every=20)
    s.at(315)
    s.call(phone, answered=True, talk_s=1, media="none")
    assert accused(verdict_on(s)) == []
