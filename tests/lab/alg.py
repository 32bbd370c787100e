"""SIP ALGs that do their job badly, as some home routers' do.

``BrokenAlg`` writes wrong things. Contract: a context manager; while open, it sits on the router
between the phone and the server, where the kernel's rules hand it all SIP. Its faults, by design:
the Contact's port has no mapping, the SDP's addresses are replaced but Content-Length is not, and
the registrar's answer is passed on with the altered Contact. Via is rewritten both ways, so that
the phone knows its answers.

``ForgetfulAlg`` is the kernel's with a shorter memory. Contract: a context manager; while open, no
SIP flow of the router outlives its last packet by more than so many seconds and a quarter; one flow
is what it can watch. The kernel's own knob, ``sip_timeout``, is one for the whole machine, and
the helper's flows can't be given another time (conntrack -U: Operation not supported).
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from pathlib import Path
from types import TracebackType

from .net import LAN, PRIVATE_PHONES, VPS, WAN, LabError, inside, sh

SIP_PORT = 5060
DEAD_PORT = 1025
_SIP_TIMEOUT = Path("/sys/module/nf_conntrack_sip/parameters/sip_timeout")
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


class ForgetfulAlg:
    """Deletes the SIP flow, and the calls that the ALG expects by it, when it has been silent."""

    def __init__(self, router: str, seconds: int) -> None:
        self._conntrack = ("ip", "netns", "exec", router, "conntrack")
        self._seconds = seconds
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> ForgetfulAlg:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._thread.join()

    def _watch(self) -> None:
        flows = ("-p", "udp", "--orig-port-dst", str(SIP_PORT))
        least = int(_SIP_TIMEOUT.read_text(encoding="ascii")) - self._seconds
        while not self._closing.wait(0.25):
            with contextlib.suppress(LabError):
                left = [line.split()[2] for line in sh(*self._conntrack, "-L", *flows).splitlines()]
                if any(int(seconds) < least for seconds in left):
                    sh(*self._conntrack, "-D", *flows)


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
