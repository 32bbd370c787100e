"""The ink: escaping, numbers, colours and the frame of an SVG document.

Colours have names (``ok``, ``bad`` ...) and every element a class of that name (with ``sd-`` before
it). What the names mean is said once: in the page's own style sheet, or, where a drawing stands
alone, in one of its own. So a drawing follows the reader's colour scheme in both places, and can be
written with one fixed scheme for programs that know no style sheets with conditions.
"""

from __future__ import annotations

import enum
import html
from collections.abc import Iterable

from sipdiag.report.safe import plain

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
MONO = "ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace"


class Scheme(enum.StrEnum):
    """Where a drawing's colours come from."""

    PAGE = "page"
    """From the page it is in."""
    AUTO = "auto"
    """It stands alone and follows the reader's setting."""
    LIGHT = "light"
    DARK = "dark"


LIGHT = {
    "paper": "#ffffff",
    "ink": "#1c2128",
    "dim": "#59636e",
    "line": "#d1d9e0",
    "ok": "#096b4a",
    "maybe": "#855600",
    "bad": "#b3261e",
    "idea": "#0a58ca",
    "ok-wash": "#d3efe2",
    "maybe-wash": "#ffe9b8",
    "bad-wash": "#fbdcd8",
    "idea-wash": "#dce8fd",
}
"""Contrast of the inks on paper is at least 4.5 to 1 (WCAG 2.1, 1.4.3)."""

DARK = {
    "paper": "#12161c",
    "ink": "#e8ecf1",
    "dim": "#a3adb8",
    "line": "#38414c",
    "ok": "#54cf9b",
    "maybe": "#e8b84a",
    "bad": "#ff8a7c",
    "idea": "#86b6ff",
    "ok-wash": "#143d2e",
    "maybe-wash": "#453711",
    "bad-wash": "#54231f",
    "idea-wash": "#1b335c",
}

_WASHES = ("ok", "maybe", "bad", "idea")


def rules(scheme: Scheme = Scheme.AUTO) -> str:
    """The style sheet of the classes, in which each colour is a custom property of its name
    (``--sd-ok``) or, for a fixed scheme, its value."""

    def colour(name: str) -> str:
        if scheme is Scheme.DARK:
            return DARK[name]
        return LIGHT[name] if scheme is Scheme.LIGHT else f"var(--sd-{name},{LIGHT[name]})"

    lines = [
        f".sd-text{{font-family:{FONT};font-size:12px;fill:{colour('ink')}}}",
        f".sd-mono{{font-family:{MONO};font-size:12px;fill:{colour('ink')}}}",
        ".sd-strong{font-weight:600}",
        ".sd-large{font-size:14px}",
        ".sd-small{font-size:11px}",
        ".sd-hit{fill:transparent}",
        f".sd-dim{{fill:{colour('dim')}}}",
        f".sd-paper{{fill:{colour('paper')}}}",
        f".sd-halo{{stroke:{colour('paper')};stroke-width:4;stroke-linejoin:round;"
        "paint-order:stroke}",
        f".sd-axis{{stroke:{colour('dim')};stroke-width:1;fill:none}}",
        f".sd-grid{{stroke:{colour('line')};stroke-width:1;fill:none}}",
    ]
    for name in _WASHES:
        lines += [
            f".sd-{name}{{fill:{colour(name)}}}",
            f".sd-{name}-line{{stroke:{colour(name)};stroke-width:2;fill:none;"
            "stroke-linecap:round;stroke-linejoin:round}",
            f".sd-{name}-wash{{fill:{colour(name + '-wash')}}}",
            f".sd-{name}-hatch{{stroke:{colour(name)};stroke-width:1.2;stroke-opacity:.55;"
            "fill:none}",
        ]
    lines.append(f".sd-ink{{fill:{colour('ink')}}}")
    lines.append(f".sd-ink-line{{stroke:{colour('ink')};stroke-width:1.5;fill:none}}")
    bad, paper = colour("bad"), colour("paper")
    lines += [
        ".sd-thin{stroke-width:1}",
        f".sd-tick{{stroke:{paper};stroke-width:2;fill:none;stroke-linecap:round;"
        "stroke-linejoin:round}",
        f".sd-cross{{stroke:{bad};stroke-width:3.2;fill:none;stroke-linecap:round}}",
        f".sd-cross-edge{{stroke:{paper};stroke-width:6.5;fill:none;stroke-linecap:round}}",
        f".sd-deaf{{stroke:{bad};stroke-width:2;fill:{paper}}}",
        f".sd-open{{stroke:{colour('dim')};stroke-width:1.5;fill:{paper}}}",
        f".sd-paper-hatch{{stroke:{paper};stroke-width:2;stroke-opacity:.6;fill:none}}",
    ]
    return "".join(lines)


def properties(values: dict[str, str]) -> str:
    """A scheme as custom properties."""
    return "".join(f"--sd-{name}:{value};" for name, value in values.items())


def _sheet(scheme: Scheme) -> str:
    if scheme is Scheme.PAGE:
        return ""
    conditions = ""
    if scheme is Scheme.AUTO:
        conditions = f"@media(prefers-color-scheme:dark){{svg{{{properties(DARK)}}}}}"
    return f"<style>{conditions}{rules(scheme)}</style>"


