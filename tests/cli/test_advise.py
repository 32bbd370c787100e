"""``sipdiag advise`` as a user meets it: what goes where, and that nothing is written unasked."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

CAPTURES = Path(__file__).parents[2] / "captures"
EXPIRED = CAPTURES / "sip-binding-30s" / "bad.pcap"
NAT_NO = CAPTURES / "sip-nat-no" / "bad.pcap"
_SIP = """\
[general]
context=inbound
register => me:topsecret@provider.example
nat=force_rport,comedia
localnet=10.0.0.0/8

[101]
type=friend
host=dynamic
secret=hunter2
"""


def _run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "sipdiag", "advise", *map(str, arguments)],
        capture_output=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "80"},
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    for secret in (b"hunter2", b"topsecret"):
        assert secret not in done.stdout + done.stderr
    return done


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An administrator's directory."""
    (tmp_path / "sip.conf").write_text(_SIP)
    return tmp_path


def test_the_diff_applies_and_nothing_is_written(folder: Path) -> None:
    done = _run("--config", folder, EXPIRED)
    assert done.returncode == 1
    assert (folder / "sip.conf").read_text() == _SIP
    assert [file.name for file in folder.iterdir()] == ["sip.conf"]
    subprocess.run(["patch", "-p1", "-s"], cwd=folder, input=done.stdout, check=True)
    assert (folder / "sip.conf").read_text() == _SIP + "qualify=yes\nqualifyfreq=25\n"
    said = done.stderr.decode()
    assert "no-keepalive (SD603)" in said and "asterisk -rx 'sip reload'" in said
    again = _run("--config", folder, EXPIRED)
    assert again.stdout == b"" and b"CONTRADICTION" in again.stderr


def test_write_keeps_what_was_there(folder: Path) -> None:
    file = folder / "sip.conf"
    file.chmod(0o640)
    done = _run("--config", folder, "--write", EXPIRED)
    assert (done.returncode, done.stdout) == (1, b"")
    assert file.read_text() == _SIP + "qualify=yes\nqualifyfreq=25\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    backup = folder / ".sip.conf.sipdiag-1"
    assert backup.read_text() == _SIP and stat.S_IMODE(backup.stat().st_mode) == 0o640
    assert str(backup).encode() in done.stderr
    file.write_text(_SIP)
    _run("--config", folder, "--write", "-q", EXPIRED)
    assert (folder / ".sip.conf.sipdiag-2").exists()


def test_links_are_not_written_through(folder: Path) -> None:
    (folder / "sip.conf").rename(folder / "real.conf")
    (folder / "sip.conf").symlink_to("real.conf")
    done = _run("--config", folder, "--write", EXPIRED)
    assert done.returncode == 3 and b"symbolic link" in done.stderr
    assert (folder / "real.conf").read_text() == _SIP
    assert sorted(f.name for f in folder.iterdir()) == ["real.conf", "sip.conf"]


def test_files_that_contradict_the_traffic(folder: Path) -> None:
    done = _run("--config", folder, NAT_NO)
    assert done.stdout == b""
    assert b"CONTRADICTION: sip.conf:4 says nat=force_rport,comedia" in done.stderr


def test_the_line_that_is_the_cause_is_named(folder: Path) -> None:
    file = folder / "sip.conf"
    file.write_text(_SIP.replace("nat=force_rport,comedia", "nat=no"))
    done = _run("--config", folder, NAT_NO)
    assert b"sip.conf:4 says nat=no, and 101 is behind NAT" in done.stderr
    assert b"-nat=no\n+nat=force_rport,comedia\n" in done.stdout


def test_files_alone(folder: Path) -> None:
    clean = _run("--config", folder, "--fail-on", "warning")
    assert (clean.returncode, clean.stdout) == (0, b"")
    assert b"Nothing wrong was found in the configuration." in clean.stderr
    (folder / "iax.conf").write_text(
        "[b]\ntype=friend\nhost=dynamic\nqualify=yes\nqualifyfreqok=25\n"
    )
    done = _run("--config", folder, "--fail-on", "warning")
    assert done.returncode == 1
    assert b"+++ b/iax.conf\n" in done.stdout and b"+qualifyfreqok=25000\n" in done.stdout
    assert b"every 25 ms" in done.stderr
    assert _run("--config", folder, "-q").stderr == b""


def test_what_is_wrong_in_many_sections_is_changed_in_fifty(folder: Path) -> None:
    peer = "[{}]\ntype=friend\nhost=dynamic\nqualify=30\n"
    text = "[general]\n" + "".join(peer.format(n) for n in range(100, 160))
    (folder / "sip.conf").write_text(text)
    done = _run("--config", folder, "--write")
    assert b"The first 50 are changed" in done.stderr
    assert (folder / "sip.conf").read_text() == text.replace("qualify=30", "qualify=yes", 50)


def test_captures_alone_give_what_can_be_pasted() -> None:
    done = _run(EXPIRED)
    assert done.stdout.decode() == "; sip.conf\n[101]\nqualify=yes\nqualifyfreq=25 ; s\n"


def test_json(folder: Path) -> None:
    done = _run("--config", folder, "--json", EXPIRED)
    told = json.loads(done.stdout)
    assert (told["schema"], told["verdict"]["code"]) == ("sipdiag/1", "SD501")
    advice = told["advise"]
    assert [(c["file"], c["section"], c["option"], c["value"]) for c in advice["changes"]] == [
        ("sip.conf", "[101]", "qualify", "yes"),
        ("sip.conf", "[101]", "qualifyfreq", "25"),
    ]
    assert advice["diff"].startswith("--- a/sip.conf\n") and advice["backups"] == {}


def test_hostile_files(tmp_path: Path) -> None:
    (tmp_path / "sip.conf").write_bytes(
        b"[general]\n[1\x1b[2J](!)\nnat=\x1b]0;x\x07, comedia\n[101](1\x1b[2J)\ntype=friend\n"
        b"secret=hunter2\n#include /etc/passwd\n#include ../../etc/passwd\n#exec touch x\n"
    )
    done = _run("--config", tmp_path)
    assert b"\x1b" not in done.stdout + done.stderr and b"root:" not in done.stdout + done.stderr
    assert b"never run" in done.stderr and b"outside of the configuration" in done.stderr
    assert [f.name for f in tmp_path.iterdir()] == ["sip.conf"]


def test_usage(folder: Path, tmp_path: Path) -> None:
    assert _run().returncode == 2
    assert _run("--write", EXPIRED).returncode == 2
    assert _run("--config", folder / "nowhere").returncode == 3
    empty = tmp_path / "empty"
    empty.mkdir()
    done = _run("--config", empty)
    assert done.returncode == 0 and b"has none of sip.conf" in done.stderr
