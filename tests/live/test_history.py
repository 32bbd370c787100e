"""What is kept of a client, and what goes first."""

from __future__ import annotations

from sipdiag.base.interval import NS
from sipdiag.base.limits import Limits
from sipdiag.live.history import History, Kept

SMALL = Limits(live_history_count=5, live_history_bytes=100, live_history_s=60, live_media_count=3)


def packet(second: float, size: int = 10, number: int = 1) -> Kept:
    """A packet of ``size`` bytes."""
    return Kept(int(second * NS), number, 1, bytes(size), size)


def seconds(history: History) -> list[float]:
    """When its packets came."""
    return [kept.ts_ns / NS for kept in history.packets()]


def test_the_oldest_goes_when_there_are_too_many() -> None:
    history = History(SMALL)
    for second in range(8):
        history.add(packet(second))
    assert seconds(history) == [3, 4, 5, 6, 7]
    assert history.size == 50


def test_the_oldest_goes_when_they_are_too_large_or_too_old() -> None:
    history = History(SMALL)
    history.add(packet(0, 60))
    history.add(packet(1, 60))
    assert seconds(history) == [1]
    history.add(packet(90, 10))
    assert seconds(history) == [90]


def test_one_packet_stays_however_large() -> None:
    history = History(SMALL)
    history.add(packet(0, 5000))
    assert len(history) == 1 and history.size == 5000


def test_media_does_not_push_out_signalling() -> None:
    history = History(SMALL)
    history.add(packet(0))
    for second in range(1, 9):
        history.add_media(packet(second))
    assert seconds(history) == [0, 6, 7, 8]
    assert history.drop_oldest() == 10
    assert seconds(history) == [0, 7, 8]


def test_packets_come_in_the_order_of_time_and_then_of_arrival() -> None:
    history = History(SMALL)
    for second, number in ((2, 3), (1, 2), (2, 1)):
        history.add(packet(second, number=number))
    assert [(kept.ts_ns // NS, kept.number) for kept in history.packets()] == [
        (1, 2), (2, 1), (2, 3)
    ]  # fmt: skip


def test_two_histories_become_one() -> None:
    one, other = History(SMALL), History(SMALL)
    for second in (1, 3):
        one.add(packet(second))
        other.add(packet(second + 1))
    other.add_media(packet(2.5))
    one.extend(other)
    assert seconds(one) == [1, 2, 2.5, 3, 4]
    assert (one.size, len(other), other.size) == (50, 0, 0)
