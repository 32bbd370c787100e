"""Inputs made to fill memory or time: each comes to an end, and what was left out is said."""

from __future__ import annotations

import gzip
import io
import lzma
import struct
import zlib
from collections.abc import Callable, Iterator

import pytest

from sipdiag.base.limits import LimitHits, Limits
from sipdiag.readers import open_source
from sipdiag.readers.stream import ByteStream

from .packets import (
    MS,
    PBX,
    PBX6,
    PHONE,
    PHONE6,
    T0,
    block,
    enhanced,
    fragment6,
    interface,
    ip,
    opened,
    option,
    pcap,
    read,
    section,
    sip,
    tcp,
    udp,
    udp_header,
)

PACKET = udp(PHONE, PBX, sip())
SMALL = Limits(unpacked_bytes=1 << 20, unpacked_ratio=100)


# Compression.


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress], ids=["gzip", "xz"])
def test_a_decompression_bomb_is_given_up(pack: Callable[[bytes], bytes]) -> None:
    """Real packets first, then 40 MB of the same one over and over in some 100 KB."""
    bomb = pack(pcap([PACKET] * 5, 101) + pcap([(T0, PACKET)] * 100_000, 101)[24:])
    assert len(bomb) * 100 < 40_000_000
    hits = LimitHits()
    reader = opened(bomb, SMALL, hits)
    found = list(reader)
    assert found
    assert reader.source.truncated
    assert hits.names() == ["unpacked_ratio"]
    assert any("decompression bomb" in note for note in reader.source.notes)
    assert reader.source.packets < 60_000


def test_what_is_merely_well_packed_is_read() -> None:
    """A ratio beyond the limit is no bomb below a size that does no harm."""
    reader = opened(gzip.compress(pcap([(T0, PACKET)] * 1500, 101)), SMALL)
    list(reader)
    assert reader.source.packets == 1500
    assert not reader.source.truncated


def test_a_flood_of_members_costs_no_more_than_its_bytes() -> None:
    """Each member of 20 bytes holds nothing; a capture follows."""
    data = gzip.compress(b"", mtime=0) * 20_000 + gzip.compress(pcap([PACKET], 101))
    found, reader = read(data)
    assert len(found) == 1
    assert not reader.source.truncated


def test_gzip_in_gzip_isnt_unpacked_twice() -> None:
    bomb = gzip.compress(gzip.compress(bytes(10_000_000)))
    stream = ByteStream(io.BytesIO(bomb), "bomb", owned=False)
    assert stream.peek().startswith(b"\x1f\x8b")


def test_damaged_xz_gives_what_came_before_the_damage() -> None:
    """Some 256 bytes of compressed data are lost before it, not a megabyte."""
    packets = [udp(PHONE, PBX, sip(cseq=n), ident=n) for n in range(1, 60_000, 7)]
    packed = bytearray(lzma.compress(pcap(packets, 101)))
    at = len(packed) - 6000
    packed[at : at + 16] = bytes(16)
    found, reader = read(bytes(packed))
    assert reader.source.truncated
    assert len(found) > len(packets) // 2


@pytest.mark.parametrize("rest", [b"not compressed " * 200_000, b"\x1f\x8b" + bytes(3_000_000)])
@pytest.mark.parametrize("whole", [True, False], ids=["rubbish behind", "damage inside"])
def test_what_lies_behind_damage_isnt_taken_for_content(rest: bytes, whole: bool) -> None:
    """More than is read at once: compressed bytes are never given as they are."""
    packed = gzip.compress(b"content" * 1000)
    stream_ = ByteStream(io.BytesIO((packed if whole else packed[:-30]) + rest), "x", False)
    given = b""
    while more := stream_.read():
        given += more
    assert (b"content" * 1000).startswith(given)
    assert stream_.damage is not None


# Lengths that lie.


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF, 17 << 20])
def test_a_pcap_record_of_4_gb(size: int) -> None:
    lie = struct.pack("<IIII", 1, 0, size, size)
    _, reader = read(pcap([PACKET], 101) + lie + bytes(1000))
    assert reader.source.packets == 1
    assert reader.source.truncated
    assert f"claims {size} bytes" in reader.source.notes[0]


@pytest.mark.parametrize("size", [0xFFFFFFFC, 0x80000000, 17 << 20])
def test_a_pcapng_block_of_4_gb(size: int) -> None:
    lie = struct.pack("<II", 6, size) + bytes(1000)
    _, reader = read(section() + interface(101) + enhanced(PACKET) + lie)
    assert reader.source.packets == 1
    assert f"claims {size} bytes" in reader.source.notes[0]


def test_a_declared_length_isnt_waited_for_in_memory() -> None:
    """16 MiB may be; 4 GB in a pipe that goes on for ever are never gathered."""

    class Endless(io.RawIOBase):
        given = 0
        head = pcap([PACKET], 101) + struct.pack("<IIII", 1, 0, 1 << 31, 1 << 31)

        def read(self, size: int = -1) -> bytes:
            Endless.given += 1
            return self.head if Endless.given == 1 else bytes(1 << 16)

    reader = open_source(Endless(), name="endless")  # type: ignore[arg-type]
    assert len(list(reader)) == 1
    assert Endless.given == 1


