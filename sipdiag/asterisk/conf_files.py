"""The files of a configuration directory, and nothing outside of it.

Read whole, as bytes, and only regular files. A name is refused where it, or the link that it is,
leads out of the directory: a copy of somebody's configuration may be anybody's work. Absolute
names under Asterisk's usual directory are looked up in this one, as the directory may be a copy.
"""

from __future__ import annotations

import glob
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sipdiag.base.errors import AccessError, InputError

USUAL = "/etc/asterisk"
_LARGEST_BYTES = 8 * 1024 * 1024
"""Of one file; a sip.conf of 10 000 peers has 2 MB."""

_LONGEST_LINE = 8191
"""Bytes; config.c reads lines into 8192 with the closing NUL, and skips longer ones."""

_MOST_NAMES = 1000
"""Names that one pattern may give."""

_MOST_BRACES = 64


class Outside(Exception):
    """The name leads out of the directory."""


class Unreadable(Exception):
    """There is something, but it can't be read; ``str`` says why."""


@dataclass(frozen=True)
class ConfFile:
    """One file as it is. ``name``: in the directory, with ``/``. ``mtime_ns``: since 1970."""

    name: str
    data: bytes
    mtime_ns: int

    @cached_property
    def raw_lines(self) -> list[bytes]:
        """With their ends; a file without one in its last line is kept so."""
        return _split(self.data)

    @cached_property
    def lines(self) -> list[bytes | None]:
        """As Asterisk reads them: ended by LF alone; None for one that is too long."""
        return [line if len(line) <= _LONGEST_LINE else None for line in self.raw_lines]


def _split(data: bytes) -> list[bytes]:
    lines = data.split(b"\n")
    ended = [line + b"\n" for line in lines[:-1]]
    return ended + ([lines[-1]] if lines[-1] else [])


class ConfDir:
    """A configuration directory. ``changed``: contents that stand for those of the files named,
    to see what a change would do."""

    def __init__(self, root: Path, changed: Mapping[str, bytes] | None = None) -> None:
        self.root = root
        self._real = os.path.realpath(root)
        self._changed = dict(changed or {})

    def with_changes(self, changed: Mapping[str, bytes]) -> ConfDir:
        """The same directory with other contents of some files."""
        return ConfDir(self.root, {**self._changed, **changed})

    def check(self) -> None:
        """Raises ``InputError`` where it is no directory, ``AccessError`` where it can't be
        looked into."""
        if not self.root.is_dir():
            raise InputError(f"{self.root} is no directory")
        if not os.access(self.root, os.R_OK | os.X_OK):
            raise AccessError(f"{self.root} can't be read")

    def exists(self, name: str) -> bool:
        """Whether there is anything of that name, a link to nowhere included."""
        return os.path.lexists(os.path.join(self._real, name))

    def names(self, pattern: str) -> tuple[list[str], bool]:
        """The names that an include means, sorted as glob(3) does, and whether it led outside."""
        found: list[str] = []
        outside = False
        for each in _braces(pattern):
            try:
                inner = self._inner(each)
            except Outside:
                outside = True
                continue
            if glob.has_magic(inner):
                hits = glob.iglob(inner, root_dir=self._real)
                found += sorted(hit for hit, _ in zip(hits, range(_MOST_NAMES), strict=False))
            elif self.exists(inner):
                found.append(inner)
        return found, outside

    def read(self, name: str) -> ConfFile:
        """One file. Raises ``Outside`` or ``Unreadable``."""
        inner = self._inner(name)
        path = os.path.join(self._real, inner)
        real = os.path.realpath(path)
        if real != path and os.path.commonpath([real, self._real]) != self._real:
            raise Outside
        try:
            known = os.stat(real)
            if not stat.S_ISREG(known.st_mode):
                raise Unreadable("is no regular file")
            if known.st_size > _LARGEST_BYTES:
                raise Unreadable("is too large to be a configuration")
            if inner in self._changed:
                return ConfFile(inner, self._changed[inner], known.st_mtime_ns)
            with open(real, "rb") as stream:
                data = stream.read(_LARGEST_BYTES)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "can't be read"
            raise Unreadable(reason) from error
        return ConfFile(inner, data, known.st_mtime_ns)

    def _inner(self, name: str) -> str:
        """A name as from the directory. Raises ``Outside``."""
        if "\0" in name or not name:
            raise Outside
        path = os.path.normpath(os.path.join(self._real, name))
        for base in (self._real, os.path.normpath(self.root.absolute()), USUAL):
            if path.startswith(base.rstrip("/") + "/"):
                return path[len(base.rstrip("/")) + 1 :]
        raise Outside


_BRACE = re.compile(r"\{([^{}]*)\}")


def _braces(pattern: str) -> Iterator[str]:
    """``a{b,c}`` as ``ab`` and ``ac`` (GLOB_BRACE), up to a bound."""
    waiting = [pattern]
    given = 0
    while waiting and given < _MOST_BRACES:
        text = waiting.pop(0)
        brace = _BRACE.search(text)
        if brace is None:
            given += 1
            yield text
        elif len(waiting) < _MOST_BRACES:
            options = brace[1].split(",")
            waiting[:0] = [text[: brace.start()] + o + text[brace.end() :] for o in options]
