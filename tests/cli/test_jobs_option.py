"""``--jobs``: the same words, whoever reads."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sipdiag.cli import main
from sipdiag.crafting.scenario import Scenario
from sipdiag.pipeline import Options, analyse

CAPTURES = Path(__file__).parent.parent.parent / "captures"
BAD = str(CAPTURES / "sip-alg" / "bad.pcap")
GOOD = str(CAPTURES / "sip-alg" / "good.pcap")


def run(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    out, err = capfd.readouterr()
    assert "Traceback" not in err
    return int(ended.value.code or 0), out, err


@pytest.mark.parametrize(
    "words", [("analyse", BAD), ("compare", GOOD, BAD), ("analyse", BAD, GOOD)], ids=str
)
def test_more_processes_say_the_same(
    capfd: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    alone = run(capfd, *words, "--json")
    assert run(capfd, *words, "--json", "--jobs", "2") == alone
    assert run(capfd, *words, "--json", "-j", "0") == alone


def test_the_files_of_a_ring_are_read_as_one_all_the_same(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    paths = []
    for part in range(3):
        s = Scenario(name=f"part{part}.pcap")
        phone = s.sip_phone("101", inner="192.168.1.50", outer="198.51.100.1")
        s.at(100 * part)
        s.register(phone)
        s.call(phone, talk_s=1)
        paths.append(str(s.write(tmp_path / f"part{part}.pcap")))
    alone = run(capfd, "analyse", *paths, "--json")
    assert len(json.loads(alone[1])["sources"]) == 1
    assert run(capfd, "analyse", *paths, "--json", "--jobs", "2") == alone


def test_how_far_they_have_come_is_told_file_by_file() -> None:
    steps: list[tuple[int, int | None]] = []
    analyse(BAD, GOOD, options=Options(jobs=2, on_progress=lambda *step: steps.append(step)))
    sizes = [os.path.getsize(path) for path in (BAD, GOOD)]
    assert steps == [(sizes[0], sum(sizes)), (sum(sizes), sum(sizes))]


def test_standard_input_is_read_by_one_and_it_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capfd, "analyse", "-", BAD, "--jobs", "2")
    assert code == 3
    assert "standard input is read by one process" in err


def test_an_input_that_can_not_be_read_ends_as_ever(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    broken = tmp_path / "broken.pcap"
    broken.write_bytes(b"\xd4\xc3\xb2\xa1short")
    for words in (("analyse", BAD, str(broken)), ("compare", str(broken), BAD)):
        alone = run(capfd, *words)
        assert alone[0] == 3
        assert run(capfd, *words, "--jobs", "2") == alone


_STARTED = """
import os, signal, sys, time
from sipdiag import inputs
from sipdiag.cli import script

def work(*args, **kwargs):
    os.write(1, b"x")
    %s

inputs._track = work
script()
"""
"""The command, with something else than reading as the work of its processes."""

needs_fork = pytest.mark.skipif(
    multiprocessing.get_start_method() != "fork", reason="needs processes that are copies"
)


def started(work: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _STARTED % work, "analyse", BAD, GOOD, "--jobs", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )


@needs_fork
def test_a_process_that_is_killed_is_told_of_in_one_line() -> None:
    with started("os.kill(os.getpid(), signal.SIGKILL)") as command:
        _, err = command.communicate(timeout=60)
    assert command.returncode == 3
    assert err.decode().count("\n") == 1
    assert b"--jobs 1 needs less" in err


@needs_fork
@pytest.mark.parametrize("stop", [os.kill, os.killpg])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_stopped_it_says_nothing_and_leaves_no_process_behind(
    stop: Callable[[int, int], None], number: signal.Signals, code: int
) -> None:
    with started("time.sleep(600)") as command:
        assert command.stdout is not None
        assert command.stdout.read(2) == b"xx"
        stop(command.pid, number)
        # The pipes' ends come when nobody holds them any more.
        assert command.communicate(timeout=60) == (b"", b"")
    assert command.returncode == code


def test_fewer_than_none_is_a_mistake(capfd: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capfd, "analyse", BAD, "--jobs", "-1")
    assert code == 2
    assert "--jobs" in err
