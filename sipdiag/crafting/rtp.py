"""RTP and RTCP packets as bytes.

Contract: pure functions of their arguments, standard library only (RFC 3550 sections 5.1, 6.4).
"""

from __future__ import annotations

import struct

PCMA_SILENCE = b"\xd5" * 160
"""20 ms of silence in G.711 A-law at 8 kHz."""


def build_rtp(
    sequence: int,
    timestamp: int,
    ssrc: int,
    payload: bytes = PCMA_SILENCE,
    *,
    payload_type: int = 8,
    marker: bool = False,
) -> bytes:
    """An RTP packet. ``timestamp`` in samples (8000 a second for G.711), modulo 2**32."""
    second = (0x80 if marker else 0) | payload_type
    head = struct.pack(
        "!BBHII", 0x80, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc & 0xFFFFFFFF
    )
    return head + payload


def build_rtcp_report(ssrc: int, *, sender: bool = True, packets: int = 0) -> bytes:
    """An RTCP sender or receiver report without report blocks, followed by a source description
    (RFC 3550 section 6.1 wants both)."""
    if sender:
        report = struct.pack("!BBHIQIII", 0x80, 200, 6, ssrc, 0, 0, packets, packets * 160)
    else:
        report = struct.pack("!BBHI", 0x80, 201, 1, ssrc)
    name = b"\x01\x03sip\x00\x00\x00"
    return report + struct.pack("!BBHI", 0x81, 202, 1 + len(name) // 4, ssrc) + name
