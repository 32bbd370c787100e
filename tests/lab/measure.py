"""What a capture from the VPS shows: registrations, calls with their idle age, audio.

Contract: ``measure(path, port)`` reads one capture of the lab and returns plain numbers. The idle
age of a call is the time between the first packet of the call and the newest signalling packet
before it that came from that user's phone, whatever port the router gave it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from . import wire
from .net import VPS

LATE_S = 2.0


@dataclass
class CallSeen:
    """One call from the server to the phone."""

    at: float
    idle_s: float
    target: wire.Address
    user: str
    sends: int = 1
    reply_s: float | None = None
    answer_s: float | None = None

    @property
    def answered(self) -> str:
        """``yes``, ``late`` (long after the first packet) or ``no``."""
        if self.answer_s is None:
            return "no"
        return "late" if self.answer_s > LATE_S else "yes"


@dataclass
class CallPlaced:
    """One call from the phone to the server, and how often the server said 200 to it."""

    at: float
    answer_count: int = 0
    acknowledged: bool = False


@dataclass
class Measured:
    """The numbers of one run; times are seconds since the first packet.

    ``audio_lost_count`` is what was sent to an address that no phone has ever sent from.
    """

    length_s: float = 0.0
    registered: list[float] = field(default_factory=list)
    withdrawn: list[float] = field(default_factory=list)
    challenged_count: int = 0
    refused_count: int = 0
    origins: list[wire.Address] = field(default_factory=list)
    calls: list[CallSeen] = field(default_factory=list)
    placed: list[CallPlaced] = field(default_factory=list)
    audio_in_count: int = 0
    audio_out_count: int = 0
    audio_lost_count: int = 0


def measure(path: Path, port: int) -> Measured:
    """Read one capture."""
    counter = _Counter(port)
    for packet in wire.read_pcap(path):
        counter.take(packet)
    return counter.result


class _Counter:
    def __init__(self, port: int) -> None:
        self.result = Measured()
        self._port = port
        self._zero: float | None = None
        self._users: dict[wire.Address, str] = {}
        self._last: dict[str, float] = {}
        self._calls: dict[str, CallSeen] = {}
        self._placed: dict[str, CallPlaced] = {}

    def take(self, packet: wire.Packet) -> None:
        if self._zero is None:
            self._zero = packet.at
        now = packet.at - self._zero
        self.result.length_s = now
        outward = packet.source == (VPS, self._port)
        if not outward and packet.target != (VPS, self._port):
            self._audio(packet)
            return
        phone = packet.target if outward else packet.source
        if self._port == 5060:
            self._sip(packet, phone, outward, now)
        else:
            self._iax(packet, phone, outward, now)
        if not outward and packet.payload and phone in self._users:
            self._last[self._users[phone]] = now

    def _audio(self, packet: wire.Packet) -> None:
        if packet.payload[:1] != b"\x80":
            return
        if packet.source[0] != VPS:
            self.result.audio_in_count += 1
        elif packet.target[0] in {host for host, _ in self.result.origins}:
            self.result.audio_out_count += 1
        else:
            self.result.audio_lost_count += 1

    def _sip(self, packet: wire.Packet, phone: wire.Address, outward: bool, now: float) -> None:
        message = wire.sip(packet.payload)
        if message is None:
            return
        if message.method == "REGISTER":
            if not outward:
                self._known(phone, message.user)
            elif message.status == 200 and b"\nContact:" in packet.payload:
                self.result.registered.append(now)
            elif message.status == 200:
                self.result.withdrawn.append(now)
            elif message.status == 401 and b"stale=true" not in packet.payload:
                self.result.challenged_count += 1
            elif message.status >= 400:
                self.result.refused_count += 1
        elif message.call_id in self._placed or self._is_first(message, outward):
            self._place(message, outward, now)
        elif message.method == "INVITE" and outward and not message.status:
            self._ring(message.call_id, phone, message.user, now)
        elif message.method == "INVITE" and message.status and not outward:
            self._reply(message.call_id, now, message.status == 200)

    def _is_first(self, message: wire.Sip, outward: bool) -> bool:
        fresh = message.call_id not in self._calls
        return fresh and message.method == "INVITE" and not message.status and not outward

    def _place(self, message: wire.Sip, outward: bool, now: float) -> None:
        call = self._placed.get(message.call_id)
        if call is None:
            call = self._placed[message.call_id] = CallPlaced(now)
            self.result.placed.append(call)
        call.answer_count += outward and message.method == "INVITE" and message.status == 200
        call.acknowledged |= message.method == "ACK" and not outward and call.answer_count > 0

    def _iax(self, packet: wire.Packet, phone: wire.Address, outward: bool, now: float) -> None:
        frame = wire.iax(packet.payload)
        if not outward:
            self._known(phone, "101")
        if frame is None:
            if outward:
                self.result.audio_out_count += 1
            else:
                self.result.audio_in_count += 1
            return
        is_iax = frame.kind == wire.IAX_FRAME
        if outward and is_iax and frame.subclass == wire.IAX_NEW:
            self._ring(f"{frame.source_call}", phone, "101", now)
        elif outward and is_iax and frame.subclass == wire.IAX_REGACK:
            self.result.registered.append(now)
        elif outward and is_iax and frame.subclass == wire.IAX_REGAUTH:
            self.result.challenged_count += 1
        elif outward and is_iax and frame.subclass == wire.IAX_REGREJ:
            self.result.refused_count += 1
        elif not outward and f"{frame.target_call}" in self._calls:
            answer = frame.kind == wire.CONTROL_FRAME and frame.subclass == wire.CONTROL_ANSWER
            self._reply(f"{frame.target_call}", now, answer)

    def _known(self, phone: wire.Address, user: str) -> None:
        if phone not in self._users:
            self.result.origins.append(phone)
        self._users[phone] = user

    def _ring(self, key: str, phone: wire.Address, user: str, now: float) -> None:
        seen = self._calls.get(key)
        if seen is not None and now - seen.at < 40:
            seen.sends += 1
            return
        idle = now - self._last.get(user, now)
        call = CallSeen(now, idle, phone, user)
        self._calls[key] = call
        self.result.calls.append(call)

    def _reply(self, key: str, now: float, answer: bool) -> None:
        call = self._calls.get(key)
        if call is None:
            return
        if call.reply_s is None:
            call.reply_s = now - call.at
        if answer and call.answer_s is None:
            call.answer_s = now - call.at
