"""What the live table shows at a moment and what a key does to it. Pure: no terminal, no clock.

Contract: ``View`` is told of snapshots, alerts and keys; ``table`` draws it. Texts hold wire text
as it came.
"""

from __future__ import annotations

import enum
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sipdiag.base.endpoint import parse_ip
from sipdiag.base.interval import seconds
from sipdiag.flows.subjects import Packet
from sipdiag.live.keys import Key, Press
from sipdiag.live.model import Alert, PeerRow, PeerState, Snapshot

EVENTS_KEPT = 200
_FILTER_LONGEST = 60
_PAGE = 10
"""Lines that Page Up and Page Down move by."""


class Page(enum.Enum):
    """What fills the screen."""

    PEERS = "peers"
    LADDER = "ladder"
    ALERTS = "alerts"


class Sort(enum.StrEnum):
    """What the peers are sorted by."""

    STATE = "state"
    AGE = "age"
    USER = "user"
    ADDRESS = "address"
    FINDINGS = "findings"


WORST_FIRST = (
    PeerState.DARK,
    PeerState.AT_RISK,
    PeerState.SILENT,
    PeerState.LAPSED,
    PeerState.UNKNOWN,
    PeerState.REACHABLE,
)


def age_s(row: PeerRow, now_ns: int) -> float | None:
    """Seconds since a client's newest packet."""
    return None if row.last_out_ns is None else max(0.0, seconds(now_ns - row.last_out_ns))


def _by_user(row: PeerRow) -> tuple[object, ...]:
    """Numbers in a name count as numbers: 9 before 10."""
    parts = re.findall(r"(\d{1,18})|(\D+)", row.user)
    return ([(0, int(n), "") if n else (1, 0, text.lower()) for n, text in parts], row.protocol)


def _by_address(row: PeerRow) -> tuple[object, ...]:
    address = parse_ip(row.outer.ip) if row.outer is not None else None
    if row.outer is None or address is None:
        return (9, 0, 0, row.key)
    return (address.version, int(address), row.outer.port, row.key)


def _by_age(row: PeerRow) -> tuple[object, ...]:
    """The oldest first; those that never sent anything at the end."""
    return (row.last_out_ns is None, row.last_out_ns or 0, row.key)


def _by_state(row: PeerRow) -> tuple[object, ...]:
    return (WORST_FIRST.index(row.state), _by_user(row), row.key)


def _by_findings(row: PeerRow) -> tuple[object, ...]:
    return (not row.findings, row.findings, _by_user(row), row.key)


_KEYS: dict[Sort, Callable[[PeerRow], Any]] = {
    Sort.STATE: _by_state,
    Sort.AGE: _by_age,
    Sort.USER: lambda row: (_by_user(row), row.key),
    Sort.ADDRESS: _by_address,
    Sort.FINDINGS: _by_findings,
}


@dataclass(slots=True)
class View:
    """See the module."""

    snapshot: Snapshot | None = None
    """The newest, or where ``paused`` the one that stands."""
    events: deque[Alert | str] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))
    """Alerts, and what was said on standard error meanwhile; the newest last."""
    alert_count: int = 0
    page: Page = Page.PEERS
    sort: Sort = Sort.STATE
    reverse: bool = False
    filter: str = ""
    typing: bool = False
    """The keys go into ``filter``."""
    paused: bool = False
    quitting: bool = False
    selected: str | None = None
    """A ``PeerRow.key``; None is the first row."""
    scroll: int = 0
    """Lines that the ladder or the list of alerts is scrolled back by, from its end."""
    ladder_key: str | None = None
    """Whose ladder is wanted."""
    ladder: list[Packet] | None = None
    """None = not known (any more); what is asked for comes with the next ``take``."""
    ladder_asked: bool = False
    """``ladder`` is not yet that of ``ladder_key``."""

    def take(self, snapshot: Snapshot, ladder_of: Callable[[str], list[Packet] | None]) -> None:
        """A new snapshot; standing still, the view keeps the old one."""
        if self.ladder_key is not None and (self.ladder_asked or not self.paused):
            self.ladder = ladder_of(self.ladder_key)
            self.ladder_asked = False
        if self.snapshot is None or not self.paused:
            self.snapshot = snapshot

    def told(self, event: Alert | str) -> None:
        """A new alert, or a notice."""
        self.events.append(event)
        self.alert_count += isinstance(event, Alert)

    def rows(self) -> list[PeerRow]:
        """The peers that pass the filter, sorted."""
        if self.snapshot is None:
            return []
        wanted = self.filter.lower()
        rows = [row for row in self.snapshot.peers if not wanted or wanted in _words(row)]
        return sorted(rows, key=_KEYS[self.sort], reverse=self.reverse)

    def place(self, rows: list[PeerRow]) -> int:
        """The index of the selected row; 0 where it is gone."""
        return next((i for i, row in enumerate(rows) if row.key == self.selected), 0)

    def press(self, press: Press) -> None:
        """What a key does."""
        if self.typing:
            self._type(press)
        elif press == "q" and self.page is Page.PEERS:
            self.quitting = True
        elif self.page is Page.PEERS:
            self._press_peers(press)
        elif press in (Key.ESCAPE, Key.LEFT, Key.BACKSPACE, "q"):
            self.page, self.ladder_key, self.ladder = Page.PEERS, None, None
        elif press in _MOVES:
            self.scroll = max(0, self.scroll - _MOVES[press])
        elif press in ("p", " "):
            self.paused = not self.paused

    def _press_peers(self, press: Press) -> None:
        if press in _MOVES:
            self._move(_MOVES[press])
        elif press == "s":
            self.sort = _next_sort(self.sort)
        elif press == "r":
            self.reverse = not self.reverse
        elif press == "/":
            self.typing = True
        elif press == Key.ESCAPE:
            self.filter = ""
        elif press in ("p", " "):
            self.paused = not self.paused
        elif press == "a":
            self.page, self.scroll = Page.ALERTS, 0
        elif press in ("l", Key.ENTER, Key.RIGHT):
            self._ask_ladder()

    def _type(self, press: Press) -> None:
        if press is Key.ENTER:
            self.typing = False
        elif press is Key.ESCAPE:
            self.typing, self.filter = False, ""
        elif press is Key.BACKSPACE:
            self.filter = self.filter[:-1]
        elif isinstance(press, str):
            self.filter = (self.filter + press)[:_FILTER_LONGEST]

    def _move(self, by: int) -> None:
        rows = self.rows()
        if rows:
            self.selected = rows[min(max(self.place(rows) + by, 0), len(rows) - 1)].key

    def _ask_ladder(self) -> None:
        rows = self.rows()
        if rows:
            self.selected = self.ladder_key = rows[self.place(rows)].key
            self.ladder, self.ladder_asked = None, True
            self.page, self.scroll = Page.LADDER, 0


_MOVES: dict[Press, int] = {
    Key.UP: -1,
    "k": -1,
    Key.DOWN: 1,
    "j": 1,
    Key.PAGE_UP: -_PAGE,
    Key.PAGE_DOWN: _PAGE,
    Key.HOME: -(10**9),
    Key.END: 10**9,
}


def _next_sort(sort: Sort) -> Sort:
    every = list(Sort)
    return every[(every.index(sort) + 1) % len(every)]


def _words(row: PeerRow) -> str:
    """What a filter looks in."""
    outer = str(row.outer) if row.outer is not None else ""
    words = (row.protocol, row.user, outer, row.written or "", row.state, *row.findings)
    return " ".join(words).lower()
