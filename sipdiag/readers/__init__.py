"""Readers: captures and logs in, ``Datagram``s out, lazily.

Contract: ``open_source`` tells inputs apart by content and gives a ``Reader``; all that is
wrong with an input as a whole is raised there, in one line (``InputError``, ``AccessError``).
Iterating a reader never raises because of damage: what was good is yielded, the rest is noted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Protocol

from sipdiag.base.datagram import Datagram, Source
from sipdiag.base.errors import InputError, SipdiagError, UsageError
from sipdiag.base.limits import DEFAULT_LIMITS, LimitHits, Limits
from sipdiag.protocols.media import MediaTable
from sipdiag.readers.asterisk_log import open_log
from sipdiag.readers.link import LINKS
from sipdiag.readers.native import NativeReader, unsupported
from sipdiag.readers.pcap import MAGICS, PcapFile
from sipdiag.readers.pcapng import SECTION, PcapngFile
from sipdiag.readers.record import Interface, RecordFile
from sipdiag.readers.sniff import may_be_capture, refuse
from sipdiag.readers.stream import ByteStream, Progress, open_stream
from sipdiag.readers.tshark import open_tshark

__all__ = ["Progress", "Reader", "Records", "open_records", "open_source"]


class Reader(Protocol):
    """What every reader is: iterable once, with the source it describes and the media it saw.

    ``source`` and ``media`` grow while it is read and are final when it is exhausted. ``close``
    gives up an input that isn't read to its end.
    """

    source: Source
    media: MediaTable

    def __iter__(self) -> Iterator[Datagram]: ...

    def close(self) -> None: ...


def open_source(
    path: str | os.PathLike[str] | BinaryIO,
    *,
    name: str | None = None,
    reader: str = "native",
    limits: Limits = DEFAULT_LIMITS,
    hits: LimitHits | None = None,
    on_progress: Progress | None = None,
    keylog: str | os.PathLike[str] | None = None,
    decode_as: Sequence[str] = (),
    tz: str | None = None,
    now_ns: int | None = None,
    media: MediaTable | None = None,
) -> Reader:
    """Opens a capture or a log of Asterisk's: a path, ``"-"`` for standard input, or a binary
    file object.

    ``name`` is how the source is called in reports (the path as given, otherwise). ``reader``:
    ``native`` or ``tshark``; ``keylog`` (a TLS key log file) and ``decode_as`` (tshark's ``-d``
    rules) are for the latter. ``hits`` collects the limits that were reached.
    ``on_progress(bytes_read, bytes_total or None)`` is called for each chunk of the input.
    For a log: ``tz`` is the zone of its times (``Europe/Berlin``, ``+02:00``), where they don't say
    it; ``now_ns`` (since 1970 UTC) is a time after its end, from which a missing year is told, in
    place of the file's modification time.

    Raises ``InputError`` for what is neither a readable capture nor a log, ``AccessError`` for a
    missing right or tool, ``UsageError`` for options that don't fit.
    """
    hits = LimitHits() if hits is None else hits
    if name is None:
        name = _name(path)
    if reader not in ("native", "tshark"):
        raise UsageError(f"no reader is called {reader!r}; there are native and tshark")
    if reader == "native" and (keylog is not None or decode_as):
        raise UsageError("a key log or decode-as rule needs --reader tshark")
    source = Source(name)
    stream = open_stream(path, name, on_progress, limits, hits)
    try:
        head = stream.peek()
        if reader == "tshark":
            if head[:4] not in MAGICS and not may_be_capture(head):
                raise InputError(f"{name}: {refuse(head)}")
            given = os.fspath(path) if isinstance(path, str | os.PathLike) else "-"
            direct = given if os.path.isfile(given) else None
            return open_tshark(stream, direct, source, limits, hits, keylog, decode_as, media)
        file = _record_file(stream, source, limits, hits)
        if isinstance(file, PcapFile) and file.interfaces[1].linktype not in LINKS:
            raise unsupported(name, [file.interfaces[1].linktype])
        if file is None:
            return open_log(path, stream, source, limits, hits, tz=tz, now_ns=now_ns)
    except SipdiagError:
        stream.close()
        raise
    source.kind = file.kind
    return NativeReader(file, stream, source, limits, hits, media)


def _record_file(
    stream: ByteStream, source: Source, limits: Limits, hits: LimitHits
) -> PcapFile | PcapngFile | None:
    head = stream.peek()
    if head[:4] in MAGICS:
        return PcapFile(stream, source, limits)
    return PcapngFile(stream, source, limits, hits) if head.startswith(SECTION) else None


class Records:
    """The packets of a capture as they lie in the file, in the order in which Wireshark numbers
    them."""

    def __init__(self, file: RecordFile, stream: ByteStream) -> None:
        self._file = file
        self._stream = stream

    def __iter__(self) -> Iterator[tuple[int, Interface, bytes, int]]:
        """Of each packet ns since 1970 UTC, where it was captured, what was, and its size there."""
        interfaces = self._file.interfaces
        for ts_ns, index, buffer, start, stop, wire in self._file.records():
            yield ts_ns, interfaces[index], buffer[start:stop], wire

    def close(self) -> None:
        """Closes the file."""
        self._stream.close()


def open_records(path: str | os.PathLike[str], limits: Limits = DEFAULT_LIMITS) -> Records | None:
    """The packets of a pcap or pcapng file; None where it is something else, as a log. Raises
    ``InputError`` or ``AccessError``."""
    source = Source(_name(path))
    stream = open_stream(path, source.name)
    file = _record_file(stream, source, limits, LimitHits())
    if file is None:
        stream.close()
        return None
    return Records(file, stream)


def _name(path: str | os.PathLike[str] | BinaryIO) -> str:
    if isinstance(path, str | os.PathLike):
        text = os.fspath(path)
        return "stdin" if text == "-" else text
    given = getattr(path, "name", None)
    return given if isinstance(given, str) else "stream"
