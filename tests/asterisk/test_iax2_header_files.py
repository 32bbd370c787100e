"""Finding the header on disk or in a tarball, and editing it without a moment of half a file."""

from __future__ import annotations

import io
import os
import stat
import tarfile
from pathlib import Path
from typing import Literal

import pytest

from sipdiag.asterisk import iax2_header_files as files
from sipdiag.asterisk.iax2_header import with_seconds
from sipdiag.asterisk.iax2_header_files import backup_of, locate, original, restore, write
from sipdiag.base.errors import AccessError, InputError
from tests.asterisk.iax2_headers import NEW, OLD, header

Mode = Literal["w", "w:gz", "w:bz2", "w:xz"]
MODES: list[Mode] = ["w", "w:gz", "w:bz2", "w:xz"]


def _put(root: Path, path: str, data: bytes = b"") -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data or header())
    return file


def _tar(file: Path, members: dict[str, bytes], mode: Mode = "w:gz") -> Path:
    with tarfile.open(file, mode) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file


@pytest.mark.parametrize("path", [OLD, NEW])
def test_in_a_tree_with_its_version(path: str, tmp_path: Path) -> None:
    file = _put(tmp_path, path)
    (tmp_path / ".version").write_text("16.28.0~dfsg-0+deb11u4\n")
    for place in (tmp_path, file, tmp_path / "channels"):
        found = locate(place)
        assert (found.path, found.data, found.file) == (path, header(), file)
        assert found.rooted
        assert found.release is not None and found.release.numbers == (16, 28, 0)


def test_from_inside_the_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _put(tmp_path, NEW)
    monkeypatch.chdir(file.parent)
    assert locate(Path("iax2.h")).path == NEW
    assert locate(Path(".")).path == NEW


def test_a_later_place(tmp_path: Path) -> None:
    _put(tmp_path, "drivers/iax2/iax2.h")
    found = locate(tmp_path)
    assert (found.path, found.rooted, found.release) == ("drivers/iax2/iax2.h", False, None)


def test_a_namesake_is_passed_over(tmp_path: Path) -> None:
    _put(tmp_path, "drivers/iax2.h")
    _put(tmp_path, "contrib/iax2.h", b"int another;\n")
    assert locate(tmp_path).path == "drivers/iax2.h"


def test_several_are_not_chosen_from(tmp_path: Path) -> None:
    _put(tmp_path, OLD)
    _put(tmp_path, NEW)
    with pytest.raises(InputError, match="several headers"):
        locate(tmp_path)


@pytest.mark.parametrize("what", ["nothing", "empty", "fifo", "other", "zip"])
def test_where_there_is_none(what: str, tmp_path: Path) -> None:
    place = tmp_path / "place"
    if what == "empty":
        place.mkdir()
    elif what == "fifo":
        os.mkfifo(place)
    elif what == "other":
        place.write_bytes(b"#define IAX_DEFAULT_REG_EXPIRE 60\n")
    elif what == "zip":
        place.write_bytes(b"PK\x03\x04" + bytes(600))
    with pytest.raises(InputError):
        locate(place)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("top", ["asterisk-16.28.0/", "./asterisk-16.28.0/", "", "./"])
def test_in_a_tarball(top: str, mode: Mode, tmp_path: Path) -> None:
    members = {f"{top}Makefile": b"all:\n", f"{top}.version": b"16.28.0\n", f"{top}{NEW}": header()}
    found = locate(_tar(tmp_path / "source", members, mode))
    assert (found.path, found.data, found.file) == (NEW, header(), None)
    assert found.release is not None and found.release.numbers == (16, 28, 0)


