"""How reachable a client was, as a strip of time; and its media, a track a direction."""

from __future__ import annotations

from sipdiag.findings.reachable import State
from sipdiag.report.draw.axis import Scale, marks, time_step_s, time_word, value_mark
from sipdiag.report.draw.signs import STATES
from sipdiag.report.draw.spans import seen_spans
from sipdiag.report.draw.svg import Scheme, Svg, number, shorten, text_width
from sipdiag.report.picture.model import Media, Strip, Track

_HEIGHT = 18.0


def share_words(picture: Strip) -> str:
    """``open 75%, closed 21%, not known 4% of 277 s``."""
    share = picture.share
    return (
        f"open {share.alive:.0%}, closed {share.dead:.0%}, not known {share.unknown:.0%} "
        f"of {share.span_s:.0f} s"
    )


def strip(
    picture: Strip, *, width: float = 700, scheme: Scheme = Scheme.AUTO, ident: str = "strip"
) -> str:
    """One client's strip over the whole of its source, without words in it."""
    svg = Svg(ident)
    x = Scale(0.0, max(picture.length_s, 0.001), 0.0, width)
    begin = x(picture.spans[0].begin_s) if picture.spans else width
    if begin > 4:
        svg.rect(0, 8, begin - 1, 2, "sd-dim", "not registered yet")
    for span in seen_spans(picture.spans, x):
        colour, words = STATES[span.state]
        left, right = x(span.begin_s), x(span.end_s)
        told = f"{words}: {span.begin_s:.1f} to {span.end_s:.1f} s"
        svg.rect(left, 0, right - left, _HEIGHT, f"sd-{colour}", told)
        if span.state is State.DEAD:
            svg.hatch(left, 0, right - left, _HEIGHT, "paper")
    side = f" ({picture.side})" if picture.side else ""
    title = f"{picture.subject}{side}: when the way in through its NAT was open"
    return svg.document(width, _HEIGHT, title, share_words(picture), scheme,
                        stretched=True)  # fmt: skip


_TRACK = 46.0
_GAP = 24.0
_LEFT = 58.0


def media(
    picture: Media, *, width: float = 960, scheme: Scheme = Scheme.AUTO, ident: str = "media"
) -> str:
    """Packets a second over time, a track for each direction, all to one scale."""
    svg = Svg(ident)
    highest = max((max(t.rates, default=0.0) for t in picture.tracks), default=0.0) or 1.0
    step = value_mark(highest)
    right = width - 14
    x = Scale(picture.begin_s, picture.end_s, _LEFT, right)
    top = 6.0
    for track in picture.tracks:
        top += _GAP
        words = f"{track.name}: {track.packets} packets"
        svg.text(10, top - 8, shorten(words, width - 20), "sd-text sd-strong")
        y = Scale(0.0, highest * 1.05, top + _TRACK, top)
        svg.line(_LEFT, y(step), right, y(step), "sd-grid")
        svg.text(_LEFT - 6, y(step) + 4, f"{step:.6g}/s", "sd-text sd-dim", "end")
        colour = "bad" if track.elsewhere else "ok" if track.from_client else "idea"
        svg.path(_area(track, x, y), f"sd-{colour}")
        svg.line(_LEFT, top + _TRACK, right, top + _TRACK, "sd-axis")
        top += _TRACK
    span = picture.end_s - picture.begin_s
    for value in marks(picture.begin_s, picture.end_s, time_step_s(span, int(width / 100))):
        word = time_word(value, span)
        half = text_width(word) / 2
        svg.line(x(value), top, x(value), top + 5, "sd-axis")
        middle = min(max(x(value), _LEFT + half - 8), right - half + 8)
        svg.text(middle, top + 18, word, "sd-text sd-dim", "middle")
    side = f" ({picture.side})" if picture.side else ""
    told = "; ".join(f"{track.name}: {track.packets} packets" for track in picture.tracks)
    title = f"{picture.subject} in {picture.source}{side}: media over time"
    return svg.document(width, top + 26, title, told + ".", scheme)


def _area(track: Track, x: Scale, y: Scale) -> list[str]:
    """Steps over the axis, where there was anything."""
    count = len(track.rates)
    width = (x.high - x.low) / max(count, 1)
    steps = []
    for n, rate in enumerate(track.rates):
        if rate > 0:
            left, right = x(x.low + n * width), x(x.low + (n + 1) * width)
            steps.append(
                f"M{number(left)} {number(y(0))}V{number(y(rate))}H{number(max(right, left + 1))}"
                f"V{number(y(0))}z"
            )
    return steps