def test_packets_larger_than_the_snap_length() -> None:
    """A header that says 64 doesn't cut records that have more."""
    data = bytearray(pcap([PACKET], 101))
    data[16:20] = struct.pack("<I", 64)
    found, reader = read(bytes(data))
    assert [d.payload for d in found] == [sip()]
    assert reader.source.cut_packets == 0


def test_more_captured_than_was_on_the_wire() -> None:
    data = bytearray(pcap([PACKET], 101))
    data[36:40] = struct.pack("<I", 3)
    found, reader = read(bytes(data))
    assert [(d.payload, d.cut) for d in found] == [(sip(), False)]
    assert reader.source.cut_packets == 0


def test_a_simple_packet_block_that_lies_about_its_length() -> None:
    lie = block(3, struct.pack("<I", 0xFFFFFFFF) + PACKET)
    _, reader = read(section() + interface(101) + lie)
    assert reader.source.truncated


def test_udp_and_ip_lengths_that_lie() -> None:
    for total in (20, 27, 65535):
        packet = ip(PHONE[0], PBX[0], 17, udp_header(PHONE, PBX, sip(), 65535), total=total)
        for datagram in read(pcap([packet], 101))[0]:
            assert datagram.cut


# Floods.


def test_a_flood_of_interfaces() -> None:
    hits = LimitHits()
    name = option(2, b"x" * 60_000)
    data = section() + interface(101, options=name) * 50 + enhanced(PACKET, index=49)
    reader = opened(data + enhanced(PACKET, index=3), Limits(interfaces=10), hits)
    assert len(list(reader)) == 1, "the packet of an interface that was kept"
    assert hits.counts["interfaces"] == 40
    assert any("interface 49" in note for note in reader.source.notes)


def test_a_flood_of_sections() -> None:
    data = (section() + interface(101)) * 3000 + enhanced(PACKET)
    hits = LimitHits()
    reader = opened(data, Limits(interfaces=100), hits)
    list(reader)
    assert hits.names() == ["interfaces"]


def test_notes_are_bounded() -> None:
    """Every packet names another interface that isn't there."""
    data = section() + b"".join(enhanced(PACKET, index=n) for n in range(500))
    reader = opened(data, Limits(notes=7))
    list(reader)
    assert len(reader.source.notes) == 7


# Fragments.


def teardrop(ident: int, count: int = 2) -> Iterator[bytes]:
    """The second fragment lies inside the first, and ends before it."""
    whole = udp_header(PHONE, PBX, sip("INVITE", 1, b"x" * 900))
    yield ip(PHONE[0], PBX[0], 17, whole[:800], ident, 0, True)
    for _ in range(count - 1):
        yield ip(PHONE[0], PBX[0], 17, whole[80:104], ident, 80, False)


def test_teardrop() -> None:
    found, reader = read(pcap(list(teardrop(7)), 101))
    assert found == []
    assert any("overlap" in note for note in reader.source.notes)


def test_overlaps_with_another_content_are_told() -> None:
    body = udp_header(PHONE, PBX, sip("INVITE", 1, b"x" * 900))
    other = body[:400].replace(b"INVITE", b"CANCEL")
    packets = [
        ip(PHONE[0], PBX[0], 17, body[:400], 7, 0, True),
        ip(PHONE[0], PBX[0], 17, other, 7, 0, True),
        ip(PHONE[0], PBX[0], 17, body[400:], 7, 400),
    ]
    found, reader = read(pcap(packets, 101))
    assert [d.payload for d in found] == [body[8:]]
    assert any(note.startswith("1 IP fragments overlap") for note in reader.source.notes)


def test_ipv6_overlaps_spoil_the_whole_packet() -> None:
    """RFC 5722: nothing of it is used, whatever comes later."""
    body = udp_header(PHONE6, PBX6, sip("INVITE", 1, b"x" * 900))
    ends = PHONE6[0], PBX6[0], 44
    packets = [
        ip(*ends, body[:400], extension=fragment6(17, 7, 0, True)),
        ip(*ends, body[392:800], extension=fragment6(17, 7, 392, True)),
        ip(*ends, body[400:], extension=fragment6(17, 7, 400, False)),
    ]
    found, reader = read(pcap(packets, 101))
    assert found == []
    assert reader.source.fragments_incomplete == 1


def test_a_flood_of_fragments() -> None:
    """10 000 packets that begin and never end, of 1 KB each."""
    hits = LimitHits()
    packets = [ip(PHONE[0], PBX[0], 17, bytes(1024), n, 0, True) for n in range(10_000)]
    limits = Limits(fragments_held=5000, fragment_bytes=1 << 20)
    reader = opened(pcap([(T0, packet) for packet in packets], 101), limits, hits)
    assert list(reader) == []
    assert hits.counts["fragment_bytes"] > 8000
    assert reader.source.fragments_incomplete == 10_000


def test_a_packet_of_tiny_fragments() -> None:
    packets = [ip(PHONE[0], PBX[0], 17, bytes(8), 7, 8 * n, True) for n in range(8000)]
    found, reader = read(pcap([(T0, packet) for packet in packets], 101))
    assert found == []
    assert reader.source.fragments_incomplete == 1


