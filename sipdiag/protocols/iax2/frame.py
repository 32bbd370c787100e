"""One UDP payload of IAX2 to one frame: full, mini, video mini or meta (RFC 5456 section 8.1).

Contract: ``parse`` is pure, takes any bytes, never raises, and gives None only where the bytes
are too short or have no form of IAX2. What is wrong inside a frame is a ``Defect`` on it.

Encrypted calls: only the first four bytes, the call numbers, stay in the clear (Asterisk's iax2.h,
``ast_iax2_full_enc_hdr``); a mini frame's timestamp doesn't (``ast_iax2_mini_enc_hdr``).
``looks_encrypted`` tells a tracker that saw the ENCRYPTION element to say so, not to believe the
rest.
"""

from __future__ import annotations

import datetime
import struct
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from sipdiag.base.defect import Defect
from sipdiag.base.endpoint import Endpoint
from sipdiag.protocols.iax2.elements import Element, Value, unpack_elements
from sipdiag.protocols.iax2.names import (
    FrameType,
    Meta,
    known_subclass,
    subclass_name,
    type_name,
)

FULL_HEADER_BYTES = 12
"""RFC 5456 section 8.1.1."""

_FULL = struct.Struct("!HHIBBBB")
_MINI = struct.Struct("!HH")
_VIDEO = struct.Struct("!HHH")
_META = struct.Struct("!HBB")
_TRUNK = struct.Struct("!I")
_TRUNK_ENTRY = struct.Struct("!HH")
_TRUNK_MINI = struct.Struct("!HHH")

_HIGH = 0x8000
_CALL = 0x7FFF
_POWER = 0x80
_MARK = 0x40


@dataclass(frozen=True, slots=True)
class FullFrame:
    """A full frame: the only kind that is acknowledged and sent again.

    ``timestamp_ms`` counts from the first frame of the call, ``oseqno`` and ``iseqno`` modulo
    256. ``subclass`` has the power-of-two form resolved (-1 for 0xFF, as Asterisk reads it);
    ``csub`` is the byte as sent.
    """

    source_call: int
    dest_call: int
    retransmission: bool
    timestamp_ms: int
    oseqno: int
    iseqno: int
    frame_type: int
    csub: int
    subclass: int
    elements: tuple[Element, ...]
    defects: tuple[Defect, ...]
    raw: bytes

    @property
    def type_name(self) -> str:
        """``IAX``, ``VOICE`` ...: a name of ``FrameType``."""
        return type_name(self.frame_type)

    @property
    def subclass_name(self) -> str:
        """``REGREQ``, ``RINGING``, ``ULAW``, ``5`` ...: what the subclass means in its type."""
        return subclass_name(self.frame_type, self.subclass)

    @property
    def data(self) -> bytes:
        """The payload after the 12-byte header."""
        return self.raw[FULL_HEADER_BYTES:]

    @property
    def marker(self) -> bool:
        """A video frame that ends a picture: bit 6 of the subclass byte (chan_iax2.c)."""
        return self.frame_type == FrameType.VIDEO and bool(self.csub & _MARK)

    def get(self, name: str) -> Value | None:
        """The value of the first element called ``name`` (``USERNAME``, ``APPARENT_ADDR``);
        None where there is none, or where its bytes can't be read."""
        for element in self.elements:
            if element.name == name:
                return element.value
        return None

    def has(self, name: str) -> bool:
        """Whether an element called ``name`` is there, readable or not."""
        return any(element.name == name for element in self.elements)

    def text(self, name: str) -> str | None:
        """``get`` for the elements that are text."""
        value = self.get(name)
        return value if isinstance(value, str) else None

    def integer(self, name: str) -> int | None:
        """``get`` for the elements that are numbers."""
        value = self.get(name)
        return value if isinstance(value, int) else None

    def address(self, name: str = "APPARENT_ADDR") -> Endpoint | None:
        """``get`` for the elements that are addresses."""
        value = self.get(name)
        return value if isinstance(value, Endpoint) else None

    def when(self, name: str = "DATETIME") -> datetime.datetime | None:
        """``get`` for the elements that are times: the sender's local time, zone unknown."""
        value = self.get(name)
        return value if isinstance(value, datetime.datetime) else None


@dataclass(frozen=True, slots=True)
class MiniFrame:
    """Voice after the first full voice frame (RFC 5456 section 8.1.2). ``timestamp_ms``: the low
    16 bits. In an encrypted call only the call number can be believed."""

    source_call: int
    timestamp_ms: int
    raw: bytes

    @property
    def data(self) -> bytes:
        """The sound."""
        return self.raw[_MINI.size :]


@dataclass(frozen=True, slots=True)
class VideoMiniFrame:
    """A meta video frame (RFC 5456 section 8.1.3.1). ``timestamp_ms``: the low 15 bits;
    ``marker``: the end of a picture (chan_iax2.c)."""

    source_call: int
    timestamp_ms: int
    marker: bool
    raw: bytes

    @property
    def data(self) -> bytes:
        """The picture's bytes."""
        return self.raw[_VIDEO.size :]


class TrunkEntry(NamedTuple):
    """The sound of one call inside a trunk frame. ``timestamp_ms``: its own (16 bits), or None
    where the trunk carries none. ``offset``: of its sound in the payload."""

    source_call: int
    timestamp_ms: int | None
    length_bytes: int
    offset: int


