"""What is wrong with a message, as a value on the message."""

from __future__ import annotations

from typing import NamedTuple


class Defect(NamedTuple):
    """``code`` is stable and short (``content-length-long``), ``text`` for a person, ``offset``
    the byte of the message it was noticed at."""

    code: str
    text: str
    offset: int
