"""Several processes: order, errors, the end of children."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sipdiag.base.errors import InputError
from sipdiag.jobs import deal, processors, spread


def _square(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


def _picky(number: int) -> int:
    if number % 2:
        raise InputError(f"{number} is odd")
    return number


def _killed(number: int) -> int:
    if number:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def _patient(number: int) -> int:
    if number:
        time.sleep(600)
    raise KeyboardInterrupt


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_results_come_in_order_from_as_many_processes(start: str) -> None:
    if start not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system doesn't know {start}")
    results = spread(_square, range(5), 3, start=start)
    assert [square for square, _ in results] == [0, 1, 4, 9, 16]
    assert len({pid for _, pid in results}) == 3
    assert results[0][1] == os.getpid()


def test_one_job_is_done_here() -> None:
    assert {pid for _, pid in spread(_square, range(3), 1)} == {os.getpid()}


def test_of_several_errors_the_first_in_order_is_raised() -> None:
    with pytest.raises(InputError, match="1 is odd"):
        spread(_picky, [0, 1, 2, 3], 2)
    with pytest.raises(InputError, match="3 is odd"):
        spread(_picky, [0, 2, 3, 5], 3)


def test_a_child_that_was_killed_is_an_input_too_large() -> None:
    with pytest.raises(InputError, match="--jobs 1"):
        spread(_killed, [0, 1], 2)


def test_interrupted_it_leaves_no_child_behind() -> None:
    with pytest.raises(KeyboardInterrupt):
        spread(_patient, [0, 1, 2], 3)
    assert multiprocessing.active_children() == []


def test_work_is_dealt_evenly() -> None:
    assert deal([1, 1, 1, 1], 2) == [[0, 2], [1, 3]]
    assert deal([1, 9, 4, 4], 2) == [[0, 2, 3], [1]]
    assert deal([7], 3) == [[0]]


def test_there_is_a_processor() -> None:
    assert processors() >= 1


_ORPHAN = """
import os, sys, time
from sipdiag.jobs import spread

def work(number):
    if number:
        print(os.getpid(), flush=True)
    time.sleep(600)

spread(work, [0, 1], 2, start="fork")
"""


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
def test_a_child_doesnt_outlive_a_killed_parent() -> None:
    with subprocess.Popen([sys.executable, "-c", _ORPHAN], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
        parent.wait()
        # The pipe's end comes when nobody holds it any more: the child is gone.
        assert parent.stdout.read() == b""
    with pytest.raises(ProcessLookupError):
        while True:
            os.kill(child, 0)
            if _is_zombie(child):
                raise ProcessLookupError
            time.sleep(0.05)


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return False
