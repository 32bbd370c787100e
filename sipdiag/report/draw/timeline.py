"""A client's NAT binding over time: how old it was when each request came for it.

The line climbs with the time since the client's last packet and falls to nothing at each one. A
request that reached the phone is a disc, one that didn't a cross, each at the age that the binding
had. Where the band of the lifetime lies between discs and crosses, the cause can be seen; the
proposed interval is the broken line below it. Behind it all, and in the strip at the foot, the
times in which the way in was surely open or surely closed.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from sipdiag.findings.reach import Fate
from sipdiag.findings.reachable import State
from sipdiag.report.draw.axis import Scale, marks, time_step_s, time_word, value_step
from sipdiag.report.draw.signs import STATES, WORDS, dot, mark
from sipdiag.report.draw.spans import seen_spans
from sipdiag.report.draw.svg import Scheme, Svg, escape, number, shorten, text_width
from sipdiag.report.draw.told import description_of, line_of, tells, title_of
from sipdiag.report.picture.model import Attempt, Moment, Timeline

_PLOT = 220.0
_TOP = 78.0
_LEFT = 58.0
_RIGHT = 14.0
_STRIP = 16.0
_YOUNG = 0.12
"""Of the age axis: what got through lower than this is a dot without a label."""


class _Plot(NamedTuple):
    svg: Svg
    picture: Timeline
    x: Scale
    y: Scale
    width: float

    @property
    def wide(self) -> bool:
        return self.width >= 600


def timeline(
    picture: Timeline,
    *,
    width: float = 960,
    scheme: Scheme = Scheme.AUTO,
    ident: str = "timeline",
) -> str:
    """The drawing as an SVG document ``width`` pixels wide (360 fits a phone). ``ident``: unique
    in a page."""
    svg = Svg(ident)
    bottom = _TOP + _PLOT
    x = Scale(picture.begin_s, picture.end_s, _LEFT, width - _RIGHT)
    y = Scale(0.0, _highest(picture), bottom, _TOP)
    plot = _Plot(svg, picture, x, y, width)
    _title(plot)
    _shades(plot, bottom)
    _axes(plot, bottom)
    _band(plot)
    _refreshes(plot, bottom)
    _line(plot)
    _attempts(plot)
    known = bool(_states(plot) - {State.UNKNOWN})
    foot = _strip(plot, bottom + 48) if known else bottom + 34
    height = _legend(plot, foot + 20)
    return svg.document(width, height, title_of(picture), description_of(picture), scheme)


def _highest(picture: Timeline) -> float:
    """The top of the age axis: above every attempt, the lifetime and, if that isn't far away or
    nothing was lost to age, the time between the client's packets."""
    bounds = [bound for bound in picture.lifetime if bound is not None]
    needed = max([*(_age(picture, a) for a in picture.attempts), *(1.25 * b for b in bounds), 5.0])
    gaps = [after.at_s - before.until_s for before, after in pairwise(picture.heard)]
    reached = max(gaps, default=0.0)
    near = reached <= 2.2 * needed or picture.lifetime.upper_s is None
    return 1.12 * (max(reached, needed) if near else needed)


def _age(picture: Timeline, attempt: Attempt) -> float:
    """Where an attempt stands on the age axis: one that went elsewhere, on the line."""
    if attempt.age_s is not None:
        return attempt.age_s
    at = attempt.sent_s[0]
    before = [moment.until_s for moment in picture.heard if moment.until_s <= at]
    return at - before[-1] if before else 0.0


def _title(plot: _Plot) -> None:
    picture, svg = plot.picture, plot.svg
    side = f"{picture.side}: " if picture.side else ""
    room = plot.width - 20
    svg.text(10, 20, shorten(f"{side}{picture.subject} in {picture.source}", room, 14),
             "sd-text sd-strong sd-large")  # fmt: skip
    svg.text(10, 38, shorten(line_of(picture), room), "sd-text sd-dim")


def _shades(plot: _Plot, bottom: float) -> None:
    for span in plot.picture.spans:
        if span.state is not State.DEAD:
            continue
        left, right = plot.x(span.begin_s), plot.x(span.end_s)
        plot.svg.rect(left, _TOP, right - left, bottom - _TOP, "sd-bad-wash")
        for words in ("NAT closed", "closed"):
            if text_width(words) + 8 <= right - left:
                plot.svg.text((left + right) / 2, bottom - 8, words, "sd-text sd-bad", "middle")
                break


