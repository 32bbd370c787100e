"""The registration expiry compiled into Asterisk: ``IAX_DEFAULT_REG_EXPIRE`` in its ``iax2.h``.

Bytes in, edit out; nothing is read or written. The define is found by its name, as the
preprocessor would find it, and only the digits of its value are replaced: every other byte stays.
What can't be understood for certain is refused with an ``InputError`` that says why.

The value is in whole seconds (channels/chan_iax2.c, 1.0 to 23). It is what a client first asks
for in REGREQ, and from 1.2.0 on the initial value of both ``minregexpire`` and ``maxregexpire``,
between which a server clamps what it is asked for.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sipdiag.asterisk.iax2_header_scan import Directive, directives
from sipdiag.base.errors import InputError, UsageError

NAME = "IAX_DEFAULT_REG_EXPIRE"
"""The same in every release from 0.4.0 to 23."""

STOCK_S = 60
"""The define's value in every release."""

MOST_S = 0xFFFF
"""REFRESH is an unsigned 16-bit information element (RFC 5456 section 8.6.18;
``iax_ie_append_short``)."""

LEAST_S = 2
"""``5 * 1 / 6`` is 0 in C: a client that is granted 1 s registers in a busy loop
(chan_iax2.c, ``iax2_ack_registry``); 0 means that nothing was asked for."""

PRACTICAL_S = 20
"""Below it a REGREQ every few seconds, with its answers, costs more than a POKE would."""

LARGEST_BYTES = 1 << 20
"""Of a header that is looked at: the real ones are below 13 KiB."""

_ITS_OWN = (b"IAX_PROTO_VERSION", b"IAX_IE_REFRESH", b"IAX_IE_USERNAME")
"""Names that Asterisk's iax2.h has in every release, and that no other header has together."""

_NAMED = re.compile(rb"\s+" + NAME.encode() + rb"(?!\w)(.*)$", re.DOTALL)
_VALUE = re.compile(
    rb"\s*((?:\(\s*)*)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)[uUlL]{0,3}\s*"
    rb"((?:\)\s*)*)$"
)


class Define(NamedTuple):
    """The define: its value in seconds, where its digits stand, and the line it is on (from 1)."""

    seconds: int
    start: int
    end: int
    line: int


def check_header(data: bytes) -> None:
    """Raises ``InputError`` for a file that isn't Asterisk's iax2.h, whatever its name."""
    if len(data) > LARGEST_BYTES or b"\0" in data:
        raise InputError("this isn't Asterisk's iax2.h: it is no C header")
    if not all(re.search(rb"\b" + name + rb"\b", data) for name in _ITS_OWN):
        raise InputError("this isn't Asterisk's iax2.h: its information elements aren't in it")


def find(data: bytes) -> Define:
    """The one define of a header, or of an excerpt of it. Raises ``InputError`` where there isn't
    exactly one that always holds and is a plain number."""
    found = [d for d in directives(data) if d.name in (b"define", b"undef")]
    own = [(d, match) for d in found if (match := _NAMED.match(d.body))]
    if not own:
        raise InputError(f"this iax2.h has no #define {NAME}; what it has instead isn't known")
    if len(own) > 1:
        lines = ", ".join(str(_line(data, d)) for d, _ in own)
        raise InputError(f"{NAME} is set or unset several times (lines {lines}): which one counts?")
    directive, match = own[0]
    line = _line(data, directive)
    if directive.name == b"undef":
        raise InputError(f"this iax2.h only unsets {NAME} (line {line})")
    if directive.conditional:
        raise InputError(f"{NAME} is defined inside an #if (line {line}): it may not count")
    value = _VALUE.match(match[1])
    if value is None or value[1].count(b"(") != value[3].count(b")"):
        raise InputError(f"{NAME} is no plain number (line {line})")
    first = match.start(1) + value.start(2)
    last = match.start(1) + value.end(2) - 1
    start, end = directive.offsets[first], directive.offsets[last] + 1
    return Define(_number(value[2]), start, end, data.count(b"\n", 0, start) + 1)


def with_seconds(data: bytes, seconds: int) -> bytes:
    """The header with another value; the same object where it has that value already.

    Raises ``InputError`` as ``find`` does.
    """
    define = find(data)
    if define.seconds == seconds:
        return data
    return data[: define.start] + str(seconds).encode() + data[define.end :]


def same_but_value(one: bytes, other: bytes) -> bool:
    """Whether two headers differ in nothing but the define's value."""
    try:
        a, b = find(one), find(other)
    except InputError:
        return False
    return one[: a.start] == other[: b.start] and one[a.end :] == other[b.end :]


def check_seconds(seconds: int) -> None:
    """Raises ``UsageError`` for a value that the protocol or Asterisk can't do."""
    if seconds > MOST_S:
        raise UsageError(
            f"{seconds} s doesn't fit: REFRESH is a 16-bit field, {MOST_S} s at most; Asterisk "
            f"would send {seconds & MOST_S}"
        )
    if seconds < LEAST_S:
        raise UsageError(
            f"{seconds} s can't work: Asterisk's client re-registers after 5/6 of it in whole "
            f"seconds, which is at once, for ever; {LEAST_S} s at least"
        )


def reregisters_after_s(granted_s: int) -> int:
    """When Asterisk's client sends its next REGREQ, in seconds after the REGACK: 5/6 of what was
    granted, in integers (chan_iax2.c 1.0 to 23, ``iax2_do_register``, ``iax2_ack_registry``).

    >>> reregisters_after_s(60), reregisters_after_s(25)
    (50, 20)
    """
    return 5 * granted_s // 6


def _line(data: bytes, directive: Directive) -> int:
    return data.count(b"\n", 0, directive.offsets[0]) + 1


def _number(text: bytes) -> int:
    if text[:2] in (b"0x", b"0X", b"0b", b"0B"):
        return int(text, 0)
    return int(text, 8) if text.startswith(b"0") else int(text)