def test_nested_tunnels() -> None:
    packet = PACKET
    for _ in range(1000):
        packet = ip("192.0.2.1", "192.0.2.2", 4, packet)
    assert read(pcap([packet], 101))[0] == []
    tags = b"\x81\0\0\1" * 16_000
    frame = bytes(12) + tags + b"\x08\0" + PACKET
    assert len(read(pcap([frame], snaplen=1 << 20))[0]) == 1


# TCP.


def stream(
    data: bytes, size: int = 1000, seq: int = 1, src: tuple[str, int] = PHONE
) -> list[bytes]:
    return [tcp(src, PBX, seq + at, data[at : at + size]) for at in range(0, len(data), size)]


def test_a_tcp_stream_that_never_ends() -> None:
    """A header without an end, in a stream that was never opened: cut at the cap, twice."""
    hits = LimitHits()
    endless = b"OPTIONS sip:a SIP/2.0\r\n" + b"X: y\r\n" * 30_000
    reader = opened(pcap(stream(endless), 101), Limits(tcp_buffer_bytes=50_000), hits)
    found = list(reader)
    assert [d.cut for d in found] == [True]
    assert hits.counts["tcp_buffer_bytes"] >= 1


def test_blank_lines_without_end_on_another_port() -> None:
    """CRLF could be the keep-alive before SIP; a megabyte of it can't."""
    src, dst = ("192.0.2.1", 2000), ("192.0.2.2", 3000)
    packets = [tcp(src, dst, 0, flags=2)]
    packets += [tcp(src, dst, 1 + 1000 * n, b"\r\n" * 500) for n in range(1000)]
    late = [tcp(src, dst, 1_000_001, sip())]
    found, _ = read(pcap(packets + late, 101))
    assert [d.payload for d in found] == [sip()], "a new start is taken as one"


def test_all_tcp_streams_together_are_bounded() -> None:
    hits = LimitHits()
    header = b"MESSAGE sip:a SIP/2.0\r\nCSeq: 1 MESSAGE\r\nContent-Length: 60000\r\n\r\n"
    packets = []
    for n in range(100):
        packets += stream(header + b"x" * 9000, src=(PHONE[0], 10_000 + n))
    limits = Limits(tcp_held_bytes=100_000)
    found = list(opened(pcap(packets, 101), limits, hits))
    assert hits.counts["tcp_held_bytes"] > 50
    assert all(d.cut for d in found)
    assert len(found) == 100, "each is given as far as it came"


def test_overlapping_segments_of_another_content() -> None:
    """What came first is what the receiver took, as most do; nothing is counted twice."""
    first, second = sip("INVITE", 1), sip("CANCEL", 1)
    packets = [
        tcp(PHONE, PBX, 0, flags=2),
        tcp(PHONE, PBX, 1, first[:100]),
        tcp(PHONE, PBX, 1, second),
        tcp(PHONE, PBX, 1, second),
        tcp(PHONE, PBX, 101, first[100:]),
    ]
    found, _ = read(pcap(packets, 101))
    assert found[0].payload == first[:100] + second[100:]
    assert len(found) == 1


@pytest.mark.parametrize("length", ["4294967296", "9999999999", "-1", "-4294967296", "0x10", "1e9"])
def test_content_lengths_that_lie(length: str) -> None:
    """The message is given as far as it can be told; the next one is found."""
    liar = sip("MESSAGE", 1, b"", f"Content-Length: {length}\r\n")
    following = sip("BYE", 2)
    found, _ = read(pcap(stream(liar + following + following), 101))
    assert [d.payload for d in found] == [liar, following, following]
    assert found[0].cut == length.isdigit()


def test_segments_far_ahead_of_a_hole() -> None:
    hits = LimitHits()
    packets = [tcp(PHONE, PBX, 0, flags=2)]
    packets += [tcp(PHONE, PBX, 5000 + 10 * n, b"x") for n in range(5000)]
    stamped = [(T0 + n * MS // 100, packet) for n, packet in enumerate(packets)]
    list(opened(pcap(stamped, 101), Limits(), hits))


# What a header may hold.


def test_a_flood_of_endpoints_is_forgotten_in_order() -> None:
    """Spoofed addresses: each packet of another pair."""
    hits = LimitHits()
    packets = [udp((f"10.{n >> 8 & 255}.{n & 255}.1", 5060), PBX, sip()) for n in range(3000)]
    reader = opened(pcap(packets, 101), Limits(known_flows=100), hits)
    assert len(list(reader)) == 3000
    assert hits.counts["known_flows"] == 2900


def test_unpacking_in_the_middle_of_a_file_object_is_bounded_too() -> None:
    engine = zlib.compressobj(9, wbits=31)
    packed = engine.compress(bytes(1 << 22)) + engine.flush()
    hits = LimitHits()
    stream_ = ByteStream(io.BytesIO(packed), "x", False, None, SMALL, hits)
    while stream_.read():
        pass
    assert hits.names() == ["unpacked_ratio"]
    assert stream_.damage is not None
