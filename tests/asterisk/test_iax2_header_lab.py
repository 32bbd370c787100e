"""The real headers: of the Asterisk source packages that Debian still serves, and of built trees.

Marked ``lab``. A suite whose source package can't be had is skipped, with what apt said.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from sipdiag.asterisk.iax2_header import find, with_seconds
from sipdiag.asterisk.iax2_header_files import locate
from sipdiag.asterisk.iax2_header_patch import sed_line, unified_diff
from sipdiag.asterisk.iax2_header_versions import recorded
from tests.lab.net import LabError
from tests.lab.prepare import missing
from tests.lab.sources import fetch

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module", params=["bullseye", "sid"])
def tarball(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source package's main tarball."""
    if lacking := missing():
        pytest.skip("; ".join(lacking))
    folder = tmp_path_factory.mktemp(request.param)
    try:
        fetch(request.param, folder)
    except LabError as error:
        pytest.skip(f"no source package of Asterisk in {request.param}: {error}")
    (file,) = folder.glob("asterisk_*.orig.tar.*z*")
    return file


def _unpacked(tarball: Path, into: Path) -> Path:
    with tarfile.open(tarball) as archive:
        archive.extractall(into, filter="data")
    (tree,) = into.iterdir()
    return tree


def test_the_record_and_the_real_header_agree(tarball: Path) -> None:
    found = locate(tarball)
    assert found.rooted and found.release is not None
    known = recorded(found.release)
    define = find(found.data)
    assert (define.seconds, define.line, found.path) == (60, known.line, known.path)
    lines = found.data.split(b"\n")[known.line - 2 : known.line + 1]
    assert known.text.split(b"\n")[:3] == lines


@pytest.mark.parametrize("tool", [["patch", "-p1", "--fuzz=0"], ["git", "apply"], ["sh"]])
def test_the_real_header_is_patched_and_reverted(
    tool: list[str], tarball: Path, tmp_path: Path
) -> None:
    tree = _unpacked(tarball, tmp_path)
    found = locate(tree)
    assert found.file is not None and found.data == locate(tarball).data
    after = with_seconds(found.data, 25)
    known = recorded(found.release) if found.release else None
    patches = [unified_diff(found.path, found.data, after)]
    if known is not None:
        blind = with_seconds(known.text, 25)
        patches.append(unified_diff(known.path, known.text, blind, known.line - 1))
    if tool == ["sh"]:
        patches = [sed_line(found.path, found.data, after)]
    env = {**os.environ, "GIT_CEILING_DIRECTORIES": str(tmp_path)}
    for patch in patches:
        subprocess.run(tool, cwd=tree, input=patch, check=True, capture_output=True, env=env)
        assert found.file.read_bytes() == after
        assert _compiled(found.file) == 25
        if tool != ["sh"]:
            back = [*tool, "-R"]
            subprocess.run(back, cwd=tree, input=patch, check=True, capture_output=True, env=env)
            assert found.file.read_bytes() == found.data


def _compiled(file: Path) -> int:
    assert shutil.which("cc")
    text = f'#include "{file}"\nthe_value_is IAX_DEFAULT_REG_EXPIRE\n'
    folder = file.parents[3] if file.parents[1].name == "iax2" else file.parents[1]
    done = subprocess.run(
        ["cc", "-E", "-P", "-w", "-xc", "-I", str(folder / "include"), "-"],
        input=text,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout.rpartition("the_value_is")[2])
