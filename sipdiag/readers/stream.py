"""The bytes of an input, wherever they come from: a file, a pipe, standard input, gzip, xz.

Contract: ``ByteStream`` is read forwards once and never sought, so that it works on pipes; it
holds one chunk at a time, so a decompression bomb costs no memory; what unpacks to more than
``Limits.unpacked_bytes`` and ``unpacked_ratio`` allow is taken for one and given up. ``peek`` looks
at the beginning without consuming it. Opening raises ``InputError`` or ``AccessError``; reading a
damaged rest doesn't raise but ends the stream and says so in ``damage``.
"""

from __future__ import annotations

import lzma
import os
import stat
import sys
import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol

from sipdiag.base.errors import AccessError, InputError
from sipdiag.base.limits import DEFAULT_LIMITS, LimitHits, Limits

CHUNK = 1 << 16
"""Larger ones are no quicker to read, and each would be given memory anew by the kernel."""
_XZ_MEMORY_BYTES = 256 << 20
"""``xz -9`` needs 65 MB to decompress; a header may ask for 4 GB."""
_XZ_PIECE_BYTES = 256
"""Of compressed data that are lost, at most, before damage."""

Progress = Callable[[int, int | None], None]
"""Called with the bytes read of the input as it lies on disk, and their total if known."""


class _Unpacker(Protocol):
    """One member or stream, never giving much more than a chunk at once."""

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    @property
    def needs_input(self) -> bool: ...

    def feed(self, data: bytes) -> bytes: ...


class _Gzip:
    """RFC 1952, one member."""

    def __init__(self) -> None:
        self._engine = zlib.decompressobj(wbits=31)
        self._error: zlib.error | None = None
        self._has_more = False
        """What is given may be less than what it has, though all that it was fed is used up."""

    @property
    def eof(self) -> bool:
        return self._engine.eof

    @property
    def unused_data(self) -> bytes:
        return self._engine.unused_data

    @property
    def needs_input(self) -> bool:
        return self._error is None and not self._engine.unconsumed_tail and not self._has_more

    def feed(self, data: bytes) -> bytes:
        """Raises ``zlib.error`` for damage, after what was good before it has been given."""
        if self._error is not None:
            raise self._error
        data = self._engine.unconsumed_tail + data
        before = self._engine.copy()
        try:
            given = self._engine.decompress(data, CHUNK)
        except zlib.error as error:
            self._error = error
        else:
            self._has_more = len(given) >= CHUNK
            return given
        out = bytearray()
        try:
            for at in range(len(data)):
                out += before.decompress(data[at : at + 1])
                if len(out) > CHUNK:
                    break
        except zlib.error:
            if not out:
                raise
        return bytes(out)


class _Xz:
    """One .xz stream."""

    def __init__(self) -> None:
        self._engine = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES)
        self._error: lzma.LZMAError | None = None
        self._waiting = b""

    @property
    def eof(self) -> bool:
        return self._engine.eof

    @property
    def unused_data(self) -> bytes:
        return self._engine.unused_data + self._waiting

    @property
    def needs_input(self) -> bool:
        return self._error is None and self._engine.needs_input and not self._waiting

    def feed(self, data: bytes) -> bytes:
        """Raises ``lzma.LZMAError`` for damage, after what was good before it has been given: the
        engine gives nothing of what it is fed together with damage, so it is fed in pieces."""
        if self._error is not None:
            raise self._error
        data = self._waiting + data
        at = 0
        out = bytearray()
        while len(out) < CHUNK and not self._engine.eof:
            piece = b""
            if self._engine.needs_input:
                piece = data[at : at + _XZ_PIECE_BYTES]
                at += len(piece)
                if not piece:
                    break
            try:
                out += self._engine.decompress(piece, CHUNK - len(out))
            except lzma.LZMAError as error:
                if not out:
                    raise
                self._error = error
                break
        self._waiting = data[at:]
        return bytes(out)


_COMPRESSED: tuple[tuple[bytes, str, Callable[[], _Unpacker]], ...] = (
    (b"\x1f\x8b", "gzip", _Gzip),
    (b"\xfd7zXZ\x00", "xz", _Xz),
)


