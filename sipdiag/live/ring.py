"""Captures on disk: a ring of everything that passed the filter, and what findings were made from.

Contract: each file is a whole pcap at any time, also after SIGKILL: records are written by one
``write`` each batch, and one that the disk cut short is taken back. ``Ring`` keeps at most
``files`` files of ``file_bytes`` each, those of an earlier run counted; the oldest goes first. A
frozen capture holds one client's packets, in time order, and is written whole or not at all. What
goes wrong is told in ``notices`` and doesn't end the watching. Files are the owner's alone
(mode 0600): they hold digest responses.

Format: draft-ietf-opsawg-pcap, little-endian, nanoseconds.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from sipdiag.base.errors import AccessError
from sipdiag.base.files import write_whole
from sipdiag.base.interval import NS
from sipdiag.live.history import Kept

FILE_BYTES = 16 << 20
FILES = 16
FROZEN = 200
"""Frozen captures kept: of one client each, mostly below 200 KB."""

_SNAPLEN = 0x40000
_HEAD = struct.Struct("<IHHiIII")
_RECORD = struct.Struct("<IIII")
_UNSAFE = re.compile(r"[^A-Za-z0-9.-]+")
_NAME_CHARACTERS = 60

Packet = tuple[int, int, bytes, int]
"""(ns since 1970 UTC, interface, captured bytes, bytes on the wire)."""


def pcap_header(linktype: int) -> bytes:
    """How a file begins."""
    return _HEAD.pack(0xA1B23C4D, 2, 4, 0, 0, _SNAPLEN, linktype)


def pcap_record(ts_ns: int, data: bytes, wire: int) -> bytes:
    """One packet."""
    second, rest = divmod(ts_ns, NS)
    return _RECORD.pack(second & 0xFFFFFFFF, rest, len(data), wire) + data


class Ring:
    """See the module. Raises ``AccessError`` where ``directory`` can't be written."""

    def __init__(
        self,
        directory: Path,
        linktype: int,
        *,
        file_bytes: int = FILE_BYTES,
        files: int = FILES,
        frozen: int = FROZEN,
    ) -> None:
        self.notices: list[str] = []
        self.lost = 0
        """Packets that the disk didn't take."""
        self._directory, self._linktype = directory, linktype
        self._file_bytes, self._files, self._frozen = file_bytes, files, frozen
        self._handle: int | None = None
        self._path = directory
        self._size = self._serial = 0
        self._failing = False
        if not directory.is_dir() or not os.access(directory, os.W_OK | os.X_OK):
            raise AccessError(f"{directory}: no directory that can be written")

    def write(self, packets: Iterable[Packet]) -> None:
        """Adds packets. On return they are in the file, as far as the disk took them."""
        batch: list[bytes] = []
        first_ns = 0
        for ts_ns, _, data, wire in packets:
            first_ns = first_ns or ts_ns
            batch.append(pcap_record(ts_ns, data, wire))
        if not batch:
            return
        try:
            if self._handle is None or self._size >= self._file_bytes:
                self._begin(first_ns)
            self._append(b"".join(batch))
            self._failing = False
        except OSError as error:
            self.lost += len(batch)
            self._complain(error)

    def close(self) -> None:
        """Closes the newest file; an empty one is removed."""
        handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)
            if self._size == _HEAD.size:
                with suppress(OSError):
                    self._path.unlink()

    def name_for(self, client: str, at_ns: int) -> str:
        """The path that a capture of this client, frozen now, has."""
        when = datetime.fromtimestamp(at_ns // NS, UTC).strftime("%Y%m%dT%H%M%SZ")
        who = _UNSAFE.sub("-", client).strip("-.")[:_NAME_CHARACTERS] or "client"
        return str(self._directory / f"finding-{when}-{who}.pcap")

    def freeze(self, path: str, packets: Sequence[Kept]) -> bool:
        """Writes one client's packets; whether that worked."""
        parts = [pcap_header(self._linktype)]
        for kept in packets:
            if isinstance(kept.data, bytes):
                parts.append(pcap_record(kept.ts_ns, kept.data, kept.wire))
        try:
            write_whole(Path(path), b"".join(parts), self._path)
        except AccessError as error:
            self.notices.append(str(error))
            return False
        _keep_newest(self._directory, "finding-*.pcap", self._frozen)
        return True

    def _begin(self, first_ns: int) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        when = datetime.fromtimestamp(first_ns // NS, UTC).strftime("%Y%m%dT%H%M%SZ")
        _keep_newest(self._directory, "ring-*.pcap", self._files - 1)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        while True:
            self._serial += 1
            self._path = self._directory / f"ring-{when}-{self._serial:06}.pcap"
            with suppress(FileExistsError):
                self._handle = os.open(self._path, flags, 0o600)
                break
        self._size = 0
        self._append(pcap_header(self._linktype))

    def _append(self, data: bytes) -> None:
        if self._handle is None:
            return
        written = 0
        try:
            written = os.write(self._handle, data)
        finally:
            if written < len(data):
                os.ftruncate(self._handle, self._size)
                os.lseek(self._handle, self._size, os.SEEK_SET)
        if written < len(data):
            raise OSError(28, os.strerror(28))
        self._size += written

    def _complain(self, error: OSError) -> None:
        if not self._failing:
            self._failing = True
            self.notices.append(
                f"{self._directory}: packets aren't written: {error.strerror or error}"
            )


def _keep_newest(directory: Path, pattern: str, count: int) -> None:
    """Removes the oldest files; their names begin with their time."""
    found = sorted(directory.glob(pattern))
    for path in found[: max(0, len(found) - count)]:
        with suppress(OSError):
            path.unlink()
