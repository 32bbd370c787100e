"""Information elements: one table of (number, name, unpack), and the walk along the chain.

Contract: bytes in, ``Element`` values and defects out; nothing raises on content. An element of
the wrong size keeps its bytes and has no value; one that overruns the frame ends the walk, and
what is left of the frame stays in its ``raw``.

>>> elements, defects = unpack_elements(b"\\x06\\x03bob\\x13\\x02\\x00\\x3c")
>>> [(e.name, e.value) for e in elements], defects
([('USERNAME', 'bob'), ('REFRESH', 60)], [])
"""

from __future__ import annotations

import datetime
import ipaddress
import struct
from collections.abc import Callable
from typing import NamedTuple

from sipdiag.base.defect import Defect
from sipdiag.base.endpoint import Endpoint, parse_ip
from sipdiag.protocols.iax2.names import IE

Value = str | int | bytes | datetime.datetime | Endpoint
"""What an element's bytes mean. Text is UTF-8; bytes that aren't stay as surrogates (PEP 383), as
in the SIP parser, so nothing is lost on the way to a renderer."""

Unpack = Callable[[bytes], Value | None]
"""Gives None where the bytes can't be of this kind."""


class Element(NamedTuple):
    """One information element. ``value`` is None where the bytes don't fit its kind; ``raw`` is
    its data without the two bytes before it; ``offset`` is that of its number in the payload."""

    number: int
    name: str
    value: Value | None
    raw: bytes
    offset: int


