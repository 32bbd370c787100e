"""A SIP ALG that does its job badly, as some home routers' do.

Contract: a context manager; while open, it sits on the router between the phone and the server,
where the kernel's rules hand it all SIP. Its faults, by design: the Contact's port has no mapping,
the SDP's addresses are replaced but Content-Length is not, and the registrar's answer is passed on
with the altered Contact. Via is rewritten both ways, so that the phone knows its answers.
"""

from __future__ import annotations

import select
import socket
import threading
from types import TracebackType

from .net import LAN, PRIVATE_PHONES, VPS, WAN, inside

SIP_PORT = 5060
DEAD_PORT = 1025
_PHONE = PRIVATE_PHONES[0].encode()
_PUBLIC = WAN.encode()


class BrokenAlg:
    """The relay's two sockets and its thread."""

    def __init__(self, router: str) -> None:
        self._lan = inside(router, lambda: _bound(LAN))
        self._wan = inside(router, lambda: _bound(WAN))
        self._closing = False
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> BrokenAlg:
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
        self._lan.close()
        self._wan.close()

    def _serve(self) -> None:
        while not self._closing:
            for ready in select.select([self._lan, self._wan], [], [], 0.25)[0]:
                message = ready.recv(65536)
                if ready is self._lan:
                    self._wan.sendto(outward(message), (VPS, SIP_PORT))
                else:
                    self._lan.sendto(inward(message), (PRIVATE_PHONES[0], SIP_PORT))


def outward(message: bytes) -> bytes:
    """What the server gets of what the phone sent."""
    head, blank, body = message.partition(b"\r\n\r\n")
    lines = [_outward_line(line) for line in head.split(b"\r\n")]
    return b"\r\n".join(lines) + blank + body.replace(_PHONE, _PUBLIC)


def inward(message: bytes) -> bytes:
    """What the phone gets of what the server sent."""
    head, blank, body = message.partition(b"\r\n\r\n")
    first, *lines = head.split(b"\r\n")
    dead = _PUBLIC + b":%d" % DEAD_PORT
    first = first.replace(dead, _PHONE + b":%d" % SIP_PORT)
    lines = [
        line.replace(_PUBLIC, _PHONE) if line.lower().startswith(b"via:") else line
        for line in lines
    ]
    return b"\r\n".join([first, *lines]) + blank + body


def _outward_line(line: bytes) -> bytes:
    name = line.partition(b":")[0].lower()
    if name == b"via":
        return line.replace(_PHONE, _PUBLIC)
    if name == b"contact":
        return line.replace(_PHONE + b":%d" % SIP_PORT, _PUBLIC + b":%d" % DEAD_PORT)
    return line


def _bound(host: str) -> socket.socket:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((host, SIP_PORT))
    return server
