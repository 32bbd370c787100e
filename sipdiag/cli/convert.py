"""``sipdiag convert full.log out.pcapng``: a log as a capture that Wireshark and sngrep open.

Each packet's comment, in pcapng, says which of its addresses is made up and where from
(``cli.remade``).
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from itertools import chain, islice
from typing import Annotated, BinaryIO

import typer

from sipdiag._version import __version__
from sipdiag.base.datagram import Datagram
from sipdiag.base.endpoint import parse_ip
from sipdiag.base.errors import AccessError, UsageError
from sipdiag.cli.capture_out import CaptureWriter, PcapngWriter, PcapWriter
from sipdiag.cli.common import Quiet, Tz, progress
from sipdiag.cli.remade import LocalEnds, remade
from sipdiag.readers import open_source
from sipdiag.report.safe import plain

_LOOK_AHEAD = 5000
"""Messages that are looked at for the PBX's address before the first is written."""


def command(
    source: Annotated[str, typer.Argument(help="A log of Asterisk's; - is standard input.")],
    target: Annotated[str, typer.Argument(help="The capture to write: .pcapng or .pcap.")],
    local: Annotated[
        str | None, typer.Option("--local", help="The PBX's address.", metavar="ADDR")
    ] = None,
    tz: Tz = None,
    quiet: Quiet = False,
) -> None:
    """Write the messages of a log as a capture for Wireshark or sngrep."""
    kind = os.path.splitext(target)[1].lower()
    if kind not in (".pcap", ".pcapng"):
        raise UsageError(f"{target}: the name must end in .pcap or .pcapng")
    if local is not None and parse_ip(local) is None:
        raise UsageError(f"--local: {local} is no IP address")
    if os.path.exists(target) and os.path.exists(source) and os.path.samefile(source, target):
        raise UsageError("the capture can't be written over the log")
    with (
        progress(quiet) as step,
        contextlib.closing(open_source(source, on_progress=step, tz=tz)) as reader,
    ):
        count = _convert(iter(reader), target, kind, os.path.basename(reader.source.name), local)
    if not quiet:
        for text in reader.source.notes:
            print(f"sipdiag: {plain(text)}", file=sys.stderr)
        noun = "message" if count == 1 else "messages"
        print(f"sipdiag: {count} {noun} written to {plain(target)}", file=sys.stderr)


def _convert(
    datagrams: Iterator[Datagram], target: str, kind: str, name: str, local: str | None
) -> int:
    """Writes the capture; gives the number of packets. A file that couldn't be finished is
    removed."""
    first = list(islice(datagrams, _LOOK_AHEAD))
    ends = LocalEnds(first, local)
    try:
        with open(target, "wb") as file:
            writer = _writer(file, kind, name)
            return _write(chain(first, datagrams), ends, writer, name)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(target)
        raise AccessError(f"{target}: can't be written: {error.strerror or error}") from None


def _writer(file: BinaryIO, kind: str, name: str) -> CaptureWriter:
    if kind == ".pcap":
        return PcapWriter(file)
    comment = (
        f"Made from {name} by sipdiag {__version__}. Ethernet, IP and UDP headers are made up, "
        "and so is the address of the PBX where a packet's comment says so. Messages over TCP, TLS "
        "or WebSocket are written as UDP. IAX2 frames are encoded anew from their dumps: call "
        "tokens and keys are zeros, sound is missing."
    )
    writer = PcapngWriter(file, comment, f"sipdiag {__version__}")
    writer.interface()
    return writer


def _write(datagrams: Iterator[Datagram], ends: LocalEnds, writer: CaptureWriter, name: str) -> int:
    count = 0
    for datagram in datagrams:
        made = remade(datagram, ends, name, count + 1)
        if made is not None:
            writer.packet(datagram.ts_ns, made.data, "; ".join(made.said))
            count += 1
    return count
