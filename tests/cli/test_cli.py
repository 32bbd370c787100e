"""The commands as a user meets them: words, exit codes, never a traceback."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CAPTURES = Path(__file__).parents[2] / "captures"
GOOD, BAD = (str(CAPTURES / "sip-binding-30s" / f"{name}.pcap") for name in ("good", "bad"))
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(40)


def _run(
    *arguments: str, stdin: bytes = b"", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "sipdiag", *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        env={**os.environ, **(env or {})},
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done


def test_compare_says_the_cause_and_exits_with_1() -> None:
    done = _run("compare", GOOD, BAD)
    assert done.returncode == 1
    text = done.stdout.decode()
    assert text.startswith("The NAT binding of 101 expired")
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    assert done.stderr == b""


def test_json_goes_to_standard_output_alone() -> None:
    done = _run("compare", "--json", "--fail-on", "never", GOOD, BAD)
    assert done.returncode == 0
    assert json.loads(done.stdout)["verdict"]["finding"] == "nat-binding-expired"
    assert done.stderr == b""


def test_analyse_and_its_other_spelling() -> None:
    assert _run("analyse", "-q", GOOD).returncode == 0
    done = _run("analyze", "-q", BAD)
    assert done.returncode == 1
    assert b"nat-binding-expired" in done.stdout


@pytest.mark.parametrize(
    ("level", "code"), [("error", 0), ("warning", 1), ("info", 1), ("never", 0)]
)
def test_fail_on(level: str, code: int) -> None:
    """An ALG that works is a warning."""
    case = CAPTURES / "sip-alg"
    arguments = (str(case / "good.pcap"), str(case / "bad.pcap"))
    assert _run("compare", "-q", "--fail-on", level, *arguments).returncode == code


def test_standard_input_and_gzip() -> None:
    done = _run("analyse", "-q", "-", stdin=gzip.compress(Path(BAD).read_bytes()))
    assert done.returncode == 1
    assert b"nat-binding-expired" in done.stdout


def test_several_files() -> None:
    done = _run("analyse", "--json", GOOD, BAD)
    parsed = json.loads(done.stdout)
    assert done.returncode == 1
    assert [Path(source["name"]).name for source in parsed["sources"]] == ["good.pcap", "bad.pcap"]
    assert parsed["verdict"]["finding"] == "nat-binding-expired"


def test_vantages_are_taken_in_the_order_of_the_files() -> None:
    case = CAPTURES / "ok-public-phone"
    files = (str(case / "capture.pcap"), str(case / "capture.inside.pcap"))
    done = _run("analyse", "--json", "--vantage", "pbx", "--vantage", "phone", *files)
    assert [s["vantage"] for s in json.loads(done.stdout)["sources"]] == ["pbx", "phone"]
    assert _run("analyse", "--vantage", "pbx", "--vantage", "pbx", GOOD).returncode == 2


def test_what_if_shows_the_table() -> None:
    done = _run("compare", "--what-if", GOOD, BAD)
    assert b"WHAT IF" in done.stdout and b"qualifyfreq=60" in done.stdout
    assert max(map(len, done.stdout.decode().splitlines())) <= 80
    assert b"WHAT IF" not in _run("compare", GOOD, BAD).stdout


def test_a_log_and_its_time_zone() -> None:
    log = str(CAPTURES / "iax2-binding-30s" / "bad.log")
    plain, berlin = (
        json.loads(_run("analyse", "--json", *zone, log).stdout)["sources"][0]["first"]
        for zone in ((), ("--tz", "Europe/Berlin"))
    )
    assert plain != berlin
    assert _run("analyse", "--tz", "Nowhere/Town", log).returncode == 2


def test_what_is_no_capture_is_one_line_and_3(tmp_path: Path) -> None:
    files = {
        "missing.pcap": None,
        "empty.pcap": b"",
        "picture.pcap": PNG,
        "words.pcap": b"This is not a capture.\n" * 20,
        "short.pcap": b"\xd4\xc3\xb2\xa1\x02\x00",
    }
    for name, content in files.items():
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        done = _run("analyse", str(path))
        assert done.returncode == 3, name
        assert done.stdout == b"", name
        assert done.stderr.count(b"\n") == 1, done.stderr
        assert name.encode() in done.stderr
    done = _run("compare", GOOD, str(tmp_path))
    assert (done.returncode, done.stderr.count(b"\n")) == (3, 1)
    assert b"directory" in done.stderr


def test_a_capture_without_sip_or_iax2(tmp_path: Path) -> None:
    path = tmp_path / "nothing.pcap"
    path.write_bytes(Path(GOOD).read_bytes()[:24])
    done = _run("analyse", str(path))
    assert done.returncode == 0
    assert b"Nothing to diagnose" in done.stdout


def test_a_truncated_capture_is_analysed_up_to_the_cut(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap"
    path.write_bytes(Path(BAD).read_bytes()[:-37])
    done = _run("compare", GOOD, str(path))
    assert done.returncode == 1
    assert b"cut off" in done.stdout
    assert b"nat-binding-expired" in done.stdout


def test_usage_errors_are_2() -> None:
    for arguments in (
        ("compare", GOOD),
        ("compare", "--nonsense", GOOD, BAD),
        ("analyse", "--local", "not-an-address", GOOD),
        ("analyse", "--asterisk", "newest", GOOD),
        ("analyse", "--keylog", "k", GOOD),
        ("explain", "SD999"),
        ("nonsense",),
    ):
        done = _run(*arguments)
        assert done.returncode == 2, arguments
        assert done.stderr


def test_a_missing_tool_is_4(tmp_path: Path) -> None:
    done = _run("analyse", "--reader", "tshark", GOOD, env={"PATH": str(tmp_path)})
    assert done.returncode == 4
    assert b"tshark" in done.stderr


def test_the_version_to_write_settings_for() -> None:
    done = _run("compare", "--asterisk", "1.8", GOOD, BAD)
    assert b"for Asterisk 1.8 (chan_sip)" in done.stdout


def test_ladder_draws_and_selects() -> None:
    everything = _run("ladder", GOOD)
    assert everything.returncode == 0
    assert b"INVITE" in everything.stdout and b"REGISTER" in everything.stdout
    assert max(map(len, everything.stdout.decode().splitlines())) <= 80
    call_id = next(
        line.split()[1] for line in everything.stdout.decode().splitlines() if "SIP " in line[:5]
    )
    one = _run("ladder", "--call-id", call_id, GOOD)
    assert one.stdout and len(one.stdout) < len(everything.stdout)
    none = _run("ladder", "--call-id", "no such", GOOD)
    assert (none.returncode, none.stdout) == (0, b"")
    assert b"no session" in none.stderr


def test_findings_and_explain() -> None:
    listed = _run("findings").stdout.decode()
    assert "SD501  nat-binding-expired" in listed
    page = _run("explain", "sd501").stdout.decode()
    assert page.startswith("# SD501 nat-binding-expired")
    assert "RFC 4787" in page


def test_help_and_version() -> None:
    assert b"compare" in _run("--help").stdout
    assert _run("--version").stdout.startswith(b"sipdiag ")


def test_a_reader_that_goes_away_is_no_error() -> None:
    done = subprocess.run(
        f"{sys.executable} -m sipdiag ladder {BAD} | head -n 1",
        shell=True,
        capture_output=True,
        check=False,
    )
    assert done.stderr == b""


def test_nothing_heavy_is_loaded_by_the_package() -> None:
    code = (
        "import sys, sipdiag;"
        "print([m for m in ('scapy', 'pyshark', 'rich', 'typer') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


@pytest.mark.parametrize("command", ["findings", "--help", f"compare {GOOD} {BAD}"])
def test_output_that_cant_be_written_is_one_line_and_4(command: str) -> None:
    done = subprocess.run(
        f"{sys.executable} -m sipdiag {command} >/dev/full",
        shell=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 4
    assert done.stderr == b"sipdiag: the output: No space left on device\n"


def test_output_that_is_closed_does_no_harm() -> None:
    """A file opened later must not take its place."""
    done = subprocess.run(
        f"{sys.executable} -m sipdiag compare -q {GOOD} {BAD} >&- 2>&-",
        shell=True,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


def test_a_missing_library_is_one_line_and_4() -> None:
    code = f"import sys; sys.modules['rich'] = None; sys.argv[1:] = ['compare', {GOOD!r}, {BAD!r}]"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; from sipdiag.cli import main; main()"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 4
    assert done.stderr.startswith(b"sipdiag: the library rich")
    assert done.stderr.count(b"\n") == 1
