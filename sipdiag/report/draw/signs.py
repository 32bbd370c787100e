"""The signs of a timeline and their words: each told apart by its shape and by its colour."""

from __future__ import annotations

from sipdiag.findings.reach import Fate
from sipdiag.findings.reachable import State
from sipdiag.report.draw.svg import number

WORDS = {
    Fate.THROUGH: "got through",
    Fate.EXPIRED: "lost: the binding was too old",
    Fate.ASTRAY: "lost: sent to another address",
    Fate.MOVED: "lost: sent to where the phone no longer was",
    Fate.DEAF: "lost: and the phone wasn't heard again in time",
    Fate.IGNORED: "lost: though the binding was fresh",
    Fate.OPEN: "no reply; these packets don't say why",
}
"""What became of an attempt."""

STATES = {
    State.ALIVE: ("ok", "NAT open"),
    State.UNKNOWN: ("maybe", "not known"),
    State.DEAD: ("bad", "NAT closed"),
}
"""Colour and words of a state."""


def mark(fate: Fate, x: float, y: float) -> str:
    """The sign of a fate, 14 px wide: told apart by its shape and its colour."""
    left, top, right, foot = number(x - 6), number(y - 6), number(x + 6), number(y + 6)
    disc = f'<circle cx="{number(x)}" cy="{number(y)}" r="7" '
    if fate is Fate.THROUGH:
        check = f'<path d="M{number(x - 3.2)} {number(y + 0.2)}l2.3 2.6 4.2-5.2" class="sd-tick"/>'
        return f'{disc}class="sd-ok"/>{check}'
    if fate is Fate.EXPIRED:
        cross = f"M{left} {top}L{right} {foot}M{left} {foot}L{right} {top}"
        return f'<path d="{cross}" class="sd-cross-edge"/><path d="{cross}" class="sd-cross"/>'
    if fate in (Fate.ASTRAY, Fate.MOVED):
        arrow = f"M{left} {foot}L{right} {top}M{number(x - 1)} {top}H{right}V{number(y + 1)}"
        return f'<path d="{arrow}" class="sd-cross-edge"/><path d="{arrow}" class="sd-cross"/>'
    if fate is Fate.OPEN:
        return (
            f'{disc}class="sd-open"/><text x="{number(x)}" y="{number(y + 4)}" '
            'text-anchor="middle" class="sd-text sd-dim sd-strong">?</text>'
        )
    slash = f'<path d="M{number(x - 5)} {number(y + 5)}L{number(x + 5)} {number(y - 5)}" '
    return f'{disc}class="sd-deaf"/>{slash}class="sd-bad-line"/>'


def dot(x: float, y: float) -> str:
    """A request on a binding so fresh that it proves little."""
    return f'<circle cx="{number(x)}" cy="{number(y)}" r="3.5" class="sd-ok"/>'
