"""Stretches of time as far as they can be seen."""

from __future__ import annotations

from collections.abc import Iterable

from sipdiag.report.draw.axis import Scale
from sipdiag.report.picture.model import Span

_LEAST = 0.7
"""Pixels: a narrower stretch can't be seen, and is a line between two others at best."""


def seen_spans(spans: Iterable[Span], x: Scale) -> list[Span]:
    """The stretches that are wide enough, each from where the one before it ends."""
    found: list[Span] = []
    for span in spans:
        if abs(x(span.end_s) - x(span.begin_s)) < _LEAST:
            continue
        if found and found[-1].state is span.state:
            found[-1] = Span(found[-1].begin_s, span.end_s, span.state)
        else:
            found.append(Span(found[-1].end_s if found else span.begin_s, span.end_s, span.state))
    return found