class ByteStream:
    """Bytes read forwards, decompressed where the content says so.

    ``name`` is used in errors. ``damage`` is None, or a phrase on why the rest can't be read.
    """

    def __init__(
        self,
        file: BinaryIO,
        name: str,
        owned: bool,
        on_progress: Progress | None = None,
        limits: Limits = DEFAULT_LIMITS,
        hits: LimitHits | None = None,
    ) -> None:
        self.name = name
        self.damage: str | None = None
        self.compression: str | None = None
        self._file: BinaryIO | None = file
        self._owned = owned
        self._progress = on_progress
        self._limits = limits
        self._hits = LimitHits() if hits is None else hits
        self._raw_read = 0
        self._unpacked = 0
        self._total = _size(file)
        self._raw_end = False
        self._engine: _Unpacker | None = None
        self._fresh: Callable[[], _Unpacker] | None = None
        self._head = b""
        # A pipe's first read may be a single byte: enough for every magic first.
        while len(self._head) < 64 and (more := self._read_raw()):
            self._head += more
        for magic, label, make in _COMPRESSED:
            if self._head.startswith(magic):
                self.compression = label
                self._fresh = make
                self._engine = make()
                packed, self._head = self._head, b""
                self._head = self._unpack(packed)
                while len(self._head) < 64 and (more := self._unpack(b"")):
                    self._head += more
                break

    def peek(self) -> bytes:
        """The beginning (64 bytes or more, unless there aren't as many), not consumed."""
        return self._head

    def read(self) -> bytes:
        """The next bytes, at most a few chunks; ``b""`` at the end."""
        if self._head:
            head, self._head = self._head, b""
            return head
        return self._unpack(b"") if self.compression else self._read_raw()

    def read_at_least(self, count: int, have: bytes) -> bytes:
        """``have`` and as much more as makes ``count`` bytes; fewer only at the end."""
        parts = [have]
        size = len(have)
        while size < count and (more := self.read()):
            parts.append(more)
            size += len(more)
        return b"".join(parts)

    def close(self) -> None:
        """Closes a file that was opened here; one given by the caller stays open."""
        file, self._file = self._file, None
        if file is not None and self._owned:
            file.close()

    def __del__(self) -> None:
        self.close()

    def _read_raw(self) -> bytes:
        if self._raw_end or self._file is None:
            return b""
        read = getattr(self._file, "read1", self._file.read)
        try:
            data: bytes = read(CHUNK)
        except IsADirectoryError:
            self.close()
            raise InputError(f"{self.name}: is a directory, not a capture") from None
        except (OSError, ValueError) as error:
            if not self._raw_read:
                reason = getattr(error, "strerror", None) or str(error)
                self.close()
                raise InputError(f"{self.name}: can't be read: {reason}") from None
            data = b""
            self.damage = f"can't be read any further: {error}"
        if not data:
            self._raw_end = True
            return b""
        self._raw_read += len(data)
        if self._progress is not None:
            self._progress(self._raw_read, self._total)
        return data

    def _unpack(self, packed: bytes) -> bytes:
        """The next decompressed bytes; ``packed`` is fed before what is read from the file."""
        while self._engine is not None:
            if self._engine.eof:
                packed = self._between(self._engine.unused_data or packed)
                if not packed or self._fresh is None:
                    self._engine = None
                    return b""
                self._engine = self._fresh()
            if not packed and self._engine.needs_input:
                packed = self._read_raw()
                if not packed:
                    self.damage = self.damage or f"the {self.compression} data are cut off"
                    self._engine = None
                    return b""
            try:
                out = self._engine.feed(packed)
            except (zlib.error, lzma.LZMAError, EOFError) as error:
                self.damage = f"the {self.compression} data are damaged: {error}"
                self._engine = None
                return b""
            packed = b""
            if out:
                return self._allowed(out)
        return b""

    def _allowed(self, out: bytes) -> bytes:
        """What was unpacked, or nothing where it has become a bomb."""
        self._unpacked += len(out)
        limits = self._limits
        most = max(limits.unpacked_bytes, self._raw_read * limits.unpacked_ratio)
        if self._unpacked <= most:
            return out
        self._hits.hit("unpacked_ratio")
        self.damage = (
            f"the {self.compression} data unpack to more than {limits.unpacked_ratio} times their "
            "size: a decompression bomb"
        )
        self._engine = None
        return b""

    def _between(self, rest: bytes) -> bytes:
        """The beginning of the next member or stream, zero padding skipped; ``b""`` at the end
        and where something else follows."""
        rest = rest.lstrip(b"\0")
        while len(rest) < 6 and (more := self._read_raw()):
            rest = (rest + more).lstrip(b"\0")
        if rest and not any(rest.startswith(magic) for magic, _, _ in _COMPRESSED):
            self.damage = f"bytes after the {self.compression} data were left out"
            return b""
        return rest


def _size(file: BinaryIO) -> int | None:
    try:
        status = os.fstat(file.fileno())
    except (OSError, AttributeError, ValueError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def open_stream(
    path: str | os.PathLike[str] | BinaryIO,
    name: str,
    on_progress: Progress | None = None,
    limits: Limits = DEFAULT_LIMITS,
    hits: LimitHits | None = None,
) -> ByteStream:
    """Opens a path, ``"-"`` (standard input) or a binary file object.

    Raises ``InputError`` (not found, a directory, empty, unreadable) or ``AccessError`` (no
    permission).
    """
    if not isinstance(path, str | os.PathLike):
        stream = ByteStream(path, name, False, on_progress, limits, hits)
    elif os.fspath(path) == "-":
        if sys.stdin is None or sys.stdin.buffer.isatty():
            raise InputError("standard input is a terminal; pipe a capture into it")
        stream = ByteStream(sys.stdin.buffer, name, False, on_progress, limits, hits)
    else:
        try:
            file = open(path, "rb", buffering=0)  # noqa: SIM115 (closed by ByteStream)
        except FileNotFoundError:
            raise InputError(f"{name}: no such file") from None
        except IsADirectoryError:
            raise InputError(f"{name}: is a directory, not a capture") from None
        except PermissionError:
            raise AccessError(f"{name}: permission denied") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError(f"{name}: can't be opened: {reason}") from None
        stream = ByteStream(file, name, True, on_progress, limits, hits)
    if not stream.peek():
        stream.close()
        if stream.damage:
            raise InputError(f"{name}: {stream.damage}")
        what = f"holds an empty {stream.compression} stream" if stream.compression else "is empty"
        raise InputError(f"{name}: {what}; it is not a capture")
    return stream
