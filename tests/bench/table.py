"""The figures as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tests.bench.made import Load
from tests.bench.run import Figures
from tests.bench.tools import COUNTING, OURS, PYSHARK, RECKONED

BEGIN, END = "<!-- bench: begin -->", "<!-- bench: end -->"

Result = Mapping[str, Figures | None]
"""By the tool's name; None where it was stopped."""


class Measured(NamedTuple):
    """One capture and what each tool took for it."""

    load: Load
    size_bytes: int
    packets: int
    result: Result


class Conditions(NamedTuple):
    """What the figures hold for. ``help_ms``: how long ``sipdiag --help`` takes."""

    machine: str
    versions: Sequence[str]
    runs: int
    bound_s: float
    help_ms: float


def tables(measured: Sequence[Measured], conditions: Conditions) -> str:
    """Everything, as one piece of Markdown."""
    parts = [_conditions(conditions), _targets(measured, conditions)]
    for load in dict.fromkeys(each.load for each in measured):
        of_load = [each for each in measured if each.load is load]
        parts += [_load(each, conditions) for each in of_load]
        parts.append(_growth(load, of_load))
    return "\n\n".join(parts) + "\n"


def replace_between(text: str, table: str) -> str:
    """``text`` with ``table`` between the markers. Raises ValueError where they aren't there."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"there is no {BEGIN} ... {END}")
    return f"{head}{BEGIN}\n\n{table}\n{END}{tail}"


def _conditions(conditions: Conditions) -> str:
    runs = f"Medians of {conditions.runs} runs" if conditions.runs > 1 else "One run of each"
    return (
        f"{conditions.machine}; {', '.join(conditions.versions)}. {runs}, the tools in turn. "
        "Everything is pinned to one core. Memory is the peak of the largest process."
    )


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e8 else f"{size_bytes / 1e6:.0f} MB"


def _times(value: float) -> str:
    return f"{value:.0f}" if value >= 20 else f"{value:.1f}" if value >= 2 else f"{value:.2f}"


def _load(each: Measured, conditions: Conditions) -> str:
    ours = each.result[OURS]
    lines = [
        f"### {each.load.value}, {_size(each.size_bytes)}, {each.packets:,} packets",
        "",
        "| tool | CPU s | wall s | peak MiB | CPU / sipdiag's | wall / sipdiag's "
        "| memory / sipdiag's |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, figures in each.result.items():
        if figures is None:
            lines.append(f"| `{name}` | | more than {conditions.bound_s:.0f} | | | | |")
            continue
        ratios = ["", "", ""]
        if ours is not None:
            ratios = [_times(mine / base) for mine, base in zip(figures, ours, strict=True)]
        lines.append(
            f"| `{name}` | {figures.cpu_s:.2f} | {figures.wall_s:.2f} | {figures.peak_mib:.0f} | "
            + " | ".join(ratios)
            + " |"
        )
    return "\n".join(lines)


def _growth(load: Load, measured: Sequence[Measured]) -> str:
    first, last = measured[0], measured[-1]
    factor = last.packets / first.packets
    lines = [
        f"### {load.value}: growth from {_size(first.size_bytes)} to {_size(last.size_bytes)} "
        f"({factor:.1f} times the packets, the same clients)",
        "",
        "| tool | CPU grows by | peak memory grows by |",
        "| --- | ---: | ---: |",
    ]
    for name, figures in last.result.items():
        before = first.result.get(name)
        if figures is not None and before is not None:
            lines.append(
                f"| `{name}` | {_times(figures.cpu_s / before.cpu_s)} | "
                f"{_times(figures.peak_mib / before.peak_mib)} |"
            )
    return "\n".join(lines)


def _targets(measured: Sequence[Measured], conditions: Conditions) -> str:
    lines = ["| what | wanted | measured |", "| --- | --- | --- |"]
    for load, wanted in ((Load.MEDIA, 4.0), (Load.SIGNALLING, 1.5)):
        of_load = [each for each in measured if each.load is load]
        if not of_load:
            continue
        first, last = of_load[0], of_load[-1]
        ours, base = last.result[OURS], first.result[OURS]
        if ours is None or base is None:
            continue
        counting = last.result.get(COUNTING)
        pyshark = last.result.get(f"{PYSHARK}{RECKONED}")
        rows = [
            (
                "speed against tshark's counting",
                f"{wanted:g} times",
                counting and counting.cpu_s / ours.cpu_s,
            ),
            (
                "memory against tshark's",
                "at most 0.5",
                counting and ours.peak_mib / counting.peak_mib,
            ),
            (
                f"memory, as a multiple of that at {_size(first.size_bytes)}",
                "1",
                ours.peak_mib / base.peak_mib,
            ),
            ("speed against pyshark", "100 times", pyshark and pyshark.cpu_s / ours.cpu_s),
        ]
        for what, goal, value in rows:
            said = "not measured" if value is None else _times(value)
            lines.append(f"| {load.value}, {_size(last.size_bytes)}: {what} | {goal} | {said} |")
    lines.append(f"| `sipdiag --help` | at most 150 ms | {conditions.help_ms:.0f} ms |")
    return "\n".join(lines)
