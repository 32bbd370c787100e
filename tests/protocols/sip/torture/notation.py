"""The notation in which RFC 4475 and RFC 5118 write messages, and a message written in it."""

from __future__ import annotations

import re
from typing import NamedTuple

_LONG = re.compile(r"<allOneLine>\n(.*?)\n</allOneLine>", re.DOTALL)
_REPEAT = re.compile(r"<repeat count=(\d+)>(.*?)</repeat>")
_HEX = re.compile(r"<hex>([0-9A-F]*)</hex>")


class Torture(NamedTuple):
    """One message: the RFC, its section, the RFC's name for it, its bytes."""

    rfc: str
    section: str
    name: str
    data: bytes


def wire(text: str) -> bytes:
    """The bytes of a message; the line feed that ``text`` begins with isn't one of it."""
    text = text.removeprefix("\n")
    text = _LONG.sub(lambda match: match[1].replace("\n", ""), text)
    text = _REPEAT.sub(lambda match: match[2] * int(match[1]), text)
    parts = _HEX.split(text.replace("\n", "\r\n"))
    return b"".join(
        bytes.fromhex(part) if number % 2 else part.encode("ascii")
        for number, part in enumerate(parts)
    )
