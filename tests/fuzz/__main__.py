"""``python -m tests.fuzz [TARGET...] [--seconds 900] [--jobs 2] [--keep]``: fuzzes with atheris.

Each target runs for so many seconds, in processes of their own, ``--jobs`` at a time. Inputs grow
in ``.fuzz/TARGET``; what breaks a property is left in ``.fuzz/TARGET.found``, its traceback in
``.fuzz/TARGET.log``. ``--keep`` afterwards puts the smallest inputs that reach all that is reached
into ``tests/fuzz/corpus/TARGET``.

Exit codes: 0 nothing found, 1 something found, 4 atheris isn't there.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from tests.fuzz.target import Target
from tests.fuzz.targets import NAMES, load

WORK = Path(os.environ.get("SIPDIAG_FUZZ", ".fuzz"))
"""Where inputs grow."""

_HANG_S = 10
"""For one input; the slowest seed takes some 50 ms under atheris."""
_MEMORY_MB = 1024
_INPUT_BYTES = 4096
_KEPT_BYTES = 32 * 1024
_KEPT_COUNT = 64
"""Of one target's corpus in the repository: enough to begin from, and quick to check. libFuzzer
names inputs by their hash, so that the first are as good as any."""

_DONE = re.compile(rb"Done (\d+) runs")
_AT = re.compile(rb"^#(\d+)\s.*?cov: (\d+) ft: (\d+)", re.MULTILINE)


class Outcome(NamedTuple):
    """What came of one target. ``executions``: as far as they are known."""

    name: str
    executions: int
    coverage: int
    found: list[Path]
    exit_code: int


def prepare(target: Target) -> Path:
    """The folder that a target's inputs grow in, with seeds and all that is kept."""
    folder = WORK / target.name
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate([*target.seeds(), *target.kept()]):
        (folder / f"seed-{number:03d}").write_bytes(data)
    words = "".join(f'"{_escaped(word)}"\n' for word in target.words)
    (WORK / f"{target.name}.dict").write_text(words)
    return folder


def _escaped(word: bytes) -> str:
    return "".join(
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b'"\\' else f"\\x{byte:02x}"
        for byte in word
    )


def fuzz(name: str, seconds: int) -> Outcome:
    """Fuzzes one target for so many seconds."""
    target = load(name)
    folder = prepare(target)
    found = WORK / f"{name}.found"
    found.mkdir(exist_ok=True)
    log = WORK / f"{name}.log"
    with log.open("wb") as out:
        done = _engine(
            target,
            out,
            str(folder),
            f"-max_total_time={seconds}",
            f"-timeout={_HANG_S}",
            f"-rss_limit_mb={_MEMORY_MB}",
            f"-max_len={_INPUT_BYTES}",
            f"-artifact_prefix={found}/",
            f"-dict={WORK / name}.dict",
        )
    text = log.read_bytes()
    runs = [int(match[1]) for match in (*_DONE.finditer(text), *_AT.finditer(text))]
    covered = [int(match[2]) for match in _AT.finditer(text)]
    broken = sorted(found.iterdir())
    return Outcome(name, max(runs, default=0), max(covered, default=0), broken, done)


def _engine(target: Target, out: object, *options: str) -> int:
    command = [sys.executable, "-m", "tests.fuzz.engine", target.name, *options]
    return subprocess.run(command, stdout=out, stderr=subprocess.STDOUT).returncode  # type: ignore[call-overload,no-any-return]


def keep(name: str) -> int:
    """Minimises what has grown into the repository; the bytes that it takes there."""
    target = load(name)
    grown = prepare(target)
    with tempfile.TemporaryDirectory() as small, open(WORK / f"{name}.merge.log", "wb") as out:
        _engine(target, out, "-merge=1", f"-max_len={_INPUT_BYTES}", small, str(grown))
        shutil.rmtree(target.corpus, ignore_errors=True)
        target.corpus.mkdir(parents=True)
        size = 0
        for file in sorted(Path(small).iterdir())[:_KEPT_COUNT]:
            size += file.stat().st_size
            if size > _KEPT_BYTES:
                break
            shutil.copy(file, target.corpus / file.name[:16])
    return sum(file.stat().st_size for file in target.corpus.iterdir())


def main(words: Sequence[str] | None = None) -> int:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of: {', '.join(NAMES)}")
    parser.add_argument("--seconds", type=int, default=900, help="a target (900)")
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time (2)")
    parser.add_argument("--keep", action="store_true", help="minimise into the kept corpus")
    given = parser.parse_args(words)
    unknown = sorted(set(given.targets) - set(NAMES))
    if unknown:
        parser.error(f"no target is called {', '.join(unknown)}; there are {', '.join(NAMES)}")
    if importlib.util.find_spec("atheris") is None:
        print(
            "fuzzing needs atheris, which has wheels for Linux on x86-64 only: "
            "pip install -e '.[fuzz]'",
            file=sys.stderr,
        )
        return 4
    names = given.targets or list(NAMES)
    if given.keep:
        for name in names:
            print(f"{name:14} {keep(name):7} bytes kept")
        return 0
    bad = 0
    with ThreadPoolExecutor(given.jobs) as pool:
        for done in pool.map(lambda name: fuzz(name, given.seconds), names):
            bad += bool(done.found) or done.exit_code != 0
            what = ", ".join(str(path) for path in done.found) or "nothing found"
            if done.exit_code and not done.found:
                what = f"ended with {done.exit_code}, see {WORK / done.name}.log"
            print(f"{done.name:14} {done.executions:9} runs, {done.coverage:5} edges: {what}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