def _axes(plot: _Plot, bottom: float) -> None:
    svg, picture, x, y = plot.svg, plot.picture, plot.x, plot.y
    right = plot.width - _RIGHT
    for value in marks(0.0, y.high, value_step(y.high, 6)):
        svg.line(_LEFT, y(value), right, y(value), "sd-grid")
        svg.text(_LEFT - 6, y(value) + 4, f"{value:.6g} s", "sd-text sd-dim", "end")
    span = picture.end_s - picture.begin_s
    step = time_step_s(span, int((right - _LEFT) / 78))
    for value in marks(picture.begin_s, picture.end_s, step):
        svg.line(x(value), bottom, x(value), bottom + 5, "sd-axis")
        word = time_word(value, span)
        half = text_width(word) / 2
        middle = min(max(x(value), _LEFT + half - 8), right - half + 8)
        svg.text(middle, bottom + 18, word, "sd-text sd-dim", "middle")
    svg.line(_LEFT, bottom, right, bottom, "sd-axis")
    svg.text(12, (bottom + _TOP) / 2, "since the phone's last packet", "sd-text sd-dim", "middle",
             turned=True)  # fmt: skip


def _band(plot: _Plot) -> None:
    """The lifetime: between its bounds, or up to the only one that is known."""
    svg, y = plot.svg, plot.y
    lower, upper = plot.picture.lifetime
    right = plot.width - _RIGHT
    if lower is not None and upper is not None and lower < upper:
        top, foot = y(upper), y(lower)
        svg.rect(_LEFT, top, right - _LEFT, max(foot - top, 2.0), "sd-maybe-wash")
        svg.hatch(_LEFT, top, right - _LEFT, max(foot - top, 2.0), "maybe")
    for bound in (lower, upper):
        if bound is not None and tells(plot.picture.lifetime):
            svg.line(_LEFT, y(bound), right, y(bound), "sd-maybe-line sd-thin")


def _refreshes(plot: _Plot, bottom: float) -> None:
    svg, picture = plot.svg, plot.picture
    at = _TOP - 12
    word = f"the phone sends {picture.refresh_name}"
    if picture.refreshes:
        svg.text(10, at - 4, shorten(word, plot.width - 20), "sd-text sd-idea sd-strong")
    for refresh in picture.refreshes:
        x = plot.x(refresh)
        svg.line(x, at + 8, x, bottom, "sd-idea-line sd-thin", "2 3")
        svg.path(
            (f"M{number(x - 5)} {number(at)}", "h10l-5 9z"),
            "sd-idea",
            title=f"{picture.refresh_name} at {refresh:.1f} s",
        )


def _state_changes(picture: Timeline) -> list[tuple[float, float, str]]:
    """(begin, end, colour) of every stretch of the window, the unjudged included."""
    found: list[tuple[float, float, str]] = []
    at = picture.begin_s
    for span in picture.spans:
        if span.begin_s > at:
            found.append((at, span.begin_s, "dim"))
        unjudged = span.state is State.UNKNOWN and not tells(picture.lifetime)
        colour = "dim" if unjudged else STATES[span.state][0]
        found.append((span.begin_s, span.end_s, colour))
        at = span.end_s
    if at < picture.end_s:
        found.append((at, picture.end_s, "dim"))
    return found


def _line(plot: _Plot) -> None:
    """The age of the binding, in the colour of what is known of it."""
    picture = plot.picture
    drawn: dict[str, list[str]] = {}
    falls: list[str] = []
    moments = _apart(picture.heard, (picture.end_s - picture.begin_s) / max(plot.width, 1.0))
    changes = _state_changes(picture)
    number_ = 0
    for moment, after in pairwise([*moments, Moment(picture.end_s, picture.end_s)]):
        begin, end = max(moment.until_s, picture.begin_s), min(after.at_s, picture.end_s)
        if end <= begin:
            continue
        while number_ < len(changes) - 1 and changes[number_][1] <= begin:
            number_ += 1
        at = number_
        while at < len(changes) and changes[at][0] < end:
            left, right = max(changes[at][0], begin), min(changes[at][1], end)
            if right > left:
                drawn.setdefault(changes[at][2], []).append(
                    _climb(plot, left, right, moment.until_s)
                )
            at += 1
        if after.at_s <= picture.end_s and after is not moment and end < picture.end_s:
            top = plot.y(end - moment.until_s)
            falls.append(f"M{number(plot.x(end))} {number(top)}V{number(plot.y(0))}")
    if falls:
        plot.svg.path(falls, "sd-axis", "1 2")
    for colour, steps in drawn.items():
        plot.svg.path(steps, "sd-axis" if colour == "dim" else f"sd-{colour}-line")


