"""The only door through which wire text reaches a person: nothing in it acts, and no secret shows.

>>> plain("Bob\\x1b[2J\\u202e\\n")
'Bob\\\\x1b[2J\\\\u202e\\\\x0a'
>>> plain("[fe80::1]:5060")
'[fe80::1]:5060'
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from sipdiag.base.secrets import hide

T = TypeVar("T")

_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories that show as nothing, or steer what shows: controls (C0, C1), format and
bidirectional characters, surrogates (bytes that were no UTF-8), line and paragraph separators.
Unassigned ones (Cn) are left, as they change with Unicode's version and only look odd."""

LONGEST = 2000
"""Characters of one text that are shown; a megabyte header proves nothing more."""


_BEYOND = 4096
"""Characters behind the longest text that are looked at for a secret that begins before."""

_SECRETS = ContextVar("secrets", default=False)


@contextmanager
def secrets_shown(wanted: bool = True) -> Iterator[None]:
    """Within it secrets are shown (``--show-secrets``): digests, keys and passwords."""
    token = _SECRETS.set(wanted)
    try:
        yield
    finally:
        _SECRETS.reset(token)


def shows_secrets() -> bool:
    """Whether secrets are to be shown now."""
    return _SECRETS.get()


def _escape(char: str) -> str:
    number = ord(char)
    if 0xDC80 <= number <= 0xDCFF:
        return f"\\x{number - 0xDC00:02x}"
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def plain(text: str, *, longest: int = LONGEST) -> str:
    """``text`` on one line, with all that a terminal could act on escaped, and without secrets."""
    length = len(text)
    if not _SECRETS.get():
        text = hide(text[: longest + _BEYOND])
    if length > longest:
        text = f"{text[:longest]}... ({length} characters)"
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
