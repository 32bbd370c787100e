"""What comes due of a client, and when."""

from __future__ import annotations

import pytest

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import NS
from sipdiag.base.limits import DEFAULT_LIMITS
from sipdiag.live.client import HELD_OUTERS, Client
from sipdiag.live.signals import Signal

OUTER = Endpoint("203.0.113.7", 5060)


def client() -> Client:
    return Client("SIP/101", "SIP", "101", DEFAULT_LIMITS)


def times(one: Client) -> tuple[int | None, int | None]:
    """When something is due, and since when a request is lost."""
    return one.due_ns, one.lost_ns


def request(number: int = 1) -> Signal:
    """A request to it, or the answer to that."""
    key = ("SIP", "call", number, "OPTIONS")
    return Signal("SIP", "OPTIONS", True, False, key, "call", "101")


def test_a_request_that_is_answered_gives_a_round_trip_and_no_news() -> None:
    one = client()
    one.sent(0, request())
    one.answered(50_000_000, request())
    one.heard(50_000_000, OUTER)
    one.expect(60 * NS)
    assert one.rtt_ms == 50
    assert (one.due_ns, one.lost_ns, one.expecting) == (None, None, False)


def test_no_round_trip_of_a_request_that_was_sent_twice() -> None:
    one = client()
    one.sent(0, request())
    one.sent(NS, request())
    one.answered(NS + 50_000_000, request())
    assert one.rtt_ms is None


def test_a_request_that_nobody_answers_is_news_after_32_s() -> None:
    one = client()
    one.sent(0, request())
    one.sent(NS, request())
    one.expect(31 * NS)
    assert times(one) == (None, None) and one.expecting
    one.expect(32 * NS)
    assert times(one) == (32 * NS, 0)


def test_being_heard_again_after_one_is_news_at_once() -> None:
    one = client()
    one.sent(0, request())
    one.sent(NS, request())
    one.heard(20 * NS, OUTER)
    assert one.due_ns is not None and one.due_ns < 21 * NS
    assert one.lost_ns is None


def test_a_request_sent_once_without_an_answer_is_no_news() -> None:
    one = client()
    one.sent(0, request())
    one.expect(40 * NS)
    assert (one.due_ns, one.lost_ns, one.expecting) == (None, None, False)


def test_a_registration_that_does_not_succeed_is_looked_at_less_and_less_often() -> None:
    one = client()
    one.asking_ns = 0
    looked = []
    for second in range(100):
        one.expect(second * NS)
        if one.due_ns is not None:
            looked.append(second)
            one.due_ns = None
    assert looked[0] == 5 and len(looked) < 100


def test_a_registration_that_runs_out_is_news() -> None:
    one = client()
    one.register(0, 60)
    one.expect(70 * NS)
    assert times(one) == (None, None)
    one.expect(71 * NS)
    assert times(one) == (71 * NS, None)
    assert one.expecting
    one.register(72 * NS, 0)
    assert not one.expecting


def test_the_refresh_is_the_median_of_the_newest() -> None:
    one = client()
    assert one.observed_s is None
    for second in (0, 50, 101, 151):
        one.register(second * NS, 60)
        one.register(second * NS + 1000, 60)
    assert one.observed_s == pytest.approx(50, abs=0.1)
    one.register(160 * NS, 0)
    assert one.observed_s is None


def test_its_addresses_are_bounded_and_the_newest_is_the_last() -> None:
    one = client()
    for port in (1, 2, 3, 1):
        one.heard(0, Endpoint("203.0.113.7", port))
    assert [outer.port for outer in one.outers] == [2, 3, 1]
    for port in range(1000):
        one.heard(0, Endpoint("203.0.113.7", port))
    assert len(one.outers) == HELD_OUTERS


def test_requests_that_wait_are_bounded() -> None:
    one = client()
    for number in range(1000):
        one.sent(0, request(number))
    assert len(one.waiting) == 64
