"""Floods of calls, registrations, addresses and words: what is kept stays below its cap, and the
report says that a cap was reached."""

from __future__ import annotations

import io

import sipdiag
from sipdiag.base.datagram import Datagram, Origin, Source, Transport
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.flows.sightings import Sightings
from sipdiag.flows.subjects import Subjects
from sipdiag.flows.tracker import Tracker
from sipdiag.protocols.media import MediaTable
from sipdiag.protocols.sip import parse
from tests.readers import packets as p

PBX = Endpoint("203.0.113.80", 5060)
MS = 1_000_000


def sip(
    method: str, number: int, *, call: str = "one", user: str = "101", extra: str = ""
) -> bytes:
    return (
        f"{method} sip:{user}@pbx SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{number}\r\n"
        f"To: <sip:{user}@pbx>\r\nFrom: <sip:{user}@pbx>;tag=1\r\nCall-ID: {call}\r\n"
        f"CSeq: {number} {method}\r\n{extra}\r\n"
    ).encode()


def datagram(payload: bytes, number: int, src: Endpoint | None = None) -> Datagram:
    src = src or Endpoint("192.0.2.1", 5060)
    return Datagram(number * MS, src, PBX, Transport.UDP, payload, Origin("x", number + 1))


def fed(datagrams: list[Datagram], limits: Limits) -> tuple[Subjects, LimitHits]:
    hits = LimitHits()
    tracker = Tracker(Source("x"), MediaTable(limits, hits), limits=limits, hits=hits)
    for each in datagrams:
        tracker.feed(each)
    return tracker.subjects(), hits


def test_a_flood_of_call_ids() -> None:
    flood = [datagram(sip("OPTIONS", n, call=f"c{n}"), n) for n in range(20_000)]
    limits = Limits(requests_held=100, open_transactions=50)
    subjects, hits = fed(flood, limits)
    assert sum(len(peer.inbound) + len(peer.outbound) for peer in subjects.peers) <= 100
    assert hits.counts["requests_held"] == 19_900
    assert hits.counts["open_transactions"] == 19_950
    assert subjects.limits_hit["requests_held"] == 19_900


def test_a_flood_of_calls() -> None:
    flood = [datagram(sip("INVITE", n, call=f"c{n}"), n) for n in range(5000)]
    subjects, hits = fed(flood, Limits(requests_held=100, open_calls=30))
    assert len(subjects.calls) == 100
    assert hits.counts["open_calls"] == 4970


def test_one_client_that_never_stops_registering() -> None:
    flood = [datagram(sip("REGISTER", n), n) for n in range(5000)]
    subjects, hits = fed(flood, Limits(requests_held=100))
    (peer,) = subjects.peers
    assert peer.registration is not None and len(peer.registration.attempts) == 100
    assert hits.counts["requests_held"] == 4900


def test_one_call_that_never_stops_talking() -> None:
    flood = [datagram(sip("INVITE", 0), 0)]
    flood += [datagram(sip("INFO", n), n) for n in range(1, 5000)]
    subjects, hits = fed(flood, Limits(requests_held=100))
    (call,) = subjects.calls
    assert len(call.transactions) == 100
    assert hits.counts["requests_held"] == 4900


def test_a_flood_of_addresses() -> None:
    """Each packet from another one: signalling, keep-alives, STUN."""
    limits = Limits(peers=50)
    stun = p.STUN
    flood = [
        datagram(payload, n, Endpoint(f"10.{n >> 8}.{n & 255}.1", 5060))
        for n in range(3000)
        for payload in (sip("REGISTER", n, call=f"c{n}", user=f"u{n}"), b"\r\n\r\n", stun)
    ]
    subjects, hits = fed(flood, limits)
    assert len(subjects.peers) == 50
    assert len(subjects.stun_clients) <= 102
    assert len(subjects.keepalives) <= 100
    assert "peers" in hits.names()


def test_words_that_are_kept_are_short() -> None:
    """60 KB of Call-ID, user, branch and name, in every message."""
    long = "x" * 15_000
    contact = f"Contact: <sip:{long}@{long[:9000]}>\r\nUser-Agent: {long}\r\n"
    flood = [
        datagram(sip("INVITE", n, call=f"{long}{n}", user=long, extra=contact), n)
        for n in range(50)
    ]
    subjects, _ = fed(flood, Limits())
    assert len(subjects.calls) == 50, "what differs at the end is told apart"
    for call in subjects.calls:
        opener = call.opening
        assert len(call.call_id) < 300 and len(opener.call_id) < 300
        assert opener.user is not None and len(opener.user) < 300
        assert opener.written is not None
        assert all(len(v) < 300 for v in opener.written if isinstance(v, str))
    assert all(len(name) < 300 for name in subjects.software.values())


def test_ordinary_words_are_kept_as_they_are() -> None:
    agent = "User-Agent: " + "Phone/1.0 " * 20 + "\r\n"
    subjects, _ = fed([datagram(sip("INVITE", 1, call="a" * 250, extra=agent), 1)], Limits())
    (call,) = subjects.calls
    assert call.call_id == "a" * 250
    assert list(subjects.software.values()) == [("Phone/1.0 " * 20).strip()]


def test_what_is_held_to_be_found_in_another_capture() -> None:
    hits = LimitHits()
    seen = Sightings(Source("x"), Limits(sighting_bytes=10_000), hits)
    for n in range(100):
        seen.add(datagram(sip("OPTIONS", n), n))
    assert hits.counts["sighting_bytes"] > 30
    assert sum(len(each) for each in seen.by_identity.values()) < 70


def test_a_message_of_100_000_headers() -> None:
    flood = b"X-Flood: y\r\n" * 100_000
    payload = sip("OPTIONS", 1)[:-2] + flood + b"\r\nbody"
    message = parse(payload)
    assert message is not None
    assert len(message.headers) <= Limits().header_count
    assert {"message-long", "header-count"} & {defect.code for defect in message.defects}
    fitting = parse(sip("OPTIONS", 1)[:-2] + flood[:60_000] + b"\r\nbody")
    assert fitting is not None and len(fitting.headers) == Limits().header_count
    assert fitting.call_id == "one" and fitting.body == b"body"


def test_a_header_of_10_000_values() -> None:
    vias = ", ".join(f"SIP/2.0/UDP 192.0.2.{n % 250};branch=z9hG4bK{n}" for n in range(1500))
    message = parse(sip("REGISTER", 1, extra=f"Route: {'<sip:a>,' * 5000}\r\nVia: {vias}\r\n"))
    assert message is not None and len(message.vias) == 1501
    subjects, _ = fed([datagram(message.raw, 1)], Limits())
    (peer,) = subjects.peers
    assert peer.registration is not None


def test_the_report_says_what_was_left_out() -> None:
    packets = [p.udp((f"10.0.{n >> 8}.{n & 255}", 5060), p.PBX, p.sip(cseq=n)) for n in range(600)]
    options = sipdiag.Options(limits=Limits(requests_held=50, known_flows=20))
    report = sipdiag.analyse(io.BytesIO(p.pcap(packets, 101)), options=options)
    assert report.limits_hit == ["known_flows", "requests_held"]
    assert [finding.name for finding in report.findings] == ["limits-hit"]
