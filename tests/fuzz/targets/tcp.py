"""SIP over TCP: a stream gives the same messages however it is cut, and buffers stay bounded."""

from __future__ import annotations

from collections.abc import Iterator

from sipdiag.base.datagram import Datagram, Source
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.limits import LimitHits
from sipdiag.readers.tcp import TcpStreams
from tests.fuzz.target import Taken, Target, block
from tests.fuzz.targets._capture import LIMITS
from tests.readers import packets as p

_A, _B = Endpoint(*p.PHONE), Endpoint(*p.PBX)
_C, _D = Endpoint("192.0.2.1", 1025), Endpoint("192.0.2.2", 8088)
_ISN = 0xFFFFFFF0
_MS = 1_000_000
_MOST = 3000


class _Wire:
    def __init__(self) -> None:
        self.source = Source("x")
        self.hits = LimitHits()
        self.streams = TcpStreams(self.source, LIMITS, self.hits)
        self.found: list[Datagram] = []
        self.now = p.T0
        self.frame = 0

    def send(
        self,
        src: Endpoint,
        dst: Endpoint,
        seq: int,
        data: bytes = b"",
        flags: int = 0x18,
        ack: int = 0,
        cut: bool = False,
    ) -> None:
        self.frame += 1
        ends = (src.ip, src.port), (dst.ip, dst.port)
        body = p.tcp(*ends, seq % 2**32, data, flags, ack % 2**32)[20:]
        self.found += self.streams.segment(self.now, self.frame, src, dst, body, cut)
        assert len(self.streams._streams) <= LIMITS.tcp_streams
        held = sum(len(s.buffer) + s.pending_bytes for s in self.streams._streams.values())
        assert self.streams._held == held <= LIMITS.tcp_held_bytes
        for stream in self.streams._streams.values():
            assert stream.pending_bytes == sum(len(part[2]) for part in stream.pending.values())
            assert stream.pending_bytes <= LIMITS.tcp_buffer_bytes + 65_535
            assert len(stream.pending) <= 257
            assert len(stream.buffer) <= 2 * LIMITS.tcp_buffer_bytes + 65_535

    def messages(self) -> list[tuple[bytes, bool]]:
        """What came out but for keep-alives: CRLFs glued to a message are none."""
        self.found += self.streams.finish()
        return [(d.payload, d.cut) for d in self.found if d.payload.strip(b"\r\n")]


def _in_order(stream: bytes, sizes: list[int]) -> list[tuple[bytes, bool]]:
    wire = _Wire()
    wire.send(_A, _B, _ISN, flags=2)
    at = turn = 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        wire.send(_A, _B, _ISN + 1 + at, stream[at : at + size])
        at += size
        turn += 1
    return wire.messages()


def check(data: bytes) -> None:
    """The first byte tells which: a stream cut in two ways, or segments as they come."""
    if not data:
        return
    if data[0] & 1:
        stream = data[1 : _MOST + 1]
        sizes = [1 + byte % 97 for byte in data[-4:]]
        assert _in_order(stream, sizes) == _in_order(stream, [1])
        return
    taken = Taken(data[1:])
    wire = _Wire()
    while taken:
        kind, shift, flags = taken.number(), taken.number(2), taken.number()
        ends = [(_A, _B), (_B, _A), (_C, _D), (_D, _C), (_A, _D)][kind % 5]
        wire.now += (kind >> 4) * 100 * _MS
        ack = taken.number(2) if flags & 0x10 else 0
        wire.send(*ends, _ISN + shift, taken.block(), flags, _ISN + ack, cut=kind & 8 != 0)
    wire.messages()
    given = sum(len(datagram.payload) for datagram in wire.found)
    assert given <= len(data) or wire.frame > 1


def _segment(
    kind: int, shift: int, data: bytes, flags: int = 0x08, ack: int | None = None
) -> bytes:
    head = bytes([kind]) + shift.to_bytes(2) + bytes([flags if ack is None else flags | 0x10])
    return head + (b"" if ack is None else ack.to_bytes(2)) + block(data)


def seeds() -> Iterator[bytes]:
    """Streams of messages; holes, overlaps, resets, lies about lengths."""
    first, second = p.sip("INVITE", 1, b"v=0\r\no=-\r\n"), p.sip("BYE", 2)
    answer = b"SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\nl :\r\n 3\r\n\r\nabc"
    yield b"\1" + first + second + answer + b"\r\n\r\n" + second
    yield b"\1" + first[40:] + second
    yield b"\1GET / HTTP/1.1\r\n\r\n" + first
    yield b"\1" + p.sip("MESSAGE", 1, b"SIP/2.0 200 OK\r\n", "l: 16\r\n") + second
    yield b"\1" + p.sip("MESSAGE", 1, b"", "Content-Length: 999999\r\n") + second
    yield b"\1" + p.sip("MESSAGE", 1, b"", "Content-Length: -1\r\n") + second
    whole = first + second
    half = len(whole) // 2
    yield (
        b"\0" + _segment(0, 0, b"", 2) + _segment(0, 1 + half, whole[half:]) + _segment(0, 1, whole)
    )
    yield (
        b"\0"
        + _segment(0, 1, first[:80])
        + _segment(0, 60, b"X" * 60)
        + _segment(0x40, 200, second)
        + _segment(1, 9, b"", ack=500)
        + _segment(0x41, 9, b"", ack=500)
        + _segment(0, 1, b"", 4)
    )
    yield (
        b"\0" + _segment(8, 1, first[:100]) + _segment(0, 300, second) + _segment(2, 5, b"\x16\3\1")
    )


TARGET = Target(
    "tcp",
    check,
    seeds,
    words=(
        b"\r\n\r\n", b"Content-Length: ", b"\nl:", b"SIP/2.0 200 OK\r\n", b" SIP/2.0\r\nVia:",
        b"INVITE sip:", b"\x02", b"\x04", b"\x10", b"\x16\x03\x01",
    ),
)  # fmt: skip
