"""Debian's source package of Asterisk, for the tests on real headers and for a patched build.

Contract: ``fetch(suite, into)`` downloads the package's files with apt, in a directory of its own
so that the machine's own lists stay as they are, and returns the ``.dsc``. A LabError says why
where the mirror doesn't have it (an old suite's sources go before its binaries do).
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from .net import LabError
from .prepare import lab_dir, mirror

_PLACES = re.compile(r"\w+://\S+|\[IP:[^\]]*\]")
"""Where apt went: another machine goes elsewhere."""


def fetch(suite: str, into: Path) -> Path:
    """Download the source package of a suite."""
    state = into / ".apt"
    for name in ("lists/partial", "cache/archives/partial"):
        (state / name).mkdir(parents=True, exist_ok=True)
    keys = lab_dir() / suite / "usr/share/keyrings/debian-archive-keyring.gpg"
    if not keys.exists():
        raise LabError(f"no chroot of {suite}: python -m tests.lab prepare")
    (state / "sources.list").write_text(
        f"deb-src [signed-by={keys} check-valid-until=no] {mirror()} {suite} main\n",
        encoding="utf-8",
    )
    own = {
        "Dir::Etc::SourceList": state / "sources.list",
        "Dir::Etc::SourceParts": "-",
        "Dir::State::Lists": state / "lists",
        "Dir::Cache": state / "cache",
        "APT::Sandbox::User": "root",
    }
    options = [word for name, value in own.items() for word in ("-o", f"{name}={value}")]
    _apt(into, *options, "update")
    _apt(into, *options, "source", "--download-only", "asterisk")
    return next(into.glob("asterisk_*.dsc"))


def _apt(into: Path, *words: str) -> None:
    done = subprocess.run(
        ["apt-get", "-q", *words], cwd=into, capture_output=True, text=True, check=False
    )
    if done.returncode:
        wrong = [line for line in done.stderr.splitlines() if line.startswith("E:")]
        said = _PLACES.sub("", wrong[0]) if wrong else "no reason given"
        raise LabError(f"apt-get ({words[-1]}): {' '.join(said.split())}")
