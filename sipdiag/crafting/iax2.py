"""IAX2 frames as bytes, the inverse of ``sipdiag.protocols.iax2``.

Contract: pure functions of their arguments, standard library only. Nothing is checked: a test
may ask for a frame that no peer would send.

>>> build(Iax.REGREQ, source_call=1, elements=[(IE.USERNAME, "bob"), (IE.REFRESH, 60)]).hex()
'80010000000000000000060d0603626f621302003c'
"""

from __future__ import annotations

import datetime
import ipaddress
import struct
from collections.abc import Callable, Iterable

from sipdiag.base.endpoint import Endpoint
from sipdiag.protocols.iax2 import ELEMENTS, IE, FrameType, Iax, Value, unpack_elements

__all__ = ["IE", "FrameType", "Iax", "build", "build_mini", "build_trunk", "build_video", "pack"]

_AF_INET6_LINUX = 10


def pack_sockaddr(endpoint: Endpoint, *, big_endian: bool = False) -> bytes:
    """``struct sockaddr_in`` or ``sockaddr_in6`` as Linux holds it in memory (APPARENT_ADDR);
    ``big_endian``: the family in the other byte order."""
    address = ipaddress.ip_address(endpoint.ip)
    family = 2 if address.version == 4 else _AF_INET6_LINUX
    head = family.to_bytes(2, "big" if big_endian else "little") + endpoint.port.to_bytes(2)
    if address.version == 4:
        return head + address.packed + bytes(8)
    return head + bytes(4) + address.packed + bytes(4)


def pack_datetime(when: datetime.datetime) -> bytes:
    """RFC 5456 section 8.6 (DATETIME); odd seconds are rounded down."""
    return (
        (when.year - 2000) << 25
        | when.month << 21
        | when.day << 16
        | when.hour << 11
        | when.minute << 5
        | when.second >> 1
    ).to_bytes(4)


def _sizes() -> dict[int, Callable[[int], bytes]]:
    """How an integer is written in each element, found by what its reader accepts."""
    sizes: dict[int, Callable[[int], bytes]] = {}
    for number, _, _ in ELEMENTS:
        for length in (1, 2, 4):
            (element,), _ = unpack_elements(bytes((number, length)) + bytes(length))
            if isinstance(element.value, int):
                sizes[number] = _writer(length)
        (element,), _ = unpack_elements(bytes((number, 9)) + bytes(9))
        if isinstance(element.value, int):
            sizes[number] = _versioned
    return sizes


def _writer(length: int) -> Callable[[int], bytes]:
    return lambda value: value.to_bytes(length)


def _versioned(value: int) -> bytes:
    return b"\x00" + value.to_bytes(8)


_SIZES = _sizes()


def pack(number: int, value: Value) -> bytes:
    """One information element, its value written as its number demands; bytes are taken as
    they are, and so any element can be made wrong."""
    match value:
        case bytes():
            data = value
        case str():
            data = value.encode()
        case datetime.datetime():
            data = pack_datetime(value)
        case Endpoint():
            data = pack_sockaddr(value)
        case _:
            data = _SIZES[number](value)
    return bytes((number, len(data))) + data


def build(
    subclass: int,
    *,
    frame_type: int = FrameType.IAX,
    source_call: int = 0,
    dest_call: int = 0,
    retransmission: bool = False,
    timestamp_ms: int = 0,
    oseqno: int = 0,
    iseqno: int = 0,
    elements: Iterable[tuple[int, Value]] = (),
    data: bytes = b"",
) -> bytes:
    """A full frame (RFC 5456 section 8.1.1): header, elements, then ``data``. A subclass above
    127 is written as the power of two that it must be; -1 as 0xFF."""
    if subclass == -1:
        csub = 0xFF
    elif subclass > 0x7F:
        csub = 0x80 | subclass.bit_length() - 1
    else:
        csub = subclass
    head = struct.pack(
        "!HHIBBBB",
        0x8000 | source_call,
        (0x8000 if retransmission else 0) | dest_call,
        timestamp_ms & 0xFFFFFFFF,
        oseqno & 0xFF,
        iseqno & 0xFF,
        frame_type,
        csub,
    )
    return head + b"".join(pack(number, value) for number, value in elements) + data


def build_mini(source_call: int, timestamp_ms: int, data: bytes) -> bytes:
    """A mini frame (RFC 5456 section 8.1.2); the low 16 bits of the timestamp are sent."""
    return struct.pack("!HH", source_call, timestamp_ms & 0xFFFF) + data


def build_video(source_call: int, timestamp_ms: int, data: bytes, *, marker: bool = False) -> bytes:
    """A meta video frame (RFC 5456 section 8.1.3.1); the low 15 bits of the timestamp."""
    mark = 0x8000 if marker else 0
    return struct.pack("!HHH", 0, 0x8000 | source_call, mark | timestamp_ms & 0x7FFF) + data


def build_trunk(
    timestamp_ms: int, entries: Iterable[tuple[int, int | None, bytes]], *, own: bool = False
) -> bytes:
    """A meta trunk frame (RFC 5456 section 8.1.3.2) of (call, timestamp, sound); ``own``: each
    entry carries its timestamp (``trunktimestamps=yes`` in iax.conf)."""
    parts = [struct.pack("!HBBI", 0, 1, int(own), timestamp_ms)]
    for call, stamp, sound in entries:
        if own:
            parts.append(struct.pack("!HHH", len(sound), call, (stamp or 0) & 0xFFFF))
        else:
            parts.append(struct.pack("!HH", call, len(sound)))
        parts.append(sound)
    return b"".join(parts)
