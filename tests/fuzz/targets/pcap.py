"""Capture files of the pcap format: refused in a line or read, whole as in pieces."""

from __future__ import annotations

from collections.abc import Iterator

from tests.fuzz.target import Target
from tests.fuzz.targets._capture import same_in_pieces
from tests.readers import packets as p

_MAGICS = tuple(
    magic.to_bytes(4, order)
    for magic in (0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34)
    for order in ("little", "big")
)


def check(data: bytes) -> None:
    """See the module."""
    refusal, found, source, _ = same_in_pieces(data)
    if refusal:
        return
    assert source is not None
    frames = [datagram.origin.frame or 0 for datagram in found]
    assert all(0 < frame <= source.packets for frame in frames)
    assert source.cut_packets <= source.packets
    if data[:4] in _MAGICS:
        assert source.kind == "pcap"
        assert source.packets <= (len(data) - 24) // 16


def seeds() -> Iterator[bytes]:
    """Each magic number, with a few packets."""
    some = [
        p.udp(p.PHONE, p.PBX, p.sip()),
        p.tcp(p.PHONE, p.PBX, 1, p.sip("REGISTER")),
        p.udp((p.PHONE[0], 4000), (p.PBX[0], 10000), p.rtp()),
        p.udp((p.PHONE[0], 4569), (p.PBX[0], 4569), p.iax2()),
        p.icmp_unreachable(p.PBX[0], p.PHONE[0], p.udp(p.PHONE, p.PBX, b"")),
    ]
    for order in "<>":
        for magic in (0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34):
            yield p.pcap(some[:2], 101, order, magic)
    yield p.pcap([p.ethernet(packet) for packet in some], 1)
    yield p.pcap([p.cooked(packet) for packet in some[2:]], 113, snaplen=90)
    yield p.pcap([p.udp(p.PHONE6, p.PBX6, p.sip())], 228)
    yield p.pcap([], 147)


TARGET = Target("pcap", check, seeds, words=(*_MAGICS, b"\xff\xff\xff\xff", b"\0\0\0\x80"))
