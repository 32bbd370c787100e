"""``make bench``: one run, and the tables."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.bench.__main__ import _bytes, _reckoned
from tests.bench.made import Load
from tests.bench.run import Failed, Figures, median, run
from tests.bench.table import BEGIN, END, Conditions, Measured, replace_between, tables
from tests.bench.tools import COUNTING, OURS

PYTHON = [sys.executable, "-c"]


def test_a_run_is_told_by_the_system() -> None:
    measure = """
import subprocess
import sys
from tests.bench.run import run
for work in ("pass", "x = b'x' * 300_000_000; sum(range(9_000_000))"):
    told = run([sys.executable, "-c", work])
    print(told.cpu_s, told.peak_mib)
"""
    done = subprocess.run([*PYTHON, measure], capture_output=True, text=True, check=True)
    small, large = ([float(n) for n in line.split()] for line in done.stdout.splitlines())
    assert large[0] > small[0]
    assert large[1] > small[1] + 150


def test_a_run_that_takes_too_long_is_stopped() -> None:
    assert run([*PYTHON, "while True: pass"], bound_s=0.3) is None


def test_a_command_that_fails_is_no_result() -> None:
    with pytest.raises(Failed, match="ended with 3"):
        run([*PYTHON, "raise SystemExit(3)"])


def test_medians_are_of_each_figure() -> None:
    assert median([Figures(1, 9, 5), Figures(2, 7, 6), Figures(9, 8, 1)]) == Figures(2, 8, 5)


def test_a_slow_tool_is_reckoned_on_a_line() -> None:
    few, many = (1000, Figures(2.0, 3.0, 50)), (3000, Figures(4.0, 7.0, 60))
    assert _reckoned(11_000, few, many) == Figures(12.0, 23.0, 60)
    assert _reckoned(11_000, (1000, None), many) is None


def test_sizes_are_written_short() -> None:
    assert (_bytes("100M"), _bytes("1g"), _bytes("5000")) == (100_000_000, 1_000_000_000, 5000)


def test_tables_say_ratios_growth_and_targets() -> None:
    def measured(load: Load, size: int, packets: int, factor: float) -> Measured:
        return Measured(
            load,
            size,
            packets,
            {
                OURS: Figures(2 * factor, 2.2 * factor, 50),
                COUNTING: Figures(4 * factor, 4.4 * factor, 200 * factor),
                "sngrep -N -q": None,
            },
        )

    text = tables(
        [measured(load, size, size // 200, size / 1e8) for load in Load for size in (10**8, 10**9)],
        Conditions("2 cores", ["Python 3.11"], 5, 300, 123.4),
    )
    assert "| media-heavy, 1.0 GB: speed against tshark's counting | 4 times | 2.0 |" in text
    assert "| signalling-heavy, 1.0 GB: memory against tshark's | at most 0.5 | 0.03 |" in text
    assert "| media-heavy, 1.0 GB: speed against pyshark | 100 times | not measured |" in text
    assert "| `sipdiag --help` | at most 150 ms | 123 ms |" in text
    assert "| `sngrep -N -q` | | more than 300 | | | | |" in text
    assert f"| `{COUNTING}` | 10.0 | 10.0 |" in text


def test_a_tool_that_ended_has_its_figures_where_we_were_stopped() -> None:
    result = {OURS: None, COUNTING: Figures(4, 5, 200)}
    text = tables(
        [Measured(Load.SIGNALLING, 10**9, 10, result)],
        Conditions("2 cores", ["Python 3.11"], 1, 300, 90.0),
    )
    assert f"| `{OURS}` | | more than 300 | | | | |" in text
    assert f"| `{COUNTING}` | 4.00 | 5.00 | 200 |" in text


def test_tables_go_between_the_markers_and_nowhere_else() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert replace_between(text, "new\n") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    with pytest.raises(ValueError, match="bench: begin"):
        replace_between("nothing", "new")
