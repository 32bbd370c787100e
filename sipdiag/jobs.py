"""Several processes, with the result, the errors and the end of one.

Contract: ``spread`` does pieces of work in this process and in children, and gives the results in
order. An error of a child is raised here, the first in order where there are several. However it
ends, interrupted or not, no child is left behind. Work, pieces and results must be picklable.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from sipdiag.base.errors import InputError

P = TypeVar("P")
R = TypeVar("R")


def _start_method() -> str:
    """``fork`` begins at once, but isn't safe on macOS, nor beside another thread (a progress bar
    has one), and doesn't exist on Windows."""
    return "fork" if sys.platform == "linux" and threading.active_count() == 1 else "spawn"


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
    context: Any = multiprocessing.get_context(start or _start_method())
    children: list[tuple[Any, Connection, list[int]]] = []
    done: dict[int, R] = {}
    failed: dict[int, BaseException] = {}
    try:
        for turn in turns[1:]:
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(
                target=_child, args=(work, [pieces[n] for n in turn], theirs), daemon=True
            )
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
            connection.close()
            process.terminate()
            process.join()
    if failed:
        raise failed[min(failed)]
    return [done[number] for number in range(len(pieces))]


def _receive(
    process: Any,
    connection: Connection,
    turn: list[int],
    done: dict[int, Any],
    failed: dict[int, BaseException],
) -> None:
    try:
        message = connection.recv_bytes()
    except EOFError:
        process.join()
        failed[turn[0]] = InputError(
            "a process that read a part of the input was ended from outside, as happens where "
            "memory is short; --jobs 1 needs less"
        )
        return
    with _without_gc():
        results, error = pickle.loads(message)
    done.update(zip(turn, results, strict=False))
    if error is not None:
        failed[turn[len(results)]] = error


def _child(work: Callable[[P], R], pieces: list[P], connection: Connection) -> None:
    """What a child does: its pieces up to the first that fails."""
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
    with _without_gc():
        message = pickle.dumps((results, error), pickle.HIGHEST_PROTOCOL)
    try:
        connection.send_bytes(message)
    except BrokenPipeError:
        return


def _end_with_parent() -> None:
    """Ends this process when its parent is gone, however that came."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


@contextmanager
def _without_gc() -> Iterator[None]:
    """Making so many objects at once, none of them garbage, would be searched for it in vain."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
