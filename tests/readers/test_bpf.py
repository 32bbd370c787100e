"""The kernel's filter: what passes and what doesn't, by frame.

The program is run twice: by the interpreter below, for every link, and by the kernel itself, which
applies socket filters to Unix datagrams too, where no root is needed.
"""

from __future__ import annotations

import ctypes
import itertools
import socket
import struct
import sys
from pathlib import Path

import pytest

from sipdiag.base.endpoint import Endpoint
from sipdiag.crafting.capture import (
    LinkType,
    PcapBuilder,
    icmp_unreachable,
    ip_packets,
    tcp_segment,
    udp_segment,
)
from sipdiag.protocols import iax2, sip
from sipdiag.readers import bpf
from sipdiag.readers.bpf import MEDIA_BYTES, WHOLE, Instruction, Link, Wanted, packed, program

CAPTURES = Path(__file__).parents[2] / "captures"

V4 = (Endpoint("203.0.113.7", 5062), Endpoint("203.0.113.80", 5060))
V6 = (Endpoint("2001:db8::7", 5062), Endpoint("2001:db8::80", 5060))
INVITE = b"INVITE sip:101@203.0.113.7 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.80\r\n\r\n"
STATUS = b"SIP/2.0 200 OK\r\n\r\n"
RTP = b"\x80\x00\x12\x34" + bytes(4) + b"\x11\x22\x33\x44" + bytes(160)
RTCP = b"\x80\xc8\x00\x06" + bytes(24)
POKE = b"\x80\x01\x00\x00" + bytes(4) + b"\x00\x00\x06\x1e"
ANSWER = b"\x80\x01\x80\x02" + bytes(4) + b"\x00\x00\x04\x04"
MINI = b"\x00\x01\x12\x34" + bytes(160)
STUN = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12)
DNS = b"ab\x01\x00\x00\x01" + bytes(20)


class Interpreter:
    """Classic BPF as Linux' filter.rst has it. ``known``: what the kernel knows of the frame."""

    def __init__(self, instructions: list[Instruction], known: dict[int, int]) -> None:
        self.instructions, self.known = instructions, known

    def run(self, data: bytes) -> int:
        """Bytes of the frame to keep; a load beyond its end drops it."""
        a = x = at = 0
        memory = [0] * 16
        while True:
            code, jt, jf, k = self.instructions[at]
            at += 1
            if code == bpf.RET_K:
                return k
            if code in (bpf.LD_W, bpf.LD_H, bpf.LD_B, bpf.LDX_W, bpf.LDX_H, bpf.LDX_B):
                size = {0x00: 4, 0x08: 2, 0x10: 1}[code & 0x18]
                begin = k + (x if code & 0xE0 == 0x40 else 0)
                if k in self.known:
                    a = self.known[k]
                    continue
                if begin + size > len(data):
                    return 0
                a = int.from_bytes(data[begin : begin + size])
            elif code == bpf.LDM:
                a = memory[k]
            elif code == bpf.ST:
                memory[k] = a
            elif code == bpf.LDX_IMM:
                x = k
            elif code == bpf.TAX:
                x = a
            elif code == bpf.TXA:
                a = x
            elif code == bpf.JA:
                at += k
            elif code in (bpf.JEQ, bpf.JGT, bpf.JGE, bpf.JSET):
                true = {
                    bpf.JEQ: a == k, bpf.JGT: a > k, bpf.JGE: a >= k, bpf.JSET: bool(a & k)
                }[code]  # fmt: skip
                at += jt if true else jf
            else:
                a = {
                    bpf.ADD_X: a + x, bpf.ADD_K: a + k, bpf.AND_K: a & k,
                    bpf.LSH_K: a << k, bpf.RSH_K: a >> k,
                }[code] & 0xFFFFFFFF  # fmt: skip


class Kernel:
    """The same program in the kernel: what comes out of a socket is what it let through."""

    def __init__(self, instructions: list[Instruction]) -> None:
        self.near, self.far = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.far.setblocking(False)
        self.begin(instructions)

    def begin(self, instructions: list[Instruction]) -> None:
        """Attaches the filter."""
        code = ctypes.create_string_buffer(packed(instructions))
        pointer = struct.pack("@HP", len(instructions), ctypes.addressof(code))
        self.far.setsockopt(socket.SOL_SOCKET, 26, pointer)

    def run(self, data: bytes) -> int:
        """Bytes of the frame that came through."""
        try:
            self.near.send(data)
            return len(self.far.recv(65536))
        except (BlockingIOError, PermissionError):
            return 0

    def close(self) -> None:
        self.near.close()
        self.far.close()


