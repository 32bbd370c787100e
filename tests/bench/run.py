"""One run of one command: what the system says it took.

Contract: ``run`` pins the command to processors, reads its output away, and waits for it and all
its children. Peak memory is that of the largest process; this one must stay small, as a child's
peak begins with its parent's.
"""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from typing import NamedTuple

_MIB = 1024 * 1024 if sys.platform == "darwin" else 1024


class Figures(NamedTuple):
    """CPU (user and system) and wall time in seconds, peak resident memory in MiB."""

    cpu_s: float
    wall_s: float
    peak_mib: float


class Failed(Exception):
    """A command didn't do what it was run for; ``str`` says what."""


def run(
    command: Sequence[str],
    processors: Collection[int] | None = None,
    *,
    bound_s: float = 600.0,
    statuses: Collection[int] = (0,),
) -> Figures | None:
    """Runs a command to its end; None where that takes more than ``bound_s``. Raises ``Failed``
    for another exit status than ``statuses``."""
    before = _pin(processors)
    began = time.monotonic()
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    finally:
        _pin(before)
    previous = signal.signal(signal.SIGALRM, lambda *_: os.killpg(process.pid, signal.SIGKILL))
    signal.setitimer(signal.ITIMER_REAL, bound_s)
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except KeyboardInterrupt:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall_s = time.monotonic() - began
    if process.returncode == -signal.SIGKILL and wall_s >= bound_s:
        return None
    if process.returncode not in statuses:
        raise Failed(f"{command[0]} ended with {process.returncode}: {' '.join(command)}")
    return Figures(usage.ru_utime + usage.ru_stime, wall_s, usage.ru_maxrss / _MIB)


def _pin(processors: Collection[int] | None) -> Collection[int] | None:
    """Lets this process, and what it starts, run on ``processors`` only; gives those of before."""
    if processors is None or not hasattr(os, "sched_setaffinity"):
        return None
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)
    return before


def median(figures: Sequence[Figures]) -> Figures:
    """The median of each figure by itself."""
    return Figures(*(statistics.median(column) for column in zip(*figures, strict=True)))
