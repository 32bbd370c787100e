"""One line of a ``*.conf``: comments taken out, and what is left told apart.

Follows main/config.c byte by byte, its oddities included: ``\\;`` is a semicolon, ``;-- --;``
nests, a header's words in brackets are not trimmed. The columns of what remains are kept, so that
a value can be changed where it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

_MOST_NESTED = 128
"""config.c: MAX_NESTED_COMMENTS."""

_BOM = b"\xef\xbb\xbf"
_BLANKS = bytes(range(33))
"""What ``ast_strip`` takes away."""


class Header(NamedTuple):
    """``[name](words)``."""

    name: str
    words: list[str]


class Include(NamedTuple):
    """``kind``: ``include``, ``tryinclude`` or ``exec``."""

    kind: str
    name: str


class Option(NamedTuple):
    """``name=value``, ``name => value`` or ``name += value`` (``appending``). ``span``: bytes of
    the value in the line."""

    name: str
    value: str
    raw_value: str
    span: tuple[int, int]
    appending: bool


class Wrong(NamedTuple):
    """Not a line that Asterisk understands."""

    code: str
    text: str
    refused: bool


def uncomment(
    raw: bytes, depth: int, *, first: bool = False
) -> tuple[bytes | None, Sequence[int], int]:
    """A line without its comments, the column in ``raw`` of each byte left, and how many ``;--``
    are open behind it (``depth`` before it). None: the line is all comment."""
    raw = raw.partition(b"\0")[0]
    offset = len(_BOM) if first and raw.startswith(_BOM) else 0
    if not depth and b";" not in raw:
        return raw[offset:], range(offset, len(raw)), depth
    text, columns = bytearray(raw[offset:]), list(range(offset, len(raw)))
    start: int | None = None if depth else 0
    end: int | None = None
    at = 0
    while (mark := text.find(b";", at)) >= 0:
        if mark > at and text[mark - 1 : mark] == b"\\":
            del text[mark - 1], columns[mark - 1]
            at = mark
        elif text[mark + 1 : mark + 3] == b"--" and text[mark + 3 : mark + 4] != b"-":
            if depth < _MOST_NESTED:
                end = mark if end is None else end
                depth += 1
            at = mark + 3
        elif mark >= at + 2 and text[mark - 2 : mark] == b"--":
            depth -= 1
            at = mark + 1
            if depth == 0 and start is None:
                start, end = at, None
            elif depth == 0 and end is not None:
                del text[end:at], columns[end:at]
                at, end = end, None
        elif not depth:
            del text[mark:], columns[mark:]
            break
        else:
            at = mark + 1
    if start is None:
        return None, [], depth
    return bytes(text[start:end]), columns[start:end], depth


def parse_line(text: bytes, columns: Sequence[int]) -> Header | Include | Option | Wrong | None:
    """What a line without comments says; None where it is blank."""
    begin = len(text) - len(text.lstrip(_BLANKS))
    text, columns = text[begin:], columns[begin:]
    text = text.rstrip(_BLANKS)
    if not text:
        return None
    if text.startswith(b"["):
        return _header(text)
    if text.startswith(b"#"):
        return _directive(text)
    return _option(text, columns)


def decode(data: bytes) -> str:
    """UTF-8, other bytes as surrogates, so that nothing is lost."""
    return data.decode("utf-8", "surrogateescape")


def _header(text: bytes) -> Header | Wrong:
    name, closed, rest = text[1:].partition(b"]")
    if not closed:
        return Wrong("header-open", "no closing ] in a section's header", True)
    if not rest.startswith(b"("):
        return Header(decode(name), [])
    words, closed, _ = rest[1:].partition(b")")
    if not closed:
        return Wrong("header-open", "no closing ) in a section's header", True)
    return Header(decode(name), [decode(word) for word in words.split(b",")])


def _directive(text: bytes) -> Include | Wrong:
    parts = text[1:].split(None, 1)
    kind = decode(parts[0]).lower() if parts and not text[1:2].isspace() else ""
    if kind not in ("include", "tryinclude", "exec"):
        return Wrong("directive", "Asterisk doesn't know this # directive", False)
    name = parts[1].strip(_BLANKS) if len(parts) > 1 else b""
    if not name:
        return Wrong("directive", f"#{kind} without a name", False)
    quote = {b'"': b'"', b"<": b">"}.get(name[:1])
    if quote is not None and name.endswith(quote):
        name = name[1:-1]
    return Include(kind, decode(name))


def _option(text: bytes, columns: Sequence[int]) -> Option | Wrong:
    if text.startswith(b"\\"):
        text, columns = text[1:], columns[1:]
        if not text or text[0] < 33:
            return Wrong("escape", "a backslash before nothing", True)
        sign = text.find(b"=", 1)
        least = 1
    else:
        sign, least = text.find(b"="), 0
    if sign < 0:
        return Wrong("no-equal-sign", "no = in the line: Asterisk leaves it out", False)
    appending = sign > least and text[sign - 1 : sign] == b"+"
    name = text[: sign - 1 if appending else sign].strip(_BLANKS)
    if not name:
        return Wrong("no-name", "no option's name before the =", False)
    after = sign + 1
    if not appending and text[after : after + 1] == b">":
        after += 1
    raw_value = text[after:]
    value = raw_value.strip(_BLANKS)
    if value:
        begin = after + len(raw_value) - len(raw_value.lstrip(_BLANKS))
        span = columns[begin], columns[begin + len(value) - 1] + 1
    else:
        span = columns[after - 1] + 1, columns[after - 1] + 1
    return Option(decode(name), decode(value), decode(raw_value), span, appending)
