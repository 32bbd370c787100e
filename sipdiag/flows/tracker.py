"""Datagrams in, ``Subjects`` out.

The contract: feed datagrams in the order of their time; nothing raises on content; what is kept
follows the number of peers and of transactions still open, each under a cap of ``Limits``. Two
packets are related by what the protocols say (branch, Call-ID, call numbers), never by the clock
alone; the only time rule is that a transaction silent for ``SETTLED_NS`` is over.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from sipdiag.base.datagram import Datagram, Source, Transport
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.limits import DEFAULT_LIMITS, LimitHits, Limits
from sipdiag.flows.call import Call
from sipdiag.flows.clock import JUMP_NS, ClockWatch
from sipdiag.flows.iax2 import Iax2Flows
from sipdiag.flows.keepalive import KeepaliveBook
from sipdiag.flows.opened import SETTLED_NS, OpenTransactions
from sipdiag.flows.peers import PeerBook
from sipdiag.flows.sip import SipFlows
from sipdiag.flows.subjects import NOTED_COUNT, Packet, Subjects
from sipdiag.flows.transaction import Sent
from sipdiag.protocols import iax2, sip
from sipdiag.protocols.media import MediaTable

_STUN_COOKIE = b"\x21\x12\xa4\x42"
_HERE = Endpoint("", 0)
"""Stands for the side that a log doesn't name."""


class _Path:
    """One direction between two endpoints: when it last carried signalling."""

    __slots__ = ("back", "last_ns")

    def __init__(self) -> None:
        self.last_ns: int | None = None
        self.back = self
        """The other direction."""


BATCH_COUNT = 512
"""Datagrams to read before they are followed: so each finds its code and data in the processor's
caches, which takes a seventh off the time of both."""


class Aside(NamedTuple):
    """What a source had shown besides when a datagram was read: when media last went its way and
    came back (ns since 1970 UTC, None = never), and whether packets had been cut."""

    forth_ns: int | None
    back_ns: int | None
    cut: bool


def aside_of(datagram: Datagram, source: Source, media: MediaTable) -> Aside | None:
    """What ``source`` and ``media`` say at the moment, None where that is nothing: to be asked as
    soon as the datagram is read, as they go on with the reader."""
    src, dst, heard = datagram.src, datagram.dst, media.sources
    if (src in heard or dst in heard) and src is not None and dst is not None:
        return Aside(media.last_ns(src, dst), media.last_ns(dst, src), source.cut_packets > 0)
    if datagram.cut and datagram.transport is Transport.TCP:
        return Aside(None, None, source.cut_packets > 0)
    return None


class PathClock:
    """When each direction of each pair of endpoints last carried something."""

    def __init__(self, limits: Limits, hits: LimitHits) -> None:
        self._paths: OrderedDict[tuple[Endpoint, Endpoint], _Path] = OrderedDict()
        self._limits, self._hits = limits, hits
        self._doubtful_ns = -1

    def jumped(self, before_ns: int) -> None:
        """The clock was set back from ``before_ns``: how long anything has been idle isn't known
        until it is heard again."""
        self._paths.clear()
        self._doubtful_ns = max(before_ns, self._doubtful_ns)

    def path(self, src: Endpoint, dst: Endpoint) -> _Path:
        """The direction from ``src`` to ``dst``."""
        path = self._paths.get((src, dst))
        if path is None:
            if len(self._paths) >= 4 * self._limits.peers:
                self._forget_one()
            path = self._paths[src, dst] = _Path()
            if src != dst:
                back = self._paths.setdefault((dst, src), _Path())
                path.back, back.back = back, path
        return path

    def _forget_one(self) -> None:
        (src, dst), _ = self._paths.popitem(last=False)
        self._paths.pop((dst, src), None)
        self._hits.hit("peers")

    def _with_media(self, last_ns: int | None, media_ns: int | None) -> int | None:
        if media_ns is None:
            return last_ns
        if media_ns <= self._doubtful_ns:
            return None
        return media_ns if last_ns is None else max(last_ns, media_ns)

    def sent(
        self, path: _Path, datagram: Datagram, src: Endpoint, dst: Endpoint, aside: Aside | None
    ) -> Sent:
        """The transmission that ``datagram`` is, with the idle times before it."""
        now = datagram.ts_ns
        forth, back = path.last_ns, path.back.last_ns
        if aside is not None:
            forth = self._with_media(forth, aside.forth_ns)
            back = self._with_media(back, aside.back_ns)
        idle = quiet = None
        if back is not None and back <= now + JUMP_NS:
            idle = quiet = now - back if now > back else 0
        if forth is not None and forth <= now + JUMP_NS:
            since = now - forth if now > forth else 0
            if quiet is None or since < quiet:
                quiet = since
        source, frame, line = datagram.origin
        # As Sent(...), in two thirds of the time.
        return tuple.__new__(Sent, (now, src, dst, source, frame, line, idle, quiet))


