"""One share of a capture that several processes read: every packet between two addresses is in
one and the same share.

Contract: what belongs to a share is decided by the two addresses of a packet alone; an ICMP
message goes where the packet that it quotes goes. The shares of a capture overlap nowhere and
leave nothing out.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from sipdiag.base.datagram import Datagram, Source
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.base.shares import Indivisible
from sipdiag.protocols.media import MediaTable, Tally
from sipdiag.readers import ip
from sipdiag.readers.dissect import MOST_RECENT, Dissector
from sipdiag.readers.record import MAX_NS

FOREIGN: Tally = [MAX_NS, 0, 0, 0, None, b"", -1]
"""Stands in ``Dissector.flows`` for a flow of another share. Nothing is ever counted in it."""

_PAIRS_HELD = 131_072
"""Address pairs of which is remembered whose they are; it costs only time to find out again."""

_FLOWS_HELD = 262_144


def pair_of(one: bytes, other: bytes) -> bytes:
    """Two packed addresses, the same for either direction."""
    return one + other if one < other else other + one


class Share:
    """Share ``number`` (from 0) of ``of``. ``owners``: which share has a pair (``pair_of``), as
    far as that was settled before; any other is given one by its bytes."""

    def __init__(self, number: int, of: int, owners: Mapping[bytes, int]) -> None:
        self.number, self.of, self.owners = number, of, owners
        self._known: dict[bytes, bool] = {}

    def has(self, ends: bytes) -> bool:
        """Whether packets from the first to the second half of ``ends`` belong to it."""
        known = self._known.get(ends)
        if known is None:
            half = len(ends) // 2
            pair = pair_of(ends[:half], ends[half:])
            owner = self.owners.get(pair)
            known = (zlib.crc32(pair) % self.of if owner is None else owner) == self.number
            if len(self._known) >= _PAIRS_HELD:
                self._known.clear()
            self._known[ends] = known
        return known

    def holds(self, header: ip.Header) -> bool:
        """Whether a packet belongs to it. Raises ``Indivisible`` for a tunnel, as the same
        endpoints may stand outside and inside of it."""
        if header.protocol in (ip.IPIP, ip.IPV6_IN_IP):
            raise Indivisible("some packets are tunnelled")
        if header.protocol in (ip.ICMP, ip.ICMPV6):
            if header.fragment is not None:
                raise Indivisible("an ICMP message is fragmented")
            quoted = ip.ip_header(header.body, 8)
            return self.number == 0 if quoted is None else self.has(quoted.src + quoted.dst)
        return self.has(header.src + header.dst)


class SharedDissector(Dissector):
    """A dissector that passes over what belongs to other shares, and marks it in ``flows``."""

    def __init__(
        self, share: Share, source: Source, media: MediaTable, limits: Limits, hits: LimitHits
    ) -> None:
        super().__init__(source, media, limits, hits)
        self._share = share
        self._most_recent = MOST_RECENT // share.of
        self._own: set[bytes] = set()
        """As ``flows``, for what belongs to this share."""

    def _plain(
        self, ts_ns: int, frame: int, interface: int, data: bytes, at: int, end: int
    ) -> list[Datagram]:
        ends = data[at + 12 : at + 24]
        if ends not in self._own:
            if not self._share.has(ends[:8]):
                if len(self.flows) >= _FLOWS_HELD:
                    self.flows.clear()
                self.flows[ends] = FOREIGN
                return []
            if len(self._own) >= _FLOWS_HELD:
                self._own.clear()
            self._own.add(ends)
        self._check_recent()
        return super()._plain(ts_ns, frame, interface, data, at, end)

    def _wants(self, header: ip.Header) -> bool:
        if not self._share.holds(header):
            return False
        self._check_recent()
        return True

    def _check_recent(self) -> None:
        if len(self._seen_order) > self._most_recent:
            raise Indivisible("too many packets have one time")

    def finish(self) -> list[Datagram]:
        """Closes it; the notes are for whoever knows the counts of all shares."""
        if self._end():
            raise Indivisible("a TCP stream ends in the middle of a message")
        return []
