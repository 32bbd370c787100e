"""A STUN server (RFC 5389 binding requests, nothing more) for phones that ask for their address.

Contract: a context manager; while open, it answers on UDP port 3478 of the VPS.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from types import TracebackType

from .net import VPS, inside

PORT = 3478
_COOKIE = 0x2112A442


class StunServer:
    """The server's socket and thread."""

    def __init__(self, namespace: str) -> None:
        self._socket = inside(namespace, _open)
        self._closing = False
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> StunServer:
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

    def _serve(self) -> None:
        while not self._closing:
            with contextlib.suppress(TimeoutError):
                request, (host, port) = self._socket.recvfrom(2048)
                if len(request) >= 20 and request[:2] == b"\x00\x01":
                    self._socket.sendto(_answer(request, host, port), (host, port))


def _open() -> socket.socket:
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind((VPS, PORT))
    server.settimeout(0.25)
    return server


def _answer(request: bytes, host: str, port: int) -> bytes:
    """A success response with XOR-MAPPED-ADDRESS."""
    address = struct.unpack(">I", socket.inet_aton(host))[0] ^ _COOKIE
    value = struct.pack(">BBHI", 0, 1, port ^ (_COOKIE >> 16), address)
    attribute = struct.pack(">HH", 0x0020, len(value)) + value
    return struct.pack(">HH", 0x0101, len(attribute)) + request[4:20] + attribute
