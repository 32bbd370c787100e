"""``sipdiag patch-iax2`` as a user meets it: what goes where, exit codes, the way back."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from sipdiag.crafting.scenario import Scenario
from tests.asterisk.iax2_headers import COMMENTED, NEW, OLD, TAB, header

CAPTURES = Path(__file__).parents[2] / "captures"
EXPIRED = str(CAPTURES / "iax2-binding-30s" / "bad.pcap")


def _run(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "sipdiag", "patch-iax2", *map(str, arguments)],
        capture_output=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "80"},
    )
    assert b"Traceback" not in done.stderr, done.stderr.decode()
    return done


def _tree(folder: Path, path: str = NEW, data: bytes | None = None, version: str = "") -> Path:
    file = folder / path
    file.parent.mkdir(parents=True)
    file.write_bytes(header() if data is None else data)
    if version:
        (folder / ".version").write_text(version + "\n")
    return file


def test_the_diff_is_all_of_standard_output(tmp_path: Path) -> None:
    file = _tree(tmp_path, version="16.28.0")
    done = _run(tmp_path, "--expire", "25")
    assert done.returncode == 0
    assert done.stdout.startswith(b"--- a/channels/iax2/include/iax2.h\n+++ b/channels/iax2/")
    assert file.read_bytes() == header()
    subprocess.run(
        ["patch", "-p1"], cwd=tmp_path, input=done.stdout, check=True, capture_output=True
    )
    assert b"EXPIRE  25\n" in file.read_bytes()
    said = done.stderr.decode()
    first, patch = said.index("maxregexpire=25"), said.index("The patch sets")
    assert first < patch
    assert "First choice, with nothing rebuilt: the server's iax.conf" in said
    assert "again after 20 s" in said


def test_quiet_says_nothing(tmp_path: Path) -> None:
    _tree(tmp_path)
    done = _run(tmp_path, "--expire", "25", "--quiet")
    assert done.stdout and not done.stderr


def test_an_old_release_has_no_setting(tmp_path: Path) -> None:
    _tree(tmp_path, OLD, header(COMMENTED, old=True), "1.0.12")
    done = _run(tmp_path, "--expire", "25")
    assert b"-#define IAX_DEFAULT_REG_EXPIRE  60\t/* once a minute" in done.stdout
    assert b"iax.conf\n\n" not in done.stderr
    assert b"this release has no setting for it" in done.stderr


def test_patched_already(tmp_path: Path) -> None:
    _tree(tmp_path, data=header().replace(b"60\n", b"25\n", 1))
    for form in ((), ("--in-place",), ("--sed",), ("--ebuild",), ("--debian",)):
        done = _run(tmp_path, "--expire", "25", *form)
        assert (done.returncode, done.stdout) == (0, b"")
        assert b"says 25 s already: nothing to do" in done.stderr
    done = _run(tmp_path, "--expire", "30")
    assert b"+#define IAX_DEFAULT_REG_EXPIRE  30" in done.stdout
    assert b"says 25 s, not the usual 60 s" in done.stderr


def test_in_place_and_back(tmp_path: Path) -> None:
    file = _tree(tmp_path, data=header(TAB).replace(b"\n", b"\r\n"))
    before = file.read_bytes()
    done = _run(file, "--expire", "25", "--in-place")
    assert (done.returncode, done.stdout) == (0, b"")
    assert file.read_bytes() == before.replace(b"EXPIRE  60\t\r\n", b"EXPIRE  25\t\r\n") != before
    assert Path(f"{file}.sipdiag-orig").read_bytes() == before
    done = _run(tmp_path, "--revert", "--in-place")
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"Back from 25 s to 60 s" in done.stderr
    assert file.read_bytes() == before
    assert [f.name for f in file.parent.iterdir()] == ["iax2.h"]
    done = _run(tmp_path, "--revert", "--in-place")
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"nothing to revert" in done.stderr


@pytest.mark.parametrize("form", [(), ("--sed",)])
def test_revert_as_a_diff_and_as_a_sed_line(form: tuple[str, ...], tmp_path: Path) -> None:
    patched = header().replace(b"60\n", b"25\n", 1)
    file = _tree(tmp_path, data=patched)
    done = _run(tmp_path, "--revert", "--expire", "30", *form)
    assert b"says 25 s, not 30 s" in done.stderr
    argv = ["sh"] if form else ["patch", "-p1"]
    subprocess.run(argv, cwd=tmp_path, input=done.stdout, check=True, capture_output=True)
    assert file.read_bytes() == header()


def test_a_tarball(tmp_path: Path) -> None:
    source = tmp_path / "asterisk-18.tar.xz"
    with tarfile.open(source, "w:xz") as archive:
        info = tarfile.TarInfo(f"asterisk-18.26.4/{NEW}")
        info.size = len(header())
        archive.addfile(info, io.BytesIO(header()))
    done = _run(source, "--expire", "25")
    assert done.returncode == 0
    assert done.stdout.startswith(b"--- a/" + NEW.encode())
    assert _run(source, "--expire", "25", "--in-place").returncode == 2
    assert [f.name for f in tmp_path.iterdir()] == [source.name]


def test_a_named_version(tmp_path: Path) -> None:
    done = _run("--asterisk", "16.28.0", "--expire", "25", cwd=tmp_path)
    assert done.returncode == 0
    assert b"@@ -122,3 +122,3 @@" in done.stdout
    assert b"the file itself wasn't seen" in done.stderr
    done = _run("--asterisk", "1.6.0-beta3", "--expire", "25", "-q")
    assert b"\n+#define IAX_DEFAULT_REG_EXPIRE  25\t\n" in done.stdout
    assert b"wasn't seen" in done.stderr
    done = _run("--asterisk", "30.1.0", "--expire", "25")
    assert b"newest one that was looked at" in done.stderr
    done = _run("--asterisk", "16.28.0", "--expire", "25", "--revert")
    assert (
        b"-#define IAX_DEFAULT_REG_EXPIRE  25\n+#define IAX_DEFAULT_REG_EXPIRE  60" in done.stdout
    )


def test_portage_and_debian(tmp_path: Path) -> None:
    _tree(tmp_path)
    script = _run(tmp_path, "--expire", "25", "--ebuild", "--asterisk", "16.28.0").stdout
    assert script.startswith(b"#!/bin/sh\n")
    assert b"net-misc/asterisk-16.28.0\n" not in script and b"net-misc/asterisk-16.28.0" in script
    assert b'net-misc/asterisk"' in _run(tmp_path, "--expire", "25", "--ebuild").stdout
    undo = _run("--ebuild", "--revert")
    assert undo.returncode == 0 and b'rm "$dir/iax2-reg-expire.patch"' in undo.stdout
    done = _run(tmp_path, "--expire", "25", "--debian")
    assert done.stdout.startswith(b"Description: ") and b"\n---\n--- a/" in done.stdout
    assert b"debian/patches/series" in done.stderr
    done = _run(tmp_path, "--debian", "--revert")
    assert done.returncode == 2 and b"quilt delete" in done.stderr


def test_from_a_capture() -> None:
    done = _run("--from", EXPIRED, "--asterisk", "16.28.0")
    assert done.returncode == 0
    assert b"+#define IAX_DEFAULT_REG_EXPIRE  25\n" in done.stdout
    said = done.stderr.decode()
    assert "101 asked for 60 s, granted 60 s" in said
    assert "lives for 29.7 to 33.0 s; 25 s fits below it" in said
    assert said.index("Case: not shown") < said.index("maxregexpire=25")
    assert said.index("maxregexpire=25") < said.index("The patch sets")


def test_from_a_capture_what_can_not_work_is_refused() -> None:
    done = _run("--from", EXPIRED, "--asterisk", "16.28.0", "--expire", "45")
    assert (done.returncode, done.stdout) == (2, b"")
    assert (
        b"45 s can't work: in the capture the NAT binding lives for 29.7 to 33.0 s" in done.stderr
    )
    done = _run("--from", CAPTURES / "iax2-binding-30s/good.pcap", "--asterisk", "16")
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"no binding expired" in done.stderr
    done = _run("--from", CAPTURES / "sip-binding-30s/bad.pcap", "--asterisk", "16")
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"no registration over IAX2" in done.stderr


def test_a_client_that_is_not_granted_it(tmp_path: Path) -> None:
    s = Scenario()
    box = s.iax_peer("10\x1b[2J1", inner="192.168.1.50", outer="203.0.113.7")
    s.register(box, refresh=25, granted=60)
    s.at(50)
    s.register(box, refresh=60, granted=60)
    capture = s.write(tmp_path / "strict.pcap")
    words = ("--from", capture, "--asterisk", "16", "--expire", "25")
    done = _run(*words, "--side", "client")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"Case: the server decides" in done.stderr
    assert b"a patched client changes nothing" in done.stderr
    assert b"\x1b" not in done.stderr
    done = _run(*words, "--side", "server")
    assert done.returncode == 0 and done.stdout
    assert b"If the server can't be changed" not in done.stderr
    done = _run(*words)
    assert (
        b"If the server can't be changed" in done.stderr and b"qualifyfreqok=25000" in done.stderr
    )


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        ((), 2, "say --expire N"),
        (("--expire", "25"), 2, "a PATH"),
        (("--expire", "70000", "--asterisk", "16"), 2, "16-bit"),
        (("--expire", "1", "--asterisk", "16"), 2, "at once"),
        (("--expire", "25", "--asterisk", "sixteen"), 2, "no version"),
        (("--expire", "25", "--asterisk", "0.3.0"), 3, "no iax2.h before"),
        (("--expire", "25", "--asterisk", "1.6.1.1"), 3, "source tree"),
        (("--expire", "25", "--asterisk", "16", "--sed", "--ebuild"), 2, "don't go together"),
        (("--expire", "25", "--asterisk", "16", "--in-place"), 2, "needs a header or a tree"),
        (("--revert", "--asterisk", "16"), 2, "needs --expire"),
        (("--revert", "--asterisk", "16", "--from", EXPIRED), 2, "neither --from"),
        (("/nonexistent", "--expire", "25"), 3, "no such file"),
        (("/dev/null", "--expire", "25"), 3, "neither a file nor a directory"),
        ((__file__, "--expire", "25"), 3, "isn't Asterisk's iax2.h"),
        (("--from", "/nonexistent", "--asterisk", "16"), 3, "nonexistent"),
    ],
)
def test_refusals(words: tuple[str, ...], code: int, reason: str) -> None:
    done = _run(*words)
    assert (done.returncode, done.stdout) == (code, b"")
    assert reason in done.stderr.decode()


def test_a_header_that_is_not_certain(tmp_path: Path) -> None:
    _tree(tmp_path, data=header("#if A\n#define IAX_DEFAULT_REG_EXPIRE 60\n#endif\n"))
    done = _run(tmp_path, "--expire", "25")
    assert (done.returncode, done.stdout) == (3, b"")
    assert b"inside an #if" in done.stderr


def test_a_place_elsewhere_in_the_tree_is_named(tmp_path: Path) -> None:
    _tree(tmp_path, "drivers/iax2.h")
    done = _run(tmp_path, "--expire", "25")
    assert done.stdout.startswith(b"--- a/drivers/iax2.h\n")
    assert b"the patch names drivers/iax2.h" in done.stderr
