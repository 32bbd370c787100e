"""Drawings as SVG, by pure functions: what ``report.picture`` says in, text out.

A drawing stands alone as a file, in the reader's colour scheme (``Scheme.AUTO``) or a fixed one
(``Scheme.LIGHT``, for programs that turn SVG into pixels), or in a page (``Scheme.PAGE``).
"""

from __future__ import annotations

from sipdiag.report.draw.ladder import ladder
from sipdiag.report.draw.strip import media, strip
from sipdiag.report.draw.svg import Scheme
from sipdiag.report.draw.timeline import timeline

__all__ = ["Scheme", "ladder", "media", "strip", "timeline"]
