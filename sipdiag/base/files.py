"""Writing a file so that nobody ever sees half of it."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from sipdiag.base.errors import AccessError


def write_output(target: Path, data: bytes) -> None:
    """Writes a file that the user named: whole or not at all where it is an ordinary one (through
    a symbolic link, if it is that), straight into what is none, as ``/dev/stdout``.

    Raises ``AccessError`` where it can't be written.
    """
    try:
        if target.exists() and not target.is_file():
            target.write_bytes(data)
            return
        real = Path(os.path.realpath(target))
        made = not real.exists()
        if made:
            real.touch(exist_ok=False)
    except OSError as error:
        raise AccessError(f"{target} can't be written: {error.strerror or error}") from error
    try:
        write_whole(real, data, real)
    except AccessError:
        if made:
            with contextlib.suppress(OSError):
                real.unlink()
        raise


def write_whole(target: Path, data: bytes, like: Path) -> None:
    """Writes a file whole or not at all, with the mode and, where we may, the owner of another.

    Raises ``AccessError`` where it can't be written.
    """
    try:
        known = like.stat()
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
                stream.flush()
                with contextlib.suppress(PermissionError):
                    os.fchown(stream.fileno(), known.st_uid, known.st_gid)
                os.fchmod(stream.fileno(), stat.S_IMODE(known.st_mode))
                os.fsync(stream.fileno())
            os.replace(name, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
    except OSError as error:
        raise AccessError(f"{target} can't be written: {error.strerror or error}") from error
