"""IPv4, IPv6, fragments: what comes out is the transport payload, whole or not at all."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipdiag.base.limits import LimitHits, Limits
from sipdiag.readers.ip import IpLayer

from .packets import (
    PBX,
    PBX6,
    PHONE,
    PHONE6,
    T0,
    S,
    ethernet,
    fragment6,
    ip,
    opened,
    pcap,
    read,
    sip,
    udp,
    udp_header,
)

BIG = sip("MESSAGE", body=bytes(range(32, 126)) * 30)
"""2.8 kB: two or three fragments."""


def payloads(*packets: bytes) -> list[bytes]:
    return [d.payload for d in read(pcap(packets, 101))[0]]


def fragments4(payload: bytes, size: int = 1000, ident: int = 77) -> list[bytes]:
    whole = udp_header(PHONE, PBX, payload)
    return [
        ip(PHONE[0], PBX[0], 17, whole[at : at + size], ident, at, at + size < len(whole))
        for at in range(0, len(whole), size)
    ]


def fragments6(payload: bytes, size: int = 1000, ident: int = 77) -> list[bytes]:
    whole = udp_header(PHONE6, PBX6, payload)
    return [
        ip(
            PHONE6[0],
            PBX6[0],
            44,
            whole[at : at + size],
            extension=fragment6(17, ident, at, at + size < len(whole)),
        )
        for at in range(0, len(whole), size)
    ]


def test_options() -> None:
    body = udp_header(PHONE, PBX, sip())
    assert payloads(ip(PHONE[0], PBX[0], 17, body, options=b"\x94\x04\0\0" * 10)) == [sip()]


def test_ethernet_padding_is_left_out() -> None:
    found, _ = read(pcap([ethernet(udp(PHONE, PBX, b"\r\n"), pad=True)]))
    assert [d.payload for d in found] == [b"\r\n"]


def test_total_length_zero_is_offload() -> None:
    body = udp_header(PHONE, PBX, sip())
    assert payloads(ip(PHONE[0], PBX[0], 17, body, total=0)) == [sip()]
    assert payloads(ip(PHONE6[0], PBX6[0], 17, udp_header(PHONE6, PBX6, sip()), total=0)) == [sip()]


@pytest.mark.parametrize(
    "packet",
    [
        udp(PHONE, PBX, sip())[:19],
        b"\x44" + udp(PHONE, PBX, sip())[1:],
        ip(PHONE[0], PBX[0], 17, udp_header(PHONE, PBX, sip()), total=19),
        ip(PHONE[0], PBX[0], 17, b"\x13\xc4\x13"),
        ip(PHONE[0], PBX[0], 17, udp_header(PHONE, PBX, sip(), length=7)),
        ip(PHONE[0], PBX[0], 6, b"short"),
        ip(PHONE[0], PBX[0], 47, sip()),
        udp(PHONE6, PBX6, sip())[:39],
        ip(PHONE6[0], PBX6[0], 0, b"\x11"),
        ip(PHONE6[0], PBX6[0], 0, b"\x11\xff" + bytes(30)),
        ip(PHONE6[0], PBX6[0], 59, sip()),
    ],
)
def test_malformed_is_dropped(packet: bytes) -> None:
    assert payloads(packet) == []


def test_udp_length_decides() -> None:
    longer = ip(PHONE[0], PBX[0], 17, udp_header(PHONE, PBX, sip()) + b"trailer")
    assert payloads(ip(PHONE[0], PBX[0], 17, udp_header(PHONE, PBX, sip(), length=0))) == [sip()]
    short = ip(PHONE[0], PBX[0], 17, udp_header(PHONE, PBX, sip() + b"tail", len(sip()) + 8))
    assert payloads(short) == [sip()]
    found, _ = read(pcap([longer], 101))
    assert (found[0].payload, found[0].cut) == (sip(), False)
    found, _ = read(pcap([ip(PHONE[0], PBX[0], 17, udp_header(PHONE, PBX, sip(), 999))], 101))
    assert found[0].cut


EXTENSIONS: list[tuple[int, Callable[[int], bytes]]] = [
    (0, lambda kind: bytes([kind, 0]) + bytes(6)),
    (60, lambda kind: bytes([kind, 1]) + bytes(14)),
    (43, lambda kind: bytes([kind, 2]) + bytes(22)),
    (51, lambda kind: bytes([kind, 4]) + bytes(22)),
    (135, lambda kind: bytes([kind, 0]) + bytes(6)),
    (44, lambda kind: fragment6(kind, 1, 0, False)),
]


@pytest.mark.parametrize("chain", [[n] for n in range(6)] + [[0, 1, 2, 5, 3, 1], [3, 5]])
def test_extension_headers(chain: list[int]) -> None:
    kind, extension = 17, b""
    for number in reversed(chain):
        extension = EXTENSIONS[number][1](kind) + extension
        kind = EXTENSIONS[number][0]
    packet = ip(PHONE6[0], PBX6[0], kind, udp_header(PHONE6, PBX6, sip()), extension=extension)
    found, _ = read(pcap([packet], 101))
    assert [d.payload for d in found] == [sip()]
    assert str(found[0].src) == "[2001:db8::20]:5060"


@pytest.mark.parametrize("make", [fragments4, fragments6])
def test_fragments_in_any_order(make: Callable[[bytes], list[bytes]]) -> None:
    pieces = make(BIG)
    assert len(pieces) == 4
    for order in itertools.permutations(pieces):
        found, reader = read(pcap(order, 101))
        assert [(d.payload, d.origin.frame, d.cut) for d in found] == [(BIG, 4, False)]
        assert reader.source.fragments_incomplete == 0


@pytest.mark.parametrize("make", [fragments4, fragments6])
def test_a_duplicate_fragment_changes_nothing(make: Callable[[bytes], list[bytes]]) -> None:
    first, *rest = make(BIG)
    found, _ = read(pcap([first, first, *rest], 101))
    assert [d.payload for d in found] == [BIG]


def test_overlap_ipv4_first_wins() -> None:
    whole = udp_header(PHONE, PBX, BIG)
    fake = ip(PHONE[0], PBX[0], 17, b"X" * 1600, 77, 800, True)
    found = payloads(
        ip(PHONE[0], PBX[0], 17, whole[:1000], 77, 0, True),
        fake,
        ip(PHONE[0], PBX[0], 17, whole[2000:], 77, 2000, False),
    )
    assert found == [(whole[:1000] + b"X" * 1400 + whole[2400:])[8:]]


def test_overlap_ipv6_spoils_the_datagram() -> None:
    first, second, *rest = fragments6(BIG)
    fake = ip(PHONE6[0], PBX6[0], 44, b"X" * 1000, extension=fragment6(17, 77, 800, True))
    found, reader = read(pcap([first, fake, second, *rest], 101))
    assert found == []
    assert reader.source.fragments_incomplete == 1


def test_incomplete_are_counted_and_noted() -> None:
    found, reader = read(pcap([fragments4(BIG, ident=1)[0], fragments4(BIG, ident=2)[1]], 101))
    assert found == []
    assert reader.source.fragments_incomplete == 2
    assert reader.source.notes == ["2 fragmented IP packets never became whole"]


def test_fragments_expire() -> None:
    first, *rest = fragments4(BIG)
    stamped = [(T0, first)] + [(T0 + 31 * S, piece) for piece in rest]
    found, reader = read(pcap(stamped, 101))
    assert found == []
    assert reader.source.fragments_incomplete == 2


def test_fragments_with_cut_bytes() -> None:
    pieces = fragments4(BIG)
    found, _ = read(pcap(pieces, 101, snaplen=500))
    assert [(d.payload, d.cut) for d in found] == [(BIG[: 500 - 28], True)]


def test_waiting_fragments_are_bounded() -> None:
    hits = LimitHits()
    packets = [fragments4(BIG, ident=n)[0] for n in range(100)]
    reader = opened(pcap(packets, 101), Limits(fragments_held=10), hits)
    assert list(reader) == []
    assert hits.counts["fragments_held"] == 90
    assert reader.source.fragments_incomplete == 100
    hits = LimitHits()
    reader = opened(pcap(packets, 101), Limits(fragment_bytes=10_000), hits)
    assert list(reader) == []
    assert hits.counts["fragment_bytes"] > 80


def test_many_tiny_fragments_are_given_up() -> None:
    packets = [
        (T0, ip(PHONE[0], PBX[0], 17, bytes(8), 5, offset, True)) for offset in range(0, 60_000, 16)
    ]
    _, reader = read(pcap(packets, 101))
    assert reader.source.fragments_incomplete == 1


@pytest.mark.parametrize(
    ("offset", "more", "size"), [(65_528, False, 16), (0, True, 7), (8, True, 0)]
)
def test_impossible_fragments_are_dropped(offset: int, more: bool, size: int) -> None:
    _, reader = read(pcap([ip(PHONE[0], PBX[0], 17, bytes(size), 5, offset, more)], 101))
    assert reader.source.fragments_incomplete == 0


def test_ip_in_ip() -> None:
    inner4, inner6 = udp(PHONE, PBX, sip(cseq=1)), udp(PHONE6, PBX6, sip(cseq=2))
    packets = [
        ip("10.0.0.1", "10.0.0.2", 4, inner4),
        ip("10.0.0.1", "10.0.0.2", 41, inner6),
        ip("2001:db8::1", "2001:db8::2", 41, inner6),
        ip("2001:db8::1", "2001:db8::2", 4, inner4),
        ip("10.0.0.1", "10.0.0.2", 4, ip("10.0.0.3", "10.0.0.4", 4, inner4)),
    ]
    found, _ = read(pcap(packets, 101))
    assert [str(d.src) for d in found][:2] == ["192.168.1.20:5060", "[2001:db8::20]:5060"]
    assert len(found) == 5


def test_nesting_is_bounded() -> None:
    packet = udp(PHONE, PBX, sip())
    for _ in range(10):
        packet = ip("10.0.0.1", "10.0.0.2", 4, packet)
    assert payloads(packet) == []


@given(
    st.lists(st.tuples(st.integers(0, 8000), st.binary(max_size=60), st.booleans()), max_size=12)
)
def test_any_fragments(parts: list[tuple[int, bytes, bool]]) -> None:
    layer = IpLayer(Limits(), LimitHits())
    for offset, body, more in parts:
        for packet in (
            ip(PHONE[0], PBX[0], 17, body, 1, offset * 8 % 65536, more),
            ip(PHONE6[0], PBX6[0], 44, body, extension=fragment6(17, 1, offset * 8 % 65536, more)),
        ):
            layer.packet(packet, 0, T0)
    layer.finish()
    assert layer._bytes == 0


@given(st.binary(max_size=120), st.sampled_from([0x45, 0x46, 0x60, 0x4F]))
def test_any_bytes(data: bytes, first: int) -> None:
    layer = IpLayer(Limits(), LimitHits())
    layer.packet(bytes([first]) + data, 0, T0)
    layer.packet(struct.pack(">I", 0x60000000) + data, 0, T0)
