"""``python -m tests.bench``: ``sipdiag analyse`` beside ``tshark -q -z sip,stat``, in turn.

Two captures are made in a temporary folder: one nearly all RTP, one nothing but signalling. For
each, the two commands run alternately; the medians of their CPU time and peak memory are printed
with the ratio sipdiag/tshark. Without tshark only our own figures are printed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.bench.made import media_heavy, signalling_heavy


class Figures(NamedTuple):
    """One run: CPU seconds (user and system) and peak resident memory in MiB."""

    cpu_s: float
    peak_mib: float


def run(command: Sequence[str]) -> Figures:
    """Runs a command to its end and asks the system what it took."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, usage = os.wait4(process.pid, 0)
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Figures(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


def _elsewhere(make: Callable[..., None], *arguments: object) -> None:
    """Runs in a process of its own: a child's peak memory begins with its parent's."""
    process = multiprocessing.get_context("spawn").Process(target=make, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(process.exitcode)


def _median(figures: list[Figures]) -> Figures:
    return Figures(
        statistics.median(f.cpu_s for f in figures), statistics.median(f.peak_mib for f in figures)
    )


def main() -> None:
    """Makes the captures, runs the pairs, prints the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="pairs of runs (default 3)")
    parser.add_argument("--scale", type=int, default=1, help="size of the captures (default 1)")
    arguments = parser.parse_args()
    tshark = shutil.which("tshark")
    with tempfile.TemporaryDirectory() as folder:
        captures = {
            "media-heavy": Path(folder) / "media.pcap",
            "signalling-heavy": Path(folder) / "signalling.pcap",
        }
        _elsewhere(media_heavy, captures["media-heavy"], 100 * arguments.scale)
        _elsewhere(signalling_heavy, captures["signalling-heavy"], 200, 5 * arguments.scale)
        for name, path in captures.items():
            ours, theirs = [], []
            for _ in range(arguments.runs):
                ours.append(run([sys.executable, "-m", "sipdiag", "analyse", "-q", str(path)]))
                if tshark:
                    theirs.append(run([tshark, "-r", str(path), "-q", "-z", "sip,stat"]))
            mine = _median(ours)
            print(f"{name}, {path.stat().st_size / 2**20:.0f} MiB")
            print(f"  sipdiag analyse   {mine.cpu_s:7.2f} s CPU {mine.peak_mib:7.0f} MiB")
            if tshark:
                other = _median(theirs)
                print(f"  tshark sip,stat   {other.cpu_s:7.2f} s CPU {other.peak_mib:7.0f} MiB")
                print(
                    f"  sipdiag / tshark  {mine.cpu_s / other.cpu_s:7.2f}   CPU "
                    f"{mine.peak_mib / other.peak_mib:7.2f}"
                )
    if not tshark:
        print("tshark is not installed: no ratios")


if __name__ == "__main__":
    main()