@dataclass(frozen=True, slots=True)
class MetaFrame:
    """A meta frame other than video: a trunk, the sound of several calls between two hosts in
    one packet (RFC 5456 section 8.1.3.2). ``timestamp_ms`` is 32 bits; None for any other
    command than TRUNK."""

    command: int
    command_data: int
    timestamp_ms: int | None
    entries: tuple[TrunkEntry, ...]
    defects: tuple[Defect, ...]
    raw: bytes

    @property
    def calls(self) -> Counter[int]:
        """Source call number to the number of entries it has in this frame."""
        return Counter(entry.source_call for entry in self.entries)


Frame = FullFrame | MiniFrame | VideoMiniFrame | MetaFrame


def parse(payload: bytes) -> Frame | None:
    """The frame that a UDP payload is, by its first bits (RFC 5456 section 8.1); None where it
    can't be IAX2.

    >>> frame = parse(bytes.fromhex("8001000000000000000006" "1e"))
    >>> frame.type_name, frame.subclass_name, frame.source_call
    ('IAX', 'POKE', 1)
    """
    if len(payload) < _MINI.size:
        return None
    first, second = _MINI.unpack_from(payload)
    if first & _HIGH:
        return _full(payload) if len(payload) >= FULL_HEADER_BYTES else None
    if first:
        return MiniFrame(first, second, payload)
    if second & _HIGH:
        return _video(payload) if len(payload) >= _VIDEO.size else None
    return _meta(payload)


def looks_encrypted(frame: FullFrame) -> bool:
    """Whether a frame can't be clear text: a type, command or format that none defines, or a
    chain of elements that doesn't come out even.

    For a call in which ENCRYPTION was exchanged; without that, damage looks the same. An
    encrypted frame may look clear by chance (12 of 256 type bytes are known, and voice, text
    and null frames have no chain to break), so one frame alone proves nothing.
    """
    return any(
        defect.code in ("unknown-type", "unknown-subclass", "element-overrun")
        for defect in frame.defects
    )


def _full(payload: bytes) -> FullFrame:
    source, dest, timestamp, oseqno, iseqno, frame_type, csub = _FULL.unpack_from(payload)
    defects: list[Defect] = []
    subclass = _subclass(frame_type, csub)
    if subclass is None:
        subclass = csub
        text = f"subclass is 2 to the power of {csub & 0x7F}"
        defects.append(Defect("unknown-subclass", text, 11))
    elif not _known_type(frame_type):
        defects.append(Defect("unknown-type", f"frame type {frame_type}", 10))
    elif not known_subclass(frame_type, subclass):
        text = f"subclass {csub} of frame type {type_name(frame_type)}"
        defects.append(Defect("unknown-subclass", text, 11))
    elements: tuple[Element, ...] = ()
    if frame_type == FrameType.IAX:
        elements, broken = unpack_elements(payload[FULL_HEADER_BYTES:], FULL_HEADER_BYTES)
        defects += broken
    return FullFrame(
        source_call=source & _CALL,
        dest_call=dest & _CALL,
        retransmission=bool(dest & _HIGH),
        timestamp_ms=timestamp,
        oseqno=oseqno,
        iseqno=iseqno,
        frame_type=frame_type,
        csub=csub,
        subclass=subclass,
        elements=elements,
        defects=tuple(defects),
        raw=payload,
    )


def _known_type(frame_type: int) -> bool:
    return FrameType.DTMF <= frame_type <= FrameType.DTMF_BEGIN


def _subclass(frame_type: int, csub: int) -> int | None:
    """RFC 5456 section 8.1.1: with the C bit the other seven are a power of two. chan_iax2.c
    reads 0xFF as -1 and takes the mark out of a video frame first. None beyond 64 bits."""
    if csub == 0xFF:
        return -1
    if frame_type == FrameType.VIDEO:
        csub &= ~_MARK
    if not csub & _POWER:
        return csub
    power = csub & 0x7F
    return 1 << power if power < 64 else None


def _video(payload: bytes) -> VideoMiniFrame:
    _, call, timestamp = _VIDEO.unpack_from(payload)
    return VideoMiniFrame(call & _CALL, timestamp & _CALL, bool(timestamp & _HIGH), payload)


def _meta(payload: bytes) -> MetaFrame | None:
    _, command, command_data = _META.unpack_from(payload)
    if command == Meta.VIDEO:
        return MetaFrame(command, command_data, None, (), (), payload)
    if command != Meta.TRUNK or len(payload) < _META.size + _TRUNK.size:
        return None
    (timestamp,) = _TRUNK.unpack_from(payload, _META.size)
    entries, defects = _trunk(payload, own_timestamps=bool(command_data & 1))
    return MetaFrame(command, command_data, timestamp, entries, defects, payload)


def _trunk(
    payload: bytes, *, own_timestamps: bool
) -> tuple[tuple[TrunkEntry, ...], tuple[Defect, ...]]:
    """RFC 5456 section 8.1.3.2: call and length before each sound, or length, call and
    timestamp. The length counts the sound alone (chan_iax2.c)."""
    entries: list[TrunkEntry] = []
    at, end = _META.size + _TRUNK.size, len(payload)
    head = _TRUNK_MINI if own_timestamps else _TRUNK_ENTRY
    while at < end:
        if end - at < head.size:
            text = f"{end - at} bytes after the last trunk entry"
            return tuple(entries), (Defect("trunk-overrun", text, at),)
        timestamp: int | None = None
        if own_timestamps:
            length, call, timestamp = _TRUNK_MINI.unpack_from(payload, at)
        else:
            call, length = _TRUNK_ENTRY.unpack_from(payload, at)
        sound = at + head.size
        if length > end - sound:
            text = f"trunk entry says {length} bytes, the frame has {end - sound}"
            return tuple(entries), (Defect("trunk-overrun", text, at),)
        entries.append(TrunkEntry(call & _CALL, timestamp, length, sound))
        at = sound + length
    return tuple(entries), ()
