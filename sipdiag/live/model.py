"""What watching knows at one moment, for whatever shows it or passes it on.

Contract: ``Watch`` makes a ``Snapshot`` on every tick and an ``Alert`` when a finding appears or
escalates; a ``Sink`` is told of both, in order, from one thread, and of the report at the end. A
sink never blocks the capture: what is slow does its work in a thread of its own. Texts hold wire
text as it came; each sink escapes it. Times are nanoseconds since 1970 UTC. ``sinks.sinks_of``
makes the sinks that the options ask for.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import Interval
from sipdiag.findings.model import Finding
from sipdiag.report.model import Report


class PeerState(enum.StrEnum):
    """What can be said of a client now."""

    REACHABLE = "reachable"
    """It sent something within the shortest lifetime that was shown, or, where none is known,
    within its registration."""
    AT_RISK = "at risk"
    """Its last packet is older than the largest age that was seen to work."""
    DARK = "dark"
    """Its last packet is older than the smallest age that was seen to fail."""
    SILENT = "silent"
    """It answers nothing, for whatever reason."""
    LAPSED = "lapsed"
    """Its registration ran out."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PeerRow:
    """One client, as the table shows it. None = not known."""

    key: str
    """The same for the same client from snapshot to snapshot."""
    protocol: str
    user: str
    outer: Endpoint | None
    """Where its newest packet came from."""
    written: str | None
    """The private address that it writes in Contact or Via (wire text); None where it writes none,
    and always None in IAX2."""
    granted_s: float | None
    observed_s: float | None
    """The median time between refreshes in seconds."""
    last_out_ns: int | None
    """When its newest packet came."""
    lifetime: Interval
    """Of its NAT binding, in seconds, as observed."""
    rtt_ms: float | None
    """How long its newest answer took, in milliseconds."""
    state: PeerState
    findings: tuple[str, ...]
    """Codes, the root cause first."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A finding that appeared, or that is worse or surer than when it was last told."""

    at_ns: int
    finding: Finding
    escalated: bool
    peer: str | None
    """The ``PeerRow.key`` of the client, where it is about one."""
    frozen: str | None = None
    """The capture of the client's last minutes, where ``--write`` keeps one."""


@dataclass(frozen=True, slots=True)
class Counters:
    """Since the start."""

    packets: int = 0
    sip_messages: int = 0
    iax2_frames: int = 0
    media_packets: int = 0
    dropped_by_kernel: int = 0
    dropped_by_limits: int = 0
    """Things not held because a cap of ``Limits`` was reached."""
    scanners: int = 0
    """Addresses that were recognised as scanners."""
    scanner_packets: int = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at one moment."""

    now_ns: int
    started_ns: int
    sources: tuple[str, ...]
    """The interfaces and logs that are watched."""
    peers: tuple[PeerRow, ...]
    counters: Counters


class Sink(Protocol):
    """Something that is told."""

    def update(self, snapshot: Snapshot) -> None:
        """Every tick, about once a second."""

    def alert(self, alert: Alert) -> None:
        """A finding appeared or escalated."""

    def finish(self, report: Report) -> None:
        """Watching ended; told once."""
