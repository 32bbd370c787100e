"""Finds ``iax2.h`` in a file, an Asterisk source tree or a tarball of one, and edits it in place.

The only room of the header's that touches the disk. From a tarball the header's bytes are read
and nothing is ever unpacked, so that no name in it can lead anywhere. In place means: the whole
new file is written beside the old one and takes its name in one step, and the old one stays as a
backup. ``InputError`` where there is no header, ``AccessError`` where a right is missing.
"""

from __future__ import annotations

import contextlib
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sipdiag.asterisk.iax2_header import (
    LARGEST_BYTES,
    STOCK_S,
    check_header,
    find,
    same_but_value,
    with_seconds,
)
from sipdiag.asterisk.iax2_header_patch import BACKUP_SUFFIX
from sipdiag.asterisk.iax2_header_versions import OLD_PATH, PATH, Release, parse_release
from sipdiag.base.errors import AccessError, InputError, UsageError
from sipdiag.base.files import write_whole

_NAME = "iax2.h"
_PATHS = (PATH, OLD_PATH)

_MOST_ENTRIES = 200_000
"""Names looked at in a tree or tarball; Asterisk with pjproject unpacked has fewer than 10,000."""

_MOST_UNPACKED_BYTES = 2 << 30
"""Of a tarball, looked through for the header; Asterisk 22 with its sounds is below 0.3 GiB, and
a decompression bomb must come to an end."""

_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")
_UNREADABLE = {b"\x28\xb5\x2f\xfd": "zstd", b"PK\x03\x04": "zip", b"\x1f\x9d": "compress"}


class Found(NamedTuple):
    """A header. ``path``: in the tree, as a patch names it. ``file``: None = in a tarball."""

    path: str
    data: bytes
    file: Path | None
    release: Release | None
    """As the tree's ``.version`` has it."""

    @property
    def rooted(self) -> bool:
        """Whether the path is one that Asterisk has; else it is relative to what was given."""
        return self.path in _PATHS


def locate(place: Path) -> Found:
    """The header at, in or under ``place``; that it is Asterisk's iax2.h is made sure of."""
    try:
        found = _at(place)
    except PermissionError as error:
        raise AccessError(f"no right to read {error.filename or place}") from error
    except OSError as error:
        raise InputError(f"{place}: {error.strerror or error}") from error
    check_header(found.data)
    return found


def write(file: Path, before: bytes, after: bytes) -> Path:
    """Puts ``after`` in the place of ``before``; returns the backup. A backup that is there
    already is kept, as it holds what was there first."""
    _check_writable(file, before)
    backup = backup_of(file)
    if backup.exists():
        if not same_but_value(backup.read_bytes(), before):
            raise InputError(f"{backup} is of another file: move it away first")
    else:
        write_whole(backup, before, file)
    write_whole(file, after, file)
    return backup


def original(file: Path | None, data: bytes) -> bytes:
    """What a header was before it was patched: its backup, where it has one that differs in the
    value only, else the header with the stock value."""
    if file is not None:
        with contextlib.suppress(OSError):
            kept = backup_of(file).read_bytes()
            if same_but_value(kept, data) and find(kept).seconds != find(data).seconds:
                return kept
    return with_seconds(data, STOCK_S)


def restore(file: Path, before: bytes, after: bytes) -> None:
    """Puts ``original`` back and removes the backup, where that is what it holds. The file is
    written anew, so that ``make`` sees a newer one."""
    _check_writable(file, before)
    write_whole(file, after, file)
    backup = backup_of(file)
    with contextlib.suppress(OSError):
        if backup.read_bytes() == after:
            backup.unlink()


def backup_of(file: Path) -> Path:
    """Where the backup of a header is."""
    return file.with_name(file.name + BACKUP_SUFFIX)


def _at(place: Path) -> Found:
    if place.is_dir():
        return _in_tree(place)
    if not place.exists():
        raise InputError(f"{place}: no such file or directory")
    if not place.is_file():
        raise InputError(f"{place} is neither a file nor a directory")
    return _in_file(place)


def _in_file(file: Path) -> Found:
    with file.open("rb") as stream:
        head = stream.read(512)
    for magic, kind in _UNREADABLE.items():
        if head.startswith(magic):
            raise InputError(f"{file} is a {kind} archive; unpack it, or give a .tar.gz, .bz2, .xz")
    if head.startswith(_COMPRESSED) or head[257:262] == b"ustar":
        return _in_tarball(file)
    absolute = Path(os.path.abspath(file))
    path = _known_tail(absolute.as_posix()) or _NAME
    return Found(path, _read(file), file, _release_above(absolute, path))