class Tracker:
    """One source's datagrams, in order, to its ``Subjects``. See the module's contract.

    ``local``: addresses of the PBX, where the user named them. ``keep_packets``: how many
    signalling packets to keep for ladders.
    """

    def __init__(
        self,
        source: Source,
        media: MediaTable,
        *,
        local: frozenset[str] = frozenset(),
        limits: Limits = DEFAULT_LIMITS,
        hits: LimitHits | None = None,
        keep_packets: int = 0,
    ) -> None:
        self._source, self._media = source, media
        self._hits = hits if hits is not None else LimitHits()
        self._keep, self._limits = keep_packets, limits
        self._packets: list[Packet] = []
        self._unreachable: list[Packet] = []
        self._cut: list[Packet] = []
        self._stun: set[Endpoint] = set()
        self._clock = PathClock(limits, self._hits)
        self._watch = ClockWatch()
        self._keepalives = KeepaliveBook(limits, self._hits)
        self._hits_before = self._hits.counts.copy()
        self._open = OpenTransactions(limits, self._hits)
        self._book = PeerBook(local, limits, self._hits)
        self._sip = SipFlows(self._book, self._open, limits, self._hits, exact=source.bytes_exact)
        self._iax2 = Iax2Flows(self._book, limits, self._hits)

    def feed(self, datagram: Datagram) -> None:
        """Takes the next datagram, which the reader gave last."""
        self.take(datagram, aside_of(datagram, self._source, self._media))

    def take(self, datagram: Datagram, aside: Aside | None) -> None:
        """Takes the next datagram, which the reader may have gone on from; ``aside`` is of it."""
        src, dst = datagram.src or _HERE, datagram.dst or _HERE
        in_order = datagram.transport is not Transport.TCP or not self._source.bytes_exact
        if in_order and self._watch.jumped(datagram.ts_ns, datagram.origin):
            self._clock.jumped(self._watch.jumps[-1].before_ns)
        self._open.close_before(datagram.ts_ns - SETTLED_NS)
        if datagram.transport is Transport.ICMP:
            self._note_unreachable(datagram, src, dst)
            return
        path = self._clock.path(src, dst)
        payload = datagram.payload
        message = sip.parse(payload)
        if message is not None:
            if self._keep or datagram.cut:
                self._note_message(datagram, src, dst, message, aside)
            self._sip.feed(datagram, message, self._clock.sent(path, datagram, src, dst, aside))
        elif len(payload) >= 12 and payload[0] & 0x80:
            frame = iax2.parse(payload)
            if isinstance(frame, iax2.FullFrame):
                if self._keep:
                    label = frame.subclass_name if frame.type_name == "IAX" else frame.type_name
                    call = f"{frame.source_call}/{frame.dest_call}"
                    self._remember(datagram, src, dst, label, "IAX2", call)
                sent = self._clock.sent(path, datagram, src, dst, aside)
                self._iax2.feed(datagram, frame, sent)
        else:
            if payload[4:8] == _STUN_COOKIE and len(self._stun) < 2 * self._limits.peers:
                self._stun.update((src, dst))
            self._keepalives.take(payload, datagram.ts_ns, src, dst)
        path.last_ns = datagram.ts_ns

    def subjects(self) -> Subjects:
        """What was found so far. Call it when the source is exhausted."""
        calls, servers = self._calls(), self._book.servers()
        return Subjects(
            source=self._source,
            peers=self._book.peers(calls, servers),
            calls=calls,
            media=self._media,
            servers=servers,
            software=self._sip.software,
            drivers=self._sip.drivers,
            unreachable=self._unreachable,
            length_errors=self._sip.length_errors,
            stun_clients=frozenset(self._stun),
            events=[],
            packets=self._packets,
            cut_messages=self._cut,
            clock_jumps=self._watch.jumps,
            keepalives=self._keepalives.trains(),
            limits_hit=dict(self._hits.counts - self._hits_before),
            full_ns=self._book.full_ns,
        )

    def _calls(self) -> list[Call]:
        return sorted([*self._sip.calls, *self._iax2.calls], key=lambda call: call.start_ns)

    def _note_message(
        self,
        datagram: Datagram,
        src: Endpoint,
        dst: Endpoint,
        message: sip.Message,
        aside: Aside | None,
    ) -> None:
        label, call_id = message.summary, message.call_id
        self._remember(datagram, src, dst, label, "SIP", call_id)
        if self._snapped(datagram, aside) and len(self._cut) < NOTED_COUNT:
            self._cut.append(
                Packet(datagram.ts_ns, src, dst, label, "SIP", call_id, datagram.origin)
            )

    def _snapped(self, datagram: Datagram, aside: Aside | None) -> bool:
        """Whether it was captured in part: a logger cuts messages, too, and of a TCP stream whole
        packets may be missing."""
        if datagram.transport is Transport.TCP and not (aside and aside.cut):
            return False
        return datagram.cut and self._source.bytes_exact

    def _remember(
        self, datagram: Datagram, src: Endpoint, dst: Endpoint, label: str, kind: str, call_id: str
    ) -> None:
        if len(self._packets) < self._keep:
            packet = Packet(datagram.ts_ns, src, dst, label, kind, call_id, datagram.origin)
            self._packets.append(packet)

    def _note_unreachable(self, datagram: Datagram, src: Endpoint, dst: Endpoint) -> None:
        if len(self._unreachable) < NOTED_COUNT:
            label = "ICMP unreachable"
            packet = Packet(datagram.ts_ns, src, dst, label, "ICMP", "", datagram.origin)
            self._unreachable.append(packet)
