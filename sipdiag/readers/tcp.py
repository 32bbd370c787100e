"""SIP over TCP: segments put in order and framed into messages.

Contract: ``TcpStreams.segment`` takes one TCP segment and gives the messages that it completed,
each a ``Datagram`` with the time and frame of the segment that completed it. Framing is by
Content-Length (RFC 3261 section 18.3; without one the body is taken as empty). CRLF and CRLFCRLF
between messages are keep-alives (RFC 5626 section 4.4.1) and datagrams of their own. A stream
that doesn't begin like SIP is dropped at once, but for one on a SIP port; this, and one joined in
its middle or with a hole in it, is picked up at the next start line, if that isn't longer than
``START_LINE_BYTES``. On a SIP port the messages don't depend on how the stream was cut into
segments. Bounded by
``Limits.tcp_streams``, ``tcp_buffer_bytes`` and ``tcp_held_bytes``; never raises on content.
"""

from __future__ import annotations

import re
from collections import deque

from sipdiag.base.datagram import Datagram, Origin, Source, Transport
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.protocols.recognise import (
    SIP_PORTS,
    START_LINE_BYTES,
    is_sip,
    next_sip_start,
    sip_start,
)
from sipdiag.readers.record import note

_SYN, _RST, _ACK = 0x02, 0x04, 0x10
_SEQUENCE = 1 << 32
_HALF = 1 << 31

_HOLE_NS = 50_000_000
"""A receiver that acknowledges bytes we never saw proves that the capture lost them; the delay
allows for captures that hold packets slightly out of order."""
_HOLE_AGE_NS = 3_000_000_000
"""A hole that no retransmission filled: RFC 6298 starts at 1 s and doubles."""

_RESYNC_BYTES = 8192

_BLANK = b"\r\n \t\0"
_BLANK_BYTES = 64
"""Blanks at the beginning of a stream that may yet be SIP; more are something else."""

_NO_LINE = 0
"""A byte that no start line has: stands for the beginning of a line that is too long for one."""

_PIECES_HELD = 64
"""Frames that are remembered of a stream's buffered bytes."""

_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*+:\s*+(\d{1,10})[ \t]*+\r?$", re.I | re.M)
_HEADER_END = re.compile(rb"\r?\n\r?\n")


class _Stream:
    __slots__ = (
        "buffer",
        "decided",
        "dropped",
        "held",
        "hunting",
        "last",
        "need",
        "next_seq",
        "pending",
        "pending_bytes",
        "pieces",
        "scanned",
    )

    def __init__(self, next_seq: int) -> None:
        self.next_seq = next_seq
        self.buffer = bytearray()
        self.dropped = 0
        """Bytes that were at the beginning of the buffer before."""
        self.pieces: deque[tuple[int, int]] = deque(maxlen=_PIECES_HELD)
        """Of the buffer: where in the stream a segment's bytes end, and its frame."""
        self.pending: dict[int, tuple[int, int, bytes, bool]] = {}
        """Sequence number -> (time, frame, bytes, cut) of what came too early."""
        self.pending_bytes = 0
        self.held = 0
        """Bytes of the buffer and pending, as counted last."""
        self.decided = False
        """The stream is known to be SIP, or is on a SIP port."""
        self.hunting = False
        """Between messages of unknown beginning: the next start line is looked for."""
        self.scanned = 0
        """Bytes of the buffer in which no end of header was found yet."""
        self.need = 0
        """Bytes of the message at the beginning of the buffer, once its header is whole."""
        self.last = (0, 0)
        """Time and frame of the newest bytes."""

    def add(self, data: bytes, ts_ns: int, frame: int) -> None:
        """Takes in the next bytes, of one segment."""
        self.next_seq = (self.next_seq + len(data)) % _SEQUENCE
        self.buffer += data
        self.last = (ts_ns, frame)
        self.pieces.append((self.dropped + len(self.buffer), frame))

    def drop(self, count: int) -> None:
        """Forgets the first bytes of the buffer."""
        del self.buffer[:count]
        self.dropped += count
        while self.pieces and self.pieces[0][0] <= self.dropped:
            self.pieces.popleft()

    def frames(self, count: int) -> list[int]:
        """The frames in which the buffer's first bytes came."""
        end, begin = self.dropped + count, self.dropped
        found = []
        for until, frame in self.pieces:
            if begin < end:
                found.append(frame)
            begin = until
        return found