def ethernet(packet: bytes, tags: tuple[int, ...] = ()) -> bytes:
    """An Ethernet frame, with VLAN tags of these types."""
    kind = b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00"
    return bytes(12) + b"".join(tag.to_bytes(2) + b"\x00\x05" for tag in tags) + kind + packet


def udp(payload: bytes, ends: tuple[Endpoint, Endpoint] = V4, mtu: int = 65535) -> list[bytes]:
    """IP packets with a UDP datagram."""
    src, dst = ends
    return ip_packets(src.ip, dst.ip, 17, udp_segment(src, dst, payload), mtu=mtu)


def tcp(payload: bytes, ends: tuple[Endpoint, Endpoint] = V4) -> bytes:
    src, dst = ends
    segment = tcp_segment(src, dst, payload, 1, 1, 24)
    return ip_packets(src.ip, dst.ip, 6, segment)[0]


def at(src: int, dst: int, ends: tuple[Endpoint, Endpoint] = V4) -> tuple[Endpoint, Endpoint]:
    """The same ends on other ports."""
    return Endpoint(ends[0].ip, src), Endpoint(ends[1].ip, dst)


def kept(packet: bytes, wanted: Wanted | None = None) -> int:
    """What the filter keeps of an IP packet: the interpreter on raw IP and ``any``, and the
    kernel, say the same."""
    wanted = wanted or Wanted()
    raw = program(Link.RAW, wanted)
    found = Interpreter(raw, {}).run(packet)
    everywhere = program(Link.ANY, wanted)
    tunnel = {bpf.HARDWARE_TYPE: 0xFFFE, bpf.PACKET_TYPE: 0}
    assert Interpreter(everywhere, tunnel).run(packet) == found
    card = {bpf.HARDWARE_TYPE: bpf.ARPHRD_ETHER, bpf.PACKET_TYPE: 0}
    assert Interpreter(everywhere, card).run(ethernet(packet)) == found
    assert Interpreter(program(Link.ETHERNET, wanted), {}).run(ethernet(packet)) == found
    if sys.platform.startswith("linux"):
        kernel = Kernel(raw)
        assert kernel.run(packet) == min(found, len(packet))
        kernel.close()
    return found


@pytest.mark.parametrize("ends", [V4, V6])
@pytest.mark.parametrize(
    ("payload", "ports"),
    [
        (INVITE, (5062, 5060)),
        (STATUS, (40000, 17123)),
        (b"\r\n\r\n", (5062, 5060)),
        (b"jaK", (5062, 5060)),
        (b"\r\n" + INVITE, (5062, 5060)),
        (b"ACK sip:a SIP/2.0\r\n\r\n", (1, 2)),
        (STUN, (5062, 3478)),
        (POKE, (4569, 4569)),
        (ANSWER, (4569, 31000)),
        (POKE, (14569, 31000)),
    ],
)
def test_signalling_passes(
    ends: tuple[Endpoint, Endpoint], payload: bytes, ports: tuple[int, int]
) -> None:
    assert kept(udp(payload, at(*ports, ends))[0]) == WHOLE


@pytest.mark.parametrize("ends", [V4, V6])
@pytest.mark.parametrize(
    ("payload", "ports"),
    [
        (RTP, (10000, 20000)),
        (RTCP, (10001, 20001)),
        (RTP, (5060, 5060)),
        (MINI, (4569, 4569)),
        (b"ABCD" + bytes(160), (4569, 4569)),
        (bytes(4) + bytes(160), (4569, 4569)),
        (ANSWER, (14569, 31000)),
        (DNS, (40000, 53)),
        (b"AB1D" + bytes(20), (1, 2)),
        (b"ABC[" + bytes(20), (1, 2)),
        (b"@BCD" + bytes(20), (1, 2)),
        (b"\xc0" + bytes(40), (443, 443)),
        (POKE[:10] + b"\x07\x1e", (14569, 31000)),
        (POKE[:11] + b"\x00", (14569, 31000)),
        (POKE[:11] + b"\x29", (14569, 31000)),
        (b"\x80\x00" + POKE[2:], (14569, 31000)),
        (POKE[:8], (14569, 31000)),
    ],
)
def test_media_and_what_is_not_ours_does_not(
    ends: tuple[Endpoint, Endpoint], payload: bytes, ports: tuple[int, int]
) -> None:
    assert kept(udp(payload, at(*ports, ends))[0]) == 0


