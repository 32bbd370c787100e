"""Slow work never makes a sink wait; what found no room is counted."""

from __future__ import annotations

import threading

import pytest

from sipdiag.live.outbox import Outbox


def test_everything_is_handled_in_order_before_it_closes() -> None:
    handled: list[int] = []
    outbox = Outbox(handled.append, name="test", room=1000)
    assert all(outbox.put(number) for number in range(100))
    assert outbox.close(None) == 0
    assert handled == list(range(100))


def test_what_finds_no_room_is_dropped_and_counted() -> None:
    let_go = threading.Event()
    handled: list[int] = []

    def slow(number: int) -> None:
        began.set()
        let_go.wait()
        handled.append(number)

    began = threading.Event()
    outbox = Outbox(slow, name="test", room=2)
    outbox.put(0)
    began.wait()
    assert [outbox.put(number) for number in (1, 2, 3)] == [True, True, False]
    assert outbox.put(4, must=True)
    assert outbox.dropped_count == 1
    let_go.set()
    assert outbox.close(None) == 0
    assert handled == [0, 1, 2, 4]


def test_room_is_counted_by_weight_and_comes_back() -> None:
    let_go, began = threading.Event(), threading.Event()
    handled: list[str] = []

    def slow(text: str) -> None:
        began.set()
        let_go.wait()
        handled.append(text)

    outbox = Outbox(slow, name="test", room=5, weigh=len)
    outbox.put("12345")
    began.wait()
    assert [outbox.put(text) for text in ("123", "456", "45", "")] == [True, False, True, True]
    let_go.set()
    outbox.close(None)
    assert handled == ["12345", "123", "45", ""]


def test_it_gives_up_on_what_takes_too_long_and_says_how_much() -> None:
    began = threading.Event()

    def stuck(number: int) -> None:
        began.set()
        outbox.giving_up.wait()

    outbox = Outbox(stuck, name="test", room=10)
    for number in range(3):
        outbox.put(number)
    began.wait()
    assert outbox.close(0.0) == 3


def test_a_failure_comes_up_in_the_thread_that_puts() -> None:
    def fails(number: int) -> None:
        raise BrokenPipeError

    outbox = Outbox(fails, name="test", room=10)
    outbox.put(1)
    with pytest.raises(BrokenPipeError):
        outbox.close(None)
    with pytest.raises(BrokenPipeError):
        outbox.put(2)