_Key = tuple[Endpoint, Endpoint]


def _ahead(seq: int, base: int) -> int:
    """``seq - base`` in sequence space (RFC 9293 section 3.4), negative for older bytes."""
    return (seq - base + _HALF) % _SEQUENCE - _HALF


def _on_port(key: _Key) -> bool:
    return key[0].port in SIP_PORTS or key[1].port in SIP_PORTS


class TcpStreams:
    """All TCP directions of a source that carry SIP, or may yet turn out to."""

    def __init__(self, source: Source, limits: Limits, hits: LimitHits) -> None:
        self._source = source
        self._limits = limits
        self._hits = hits
        self._streams: dict[_Key, _Stream] = {}
        self.incomplete = 0
        """Messages of which bytes are missing in the stream."""
        self._held = 0
        self._tls_noted = False

    def segment(
        self, ts_ns: int, frame: int, src: Endpoint, dst: Endpoint, body: bytes, cut: bool
    ) -> list[Datagram]:
        """The messages that a segment completed. ``body`` begins at its TCP header (20 bytes or
        more). ``cut``: the capture kept fewer bytes than were sent, so a hole follows."""
        key = (src, dst)
        seq = int.from_bytes(body[4:8])
        flags = body[13]
        data = body[(body[12] >> 4) * 4 :] if body[12] >> 4 >= 5 else b""
        found: list[Datagram] = []
        if flags & _ACK:
            self._acknowledged((dst, src), int.from_bytes(body[8:12]), ts_ns, found)
        if flags & _SYN:
            self._close(key, found)
            self._open(key, (seq + 1) % _SEQUENCE, found)
            seq = (seq + 1) % _SEQUENCE
        stream = self._streams.get(key)
        if data:
            if stream is None:
                stream = self._join(key, seq, data, found)
            if stream is not None:
                self._receive(key, stream, seq, data, ts_ns, frame, cut, found)
        if flags & _RST:
            self._close(key, found)
            self._close((dst, src), found)
        self._weigh(key)
        while self._held > self._limits.tcp_held_bytes:
            self._hits.hit("tcp_held_bytes")
            self._close(max(self._streams, key=lambda k: self._streams[k].held), found)
        return found

    def _weigh(self, key: _Key) -> None:
        """Counts anew what a stream holds."""
        stream = self._streams.get(key)
        if stream is not None:
            held = len(stream.buffer) + stream.pending_bytes
            self._held += held - stream.held
            stream.held = held

    def finish(self) -> list[Datagram]:
        """The messages that were whole but for their order, and those whose end never came."""
        found: list[Datagram] = []
        for key in list(self._streams):
            self._close(key, found)
        return found

    def _open(self, key: _Key, seq: int, found: list[Datagram]) -> _Stream:
        if len(self._streams) >= self._limits.tcp_streams:
            self._hits.hit("tcp_streams")
            self._close(next(iter(self._streams)), found)
        stream = self._streams[key] = _Stream(seq)
        stream.decided = _on_port(key)
        return stream

    def _join(self, key: _Key, seq: int, data: bytes, found: list[Datagram]) -> _Stream | None:
        """A direction of which nothing is known: followed if this may be the start of SIP, or
        if it is on a SIP port."""
        if not _on_port(key) and sip_start(data) is False:
            return None
        return self._open(key, seq, found)

    def _note_tls(self, key: _Key, data: bytes) -> None:
        """Says so, once, if this is a TLS record (RFC 8446 section 5.1: content type 20 to 23,
        version 3.x). It's hunted through like any bytes that aren't SIP: were the stream dropped,
        its next segment would be judged anew, as the beginning of a stream that it isn't."""
        if self._tls_noted or len(data) < 3:
            return
        if 20 <= data[0] <= 23 and data[1] == 3 and data[2] <= 4:
            self._tls_noted = True
            note(
                self._source,
                self._limits,
                f"encrypted SIP (TLS) between {key[0]} and {key[1]} can't be read; "
                "--reader tshark with a key log can",
            )

    def _receive(
        self,
        key: _Key,
        stream: _Stream,
        seq: int,
        data: bytes,
        ts_ns: int,
        frame: int,
        cut: bool,
        found: list[Datagram],
    ) -> None:
        distance = _ahead(seq, stream.next_seq)
        if distance > 0:
            known = stream.pending.get(seq)
            if known is not None and len(known[2]) >= len(data):
                return
            if known is not None:
                stream.pending_bytes -= len(known[2])
            stream.pending[seq] = (ts_ns, frame, data, cut)
            stream.pending_bytes += len(data)
            oldest_ns = next(iter(stream.pending.values()))[0]
            if stream.pending_bytes > self._limits.tcp_buffer_bytes:
                self._hits.hit("tcp_buffer_bytes")
                self._skip_hole(key, stream, found)
            elif len(stream.pending) > 256 or ts_ns - oldest_ns > _HOLE_AGE_NS:
                self._skip_hole(key, stream, found)
            return
        if self._append(key, stream, seq, data, ts_ns, frame, cut, found):
            self._drain(key, stream, found)

    def _append(
        self,
        key: _Key,
        stream: _Stream,
        seq: int,
        data: bytes,
        ts_ns: int,
        frame: int,
        cut: bool,
        found: list[Datagram],
    ) -> bool:
        """Adds bytes that are next in order, less what is known of them. False: not SIP."""
        fresh = data[-_ahead(seq, stream.next_seq) :]
        if not fresh:
            return True
        stream.add(fresh, ts_ns, frame)
        if not stream.decided:
            held = bytes(stream.buffer)
            begins = sip_start(held)
            blank = len(held) > _BLANK_BYTES and not held[: _BLANK_BYTES + 1].strip(_BLANK)
            if begins is False or blank or (begins is None and cut and not is_sip(held)):
                self._drop(key)
                return False
            stream.decided = begins is True
        if stream.decided:
            self._frame(key, stream, ts_ns, frame, found)
        if cut:
            self._broken(key, stream, ts_ns, frame, found)
        return True

    def _drain(self, key: _Key, stream: _Stream, found: list[Datagram]) -> None:
        """Takes in what had come too early and is next now."""
        while stream.pending:
            ready = [s for s in stream.pending if _ahead(s, stream.next_seq) <= 0]
            if not ready:
                return
            seq = min(ready, key=lambda s: _ahead(s, stream.next_seq))
            ts_ns, frame, data, cut = stream.pending.pop(seq)
            stream.pending_bytes -= len(data)
            if not self._append(key, stream, seq, data, ts_ns, frame, cut, found):
                return

    def _acknowledged(self, key: _Key, ack: int, ts_ns: int, found: list[Datagram]) -> None:
        stream = self._streams.get(key)
        if stream is None or not stream.pending:
            return
        oldest_ns = next(iter(stream.pending.values()))[0]
        if _ahead(ack, stream.next_seq) > 0 and ts_ns - oldest_ns > _HOLE_NS:
            self._skip_hole(key, stream, found)
            self._weigh(key)

    def _skip_hole(self, key: _Key, stream: _Stream, found: list[Datagram]) -> None:
        """Gives up the missing bytes and goes on behind them."""
        seq = min(stream.pending, key=lambda s: _ahead(s, stream.next_seq))
        ts_ns, frame, _, _ = stream.pending[seq]
        self.incomplete += self._broken(key, stream, ts_ns, frame, found)
        stream.next_seq = seq
        self._drain(key, stream, found)

    def _frame(
        self, key: _Key, stream: _Stream, ts_ns: int, frame: int, found: list[Datagram]
    ) -> None:
        """Gives every whole message at the beginning of the buffer."""
        buffer, limit = stream.buffer, self._limits.tcp_buffer_bytes
        while buffer and len(buffer) >= stream.need:
            if stream.hunting and not self._hunt(stream):
                return
            if stream.need:
                self._give(key, stream, stream.need, ts_ns, frame, found)
                stream.scanned = stream.need = 0
                continue
            if not stream.scanned:
                blank = len(buffer) - len(buffer.lstrip(b"\r\n"))
                if blank == len(buffer):
                    whole = blank - (buffer[-1:] == b"\r")
                    if whole:
                        self._give(key, stream, whole, ts_ns, frame, found)
                    return
                stream.drop(blank)
                begins = sip_start(bytes(buffer[:_RESYNC_BYTES]))
                if begins is None and len(buffer) < _RESYNC_BYTES:
                    return
                if not begins:
                    self._note_tls(key, bytes(buffer[:3]))
                    stream.hunting = True
                    continue
            # What is behind the limit isn't looked at, for short segments wouldn't bring it here.
            end = _HEADER_END.search(buffer, max(0, stream.scanned - 3), limit)
            if end is None and len(buffer) < limit:
                stream.scanned = len(buffer)
                return
            header = limit if end is None else end.end()
            length = _LENGTH.search(buffer, 0, header)
            stream.need = header + (int(length[1]) if length else 0)
            if end is None or stream.need > limit:
                self._hits.hit("tcp_buffer_bytes")
                self._give(key, stream, header, ts_ns, frame, found, cut=True)
                stream.scanned = stream.need = 0
                stream.hunting = True

    @staticmethod
    def _hunt(stream: _Stream) -> bool:
        """Drops bytes up to the next start line; False where none is there yet."""
        buffer = stream.buffer
        while (at := next_sip_start(buffer)) >= 0:
            stream.drop(at)
            end = buffer.index(b"\n")
            if end <= START_LINE_BYTES:
                stream.hunting = False
                return True
            stream.drop(end + 1)
        # A start line is known by the line after it: keep the last two, if they aren't long.
        last = buffer.rfind(b"\n") + 1
        before = buffer.rfind(b"\n", 0, max(0, last - 1)) + 1
        if len(buffer) - last > START_LINE_BYTES:
            stream.drop(len(buffer) - 1)
            buffer[0] = _NO_LINE
        else:
            stream.drop(before if last - 1 - before <= START_LINE_BYTES else last)
        return False

    def _give(
        self,
        key: _Key,
        stream: _Stream,
        count: int,
        ts_ns: int,
        frame: int,
        found: list[Datagram],
        cut: bool = False,
    ) -> None:
        """Gives the first ``count`` bytes of the buffer, which are a message or blanks."""
        payload = bytes(stream.buffer[:count])
        before = tuple(each for each in stream.frames(count) if each != frame)
        stream.drop(count)
        if payload.strip(b"\r\n"):
            self._source.sip_messages += 1
        origin = Origin(self._source.name, frame)
        found.append(Datagram(ts_ns, *key, Transport.TCP, payload, origin, cut=cut, before=before))

    def _broken(
        self, key: _Key, stream: _Stream, ts_ns: int, frame: int, found: list[Datagram]
    ) -> bool:
        """Bytes are missing here: what there is of a message, if anything, is given as cut."""
        held = bytes(stream.buffer)
        begun = not stream.hunting and is_sip(held)
        if begun:
            stream.drop(len(held) - len(held.lstrip(b"\r\n")))
            self._give(key, stream, len(stream.buffer), ts_ns, frame, found, cut=True)
        stream.drop(len(stream.buffer))
        stream.scanned = stream.need = 0
        stream.decided = stream.hunting = True
        return begun

    def _drop(self, key: _Key) -> bool:
        """Forgets a stream; False where it isn't followed."""
        stream = self._streams.pop(key, None)
        if stream is None:
            return False
        self._held -= stream.held
        return True

    def _close(self, key: _Key, found: list[Datagram]) -> None:
        stream = self._streams.get(key)
        if stream is None:
            return
        while stream.pending and self._streams.get(key) is stream:
            self._skip_hole(key, stream, found)
        if self._drop(key) and stream.need:
            self.incomplete += 1
            self._give(key, stream, len(stream.buffer), *stream.last, found, cut=True)
