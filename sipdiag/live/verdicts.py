"""A client's history judged, as ``analyse`` judges a capture of the same packets.

Contract: pure. ``replay`` feeds packets to a fresh dissector and tracker, so that what is found
here is found in the frozen capture too, and with the same frame numbers. Its last packet is taken
for the end of what is known, as in a capture: nothing is concluded from a silence that no packet
marks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sipdiag.base.datagram import Datagram, Source, Vantage
from sipdiag.base.limits import DEFAULT_LIMITS, LimitHits, Limits
from sipdiag.base.logevent import LogEvent
from sipdiag.findings import Verdict, judge
from sipdiag.findings.context import Context
from sipdiag.flows.subjects import Subjects
from sipdiag.flows.tracker import Tracker
from sipdiag.flows.vantage import vantage_of
from sipdiag.live.history import Kept
from sipdiag.protocols.media import MediaTable
from sipdiag.readers.dissect import Dissector


@dataclass(slots=True)
class View:
    """What every replay of one source has in common. ``linktype`` None: it is a log."""

    name: str
    linktype: int | None
    local: frozenset[str] = frozenset()
    limits: Limits = DEFAULT_LIMITS
    times_known: bool = True
    events: Sequence[LogEvent] = field(default_factory=tuple)

    def source(self, name: str | None = None) -> Source:
        """An empty source of this kind."""
        if self.linktype is None:
            return Source(
                name or self.name, "log", Vantage.PBX, both_ends_known=False,
                media_visible=False, bytes_exact=False, times_known=self.times_known,
            )  # fmt: skip
        return Source(name or self.name, "pcap")


def replay(
    view: View,
    packets: Sequence[Kept],
    *,
    name: str | None = None,
    keep_packets: int = 0,
    hits: LimitHits | None = None,
) -> Subjects:
    """The subjects in ``packets``, which are in the order of time. ``name``: that of the capture
    that they are, or will be, alone in: frames are counted from 1 then."""
    source = view.source(name)
    hits = LimitHits() if hits is None else hits
    media = MediaTable(view.limits, hits)
    dissector = Dissector(source, media, view.limits, hits)
    tracker = Tracker(
        source, media, local=view.local, limits=view.limits, hits=hits, keep_packets=keep_packets
    )
    for place, kept in enumerate(packets, 1):
        number = place if name is not None else kept.number
        source.packets += 1
        if source.first_ns is None:
            source.first_ns = kept.ts_ns
        source.last_ns = kept.ts_ns
        if isinstance(kept.data, Datagram):
            _count(source, kept.data)
            tracker.feed(kept.data)
        elif view.linktype is not None:
            for datagram in dissector.feed(
                kept.ts_ns, number, view.linktype, kept.interface, kept.data
            ):
                tracker.feed(datagram)
    for datagram in dissector.finish():
        tracker.feed(datagram)
    subjects = tracker.subjects()
    subjects.events = list(view.events)
    if source.vantage is Vantage.UNKNOWN:
        source.vantage = vantage_of(subjects)
    return subjects


def datagrams_in(view: View, packets: Sequence[Kept]) -> Iterator[Datagram]:
    """The messages in ``packets`` once more, as ``replay`` took them."""
    hits = LimitHits()
    dissector = Dissector(view.source(), MediaTable(view.limits, hits), view.limits, hits)
    for kept in packets:
        if isinstance(kept.data, Datagram):
            yield kept.data
        elif view.linktype is not None:
            yield from dissector.feed(
                kept.ts_ns, kept.number, view.linktype, kept.interface, kept.data
            )
    yield from dissector.finish()


def verdict_on(subjects: Subjects) -> tuple[Context, Verdict]:
    """What the whole catalogue says of them."""
    context = Context(subjects)
    return context, judge(context)


def _count(source: Source, datagram: Datagram) -> None:
    if datagram.payload[:1] >= b"\x80":
        source.iax2_frames += 1
    else:
        source.sip_messages += 1
