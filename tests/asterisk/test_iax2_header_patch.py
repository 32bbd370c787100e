"""What is written applies with the real tools, changes the define only, and can be undone."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from sipdiag.asterisk.iax2_header import with_seconds
from sipdiag.asterisk.iax2_header_patch import (
    PATCH_NAME,
    check_path,
    ebuild_revert_script,
    ebuild_script,
    quilt_patch,
    sed_line,
    unified_diff,
)
from sipdiag.asterisk.iax2_header_versions import OLD_PATH, PATH, parse_release, recorded
from sipdiag.base.errors import InputError
from tests.asterisk.iax2_headers import SHAPES, header

PATCH = ["patch", "-p1", "--fuzz=0", "--no-backup-if-mismatch", "--force"]
GIT = ["git", "apply", "--whitespace=nowarn"]
TOOLS = [PATCH, GIT]
RELEASES = ["0.4.0", "1.0.12", "1.4.44", "1.6.0-beta1", "1.6.0.28", "1.8.32.3", "11.25.3", "23.4.1"]
needs_tools = pytest.mark.skipif(
    not all(map(shutil.which, ("patch", "git"))), reason="no patch or no git"
)


def _run(argv: list[str], folder: Path, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    # Outside of any repository git applies to plain files.
    env = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.parent), "LC_ALL": "C"}
    return subprocess.run(argv, cwd=folder, input=text, capture_output=True, check=False, env=env)


def _tree(folder: Path, path: str, data: bytes) -> Path:
    file = folder / path
    file.parent.mkdir(parents=True)
    file.write_bytes(data)
    return file


def _applies(tool: list[str], tree: Path, patch: bytes) -> None:
    done = _run(tool, tree, patch)
    assert done.returncode == 0, done.stdout + done.stderr
    assert b"offset" not in done.stdout and b"fuzz" not in done.stdout
    assert not list(tree.rglob("*.rej"))


@needs_tools
@pytest.mark.parametrize("tool", TOOLS, ids=["patch", "git"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_diff_applies_and_reverts(shape: str, tool: list[str], tmp_path: Path) -> None:
    path, before = SHAPES[shape]
    after = with_seconds(before, 25)
    file = _tree(tmp_path, path, before)
    patch = unified_diff(path, before, after)
    _applies(tool, tmp_path, patch)
    assert file.read_bytes() == after
    _applies([*tool, "-R"], tmp_path, patch)
    assert file.read_bytes() == before


@needs_tools
@pytest.mark.parametrize("tool", TOOLS, ids=["patch", "git"])
def test_a_value_over_two_lines(tool: list[str], tmp_path: Path) -> None:
    before = header("#define IAX_DEFAULT_REG_EXPIRE 6\\\n0\n")
    after = with_seconds(before, 25)
    file = _tree(tmp_path, PATH, before)
    _applies(tool, tmp_path, unified_diff(PATH, before, after))
    assert file.read_bytes() == after == header("#define IAX_DEFAULT_REG_EXPIRE 25\n")


def test_a_value_over_two_lines_stays_out_of_the_patch_header() -> None:
    before = header("#define IAX_DEFAULT_REG_EXPIRE 6\\\n0\n")
    after = with_seconds(before, 25)
    first, _, _ = quilt_patch(b"", before, after).partition(b"\n")
    assert first == b"Description: registrations over IAX2 expire after 25 s, not 60 s"


@needs_tools
@pytest.mark.parametrize("tool", TOOLS, ids=["patch", "git"])
@pytest.mark.parametrize("release", RELEASES)
def test_a_named_releases_diff_applies_where_it_says(
    release: str, tool: list[str], tmp_path: Path
) -> None:
    known = recorded(parse_release(release))
    filler = b"".join(b"/* line %d of a test */\n" % n for n in range(1, known.line - 1))
    before = filler + known.text + b"/* and on */\n" * 5
    assert before.split(b"\n")[known.line - 1].startswith(b"#define IAX_DEFAULT_REG_EXPIRE  60")
    file = _tree(tmp_path, known.path, before)
    after = with_seconds(known.text, 25)
    patch = unified_diff(known.path, known.text, after, known.line - 1)
    _applies(tool, tmp_path, patch)
    assert file.read_bytes() == filler + after + b"/* and on */\n" * 5
    _applies([*tool, "-R"], tmp_path, patch)
    assert file.read_bytes() == before


@needs_tools
@pytest.mark.parametrize("shape", SHAPES)
def test_a_quilt_patch_is_a_patch_with_a_header(shape: str, tmp_path: Path) -> None:
    path, before = SHAPES[shape]
    after = with_seconds(before, 25)
    file = _tree(tmp_path, path, before)
    patch = quilt_patch(unified_diff(path, before, after), before, after)
    head, line, _ = patch.partition(b"---\n")
    fields = [row.partition(b":")[0] for row in head.splitlines() if not row.startswith(b" ")]
    assert line and fields == [b"Description", b"Origin", b"Forwarded"]
    _applies(PATCH, tmp_path, patch)
    assert file.read_bytes() == after


@pytest.mark.parametrize("shape", [name for name in SHAPES if "final" not in name])
def test_the_sed_line(shape: str, tmp_path: Path) -> None:
    path, before = SHAPES[shape]
    after = with_seconds(before, 25)
    file = _tree(tmp_path, path, before)
    line = sed_line(path, before, after)
    assert line.count(b"\n") == 1
    done = _run(["sh"], tmp_path, line)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert file.read_bytes() == after
    assert Path(f"{file}.sipdiag-orig").read_bytes() == before


@pytest.mark.parametrize("value", ["600", "90", "0x60", "60.5", "60u"])
def test_the_sed_line_fails_loudly_on_another_value(value: str, tmp_path: Path) -> None:
    path, before = SHAPES["12.0.0 to 23"]
    line = sed_line(path, before, with_seconds(before, 25))
    other = header(f"#define IAX_DEFAULT_REG_EXPIRE  {value}\n")
    file = _tree(tmp_path, path, other)
    assert _run(["sh"], tmp_path, line).returncode != 0
    assert file.read_bytes() == other


def test_the_sed_line_leaves_other_lines_alone(tmp_path: Path) -> None:
    path, before = SHAPES["12.0.0 to 23"]
    line = sed_line(path, before, with_seconds(before, 25))
    more = b"#define MY_IAX_DEFAULT_REG_EXPIRE 60\n// #define IAX_DEFAULT_REG_EXPIRE 60\n"
    file = _tree(tmp_path, path, before + more)
    assert _run(["sh"], tmp_path, line).returncode == 0
    assert file.read_bytes() == with_seconds(before, 25) + more


@pytest.mark.parametrize("lines", ["#define IAX_DEFAULT_REG_EXPIRE \\\n 60\n",
    "#define IAX_DEFAULT_REG_EXPIRE /* 60 */ 60\n", "#define IAX_DEFAULT_REG_EXPIRE (60)\n",
    "/*\n#define IAX_DEFAULT_REG_EXPIRE 60\n*/\n#define IAX_DEFAULT_REG_EXPIRE 60\n"])  # fmt: skip
def test_a_shape_that_sed_can_not_do_is_refused(lines: str) -> None:
    before = header(lines)
    with pytest.raises(InputError, match="sed"):
        sed_line(PATH, before, with_seconds(before, 25))


@needs_tools
@pytest.mark.parametrize("shape", [name for name in SHAPES if "define" not in name])
def test_the_portage_script(shape: str, tmp_path: Path) -> None:
    path, before = SHAPES[shape]
    after = with_seconds(before, 25)
    patch = unified_diff(path, before, after)
    script = ebuild_script(path, "asterisk-16.28.0", patch, before, after)
    env = {**os.environ, "PORTAGE_CONFIGROOT": str(tmp_path)}
    subprocess.run(["sh"], input=script, check=True, env=env)
    placed = tmp_path / "etc/portage/patches/net-misc/asterisk-16.28.0" / PATCH_NAME
    assert placed.read_bytes() == patch
    own = next(row for row in script.splitlines() if b"|| die" in row).removeprefix(b"#   ")
    file = _tree(tmp_path / "tree", path, before)
    die = b"die() { exit 9; }\n"
    assert _run(["sh"], tmp_path / "tree", die + own).returncode == 0
    if before.endswith(b"\n"):
        assert file.read_bytes() == after
    file.write_bytes(header("#define IAX_DEFAULT_REG_EXPIRE  90\n"))
    assert _run(["sh"], tmp_path / "tree", die + own).returncode == 9
    undo = ebuild_revert_script("asterisk-16.28.0")
    subprocess.run(["sh"], input=undo, check=True, env=env)
    assert not placed.parent.exists()


def test_nothing_to_change_is_an_empty_diff() -> None:
    assert unified_diff(PATH, header(), header()) == b""


@pytest.mark.parametrize(
    "path", ["../iax2.h", "/etc/iax2.h", "a b/iax2.h", "a\nb", "-x", "", "$(x)"]
)
def test_a_path_that_means_something_else_is_refused(path: str) -> None:
    with pytest.raises(InputError, match="path"):
        check_path(path)


def test_the_paths_of_every_release_are_fine() -> None:
    for path in (OLD_PATH, PATH, "iax2.h", "src/asterisk-1.2/channels+x/iax2.h"):
        check_path(path)
