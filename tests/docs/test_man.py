"""The manual page and the commands' page are those of the commands, and no formatter has anything
to say about the former."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from docs import commands
from docs.man import PAGE, page
from docs.words import words_of
from sipdiag.cli.app import COMMANDS


def test_the_page_is_as_generated() -> None:
    assert PAGE.read_text() == page(), "run 'make docs'"


def test_the_commands_page_is_as_generated() -> None:
    assert commands.PAGE.read_text() == commands.page(), "run 'make docs'"


def test_every_command_and_every_option_is_in_it() -> None:
    text = page().replace("\\-", "-")
    for lazy in COMMANDS:
        if lazy.hidden:
            continue
        assert f".SS {lazy.name}\n" in text
        section = text.partition(f".SS {lazy.name}\n")[2].partition(".SS")[0]
        words = lazy.load().params
        named = {name for each in words for name in each.opts if name.startswith("-")}
        assert {name for name in named - {"-h", "--help"} if name not in section} == set()


def test_what_is_an_argument_and_what_an_option() -> None:
    compare = next(lazy for lazy in COMMANDS if lazy.name == "compare")
    arguments, options = words_of(compare.function())
    assert [word.value for word in arguments] == ["GOOD", "BAD"]
    by_name = {word.names[0]: word for word in options}
    assert by_name["--fail-on"].default == "error"
    assert by_name["--reader"].value == "native|tshark"
    assert by_name["--json"].value == ""


@pytest.mark.parametrize(
    "command",
    [
        ["mandoc", "-Tlint", "-Wwarning"],
        ["groff", "-man", "-ww", "-Tutf8", "-z"],
        ["man", "--warnings", "-l"],
    ],
    ids=lambda words: words[0],
)
def test_formatters_have_nothing_to_say(command: list[str]) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} isn't installed")
    done = subprocess.run(
        [*command, str(PAGE)], capture_output=True, text=True, check=False, env={"PATH": "/usr/bin"}
    )
    assert (done.returncode, done.stderr) == (0, "")
    if command[0] == "mandoc":
        assert done.stdout == ""
    if command[0] == "man":
        shown = re.sub(r".\x08", "", done.stdout)
        assert "sipdiag - say why a phone behind NAT loses its calls" in shown
        assert "--fail-on LEVEL" in shown
