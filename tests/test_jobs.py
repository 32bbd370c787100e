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
from sipdiag.base.team import Team
from sipdiag.jobs import deal, processors, spread, together


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


def _large(number: int) -> list[tuple[int, bytes]]:
    return [(number, number.to_bytes() * 100) for _ in range(20_000)]


class _Fatal:
    def __reduce__(self) -> tuple[object, ...]:
        os.kill(os.getpid(), signal.SIGKILL)
        return (_Fatal, ())


def _killed_while_sending(number: int) -> list[object]:
    return [os.urandom(200) for _ in range(10_000)] + [_Fatal()] * number


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


def test_large_results_come_whole() -> None:
    assert spread(_large, range(1, 4), 3) == [_large(number) for number in range(1, 4)]


@pytest.mark.parametrize("children", [1, 2])
def test_a_child_that_is_killed_while_it_sends_is_one_that_was_killed(children: int) -> None:
    with pytest.raises(InputError, match="--jobs 1"):
        spread(_killed_while_sending, range(children + 1), children + 1)


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


needs_fork = pytest.mark.skipif(sys.platform != "linux", reason="needs processes that are copies")


def _squares(team: Team) -> list[tuple[int, int]]:
    return team.map(_square, range(10), range(10), [1] * 10)


@needs_fork
@pytest.mark.parametrize("jobs", [2, 3, 20])
def test_a_team_shares_out_and_has_all_results_in_order(jobs: int) -> None:
    done = together(_squares, jobs)
    assert [square for square, _ in done] == [n * n for n in range(10)]
    assert len({pid for _, pid in done}) == min(jobs, 10)
    assert not multiprocessing.active_children()


def test_a_team_of_one_does_it_itself() -> None:
    assert {pid for _, pid in together(_squares, 1)} == {os.getpid()}


@needs_fork
def test_a_thing_stays_with_who_had_it_first() -> None:
    things = [object() for _ in range(6)]

    def work(team: Team) -> tuple[list[int], list[int]]:
        first = team.map(lambda _: os.getpid(), things, things, [9, 1, 1, 1, 1, 1])
        return first, team.map(lambda _: os.getpid(), things, things[::-1], [1] * 6)

    first, second = together(work, 2)
    assert len(set(first)) == 2
    assert second == first[::-1]


@needs_fork
def test_results_refer_to_what_all_members_know() -> None:
    def work(team: Team) -> bool:
        first = team.map(lambda n: [n], range(2), range(2), [1, 1])
        team.know(first)
        second = team.map(lambda n: (first[1 - n], [n]), range(2), range(2), [1, 1])
        return all(second[n][0] is first[1 - n] for n in range(2))

    assert together(work, 2)


@needs_fork
def test_a_team_whose_member_is_killed_is_done_without() -> None:
    first = os.getpid()

    def work(team: Team) -> list[tuple[int, int]]:
        if os.getpid() != first:
            os.kill(os.getpid(), signal.SIGKILL)
        return _squares(team)

    assert {pid for _, pid in together(work, 3)} == {first}
    assert not multiprocessing.active_children()


@needs_fork
@pytest.mark.parametrize("piece", range(4))
def test_a_failure_in_a_team_is_the_failure_of_one(piece: int) -> None:
    def fail(number: int) -> None:
        if number == piece:
            raise InputError(f"{number} is not for me")

    def work(team: Team) -> list[None]:
        return team.map(fail, range(4), range(4), [1] * 4)

    with pytest.raises(InputError, match=f"{piece} is not for me"):
        together(work, 2)
    assert not multiprocessing.active_children()
