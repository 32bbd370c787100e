"""The messages of a session as a ladder, in plain text.

One block a session (SIP: a Call-ID; IAX2: an exchange), in order of its first message.
Retransmissions of one message are folded into one line. Wire text is escaped.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import seconds
from sipdiag.flows.subjects import Packet
from sipdiag.report.safe import plain

_NARROW = 60


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


def render(session: list[Packet], zero_ns: int, width: int = 80) -> list[str]:
    """The lines of one session. ``zero_ns``: what times are counted from."""
    ends = list(dict.fromkeys(end for packet in session for end in (packet.src, packet.dst)))
    first = session[0]
    title = f"{first.protocol} {first.call_id}" if first.protocol == "SIP" else "IAX2"
    lines = [plain(title, longest=width - 12)]
    if len(ends) == 2 and width >= _NARROW:
        lines += _lanes(session, ends[0], ends[1], zero_ns, width)
    else:
        lines += _list(session, zero_ns)
    return lines


def _folded(session: list[Packet]) -> list[tuple[Packet, int, int]]:
    """(first packet, how many, time of the last) of each run of one message."""
    runs = []
    for _, group in groupby(session, key=lambda p: (p.src, p.dst, p.label)):
        same = list(group)
        runs.append((same[0], len(same), same[-1].ts_ns))
    return runs


def _label(packet: Packet, count: int, last_ns: int, room: int) -> str:
    label = plain(packet.label, longest=max(room, 12))
    if count > 1:
        label += f" x{count} in {seconds(last_ns - packet.ts_ns):.1f} s"
    return label


def _lanes(
    session: list[Packet], left: Endpoint, right: Endpoint, zero_ns: int, width: int
) -> list[str]:
    lane = width - 20
    lines = [f"{'frame':>7} {'time':>9}  {left!s:<{lane - len(str(right))}}{right}"]
    for packet, count, last_ns in _folded(session):
        label = f" {_label(packet, count, last_ns, lane - 24)} "
        bar = label.center(lane - 2, "-")
        arrow = f"|{bar[:-1]}>|" if packet.src == left else f"|<{bar[1:]}|"
        time = seconds(packet.ts_ns - zero_ns)
        lines.append(f"{_place(packet):>7} {time:9.3f}  {arrow}")
    return lines


def _list(session: list[Packet], zero_ns: int) -> list[str]:
    return [
        f"{_place(packet):>7} {seconds(packet.ts_ns - zero_ns):9.3f}  "
        f"{packet.src} > {packet.dst}  {_label(packet, count, last_ns, 40)}"
        for packet, count, last_ns in _folded(session)
    ]


def _place(packet: Packet) -> str:
    origin = packet.origin
    return str(origin.frame if origin.frame is not None else origin.line)
