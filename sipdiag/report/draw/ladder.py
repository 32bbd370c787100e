"""The messages of one session as a ladder: lanes from top to bottom, an arrow a message.

Retransmissions are one arrow with their number. An arrow that ends in a cross got no reply. Where
two ladders stand beside each other, a row that only the other one has is left free, and the row
at which they part is marked.
"""

from __future__ import annotations

from sipdiag.report.draw.svg import Scheme, Svg, escape, number, shorten, text_width
from sipdiag.report.picture.model import Ladder, Rung

_ROW = 36.0
_TIME = 58.0
"""Room for times on the left."""
_FRAME = 62.0
"""Room for frame numbers on the right."""


def ladder(
    picture: Ladder,
    *,
    width: float = 400,
    scheme: Scheme = Scheme.AUTO,
    ident: str = "ladder",
    links: bool = False,
) -> str:
    """The drawing as an SVG document ``width`` pixels wide. ``ident``: unique in a page.
    ``links``: each message that can be looked at is a link to its anchor."""
    svg = Svg(ident)
    top = _heads(svg, picture, width)
    rows = len(picture.rungs)
    foot = top + rows * _ROW + (20 if picture.left_out else 4)
    if picture.parts_at is not None and picture.parts_at < rows:
        at = top + picture.parts_at * _ROW
        svg.rect(0, at + 2, width, _ROW - 2, "sd-bad-wash", round_=4)
        svg.rect(0, at + 2, 4, _ROW - 2, "sd-bad")
    for x in _lanes(picture, width).values():
        svg.line(x, top - 4, x, top + rows * _ROW + 2, "sd-axis")
    for row, rung in enumerate(picture.rungs):
        at = top + row * _ROW
        if rung is None:
            svg.text(_middle(picture, width), at + 24, "nothing here", "sd-text sd-dim sd-halo",
                     "middle")  # fmt: skip
        else:
            svg.add(_rung(picture, rung, at, width, links=links))
    if picture.left_out:
        words = f"and {picture.left_out} more messages"
        svg.text(_middle(picture, width), foot - 6, words, "sd-text sd-dim sd-halo", "middle")
    return svg.document(
        width, foot, picture.title or "ladder", _description(picture), scheme,
        "group" if links else "img",
    )  # fmt: skip


def _description(picture: Ladder) -> str:
    """The messages in words."""
    told = [_told(rung, picture.zero_s) for rung in picture.rungs if rung is not None]
    return "; ".join(told[:30]) + ("; and more." if len(told) > 30 else ".")


def _lanes(picture: Ladder, width: float) -> dict[str, float]:
    """Where each endpoint's lane is."""
    left, right = _TIME + 14, width - _FRAME - 14
    steps = max(1, len(picture.lanes) - 1)
    return {
        lane.endpoint: left + n * (right - left) / steps for n, lane in enumerate(picture.lanes)
    }


def _middle(picture: Ladder, width: float) -> float:
    lanes = list(_lanes(picture, width).values())
    return (lanes[0] + lanes[-1]) / 2 if lanes else width / 2


def _heads(svg: Svg, picture: Ladder, width: float) -> float:
    """Names and addresses above the lanes, every second one lower where there are many; gives
    where the rows begin."""
    places = _lanes(picture, width)
    deep = len(picture.lanes) > 2
    for n, lane in enumerate(picture.lanes):
        x = places[lane.endpoint]
        room = 150.0 if not deep else 190.0
        words = shorten(lane.endpoint, room, 11, mono=True)
        half = max(text_width(words, 11, mono=True), text_width(lane.name)) / 2
        x = min(max(x, half + 2), width - half - 2)
        y = 14.0 + (30.0 if deep and n % 2 else 0.0)
        if lane.name:
            svg.text(x, y, lane.name, "sd-text sd-strong", "middle")
        svg.text(x, y + 15, words, "sd-mono sd-dim sd-small", "middle")
    return 70.0 if deep else 40.0


