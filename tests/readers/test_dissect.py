"""Duplicates, ICMP, recognition through whole captures, and what a source is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipdiag.base.datagram import Source, Transport
from sipdiag.protocols.media import MediaKind, MediaTable
from sipdiag.readers.dissect import MOST_RECENT, Dissector
from sipdiag.readers.link import LINKS

from .packets import (
    MS,
    PBX,
    PBX6,
    PHONE,
    PHONE6,
    STUN,
    T0,
    Address,
    cooked,
    cooked2,
    ethernet,
    fragment6,
    frames,
    iax2,
    icmp_unreachable,
    ip,
    mini,
    opened,
    pcap,
    read,
    rtp,
    sip,
    udp,
    udp_header,
)

A: Address = ("192.168.1.20", 16384)
B: Address = ("203.0.113.5", 10_002)
PEER: Address = ("192.168.1.20", 4569)
SWITCH: Address = ("203.0.113.5", 4569)


def test_cooked_capture_holds_each_packet_twice() -> None:
    packet = udp(PHONE, PBX, sip(), ident=0)
    for wrap in (cooked, cooked2):
        linktype = 113 if wrap is cooked else 276
        stamped = [(T0, wrap(packet, 0)), (T0 + 60_000, wrap(packet, 4))]
        found, reader = read(pcap(stamped, linktype))
        assert frames(found) == [1]
        assert reader.source.notes == ["1 packets were captured twice and counted once"]
        assert reader.source.packets == 2


def test_mirror_port_and_routed_copies() -> None:
    first, routed = udp(PHONE, PBX, sip(), ident=9), udp(PHONE, PBX, sip(), ident=9, ttl=63)
    for second in (ethernet(first), ethernet(first, [0x8100]), ethernet(routed, mac=2)):
        assert frames(read(pcap([(T0, ethernet(first)), (T0 + MS, second)]))[0]) == [1]


def test_retransmissions_are_no_duplicates() -> None:
    packet = udp(PHONE, PBX, sip(), ident=0)
    assert len(read(pcap([(T0, packet), (T0 + 500 * MS, packet)], 101))[0]) == 2
    assert len(read(pcap([(T0, packet), (T0 + MS, packet)], 101))[0]) == 2, "no identification"
    other = udp(PHONE, PBX, sip(), ident=2)
    assert len(read(pcap([(T0, udp(PHONE, PBX, sip())), (T0 + MS, other)], 101))[0]) == 2
    six = udp(PHONE6, PBX6, sip())
    assert len(read(pcap([(T0, six), (T0 + MS, six)], 101))[0]) == 2
    stamped = [(T0, cooked(six, 0)), (T0 + MS, cooked(six, 4))]
    assert len(read(pcap(stamped, 113))[0]) == 1


def test_memory_is_bounded_where_all_packets_have_one_time() -> None:
    source = Source("test")
    dissector = Dissector(source, MediaTable())
    for number in range(5000):
        dissector.feed(T0, number + 1, 101, 0, udp(PHONE, PBX, sip(), ident=number))
    assert len(dissector._seen) == len(dissector._seen_order) <= MOST_RECENT + 1
    assert dissector.duplicates == 0


def test_duplicate_fragments_of_two_interfaces() -> None:
    body = udp_header(PHONE6, PBX6, sip("MESSAGE", body=b"x" * 2000))
    pieces = [
        ip(PHONE6[0], PBX6[0], 44, body[a:z], extension=fragment6(17, 7, a, z < len(body)))
        for a, z in ((0, 1200), (1200, len(body)))
    ]
    stamped = [
        (T0 + n, cooked(p, k)) for n, (p, k) in enumerate((p, k) for p in pieces for k in (0, 4))
    ]
    found, reader = read(pcap(stamped, 113))
    assert len(found) == 1
    assert reader.source.fragments_incomplete == 0


def test_media_captured_twice_is_counted_once() -> None:
    stamped = []
    for n in range(40):
        packet = udp(A, B, rtp(n), ident=n)
        when = T0 + n * 20 * MS
        stamped += [(when, cooked(packet, 0)), (when + 50_000, cooked(packet, 4))]
    _, reader = read(pcap(stamped, 113))
    assert reader.source.rtp_packets == 40
    assert reader.source.notes == ["40 packets were captured twice and counted once"]
    (flow,) = reader.media
    assert flow.packets == 40
    stamped = []
    for n in range(40):
        packet = udp(PEER, SWITCH, mini(1, 20 * n), ident=n)
        when = T0 + n * 20 * MS
        stamped += [(when, cooked(packet, 0)), (when + 50_000, cooked(packet, 4))]
    _, reader = read(pcap(stamped, 113))
    (flow,) = reader.media
    assert (flow.packets, flow.kind) == (40, MediaKind.IAX2_MINI)


@pytest.mark.parametrize("code", [0, 3, 13])
def test_unreachable_quotes_the_packet(code: int) -> None:
    quoted = udp(PBX, PHONE, sip("INVITE"))[: 28 + 8]
    found, _ = read(pcap([icmp_unreachable("198.51.100.1", PBX[0], quoted, code)], 101))
    (datagram,) = found
    assert datagram.transport is Transport.ICMP
    assert datagram.payload == quoted
    assert datagram.src == ("198.51.100.1", 0)
    assert datagram.dst == (PBX[0], 0)


def test_unreachable_of_ipv6_and_of_known_flows() -> None:
    quoted = udp(PBX6, PHONE6, sip())
    found, _ = read(pcap([icmp_unreachable("2001:db8::1", PBX6[0], quoted)], 101))
    assert [d.payload for d in found] == [quoted]
    odd, other = ("203.0.113.5", 7000), ("192.168.1.20", 7001)
    quoted = udp(odd, other, b"\0" * 8)
    packets = [udp(odd, other, sip()), icmp_unreachable(other[0], odd[0], quoted)]
    assert [d.transport for d in read(pcap(packets, 101))[0]] == [Transport.UDP, Transport.ICMP]
    media = [udp(A, B, rtp(1)), icmp_unreachable(B[0], A[0], udp(A, B, rtp(1))[:36])]
    assert [d.transport for d in read(pcap(media, 101))[0]] == [Transport.ICMP]


@pytest.mark.parametrize(
    "quoted",
    [
        b"",
        b"\x45" + bytes(10),
        udp(("10.0.0.1", 5353), ("10.0.0.2", 53), b"query"),
        ip(PHONE[0], PBX[0], 6, bytes(20)),
        ip(PHONE[0], PBX[0], 17, udp_header(PHONE, PBX, sip()), offset=800),
        ip(PHONE[0], PBX[0], 17, b"1234567"),
    ],
)
def test_other_unreachables_are_dropped(quoted: bytes) -> None:
    assert read(pcap([icmp_unreachable(PHONE[0], PBX[0], quoted)], 101))[0] == []


def test_other_icmp_is_dropped() -> None:
    packet = ip(PHONE[0], PBX[0], 1, b"\x08\0" + bytes(6) + udp(PBX, PHONE, sip()))
    assert read(pcap([packet], 101))[0] == []


def test_iax2_full_frames_are_yielded_and_minis_counted() -> None:
    packets = [udp(PEER, SWITCH, iax2(1, b"\x0b\x02\0\x02"), ident=1)]
    packets += [udp(PEER, SWITCH, mini(1, 20 * n), ident=n) for n in range(2, 30)]
    packets += [udp(SWITCH, PEER, iax2(kind=2, subclass=4, ies=b"voice"), ident=1)]
    packets += [udp(SWITCH, PEER, b"\0\0\x01\0\0\0\0\x14\0\xa4\0\x01" + bytes(164), ident=2)]
    found, reader = read(pcap(packets, 101))
    assert frames(found) == [1, 30]
    assert reader.source.iax2_frames == 2
    assert reader.source.rtp_packets == 0
    assert {(f.kind, f.packets) for f in reader.media} == {
        (MediaKind.IAX2_MINI, 28),
        (MediaKind.IAX2_MINI, 1),
    }


def test_rtp_and_rtcp() -> None:
    rtcp = b"\x80\xc8\0\x06" + bytes(24)
    packets = [udp(A, B, rtp(1)), udp(A, B, rtcp), udp(A, B, rtp(2), ident=2), udp(B, A, rtcp)]
    _, reader = read(pcap(packets, 101))
    assert reader.source.rtp_packets == 2
    (flow,) = reader.media
    assert [s[2:] for s in flow.segments] == [(2, 344, 0x11223344, 0, 1, 3)]


def test_options_and_fragments_of_media_go_the_slow_way() -> None:
    packets = [udp(A, B, rtp(n), ident=n) for n in range(5)]
    body = udp_header(A, B, rtp(5))
    packets.append(ip(A[0], B[0], 17, body, 6, options=b"\1\1\1\0"))
    packets += [ip(A[0], B[0], 17, body[:96], 7, 0, True), ip(A[0], B[0], 17, body[96:], 7, 96)]
    _, reader = read(pcap(packets, 101))
    (flow,) = reader.media
    assert [(s.packets, s.octets) for s in flow.segments] == [(7, 7 * 172)]
    assert reader.source.fragments_incomplete == 0


@pytest.mark.parametrize(("length", "counted"), [(0, 172), (7, 0), (8, 0), (19, 0)])
def test_a_udp_length_that_lies_takes_no_octets_away(length: int, counted: int) -> None:
    packets = [udp(A, B, rtp(n), ident=n) for n in range(5)]
    packets.append(ip(A[0], B[0], 17, udp_header(A, B, rtp(5), length), 6))
    _, reader = read(pcap(packets, 101))
    (flow,) = reader.media
    assert [(s.packets, s.octets) for s in flow.segments] == [(5 + (counted > 0), 860 + counted)]


@pytest.mark.parametrize("linktype", [1, 101, 113, 276])
def test_media_over_ipv6_is_counted_as_over_ipv4(linktype: int) -> None:
    """Traffic class, VLAN tags, flow labels and extension headers are all met on the way."""

    def kept(a: Address, b: Address, *, plain: bool) -> tuple[object, ...]:
        packets = [udp(a, b, rtp(n), ident=n) for n in range(300)]
        packets += [udp(b, a, rtp(n, 7), ident=n) for n in range(100, 200)]
        packets += [udp(a, b, rtp(1), ident=9), udp(PHONE, PBX, sip()), udp(a, b, rtp(2), ident=8)]
        if not plain:
            packets = [
                packet if packet[0] >> 4 == 4 else b"\x6b\x81\x23\x45" + packet[4:]
                for packet in packets
            ]
        wraps: dict[int, Callable[[bytes], bytes]] = {
            1: ethernet, 101: bytes, 113: cooked, 276: cooked2
        }  # fmt: skip
        wrap = wraps[linktype]
        framed = [wrap(packet) for packet in packets]
        if linktype == 1:
            framed[50:60] = [ethernet(packet, [0x8100]) for packet in packets[50:60]]
        found, reader = read(pcap(framed, linktype))
        return frames(found), reader.source, [(f.kind, f.segments) for f in reader.media]

    four = kept(A, B, plain=True)
    a6, b6 = ("2001:db8::20", A[1]), ("2001:db8::5", B[1])
    assert kept(a6, b6, plain=True) == four
    assert kept(a6, b6, plain=False) == four


def test_an_ipv6_header_that_is_followed_by_another_goes_the_slow_way() -> None:
    a, b = ("2001:db8::20", A[1]), ("2001:db8::5", B[1])
    body = udp_header(a, b, rtp(5))
    packets = [udp(a, b, rtp(n)) for n in range(5)]
    packets.append(ip(a[0], b[0], 60, body, extension=b"\x11\0\1\4\0\0\0\0"))
    packets += [
        ip(a[0], b[0], 44, body[at : at + 96], extension=fragment6(17, 1, at, at == 0))
        for at in (0, 96)
    ]
    packets.append(udp(a, b, rtp(6))[:60])
    _, reader = read(pcap(packets, 101))
    (flow,) = reader.media
    assert [(s.packets, s.octets) for s in flow.segments] == [(8, 8 * 172)]
    assert reader.source.fragments_incomplete == 0


def test_noise_that_looks_like_rtp_is_taken_back() -> None:
    packets = [udp(A, B, rtp(n, ssrc=n * 7919), ident=n) for n in range(1, 40)]
    _, reader = read(pcap(packets, 101))
    assert len(reader.media) == 0
    assert reader.source.rtp_packets == 0


def test_stun_and_keepalives_are_yielded() -> None:
    server = ("198.51.100.9", 3478)
    packets = [
        udp(PHONE, server, STUN),
        udp(PHONE, PBX, b"\r\n\r\n"),
        udp(PHONE, PBX, b"\0"),
        udp(PHONE, ("203.0.113.5", 6000), b"\r\n\r\n"),
        udp(("10.0.0.1", 3000), ("10.0.0.2", 53), bytes(30)),
        udp(A, B, rtp()),
        udp(B, A, STUN),
    ]
    found, reader = read(pcap(packets, 101))
    assert frames(found) == [1, 2, 3, 4], "port 5060 at either end is enough"
    assert reader.source.sip_messages == 0


def test_first_ns_is_known_when_a_datagram_comes() -> None:
    reader = read(pcap([]))[1]
    assert reader.source.first_ns is None
    seen = []
    packets = [udp(A, B, rtp(n), ident=n) for n in range(3)] + [udp(PHONE, PBX, sip())]
    data = pcap(packets, 101)
    reader = opened(data)
    for _ in reader:
        seen.append((reader.source.packets, reader.source.rtp_packets, reader.source.last_ns))
    assert seen == [(4, 3, T0 + 30 * MS)]


def test_reader_is_iterated_once() -> None:
    reader = read(pcap([]))[1]
    with pytest.raises(RuntimeError):
        iter(reader)


def test_dissector_alone_as_the_live_reader_uses_it() -> None:
    source = Source("eth0")
    dissector = Dissector(source, MediaTable())
    assert dissector.feed(T0, 1, 147, 0, b"") == []
    (found,) = dissector.feed(T0, 2, 1, 0, ethernet(udp(PHONE, PBX, sip())))
    assert found.origin == ("eth0", 2, None)
    assert dissector.finish() == []


@settings(max_examples=300)
@given(st.sampled_from(sorted(LINKS)), st.lists(st.binary(max_size=120), max_size=8))
def test_any_frames(linktype: int, data: list[bytes]) -> None:
    read(pcap(data, linktype))


PACKETS = [
    ethernet(udp(PHONE, PBX, sip())),
    ethernet(udp(A, B, rtp())),
    ethernet(udp(PEER, SWITCH, iax2(1, b"\x0b\x02\0\x02"))),
    ethernet(icmp_unreachable("198.51.100.1", PBX[0], udp(PBX, PHONE, sip()))),
    ethernet(udp(PHONE6, PBX6, sip())),
    ethernet(ip("10.0.0.1", "10.0.0.2", 4, udp(PHONE, PBX, sip()))),
]


@settings(max_examples=300)
@given(st.sampled_from(PACKETS), st.lists(st.tuples(st.integers(0, 120), st.integers(0, 255))))
def test_mutated_frames(frame: bytes, changes: list[tuple[int, int]]) -> None:
    mutated = bytearray(frame)
    for at, value in changes:
        mutated[at % len(mutated)] = value
    read(pcap([frame, bytes(mutated), bytes(mutated[: changes[0][0] if changes else 40])]))
