"""A watch on the VPS's wire: when each phone last sent something, and what became of registering.

Contract: ``Watch`` is a context manager; while it is open a thread reads an AF_PACKET socket in
the VPS's namespace, with the kernel's timestamps. ``age`` is the time since the newest
signalling packet of a user's phone. The waits raise LabError when their time runs out.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from types import TracebackType

from . import wire
from .net import VPS, LabError, await_news, inside, pause

ETH_P_ALL = 0x0003
SO_TIMESTAMPNS = 35
SO_RCVBUFFORCE = 33


class Watch:
    """What the VPS's interface has seen so far."""

    def __init__(self, namespace: str, port: int) -> None:
        self._port = port
        self._socket = inside(namespace, _open)
        self._news = threading.Condition()
        self._users: dict[wire.Address, str] = {}
        self._last: dict[str, float] = {}
        self._registered = 0
        self.first_registered: float | None = None
        """When the first registration was granted, in seconds since 1970."""
        self._closing = False
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing = True
        self._thread.join()
        self._socket.close()

    def age(self, user: str) -> float | None:
        """Seconds since the phone's newest packet, None before its first."""
        with self._news:
            last = self._last.get(user)
        return None if last is None else time.time() - last

    def until_age(self, user: str, seconds: float, limit_s: float = 200) -> None:
        """Return when the phone has been silent for exactly so long."""
        end = time.monotonic() + limit_s
        while True:
            age = self.age(user)
            if age is not None and age >= seconds:
                return
            if time.monotonic() > end:
                raise LabError(f"{user} was never silent for {seconds} s")
            rest = 0.5 if age is None else seconds - age
            pause(max(0.0005, min(rest, 0.5)))

    def until_registered(self, count: int, limit_s: float) -> None:
        """Return when so many more registrations have been granted."""
        with self._news:
            goal = self._registered + count
            if not await_news(self._news, lambda: self._registered >= goal, limit_s):
                raise LabError(f"only {self._registered - goal + count} of {count} registrations")

    def registered(self) -> int:
        """How many registrations have been granted so far."""
        with self._news:
            return self._registered

    def _read(self) -> None:
        while not self._closing:
            try:
                frame, extra, _, _ = self._socket.recvmsg(65536, 64)
            except TimeoutError:
                continue
            packet = wire.decode(frame, _stamp(extra))
            if packet is not None and packet.payload:
                with self._news:
                    self._note(packet)
                    self._news.notify_all()

    def _note(self, packet: wire.Packet) -> None:
        outward = packet.source == (VPS, self._port)
        if not outward and packet.target != (VPS, self._port):
            return
        phone = packet.target if outward else packet.source
        if self._port == 5060:
            self._note_sip(packet, phone, outward)
        else:
            self._users[phone] = "101"
            frame = wire.iax(packet.payload)
            if outward and frame is not None and frame.kind == wire.IAX_FRAME:
                self._grant(packet.at, frame.subclass == wire.IAX_REGACK)
        if not outward and phone in self._users:
            self._last[self._users[phone]] = packet.at

    def _note_sip(self, packet: wire.Packet, phone: wire.Address, outward: bool) -> None:
        message = wire.sip(packet.payload)
        if message is None or message.method != "REGISTER":
            return
        if not outward and message.user:
            self._users[phone] = message.user
        if outward:
            self._grant(packet.at, message.status == 200)

    def _grant(self, at: float, granted: bool) -> None:
        self._registered += granted
        if granted and self.first_registered is None:
            self.first_registered = at


def _open() -> socket.socket:
    reader = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    reader.bind(("eth0", ETH_P_ALL))
    reader.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)
    reader.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    reader.settimeout(0.25)
    return reader


def _stamp(extra: list[tuple[int, int, bytes]]) -> float:
    for level, kind, data in extra:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS:
            seconds, nanos = struct.unpack("qq", data[:16])
            return float(seconds) + float(nanos) / 1e9
    return time.time()
