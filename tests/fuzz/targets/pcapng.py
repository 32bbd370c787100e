"""Capture files of the pcapng format: refused in a line or read, whole as in pieces."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tests.fuzz.target import Target
from tests.fuzz.targets._capture import same_in_pieces
from tests.readers import packets as p


def check(data: bytes) -> None:
    """See the module."""
    refusal, found, source, _ = same_in_pieces(data)
    if refusal:
        return
    assert source is not None
    frames = [datagram.origin.frame or 0 for datagram in found]
    assert all(0 < frame <= source.packets for frame in frames)
    if data.startswith(b"\n\r\r\n"):
        assert source.kind == "pcapng"
        assert source.packets <= len(data) // 12


def seeds() -> Iterator[bytes]:
    """Each kind of block, both byte orders, several sections and interfaces."""
    packet = p.udp(p.PHONE, p.PBX, p.sip())
    yield p.pcapng([p.ethernet(packet)])
    options = (
        p.option(2, b"eth0") + p.option(9, b"\x09") + p.option(14, bytes(8)) + p.option(0, b"")
    )
    yield p.section() + p.interface(101, 65535, options) + p.enhanced(packet) * 2
    binary = p.option(9, b"\x94")
    yield p.section() + p.interface(101, 96, binary) + p.enhanced(packet[:96], wire=len(packet))
    simple = p.block(3, struct.pack("<I", len(packet)) + packet)
    old = p.block(2, struct.pack("<HHIIII", 0, 0, 9, 9, len(packet), len(packet)) + packet)
    yield p.section() + p.interface(101) + simple + old + p.block(9, b"journal") + p.block(5, b"")
    yield (
        p.section()
        + p.interface(147)
        + p.interface(101)
        + p.enhanced(packet, index=1)
        + p.section(">")
        + p.interface(101, order=">")
        + p.enhanced(packet, order=">")
        + p.enhanced(packet, index=7, order=">")
    )
    yield p.section() + p.interface(101) * 12 + p.enhanced(packet, index=11)


TARGET = Target(
    "pcapng",
    check,
    seeds,
    words=(
        p.section(), p.section(">"), p.interface(101), b"\x06\0\0\0", b"\x02\0\0\0", b"\x03\0\0\0",
        b"\x1c\0\0\0\x1c\0\0\0", b"\xff\xff\xff\x7f", b"\x09\0\x01\0", b"\x0e\0\x08\0",
    ),
)  # fmt: skip