def test_with_media_its_packets_pass_cut() -> None:
    media = Wanted(media=True)
    assert kept(udp(RTP, at(10000, 20000))[0], media) == MEDIA_BYTES
    assert kept(udp(MINI, at(4569, 4569))[0], media) == MEDIA_BYTES
    assert kept(udp(INVITE)[0], media) == WHOLE
    assert kept(udp(DNS, at(40000, 53))[0], media) == 0


def test_ports_that_were_learnt_let_all_full_frames_through() -> None:
    assert kept(udp(ANSWER, at(14569, 31000))[0], Wanted(iax2_ports=frozenset({4569, 14569})))
    learnt = Wanted(tcp_ports=frozenset({5060, 5070}))
    assert kept(tcp(b"and so on", at(5070, 31000)), learnt)


def test_ports_that_were_given_are_the_only_ones() -> None:
    given = Wanted(given=frozenset({5080, 4570}))
    assert kept(udp(INVITE, at(5080, 1))[0], given) == WHOLE
    assert kept(udp(INVITE, at(1, 5080))[0], given) == WHOLE
    assert kept(udp(ANSWER, at(4570, 1))[0], given) == WHOLE
    assert kept(udp(MINI, at(4570, 1))[0], given) == 0
    assert kept(udp(INVITE)[0], given) == 0
    assert kept(udp(POKE, at(4569, 4569))[0], given) == 0
    assert kept(tcp(b"anything", at(5080, 1)), given) == WHOLE
    assert kept(tcp(INVITE), given) == 0
    with_media = Wanted(given=frozenset({5080}), media=True)
    assert kept(udp(RTP, at(10000, 20000))[0], with_media) == MEDIA_BYTES
    assert kept(udp(MINI, at(5080, 1))[0], with_media) == MEDIA_BYTES


def test_many_ports_are_no_too_long_jump() -> None:
    many = Wanted(given=frozenset(range(6000, 6100)))
    assert kept(udp(INVITE, at(6099, 1))[0], many) == WHOLE
    assert kept(udp(INVITE, at(6100, 1))[0], many) == 0


def test_tcp_passes_on_the_sip_port_and_where_a_message_begins() -> None:
    assert kept(tcp(b"in the middle of a message")) == WHOLE
    assert kept(tcp(b"", at(5060, 30000))) == WHOLE
    assert kept(tcp(INVITE, at(5070, 30000))) == WHOLE
    assert (
        kept(
            tcp(
                STATUS,
                at(5070, 30000),
            )
        )
        == WHOLE
    )
    assert kept(tcp(b"GET / HTTP/1.1\r\n\r\n", at(80, 30000))) == 0
    assert kept(tcp(b"in the middle", at(5070, 30000))) == 0
    assert kept(tcp(INVITE, at(5070, 30000, V6))) == WHOLE


@pytest.mark.parametrize("ends", [V4, V6])
def test_every_fragment_passes(ends: tuple[Endpoint, Endpoint]) -> None:
    parts = udp(INVITE + bytes(3000), ends, mtu=1400)
    assert len(parts) == 3
    assert [kept(part) for part in parts] == [WHOLE] * 3
    assert kept(ip_packets(ends[0].ip, ends[1].ip, 50, bytes(3000), mtu=1400)[1]) == 0


def test_an_atomic_fragment_is_looked_into() -> None:
    """RFC 6946: a fragment header on a packet in one piece."""

    def atomic(payload: bytes) -> bytes:
        body = udp_segment(*V6, payload)
        whole = ip_packets(V6[0].ip, V6[1].ip, 17, struct.pack("!BBHI", 17, 0, 0, 7) + body)[0]
        return whole[:6] + b"\x2c" + whole[7:]

    assert kept(atomic(INVITE)) == WHOLE
    assert kept(atomic(RTP)) == 0


@pytest.mark.parametrize("count", [1, 2, 3])
def test_ipv6_options_are_stepped_over(count: int) -> None:
    def optioned(payload: bytes) -> bytes:
        kinds = (0, 60, 43)[:count]
        chain = b""
        for following in (*kinds[1:], 17):
            chain += bytes((following, 1)) + bytes(14)
        body = chain + udp_segment(*V6, payload)
        whole = ip_packets(V6[0].ip, V6[1].ip, 17, body)[0]
        return whole[:6] + bytes((kinds[0],)) + whole[7:]

    assert kept(optioned(INVITE)) == WHOLE
    assert kept(optioned(RTP)) == 0


def test_ipv4_options_are_stepped_over() -> None:
    plain = udp(INVITE)[0]
    long = bytes((0x47,)) + plain[1:20] + bytes(8) + plain[20:]
    assert kept(long) == WHOLE


