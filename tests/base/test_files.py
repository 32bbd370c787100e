"""A file is written whole or not at all."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sipdiag.base.errors import AccessError
from sipdiag.base.files import write_whole


def test_the_mode_is_taken_over_and_nothing_is_left_behind(tmp_path: Path) -> None:
    file = tmp_path / "sip.conf"
    file.write_bytes(b"old")
    file.chmod(0o640)
    write_whole(file, b"new", file)
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [file]


def test_a_place_that_is_not_there_is_named(tmp_path: Path) -> None:
    like = tmp_path / "like"
    like.write_bytes(b"")
    with pytest.raises(AccessError, match="missing"):
        write_whole(tmp_path / "missing" / "file", b"", like)
