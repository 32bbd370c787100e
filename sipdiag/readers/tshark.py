"""The tshark reader: what the native one can't take apart (tunnels, odd link types, TLS with a
key log, formats other than pcap), at a hundredth of its speed.

Contract: ``open_tshark`` gives the same ``Datagram``s as the native reader would. Two runs of
tshark are read side by side and merged by frame number: one as fields, of all frames, for UDP
(its payload goes through the same ``Recogniser``, media is only counted); one through pyshark,
with raw bytes, for SIP over streams and for ICMP. Keep-alives inside TCP streams aren't told.
Raises ``AccessError`` where tshark is missing or is none, ``InputError`` where tshark can't read
the file.
"""

from __future__ import annotations

import heapq
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO, Any

from sipdiag.base.datagram import Datagram, Origin, Source, Transport
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.errors import AccessError, InputError, UsageError
from sipdiag.base.interval import NS
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.protocols.media import MediaKind, MediaTable
from sipdiag.protocols.recognise import Kind, Recogniser, is_sip
from sipdiag.readers.dissect import DUPLICATE_NS, MOST_RECENT, concerns_us
from sipdiag.readers.record import cut_off, note
from sipdiag.readers.stream import ByteStream

_FIELDS = (
    "frame.number",
    "frame.time_epoch",
    "frame.len",
    "frame.cap_len",
    "frame.protocols",
    "ip.src",
    "ip.dst",
    "ipv6.src",
    "ipv6.dst",
    "udp.srcport",
    "udp.dstport",
    "udp.length",
    "udp.payload",
    "ip.id",
    "sll.pkttype",
)

_STREAMS = "(sip && tcp && !icmp && !icmpv6) || icmp.type == 3 || icmpv6.type == 1"

_LINE_BYTES = 1 << 20