@pytest.mark.parametrize("name", [f"../{NEW}", f"/{NEW}", f"a/../../{NEW}"])
def test_a_name_that_leads_out_is_not_followed(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no iax2\.h"):
        locate(_tar(tmp_path / "source", {name: header()}))
    assert [file.name for file in tmp_path.iterdir()] == ["source"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_a_link_in_a_tarball_is_not_followed(kind: bytes, tmp_path: Path) -> None:
    _put(tmp_path, "secret")
    with tarfile.open(tmp_path / "source", "w") as archive:
        info = tarfile.TarInfo(f"asterisk/{NEW}")
        info.type, info.linkname = kind, str(tmp_path / "secret")
        archive.addfile(info)
    with pytest.raises(InputError, match=r"no iax2\.h"):
        locate(tmp_path / "source")


@pytest.mark.parametrize("keep", [0.2, 0.6])
@pytest.mark.parametrize("mode", MODES)
def test_a_cut_tarball_is_an_error_and_no_traceback(
    keep: float, mode: Mode, tmp_path: Path
) -> None:
    file = _tar(tmp_path / "source", {"a/Makefile": os.urandom(30_000), f"a/{NEW}": header()}, mode)
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(InputError):
        locate(file)


def test_a_bomb_comes_to_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_MOST_UNPACKED_BYTES", 100_000)
    file = _tar(tmp_path / "source", {"a/zeros": bytes(200_000), f"a/{NEW}": header()})
    with pytest.raises(InputError, match="too large"):
        locate(file)


def test_several_in_a_tarball(tmp_path: Path) -> None:
    file = _tar(tmp_path / "source", {f"a/{OLD}": header(), f"a/{NEW}": header()})
    with pytest.raises(InputError, match="several"):
        locate(file)


@pytest.mark.parametrize("mode", [0o644, 0o600, 0o775])
def test_in_place_and_back(mode: int, tmp_path: Path) -> None:
    file = _put(tmp_path, NEW, header("#define IAX_DEFAULT_REG_EXPIRE 0x3c\n"))
    file.chmod(mode)
    before = file.read_bytes()
    after = with_seconds(before, 25)
    backup = write(file, before, after)
    assert (file.read_bytes(), backup.read_bytes()) == (after, before)
    assert backup == backup_of(file)
    assert [stat.S_IMODE(f.stat().st_mode) for f in (file, backup)] == [mode, mode]
    assert sorted(f.name for f in file.parent.iterdir()) == ["iax2.h", "iax2.h.sipdiag-orig"]
    assert original(file, after) == before
    restore(file, after, before)
    assert file.read_bytes() == before
    assert stat.S_IMODE(file.stat().st_mode) == mode
    assert [f.name for f in file.parent.iterdir()] == ["iax2.h"]


def test_the_first_backup_stays(tmp_path: Path) -> None:
    file = _put(tmp_path, NEW)
    stock, first, second = (with_seconds(header(), n) for n in (60, 25, 30))
    write(file, stock, first)
    backup = write(file, first, second)
    assert backup.read_bytes() == stock
    assert original(file, second) == stock


def test_another_files_backup_is_not_overwritten_and_not_put_back(tmp_path: Path) -> None:
    file = _put(tmp_path, NEW)
    backup_of(file).write_bytes(header().replace(b"a neighbour", b"an older one"))
    with pytest.raises(InputError, match="another file"):
        write(file, header(), with_seconds(header(), 25))
    assert file.read_bytes() == header()
    assert original(file, with_seconds(header(), 25)) == header()


def test_without_a_backup_the_stock_value_comes_back() -> None:
    assert original(None, with_seconds(header(), 25)) == header()


def test_a_symbolic_link_is_not_replaced(tmp_path: Path) -> None:
    real = _put(tmp_path, "real.h")
    link = tmp_path / "iax2.h"
    link.symlink_to(real)
    with pytest.raises(InputError, match="symbolic link"):
        write(link, header(), with_seconds(header(), 25))


def test_a_change_in_between_is_not_lost(tmp_path: Path) -> None:
    file = _put(tmp_path, NEW)
    file.write_bytes(header() + b"\n")
    with pytest.raises(InputError, match="changed meanwhile"):
        write(file, header(), with_seconds(header(), 25))


@pytest.mark.parametrize("which", ["file", "folder"])
def test_a_read_only_place(which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _put(tmp_path, NEW)
    locked = file if which == "file" else file.parent
    allowed = os.access
    # Root may write everywhere but on a file system that is mounted so.
    monkeypatch.setattr(os, "access", lambda path, mode: path != locked and allowed(path, mode))
    with pytest.raises(AccessError, match="can't be written"):
        write(file, header(), with_seconds(header(), 25))
    assert [f.name for f in file.parent.iterdir()] == ["iax2.h"]


def test_a_full_disk_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _put(tmp_path, NEW)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AccessError, match="No space left"):
        write(file, header(), with_seconds(header(), 25))
    assert file.read_bytes() == header()
    assert [f.name for f in file.parent.iterdir()] == ["iax2.h"]
