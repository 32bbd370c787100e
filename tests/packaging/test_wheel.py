"""The wheel, installed where nothing else is: what a user gets by ``pip install sipdiag``.

Run by ``make wheel``; needs a package index that pip can reach.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAIR = [str(ROOT / "captures" / "sip-binding-30s" / f"{name}.pcap") for name in ("good", "bad")]
CONSUMER = ROOT / "tests" / "typing" / "consumer.py"

pytestmark = pytest.mark.wheel


def _pip(python: Path | str, *words: str) -> None:
    """Runs pip; skips where it can't get what it needs."""
    done = subprocess.run(
        [str(python), "-m", "pip", "--disable-pip-version-check", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    unreachable = ("No matching distribution", "Could not find a version", "Connection")
    if done.returncode and any(text in done.stdout + done.stderr for text in unreachable):
        pytest.skip(f"pip can't reach a package index: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _pip(sys.executable, "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT))
    (built,) = folder.glob("sipdiag-*.whl")
    return built


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` of a new virtual environment with the wheel and what it asks for."""
    folder = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    _pip(folder / "bin" / "python", "install", "--quiet", str(wheel))
    return folder / "bin"


def _run(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False, cwd=cwd
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_every_file_of_the_package_is_in_it(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    files = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "sipdiag").glob("**/*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert files <= held
    assert not {name for name in held if name.startswith(("tests/", "docs/", "captures/"))}


def test_its_version(installed: Path, tmp_path: Path) -> None:
    done = _run(installed / "sipdiag", "--version", cwd=tmp_path)
    assert done.stdout.startswith("sipdiag ")


def test_the_main_job(installed: Path, tmp_path: Path) -> None:
    done = _run(installed / "sipdiag", "compare", "--json", *PAIR, cwd=tmp_path)
    assert done.returncode == 1
    assert json.loads(done.stdout)["verdict"]["finding"] == "nat-binding-expired"
    text = _run(installed / "sipdiag", "compare", *PAIR, cwd=tmp_path)
    assert text.stdout.startswith("The NAT binding of 101 expired")


def test_every_command_can_be_imported(installed: Path, tmp_path: Path) -> None:
    """Nothing that a command needs is left out of the dependencies."""
    code = "from sipdiag.cli.app import COMMANDS; print(*(each.load().name for each in COMMANDS))"
    done = _run(installed / "python", "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "compare" in done.stdout


def test_doctor_finds_nothing_missing(installed: Path, tmp_path: Path) -> None:
    done = _run(installed / "sipdiag", "doctor", "diagnose", cwd=tmp_path)
    assert (done.returncode, done.stdout.count("[!!]")) == (0, 0), done.stdout


def test_the_manual_page_is_where_man_looks(installed: Path) -> None:
    page = installed.parent / "share" / "man" / "man1" / "sipdiag.1"
    assert page.read_text() == (ROOT / "man" / "sipdiag.1").read_text()


def test_a_typed_program_is_checked_against_it(installed: Path, tmp_path: Path) -> None:
    program = tmp_path / "consumer.py"
    program.write_text(CONSUMER.read_text())
    words = ("--strict", "--python-executable", installed / "python", "--cache-dir", tmp_path / "c")
    done = _run(sys.executable, "-m", "mypy", "--config-file=", *words, program, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    told = _run(installed / "python", program, *PAIR, cwd=tmp_path)
    assert told.stdout.startswith("{'SIP/101': (29.")
