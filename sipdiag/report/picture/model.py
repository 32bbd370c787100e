"""What the drawings and the page show, as data: nothing here knows SVG or HTML.

Times are seconds since the source's first packet, so that two sources can stand beside each other.
Texts hold wire text as it came; whatever draws escapes it. Everything is bounded by ``Caps``: what
was left out is counted.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import NamedTuple

from sipdiag.base.interval import Interval
from sipdiag.findings.reach import Fate
from sipdiag.findings.reachable import Reachable, State


@dataclass(frozen=True, slots=True)
class Caps:
    """How much is drawn, so that a page on any capture stays small enough to be posted."""

    timelines: int = 6
    """Clients with a timeline of their own: more than anybody scrolls through."""
    strips: int = 40
    strip_stretches: int = 240
    """A strip is about 700 px wide: finer stretches can't be told apart."""
    window_refreshes: int = 24
    """Refreshes that a timeline shows; of a longer capture the part around the proof."""
    attempts: int = 120
    tracks: int = 8
    """Directions of media of one client."""
    track_points: int = 240
    steps: int = 20
    rows_per_step: int = 24
    messages: int = 160
    message_bytes: int = 6000
    """Of one message; the rest is counted."""
    all_message_bytes: int = 400_000
    """Of all messages: shown in HTML, a hostile byte takes six."""


CAPS = Caps()


class Moment(NamedTuple):
    """A packet of the client's, or a stretch of its audio: the binding's age is 0 throughout."""

    at_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to reach the client."""

    sent_s: tuple[float, ...]
    """Every transmission; never empty."""
    method: str
    fate: Fate
    age_s: float | None
    """Of the binding, as it counts: since the client's last packet where it was lost, since the
    last packet either way where it got through."""
    dst: str
    place: str
    """``bad.pcap frame 494``."""

    @property
    def through(self) -> bool:
        """Whether the client got it."""
        return self.fate is Fate.THROUGH


class Span(NamedTuple):
    """A stretch of time in which one thing is known of a binding."""

    begin_s: float
    end_s: float
    state: State


@dataclass(frozen=True, slots=True)
class Timeline:
    """One client's binding over time, in the window [begin_s, end_s] of its source."""

    subject: str
    """``SIP/101``."""
    source: str
    """The file's name without its folder."""
    side: str
    """``GOOD``, ``BAD`` or empty."""
    zero: str
    """Second 0, ISO 8601 in UTC; empty where the source's times aren't known."""
    begin_s: float
    end_s: float
    whole_s: float
    """Length of the source; the window is a part of it."""
    refreshes: tuple[float, ...]
    """When a registration was granted."""
    refresh_name: str
    """``REGISTER`` or ``REGREQ``."""
    heard: tuple[Moment, ...]
    """Every packet of the client's on this path, refreshes included, in order; the first may lie
    before the window."""
    attempts: tuple[Attempt, ...]
    lifetime: Interval
    proposed_s: int | None
    """How often something must cross the NAT; None where nothing was lost to its age."""
    assumed: bool
    """``proposed_s`` is by usual practice, as too little was observed."""
    spans: tuple[Span, ...]
    share: Reachable | None
    """Of the whole source."""
    attempts_left_out: int = 0


@dataclass(frozen=True, slots=True)
class Strip:
    """How reachable one client was over the whole of a source."""

    subject: str
    side: str
    length_s: float
    spans: tuple[Span, ...]
    share: Reachable


@dataclass(frozen=True, slots=True)
class Track:
    """Media one way. ``rates``: packets a second in equal parts of [begin_s, end_s]."""

    name: str
    from_client: bool
    elsewhere: bool
    """It goes to, or comes from, an address that isn't the client's."""
    packets: int
    rates: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Media:
    """One client's media over time."""

    subject: str
    source: str
    side: str
    begin_s: float
    end_s: float
    tracks: tuple[Track, ...]


class Mark(enum.StrEnum):
    """What a part of a message is, beside the one it is compared with."""

    SAME = ""
    CHANGED = "changed"
    VARIES = "varies"
    """It differs, as it does between any two messages: tags, branches, nonces, numbers."""


class Piece(NamedTuple):
    """A part of a line, ``text`` as on the wire."""

    text: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it can be looked at: lines of pieces, secrets overwritten."""

    title: str
    """``INVITE``, ``200 OK``."""
    place: str
    at_s: float
    src: str
    dst: str
    lines: tuple[tuple[Piece, ...], ...]
    left_out_bytes: int = 0

    @property
    def changed(self) -> bool:
        """Whether something differs that doesn't do so anyway."""
        return any(piece.mark is Mark.CHANGED for line in self.lines for piece in line)


@dataclass(frozen=True, slots=True)
class MessagePair:
    """A message and the one it stands beside; one of them may lack. ``ident``: its anchor in the
    page, ``m12``."""

    ident: str
    left: Message | None
    right: Message | None


@dataclass(frozen=True, slots=True)
class Rung:
    """A message on a ladder, retransmissions folded."""

    at_s: float
    src: str
    dst: str
    label: str
    place: str
    count: int = 1
    last_s: float = 0.0
    """When it was sent for the last time."""
    message: str = ""
    """``MessagePair.ident``, where it can be looked at."""
    changed: bool = False
    lost: bool = False
    """No reply came."""


class Lane(NamedTuple):
    """One end of a ladder. ``name``: ``phone``, ``Asterisk`` or empty."""

    endpoint: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Ladder:
    """Rungs from top to bottom; None keeps a row free for the other side's. ``lanes`` are from
    left to right, and every rung's ends are among them."""

    title: str
    lanes: tuple[Lane, ...]
    rungs: tuple[Rung | None, ...]
    zero_s: float = 0.0
    """What the times beside the rungs are counted from."""
    parts_at: int | None = None
    """The row at which this and the other side part."""
    left_out: int = 0
    """Messages after the last rung."""


@dataclass(frozen=True, slots=True)
class StepPicture:
    """Something that was done, on one side or on two beside each other."""

    title: str
    """``call to the phone #4``."""
    at_s: float
    differs: bool
    facts: tuple[tuple[str, str, str], ...]
    """(name, left, right); ``right`` alone where there is one side."""
    left: Ladder | None
    right: Ladder
    left_name: str = ""
    right_name: str = ""


@dataclass(slots=True)
class Pictures:
    """All that a page draws."""

    timelines: list[Timeline] = field(default_factory=list)
    strips: list[Strip] = field(default_factory=list)
    media: list[Media] = field(default_factory=list)
    steps: list[StepPicture] = field(default_factory=list)
    messages: list[MessagePair] = field(default_factory=list)
    steps_subject: str = ""
    """The client that the steps are of."""
    exact: bool = True
    """The messages are byte for byte what was sent; False: as a log wrote them."""
    timelines_left_out: int = 0
    strips_left_out: int = 0
    steps_left_out: int = 0