class TsharkReader:
    """Reads ``path`` by tshark. Made by ``open_tshark``."""

    def __init__(
        self,
        path: str,
        spool: IO[bytes] | None,
        source: Source,
        limits: Limits,
        hits: LimitHits,
        options: Sequence[tuple[str, str]],
        tshark: str,
        media: MediaTable | None = None,
    ) -> None:
        self.source = source
        self.media = MediaTable(limits, hits) if media is None else media
        self._path = path
        self._spool = spool
        self._limits = limits
        self._recogniser = Recogniser(limits, hits)
        self._options = list(options)
        self._duplicates = 0
        self._recent: dict[tuple[str, Endpoint, Endpoint, bytes], tuple[int, str]] = {}
        self._started = False
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed in close)
        command = [tshark, "-n", "-r", path, "-T", "fields", "-E", "occurrence=l"]
        for field in _FIELDS:
            command += ["-e", field]
        for option in options:
            command += option
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=_environment(),
        )
        self._first_line = self._line()
        if not self._first_line and self._process.wait():
            message = self._complaint()
            self.close()
            raise InputError(f"{source.name}: tshark can't read it: {message}")

    def close(self) -> None:
        """Ends tshark and removes what was spooled; a no-op the second time."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def __del__(self) -> None:
        if hasattr(self, "_process"):
            self.close()

    def __iter__(self) -> Iterator[Datagram]:
        if self._started:
            raise RuntimeError("a reader can be iterated once")
        self._started = True
        return self._read()

    def _read(self) -> Iterator[Datagram]:
        try:
            for _, datagram in heapq.merge(self._udp(), self._others(), key=lambda item: item[0]):
                if datagram.transport is Transport.ICMP:
                    if not concerns_us(self._recogniser, datagram.payload):
                        continue
                elif is_sip(datagram.payload):
                    self.source.sip_messages += 1
                yield datagram
            if self._process.wait():
                cut_off(self.source, self._limits, f"tshark stopped: {self._complaint()}")
            if self._duplicates:
                text = f"{self._duplicates} packets were captured twice and counted once"
                note(self.source, self._limits, text)
        finally:
            self.close()

    def _line(self) -> bytes:
        stdout = self._process.stdout
        return b"" if stdout is None else stdout.readline(_LINE_BYTES)

    def _complaint(self) -> str:
        """The last line of what tshark said, without its name."""
        self._errors.seek(0)
        lines = self._errors.read(65_536).decode("utf-8", "replace").split("\n")
        said = [line.strip() for line in lines if line.startswith(("tshark:", "("))]
        return said[0].removeprefix("tshark: ") if said else "no reason was given"

    def _udp(self) -> Iterator[tuple[int, Datagram]]:
        """UDP datagrams, and the counts of all frames."""
        source = self.source
        line = self._first_line
        while line:
            fields = line.decode("ascii", "replace").rstrip("\r\n").split("\t")
            line = self._line()
            if len(fields) != len(_FIELDS) or not fields[0].isdigit():
                continue
            frame, ts_ns = int(fields[0]), _nanoseconds(fields[1])
            source.packets = max(source.packets, frame)
            source.first_ns = ts_ns if source.first_ns is None else min(ts_ns, source.first_ns)
            source.last_ns = ts_ns if source.last_ns is None else max(ts_ns, source.last_ns)
            cut = fields[2] != fields[3]
            source.cut_packets += cut
            protocols = fields[4].split(":")
            if not fields[12] or not fields[9] or "icmp" in protocols or "icmpv6" in protocols:
                continue
            datagram = self._payload(ts_ns, frame, protocols, fields)
            if datagram is not None:
                yield frame, datagram

    def _payload(
        self, ts_ns: int, frame: int, protocols: list[str], fields: list[str]
    ) -> Datagram | None:
        version6 = [name for name in protocols if name in ("ip", "ipv6")][-1:] == ["ipv6"]
        at = 7 if version6 else 5
        src = Endpoint(fields[at], int(fields[9]))
        dst = Endpoint(fields[at + 1], int(fields[10]))
        payload = bytes.fromhex(fields[12])
        size = int(fields[11]) - 8 if fields[11].isdigit() else len(payload)
        cut = size > len(payload)
        if self._twice(ts_ns, fields[13], fields[14], src, dst, payload):
            self._duplicates += 1
            return None
        kind = self._recogniser.classify(src, dst, payload, cut)
        if kind is Kind.RTP:
            self.source.rtp_packets += 1
            tally = self.media.count(
                src, dst, MediaKind.RTP, ts_ns, frame, size, payload[8:12], payload[1] & 0x7F
            )
            if tally is None:
                self.source.rtp_packets -= 4
                self._recogniser.forget(src, dst)
        elif kind is Kind.IAX2_MEDIA:
            self.media.count(src, dst, MediaKind.IAX2_MINI, ts_ns, frame, size)
        elif kind is not Kind.OTHER:
            self.source.iax2_frames += kind is Kind.IAX2
            origin = Origin(self.source.name, frame)
            return Datagram(ts_ns, src, dst, Transport.UDP, payload, origin, cut=cut)
        return None

    def _twice(
        self, ts_ns: int, ident: str, place: str, src: Endpoint, dst: Endpoint, payload: bytes
    ) -> bool:
        """As ``Dissector`` does it, with the cooked packet type for the link layer."""
        if not ident:
            return False
        for key, (seen_ns, _) in list(self._recent.items()):
            if abs(ts_ns - seen_ns) <= DUPLICATE_NS and len(self._recent) <= MOST_RECENT:
                break
            del self._recent[key]
        key = (ident, src, dst, payload)
        before = self._recent.get(key)
        if before is None:
            self._recent[key] = (ts_ns, place)
            return False
        return int(ident, 16) != 0 or before[1] != place

    def _others(self) -> Iterator[tuple[int, Datagram]]:
        """SIP over TCP, TLS and WebSocket, and ICMP, through pyshark."""
        import asyncio

        import pyshark
        from pyshark.capture.capture import TSharkCrashException
        from pyshark.tshark.tshark import TSharkVersionException

        parameters: list[str] = []
        for option in self._options:
            parameters += option
        loop = asyncio.new_event_loop()
        capture = pyshark.FileCapture(
            self._path,
            keep_packets=False,
            display_filter=_STREAMS,
            use_json=True,
            include_raw=True,
            custom_parameters=parameters,
            eventloop=loop,
        )
        try:
            for packet in capture:
                yield from self._packet(packet)
            capture.close()
        except TSharkCrashException:
            # The run for UDP reads the same file and reports why. What crashed is no longer there
            # to be closed, which pyshark would try once more when the capture is collected.
            capture._running_processes.clear()
        except TSharkVersionException as error:
            raise AccessError(f"this tshark can't be used: {error}") from None
        finally:
            if capture._running_processes:
                capture.close()
            loop.close()

    def _packet(self, packet: Any) -> Iterator[tuple[int, Datagram]]:
        frame = int(packet.number)
        ts_ns = _nanoseconds(packet.sniff_timestamp)
        protocols = packet.frame_info.protocols.split(":")
        origin = Origin(self.source.name, frame)
        for name in ("icmp", "icmpv6"):
            if name not in protocols:
                continue
            hosts = _hosts(packet, protocols[: protocols.index(name)])
            header = _raws(packet, name)
            whole = _raws(packet, "frame")
            if hosts is None or not header or not whole:
                return
            quoted = whole[0].partition(header[0][:8])[2]
            src, dst = (Endpoint(host, 0) for host in hosts)
            yield frame, Datagram(ts_ns, src, dst, Transport.ICMP, quoted, origin)
            return
        hosts = _hosts(packet, protocols)
        if hosts is None:
            return
        secure, socket = "tls" in protocols, "websocket" in protocols
        transport = {
            (False, False): Transport.TCP,
            (True, False): Transport.TLS,
            (False, True): Transport.WS,
            (True, True): Transport.WSS,
        }[secure, socket]
        src = Endpoint(hosts[0], int(packet.tcp.srcport))
        dst = Endpoint(hosts[1], int(packet.tcp.dstport))
        # What was put together from several segments is the first message only.
        before = _earlier_segments(packet, frame)
        for payload in _raws(packet, "sip"):
            yield frame, Datagram(ts_ns, src, dst, transport, payload, origin, before=before)
            before = ()


def open_tshark(
    stream: ByteStream,
    path: str | None,
    source: Source,
    limits: Limits,
    hits: LimitHits,
    keylog: str | os.PathLike[str] | None = None,
    decode_as: Sequence[str] = (),
    media: MediaTable | None = None,
) -> TsharkReader:
    """A reader of ``stream`` by tshark, which is given ``path`` if that is a file it can read as
    it lies, and a temporary copy otherwise. ``keylog``: a TLS key log file (NSS format);
    ``decode_as``: rules as of tshark's ``-d`` (``tcp.port==5080,sip``)."""
    tshark = shutil.which("tshark")
    if tshark is None:
        raise AccessError("tshark isn't installed, or not in the PATH; --reader native needs none")
    options = [("-d", rule) for rule in decode_as]
    for rule in decode_as:
        if "==" not in rule or "," not in rule:
            raise UsageError(f"{rule!r} is no decode-as rule; one looks like tcp.port==5080,sip")
    if keylog is not None:
        if not os.path.isfile(keylog):
            raise InputError(f"{os.fspath(keylog)}: no such key log file")
        options.append(("-o", f"tls.keylog_file:{os.fspath(keylog)}"))
    spool: IO[bytes] | None = None
    if path is None or stream.compression == "xz":
        spool = tempfile.NamedTemporaryFile(prefix="sipdiag-")  # noqa: SIM115 (closed by reader)
        while data := stream.read():
            if spool.tell() + len(data) > limits.spool_bytes:
                hits.hit("spool_bytes")
                cut_off(source, limits, "only the beginning was given to tshark: it is too long")
                break
            spool.write(data)
        if stream.damage:
            cut_off(source, limits, stream.damage)
        spool.flush()
        path = spool.name
    stream.close()
    source.kind = "tshark"
    try:
        return TsharkReader(path, spool, source, limits, hits, options, tshark, media)
    except InputError:
        if spool is not None:
            spool.close()
        raise


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C", "TZ": "UTC"}