def _string(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def _bytes(raw: bytes) -> bytes:
    return raw


def _u8(raw: bytes) -> int | None:
    return raw[0] if len(raw) == 1 else None


def _u16(raw: bytes) -> int | None:
    return int.from_bytes(raw) if len(raw) == 2 else None


def _u32(raw: bytes) -> int | None:
    return int.from_bytes(raw) if len(raw) == 4 else None


def _versioned(raw: bytes) -> int | None:
    """A byte 0 (the version), then 64 bits: Asterisk's parser.c, CAPABILITY2 and FORMAT2."""
    return int.from_bytes(raw[1:]) if len(raw) == 9 and raw[0] == 0 else None


def _empty(raw: bytes) -> bytes | None:
    return None if raw else raw


def _datetime(raw: bytes) -> datetime.datetime | None:
    """RFC 5456 section 8.6 (DATETIME): packed as MS-DOS does, seconds halved; the sender's local
    time."""
    if len(raw) != 4:
        return None
    packed = int.from_bytes(raw)
    try:
        return datetime.datetime(
            2000 + (packed >> 25),
            packed >> 21 & 0x0F,
            packed >> 16 & 0x1F,
            packed >> 11 & 0x1F,
            packed >> 5 & 0x3F,
            (packed & 0x1F) << 1,
        )
    except ValueError:
        return None


_AF_INET = 2
_AF_INET6 = frozenset({10, 23, 24, 26, 28, 30})
"""Linux, Windows, NetBSD and OpenBSD, Solaris, FreeBSD, macOS."""


def _families(raw: bytes) -> set[int]:
    """What the first two bytes can mean: 16 bits in the sender's order, or a BSD's length byte
    followed by the family."""
    families = {int.from_bytes(raw[:2], "little"), int.from_bytes(raw[:2], "big")}
    if raw[0] == len(raw):
        families.add(raw[1])
    return families


def _sockaddr(raw: bytes) -> Endpoint | None:
    """RFC 5456 section 8.6 (APPARENT ADDR), in fact the sender's own ``struct sockaddr_in`` or
    (Asterisk 12 and later) ``sockaddr_in6`` copied from memory: the family in the host's order,
    port and address in the network's."""
    if len(raw) == 16 and _AF_INET in _families(raw):
        address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.IPv4Address(raw[4:8])
    elif len(raw) == 28 and _families(raw) & _AF_INET6:
        written = str(ipaddress.IPv6Address(raw[8:24]))
        address = parse_ip(written) or ipaddress.IPv6Address(raw[8:24])
    else:
        return None
    return Endpoint(str(address), int.from_bytes(raw[2:4]))


ELEMENTS: tuple[tuple[int, str, Unpack], ...] = tuple(
    (number, number.name, unpack)
    for number, unpack in (
        (IE.CALLED_NUMBER, _string),
        (IE.CALLING_NUMBER, _string),
        (IE.CALLING_ANI, _string),
        (IE.CALLING_NAME, _string),
        (IE.CALLED_CONTEXT, _string),
        (IE.USERNAME, _string),
        (IE.PASSWORD, _string),
        (IE.CAPABILITY, _u32),
        (IE.FORMAT, _u32),
        (IE.LANGUAGE, _string),
        (IE.VERSION, _u16),
        (IE.ADSICPE, _u16),
        (IE.DNID, _string),
        (IE.AUTHMETHODS, _u16),
        (IE.CHALLENGE, _string),
        (IE.MD5_RESULT, _string),
        (IE.RSA_RESULT, _string),
        (IE.APPARENT_ADDR, _sockaddr),
        (IE.REFRESH, _u16),
        (IE.DPSTATUS, _u16),
        (IE.CALLNO, _u16),
        (IE.CAUSE, _string),
        (IE.IAX_UNKNOWN, _u8),
        (IE.MSGCOUNT, _u16),
        (IE.AUTOANSWER, _empty),
        (IE.MUSICONHOLD, _string),
        (IE.TRANSFERID, _u32),
        (IE.RDNIS, _string),
        (IE.PROVISIONING, _bytes),
        (IE.AESPROVISIONING, _bytes),
        (IE.DATETIME, _datetime),
        (IE.DEVICETYPE, _string),
        (IE.SERVICEIDENT, _string),
        (IE.FIRMWAREVER, _u16),
        (IE.FWBLOCKDESC, _u32),
        (IE.FWBLOCKDATA, _bytes),
        (IE.PROVVER, _u32),
        (IE.CALLINGPRES, _u8),
        (IE.CALLINGTON, _u8),
        (IE.CALLINGTNS, _u16),
        (IE.SAMPLINGRATE, _u16),
        (IE.CAUSECODE, _u8),
        (IE.ENCRYPTION, _u16),
        (IE.ENCKEY, _bytes),
        (IE.CODEC_PREFS, _string),
        (IE.RR_JITTER, _u32),
        (IE.RR_LOSS, _u32),
        (IE.RR_PKTS, _u32),
        (IE.RR_DELAY, _u16),
        (IE.RR_DROPPED, _u32),
        (IE.RR_OOO, _u32),
        (IE.VARIABLE, _string),
        (IE.OSPTOKEN, _bytes),
        (IE.CALLTOKEN, _bytes),
        (IE.CAPABILITY2, _versioned),
        (IE.FORMAT2, _versioned),
        (IE.CALLINGANI2, _u32),
        (IE.DATAFORMAT, _u32),
    )
)
"""Every element: number, name, how its bytes are read."""

_BY_NUMBER: dict[int, tuple[str, Unpack]] = {
    number: (name, unpack) for number, name, unpack in ELEMENTS
}


def unpack_elements(data: bytes, base: int = 0) -> tuple[tuple[Element, ...], list[Defect]]:
    """Reads a chain of elements (RFC 5456 section 8.6). ``base`` is added to every offset.

    An element of an unknown number isn't a defect (Asterisk skips it); its value is its bytes.
    """
    elements: list[Element] = []
    defects: list[Defect] = []
    at, end = 0, len(data)
    while at < end:
        if end - at < 2:
            defects.append(Defect("element-overrun", "a lone byte after the elements", base + at))
            break
        number, length = struct.unpack_from("BB", data, at)
        left = end - at - 2
        name, unpack = _BY_NUMBER.get(number, (f"UNKNOWN_{number}", _bytes))
        if length > left:
            text = f"element {name} says {length} bytes, the frame has {left}"
            defects.append(Defect("element-overrun", text, base + at))
            break
        raw = data[at + 2 : at + 2 + length]
        value = unpack(raw)
        if value is None:
            text = f"element {name} can't be read from its {length} bytes"
            defects.append(Defect("element-value", text, base + at))
        elements.append(Element(number, name, value, raw, base + at))
        at += 2 + length
    return tuple(elements), defects
