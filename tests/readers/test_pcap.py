"""The pcap format: every magic, every way to be cut or damaged."""

from __future__ import annotations

import struct

import pytest

from sipdiag.base.errors import InputError
from sipdiag.base.limits import Limits
from sipdiag.readers.pcap import MAGICS

from .packets import (
    MS,
    PBX,
    PHONE,
    T0,
    Stamped,
    ethernet,
    frames,
    opened,
    pcap,
    read,
    rtp,
    sip,
    udp,
)


def capture(count: int = 3) -> list[bytes]:
    return [ethernet(udp(PHONE, PBX, sip(cseq=n), ident=n)) for n in range(1, count + 1)]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("magic", [0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34])
def test_every_magic(order: str, magic: int) -> None:
    when = T0 + 123_456_789
    records: list[bytes | Stamped] = [(when, ethernet(udp(PHONE, PBX, sip())))]
    found, reader = read(pcap(records, order=order, magic=magic))
    unit = 1 if magic == 0xA1B23C4D else 1000
    assert [d.ts_ns for d in found] == [when // unit * unit]
    assert found[0].payload == sip()
    assert str(found[0].src) == "192.168.1.20:5060"
    assert str(found[0].dst) == "203.0.113.5:5060"
    assert found[0].origin == ("test", 1, None)
    assert reader.source.kind == "pcap"
    assert reader.source.packets == reader.source.sip_messages == 1
    assert not reader.source.truncated


def test_magics_are_all_told_apart() -> None:
    assert len(MAGICS) == 6


def test_source_is_filled() -> None:
    found, reader = read(pcap(capture()))
    source = reader.source
    assert frames(found) == [1, 2, 3]
    assert (source.packets, source.first_ns, source.last_ns) == (3, T0, T0 + 20 * MS)
    assert source.cut_packets == 0
    assert source.notes == []


def test_times_out_of_order() -> None:
    late, early = capture(2)
    _, reader = read(pcap([(T0 + 5 * MS, late), (T0, early)]))
    assert (reader.source.first_ns, reader.source.last_ns) == (T0, T0 + 5 * MS)


def test_no_packets_is_no_error() -> None:
    found, reader = read(pcap([]))
    assert found == []
    assert (reader.source.packets, reader.source.first_ns) == (0, None)


def test_snaplen_cuts_are_counted() -> None:
    found, reader = read(pcap(capture(), snaplen=96))
    assert [d.cut for d in found] == [True] * 3
    assert len(found[0].payload) == 96 - 42
    assert reader.source.cut_packets == 3
    assert not reader.source.truncated


def test_cut_at_every_byte() -> None:
    packets = capture()
    whole = pcap(packets)
    ends = [24]
    for packet in packets:
        ends.append(ends[-1] + 16 + len(packet))
    for size in range(len(whole) + 1):
        if size < 24:
            with pytest.raises(InputError):
                read(whole[:size])
            continue
        found, reader = read(whole[:size])
        complete = sum(end <= size for end in ends[1:])
        assert frames(found) == list(range(1, complete + 1))
        assert reader.source.truncated == (size not in ends)
        assert bool(reader.source.notes) == (size not in ends)


def test_header_cut_off_names_itself() -> None:
    with pytest.raises(InputError, match=r"^test: pcap header cut off after 23 of 24 bytes$"):
        opened(pcap([])[:23])


def test_a_record_beyond_the_limit_is_damage() -> None:
    data = pcap(capture(2)) + struct.pack("<IIII", 0, 0, 0xFFFFFFFF, 10) + b"x" * 100
    found, reader = read(data)
    assert len(found) == 2
    assert reader.source.truncated
    assert "packet 3 claims 4294967295 bytes" in reader.source.notes[0]


def test_a_large_record_within_the_limit_is_read() -> None:
    big = b"\0" * (3 << 20)
    found, reader = read(pcap([big, *capture(1)]))
    assert frames(found) == [2]
    assert not reader.source.truncated
    _, reader = read(pcap([big]), Limits(block_bytes=1 << 20))
    assert not reader.source.truncated, "the record was already in memory"


def test_unsupported_link_type_is_named() -> None:
    with pytest.raises(InputError, match=r"link type 147 isn't supported.*tshark"):
        opened(pcap(capture(), linktype=147))


def test_flags_in_the_link_type_are_left_out() -> None:
    found, _ = read(pcap(capture(), linktype=0x50000001))
    assert len(found) == 3


def test_many_chunks() -> None:
    packets = [ethernet(udp(("10.0.0.1", 4000), ("10.0.0.2", 4002), rtp(n))) for n in range(9000)]
    packets.append(capture(1)[0])
    found, reader = read(pcap(packets))
    assert frames(found) == [9001]
    assert reader.source.packets == 9001
    assert reader.source.rtp_packets == 9000
