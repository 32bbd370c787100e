"""Putting changed ``*.conf`` files in place: whole or not at all, with what was there kept.

A backup's name begins with a dot, so that an ``#include sip.d/*`` never takes it for a part of the
configuration (glob(3) passes over such names).
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from sipdiag.asterisk.conf_files import ConfDir, Outside, Unreadable
from sipdiag.base.errors import AccessError, InputError
from sipdiag.base.files import write_whole


def write_files(
    folder: ConfDir, before: Mapping[str, bytes], after: Mapping[str, bytes]
) -> dict[str, Path]:
    """Writes every file of ``after`` that differs, all of them or none; returns the backups by
    name. Raises ``InputError`` where a file has changed since it was read, or is a symbolic link;
    ``AccessError`` where it can't be written."""
    names = [name for name, data in after.items() if data != before[name]]
    for name in names:
        _check(folder, name, before[name])
    backups: dict[str, Path] = {}
    done: list[str] = []
    try:
        for name in names:
            file = _path(folder, name)
            backups[name] = _free(file)
            write_whole(backups[name], before[name], file)
        for name in names:
            write_whole(_path(folder, name), after[name], _path(folder, name))
            done.append(name)
    except BaseException:
        for name in done:
            with contextlib.suppress(OSError):
                os.replace(backups[name], _path(folder, name))
        for name in set(backups) - set(done):
            with contextlib.suppress(OSError):
                backups[name].unlink(missing_ok=True)
        raise
    return backups


def _path(folder: ConfDir, name: str) -> Path:
    return folder.root / name


def _check(folder: ConfDir, name: str, before: bytes) -> None:
    file = _path(folder, name)
    if file.is_symlink():
        raise InputError(f"{name} is a symbolic link: apply the diff to the file that it points to")
    try:
        now = ConfDir(folder.root).read(name).data
    except (Outside, Unreadable) as error:
        raise InputError(f"{name} can't be read any more") from error
    if now != before:
        raise InputError(f"{name} has changed meanwhile")
    for place in (file, file.parent):
        if not os.access(place, os.W_OK):
            raise AccessError(f"{place} can't be written to")


def _free(file: Path) -> Path:
    """A backup's name that isn't taken: ``.sip.conf.sipdiag-1``."""
    number = 1
    while os.path.lexists(file.with_name(f".{file.name}.sipdiag-{number}")):
        number += 1
    return file.with_name(f".{file.name}.sipdiag-{number}")
