"""What is put into a feed comes out of it, however full the pipe is; its ends are noticed."""

from __future__ import annotations

import threading
from dataclasses import replace
from itertools import chain
from multiprocessing.connection import Connection

import pytest

from sipdiag.base.datagram import Datagram, Origin, Transport
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.limits import DEFAULT_LIMITS
from sipdiag.feeds import Ended, Feed, Row, fed
from sipdiag.flows.tracker import BATCH_COUNT, Aside

PHONE, PBX = Endpoint("198.51.100.1", 5060), Endpoint("2001:db8::5", 5060)
T0 = 1_700_000_000_000_000_000


def rows(count: int) -> list[Row]:
    return [
        (
            n,
            Datagram(T0 + n, PHONE, PBX, Transport.UDP, n.to_bytes(8), Origin("a.pcap", n)),
            None,
        )
        for n in range(1, count + 1)
    ]


def put(feed: Feed, given: list[Row]) -> None:
    for place, datagram, aside in given:
        assert datagram.src is not None
        assert datagram.dst is not None
        way = feed.way(datagram.src, datagram.dst, datagram.origin.source)
        feed.put(way, place, datagram, aside)


def through(ends: tuple[Connection, Connection], given: list[Row]) -> list[Row]:
    inlet, outlet = ends
    taken: list[Row] = []
    thread = threading.Thread(target=lambda: taken.extend(chain.from_iterable(fed(inlet))))
    thread.start()
    feed = Feed(outlet, DEFAULT_LIMITS)
    put(feed, given)
    feed.close(whole=True)
    thread.join()
    assert feed.count == len(given)
    return taken


@pytest.mark.parametrize(
    "count", [0, 1, BATCH_COUNT - 1, BATCH_COUNT, BATCH_COUNT + 1, 3 * BATCH_COUNT]
)
def test_rows_come_in_order_whatever_their_number(
    ends: tuple[Connection, Connection], count: int
) -> None:
    given = rows(count)
    assert through(ends, given) == given


def test_nothing_that_a_datagram_says_is_lost(ends: tuple[Connection, Connection]) -> None:
    ((_, plain, _),) = rows(1)
    given: list[Row] = [
        (1, plain, None),
        (2, replace(plain, src=PBX, dst=PHONE), Aside(T0, None, False)),
        (3, replace(plain, transport=Transport.TCP, cut=True, before=(1, 2)), Aside(None, 5, True)),
        (4, replace(plain, transport=Transport.ICMP, payload=b""), None),
        (5, replace(plain, cut=True), None),
        (1 << 62, replace(plain, origin=Origin("b.pcap", 1)), None),
    ]
    assert through(ends, given) == given


def test_how_far_reading_has_come_is_told_where_that_is_news(
    ends: tuple[Connection, Connection],
) -> None:
    inlet, outlet = ends
    feed = Feed(outlet, DEFAULT_LIMITS)
    for done in range(0, 20_000_000, 65_536):
        feed.tell(done, 20_000_000)
    feed.close(whole=True)
    told: list[tuple[int, int | None]] = []
    assert not list(chain.from_iterable(fed(inlet, lambda *step: told.append(step))))
    assert len(told) == 5
    assert told == sorted(told)
    assert {total for _, total in told} == {20_000_000}


def test_who_is_gone_is_given_nothing_more(ends: tuple[Connection, Connection]) -> None:
    inlet, outlet = ends
    feed = Feed(outlet, DEFAULT_LIMITS)
    put(feed, rows(BATCH_COUNT))
    inlet.close()
    put(feed, rows(BATCH_COUNT))
    assert feed.gone
    feed.close(whole=True)


@pytest.mark.parametrize("count", [0, 10, BATCH_COUNT + 1])
def test_a_feed_that_breaks_off_is_no_whole_one(
    ends: tuple[Connection, Connection], count: int
) -> None:
    inlet, outlet = ends
    feed = Feed(outlet, DEFAULT_LIMITS)
    put(feed, rows(count))
    feed.close(whole=False)
    with pytest.raises(Ended):
        list(fed(inlet))


def test_a_batch_that_breaks_off_is_no_whole_one(ends: tuple[Connection, Connection]) -> None:
    inlet, outlet = ends
    outlet._send((1000).to_bytes(8, "little") + b"x" * 10)  # type: ignore[attr-defined]
    outlet.close()
    with pytest.raises(Ended):
        list(fed(inlet))
