"""Several processes, with the result, the errors and the end of one.

Contract: ``spread`` does pieces of work in this process and in children, and gives the results in
order. An error of a child is raised here, the first in order where there are several. However it
ends, interrupted or not, no child is left behind. Work, pieces and results must be picklable.

``together`` does one work in this process and in children that begin as its copies, with all that
it has in memory; they share out what the work gives to its ``Team``.
"""

from __future__ import annotations

import gc
import io
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from sipdiag.base.errors import InputError
from sipdiag.base.pipe import Outlet, opened
from sipdiag.base.team import ALONE, Team

P = TypeVar("P")
R = TypeVar("R")


def forks() -> bool:
    """Whether other processes begin as copies of this one: that is done at once, but isn't safe on
    macOS, nor beside another thread (a progress bar has one), and doesn't exist on Windows."""
    return sys.platform == "linux" and threading.active_count() == 1


def processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def deal(weights: Sequence[int], hands: int) -> list[list[int]]:
    """Shares out what weighs so much, the heaviest first, always to who has least: the numbers
    that each has, rising. The first has number 0.

    >>> deal([1, 5, 4], 2)
    [[0, 2], [1]]
    """
    loads = [0] * hands
    dealt: list[list[int]] = [[] for _ in range(hands)]
    for number in sorted(range(len(weights)), key=lambda n: -weights[n]):
        least = min(range(hands), key=loads.__getitem__)
        loads[least] += weights[number]
        dealt[least].append(number)
    return sorted(sorted(hand) for hand in dealt if hand)


def spread(
    work: Callable[[P], R],
    pieces: Sequence[P],
    jobs: int,
    *,
    weights: Sequence[int] | None = None,
    start: str | None = None,
) -> list[R]:
    """``work`` of every piece, in order, done by up to ``jobs`` processes. The first piece is done
    by this one. ``weights``: how much work each is, equal unless said. Raises what ``work``
    raises, ``InputError`` where a child was killed. ``start``: the start method of
    ``multiprocessing``, where not any will do."""
    count = max(1, min(jobs, len(pieces)))
    turns = deal(weights or [1] * len(pieces), count)
    context: Any = multiprocessing.get_context(start or ("fork" if forks() else "spawn"))
    children: list[tuple[Any, Connection, list[int]]] = []
    done: dict[int, R] = {}
    failed: dict[int, BaseException] = {}
    try:
        for turn in turns[1:]:
            ours, theirs = context.Pipe(duplex=False)
            mine = [pieces[number] for number in turn]
            process = context.Process(target=_child, args=(work, mine, theirs), daemon=True)
            process.start()
            theirs.close()
            children.append((process, ours, turn))
        for number in turns[0]:
            try:
                done[number] = work(pieces[number])
            except Exception as error:
                failed[number] = error
                break
        for process, connection, turn in children:
            _receive(process, connection, turn, done, failed)
    finally:
        for process, connection, _ in children:
            _end(process, connection)
    if failed:
        raise failed[min(failed)]
    return [done[number] for number in range(len(pieces))]


def _end(process: Any, connection: Connection) -> None:
    connection.close()
    process.terminate()
    process.join()


def _receive(
    process: Any,
    connection: Connection,
    turn: list[int],
    done: dict[int, Any],
    failed: dict[int, BaseException],
) -> None:
    try:
        with _without_gc(), opened(connection) as inlet:
            results, error = pickle.load(inlet)
    except (EOFError, pickle.UnpicklingError):
        process.join()
        failed[turn[0]] = InputError(
            "a process that read a part of the input was ended from outside, as happens where "
            "memory is short; --jobs 1 needs less"
        )
        return
    done.update(zip(turn, results, strict=False))
    if error is not None:
        failed[turn[len(results)]] = error


def _child(work: Callable[[P], R], pieces: list[P], connection: Connection) -> None:
    """What a child does: its pieces up to the first that fails. Where its results are waited for,
    they are taken while it still packs them; otherwise it packs and keeps them."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    results: list[R] = []
    error: BaseException | None = None
    for piece in pieces:
        try:
            results.append(work(piece))
        except Exception as raised:
            error = raised
            break
    outlet = Outlet(connection)
    with _without_gc():
        pickle.dump((results, error), outlet, pickle.HIGHEST_PROTOCOL)
    outlet.flush()


def _end_with_parent() -> None:
    """Ends this process when its parent is gone, however that came."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


