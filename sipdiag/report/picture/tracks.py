"""A client's media over time, a track for each direction.

Read from the marks that a ``MediaFlow`` keeps anyway, 2 s apart or more: within them packets are
taken as evenly spread. Nothing is counted anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import NS, seconds
from sipdiag.flows.call import Call
from sipdiag.flows.subjects import Peer, Subjects
from sipdiag.protocols.media import MediaFlow, MediaKind
from sipdiag.report.picture.model import CAPS, Caps, Media, Track
from sipdiag.report.picture.timelines import Client


class _Way(NamedTuple):
    """What tracks are told apart by."""

    from_client: bool
    elsewhere: str
    """The address that isn't the client's; empty where it is."""


def media(client: Client, begin_s: float, end_s: float, caps: Caps = CAPS) -> Media | None:
    """In the window [begin_s, end_s] of its source; None where there is none."""
    subjects = client.context.subjects
    if not subjects.source.media_visible or end_s <= begin_s:
        return None
    ways: dict[_Way, dict[tuple[Endpoint, Endpoint], MediaFlow]] = {}
    for way, flow in _flows(client.reach.peer, subjects):
        ways.setdefault(way, {})[flow.src, flow.dst] = flow
    begin, end = (client.zero_ns + round(at * NS) for at in (begin_s, end_s))
    tracks = []
    for way, flows in ways.items():
        packets, rates = _rates(flows.values(), begin, end, caps.track_points)
        if packets:
            tracks.append(Track(_name(way), way.from_client, bool(way.elsewhere), packets, rates))
    if not tracks:
        return None
    tracks.sort(key=lambda track: (not track.from_client, track.elsewhere, -track.packets))
    return Media(
        client.subject, subjects.source.name.rpartition("/")[2], client.side, begin_s, end_s,
        tuple(tracks[: caps.tracks]),
    )  # fmt: skip


def _name(way: _Way) -> str:
    if way.elsewhere:
        if way.from_client:
            return f"to Asterisk, from {way.elsewhere} (not the phone's address)"
        return f"from Asterisk, to {way.elsewhere} (not the phone's address)"
    return "from the phone to Asterisk" if way.from_client else "from Asterisk to the phone"


def _flows(peer: Peer, subjects: Subjects) -> Iterable[tuple[_Way, MediaFlow]]:
    if peer.protocol == "IAX2":
        for outer in peer.outers:
            for from_client, ends in ((True, (outer, peer.local)), (False, (peer.local, outer))):
                flow = subjects.media.flow(*ends)
                if flow is not None and flow.kind is MediaKind.IAX2_MINI:
                    yield _Way(from_client, ""), flow
        return
    known = {outer.ip for outer in peer.outers}
    last_ns = subjects.source.last_ns or 0
    for call in peer.calls:
        end_ns = call.ended_ns or last_ns
        for port in _pbx_ports(call, peer):
            for passage in subjects.media.towards(port, call.start_ns, end_ns):
                src = passage.flow.src
                yield _Way(True, "" if src.ip in known else src.ip), passage.flow
            for passage in subjects.media.from_(port, call.start_ns, end_ns):
                dst = passage.flow.dst
                yield _Way(False, "" if dst.ip in known else dst.ip), passage.flow


def _pbx_ports(call: Call, peer: Peer) -> Iterable[Endpoint]:
    """Where Asterisk has its audio: the port of its SDP at the address of its signalling."""
    ports = {
        Endpoint(peer.local.ip, offer.endpoint.port)
        for offer in call.offers
        if offer.src.ip == peer.local.ip and offer.endpoint is not None
    }
    return sorted(ports)


def _rates(
    flows: Iterable[MediaFlow], begin_ns: int, end_ns: int, parts: int
) -> tuple[int, tuple[float, ...]]:
    """Packets in the window, and packets a second in each of its equal parts."""
    width_ns = max(1, (end_ns - begin_ns) // parts)
    counts = [0.0] * parts
    for flow in flows:
        for points in flow.progress:
            before_ns, before = points[0][0], 0
            for at_ns, packets in points:
                _spread(counts, before_ns, at_ns, packets - before, begin_ns, width_ns)
                before_ns, before = at_ns, packets
    return round(sum(counts)), tuple(count / seconds(width_ns) for count in counts)


def _spread(
    counts: list[float], from_ns: int, to_ns: int, packets: int, begin_ns: int, width_ns: int
) -> None:
    """Adds packets that were seen evenly in [from, to] to the parts that this covers."""
    if packets <= 0:
        return
    first, last = (from_ns - begin_ns) // width_ns, (to_ns - begin_ns) // width_ns
    if first == last:
        if 0 <= first < len(counts):
            counts[first] += packets
        return
    for part in range(max(first, 0), min(last, len(counts) - 1) + 1):
        left = max(from_ns, begin_ns + part * width_ns)
        right = min(to_ns, begin_ns + (part + 1) * width_ns)
        counts[part] += packets * (right - left) / (to_ns - from_ns)