def escape(text: str, longest: int = 200) -> str:
    """Wire text as SVG: what could act is shown, what isn't XML (U+FFFE, U+FFFF) too."""
    shown = plain(text, longest=longest)
    return html.escape(shown.replace("\ufffe", "\\ufffe").replace("\uffff", "\\uffff"))


def number(value: float) -> str:
    """A coordinate, to a tenth of a pixel."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def text_width(text: str, size: float = 12.0, mono: bool = False) -> float:
    """About how wide a text will be, in pixels; rather more than less."""
    return len(text) * size * (0.61 if mono else 0.56)


def shorten(text: str, width: float, size: float = 12.0, mono: bool = False) -> str:
    """A text that fits, its end left out where it must be."""
    most = max(2, int(width / text_width("x", size, mono)))
    return text if len(text) <= most else text[: most - 1] + "…"


class Svg:
    """A document that is filled element by element. ``ident`` tells its patterns from those of
    other drawings in one page."""

    def __init__(self, ident: str) -> None:
        self.ident = ident
        self._parts: list[str] = []
        self._hatches: set[str] = set()

    def add(self, raw: str) -> None:
        """An element that is SVG already."""
        self._parts.append(raw)

    def rect(self, x: float, y: float, width: float, height: float, kind: str,
             title: str = "", round_: float = 0.0) -> None:  # fmt: skip
        """A filled rectangle; too narrow ones are drawn a tenth of a pixel wide."""
        corner = f' rx="{number(round_)}"' if round_ else ""
        self._shape(
            f'<rect x="{number(x)}" y="{number(y)}" width="{number(max(width, 0.1))}" '
            f'height="{number(height)}"{corner} {_class(kind)}',
            "rect",
            title,
        )

    def hatch(self, x: float, y: float, width: float, height: float, kind: str) -> None:
        """A rectangle of slanted lines in the colour ``kind``, to be told apart without colour."""
        self._hatches.add(kind)
        self.add(
            f'<rect x="{number(x)}" y="{number(y)}" width="{number(max(width, 0.1))}" '
            f'height="{number(height)}" fill="url(#{self.ident}-{kind})"/>'
        )

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str, dash: str = "",
             title: str = "") -> None:  # fmt: skip
        """A straight line."""
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self._shape(
            f'<line x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}"'
            f"{dashes} {_class(kind)}",
            "line",
            title,
        )

    def path(self, steps: Iterable[str], kind: str, dash: str = "", title: str = "") -> None:
        """A path of steps such as ``M0 0``."""
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        self._shape(f'<path d="{"".join(steps)}"{dashes} {_class(kind)}', "path", title)

    def text(self, x: float, y: float, words: str, kind: str = "sd-text", anchor: str = "start",
             longest: int = 200, turned: bool = False) -> None:  # fmt: skip
        """A line of text. ``turned``: read from below, around its own place."""
        where = "" if anchor == "start" else f' text-anchor="{anchor}"'
        turn = f' transform="rotate(-90 {number(x)} {number(y)})"' if turned else ""
        self.add(
            f'<text x="{number(x)}" y="{number(y)}"{where}{turn} {_class(kind)}>'
            f"{escape(words, longest)}</text>"
        )

    def _shape(self, opened: str, name: str, title: str) -> None:
        if title:
            self.add(f"{opened}><title>{escape(title, 600)}</title></{name}>")
        else:
            self.add(opened + "/>")

    def document(self, width: float, height: float, title: str, description: str,
                 scheme: Scheme, role: str = "img", stretched: bool = False) -> str:  # fmt: skip
        """The whole of it. ``role`` ``group`` where there are links in it. ``stretched``: it fills
        its place in a page, whatever that makes of its shape."""
        patterns = "".join(
            f'<pattern id="{self.ident}-{kind}" width="7" height="7" '
            'patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
            f'<line x1="0" y1="0" x2="0" y2="7" class="sd-{kind}-hatch"/></pattern>'
            for kind in sorted(self._hatches)
        )
        names = f"{self.ident}-t {self.ident}-d"
        size = f"0 0 {number(width)} {number(height)}"
        fit = ' preserveAspectRatio="none"' if stretched else ""
        alone = fit if scheme is Scheme.PAGE else (
            f' width="{number(width)}" height="{number(height)}"'
        )  # fmt: skip
        ground = "" if scheme is Scheme.PAGE else (
            f'<rect width="{number(width)}" height="{number(height)}" class="sd-paper"/>'
        )  # fmt: skip
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}"{alone} class="sd" '
            f'role="{role}" aria-labelledby="{names}">'
            f'<title id="{self.ident}-t">{escape(title)}</title>'
            f'<desc id="{self.ident}-d">{escape(description, 2000)}</desc>'
            f"{_sheet(scheme)}{f'<defs>{patterns}</defs>' if patterns else ''}{ground}"
            f"{''.join(self._parts)}</svg>"
        )


def _class(kind: str) -> str:
    return f'class="{kind}"'
