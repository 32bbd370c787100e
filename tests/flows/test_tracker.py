"""What is held is capped, and the caps that were hit are named."""

from __future__ import annotations

from sipdiag.base.datagram import Datagram, Origin, Source, Transport
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.flows.tracker import Tracker
from sipdiag.protocols.media import MediaTable

PBX = Endpoint("203.0.113.80", 5060)


def _register(number: int) -> Datagram:
    payload = (
        f"REGISTER sip:pbx SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z{number}\r\n"
        f"To: <sip:u{number}@pbx>\r\nFrom: <sip:u{number}@pbx>;tag=1\r\nCall-ID: c{number}\r\n"
        f"CSeq: 1 REGISTER\r\n\r\n"
    ).encode()
    src = Endpoint("192.0.2.1", 1024 + number)
    return Datagram(number * 1000, src, PBX, Transport.UDP, payload, Origin("x", number))


def _fed(limits: Limits, count: int) -> tuple[Tracker, LimitHits]:
    hits = LimitHits()
    tracker = Tracker(Source("x"), MediaTable(), limits=limits, hits=hits)
    for number in range(count):
        tracker.feed(_register(number))
    return tracker, hits


def test_a_flood_of_registrations_is_bounded() -> None:
    tracker, hits = _fed(Limits(peers=10, open_transactions=10), 500)
    assert len(tracker.subjects().peers) <= 10
    assert {"peers", "open_transactions"} <= set(hits.names())


def test_below_the_caps_none_is_hit() -> None:
    tracker, hits = _fed(Limits(), 50)
    assert len(tracker.subjects().peers) == 50
    assert hits.names() == []


def test_packets_are_kept_only_when_asked_for() -> None:
    tracker = Tracker(Source("x"), MediaTable(), keep_packets=3)
    for number in range(5):
        tracker.feed(_register(number))
    assert [p.label for p in tracker.subjects().packets] == ["REGISTER"] * 3


def test_a_side_that_a_log_does_not_name_is_no_trouble() -> None:
    tracker = Tracker(Source("x"), MediaTable())
    datagram = _register(1)
    datagram.dst = None
    tracker.feed(datagram)
    (peer,) = tracker.subjects().peers
    assert peer.user == "u1"
