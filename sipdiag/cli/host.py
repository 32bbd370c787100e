"""The machine that sipdiag runs on, as ``sipdiag doctor`` looks at it.

Contract: a ``Host`` answers from what it was made with, so that a test can make one up; only
``Host.real`` and the functions that it puts in ask the machine.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

_PATIENCE_S = 20.0
"""For an outside program that only has to say its version."""


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface. ``up`` None = not known."""

    name: str
    up: bool | None


@dataclass(frozen=True)
class Host:
    """What can be asked of a machine."""

    python: str
    system: str
    """``sys.platform``."""
    user_id: int
    capabilities: int | None
    """The effective ones as Linux counts them (capabilities(7)); None where there are none."""
    root: Path
    """What stands for ``/``."""
    environ: Mapping[str, str]
    columns: int
    terminal: bool
    encoding: str
    zone: str
    """The local zone's name and its offset to UTC now, as ``CET +0100``."""
    interfaces: Sequence[Interface]
    requirements: Sequence[str] = ()
    """What sipdiag needs, as its metadata has it: ``rich>=13``, ``resvg-py>=0.2; extra == "png"``
    (PEP 508)."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of the libraries that are installed."""
    which: Callable[[str], str | None] = shutil.which
    first_line: Callable[[Sequence[str]], str | None] = lambda words: first_line(words)
    """What a program says first, or None where it can't be run."""
    listen: Callable[[], None] = lambda: listen()
    """Opens what live capture needs, and closes it; raises ``AccessError`` where that can't be."""

    @classmethod
    def real(cls) -> Self:
        """This machine."""
        requirements = importlib.metadata.requires("sipdiag") or []
        names = [requirement_name(line) for line in requirements]
        return cls(
            python=".".join(map(str, sys.version_info[:3])),
            system=sys.platform,
            user_id=os.geteuid(),
            capabilities=_capabilities(),
            root=Path("/"),
            environ=os.environ,
            columns=shutil.get_terminal_size().columns,
            terminal=sys.stdout.isatty(),
            encoding=sys.stdout.encoding or "ascii",
            zone=time.strftime("%Z %z"),
            interfaces=_interfaces(),
            requirements=requirements,
            versions=dict(filter(None, map(_version, names))),
        )


def requirement_name(requirement: str) -> str:
    """The name that a requirement begins with (PEP 508)."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


def _version(name: str) -> tuple[str, str] | None:
    try:
        return name, importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _capabilities() -> int | None:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    return int(found[1], 16) if found else None


def _interfaces() -> list[Interface]:
    try:
        names = [name for _, name in socket.if_nameindex()]
    except OSError:
        return []
    return [Interface(name, _is_up(name)) for name in names]


def _is_up(name: str) -> bool | None:
    """``unknown`` is what tunnels and the loopback say of themselves when they work."""
    try:
        state = Path(f"/sys/class/net/{name}/operstate").read_text().strip()
    except OSError:
        return None
    return state in ("up", "unknown")


def first_line(words: Sequence[str]) -> str | None:
    """What a program says first on standard output, or else on standard error."""
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    lines = (done.stdout or done.stderr).decode("utf-8", "replace").split("\n")
    return lines[0].strip()


def listen() -> None:
    """Opens what live capture opens, and closes it. Raises ``AccessError``."""
    from sipdiag.readers.bpf import Wanted
    from sipdiag.readers.live import ANY, LiveCapture

    LiveCapture((ANY,), Wanted()).close()
