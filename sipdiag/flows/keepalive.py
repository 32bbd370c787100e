"""Packets that only hold a NAT binding open: who sends them, where to, and when.

CRLF (RFC 5626 section 4.4.1; chan_sip's ``keepalive``), NUL bytes (nathelper of Kamailio and
OpenSIPS sends four), STUN on the signalling socket (RFC 5626 section 4.4.2), and whatever else of
up to four bytes a phone sends on it.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.limits import LimitHits, Limits

_STUN_COOKIE = b"\x21\x12\xa4\x42"


def keepalive_kind(payload: bytes) -> str | None:
    """``CRLF``, ``NUL``, ``STUN`` or ``other``; None for what is more than a keepalive.

    >>> keepalive_kind(b"\\r\\n\\r\\n"), keepalive_kind(bytes(4)), keepalive_kind(b"INVITE")
    ('CRLF', 'NUL', None)
    """
    if payload[4:8] == _STUN_COOKIE:
        return "STUN"
    if not payload or len(payload) > 4:
        return None
    if not payload.strip(b"\r\n"):
        return "CRLF"
    return "other" if payload.strip(b"\0") else "NUL"


@dataclass(slots=True, eq=False)
class KeepaliveTrain:
    """Keepalives of one kind one way. ``times_ns``: when, in order, as far as they were kept."""

    kind: str
    src: Endpoint
    dst: Endpoint
    count: int = 0
    times_ns: array[int] = field(default_factory=lambda: array("q"))


class KeepaliveBook:
    """Counts keepalives by direction, and keeps their times up to ``limits.requests_held``."""

    def __init__(self, limits: Limits, hits: LimitHits) -> None:
        self._trains: dict[tuple[str, Endpoint, Endpoint], KeepaliveTrain] = {}
        self._limits, self._hits = limits, hits
        self._left = limits.requests_held

    def take(self, payload: bytes, ts_ns: int, src: Endpoint, dst: Endpoint) -> None:
        """Takes a payload that is neither SIP nor a frame of IAX2."""
        kind = keepalive_kind(payload)
        if kind is None:
            return
        train = self._trains.get((kind, src, dst))
        if train is None:
            if len(self._trains) >= 2 * self._limits.peers:
                self._hits.hit("peers")
                return
            train = self._trains[kind, src, dst] = KeepaliveTrain(kind, src, dst)
        train.count += 1
        if self._left:
            self._left -= 1
            train.times_ns.append(ts_ns)

    def trains(self) -> list[KeepaliveTrain]:
        """All of them, in order of appearance."""
        return list(self._trains.values())