def _in_tree(root: Path) -> Found:
    files = [root / path for path in _PATHS if (root / path).is_file()]
    files = files or list(_walk(root))
    if not files:
        raise InputError(f"no {_NAME} in {root}: is it an Asterisk source tree of 0.4.0 or later?")
    files = _only_headers(files)
    if len(files) > 1:
        names = ", ".join(str(file.relative_to(root)) for file in files[:4])
        raise InputError(f"several headers in {root} ({names}): name the one you mean")
    file = files[0]
    absolute = Path(os.path.abspath(file))
    path = _known_tail(absolute.as_posix()) or file.relative_to(root).as_posix()
    return Found(path, _read(file), file, _release_above(absolute, path))


def _only_headers(files: list[Path]) -> list[Path]:
    """Of several, those that can be understood, if there are any."""
    if len(files) == 1:
        return files
    good = []
    for file in files:
        with contextlib.suppress(InputError):
            check_header(_read(file))
            good.append(file)
    return good or files


def _walk(root: Path) -> Iterator[Path]:
    seen = 0
    for folder, folders, names in os.walk(root):
        folders.sort()
        seen += len(names)
        if seen > _MOST_ENTRIES:
            raise InputError(f"{root} has too many files to be an Asterisk source tree")
        if _NAME in names:
            yield Path(folder, _NAME)


def _in_tarball(file: Path) -> Found:
    found: dict[str, bytes] = {}
    version: bytes | None = None
    try:
        with tarfile.open(file, "r|*") as archive:
            for member in _members(archive, file):
                path = _inside(member.name)
                if not member.isreg() or path is None:
                    continue
                inner = path.partition("/")[2]
                if inner == ".version" or path == ".version":
                    version = _extract(archive, member)[:64]
                elif path.rpartition("/")[2] == _NAME:
                    found[_known_tail(path) or inner or path] = _extract(archive, member)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise InputError(f"{file}: the archive is damaged ({type(error).__name__})") from error
    known = [path for path in _PATHS if path in found] or list(found)
    if not known:
        raise InputError(f"no {_NAME} in {file}: is it Asterisk's source, 0.4.0 or later?")
    if len(known) > 1:
        raise InputError(f"several headers in {file} ({', '.join(known[:4])}): unpack it")
    return Found(known[0], found[known[0]], None, _release(version))


def _members(archive: tarfile.TarFile, file: Path) -> Iterator[tarfile.TarInfo]:
    for number, member in enumerate(archive):
        if number >= _MOST_ENTRIES or member.offset_data + member.size > _MOST_UNPACKED_BYTES:
            raise InputError(f"{file} is too large to be Asterisk's source")
        yield member


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = archive.extractfile(member)
    return stream.read(LARGEST_BYTES + 1) if stream is not None else b""


def _inside(name: str) -> str | None:
    """A member's name without a leading ``./``; None for one that points out of the archive."""
    parts = [part for part in name.split("/") if part != "."]
    return None if ".." in parts or not parts or not parts[0] else "/".join(parts)


def _known_tail(path: str) -> str | None:
    return next((known for known in _PATHS if f"/{path}".endswith(f"/{known}")), None)


def _release_above(file: Path, path: str) -> Release | None:
    """The version that the tree's root says, ``path`` being the file's name from there."""
    root = file.parents[len(path.split("/")) - 1]
    with contextlib.suppress(OSError), (root / ".version").open("rb") as stream:
        return _release(stream.read(64))
    return None


def _release(text: bytes | None) -> Release | None:
    with contextlib.suppress(UsageError):
        return parse_release((text or b"").decode("ascii", "replace").strip())
    return None


def _read(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(LARGEST_BYTES + 1)


def _check_writable(file: Path, before: bytes) -> None:
    if file.is_symlink():
        raise InputError(f"{file} is a symbolic link: name the file that it points to")
    for place in (file, file.parent):
        if not os.access(place, os.W_OK):
            raise AccessError(f"{place} can't be written to")
    if file.read_bytes() != before:
        raise InputError(f"{file} has changed meanwhile")
