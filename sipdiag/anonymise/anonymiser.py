"""One run's stand-ins, applied to what readers give: datagrams, media, log events, names of files.

Contract: what comes out is as a reader's and holds nothing of the originals but ports, times,
sizes and the words of protocols. One ``Anonymiser`` serves all inputs of a run.
"""

from __future__ import annotations

import os
from dataclasses import replace
from typing import BinaryIO

from sipdiag.anonymise.frame import rewrite_frame
from sipdiag.anonymise.lines import rewrite_event
from sipdiag.anonymise.message import rewrite_sip
from sipdiag.anonymise.standins import StandIns
from sipdiag.base.datagram import Datagram, Transport
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.limits import DEFAULT_LIMITS, LimitHits, Limits
from sipdiag.base.logevent import LogEvent
from sipdiag.protocols import iax2, sip
from sipdiag.protocols.media import MediaKind, MediaTable, Tally

_KEEPALIVE_BYTES = 4
"""CRLF, NULs and the like (RFC 5626 section 3.5.1): as short as nothing personal is."""
_STUN_HEADER_BYTES = 20
_STUN_COOKIE = b"\x21\x12\xa4\x42"
NOTE = "names, numbers and addresses are stand-ins (--anonymise)"
"""What every anonymised source says of itself."""
_ENDINGS = frozenset((".pcap", ".pcapng", ".cap", ".log", ".txt", ".gz", ".xz"))


class Anonymiser:
    """See the module's contract."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.standins = StandIns(limits)
        self._labels: dict[object, str] = {}

    def label(self, source: str | os.PathLike[str] | BinaryIO, role: str | None = None) -> str:
        """The name that an input has in reports: its ``role`` (``good``, ``bad``) or ``file-1``,
        with the ending that its name had. The same for the same input."""
        given = isinstance(source, str | os.PathLike)
        key: object = os.fspath(source) if given else id(source)  # type: ignore[arg-type]
        known = self._labels.get(key)
        if known is None:
            known = role or f"file-{len(self._labels) + 1}"
            endings: list[str] = []
            stem = str(key).lower()
            while (parts := os.path.splitext(stem))[1] in _ENDINGS:
                stem, ending = parts
                endings.insert(0, ending)
            known = self._labels[key] = known + "".join(endings)
        return known

    def media(self, limits: Limits, hits: LimitHits) -> MediaTable:
        """A table that counts each direction under its stand-ins."""
        return _AnonymousMedia(self.standins, limits, hits)

    def datagram(self, datagram: Datagram) -> Datagram:
        """The datagram with other addresses and payload."""
        one, other = datagram.src, datagram.dst
        return replace(
            datagram,
            src=None if one is None else self.standins.endpoint(one),
            dst=None if other is None else self.standins.endpoint(other),
            payload=self._payload(datagram),
        )

    def _payload(self, datagram: Datagram) -> bytes:
        payload = datagram.payload
        if datagram.transport is Transport.ICMP:
            return b""
        message = sip.parse(payload)
        if message is not None:
            return rewrite_sip(self.standins, message)
        if payload[:1] >= b"\x80":
            frame = iax2.parse(payload)
            if isinstance(frame, iax2.FullFrame):
                return rewrite_frame(self.standins, frame)
        if len(payload) <= _KEEPALIVE_BYTES:
            return payload
        head = _STUN_HEADER_BYTES if payload[4:8] == _STUN_COOKIE else 0
        return payload[:head] + bytes(len(payload) - head)

    def event(self, event: LogEvent) -> LogEvent:
        """A log's verdict line with stand-ins."""
        return rewrite_event(self.standins, event)

    def notes(self, notes: list[str]) -> list[str]:
        """The sentences on an input, which may name addresses and files, and what was done."""
        return [*map(self._note, notes), NOTE]

    def _note(self, text: str) -> str:
        for key, label in self._labels.items():
            if isinstance(key, str) and len(key) > 1:
                text = text.replace(key, label)
        return self.standins.within(text)


class _AnonymousMedia(MediaTable):
    def __init__(self, standins: StandIns, limits: Limits, hits: LimitHits) -> None:
        super().__init__(limits, hits)
        self._standins = standins

    def count(
        self,
        src: Endpoint,
        dst: Endpoint,
        kind: MediaKind,
        ts_ns: int,
        frame: int,
        octets: int,
        ssrc: bytes | None = None,
        payload_type: int | None = None,
        tag: bytes = b"",
    ) -> Tally | None:
        """As the plain table, under the stand-ins of both ends."""
        one, other = self._standins.endpoint(src), self._standins.endpoint(dst)
        return super().count(one, other, kind, ts_ns, frame, octets, ssrc, payload_type, tag)
