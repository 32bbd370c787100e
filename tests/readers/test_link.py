"""Link layers: the IP header is found, in anything else nothing is."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipdiag.readers.link import FAST, LINKS

from .packets import (
    PBX,
    PBX6,
    PHONE,
    PHONE6,
    cooked,
    cooked2,
    ethernet,
    ethertype,
    pcap,
    read,
    rtp,
    sip,
    udp,
)

V4 = udp(PHONE, PBX, sip())
V6 = udp(PHONE6, PBX6, sip())
SNAP = b"\xaa\xaa\x03\0\0\0"


def attribute(kind: int, value: bytes, order: str) -> bytes:
    return struct.pack(order + "HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


@pytest.mark.parametrize("packet", [V4, V6], ids=["v4", "v6"])
@pytest.mark.parametrize(
    ("linktype", "build"),
    [
        (1, lambda p: ethernet(p)),
        (1, lambda p: ethernet(p, tags=[0x8100])),
        (1, lambda p: ethernet(p, tags=[0x88A8, 0x8100])),
        (1, lambda p: ethernet(p, tags=[0x9100, 0x8100])),
        (1, lambda p: ethernet(p, tags=[0x9100, 0x9100, 0x8100])),
        (1, lambda p: bytes(12) + struct.pack(">H", len(p) + 8) + SNAP + ethertype(p) + p),
        (1, lambda p: bytes(12) + b"\x88\x64\x11\0\0\x01\0\0" + ppp(p) + p),
        (1, lambda p: bytes(12) + b"\x81\0\0\x07\x88\x64\x11\0\0\x01\0\0" + ppp(p)[1:] + p),
        (1, lambda p: bytes(12) + b"\x88\x47\0\x01\0\x40\0\x02\x01\x40" + p),
        (113, cooked),
        (113, lambda p: cooked(p)[:14] + b"\x81\0\0\x07" + ethertype(p) + p),
        (276, cooked2),
        (276, lambda p: b"\x81\0" + cooked2(p)[2:20] + b"\0\x07" + ethertype(p) + p),
        (9, lambda p: b"\xff\x03" + ppp(p) + p),
        (9, lambda p: ppp(p) + p),
        (9, lambda p: ppp(p)[1:] + p),
        (50, lambda p: b"\xff\x03" + ppp(p) + p),
        (51, lambda p: b"\x11\0\0\x01\0\0" + ppp(p) + p),
        (104, lambda p: b"\x0f\0" + ethertype(p) + p),
        (239, lambda p: b"\x02\0\0\0" + attribute(1, b"abcd", "<") + attribute(9, p, "<")),
        (239, lambda p: b"\x02\0\0\0" + attribute(10, b"pre\0", ">") + attribute(9, p, ">")),
        (12, lambda p: p),
        (14, lambda p: p),
        (101, lambda p: p),
        (228, lambda p: p),
        (229, lambda p: p),
    ],
)
def test_link_types(linktype: int, build: Callable[[bytes], bytes], packet: bytes) -> None:
    found, _ = read(pcap([build(packet)], linktype))
    assert [d.payload for d in found] == [sip()]


def ppp(packet: bytes) -> bytes:
    return b"\0\x57" if packet[0] >> 4 == 6 else b"\0\x21"


@pytest.mark.parametrize("linktype", [0, 108])
@pytest.mark.parametrize("order", ["<I", ">I"])
@pytest.mark.parametrize(("family", "packet"), [(2, V4), (10, V6), (24, V6), (28, V6), (30, V6)])
def test_loopback_families(linktype: int, order: str, family: int, packet: bytes) -> None:
    found, _ = read(pcap([struct.pack(order, family) + packet], linktype))
    assert [d.payload for d in found] == [sip()]


@pytest.mark.parametrize(
    ("linktype", "frame"),
    [
        (0, struct.pack("<I", 7) + V4),
        (0, b"\x02"),
        (1, bytes(12) + b"\x08\x06" + V4),
        (1, bytes(12) + b"\x81\0\0"),
        (1, bytes(12) + b"\x88\x64\x11\0\0\x01\0\0\xc0\x21" + V4),
        (1, bytes(12) + b"\x88\x47\0\x01\0\x40"),
        (1, bytes(12) + b"\x88\x47\0\x01\x01\x40\0\0"),
        (1, bytes(12) + b"\0\x20\x42\x42\x03" + V4),
        (1, bytes(12) + b"\0\x20" + SNAP + b"\x08\x06" + V4),
        (101, b"\x20" + V4),
        (101, b""),
        (239, b"\x02\0\0\0" + b"\x01\0\x01\0" + V4),
        (239, b"\x02\0\0\0"),
    ],
)
def test_no_ip(linktype: int, frame: bytes) -> None:
    assert LINKS[linktype](frame) == -1


@given(st.sampled_from(sorted(LINKS)), st.binary(max_size=80))
def test_any_bytes(linktype: int, frame: bytes) -> None:
    assert -1 <= LINKS[linktype](frame) <= len(frame) + 8


MEDIA = (("10.0.0.1", 4000), ("10.0.0.2", 4002))


@pytest.mark.parametrize("linktype", sorted(FAST))
def test_media_is_counted_alike_on_fast_link_types(linktype: int) -> None:
    prefix = {0: struct.pack("<I", 2), 108: struct.pack(">I", 2)}
    build: dict[int, Callable[[bytes], bytes]] = {1: ethernet, 113: cooked, 276: cooked2}

    def frame(seq: int) -> bytes:
        packet = udp(*MEDIA, rtp(seq), ident=seq)
        return build[linktype](packet) if linktype in build else prefix.get(linktype, b"") + packet

    _, reader = read(pcap([frame(n) for n in range(50)], linktype))
    (flow,) = reader.media
    (segment,) = flow.segments
    assert reader.source.rtp_packets == segment.packets == 50
    assert segment.octets == 50 * 172
    assert (segment.first_frame, segment.last_frame) == (1, 50)


@pytest.mark.parametrize("tags", [[], [0x8100], [0x88A8, 0x8100]])
def test_media_is_counted_alike_behind_tags(tags: list[int]) -> None:
    packets = [ethernet(udp(*MEDIA, rtp(n), ident=n), tags) for n in range(50)]
    _, reader = read(pcap(packets))
    (flow,) = reader.media
    assert [s.octets for s in flow.segments] == [50 * 172]
