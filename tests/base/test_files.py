"""A file is written whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from sipdiag.base.errors import AccessError
from sipdiag.base.files import write_output, write_whole


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


def test_a_named_file_is_made_replaced_and_not_left_half(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    write_output(target, b"one")
    target.chmod(0o600)
    write_output(target, b"two")
    assert (target.read_bytes(), stat.S_IMODE(target.stat().st_mode)) == (b"two", 0o600)
    assert list(tmp_path.iterdir()) == [target]


def test_what_is_no_file_is_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_output(pipe, b"page")
    assert os.read(reader, 9) == b"page" and stat.S_ISFIFO(pipe.stat().st_mode)
    os.close(reader)


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="can't be written"):
        write_output(tmp_path / "missing" / "report.html", b"")
