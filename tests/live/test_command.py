"""``--alert-command``: a program is run for every alert, without a shell, and never waited for."""

from __future__ import annotations

import json
import os
import select
import sys
from pathlib import Path

import pytest

from sipdiag.base.errors import AccessError, UsageError
from sipdiag.live.command import CommandSink, environment, words_of
from tests.live.made import HOSTILE, expired

_NOTES = """
import json, os, sys
told = {name: value for name, value in os.environ.items() if name.startswith("SIPDIAG_")}
with open(sys.argv[1], "a") as notes:
    notes.write(json.dumps({"env": told, "stdin": json.load(sys.stdin), "args": sys.argv[2:]}))
    notes.write("\\n")
"""


def _python(program: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", program, *arguments]


def test_every_alert_comes_as_json_and_in_the_environment(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = tmp_path / "notes"
    sink = CommandSink(_python(_NOTES, str(notes), "a b"))
    sink.alert(expired())
    sink.alert(expired(escalated=True, frozen="/var/lib/sipdiag/101.pcap"))
    sink.close(60.0)
    first, second = (json.loads(line) for line in notes.read_text().splitlines())
    assert first["env"]["SIPDIAG_CODE"] == first["stdin"]["finding"]["code"] == "SD501"
    assert first["args"] == ["a b"]
    assert (first["env"]["SIPDIAG_ESCALATED"], second["env"]["SIPDIAG_ESCALATED"]) == ("0", "1")
    assert second["env"]["SIPDIAG_CAPTURE"] == "/var/lib/sipdiag/101.pcap"
    assert capsys.readouterr().err == ""


def test_wire_text_is_escaped_in_the_environment_and_no_longer_than_needed() -> None:
    told = environment(expired(HOSTILE + "x" * 5000, user=HOSTILE))
    assert told["SIPDIAG_SUBJECT"] == "SIP/\\x1b[2J[red]evil[/red]\\u202e\\x0a"
    assert all(text.isprintable() and len(text) < 600 for text in told.values())


def test_every_variable_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "howto" / "live.md").read_text()
    assert {name for name in environment(expired()) if f"`{name}`" not in page} == set()


def test_no_shell_reads_the_command(tmp_path: Path) -> None:
    target = tmp_path / "made"
    sink = CommandSink(words_of(f"true ; touch {target} $(touch {target}) > {target}"))
    sink.alert(expired())
    sink.close(60.0)
    assert not target.exists()


def test_a_failure_is_told_once_with_what_the_program_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sink = CommandSink(_python("import sys; sys.exit('no \\x1b[31mroute')"))
    for _ in range(3):
        sink.alert(expired())
    sink.close(60.0)
    once, count = capsys.readouterr().err.splitlines()
    assert once == "sipdiag: --alert-command: exit code 1: no \\x1b[31mroute"
    assert count == "sipdiag: --alert-command: failed 3 times"


def test_what_takes_too_long_is_killed_with_all_it_started(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fifo = tmp_path / "open as long as one of them lives"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    waits = f"import signal; held = open({str(fifo)!r}, 'w'); signal.pause()"
    starts = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {waits!r}])"
    sink = CommandSink(_python(starts), timeout_s=2.0)
    sink.alert(expired())
    sink.close(60.0)
    assert "took longer than 2 s and was killed" in capsys.readouterr().err
    ready, _, _ = select.select([reader], [], [], 60.0)
    assert ready and os.read(reader, 1) == b""
    os.close(reader)


def test_what_is_left_at_the_end_is_killed_and_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sink = CommandSink(_python("import signal; signal.pause()"))
    for _ in range(3):
        sink.alert(expired())
    sink.close(0.0)
    assert "3 alerts were not handed over" in capsys.readouterr().err


def test_a_program_that_went_away_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sink = CommandSink([str(tmp_path / "gone")])
    sink.alert(expired())
    sink.close(60.0)
    assert "No such file" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["", "   ", "say 'unfinished"])
def test_a_command_that_makes_no_sense(command: str) -> None:
    with pytest.raises(UsageError, match="--alert-command"):
        words_of(command)


def test_a_program_that_does_not_exist() -> None:
    with pytest.raises(AccessError, match="no-such-program"):
        words_of("no-such-program --now")
