"""A clock that is set back is told from packets out of order; ages aren't read across it."""

from __future__ import annotations

from sipdiag.base.datagram import Origin
from sipdiag.base.interval import NS
from sipdiag.crafting.scenario import Scenario
from sipdiag.flows.clock import ClockWatch
from tests.told import subjects_of

HERE = Origin("x")


def _jumps(*times_s: float) -> list[tuple[float, float]]:
    watch = ClockWatch()
    for time_s in times_s:
        watch.jumped(round(time_s * NS), HERE)
    return [(jump.before_ns / NS, jump.after_ns / NS) for jump in watch.jumps]


def test_two_packets_in_the_past_are_a_step() -> None:
    assert _jumps(10, 20, 5, 6, 7) == [(20, 5)]


def test_one_packet_in_the_past_is_out_of_order() -> None:
    assert _jumps(10, 20, 5, 21, 22) == []


def test_less_than_a_second_is_nothing() -> None:
    assert _jumps(10, 10.9, 10.1, 10.2, 11) == []


def test_every_step_counts() -> None:
    assert _jumps(10, 5, 6, 30, 1, 2) == [(10, 5), (30, 1)]


def test_forward_is_silence() -> None:
    assert _jumps(10, 4000, 4001) == []


def test_an_ordinary_story_has_none() -> None:
    told = Scenario()
    phone = told.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    told.keep_registered(phone, until=300, every=54)
    assert subjects_of(told).clock_jumps == []
