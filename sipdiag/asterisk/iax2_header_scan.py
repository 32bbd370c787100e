"""The preprocessor's view of a C header: its directives, and where in the file each byte stands.

Bytes in, directives out; nothing is read or written. Done is what C does before it looks at a
directive (ISO C11 5.1.1.2, phases 2 to 4): lines ending in a backslash are joined, comments are
one blank each, literals are left alone. Nothing is expanded and no condition is evaluated.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_SPLICE = re.compile(rb"\\[ \t]*\r?\n")
"""GCC lets blanks stand between the backslash and the line's end (with a warning)."""

_OPAQUE = re.compile(
    rb"(/\*.*?(?:\*/|\Z)|//[^\n]*)"
    rb'|"(?:\\.|[^"\\\n])*"?'
    rb"|'(?:\\.|[^'\\\n])*'?",
    re.DOTALL,
)
_DIRECTIVE = re.compile(rb"^[ \t\r\f\v]*#[ \t\r\f\v]*(\w+)([^\n]*)$", re.MULTILINE)
_GUARD = re.compile(rb"\s*+(?:!\s*+defined\s*+\(?+)?+\s*+(\w++)\s*+\)?+\s*+$")
_WORD = re.compile(rb"\s*(\w+)")


class Directive(NamedTuple):
    """One ``#`` line. ``body``: what follows the directive's name, joined and without comments."""

    name: bytes
    body: bytes
    offsets: tuple[int, ...]
    """Where each byte of ``body`` stands in the file."""
    conditional: bool
    """It stands inside an ``#if`` other than the header's include guard."""


class _Group(NamedTuple):
    """An ``#if`` up to its ``#endif``, by number of directive; ``last`` None = never closed."""

    first: int
    last: int | None
    alternatives: bool


def directives(data: bytes) -> list[Directive]:
    """Every directive of the header, in order."""
    text, offsets = _joined(data)
    found = [
        (match[1], match[2], tuple(offsets[match.start(2) : match.end(2)]))
        for match in _DIRECTIVE.finditer(_OPAQUE.sub(_blanked, text))
    ]
    groups, inside = _groups([name for name, _, _ in found])
    guard = _guard([(name, body) for name, body, _ in found], groups)
    return [
        Directive(*parts, conditional=bool(around - {guard}))
        for parts, around in zip(found, inside, strict=True)
    ]


def _joined(data: bytes) -> tuple[bytes, list[int]]:
    """The text with continued lines joined, and the file's offset of each byte of it."""
    text, offsets, start = bytearray(), list[int](), 0
    for splice in _SPLICE.finditer(data):
        text += data[start : splice.start()]
        offsets.extend(range(start, splice.start()))
        start = splice.end()
    text += data[start:]
    offsets.extend(range(start, len(data)))
    return bytes(text), offsets


def _blanked(match: re.Match[bytes]) -> bytes:
    """Comments as blanks of the same length, so that offsets stay; literals as they are."""
    return b" " * len(match[0]) if match[1] is not None else match[0]


def _groups(names: list[bytes]) -> tuple[list[_Group], list[set[int]]]:
    """The groups, and for each directive the groups (by number of their ``#if``) it is inside."""
    closed: list[_Group] = []
    open_: list[tuple[int, bool]] = []
    inside = []
    for number, name in enumerate(names):
        if name in (b"elif", b"else", b"elifdef", b"elifndef") and open_:
            open_[-1] = (open_[-1][0], True)
        inside.append({first for first, _ in open_})
        if name in (b"if", b"ifdef", b"ifndef"):
            open_.append((number, False))
        elif name == b"endif" and open_:
            first, alternatives = open_.pop()
            closed.append(_Group(first, number, alternatives))
    closed.extend(_Group(first, None, alternatives) for first, alternatives in open_)
    return closed, inside


def _guard(found: list[tuple[bytes, bytes]], groups: list[_Group]) -> int | None:
    """The number of the ``#ifndef`` that guards the whole header, as in
    ``#ifndef X``, ``#define X`` ... ``#endif``."""
    if len(found) < 2 or found[0][0] not in (b"ifndef", b"if") or found[1][0] != b"define":
        return None
    asked, defined = _GUARD.match(found[0][1]), _WORD.match(found[1][1])
    if asked is None or defined is None or asked[1] != defined[1]:
        return None
    if found[0][0] == b"if" and b"!" not in found[0][1]:
        return None
    whole = _Group(0, len(found) - 1, False)
    return 0 if whole in groups else None
