"""Shares of a capture: who has which packet."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.shares import Indivisible
from sipdiag.crafting.capture import icmp_unreachable, ip_packets, udp_segment
from sipdiag.crafting.scenario import Scenario
from sipdiag.readers import open_source
from sipdiag.readers.ip import Header, ip_header
from sipdiag.readers.share import Share, pair_of

PBX = "203.0.113.80"


def _ends(one: str, other: str) -> bytes:
    return socket.inet_aton(one) + socket.inet_aton(other)


def _header(packet: bytes) -> Header:
    header = ip_header(packet, 0)
    assert header is not None
    return header


def _udp(src: str, dst: str, payload: bytes = b"x", mtu: int = 1500) -> list[Header]:
    segment = udp_segment(Endpoint(src, 5060), Endpoint(dst, 5060), payload)
    return [_header(packet) for packet in ip_packets(src, dst, 17, segment, mtu=mtu)]


def test_every_pair_has_one_owner_either_way() -> None:
    shares = [Share(number, 3, {}) for number in range(3)]
    for last in range(1, 200):
        client = f"198.51.100.{last}"
        there = [share.has(_ends(client, PBX)) for share in shares]
        back = [share.has(_ends(PBX, client)) for share in shares]
        assert there == back
        assert there.count(True) == 1


def test_what_is_settled_goes_before_chance() -> None:
    pair = pair_of(socket.inet_aton("198.51.100.9"), socket.inet_aton(PBX))
    for owner in range(3):
        shares = [Share(number, 3, {pair: owner}) for number in range(3)]
        assert [share.has(_ends(PBX, "198.51.100.9")) for share in shares].index(True) == owner


def test_fragments_stay_together() -> None:
    share = Share(0, 2, {})
    headers = _udp("198.51.100.9", PBX, bytes(4000), mtu=1000)
    assert len(headers) > 3
    assert len({share.holds(header) for header in headers}) == 1


def test_an_icmp_message_goes_with_the_packet_that_it_quotes() -> None:
    for last in range(1, 50):
        client = f"198.51.100.{last}"
        (quoted,) = ip_packets(
            PBX, client, 17, udp_segment(Endpoint(PBX, 5060), Endpoint(client, 5060), b"x")
        )
        (packet,) = ip_packets("192.0.2.1", PBX, 1, icmp_unreachable("192.0.2.1", PBX, quoted))
        share = Share(0, 2, {})
        assert share.holds(_header(packet)) == share.has(_ends(PBX, client))


def test_tunnels_are_for_one_process() -> None:
    (inner,) = ip_packets("10.0.0.1", "10.0.0.2", 17, bytes(8))
    (packet,) = ip_packets("192.0.2.1", "192.0.2.2", 4, inner)
    with pytest.raises(Indivisible, match="tunnel"):
        Share(0, 2, {}).holds(_header(packet))


def test_shares_of_a_capture_add_up(tmp_path: Path) -> None:
    s = Scenario()
    for n in range(30):
        phone = s.sip_phone(str(100 + n), inner="192.168.1.50", outer=f"198.51.100.{n + 1}")
        s.at(n)
        s.register(phone)
        s.call(phone, talk_s=1)
    path = s.write(tmp_path / "many.pcap")
    whole = open_source(path)
    frames = [datagram.origin.frame for datagram in whole]
    found: list[int | None] = []
    rtp = 0
    for number in range(3):
        reader = open_source(path, share=Share(number, 3, {}))
        mine = [datagram.origin.frame for datagram in reader]
        assert 0 < len(mine) < len(frames)
        assert reader.source.packets == whole.source.packets
        found += mine
        rtp += reader.source.rtp_packets
    assert sorted(found, key=lambda frame: frame or 0) == frames
    assert rtp == whole.source.rtp_packets
