"""Real logs against the captures of the same minutes: the same messages in the same order.

Made by ``tests/lab``: Asterisk 16 (chan_sip, chan_iax2) and 22 (chan_pjsip, chan_iax2). What a log
legitimately lacks is named here: everything that is no signalling, and keep-alives over TCP, which
res_pjsip never logs. Elements without bytes at the end of an IAX2 frame are missing in 16
(iax2/parser.c:dump_ies() stopped at the last two bytes; 22 has ``while (len >= 2)``).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import pytest

from sipdiag.base.datagram import Datagram, Direction, Transport
from sipdiag.base.interval import NS
from sipdiag.protocols import iax2, sip
from sipdiag.readers import open_source
from sipdiag.readers.asterisk_log import AsteriskLogReader

CAPTURES = Path(__file__).parents[2] / "captures"
LOGS = sorted(CAPTURES.glob("*/*.log"))
PBX = "203.0.113.80"


def key(datagram: Datagram) -> tuple[object, ...] | None:
    """What must agree of a message; None for what a log doesn't show. Of SIP it is every byte."""
    if sip.parse(datagram.payload) is not None:
        return (datagram.transport, datagram.payload)
    frame = iax2.parse(datagram.payload)
    if not isinstance(frame, iax2.FullFrame):
        return None
    elements = [
        (e.number, len(e.raw) if e.number == iax2.IE.CALLTOKEN else e.value) for e in frame.elements
    ]
    while elements and elements[-1] == (iax2.IE.CALLTOKEN, 0):
        elements.pop()
    return (
        frame.source_call,
        frame.dest_call,
        frame.retransmission,
        frame.timestamp_ms,
        frame.oseqno,
        frame.iseqno,
        frame.type_name,
        frame.csub,
        tuple(elements),
    )


def threads(datagrams: Iterable[Datagram]) -> dict[int, list[Datagram]]:
    """By IAX2 call, SIP as one: chan_iax2's threads print a frame before they send it, so that
    those of two calls may be in another order within a fraction of a millisecond."""
    found: defaultdict[int, list[Datagram]] = defaultdict(list)
    for datagram in datagrams:
        frame = iax2.parse(datagram.payload)
        found[frame.source_call if isinstance(frame, iax2.FullFrame) else -1].append(datagram)
    return dict(found)


def captured(path: Path) -> list[tuple[Direction, Datagram]]:
    datagrams = [d for d in open_source(path) if d.transport is not Transport.ICMP]
    found = []
    for datagram in datagrams:
        assert datagram.src is not None
        sent = datagram.src.ip == PBX
        found.append((Direction.SENT if sent else Direction.RECEIVED, datagram))
    return found


@pytest.mark.parametrize("log", LOGS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_same_messages(log: Path) -> None:
    reader = open_source(log)
    assert isinstance(reader, AsteriskLogReader)
    logged = list(reader)
    assert logged
    wire = captured(log.with_suffix(".pcap"))
    for side in Direction:
        here = threads(d for d in logged if d.direction is side)
        there = threads(d for way, d in wire if way is side and key(d) is not None)
        assert here.keys() == there.keys()
        for call in here:
            assert [key(d) for d in here[call]] == [key(d) for d in there[call]]
            for mine, theirs in zip(here[call], there[call], strict=True):
                far = mine.src or mine.dst
                assert far == (theirs.dst if side is Direction.SENT else theirs.src)
                # Logged within a moment of the wire; or within the second, where dates have no
                # more.
                assert -0.05 * NS < theirs.ts_ns - mine.ts_ns < 1.05 * NS


@pytest.mark.parametrize("log", LOGS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_nothing_is_odd(log: Path) -> None:
    reader = open_source(log)
    assert isinstance(reader, AsteriskLogReader)
    lines = log.read_bytes().split(b"\n")
    for datagram in reader:
        assert not datagram.cut
        assert datagram.origin.line is not None
        assert lines[datagram.origin.line - 1].startswith(b"[")
    source = reader.source
    assert not source.truncated
    assert source.packets == source.sip_messages + source.iax2_frames
    assert reader.events
    for words in ("cut off", "left out", "go back", "discarded", "broken", "middle"):
        assert not any(words in note for note in source.notes), source.notes
    for event in reader.events:
        assert event.origin.line is not None
        first = event.text.split("\n")[0].encode()
        assert first in lines[event.origin.line - 1]


def test_there_are_logs() -> None:
    assert len(LOGS) >= 40
