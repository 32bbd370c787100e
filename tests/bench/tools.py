"""What is measured: sipdiag, and the tools beside it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

OURS = "sipdiag analyse -q"
COUNTING = "tshark -q -z sip,stat"
FIELDS = "tshark -Y sip -T fields"
SNGREP = "sngrep -N -q"
SCAPY = "scapy PcapReader"
PYSHARK = "pyshark FileCapture"
PYSHARK_SIP = "pyshark FileCapture, display_filter='sip'"
RECKONED = " (reckoned)"
"""Said of a tool whose time was reckoned from small captures."""


class Tool(NamedTuple):
    """``name`` as the table says it. ``sampled``: it is so slow that it reads two small captures,
    and its time is reckoned from them."""

    name: str
    command: Callable[[Path], list[str]]
    sampled: bool = False
    statuses: tuple[int, ...] = (0,)


_FIELDS = ("frame.time_epoch", "ip.src", "ip.dst", "sip.Method", "sip.Status-Code", "sip.Call-ID")

_SCAPY = "import sys; from scapy.all import PcapReader; sum(1 for _ in PcapReader(sys.argv[1]))"
_PYSHARK = (
    "import sys, pyshark; "
    "capture = pyshark.FileCapture(sys.argv[1], keep_packets=False, display_filter=sys.argv[2]); "
    "capture.apply_on_packets(lambda packet: packet.highest_layer); capture.close()"
)


def tools() -> list[Tool]:
    """Those that are installed, ours first."""
    python = sys.executable
    analyse = [python, "-m", "sipdiag", "analyse", "-q", "--fail-on", "never"]
    found = [Tool(OURS, lambda path: [*analyse, str(path)])]
    tshark, sngrep = shutil.which("tshark"), shutil.which("sngrep")
    if tshark is not None:
        fields = [word for name in _FIELDS for word in ("-e", name)]
        found += [
            Tool(COUNTING, lambda path: [tshark, "-r", str(path), "-q", "-z", "sip,stat"]),
            Tool(
                FIELDS,
                lambda path: [tshark, "-r", str(path), "-Y", "sip", "-T", "fields", *fields],
            ),
        ]
    if sngrep is not None:
        found.append(Tool(SNGREP, lambda path: [sngrep, "-F", "-N", "-q", "-I", str(path)]))
    found.append(Tool(SCAPY, lambda path: [python, "-c", _SCAPY, str(path)], sampled=True))
    if tshark is not None:
        for name, shown in ((PYSHARK, ""), (PYSHARK_SIP, "sip")):
            found.append(Tool(name, _pyshark(shown), sampled=True))
    return found


def _pyshark(shown: str) -> Callable[[Path], list[str]]:
    return lambda path: [sys.executable, "-c", _PYSHARK, str(path), shown]


def versions() -> list[str]:
    """Of each tool and of Python, for the table."""
    found = [f"Python {sys.version.split()[0]}", f"sipdiag {version('sipdiag')}"]
    for name, option in (("tshark", "--version"), ("sngrep", "-V")):
        path = shutil.which(name)
        if path is None:
            found.append(f"no {name}")
            continue
        said = subprocess.run([path, option], capture_output=True, text=True, check=False).stdout
        number = re.search(r"\d+\.\d+[.\d]*", said)
        found.append(f"{name} {number[0] if number else 'of unknown version'}")
    return [*found, f"scapy {version('scapy')}", f"pyshark {version('pyshark')}"]