def _climb(plot: _Plot, left: float, right: float, since: float) -> str:
    """From ``left`` to ``right``; what is above the axis runs along its top."""
    highest = since + plot.y.high
    steps = [f"M{number(plot.x(left))} {number(plot.y(left - since))}"]
    if left < highest < right:
        steps.append(f"L{number(plot.x(highest))} {number(plot.y(plot.y.high))}")
    steps.append(f"L{number(plot.x(right))} {number(plot.y(right - since))}")
    return "".join(steps)


def _apart(moments: Iterable[Moment], least_s: float) -> list[Moment]:
    """Moments closer to each other than a pixel made one."""
    found: list[Moment] = []
    for moment in moments:
        if found and moment.at_s - found[-1].until_s < least_s:
            found[-1] = Moment(found[-1].at_s, max(found[-1].until_s, moment.until_s))
        else:
            found.append(moment)
    return found


_Box = tuple[float, float, float, float]


def _proposal(plot: _Plot, taken: list[_Box]) -> None:
    """The broken line of the proposed interval, and the words on both intervals."""
    svg, picture, y = plot.svg, plot.picture, plot.y
    right = plot.width - _RIGHT

    def label(heights: Iterable[float], words: str, colour: str) -> None:
        """At the first free place, on the right if it can be, else where it is wanted most."""
        size = text_width(words) * 1.05
        boxes = [
            (left, at - 12, left + size, at + 4)
            for at in heights
            for left in (right - 6 - size, _LEFT + 6)
        ]
        box = next((b for b in boxes if _free(b, taken)), boxes[0])
        svg.text(box[0], box[1] + 12, words, f"sd-text sd-{colour} sd-strong sd-halo")
        taken.append(box)

    lower, upper = picture.lifetime
    if picture.proposed_s is not None and picture.proposed_s <= y.high:
        at = y(picture.proposed_s)
        svg.line(_LEFT, at, right, at, "sd-idea-line", "9 5")
        words = f"proposed: a packet every {picture.proposed_s} s"
        more = " keeps the line below this one"
        label((at + 15, at - 6), words + more if plot.wide else words, "idea")
    if lower is not None and upper is not None:
        words = f"lifetime: {lower:.1f} to {upper:.1f} s"
        short = words if plot.wide else words.removeprefix("lifetime: ")
        label((y(upper) - 6, (y(upper) + y(lower)) / 2 + 4, y(lower) + 15), short, "maybe")
    elif lower is not None and tells(picture.lifetime):
        label((y(lower) - 6, y(lower) + 15), f"survived: {lower:.1f} s", "maybe")
    elif upper is not None:
        label((y(upper) - 6, y(upper) + 15), f"lost: {upper:.1f} s", "maybe")


def _free(box: _Box, taken: Iterable[_Box]) -> bool:
    return all(
        box[2] < other[0] or box[0] > other[2] or box[3] < other[1] or box[1] > other[3]
        for other in taken
    )


def _attempts(plot: _Plot) -> None:
    svg, picture = plot.svg, plot.picture
    places = []
    taken: list[_Box] = []
    for attempt in picture.attempts:
        x, y = plot.x(attempt.sent_s[0]), plot.y(_age(picture, attempt))
        places.append((x, y, attempt))
        taken.append((x - 8, y - 8, x + 8, y + 8))
        if not attempt.through:
            _repeats(plot, attempt)
    _proposal(plot, taken)
    # What got through lies below what was lost, should they meet.
    for x, y, attempt in sorted(places, key=lambda place: not place[2].through):
        young = attempt.through and _age(picture, attempt) < _YOUNG * plot.y.high
        sign = dot(x, y) if young else mark(attempt.fate, x, y)
        svg.add(f"<g><title>{_told(attempt)}</title>{sign}</g>")
    for x, y, attempt in sorted(places, key=lambda p: (p[2].through, -(p[2].age_s or 0.0))):
        if not attempt.through or _age(picture, attempt) >= _YOUNG * plot.y.high:
            _label(plot, x, y, attempt, taken)


