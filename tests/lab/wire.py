"""The little of Ethernet, IPv4, SIP and IAX2 that the lab needs to measure its own runs.

Contract: pure functions of bytes. ``decode`` gives None for what is not UDP or TCP over IPv4;
``read_pcap`` reads what the lab's own tcpdump wrote, and nothing else. This is written apart
from ``sipdiag`` on purpose: the lab's numbers are the other opinion.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

Address = tuple[str, int]

IAX_PORT = 4569
IAX_FRAME = 6
CONTROL_FRAME = 4
IAX_NEW = 1
IAX_REGAUTH = 14
IAX_REGACK = 15
IAX_REGREJ = 16
CONTROL_ANSWER = 4

_STATUS = re.compile(rb"SIP/2\.0 (\d{3})")
_REQUEST = re.compile(rb"([A-Z]+) (\S+) SIP/2\.0\r?\n")
_METHOD = re.compile(rb"\nCSeq:\s*\d+\s+(\w+)", re.IGNORECASE)
_CALL_ID = re.compile(rb"\n(?:Call-ID|i):\s*(\S+)", re.IGNORECASE)
_FROM_USER = re.compile(rb"\n(?:From|f):[^\r\n]*?sip:(\d+)", re.IGNORECASE)
_URI_USER = re.compile(rb"sip:(\d+)")


@dataclass(frozen=True)
class Packet:
    """One packet with a UDP or TCP payload."""

    at: float
    source: Address
    target: Address
    payload: bytes


@dataclass(frozen=True)
class Sip:
    """A SIP message: ``status`` is 0 for a request; ``user`` is whom it is for or about."""

    method: str
    status: int
    call_id: str
    user: str


@dataclass(frozen=True)
class Iax:
    """A full IAX2 frame."""

    source_call: int
    target_call: int
    kind: int
    subclass: int


def decode(frame: bytes, at: float) -> Packet | None:
    """The packet in an Ethernet frame."""
    if len(frame) < 34 or frame[12:14] != b"\x08\x00" or frame[14] >> 4 != 4:
        return None
    start = 14 + (frame[14] & 15) * 4
    end = 14 + int.from_bytes(frame[16:18])
    protocol = frame[23]
    if protocol == 17:
        body = start + 8
    elif protocol == 6 and len(frame) > start + 12:
        body = start + (frame[start + 12] >> 4) * 4
    else:
        return None
    if len(frame) < start + 4:
        return None
    source_port, target_port = struct.unpack_from(">HH", frame, start)
    source = ".".join(map(str, frame[26:30]))
    target = ".".join(map(str, frame[30:34]))
    return Packet(at, (source, source_port), (target, target_port), frame[body:end])


def read_pcap(path: Path) -> Iterator[Packet]:
    """The packets of a capture."""
    data = path.read_bytes()
    magic = struct.unpack_from("<I", data)[0]
    if magic != 0xA1B2C3D4:
        raise ValueError(f"{path}: not a little-endian pcap with microseconds")
    offset = 24
    while offset + 16 <= len(data):
        seconds, micros, length, _ = struct.unpack_from("<IIII", data, offset)
        offset += 16
        packet = decode(data[offset : offset + length], seconds + micros / 1e6)
        offset += length
        if packet is not None:
            yield packet


def sip(payload: bytes) -> Sip | None:
    """The SIP message in a payload; keep-alives and the like give None."""
    status = _STATUS.match(payload)
    request = _REQUEST.match(payload)
    method = _METHOD.search(payload)
    call_id = _CALL_ID.search(payload)
    if method is None or call_id is None or not (status or request):
        return None
    name = method[1].decode()
    register = name == "REGISTER"
    user = _FROM_USER.search(payload) if register else request and _URI_USER.match(request[2])
    return Sip(
        method=name,
        status=int(status[1]) if status else 0,
        call_id=call_id[1].decode(errors="replace"),
        user=user[1].decode() if user else "",
    )


def iax(payload: bytes) -> Iax | None:
    """The full IAX2 frame in a payload; media frames give None."""
    if len(payload) < 12 or not payload[0] & 0x80:
        return None
    source_call, target_call = struct.unpack_from(">HH", payload)
    return Iax(source_call & 0x7FFF, target_call & 0x7FFF, payload[10], payload[11] & 0x7F)
