"""A raw record: what a capture file holds of one packet, before anything is understood.

Contract: file formats (``pcap``, ``pcapng``) give ``Record``s in file order, cheaply; every
record has its place in Wireshark's frame count, so one without a packet is given too, with
``NO_INTERFACE``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from sipdiag.base.datagram import Source
from sipdiag.base.limits import Limits

Record = tuple[int, int, bytes, int, int, int]
"""(ns since 1970 UTC, index into ``interfaces``, a buffer, where in it the captured bytes begin and
end, bytes on the wire). Most packets are counted where they lie, so none is copied unasked."""

NO_INTERFACE = 0
"""Index of the interface that stands for "none that can be read"."""

MAX_NS = 2**63 - 1
"""Later times (year 2262) are damage; they are clipped so that they fit 64 bits."""


@dataclass(slots=True)
class Interface:
    """An interface of a capture: link type (https://www.tcpdump.org/linktypes.html), snap length
    (0: unlimited) and name if known."""

    linktype: int
    snaplen: int = 0
    name: str = ""


class RecordFile(Protocol):
    """A capture file being read. ``interfaces`` grows while it is read; index 0 is reserved."""

    kind: str
    interfaces: list[Interface]

    def records(self) -> Iterator[Record]: ...


def note(source: Source, limits: Limits, text: str) -> None:
    """Adds a sentence to the source's notes, once, up to ``Limits.notes``."""
    if text not in source.notes and len(source.notes) < limits.notes:
        source.notes.append(text)


def cut_off(source: Source, limits: Limits, text: str) -> None:
    """The capture ends early, or can't be read further: a note and ``truncated``."""
    source.truncated = True
    note(source, limits, text)
