"""Writing a file so that nobody ever sees half of it."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from sipdiag.base.errors import AccessError


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
