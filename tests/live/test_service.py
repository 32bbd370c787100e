"""The systemd unit: systemd takes every line of it, and finds it well shut."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

UNIT = Path(__file__).parents[2] / "contrib" / "sipdiag-live.service"
MOST_EXPOSURE = 20
"""Of 100. What is left is the network, which is its business."""

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze isn't installed"
)


def _analyse(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
    )


def test_systemd_takes_every_line(tmp_path: Path) -> None:
    text = UNIT.read_text().replace("/usr/bin/sipdiag", sys.executable)
    unit = tmp_path / UNIT.name
    unit.write_text("\n".join(t for t in text.splitlines() if not t.startswith("Documentation")))
    done = _analyse("verify", "--man=no", str(unit))
    about_us = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert (done.returncode, about_us) == (0, [])


def test_it_is_well_shut() -> None:
    done = _analyse("security", "--offline=true", f"--threshold={MOST_EXPOSURE}", str(UNIT))
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze can't look at files")
    assert done.returncode == 0, done.stdout[-200:]


def test_the_right_to_capture_is_the_only_one() -> None:
    lines = UNIT.read_text().splitlines()
    assert "AmbientCapabilities=CAP_NET_RAW" in lines
    assert "CapabilityBoundingSet=CAP_NET_RAW" in lines
