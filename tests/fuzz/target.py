"""What a fuzz target is, and where its inputs lie."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
CORPUS = HERE / "corpus"
FOUND = HERE / "found"


@dataclass(frozen=True)
class Target:
    """``check`` takes any bytes; what it raises is a bug (``SipdiagError`` is caught in it, where
    it may come). ``seeds`` are inputs that get deep; ``words`` what a mutator may put in."""

    name: str
    check: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    words: Sequence[bytes] = ()

    @property
    def corpus(self) -> Path:
        """Inputs kept for what they reach."""
        return CORPUS / self.name

    @property
    def found(self) -> Path:
        """Inputs, minimised, that once broke something."""
        return FOUND / self.name

    def kept(self) -> list[bytes]:
        """Every input of the repository for this target, in order of name."""
        folders = (self.corpus, self.found)
        files = [file for folder in folders if folder.is_dir() for file in folder.iterdir()]
        return [file.read_bytes() for file in sorted(files)]


class Drip(io.RawIOBase):
    """A pipe that gives ``data`` in pieces of the given sizes, over and over."""

    def __init__(self, data: bytes, sizes: Sequence[int]) -> None:
        self._data = data
        self._sizes = [max(1, size) for size in sizes] or [1]
        self._at = self._turn = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        step = self._sizes[self._turn % len(self._sizes)]
        self._turn += 1
        step = step if size < 0 else min(step, size)
        piece = self._data[self._at : self._at + step]
        self._at += len(piece)
        return piece


class Taken:
    """Reads values off the beginning of a fuzzer's bytes; zeros where they have run out."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def number(self, size: int = 1) -> int:
        """An unsigned number of ``size`` bytes."""
        return int.from_bytes(self.piece(size).ljust(size, b"\0"))

    def piece(self, size: int) -> bytes:
        """The next bytes, at most ``size``."""
        piece = self._data[self._at : self._at + size]
        self._at += size
        return piece

    def block(self) -> bytes:
        """Bytes with their count (two bytes) before them."""
        return self.piece(self.number(2))

    def rest(self) -> bytes:
        """All that is left."""
        return self.piece(max(0, len(self._data) - self._at))


def block(data: bytes) -> bytes:
    """What ``Taken.block`` reads back."""
    return len(data).to_bytes(2) + data
