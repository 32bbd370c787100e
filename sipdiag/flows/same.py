"""Equal values kept once: what a thousand requests of one phone say alike.

Contract: what is given back equals what was given. Values must be hashable. At most ``_MOST`` are
remembered; when there are more, all are forgotten, which costs memory and nothing else.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TypeVar

T = TypeVar("T", bound=Hashable)

_MOST = 65_536


class Same:
    """Call it with a value to get the first that was equal to it.

    >>> same, first = Same(), (1, 2)
    >>> same(first) is same((1, 2)) is first
    True
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[Hashable, Hashable] = {}

    def __call__(self, value: T) -> T:
        known = self._known
        if len(known) >= _MOST:
            known.clear()
        # An equal value of another type (1 and True) would be no harm, but isn't asked for.
        return known.setdefault(value, value)  # type: ignore[return-value]
