"""``sipdiag convert full.log out.pcapng``: a log as a capture that Wireshark and sngrep open.

A log doesn't tell the PBX's own address. It is the user's (``--local``), else what Asterisk
itself wrote most often into Via, Contact or SDP, else 192.0.2.1 or 2001:db8::1 (RFC 5737, RFC
3849). Each packet's comment, in pcapng, says which of its addresses is made up and where from.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from typing import Annotated, BinaryIO

import typer

from sipdiag._version import __version__
from sipdiag.base.datagram import Datagram, Direction, Transport
from sipdiag.base.endpoint import Endpoint, parse_ip
from sipdiag.base.errors import AccessError, UsageError
from sipdiag.cli.capture_out import MOST_BYTES, CaptureWriter, PcapngWriter, PcapWriter, frame
from sipdiag.cli.common import Quiet, Tz, progress
from sipdiag.protocols import sip
from sipdiag.readers import open_source
from sipdiag.report.safe import plain

_LOOK_AHEAD = 5000
"""Messages that are looked at for the PBX's address before the first is written."""

_UNKNOWN = {4: "192.0.2.1", 6: "2001:db8::1"}
_IAX2_PORT = 4569
_PORTS = {Transport.TLS: 5061, Transport.WS: 8088, Transport.WSS: 8089}
"""Asterisk's own defaults (sip.conf, http.conf)."""


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
    return PcapngWriter(file, comment, f"sipdiag {__version__}")


def _write(datagrams: Iterator[Datagram], ends: LocalEnds, writer: CaptureWriter, name: str) -> int:
    count = 0
    for datagram in datagrams:
        if datagram.transport is Transport.ICMP:
            continue
        far = datagram.dst or datagram.src
        if far is None:
            continue
        said = [] if datagram.origin.line is None else [f"line {datagram.origin.line} of {name}"]
        src, dst = datagram.src, datagram.dst
        if src is None or dst is None:
            near, why = ends.of(datagram, far)
            side = "source" if src is None else "destination"
            said.append(f"made up: the {side}, {near}, {why}")
            src, dst = src or near, dst or near
        if datagram.transport is not Transport.UDP:
            said.append(f"carried by {datagram.transport.value}")
        if datagram.cut:
            said.append("cut off in the log")
        if len(datagram.payload) > MOST_BYTES:
            said.append(f"cut to {MOST_BYTES} bytes of {len(datagram.payload)}")
        count += 1
        data = frame(src, dst, datagram.payload, count)
        writer.packet(datagram.ts_ns, data, "; ".join(said))
    return count


class LocalEnds:
    """The PBX's own endpoint of each message, as far as it can be told."""

    def __init__(self, datagrams: list[Datagram], given: str | None) -> None:
        self._given = parse_ip(given) if given is not None else None
        addresses: Counter[tuple[int, str, str]] = Counter()
        ports: Counter[tuple[Transport, int]] = Counter()
        for datagram in datagrams:
            for where, host, port in _own_words(datagram):
                address = parse_ip(host)
                if address is not None and not address.is_unspecified:
                    addresses[address.version, str(address), where] += 1
                    if port is not None:
                        ports[datagram.transport, port] += 1
        self._found: dict[int, tuple[str, str]] = {}
        self._ports: dict[Transport, int] = {}
        for (version, address_text, where), _ in reversed(addresses.most_common()):
            self._found[version] = (address_text, where)
        for (transport, port), _ in reversed(ports.most_common()):
            self._ports[transport] = port

    def of(self, datagram: Datagram, far: Endpoint) -> tuple[Endpoint, str]:
        """(endpoint, where it is from)."""
        version = 6 if ":" in far.ip else 4
        if datagram.payload[:1] >= b"\x80":
            port = _IAX2_PORT
        else:
            default = _PORTS.get(datagram.transport, 5060)
            port = self._ports.get(datagram.transport, default)
        if self._given is not None and self._given.version == version:
            return Endpoint(str(self._given), port), "as --local has it"
        if version in self._found:
            address, where = self._found[version]
            return Endpoint(address, port), f"from the {where} that Asterisk wrote"
        return Endpoint(_UNKNOWN[version], port), "a documentation address (--local sets it)"


def _own_words(datagram: Datagram) -> Iterator[tuple[str, str, int | None]]:
    """(where, host, port or None): what Asterisk wrote of itself. The topmost Via of a response
    that it received is its own too (RFC 3261 section 8.2.6.2)."""
    if datagram.direction is None or datagram.payload[:1] >= b"\x80":
        return
    message = sip.parse(datagram.payload)
    if message is None:
        return
    sent = datagram.direction is Direction.SENT
    if message.via is not None and sent == message.is_request:
        yield "Via", message.via.host, message.via.effective_port
        return
    if sent and message.method == "INVITE":
        contact = message.contacts[0].uri if message.contacts else None
        if contact is not None:
            yield "Contact", contact.host, contact.effective_port
        if message.sdp is not None and message.sdp.connection_address is not None:
            yield "SDP", message.sdp.connection_address, None
