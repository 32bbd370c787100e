"""The report as one page of HTML that needs nothing else: no network, no script but its own.

Contract: ``render`` is pure. Whatever is printed passes ``safe.plain`` and is then escaped by the
template engine, the drawings aside, which escape for themselves. A Content-Security-Policy lets
nothing run or load but the style sheet and the script in the page, known by their hashes: should
wire text ever get through as markup, it does nothing. Lists are cut to what a page can hold.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from itertools import zip_longest

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from sipdiag.report import draw
from sipdiag.report.draw import Scheme
from sipdiag.report.draw.signs import WORDS
from sipdiag.report.draw.strip import share_words
from sipdiag.report.draw.svg import DARK, LIGHT, properties, rules
from sipdiag.report.html import view
from sipdiag.report.model import Report
from sipdiag.report.picture import Ladder, Media, Pictures, Strip, Timeline
from sipdiag.report.safe import plain
from sipdiag.report.words import CONFIDENCE, EVIDENCE_SHOWN, ROLES, held, where

_WIDE, _NARROW = 960, 360
_LONGEST = 1200
"""Characters of one text; the lines of a message are shorter already."""


def render(report: Report, pictures: Pictures | None = None) -> str:
    """The page. Without ``pictures`` it has words and tables only."""
    style, script = _style(), _text("page.js")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            report=report,
            pictures=pictures if pictures is not None else Pictures(),
            root=view.root_of(report),
            view=view,
            style=Markup(style),
            script=Markup(script),
            policy=(
                f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
                "img-src data:; base-uri 'none'; form-action 'none'"
            ),
            timeline=_timeline,
            ladder=_ladder,
            strip=_strip,
            media=_media,
            share_words=share_words,
            where=where,
            held=held,
            WORDS=WORDS,
            ROLES=ROLES,
            CONFIDENCE=CONFIDENCE,
            EVIDENCE_SHOWN=EVIDENCE_SHOWN,
            NEWLINE=Markup("\n"),
            zip_longest=zip_longest,
        )
    )


@cache
def _text(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    return Environment(
        loader=FunctionLoader(_text),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _shown(value: object) -> object:
    """What the template prints: drawings as they are, everything else made plain."""
    return value if isinstance(value, Markup) else plain(str(value), longest=_LONGEST)


def _style() -> str:
    light, dark = properties(LIGHT), properties(DARK)
    schemes = (
        f":root{{{light}color-scheme:light}}"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}color-scheme:dark}}}}"
        f"@media screen{{:root[data-scheme=light]{{{light}color-scheme:light}}"
        f":root[data-scheme=dark]{{{dark}color-scheme:dark}}}}"
    )
    return f"{schemes}{rules()}{_text('page.css')}"


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _timeline(picture: Timeline, number: int) -> Markup:
    """Wide, and narrow for a phone; the style sheet shows one."""
    return Markup(
        f'<div class="wide">'
        f"{draw.timeline(picture, width=_WIDE, scheme=Scheme.PAGE, ident=f't{number}')}</div>"
        f'<div class="narrow">'
        f"{draw.timeline(picture, width=_NARROW, scheme=Scheme.PAGE, ident=f'u{number}')}</div>"
    )


def _ladder(picture: Ladder, ident: str) -> Markup:
    return Markup(draw.ladder(picture, scheme=Scheme.PAGE, ident=ident, links=True))


def _strip(picture: Strip, number: int) -> Markup:
    return Markup(draw.strip(picture, scheme=Scheme.PAGE, ident=f"s{number}"))


def _media(picture: Media, number: int) -> Markup:
    return Markup(
        f'<div class="wide">'
        f"{draw.media(picture, width=_WIDE, scheme=Scheme.PAGE, ident=f'a{number}')}</div>"
        f'<div class="narrow">'
        f"{draw.media(picture, width=_NARROW, scheme=Scheme.PAGE, ident=f'b{number}')}</div>"
    )
