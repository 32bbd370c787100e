"""IAX2 (RFC 5456, and what Asterisk adds to it): bytes to a frame or None.

Contract: pure, and nothing raises on content. ``parse`` reads one UDP payload; the names are
integers in ``FrameType``, ``Iax``, ``Control`` and ``IE``.

>>> frame = parse(bytes.fromhex("8001000000000000000006" "0d" "0603626f62" "1302003c"))
>>> frame.subclass == Iax.REGREQ, frame.get("USERNAME"), frame.get("REFRESH")
(True, 'bob', 60)
"""

from __future__ import annotations

from sipdiag.protocols.iax2.elements import ELEMENTS, Element, Value, unpack_elements
from sipdiag.protocols.iax2.frame import (
    FULL_HEADER_BYTES,
    Frame,
    FullFrame,
    MetaFrame,
    MiniFrame,
    TrunkEntry,
    VideoMiniFrame,
    looks_encrypted,
    parse,
)
from sipdiag.protocols.iax2.names import FORMATS, IE, Control, FrameType, Html, Iax, Meta, Modem

__all__ = [
    "ELEMENTS",
    "FORMATS",
    "FULL_HEADER_BYTES",
    "IE",
    "Control",
    "Element",
    "Frame",
    "FrameType",
    "FullFrame",
    "Html",
    "Iax",
    "Meta",
    "MetaFrame",
    "MiniFrame",
    "Modem",
    "TrunkEntry",
    "Value",
    "VideoMiniFrame",
    "looks_encrypted",
    "parse",
    "unpack_elements",
]
