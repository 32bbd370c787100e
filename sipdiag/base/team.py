"""Several processes that take the same steps on the same things, and share out the work in them.

Contract: every member runs the same code on equal data, so that all call ``map`` in the same order
with the same pieces. Each does its part; all get all results, in the order of the pieces. What a
piece's work gives mustn't depend on other pieces of the same ``map``. Results are sent from one
process to another: they must be picklable, and an object in two results is two objects elsewhere,
save for what ``know`` was told of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

P = TypeVar("P")
R = TypeVar("R")


class Team:
    """A team of one, which does everything itself."""

    def map(
        self,
        work: Callable[[P], R],
        pieces: Sequence[P],
        about: Sequence[object],
        weights: Sequence[int],
    ) -> list[R]:
        """``work`` of every piece, in order. ``about``: what each is about; one member has all that
        is about one thing, in this ``map`` and in later ones, as it knows something of it then.
        ``weights``: how much work each is."""
        return [work(piece) for piece in pieces]

    def know(self, things: Iterable[object]) -> None:
        """Tells of things that every member has now, each its own: results may refer to them.
        What it was told of before is passed over."""


ALONE = Team()
