"""The messages of a session as a ladder, in text.

One block a session (SIP: a Call-ID; IAX2: an exchange), in order of its first message.
Retransmissions of one message are folded into one line. Two ends and 60 columns get lanes with
arrows between them; fewer columns, or more ends, a list. No line is wider than asked for, unless
an address is. Wire text is escaped.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from itertools import groupby
from typing import NamedTuple

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import seconds
from sipdiag.flows.subjects import Packet
from sipdiag.report.safe import plain

_NARROW = 60


class Strokes(NamedTuple):
    """What lines are drawn of."""

    lane: str
    shaft: str
    right: str
    left: str


UNICODE = Strokes("│", "─", "→", "←")
ASCII = Strokes("|", "-", ">", "<")


class Folded(NamedTuple):
    """A message and its retransmissions."""

    first: Packet
    times: int
    last_ns: int


def sessions(packets: list[Packet]) -> list[list[Packet]]:
    """Packets by session. IAX2: both ends' call numbers and endpoints, whoever speaks."""
    found: defaultdict[tuple[object, ...], list[Packet]] = defaultdict(list)
    openers: dict[tuple[Endpoint, Endpoint, str], tuple[object, ...]] = {}
    for packet in packets:
        if packet.protocol == "SIP":
            key: tuple[object, ...] = ("SIP", packet.call_id)
        else:
            own, _, other = packet.call_id.partition("/")
            back = openers.get((packet.dst, packet.src, other))
            key = back or ("IAX2", packet.src, packet.dst, own)
            openers.setdefault((packet.src, packet.dst, own), key)
        found[key].append(packet)
    return list(found.values())


def folded(session: list[Packet]) -> list[Folded]:
    """Each message once, with its retransmissions."""
    runs = []
    for _, group in groupby(session, key=lambda p: (p.src, p.dst, p.label)):
        same = list(group)
        runs.append(Folded(same[0], len(same), same[-1].ts_ns))
    return runs


def render(
    session: list[Packet], zero_ns: int, width: int = 80, strokes: Strokes = UNICODE
) -> list[str]:
    """The lines of one session. ``zero_ns``: what times are counted from."""
    ends = list(dict.fromkeys(end for packet in session for end in (packet.src, packet.dst)))
    first = session[0]
    title = f"{first.protocol} {first.call_id}" if first.protocol == "SIP" else "IAX2"
    lines = [_fit(title, width)]
    if len(ends) != 2:
        return lines + _list(session, zero_ns, width, strokes)
    if width >= _NARROW:
        return lines + _lanes(session, ends[0], ends[1], zero_ns, width, strokes)
    return lines + _narrow(session, ends[0], ends[1], zero_ns, width, strokes)


def cells(text: str) -> int:
    """Columns of a terminal that a text takes (UAX #11)."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def _fit(wire: str, room: int) -> str:
    """Wire text in at most ``room`` columns; what was cut off is marked."""
    text = plain(wire)
    if cells(text) <= room:
        return text
    while text and cells(text) > room - 3:
        text = text[: max(len(text) - max((cells(text) - room + 3) // 2, 1), 0)]
    return f"{text}..."


def _label(run: Folded, room: int) -> str:
    again = ""
    if run.times > 1:
        again = f" x{run.times} in {seconds(run.last_ns - run.first.ts_ns):.1f} s"
    return _fit(run.first.label, max(room - len(again), 4)) + again


def _lanes(
    session: list[Packet],
    left: Endpoint,
    right: Endpoint,
    zero_ns: int,
    width: int,
    strokes: Strokes,
) -> list[str]:
    lane = width - 20
    one, other = str(left), str(right)
    lines = [f"{'frame':>7} {'time':>9}  {one:<{lane - len(other)}}{other}"]
    if len(one) + len(other) >= lane:
        lines = [" " * 19 + one, f"{'frame':>7} {'time':>9}  {other:>{lane}}"]
    for run in folded(session):
        label = f" {_label(run, lane - 8)} "
        rest = max(lane - 3 - cells(label), 2)
        before, behind = strokes.shaft * (rest // 2), strokes.shaft * (rest - rest // 2)
        if run.first.src == left:
            arrow = f"{before}{label}{behind}{strokes.right}"
        else:
            arrow = f"{strokes.left}{before}{label}{behind}"
        lines.append(f"{_when(run, zero_ns)}  {strokes.lane}{arrow}{strokes.lane}")
    return lines


def _narrow(
    session: list[Packet],
    left: Endpoint,
    right: Endpoint,
    zero_ns: int,
    width: int,
    strokes: Strokes,
) -> list[str]:
    """Two ends without room for lanes: the way of each message as an arrow before it."""
    lines = [f"{left} {strokes.right}", f"  {strokes.left} {right}"]
    for run in folded(session):
        way = strokes.right if run.first.src == left else f"  {strokes.left}"
        head = f"{_when(run, zero_ns)} {way} "
        lines.append(head + _label(run, width - len(head)))
    return lines


def _list(session: list[Packet], zero_ns: int, width: int, strokes: Strokes) -> list[str]:
    """Any number of ends; the message below its ends where both don't fit a line."""
    lines = []
    for run in folded(session):
        head = _when(run, zero_ns)
        ends = f"{run.first.src} {strokes.right} {run.first.dst}"
        room = width - len(head) - len(ends) - 4
        if room >= 12:
            lines.append(f"{head}  {ends}  {_label(run, room)}")
        elif len(head) + len(ends) + 2 <= width:
            lines += [f"{head}  {ends}", f"{'':19}{_label(run, width - 19)}"]
        else:
            lines += [head, f"  {ends}", f"  {_label(run, width - 2)}"]
    return lines


def _when(run: Folded, zero_ns: int) -> str:
    return f"{place(run.first):>7} {seconds(run.first.ts_ns - zero_ns):9.3f}"


def place(packet: Packet) -> str:
    """The frame, or the line of a log."""
    origin = packet.origin
    return str(origin.frame if origin.frame is not None else origin.line)
