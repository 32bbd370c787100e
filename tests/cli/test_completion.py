"""Completion in real shells: what is offered for a line that ends at the cursor."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent


@functools.cache
def _script(shell: str) -> str:
    """What ``sipdiag --show-completion`` prints in that shell."""
    return _ask({"_SIPDIAG_COMPLETE": f"source_{shell}"})


def _ask(environ: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "sipdiag"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environ},
    )
    return done.stdout


def _run(words: list[str], text: str, folder: Path) -> list[str]:
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} isn't installed")
    done = subprocess.run(
        words,
        input=text,
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
        env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(folder)},
    )
    return done.stdout.split("\n")


def _bash(line: str, folder: Path) -> list[str]:
    """Calls the function that bash was told to call, as bash does."""
    words = line.split(" ")
    quoted = " ".join(f"'{word}'" for word in words)
    text = (
        f"{_script('bash')}\nCOMP_WORDS=({quoted})\nCOMP_CWORD={len(words) - 1}\n"
        "complete -p sipdiag\n_sipdiag_completion sipdiag\n"
        "printf '%s\\n' \"${COMPREPLY[@]}\"\n"
    )
    asked, *offered = _run(["bash", "--norc", "-s"], text, folder)
    assert asked == "complete -o default -F _sipdiag_completion sipdiag"
    return [word for word in offered if word]


def _fish(line: str, folder: Path) -> list[str]:
    """``complete -C`` gives what fish would offer, each with its description."""
    text = f"{_script('fish')}\ncomplete -C '{line}'\n"
    offered = _run(["fish", "--no-config"], text, folder)
    return [word.partition("\t")[0] for word in offered if word]


def _zsh(line: str, folder: Path) -> list[str]:
    """What zsh's own ``_arguments`` or ``_files`` is called with, told by stand-ins of theirs: the
    real ones work only inside the line editor."""
    ended = '"" ' if line.endswith(" ") else ""
    text = (
        f"words=({line} {ended}); CURRENT=$#words\n"
        "compdef() { }\n_files() { print FILES }\n_arguments() { print -r -- $1 }\n"
        f"{_script('zsh')}\n_sipdiag_completion\n"
    )
    told = " ".join(_run(["zsh", "-f", "-s"], text, folder))
    return ["FILES"] if "FILES" in told else re.findall(r'"([^" ]+)"(?=:|\)|\s)', told)


Ask = Callable[[str, Path], list[str]]
in_each_shell = pytest.mark.parametrize("ask", [_bash, _fish, _zsh], ids=["bash", "fish", "zsh"])


@in_each_shell
def test_commands(ask: Ask, tmp_path: Path) -> None:
    assert set(ask("sipdiag a", tmp_path)) == {"analyse", "advise"}


@in_each_shell
def test_finding_codes_and_names(ask: Ask, tmp_path: Path) -> None:
    assert set(ask("sipdiag explain SD50", tmp_path)) == {f"SD50{n}" for n in range(1, 7)}
    assert ask("sipdiag explain nat-b", tmp_path) == ["nat-binding-expired"]


@in_each_shell
def test_levels(ask: Ask, tmp_path: Path) -> None:
    offered = ask("sipdiag analyse --fail-on ", tmp_path)
    assert set(offered) == {"error", "warning", "info", "never"}


@in_each_shell
def test_options(ask: Ask, tmp_path: Path) -> None:
    assert ask("sipdiag compare --what", tmp_path) == ["--what-if"]


def test_bash_is_offered_nothing_where_a_file_is_wanted(tmp_path: Path) -> None:
    """It falls back to file names then (``-o default``)."""
    assert _bash("sipdiag analyse ba", tmp_path) == []


def test_fish_offers_files_where_a_file_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "bad.pcap").write_text("")
    assert _fish("sipdiag analyse ba", tmp_path) == ["bad.pcap"]


def test_zsh_is_told_to_offer_files(tmp_path: Path) -> None:
    assert _zsh("sipdiag analyse ba", tmp_path) == ["FILES"]


def test_it_is_said_how_to_get_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sipdiag", "--help"], capture_output=True, text=True, check=True
    )
    assert "--install-completion" in done.stdout
