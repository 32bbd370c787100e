"""Which calls of a run got through, and who heard whom.

Contract: ``judge(case, run, into)`` reads the two captures that ``play`` left. A call is good when
it was answered without delay (one from the phone: when its answer was acknowledged) and audio
went both ways for at least half of the time that it was to last. What the phone hears is counted
on the phone's own host, behind all routers; what it says, at the server.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from . import wire
from .cases import Case, Event
from .net import VPS
from .play import Played

FRAME_S = 0.02
_RTCP = range(200, 208)
PLACED = ("call", "hold", "dial")


@dataclass(frozen=True)
class Verdict:
    """One call; the audio in seconds, as far as frames of 20 ms tell."""

    answered: bool
    talk_s: float
    heard_s: float
    said_s: float

    @property
    def audible(self) -> bool:
        """Audio both ways."""
        return min(self.heard_s, self.said_s) >= self.talk_s / 2

    @property
    def good(self) -> bool:
        """The call got through."""
        return self.answered and self.audible


def judge(case: Case, run: Played, into: Path) -> list[Verdict]:
    """The calls of a run in the order of its script; one that was never sent is a failed one."""
    events = [event for event in run.side.events if event.do in PLACED]
    measured = run.measured
    seen = [(call.at, call.answered == "yes") for call in measured.calls]
    seen += [(call.at, call.acknowledged) for call in measured.placed]
    seen.sort()
    if len(seen) != len(events):
        return [Verdict(False, event.talk_s, 0.0, 0.0) for event in events]
    said = list(_media(into / f"{run.side.name}.pcap", case.port, from_server=False))
    heard = list(_media(into / f"{run.side.name}.inside.pcap", case.port, from_server=True))
    zero = next(wire.read_pcap(into / f"{run.side.name}.pcap")).at
    spans = pairwise([at + zero for at, _ in seen] + [float("inf")])
    return [
        _verdict(event, answered, _within(heard, span), _within(said, span))
        for event, (_, answered), span in zip(events, seen, spans, strict=True)
    ]


def _verdict(event: Event, answered: bool, heard_s: float, said_s: float) -> Verdict:
    return Verdict(answered, event.talk_s, heard_s, said_s)


def _within(times: list[float], span: tuple[float, float]) -> float:
    return FRAME_S * sum(span[0] <= at < span[1] for at in times)


def _media(path: Path, port: int, *, from_server: bool) -> Iterator[float]:
    """The times of the media packets of one direction."""
    for packet in wire.read_pcap(path):
        if (packet.source[0] == VPS) is from_server and _is_media(packet, port):
            yield packet.at


def _is_media(packet: wire.Packet, port: int) -> bool:
    ends = (packet.source[1], packet.target[1])
    payload = packet.payload
    if port not in ends:
        return len(payload) > 12 and payload[0] == 0x80 and payload[1] not in _RTCP
    return port == wire.IAX_PORT and len(payload) > 4 and not payload[0] & 0x80
