"""One healthy afternoon, captured badly: whatever is cut off, lost or out of order, nobody may be
accused of what didn't happen."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache

import pytest

from sipdiag.base.datagram import Datagram, Source, Transport
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import NS
from sipdiag.crafting.scenario import Scenario
from sipdiag.findings import Verdict, judge
from sipdiag.findings.context import Context
from sipdiag.flows.tracker import Tracker
from sipdiag.protocols.media import MediaKind, MediaTable
from tests.told import accused


@cache
def _afternoon(v6: bool = False) -> tuple[Datagram, ...]:
    """Two phones behind one router, one user on two phones, a public phone with STUN, an IAX2 box;
    calls both ways, a busy one, a cancelled one, keepalives, and a clean end."""
    wan, lan = ("2001:db8:1::%d", "2001:db8:1::%d") if v6 else ("203.0.113.7", "192.168.1.%d")
    s = Scenario(server="[2001:db8::80]:5060" if v6 else "203.0.113.80:5060")

    def at(host: int, port: int) -> tuple[Endpoint, Endpoint]:
        if v6:
            own = Endpoint(lan % host, 5060)
            return own, own
        return Endpoint(lan % host, 5060), Endpoint(wan, port)

    phones = []
    for name, host, port in (("101", 50, 5060), ("102", 51, 31007), ("102", 52, 31008)):
        inner, outer = at(host, port)
        phones.append(s.sip_phone(name, inner=inner, outer=outer))
    public = Endpoint("2001:db8:9::5" if v6 else "198.51.100.5", 5060)
    phones.append(s.sip_phone("104", inner=public, outer=public))
    for number, phone in enumerate(phones):
        s.at(number * 3)
        s.keep_registered(phone, until=400, every=54 + number)
    box_at = Endpoint("2001:db8:9::9" if v6 else "198.51.100.9", 4569)
    box = s.iax_peer("branch", inner=box_at, outer=box_at)
    s.at(11)
    s.keep_registered(box, until=400, every=50)
    for number in range(15):
        s.at(12 + 25 * number)
        s.options(phones[0], answered=True)
        s.keepalive(phones[1])
        s.poke(box, answered=True)
    s.at(30)
    s.call(phones[0], talk_s=6)
    s.at(60)
    s.call_from(phones[1], talk_s=6)
    s.at(90)
    s.call(phones[3], refused=486)
    s.at(120)
    s.call(phones[3], cancelled=True, ring_s=8)
    s.at(150)
    s.call(box, answered=True, talk_s=6)
    s.at(180)
    s.call_from(box, talk_s=6)
    for number, phone in enumerate(phones):
        s.at(410 + number)
        s.unregister(phone)
    s.at(420)
    s.unregister(box)
    return tuple(s.packets())


def _judged(packets: Sequence[Datagram], *, rtp: bool = True) -> Verdict:
    """As a reader would hand them on, in the order given."""
    media, signalling = MediaTable(), 0
    source = Source("afternoon.pcap", "pcap")
    tracker = Tracker(source, media)
    for frame, packet in enumerate(packets, 1):
        assert packet.src is not None and packet.dst is not None
        payload = packet.payload
        mini = payload[0] < 0x80 and 4569 in (packet.src.port, packet.dst.port)
        is_rtp = payload[0] == 0x80 and packet.src.port != 4569
        if is_rtp or mini:
            if rtp:
                media.count(
                    packet.src, packet.dst, MediaKind.RTP if is_rtp else MediaKind.IAX2_MINI,
                    packet.ts_ns, frame, len(payload), payload[8:12] if is_rtp else None,
                    payload[1] & 0x7F if is_rtp else None, payload[:4],
                )  # fmt: skip
            continue
        signalling += 1
        tracker.feed(replace(packet, origin=packet.origin._replace(frame=frame)))
    source.packets, source.sip_messages = len(packets), signalling
    source.first_ns = min(p.ts_ns for p in packets)
    source.last_ns = max(p.ts_ns for p in packets)
    return judge(Context(tracker.subjects()))


def test_whole_it_is_healthy() -> None:
    verdict = _judged(_afternoon())
    assert verdict.findings == []
    assert verdict.undetermined == []


def test_over_ipv6_it_is_healthy() -> None:
    assert _judged(_afternoon(v6=True)).findings == []


def test_without_its_audio() -> None:
    assert accused(_judged(_afternoon(), rtp=False)) == []


@pytest.mark.parametrize("share", [n / 23 for n in range(1, 23)])
def test_begun_or_ended_anywhere(share: float) -> None:
    packets = _afternoon()
    at = int(len(packets) * share)
    assert accused(_judged(packets[at:])) == []
    assert accused(_judged(packets[:at])) == []


@pytest.mark.parametrize("share", [0.003, 0.01, 0.03, 0.08])
@pytest.mark.parametrize("seed", range(12))
def test_with_packets_that_were_not_captured(seed: int, share: float) -> None:
    draw = random.Random(seed)
    kept = [packet for packet in _afternoon() if draw.random() > share]
    assert accused(_judged(kept)) == []


@pytest.mark.parametrize("seed", range(6))
def test_out_of_order_by_milliseconds(seed: int) -> None:
    draw = random.Random(seed)
    shuffled = sorted(_afternoon(), key=lambda p: p.ts_ns + draw.randrange(3_000_000))
    assert accused(_judged(shuffled)) == []


@pytest.mark.parametrize("step_s", [-3600.0, -90.0, -5.0, -0.2, 0.2, 5.0, 90.0])
@pytest.mark.parametrize("at_s", [35.0, 108.0005, 200.0, 300.0])
def test_a_clock_that_was_set(at_s: float, step_s: float) -> None:
    packets = _afternoon()
    moment = packets[0].ts_ns + round(at_s * NS)
    stepped = [
        replace(p, ts_ns=p.ts_ns + round(step_s * NS)) if p.ts_ns >= moment else p for p in packets
    ]
    assert set(accused(_judged(stepped))) <= {"clock-jumps"}


Change = Callable[[Iterable[Datagram]], list[Datagram]]


def _over_tcp(packets: Iterable[Datagram]) -> list[Datagram]:
    """The SIP of it as TCP delivers it: every message once."""
    return [replace(p, transport=Transport.TCP) if p.payload[:1].isalpha() else p for p in packets]


def _twice(packets: Iterable[Datagram]) -> list[Datagram]:
    """Captured on two interfaces a moment apart."""
    return [copy for p in packets for copy in (p, replace(p, ts_ns=p.ts_ns + 20_000))]


@pytest.mark.parametrize("change", [_over_tcp, _twice])
def test_other_ways_to_see_it(change: Change) -> None:
    assert accused(_judged(change(_afternoon()))) == []
