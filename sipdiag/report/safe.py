"""The only door through which wire text reaches a person.

>>> plain("Bob\\x1b[2J\\u202e\\n")
'Bob\\\\x1b[2J\\\\u202e\\\\x0a'
>>> plain("[fe80::1]:5060")
'[fe80::1]:5060'
"""

from __future__ import annotations

import unicodedata
from typing import TypeVar

T = TypeVar("T")

_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories that show as nothing, or steer what shows: controls (C0, C1), format and
bidirectional characters, surrogates (bytes that were no UTF-8), line and paragraph separators.
Unassigned ones (Cn) are left, as they change with Unicode's version and only look odd."""

LONGEST = 2000
"""Characters of one text that are shown; a megabyte header proves nothing more."""


def _escape(char: str) -> str:
    number = ord(char)
    if 0xDC80 <= number <= 0xDCFF:
        return f"\\x{number - 0xDC00:02x}"
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def plain(text: str, *, longest: int = LONGEST) -> str:
    """``text`` on one line, with all that a terminal or browser could act on escaped."""
    if len(text) > longest:
        text = f"{text[:longest]}... ({len(text)} characters)"
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escape(c) if unicodedata.category(c) in _HIDDEN else c for c in text)


def plain_tree(value: T) -> T:
    """``plain`` for every text in nested lists and dicts, keys included."""
    if isinstance(value, str):
        return plain(value)  # type: ignore[return-value]
    if isinstance(value, list):
        return [plain_tree(item) for item in value]  # type: ignore[return-value]
    if isinstance(value, dict):
        return {plain_tree(k): plain_tree(v) for k, v in value.items()}  # type: ignore[return-value]
    return value
