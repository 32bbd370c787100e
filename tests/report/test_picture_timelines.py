"""A client's binding over time: what is drawn of it, and what is left out of a long capture."""

from __future__ import annotations

from itertools import pairwise

import pytest

from sipdiag.crafting.scenario import Scenario
from sipdiag.findings import judge
from sipdiag.findings.context import Context
from sipdiag.findings.reach import Fate
from sipdiag.findings.reachable import State
from sipdiag.report.picture import CAPS, Caps, Span, Timeline
from sipdiag.report.picture.timelines import Client, clients, strip, timeline
from tests.told import subjects_of


def _lost_and_through() -> Scenario:
    """A router that forgets after 30 s: a call after 20 s gets through, one after 40 s doesn't."""
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7", nat_lifetime_s=30)
    for begin in (0, 60, 120):
        s.at(begin)
        s.register(phone, expires=60, granted=60)
    s.at(140)
    s.call(phone, talk_s=1)
    s.at(180)
    s.register(phone, expires=60, granted=60)
    s.at(220)
    s.call(phone)
    s.at(240)
    s.register(phone, expires=60, granted=60)
    return s


def _only(s: Scenario) -> Client:
    (client,) = clients([Context(subjects_of(s))])
    return client


def _drawn(s: Scenario, caps: Caps = CAPS) -> Timeline:
    picture = timeline(_only(s), caps)
    assert picture is not None
    return picture


def test_attempts_stand_at_the_age_that_the_binding_had() -> None:
    picture = _drawn(_lost_and_through())
    by_time = {round(a.sent_s[0]): a for a in picture.attempts if a.method == "INVITE"}
    through, lost = by_time[140], by_time[220]
    assert (through.fate, lost.fate) == (Fate.THROUGH, Fate.EXPIRED)
    assert through.age_s == pytest.approx(20, abs=0.2)
    assert lost.age_s == pytest.approx(40, abs=0.2)
    assert lost.sent_s[0] == pytest.approx(220, abs=0.1) and len(lost.sent_s) > 1
    assert lost.place.endswith(tuple("0123456789")) and " frame " in lost.place


def test_refreshes_and_the_proposal_are_those_of_the_report() -> None:
    picture = _drawn(_lost_and_through())
    assert [round(at) for at in picture.refreshes] == [0, 60, 120, 180, 240]
    assert picture.refresh_name == "REGISTER"
    lower, upper = picture.lifetime
    assert lower == pytest.approx(20, abs=0.2) and upper == pytest.approx(40, abs=0.2)
    assert picture.proposed_s == 15 and not picture.assumed


def test_the_challenge_of_a_registration_is_no_attempt() -> None:
    assert all(a.method != "REGISTER" for a in _drawn(_lost_and_through()).attempts)


def test_dead_stretches_begin_where_something_was_lost() -> None:
    dead = [span for span in _drawn(_lost_and_through()).spans if span.state is State.DEAD]
    assert [(round(s.begin_s), round(s.end_s)) for s in dead] == [
        (40, 60), (100, 120), (220, 240),
    ]  # fmt: skip


def test_spans_follow_each_other_without_gaps() -> None:
    spans = _drawn(_lost_and_through()).spans
    assert all(a.end_s == b.begin_s for a, b in pairwise(spans))
    assert all(a.state is not b.state for a, b in pairwise(spans))


def test_a_phone_that_never_did_anything_has_no_timeline() -> None:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    s.register(phone)
    assert timeline(_only(s)) is None


def test_a_log_without_times_has_no_timeline() -> None:
    client = _only(_lost_and_through())
    client.context.subjects.source.times_known = False
    assert timeline(client) is None and strip(client) is None


def _long(lost_at: float) -> Scenario:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7", nat_lifetime_s=30)
    for n in range(80):
        s.at(n * 60)
        s.register(phone, expires=60, granted=60)
        s.at(n * 60 + 10)
        s.call(phone, talk_s=1, media="none")
        if n * 60 < lost_at < (n + 1) * 60:
            s.at(lost_at)
            s.call(phone)
    return s


def test_of_a_long_capture_the_part_around_the_proof_is_drawn() -> None:
    picture = _drawn(_long(40 * 60 + 55))
    assert len(picture.refreshes) <= CAPS.window_refreshes + 1
    assert picture.begin_s < 40 * 60 + 55 < picture.end_s
    assert picture.end_s - picture.begin_s < 0.5 * picture.whole_s
    assert any(a.fate is Fate.EXPIRED for a in picture.attempts)
    drawn = sum(picture.begin_s <= a.sent_s[0] <= picture.end_s for a in picture.attempts)
    assert drawn == len(picture.attempts) and picture.attempts_left_out > 0
    # The line begins with the packet before the window.
    assert picture.heard[0].at_s <= picture.begin_s


def test_what_was_lost_is_left_out_last() -> None:
    picture = _drawn(_lost_and_through(), Caps(attempts=1))
    (kept,) = picture.attempts
    assert kept.fate is Fate.EXPIRED and picture.attempts_left_out > 0


def test_a_strip_is_of_the_whole_source_and_its_shares_are_the_reports() -> None:
    reached = strip(_only(_lost_and_through()))
    assert reached is not None
    dead = sum(s.end_s - s.begin_s for s in reached.spans if s.state is State.DEAD)
    assert dead / reached.share.span_s == pytest.approx(reached.share.dead, abs=0.001)


def test_a_long_strip_is_coarse_and_as_long() -> None:
    client = _only(_long(40 * 60 + 55))
    fine, coarse = strip(client), strip(client, Caps(strip_stretches=12))
    assert fine is not None and coarse is not None
    assert len(coarse.spans) <= 12 < len(fine.spans)
    assert coarse.spans[-1].end_s == pytest.approx(fine.spans[-1].end_s)
    assert isinstance(coarse.spans[0], Span)


def _two_phones(first_fails: bool) -> Scenario:
    s = Scenario()
    for n, (user, fails) in enumerate((("101", first_fails), ("102", not first_fails))):
        phone = s.sip_phone(
            user, inner=f"192.168.1.5{n}", outer=f"203.0.113.{7 + n}",
            nat_lifetime_s=30 if fails else None,
        )  # fmt: skip
        for begin in (0, 60, 120):
            s.at(begin + n)
            s.register(phone, expires=60, granted=60)
            s.at(begin + n + (20 if begin else 45))
            s.call(phone, talk_s=1, media="none")
    return s


@pytest.mark.parametrize("first_fails", [True, False])
def test_who_lost_something_comes_first(first_fails: bool) -> None:
    found = clients([Context(subjects_of(_two_phones(first_fails)))])
    assert found[0].subject == ("SIP/101" if first_fails else "SIP/102")


def test_the_accused_come_before_all() -> None:
    context = Context(subjects_of(_two_phones(True)))
    assert clients([context], ["SIP/102"])[0].subject == "SIP/102"


def test_in_a_comparison_each_is_followed_by_itself_in_good() -> None:
    good = Context(subjects_of(_two_phones(False)))
    context = Context(subjects_of(_two_phones(True)), good)
    judge(context)
    found = clients([context])
    assert [(c.subject, c.side) for c in found] == [
        ("SIP/101", "BAD"), ("SIP/101", "GOOD"), ("SIP/102", "BAD"), ("SIP/102", "GOOD"),
    ]  # fmt: skip