@contextmanager
def _without_gc() -> Iterator[None]:
    """Making so many objects at once, none of them garbage, would be searched for it in vain. They
    are old when it ends."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            if not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
            gc.enable()


class _Parted(Exception):
    """Another member is gone: there is no team any more."""


class _Member(Team):
    """One of several. The first has a connection to each other one, which has one to the first."""

    def __init__(self, number: int, of: int, connections: Sequence[Connection]) -> None:
        self._number, self._of, self._connections = number, of, connections
        self._known: list[object] = []
        self._numbers: dict[int, int] = {}
        self._whose: dict[int, tuple[int, object]] = {}

    def map(
        self,
        work: Callable[[P], R],
        pieces: Sequence[P],
        about: Sequence[object],
        weights: Sequence[int],
    ) -> list[R]:
        """As of any team."""
        hands = self._deal(about, weights)
        results: dict[int, R] = {}
        for number in hands[self._number]:
            results[number] = work(pieces[number])
        own = self._pack([results[number] for number in hands[self._number]])
        try:
            others = self._exchange(own)
        except (EOFError, OSError) as error:
            raise _Parted from error
        for hand, packed in zip(hands, others, strict=True):
            if packed:
                results.update(zip(hand, self._unpack(packed), strict=True))
        return [results[number] for number in range(len(pieces))]

    def _deal(self, about: Sequence[object], weights: Sequence[int]) -> list[list[int]]:
        """The numbers of the pieces that each member has, the same in every member."""
        loads: dict[int, int] = {}
        new: dict[int, object] = {}
        for thing, weight in zip(about, weights, strict=True):
            if id(thing) not in self._whose:
                new[id(thing)] = thing
                loads[id(thing)] = loads.get(id(thing), 0) + weight
        things = list(new.values())
        for member, hand in enumerate(deal([loads[key] for key in new], self._of)):
            for number in hand:
                self._whose[id(things[number])] = member, things[number]
        hands: list[list[int]] = [[] for _ in range(self._of)]
        for number, thing in enumerate(about):
            hands[self._whose[id(thing)][0]].append(number)
        return hands

    def know(self, things: Iterable[object]) -> None:
        """As of any team."""
        for thing in things:
            if id(thing) not in self._numbers:
                self._numbers[id(thing)] = len(self._known)
                self._known.append(thing)

    def _exchange(self, own: bytes) -> list[bytes]:
        """What each member has packed, nothing for this one."""
        if self._number:
            (first,) = self._connections
            first.send_bytes(own)
            everyone = [first.recv_bytes() for _ in range(self._of)]
        else:
            everyone = [own, *(connection.recv_bytes() for connection in self._connections)]
            for member, connection in enumerate(self._connections, 1):
                for number, packed in enumerate(everyone):
                    connection.send_bytes(b"" if number == member else packed)
        everyone[self._number] = b""
        return everyone

    def _pack(self, results: list[Any]) -> bytes:
        packed = io.BytesIO()
        numbers = self._numbers

        class Pickler(pickle.Pickler):
            def persistent_id(self, obj: object) -> int | None:
                return numbers.get(id(obj))

        Pickler(packed, pickle.HIGHEST_PROTOCOL).dump(results)
        return packed.getvalue()

    def _unpack(self, packed: bytes) -> Any:
        known = self._known

        class Unpickler(pickle.Unpickler):
            def persistent_load(self, pid: int) -> object:
                return known[pid]

        return Unpickler(io.BytesIO(packed)).load()


def together(work: Callable[[Team], R], jobs: int) -> R:
    """What ``work`` gives, which ``jobs`` processes do together where this one can be copied. It
    is begun anew, by this process alone, where another one is killed. Raises what it raises."""
    if jobs < 2 or not forks():
        return work(ALONE)
    context: Any = multiprocessing.get_context("fork")
    children: list[Any] = []
    connections: list[Connection] = []
    try:
        with _without_gc():
            for number in range(1, jobs):
                ours, theirs = context.Pipe()
                inherited = (*connections, ours)
                child = context.Process(
                    target=_take_part, args=(work, number, jobs, theirs, inherited), daemon=True
                )
                child.start()
                theirs.close()
                children.append(child)
                connections.append(ours)
            return work(_Member(0, jobs, connections))
    except _Parted:
        return work(ALONE)
    finally:
        for child, connection in zip(children, connections, strict=True):
            _end(child, connection)


def _take_part(
    work: Callable[[Team], object],
    number: int,
    of: int,
    connection: Connection,
    inherited: Sequence[Connection],
) -> None:
    """What a child does. Its own failure ends it, so that the first member does the work alone and
    meets the same failure. ``inherited``: the first member's ends, which aren't the child's."""
    for other in inherited:
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()
    try:
        work(_Member(number, of, [connection]))
    except Exception:
        connection.close()
