"""Whoever is at the far end: what is known of it now, and when there will be news of it.

Contract: pure, time is an argument; everything held is bounded.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import NS, Interval, seconds
from sipdiag.base.limits import Limits
from sipdiag.findings.reach import GRACE_S
from sipdiag.live.history import History
from sipdiag.live.signals import Contact, Signal

_GIVE_UP_NS = 32 * NS
"""64*T1 (RFC 3261 section 17.1.1.2, Timer B): nobody answers any more."""
_HELD_OPEN = 64
"""Requests to one client that wait for their answers."""
HELD_OUTERS = 32
_HELD_REFRESHES = 16
_KEEPS_TRYING = 3
"""The first attempt of a phone is two requests, without and with its password."""
SOON_NS = NS // 2
_NOTHING = Interval()
_PATIENCE_NS = 5 * NS
_MOST_PATIENCE_NS = 300 * NS


@dataclass(frozen=True, slots=True)
class Judged:
    """What the newest judgement of a client said. ``codes``: of its findings, root cause first."""

    codes: tuple[str, ...] = ()
    lifetime: Interval = _NOTHING


class Client:
    """Whoever is at the far end. ``key`` stays the same for its life."""

    def __init__(self, key: str, protocol: str, user: str | None, limits: Limits) -> None:
        self.key, self.protocol, self.user = key, protocol, user
        self.history = History(limits)
        self.outers: list[Endpoint] = []
        """Where its packets came from, the newest last."""
        self.contact: Contact | None = None
        self.written: str | None = None
        self.asked_count = 0
        """Requests of its to be registered."""
        self.granted = self.addressed = False
        """It was granted something; the PBX sent it a request."""
        self.granted_s: float | None = None
        self.registered_ns: int | None = None
        self.last_out_ns: int | None = None
        self.last_ns = 0
        self.rtt_ms: float | None = None
        self.waiting: OrderedDict[tuple[object, ...], tuple[int, int]] = OrderedDict()
        """Requests to it without an answer: when the first was sent, and how often."""
        self.lost_ns: int | None = None
        """When the oldest request was sent that was given up, since it was last heard."""
        self.asking_ns: int | None = None
        """Since when it asks to be registered without success."""
        self.patience_ns = _PATIENCE_NS
        self._refreshes_ns: deque[int] = deque(maxlen=_HELD_REFRESHES)
        self.lapses_ns: int | None = None
        """When its registration will have run out."""
        self.due_ns: int | None = None
        """When there will be something new to judge."""
        self.changed = False
        """Something came since it was last judged."""
        self.judged_ns = 0
        self.judged = Judged()
        self.alive = True
        """False once it was dropped."""

    @property
    def outer(self) -> Endpoint | None:
        """Where its newest packet came from."""
        return self.outers[-1] if self.outers else None

    @property
    def observed_s(self) -> float | None:
        """The median time between its newest refreshes in seconds."""
        gaps = [seconds(later - now) for now, later in pairwise(self._refreshes_ns)]
        return median(gaps) if gaps else None

    @property
    def shown(self) -> bool:
        """Whether it is a peer: it was granted something, or the PBX knows it, or it keeps trying
        to register, as a phone does and a made-up address doesn't."""
        return self.granted or self.addressed or self.asked_count >= _KEEPS_TRYING

    def due(self, ts_ns: int) -> None:
        """There will be something to judge at ``ts_ns``."""
        if self.due_ns is None or ts_ns < self.due_ns:
            self.due_ns = ts_ns

    def heard(self, ts_ns: int, src: Endpoint) -> None:
        """A packet came from it."""
        if not self.outers or self.outers[-1] != src:
            if src in self.outers:
                self.outers.remove(src)
            self.outers.append(src)
            del self.outers[:-HELD_OUTERS]
        self.last_out_ns = ts_ns
        overdue = [sent for sent, times in self.waiting.values() if times > 1]
        if self.lost_ns is not None or overdue:
            self.due(ts_ns + SOON_NS)
        self.lost_ns = None

    def sent(self, ts_ns: int, signal: Signal) -> None:
        """The PBX sent it a request."""
        if signal.key is None:
            return
        first, times = self.waiting.get(signal.key, (ts_ns, 0))
        self.waiting[signal.key] = (first, times + 1)
        if len(self.waiting) > _HELD_OPEN:
            self.waiting.popitem(last=False)

    def register(self, ts_ns: int, granted_s: int | None) -> None:
        """It was registered for ``granted_s``; 0 = it is no more, None = not said."""
        if granted_s == 0:
            self._refreshes_ns.clear()
        elif self.registered_ns is None or ts_ns - self.registered_ns > SOON_NS:
            self._refreshes_ns.append(ts_ns)
        self.granted_s, self.registered_ns = granted_s, ts_ns
        self.asking_ns, self.patience_ns = None, _PATIENCE_NS
        self.lapses_ns = ts_ns + (granted_s + GRACE_S + 1) * NS if granted_s else None

    def follows(self, earlier: Client) -> None:
        """It is ``earlier`` on another port, or after a restart, and has just registered."""
        refreshes = [*earlier._refreshes_ns, *self._refreshes_ns]
        self._refreshes_ns = deque(refreshes, maxlen=_HELD_REFRESHES)

    def answered(self, ts_ns: int, signal: Signal) -> None:
        """It answered. A round trip is measured where the request was sent once only, as it isn't
        known else which one was answered (Karn)."""
        waited = self.waiting.pop(signal.key, None) if signal.key is not None else None
        if waited is not None and waited[1] == 1:
            self.rtt_ms = (ts_ns - waited[0]) / 1e6

    @property
    def expecting(self) -> bool:
        """Whether something may come due by itself: see ``expect``."""
        return bool(self.waiting) or self.asking_ns is not None or self.lapses_ns is not None

    def expect(self, now_ns: int) -> None:
        """Notes what didn't come: an answer to a request, success of a registration (after 5 s,
        10 s, 20 s ...), the refresh of a registration (again after half as long, and so on: it
        takes somebody else's packet to show that time went by)."""
        if self.asking_ns is not None and now_ns - self.asking_ns >= self.patience_ns:
            self.patience_ns = min(2 * self.patience_ns, _MOST_PATIENCE_NS)
            self.due(now_ns)
        if self.lapses_ns is not None and now_ns >= self.lapses_ns:
            self.lapses_ns = now_ns + (now_ns - (self.registered_ns or 0)) // 2
            self.due(now_ns)
        for key, (first, times) in list(self.waiting.items()):
            if now_ns - first >= _GIVE_UP_NS:
                del self.waiting[key]
                if times == 1:
                    continue
                self.due(now_ns)
                if self.last_out_ns is None or self.last_out_ns < first:
                    self.lost_ns = min(first, self.lost_ns or first)
