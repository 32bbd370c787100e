"""The one currency that readers pay out: a ``Datagram``, and the ``Source`` it came from."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import NamedTuple

from sipdiag.base.endpoint import Endpoint


class Transport(enum.Enum):
    """What carried the message."""

    UDP = "UDP"
    TCP = "TCP"
    TLS = "TLS"
    WS = "WS"
    WSS = "WSS"
    ICMP = "ICMP"
    """An ICMP unreachable; the payload is the packet it answers, from its IP header on."""


class Direction(enum.Enum):
    """Which way a message went, where a source knows it (a log does, a capture doesn't)."""

    SENT = "sent"
    RECEIVED = "received"


class Origin(NamedTuple):
    """Where to look it up: the source's name and the frame (as Wireshark counts, from 1), or
    the line of a log (from 1). A reassembled message has the frame that completed it."""

    source: str
    frame: int | None = None
    line: int | None = None


@dataclass(slots=True)
class Datagram:
    """One message's bytes as they were seen at one place.

    ``ts_ns``: nanoseconds since 1970, UTC. ``src``/``dst``: None where the source can't know it
    (a debug log names only the far side). ``cut``: there is less of it than was sent. ``before``:
    the earlier frames of a message that came in several TCP segments, the last of them if many.
    """

    ts_ns: int
    src: Endpoint | None
    dst: Endpoint | None
    transport: Transport
    payload: bytes
    origin: Origin
    direction: Direction | None = None
    cut: bool = False
    before: tuple[int, ...] = ()


class Vantage(enum.Enum):
    """Where a capture was taken."""

    PBX = "pbx"
    PHONE = "phone"
    PATH = "path"
    UNKNOWN = "unknown"


@dataclass(slots=True)
class Source:
    """What a source is and what can be believed of it.

    A reader fills it while it reads, so its counts are final only when the reader is exhausted.
    """

    name: str
    kind: str = "unknown"
    """``pcap``, ``pcapng``, ``log``, ``tshark``, or ``configuration`` (no traffic at all)."""
    vantage: Vantage = Vantage.UNKNOWN
    both_ends_known: bool = True
    media_visible: bool = True
    bytes_exact: bool = True
    times_known: bool = True
    """False: the order is known and the times are made up (a log without dates)."""
    truncated: bool = False
    """The file ends in the middle of a packet."""
    packets: int = 0
    sip_messages: int = 0
    iax2_frames: int = 0
    """Full frames; mini, meta and trunk frames are media."""
    rtp_packets: int = 0
    cut_packets: int = 0
    """Packets of which the capture kept only a part (snap length)."""
    fragments_incomplete: int = 0
    """IP datagrams of which fragments never came: what a NAT that drops fragments looks like."""
    fragments_overlapping: int = 0
    tcp_messages_incomplete: int = 0
    """SIP messages of TCP streams of which packets are missing, were it only the last."""
    duplicate_packets: int = 0
    """Packets captured twice (``any``, a mirror port), and counted once."""
    first_ns: int | None = None
    last_ns: int | None = None
    notes: list[str] = field(default_factory=list)
    """Sentences for a person on what was odd or left out."""

    def extend(self, later: Source) -> None:
        """Takes in a source that goes on where this one ended."""
        self.name = f"{self.name} + {later.name}"
        for count in ("packets", "sip_messages", "iax2_frames", "rtp_packets", "cut_packets"):
            setattr(self, count, getattr(self, count) + getattr(later, count))
        self.fragments_incomplete += later.fragments_incomplete
        self.fragments_overlapping += later.fragments_overlapping
        self.tcp_messages_incomplete += later.tcp_messages_incomplete
        self.duplicate_packets += later.duplicate_packets
        self.truncated = self.truncated or later.truncated
        self.last_ns = later.last_ns if later.last_ns is not None else self.last_ns
        self.notes += later.notes
