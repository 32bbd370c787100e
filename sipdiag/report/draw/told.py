"""A timeline in words: for those who can't see it, and above it."""

from __future__ import annotations

from sipdiag.base.interval import Interval
from sipdiag.report.draw.signs import WORDS
from sipdiag.report.picture.model import Timeline
from sipdiag.report.words import bounds


def title_of(picture: Timeline) -> str:
    """``SIP/101 in bad.pcap (BAD): age of its NAT binding``."""
    side = f" ({picture.side})" if picture.side else ""
    return f"{picture.subject} in {picture.source}{side}: age of its NAT binding"


def description_of(picture: Timeline) -> str:
    """The drawing in words, for those who can't see it."""
    through = [a for a in picture.attempts if a.through]
    lost = [a for a in picture.attempts if not a.through]
    parts = [f"{len(picture.refreshes)} refreshes of the registration"]
    oldest = max((a.age_s for a in through if a.age_s is not None), default=None)
    if through:
        age = "" if oldest is None else f", the oldest binding among them {oldest:.1f} s"
        parts.append(f"{len(through)} requests got through{age}")
    for fate, word in WORDS.items():
        of = [a for a in lost if a.fate is fate]
        ages = [f"{a.age_s:.1f} s" for a in of if a.age_s is not None]
        if of:
            at = f" (binding {', '.join(ages[:6])} old)" if ages else ""
            parts.append(f"{len(of)} {word}{at}")
    if tells(picture.lifetime):
        parts.append(f"lifetime of the binding: {bounds(*picture.lifetime)}")
    if picture.proposed_s is not None:
        parts.append(f"proposed: a packet every {picture.proposed_s} s")
    if picture.share is not None:
        parts.append(
            f"the way in was surely open for {picture.share.alive:.0%} of the time, surely "
            f"closed for {picture.share.dead:.0%}"
        )
    return "; ".join(parts) + "."


def tells(lifetime: Interval) -> bool:
    """A binding that lives for less than a second was never seen; it only wasn't asked later."""
    return lifetime.upper_s is not None or (lifetime.lower_s or 0.0) >= 1.0


def line_of(picture: Timeline) -> str:
    """What stands below the title: how long the binding lives."""
    if not tells(picture.lifetime):
        return "how long its NAT binding lives wasn't seen"
    if picture.lifetime.upper_s is None:
        return f"its NAT binding lives for {bounds(*picture.lifetime)}"
    return f"its NAT closes after {bounds(*picture.lifetime)} of silence"
