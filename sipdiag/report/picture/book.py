"""The messages of chosen steps, gathered from a second reading of their source.

The tracker keeps no bytes: what is shown is known only when all is judged. So a ``MessageBook`` is
told the steps, takes the source's datagrams once more, and keeps the few that belong to them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sipdiag.base.datagram import Datagram, Origin
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import NS
from sipdiag.flows.align import Step
from sipdiag.flows.sightings import Identity, identity_of
from sipdiag.protocols import iax2, sip
from sipdiag.report.picture.wording import label_of

_AFTER_NS = 2 * NS
"""What follows a step's last packet so soon, an ACK above all, is part of it."""
_NOWHERE = Endpoint("", 0)

_Key = tuple[object, ...]


class Kept(NamedTuple):
    """A message as it came."""

    ts_ns: int
    src: Endpoint
    dst: Endpoint
    label: str
    origin: Origin
    payload: bytes
    identity: Identity


class _Window(NamedTuple):
    begin_ns: int
    end_ns: int
    step: int


class MessageBook:
    """Keeps up to ``most`` messages of each of ``steps``."""

    def __init__(self, steps: Sequence[Step], most: int) -> None:
        self.kept: list[list[Kept]] = [[] for _ in steps]
        self.left_out = [0] * len(steps)
        self._most = most
        self._windows: defaultdict[_Key, list[_Window]] = defaultdict(list)
        self._ends: set[Endpoint] = set()
        for number, step in enumerate(steps):
            window = _Window(step.at_ns, step.until_ns + _AFTER_NS, number)
            for transaction in step.transactions:
                self._ends.update((transaction.src, transaction.dst))
                if transaction.protocol == "SIP":
                    keys: tuple[_Key, ...] = (("SIP", transaction.call_id),)
                else:
                    ends = transaction.src, transaction.dst
                    keys = (("IAX2", *ends, int(transaction.call_id)),)
                for key in keys:
                    if window not in self._windows[key]:
                        self._windows[key].append(window)
        self.begin_ns = min((step.at_ns for step in steps), default=0)
        self.end_ns = max((step.until_ns + _AFTER_NS for step in steps), default=-1)

    def fill(self, datagrams: Iterable[Datagram]) -> None:
        """Takes datagrams in the order of their time, and no more than it needs."""
        for datagram in datagrams:
            if datagram.ts_ns > self.end_ns:
                break
            self.take(datagram)

    def take(self, datagram: Datagram) -> None:
        """Keeps a message if it belongs to a step."""
        src, dst = datagram.src or _NOWHERE, datagram.dst or _NOWHERE
        if datagram.ts_ns < self.begin_ns or not (src in self._ends or dst in self._ends):
            return
        windows = self._of(datagram.payload, src, dst)
        within = [w for w in windows if w.begin_ns <= datagram.ts_ns <= w.end_ns]
        known = identity_of(datagram.payload) if within else None
        if known is None:
            return
        step = max(within, key=lambda w: w.begin_ns).step
        if len(self.kept[step]) >= self._most:
            self.left_out[step] += 1
            return
        label = label_of(datagram.payload) or known[1]
        self.kept[step].append(
            Kept(datagram.ts_ns, src, dst, label, datagram.origin, datagram.payload, known[0])
        )

    def _of(self, payload: bytes, src: Endpoint, dst: Endpoint) -> list[_Window]:
        message = sip.parse(payload)
        if message is not None:
            return self._windows.get(("SIP", message.call_id), [])
        frame = iax2.parse(payload) if len(payload) >= 12 and payload[0] & 0x80 else None
        if not isinstance(frame, iax2.FullFrame):
            return []
        own = self._windows.get(("IAX2", src, dst, frame.source_call), [])
        return own or self._windows.get(("IAX2", dst, src, frame.dest_call), [])
