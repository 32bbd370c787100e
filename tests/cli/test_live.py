"""``sipdiag live`` as a user meets it: options that make no sense, rights that lack, ends."""

from __future__ import annotations

import gc
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sipdiag.cli import main
from sipdiag.live.rights import may_capture

CAPTURES = Path(__file__).parents[2] / "captures"
LOG = CAPTURES / "sip-binding-30s" / "bad.log"

needs_right = pytest.mark.skipif(
    not sys.platform.startswith("linux") or not may_capture(),
    reason="capturing needs Linux and CAP_NET_RAW",
)


def _refused(*arguments: str) -> int:
    """The exit code of a command line that is refused before anything is watched."""
    before = gc.get_threshold()
    with pytest.raises(SystemExit) as ended:
        main(["live", *arguments])
    gc.set_threshold(*before)
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "say what to watch"),
        (("-i", "no such"), "there is no interface"),
        (("-i", "lo", "--duration", "soon"), "is no time"),
        (("-i", "lo", "--duration", "0s"), "is no time"),
        (("-i", "lo", "--write-size", "many"), "is no size"),
        (("-i", "lo", "--write-size", "1K"), "is no size"),
        (("--asterisk-log", str(LOG), "--write", "x"), "needs -i"),
        (("-i", "lo", "--until-finding", "--fail-on", "never"), "never ends"),
        (("-i", "lo", "--user", "no such user"), "there is no user"),
        (("-i", "lo", "--local", "here"), "no IP address"),
        (("-i", "lo", *("--port", "1") * 65), "at most 64"),
    ],
)
def test_what_makes_no_sense_is_said_in_one_line(
    arguments: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if "no such" in arguments and not may_capture():
        pytest.skip("the right to capture is asked for first")
    assert _refused(*arguments) == 2
    out, err = capsys.readouterr()
    assert words in err and err.count("\n") == 1
    assert out == ""


def test_a_log_that_is_none_cannot_be_read(tmp_path: Path) -> None:
    assert _refused("--asterisk-log", str(tmp_path / "absent")) == 3
    (tmp_path / "text").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    assert _refused("--asterisk-log", str(tmp_path / "text")) == 3


@needs_right
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv isn't installed")
def test_without_the_right_it_says_how_to_get_it() -> None:
    without = ("setpriv", "--bounding-set", "-net_raw", "--inh-caps", "-net_raw")
    done = subprocess.run(
        [*without, sys.executable, "-m", "sipdiag", "live", "-i", "lo"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 4
    assert "setcap cap_net_raw+ep" in done.stderr
    assert "AmbientCapabilities=CAP_NET_RAW" in done.stderr
    assert done.stderr.splitlines()[-1] == "sipdiag: live lacks the right CAP_NET_RAW"


def _as_of_now(log: bytes) -> bytes:
    """The log as if its last line were written now."""
    dates = re.compile(rb"(?m)^\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3})\]")
    last = datetime.fromisoformat(dates.findall(log)[-1].decode())
    late = datetime.now(UTC).replace(tzinfo=None) - last

    def moved(match: re.Match[bytes]) -> bytes:
        when = datetime.fromisoformat(match[1].decode()) + late
        return f"[{when.isoformat(' ', 'milliseconds')}]".encode()

    return dates.sub(moved, log)


def test_a_log_is_followed_until_a_finding(tmp_path: Path) -> None:
    """Written while it runs; the exit code is that of ``analyse``."""
    log = tmp_path / "full"
    log.write_bytes(b"")
    process = subprocess.Popen(
        [
            sys.executable, "-m", "sipdiag", "live", "--asterisk-log", str(log), "--tz", "UTC",
            "--until-finding", "--json", "--duration", "60s",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    first = json.loads(process.stdout.readline())
    assert first["type"] == "snapshot"
    log.write_bytes(_as_of_now(LOG.read_bytes()))
    lines = [json.loads(line) for line in process.stdout]
    process.stdout.close()
    assert process.wait() == 1
    kinds = [line["type"] for line in lines]
    assert kinds[-1] == "report" and "alert" in kinds
    assert lines[-1]["verdict"]["finding"] == "nat-binding-expired"


@needs_right
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_with_the_report(number: signal.Signals, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [
            sys.executable, "-m", "sipdiag", "live", "-i", "lo", "--port", "45999", "--json",
            "--write", str(tmp_path / "ring"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(number)
    out, err = process.communicate()
    assert json.loads(out.splitlines()[-1])["type"] == "report"
    assert process.returncode == 0 and err == ""
    assert (tmp_path / "ring").stat().st_mode & 0o777 == 0o700


@needs_right
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root to give it up")
def test_root_is_given_up_before_anything_is_read() -> None:
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o755)
        ring = Path(home) / "ring"
        process = subprocess.Popen(
            [
                sys.executable, "-m", "sipdiag", "live", "-i", "lo", "--port", "45999", "--json",
                "--user", "nobody", "--write", str(ring), "--duration", "60s",
            ],
            stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        status = Path(f"/proc/{process.pid}/status").read_text()
        owner = ring.stat().st_uid
        process.terminate()
        process.communicate()
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    nobody = pwd.getpwnam("nobody").pw_uid
    assert fields["Uid"].split() == [str(nobody)] * 4
    assert {int(fields[name], 16) for name in ("CapPrm", "CapEff", "CapAmb")} == {0}
    assert owner == nobody
