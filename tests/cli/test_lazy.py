"""Commands are imported when they are called: help costs no more than typer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import sipdiag
from sipdiag.cli.app import COMMANDS
from sipdiag.cli.lazy import LazyCommand

BAD = Path(__file__).parents[2] / "captures" / "sip-binding-30s" / "bad.pcap"

_WIDEST_HELP = 62
"""What 80 columns leave beside the longest name; typer wraps the rest."""


def _loaded(*arguments: str) -> set[str]:
    """The modules that a call of sipdiag has loaded when it ends."""
    code = (
        "import sys\n"
        "from sipdiag.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('LOADED', *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    return set(done.stdout.rpartition("LOADED ")[2].split())


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("nonsense",), ()])
def test_help_loads_no_more_than_the_command_line(arguments: tuple[str, ...]) -> None:
    loaded = _loaded(*arguments)
    ours = {name for name in loaded if name.partition(".")[0] == "sipdiag"}
    assert ours == {
        "sipdiag",
        "sipdiag._version",
        "sipdiag.base",
        "sipdiag.base.errors",
        "sipdiag.cli",
        "sipdiag.cli.app",
        "sipdiag.cli.lazy",
    }
    heavy = {"jinja2", "prometheus_client", "pyshark", "rich", "scapy", "asyncio", "ssl", "lxml"}
    assert not loaded & heavy


def test_a_diagnosis_as_json_loads_nothing_that_draws_or_captures() -> None:
    loaded = _loaded("analyse", "--json", str(BAD))
    heavy = {"jinja2", "prometheus_client", "pyshark", "rich", "scapy", "asyncio", "ssl", "lxml"}
    assert not loaded & heavy
    assert not {name for name in loaded if name.startswith(("sipdiag.live", "sipdiag.crafting"))}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_command_is_where_it_is_said_to_be(command: LazyCommand) -> None:
    assert command.load().name == command.name
    assert command.load().callback.__doc__


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_help_fits_its_line(command: LazyCommand) -> None:
    assert command.short_help is not None
    assert len(command.short_help) <= _WIDEST_HELP


def test_every_public_name_can_be_had_and_no_other() -> None:
    for name in sipdiag.__all__:
        assert getattr(sipdiag, name) is not None
    assert set(sipdiag.__all__) <= set(dir(sipdiag))
    with pytest.raises(AttributeError, match="nonsense"):
        sipdiag.nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_a_mistyped_command_is_told_the_nearest() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sipdiag", "comprae"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "'compare'" in done.stderr
