"""What is drawn, as data. See ``model``."""

from __future__ import annotations

from sipdiag.report.picture.model import (
    CAPS,
    Attempt,
    Caps,
    Ladder,
    Lane,
    Mark,
    Media,
    Message,
    MessagePair,
    Moment,
    Pictures,
    Piece,
    Rung,
    Span,
    StepPicture,
    Strip,
    Timeline,
    Track,
)

__all__ = [
    "CAPS",
    "Attempt",
    "Caps",
    "Ladder",
    "Lane",
    "Mark",
    "Media",
    "Message",
    "MessagePair",
    "Moment",
    "Pictures",
    "Piece",
    "Rung",
    "Span",
    "StepPicture",
    "Strip",
    "Timeline",
    "Track",
]
