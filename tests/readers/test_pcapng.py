"""The pcapng format: sections, interfaces, clocks, packet blocks, damage."""

from __future__ import annotations

import struct

import pytest

from sipdiag.base.errors import InputError
from sipdiag.base.interval import NS
from sipdiag.base.limits import LimitHits, Limits

from .packets import (
    PBX,
    PHONE,
    T0,
    block,
    cooked,
    enhanced,
    ethernet,
    frames,
    interface,
    opened,
    option,
    pcapng,
    read,
    section,
    sip,
    udp,
)


def frame(cseq: int = 1) -> bytes:
    return ethernet(udp(PHONE, PBX, sip(cseq=cseq), ident=cseq))


@pytest.mark.parametrize("order", ["<", ">"])
def test_byte_orders(order: str) -> None:
    data = section(order) + interface(order=order) + enhanced(frame(), order=order)
    found, reader = read(data)
    assert [d.ts_ns for d in found] == [T0]
    assert reader.source.kind == "pcapng"


def test_sections_of_either_order_in_one_file() -> None:
    one = section("<") + interface(order="<") + enhanced(frame(1), order="<")
    two = section(">") + interface(113, order=">")
    two += enhanced(cooked(udp(PHONE, PBX, sip(cseq=2), ident=2)), order=">")
    found, _ = read(one + two + one.replace(b"CSeq: 1", b"CSeq: 3"))
    assert frames(found) == [1, 2, 3]


@pytest.mark.parametrize(
    ("resolution", "ticks"),
    [(6, T0 // 1000), (9, T0), (3, T0 // 10**6), (0, T0 // NS), (0x80 | 0, T0 // NS)],
)
def test_resolutions(resolution: int, ticks: int) -> None:
    face = interface(options=option(9, bytes([resolution])) + option(0, b""))
    found, _ = read(section() + face + enhanced(frame(), ticks))
    assert [d.ts_ns for d in found] == [T0]


def test_binary_resolution_and_offset() -> None:
    options = option(2, b"eth0") + option(9, b"\x94") + option(14, struct.pack("<q", 1_600_000_000))
    ticks = 100_000_000 * 2**20 + 2**19
    found, _ = read(section() + interface(options=options) + enhanced(frame(), ticks))
    assert found[0].ts_ns == 1_700_000_000 * NS + NS // 2


def test_negative_time_is_clipped() -> None:
    face = interface(options=option(14, struct.pack("<q", -(2**62))))
    found, _ = read(section() + face + enhanced(frame(), 5))
    assert found[0].ts_ns == 0


def test_interfaces_have_their_own_link_type() -> None:
    data = section() + interface(1) + interface(113) + interface(101)
    packet = [udp(PHONE, PBX, sip(cseq=n), ident=n) for n in range(3)]
    data += enhanced(cooked(packet[0]), index=1)
    data += enhanced(packet[1], index=2)
    data += enhanced(ethernet(packet[2]), index=0)
    assert frames(read(data)[0]) == [1, 2, 3]


def test_simple_packets_have_the_time_of_the_last_one() -> None:
    data = section() + interface(snaplen=80) + enhanced(frame(1))
    data += block(3, struct.pack("<I", len(frame(2))) + frame(2)[:80])
    found, reader = read(data)
    assert [d.ts_ns for d in found] == [T0, T0]
    assert [len(d.payload) for d in found] == [len(sip()), 80 - 42]
    assert found[1].cut
    assert "without a time" in reader.source.notes[0]


def test_obsolete_packet_block() -> None:
    ticks = T0 // 1000
    head = struct.pack("<HHIIII", 0, 7, ticks >> 32, ticks & 0xFFFFFFFF, len(frame()), len(frame()))
    found, _ = read(section() + interface() + block(2, head + frame()))
    assert [d.ts_ns for d in found] == [T0]


def test_frames_count_as_in_wireshark() -> None:
    custom = block(0xBAD, struct.pack("<I", 32473) + b"data")
    journal = block(9, b"__REALTIME_TIMESTAMP=1\n")
    statistics, names, unknown = (block(kind, bytes(12)) for kind in (5, 4, 0x99))
    data = section() + interface() + enhanced(frame(1)) + custom + names + journal
    data += statistics + unknown + enhanced(frame(2))
    found, reader = read(data)
    assert frames(found) == [1, 4]
    assert reader.source.packets == 4


def test_unknown_interface_is_left_out() -> None:
    data = section() + interface() + enhanced(frame(1)) + enhanced(frame(2), index=9)
    data += enhanced(frame(3))
    found, reader = read(data)
    assert frames(found) == [1, 3]
    assert "interface 9" in reader.source.notes[0]


def test_unsupported_interface_is_left_out() -> None:
    data = section() + interface(147) + interface(1)
    data += enhanced(frame(1), index=0) + enhanced(frame(2), index=1)
    found, reader = read(data)
    assert frames(found) == [2]
    assert "link type 147" in reader.source.notes[0]


def test_only_unsupported_interfaces_are_refused() -> None:
    reader = opened(section() + interface(147) + interface(189) + enhanced(frame()))
    with pytest.raises(InputError, match=r"^test: link type 147, 189 isn't supported"):
        list(reader)


def test_section_without_packets() -> None:
    assert read(section())[0] == []


def test_cut_at_every_byte() -> None:
    packets = [frame(1), frame(2)]
    whole = pcapng(packets)
    ends = [len(section()), len(section() + interface())]
    for packet in packets:
        ends.append(ends[-1] + len(enhanced(packet)))
    for size in range(len(whole) + 1):
        if size < 12:
            with pytest.raises(InputError):
                read(whole[:size])
            continue
        found, reader = read(whole[:size])
        assert frames(found) == list(range(1, sum(end <= size for end in ends[2:]) + 1))
        assert reader.source.truncated == (size not in ends)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (struct.pack("<II", 6, 0x7FFFFFFC) + bytes(64), "claims 2147483644 bytes"),
        (struct.pack("<II", 6, 8) + bytes(64), "claims 8 bytes"),
        (struct.pack("<II", 6, 33) + bytes(64), "claims 33 bytes"),
        (block(6, bytes(20))[:-4] + struct.pack("<I", 44), "two lengths differ"),
        (block(6, bytes(8)), "smaller than its header"),
        (block(6, struct.pack("<IIIII", 0, 0, 0, 500, 500) + bytes(8)), "larger than its block"),
        (block(2, struct.pack("<HHIIII", 0, 0, 0, 0, 500, 500)), "larger than its block"),
        (block(3, struct.pack("<I", 500)), "larger than its block"),
        (block(0x0A0D0D0A, b"nonsense"), "damaged section header"),
    ],
)
def test_damage_in_the_middle(damage: bytes, says: str) -> None:
    found, reader = read(pcapng([frame(1)]) + damage + enhanced(frame(2)))
    assert frames(found) == [1]
    assert reader.source.truncated
    assert says in reader.source.notes[0]


def test_damaged_first_section() -> None:
    with pytest.raises(InputError, match="section header"):
        opened(section().replace(b"\x4d\x3c\x2b\x1a", b"oops"))


def test_interfaces_are_bounded() -> None:
    hits = LimitHits()
    data = section() + interface() * 20 + enhanced(frame(), index=3)
    assert len(list(opened(data, Limits(interfaces=5), hits))) == 1
    assert hits.counts["interfaces"] == 15
