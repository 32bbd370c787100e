"""``python -m tests.bench``: ``sipdiag analyse`` beside other tools, on captures made for it.

Captures of two kinds are made in a temporary folder, nearly all RTP and nothing but signalling,
each in three sizes: a tenth of ``--size``, three tenths, and all of it. The tools read each in
turn, ``--runs`` times. What is so slow that it would take hours (scapy, pyshark) reads two small
captures instead, and its time for the larger ones is reckoned from them. What runs longer than
``--bound`` is stopped. The tables come out as Markdown; ``--write`` puts them into a file between
its markers.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.made import Load, make
from tests.bench.run import Failed, Figures, median, run
from tests.bench.table import Conditions, Measured, replace_between, tables
from tests.bench.tools import RECKONED, Tool, tools, versions

_UNITS = {"K": 1e3, "M": 1e6, "G": 1e9}
_PARTS = (0.1, 0.3, 1.0)
_SAMPLES = (1_000_000, 3_000_000)


def _bytes(text: str) -> int:
    """``100M`` in bytes."""
    unit = text[-1:].upper()
    try:
        return int(float(text[:-1]) * _UNITS[unit]) if unit in _UNITS else int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 100M") from None


def _made(path: Path, load: Load, size_bytes: int) -> int:
    """Makes a capture in a process of its own, as a child's peak memory begins with its parent's.
    Gives its packets."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(make, (path, load, size_bytes))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


class _Bench:
    """Runs the tools over captures in ``folder``."""

    def __init__(self, folder: Path, runs: int, bound_s: float) -> None:
        self._folder, self._runs, self._bound_s = folder, runs, bound_s
        self._tools = tools()
        self._core = sorted(os.sched_getaffinity(0))[:1] if hasattr(os, "sched_getaffinity") else []

    def measured(self, load: Load, sizes: Sequence[int]) -> list[Measured]:
        """Every tool on every size of one kind of capture."""
        path = self._folder / "capture.pcap"
        slow = [tool for tool in self._tools if tool.sampled]
        samples = []
        for size in _SAMPLES:
            packets = _made(path, load, size)
            samples.append((packets, self._medians(path, slow)))
        found = []
        for size in sizes:
            packets = _made(path, load, size)
            taken = self._medians(path, [tool for tool in self._tools if not tool.sampled])
            for tool in slow:
                name = f"{tool.name}{RECKONED}"
                (few, one), (many, other) = samples
                taken[name] = _reckoned(packets, (few, one[tool.name]), (many, other[tool.name]))
            found.append(Measured(load, path.stat().st_size, packets, taken))
        path.unlink()
        return found

    def _medians(self, path: Path, several: Sequence[Tool]) -> dict[str, Figures | None]:
        figures: dict[str, list[Figures]] = {tool.name: [] for tool in several}
        stopped: set[str] = set()
        for turn in range(self._runs):
            for tool in several:
                if tool.name in stopped:
                    continue
                taken = self._run(tool.command(path))
                told = (
                    "stopped"
                    if taken is None
                    else "{:.2f} s CPU, {:.2f} s, {:.0f} MiB".format(*taken)
                )
                _say(f"  {path.stat().st_size / 1e6:.0f} MB, run {turn + 1}, {tool.name}: {told}")
                if taken is None:
                    stopped.add(tool.name)
                else:
                    figures[tool.name].append(taken)
        return {name: None if name in stopped else median(taken) for name, taken in figures.items()}

    def _run(self, command: Sequence[str]) -> Figures | None:
        return run(command, self._core or None, bound_s=self._bound_s)

    def help_ms(self) -> float:
        """How long ``sipdiag --help`` takes, once its files are in the cache."""
        command = [sys.executable, "-m", "sipdiag", "--help"]
        self._run(command)
        taken = [self._run(command) for _ in range(max(5, self._runs))]
        return 1000 * median([figures for figures in taken if figures]).wall_s


def _reckoned(
    packets: int, few: tuple[int, Figures | None], many: tuple[int, Figures | None]
) -> Figures | None:
    """A tool's time for ``packets`` on the line through two samples; the larger's memory."""
    if few[1] is None or many[1] is None:
        return None

    def line(one: float, other: float) -> float:
        return other + (other - one) / (many[0] - few[0]) * (packets - many[0])

    return Figures(
        line(few[1].cpu_s, many[1].cpu_s), line(few[1].wall_s, many[1].wall_s), many[1].peak_mib
    )


def _machine() -> str:
    return f"{os.cpu_count()} cores ({platform.machine()}), {platform.system()}"


def main() -> int:
    """Makes the captures, runs the tools, prints the tables."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--size", type=_bytes, default="100M", help="of the largest capture")
    parser.add_argument("--runs", type=int, default=3, help="of each command (default 3)")
    parser.add_argument("--bound", type=float, default=300.0, help="seconds for one run")
    parser.add_argument("--write", type=Path, help="a Markdown file with the markers")
    parser.add_argument(
        "--load",
        type=Load,
        action="append",
        help="only this: " + ", ".join(load.value for load in Load),
    )
    parser.add_argument("--folder", type=Path, help="where there is room for the captures")
    arguments = parser.parse_args()
    sizes = [int(arguments.size * part) for part in _PARTS]
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        bench = _Bench(Path(folder), max(1, arguments.runs), arguments.bound)
        measured: list[Measured] = []
        try:
            for load in arguments.load or Load:
                _say(load.value)
                measured += bench.measured(load, sizes)
            conditions = Conditions(
                _machine(), versions(), arguments.runs, arguments.bound, bench.help_ms()
            )
        except Failed as error:
            _say(str(error))
            return 1
    table = tables(measured, conditions)
    print(table)
    if arguments.write is not None:
        text = arguments.write.read_text()
        arguments.write.write_text(replace_between(text, table))
    return 0


if __name__ == "__main__":
    sys.exit(main())