def _nanoseconds(epoch: str) -> int:
    """``1700000000.123456789`` in nanoseconds; 0 for what is before 1970 or no time."""
    whole, _, fraction = epoch.partition(".")
    if not whole.isdigit():
        return 0
    digits = fraction[:9].ljust(9, "0")
    return int(whole) * NS + (int(digits) if digits.isdigit() else 0)


def _hosts(packet: Any, protocols: list[str]) -> tuple[str, str] | None:
    """Source and destination of the innermost IP header among ``protocols``."""
    names = [name for name in protocols if name in ("ip", "ipv6")]
    if not names:
        return None
    layer = packet[names[-1]]
    layer = ([layer, *layer.duplicate_layers])[-1]
    return str(layer.get_field("src")), str(layer.get_field("dst"))


def _earlier_segments(packet: Any, frame: int) -> tuple[int, ...]:
    """The frames before this one whose TCP segments were put together with its own."""
    for layer in packet.layers:
        if layer.layer_name == "tcp.segments":
            told = layer._all_fields.get("tcp.segment")
            numbers = [int(number) for number in (told if isinstance(told, list) else [told])]
            return tuple(number for number in numbers if number != frame)
    return ()


def _raws(packet: Any, name: str) -> list[bytes]:
    """The raw bytes of every layer of this name. pyshark has them as hexadecimal text: alone
    with its position for one layer, in a list with it for several."""
    found = []
    for layer in packet.layers:
        if layer.layer_name == f"{name}_raw":
            for entry in (layer, *layer.duplicate_layers):
                value = entry.value[0] if isinstance(entry.value, list) else entry.value
                if isinstance(value, str):
                    found.append(bytes.fromhex(value))
    return found