def test_icmp_that_answers_udp_passes() -> None:
    quoted = udp(INVITE)[0]
    for src, dst, inner, protocol in (
        ("203.0.113.7", "203.0.113.80", quoted, 1),
        ("2001:db8::7", "2001:db8::80", udp(INVITE, V6)[0], 58),
    ):
        packet = ip_packets(src, dst, protocol, icmp_unreachable(src, dst, inner))[0]
        assert kept(packet) == WHOLE
        of_tcp = tcp(b"", V6 if ":" in src else V4)
        assert kept(ip_packets(src, dst, protocol, icmp_unreachable(src, dst, of_tcp))[0]) == 0
        echo = ip_packets(src, dst, protocol, b"\x08\x00" + bytes(30))[0]
        assert kept(echo) == 0


def test_vlan_tags_up_to_two() -> None:
    code = Interpreter(program(Link.ETHERNET, Wanted()), {})
    for tags in ((0x8100,), (0x88A8, 0x8100), (0x9100, 0x8100)):
        assert code.run(ethernet(udp(INVITE)[0], tags)) == WHOLE
        assert code.run(ethernet(udp(INVITE, V6)[0], tags)) == WHOLE
        assert code.run(ethernet(udp(RTP, at(10000, 20000))[0], tags)) == 0
    assert code.run(ethernet(udp(INVITE)[0], (0x8100, 0x8100, 0x8100))) == 0
    assert code.run(bytes(12) + b"\x08\x06" + bytes(40)) == 0


def test_the_loopback_shows_a_packet_once() -> None:
    frame = ethernet(udp(INVITE)[0])
    code = program(Link.ANY, Wanted())
    for kind, found in ((0, WHOLE), (bpf.OUTGOING, 0)):
        known = {bpf.HARDWARE_TYPE: bpf.ARPHRD_LOOPBACK, bpf.PACKET_TYPE: kind}
        assert Interpreter(code, known).run(frame) == found
    card = {bpf.HARDWARE_TYPE: bpf.ARPHRD_ETHER, bpf.PACKET_TYPE: bpf.OUTGOING}
    assert Interpreter(code, card).run(frame) == WHOLE


def test_what_is_no_ip_is_dropped() -> None:
    assert kept(udp(INVITE)[0]) == WHOLE
    assert Interpreter(program(Link.RAW, Wanted()), {}).run(b"\x50" + bytes(60)) == 0
    assert kept(ip_packets("192.0.2.1", "192.0.2.2", 47, bytes(40))[0]) == 0


@pytest.mark.parametrize("payload", [INVITE, RTP, POKE, STUN, DNS])
def test_a_cut_packet_never_reads_beyond_its_end(payload: bytes) -> None:
    whole = udp(payload, at(14569, 31000))[0]
    for length in range(1, len(whole)):
        kept(whole[:length])


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a kernel with socket filters")
@pytest.mark.parametrize("link", Link)
def test_the_kernel_takes_the_program(link: Link) -> None:
    for media, given in itertools.product((False, True), (frozenset[int](), frozenset({5060}))):
        Kernel(program(link, Wanted(media=media, given=given))).close()


def test_on_real_captures_all_signalling_passes_and_no_audio() -> None:
    """Every message of the committed captures, and not one packet of their audio."""
    code = Interpreter(program(Link.ETHERNET, Wanted()), {})
    signalling = media = 0
    for path in (CAPTURES / "sip-binding-30s/bad.pcap", CAPTURES / "iax2-binding-30s/bad.pcap"):
        raw, at_byte = path.read_bytes(), 24
        while at_byte < len(raw):
            size = int.from_bytes(raw[at_byte + 8 : at_byte + 12], "little")
            frame = raw[at_byte + 16 : at_byte + 16 + size]
            at_byte += 16 + size
            if frame[12:14] != b"\x08\x00" or frame[23] != 17:
                continue
            payload = frame[42:]
            full = iax2.parse(payload) if 4569 in struct.unpack("!HH", frame[34:38]) else None
            if sip.parse(payload) is not None or isinstance(full, iax2.FullFrame):
                assert code.run(frame) == WHOLE
                signalling += 1
            elif len(payload) > 12:
                assert code.run(frame) == 0
                media += 1
    assert signalling > 150 and media > 1000


def test_a_crafted_file_of_every_ethernet_kind() -> None:
    builder = PcapBuilder(linktype=LinkType.ETHERNET, vlan=7)
    builder.add_udp(0, *V4, INVITE)
    frame = builder.to_bytes()[40:]
    assert Interpreter(program(Link.ETHERNET, Wanted()), {}).run(frame) == WHOLE