def _rung(picture: Ladder, rung: Rung, top: float, width: float, *, links: bool) -> str:
    lanes = _lanes(picture, width)
    begin = lanes.get(rung.src, _TIME + 14)
    end = lanes.get(rung.dst, width - _FRAME - 14)
    y = top + 26
    colour = "bad" if rung.lost else "ink"
    parts = [
        f'<rect x="0" y="{number(top + 1)}" width="{number(width)}" height="{number(_ROW - 2)}" '
        'class="sd-hit"/>',
        _words(_TIME, y + 4, f"{rung.at_s - picture.zero_s:.3f}", "sd-mono sd-dim sd-small", "end"),
        _words(width - _FRAME + 4, y + 4, _short_place(rung.place), "sd-mono sd-dim sd-small"),
    ]
    parts.append(_arrow(begin, end, y, colour, lost=rung.lost))
    left, right = min(begin, end), max(begin, end)
    label = shorten(_label(rung), max(right - left - 12, 90) if begin != end else 150)
    mark = " ≠" if rung.changed else ""
    kind = f"sd-text sd-strong sd-halo{' sd-bad' if rung.lost else ''}"
    at = (left + right) / 2 if begin != end else min(left + 80, width - 80)
    parts.append(_words(at, y - 7, label + mark, kind, "middle"))
    told = _told(rung, picture.zero_s)
    drawn = f"<title>{escape(told, 400)}</title>{''.join(parts)}"
    if links and rung.message:
        name = f'class="sd-link" aria-label="{escape(told, 400)}"'
        return f'<a href="#{rung.message}" {name}>{drawn}</a>'
    return f"<g>{drawn}</g>"


def _arrow(begin: float, end: float, y: float, colour: str, *, lost: bool) -> str:
    """From lane to lane; back to its own where both ends are one."""
    line = f'class="sd-{colour}-line"'
    fill = f'class="sd-{colour}"'
    if begin == end:
        loop = f"M{number(begin)} {number(y - 6)}h22v10h-16"
        head = f"M{number(begin + 1)} {number(y + 4)}l8-4v8z"
        return f'<path d="{loop}" {line}/><path d="{head}" {fill}/>'
    way = 1 if end > begin else -1
    stop = end - way * (22 if lost else 1)
    shaft = f"M{number(begin)} {number(y)}H{number(stop - way * (0 if lost else 7))}"
    if lost:
        cross = (
            f"M{number(stop + way * 3)} {number(y - 5)}l{10 * way} 10"
            f"m0-10l{-10 * way} 10"
        )  # fmt: skip
        return f'<path d="{shaft}" {line} stroke-dasharray="6 3"/><path d="{cross}" {line}/>'
    head = f"M{number(stop)} {number(y)}l{-8 * way}-4v8z"
    return f'<path d="{shaft}" {line}/><path d="{head}" {fill}/>'


def _words(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    where = "" if anchor == "start" else f' text-anchor="{anchor}"'
    return f'<text x="{number(x)}" y="{number(y)}"{where} class="{kind}">{escape(text)}</text>'


def _label(rung: Rung) -> str:
    if rung.count <= 1:
        return rung.label
    return f"{rung.label} ×{rung.count} in {rung.last_s - rung.at_s:.1f} s"


def _short_place(place: str) -> str:
    """``#494`` of ``bad.pcap frame 494``."""
    _, _, found = place.rpartition(" ")
    return f"#{found}" if found.isdigit() else ""


def _told(rung: Rung, zero_s: float) -> str:
    times = (
        f", sent {rung.count} times in {rung.last_s - rung.at_s:.1f} s" if rung.count > 1 else ""
    )
    fate = ", no reply" if rung.lost else ""
    changed = ", changed" if rung.changed else ""
    return (
        f"{rung.at_s - zero_s:.3f} s: {rung.label} from {rung.src} to {rung.dst}{times}{fate}"
        f"{changed} ({rung.place})"
    )