def _repeats(plot: _Plot, attempt: Attempt) -> None:
    """The retransmissions of what was lost, along the line."""
    first = attempt.sent_s[0]
    steps = []
    for sent in attempt.sent_s[1:]:
        x, y = plot.x(sent), plot.y(_age(plot.picture, attempt) + sent - first)
        steps.append(f"M{number(x - 2.5)} {number(y - 2.5)}l5 5m0-5l-5 5")
    if steps:
        plot.svg.path(steps, "sd-bad-line sd-thin")


def _told(attempt: Attempt) -> str:
    age = "" if attempt.age_s is None else f", binding {attempt.age_s:.1f} s old"
    times = f", sent {len(attempt.sent_s)} times" if len(attempt.sent_s) > 1 else ""
    return escape(
        f"{attempt.method} to {attempt.dst} at {attempt.sent_s[0]:.1f} s{age}{times}: "
        f"{WORDS[attempt.fate]} ({attempt.place})",
        600,
    )


def _label(plot: _Plot, x: float, y: float, attempt: Attempt, taken: list[_Box]) -> None:
    """The age beside a mark, where there is room for it."""
    words = "" if attempt.age_s is None else f"{attempt.age_s:.1f} s"
    if plot.wide or not words:
        words = f"{shorten(attempt.method, 90)} {words}".rstrip()
        if not attempt.through and plot.wide:
            words += ", lost"
    size = text_width(words)
    colour = "ok" if attempt.through else "dim" if attempt.fate is Fate.OPEN else "bad"
    for left, top, anchor in (
        (x - 12 - size, y - 8, "end"),
        (x + 12, y - 8, "start"),
        (x - size / 2, y - 26, "middle"),
        (x - size / 2, y + 10, "middle"),
    ):
        box = (left, top, left + size, top + 16)
        inside = left >= _LEFT and left + size <= plot.width - 4 and top >= _TOP - 4
        if inside and _free(box, taken):
            at = {"end": left + size, "start": left, "middle": x}[anchor]
            plot.svg.text(at, top + 12, words, f"sd-text sd-{colour} sd-strong sd-halo", anchor)
            taken.append(box)
            return


def _strip(plot: _Plot, top: float) -> float:
    svg, picture = plot.svg, plot.picture
    svg.text(_LEFT, top - 6, "the way in through the NAT", "sd-text sd-dim")
    for span in seen_spans(picture.spans, plot.x):
        left, right = plot.x(span.begin_s), plot.x(span.end_s)
        colour, words = STATES[span.state]
        told = f"{words}: {span.begin_s:.1f} to {span.end_s:.1f} s"
        svg.rect(left, top, right - left, _STRIP, f"sd-{colour}", told)
        if span.state is State.DEAD:
            svg.hatch(left, top, right - left, _STRIP, "paper")
    return top + _STRIP


def _states(plot: _Plot) -> set[State]:
    """Those that can be seen."""
    return {span.state for span in seen_spans(plot.picture.spans, plot.x)}


def _legend(plot: _Plot, top: float) -> float:
    """Only what is in the picture; gives the height of it all."""
    svg, picture = plot.svg, plot.picture
    items: list[tuple[str, str]] = []
    for fate in Fate:
        if any(attempt.fate is fate for attempt in picture.attempts):
            items.append(
                (
                    mark(fate, 0, 0),
                    f"request {WORDS[fate]}" if fate is Fate.THROUGH else WORDS[fate],
                )
            )
    seen = _states(plot)
    for state, (colour, words) in STATES.items():
        if state in seen and seen != {State.UNKNOWN}:
            items.append((f'<rect x="-8" y="-6" width="16" height="12" class="sd-{colour}"/>',
                          words))  # fmt: skip
    x, y = 18.0, top
    for sign, words in items:
        size = text_width(words) + 34
        if x + size > plot.width and x > 18:
            x, y = 18.0, y + 22
        svg.add(f'<g transform="translate({number(x)} {number(y)})">{sign}</g>')
        svg.text(x + 14, y + 4, words)
        x += size
    if picture.attempts_left_out or picture.end_s - picture.begin_s < picture.whole_s * 0.98:
        y += 22
        out = f"; {picture.attempts_left_out} requests are outside of it or not drawn" if (
            picture.attempts_left_out) else ""  # fmt: skip
        part = f"{picture.end_s - picture.begin_s:.0f} s of {picture.whole_s:.0f} s are drawn{out}"
        svg.text(10, y + 4, shorten(part, plot.width - 20), "sd-text sd-dim")
    return y + 16
