"""Named tuples of one kind, one behind the other in a single tuple: pickled like this they take
half the time, as most of it goes by objects and not by what is in them.

>>> from sipdiag.base.datagram import Origin
>>> flat([Origin("a.pcap", 1), Origin("a.pcap", 2)])
('a.pcap', 1, None, 'a.pcap', 2, None)
>>> rows_of(Origin, ("a.pcap", 1, None))
[Origin(source='a.pcap', frame=1, line=None)]
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T", bound=NamedTuple)


def flat(rows: Iterable[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The fields of all rows."""
    return (*chain.from_iterable(rows),)


def rows_of(kind: type[T], fields: tuple[Any, ...]) -> list[T]:
    """The rows again, which were all of one kind."""
    size = len(kind._fields)
    new = tuple.__new__
    return [new(kind, fields[at : at + size]) for at in range(0, len(fields), size)]
