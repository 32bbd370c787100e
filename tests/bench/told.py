"""What phones and peers say, as templates: told once by ``Scenario``, filled in as often as wanted.

Contract: ``sip_acts`` and ``iax2_acts`` give the exchanges of a client by name. ``Act.lines`` are
the packets of one, in order; each is filled with the values of its client and with strings that
are new every time, so that no two messages of a capture have the same bytes.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sipdiag.base.datagram import Datagram
from sipdiag.crafting.scenario import START_NS, Scenario

SERVER = "203.0.113.80"

_USER, _INNER, _OUTER, _PORT, _RTP = "70017", "192.168.201.150", "198.51.201.150", 31007, 10002
_PBX_CALL, _FAR_CALL = 1001, 1

FIELDS = (
    "user", "inner", "outer", "port", "outer_raw", "port_raw", "register_id", "register_tag",
    "rtp_port", "first_cseq", "second_cseq", "pbx_from", "pbx_to", "far_from", "far_to",
)  # fmt: skip
"""What a line is filled with, in this order; after these come the new strings. All but the CSeqs
are as long as what they stand for, so that lengths within a message stay right."""

_AT = {name: number for number, name in enumerate(FIELDS)}
_HEX = rb"(?<![0-9a-fA-F])[0-9a-f]{8,}(?![0-9a-fA-F])"
_CSEQ = rb"(?<=CSeq: )\d+(?= REGISTER)"

Fill = Callable[[Sequence[bytes]], bytes]


@dataclass(frozen=True, slots=True)
class Line:
    """A packet, ``at_us`` after its act began. ``late``: it comes after the talk."""

    at_us: int
    from_client: bool
    late: bool
    form: bytes
    wanted: tuple[int, ...]

    def fill(self, values: Sequence[bytes]) -> bytes:
        """The payload with these values."""
        return self.form % tuple([values[n] for n in self.wanted])


@dataclass(frozen=True, slots=True)
class Act:
    """An exchange. ``fresh``: lengths of the strings that are new each time. ``talk_us``: when
    its talk of one second begins, None without."""

    lines: tuple[Line, ...]
    fresh: tuple[int, ...]
    talk_us: int | None = None


class _Compiler:
    """Turns the packets of one story into an ``Act``."""

    def __init__(self, known: dict[bytes, str], talk_us: int | None) -> None:
        self._known = {text: _AT[name] for text, name in known.items()}
        self._fresh: dict[bytes, int] = {}
        self._cseqs: dict[bytes, int] = {}
        self._talk_us = talk_us
        literal = b"|".join(re.escape(text) for text in sorted(known, key=len, reverse=True))
        self._pattern = re.compile(b"(?P<known>%b)|(?P<cseq>%b)|%b" % (literal, _CSEQ, _HEX))

    def act(self, datagrams: Sequence[Datagram]) -> Act:
        lines = []
        for datagram in datagrams:
            at_us = (datagram.ts_ns - START_NS) // 1000
            from_client = datagram.src is not None and datagram.src.ip == _OUTER
            late = self._talk_us is not None and at_us >= self._talk_us + 900_000
            form, wanted = self._line(datagram.payload, from_client)
            lines.append(Line(at_us, from_client, late, form, tuple(wanted)))
        return Act(tuple(lines), tuple(len(text) for text in self._fresh), self._talk_us)

    def _line(self, payload: bytes, from_client: bool) -> tuple[bytes, list[int]]:
        wanted: list[int] = []
        form, rest = b"", payload
        if payload[0] & 0x80:
            form = self._calls(payload, from_client, wanted)
            rest = payload[4:]
        at = 0
        for match in self._pattern.finditer(rest):
            form += rest[at : match.start()].replace(b"%", b"%%") + b"%b"
            at = match.end()
            if match["known"]:
                wanted.append(self._known[match[0]])
            elif match["cseq"]:
                number = self._cseqs.setdefault(match[0], len(self._cseqs))
                wanted.append(_AT["first_cseq"] + number)
            else:
                number = self._fresh.setdefault(match[0], len(self._fresh))
                wanted.append(len(FIELDS) + number)
        return form + rest[at:].replace(b"%", b"%%"), wanted

    @staticmethod
    def _calls(payload: bytes, from_client: bool, wanted: list[int]) -> bytes:
        """The two call numbers of a full frame. Number 1 of an answer to a POKE stays."""
        ends = ("far_from", "pbx_to") if from_client else ("pbx_from", "far_to")
        form = b""
        for at, name in zip((0, 2), ends, strict=True):
            number = int.from_bytes(payload[at : at + 2]) & 0x7FFF
            if number == (_PBX_CALL if name.startswith("pbx") else _FAR_CALL):
                wanted.append(_AT[name])
                form += b"%b"
            else:
                form += payload[at : at + 2].replace(b"%", b"%%")
        return form


def _known(**more: str) -> dict[bytes, str]:
    return {
        _USER.encode(): "user",
        _INNER.encode(): "inner",
        _OUTER.encode(): "outer",
        str(_PORT).encode(): "port",
        socket.inet_aton(_OUTER): "outer_raw",
        **{text.encode(): name for name, text in more.items()},
    }


def sip_acts() -> dict[str, Act]:
    """``register``, ``options``, ``options_lost``, ``call``, ``call_from``, ``call_lost``."""
    acts = {}
    for name in ("register", "options", "options_lost", "call", "call_from", "call_lost"):
        s = Scenario(server=SERVER, name=f"bench {name}")
        phone = s.sip_phone(_USER, inner=_INNER, outer=f"{_OUTER}:{_PORT}")
        s.at(-60)
        s.register(phone, expires=120)
        before = len(s.datagrams())
        s.at(0)
        talk_us = None
        if name == "register":
            s.register(phone, expires=120)
        elif name.startswith("options"):
            s.options(phone, answered=name == "options")
        elif name == "call_from":
            s.call_from(phone, talk_s=1)
        else:
            s.call(phone, talk_s=1, answered=name == "call")
        if s.media():
            talk_us = (min(flow.segments[0].first_ns for flow in s.media()) - START_NS) // 1000
        known = _known(
            register_id=phone.register_call_id or "",
            register_tag=phone.register_tag,
            rtp_port=str(_RTP),
        )
        acts[name] = _Compiler(known, talk_us).act(s.datagrams()[before:])
    return acts


def iax2_acts() -> dict[str, Act]:
    """``register``, ``poke``, ``call``, ``call_from``."""
    acts = {}
    for name in ("register", "poke", "call", "call_from"):
        s = Scenario(server=SERVER, name=f"bench iax2 {name}")
        peer = s.iax_peer(_USER, inner=f"{_INNER}:4569", outer=f"{_OUTER}:{_PORT}")
        peer.location = peer.outer
        talk_us = None
        if name == "register":
            s.register(peer)
        elif name == "poke":
            s.poke(peer, answered=True)
        elif name == "call":
            s.call(peer, talk_s=1, answered=True)
        else:
            s.call_from(peer, talk_s=1)
        if s.media():
            talk_us = (min(flow.segments[0].first_ns for flow in s.media()) - START_NS) // 1000
        acts[name] = _Compiler(_known(), talk_us).act(s.datagrams())
    return acts
