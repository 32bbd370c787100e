"""``--plot FILE``: the timeline of a client's NAT binding as SVG, or as PNG by way of resvg."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from sipdiag.base.errors import AccessError, UsageError
from sipdiag.base.files import write_output
from sipdiag.report.draw import Scheme, timeline
from sipdiag.report.picture import Pictures

_PNG_ZOOM = 2
"""Pixels of a PNG for each of the drawing's: sharp on today's screens."""


def check(target: str) -> None:
    """Raises ``UsageError`` for another kind of file, ``AccessError`` where PNG can't be made."""
    kind = os.path.splitext(target)[1].lower()
    if kind not in (".svg", ".png"):
        raise UsageError(f"--plot: {target}: the name must end in .svg or .png")
    if kind == ".png" and find_spec("resvg_py") is None:
        raise AccessError("PNG needs resvg-py: pip install 'sipdiag[png]' (SVG needs nothing)")


def write_plot(pictures: Pictures, target: str) -> str:
    """Writes the first client's timeline, which is the accused one's, and says so in a sentence.
    Raises ``AccessError`` where the file can't be written."""
    if not pictures.timelines:
        return f"{target} wasn't written: there is no binding to draw"
    first = pictures.timelines[0]
    if target.lower().endswith(".png"):
        data = _png(timeline(first, scheme=Scheme.LIGHT))
    else:
        data = timeline(first).encode("utf-8", "replace")
    write_output(Path(target), data)
    more = len(pictures.timelines) - 1 + pictures.timelines_left_out
    rest = f"; {more} more can be seen with --html" if more else ""
    return f"the timeline of {first.subject} written to {target}{rest}"


def _png(svg: str) -> bytes:
    import resvg_py

    return bytes(resvg_py.svg_to_bytes(svg_string=svg, zoom=_PNG_ZOOM))
