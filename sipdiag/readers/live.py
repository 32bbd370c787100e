"""Live capture: scapy's packet sockets, with our own filter in the kernel.

Contract: ``LiveCapture`` opens every interface at once, or raises: ``UsageError`` for a name that
doesn't exist, ``AccessError`` where the right lacks or the system isn't Linux. ``read`` gives what
one socket has, as ``Frame``s with the kernel's time; it never blocks and never raises afterwards:
an interface that goes down, or away and comes back, is told in ``notices`` and waited for. One
interface is captured as it is; several, or ``any``, as Linux cooked frames (link type 276), which
say of each frame where it passed.

The sockets are scapy's; they are read with ``recvmsg_into``, as scapy's ``recv_raw`` rounds the
time to a float, drops the interface and the device's type, and takes 64 KiB for each packet, which
tears the heap to pieces when small packets are kept.
"""

from __future__ import annotations

import ctypes
import logging
import os
import socket
import struct
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from sipdiag.base.endpoint import parse_ip
from sipdiag.base.errors import AccessError, UsageError
from sipdiag.readers import bpf
from sipdiag.readers.bpf import Link, Wanted

ANY = "any"

ETHERNET, RAW, COOKED2 = 1, 101, 276
"""Link types, https://www.tcpdump.org/linktypes.html."""

BUFFER_BYTES = 64 << 20
"""Of each socket: 4 s of signalling at 20 000 messages a second, for the time that a diagnosis
takes. A process without CAP_NET_ADMIN gets what ``net.core.rmem_max`` allows."""

_ETH_P_ALL = 0x0003
_SOL_PACKET, _PACKET_STATISTICS, _PACKET_AUXDATA = 263, 6, 8
_SO_ATTACH_FILTER, _SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 26, 33, 35
_VLAN_VALID, _TPID_VALID = 1 << 4, 1 << 6
"""linux/if_packet.h: TP_STATUS_VLAN_VALID and TP_STATUS_VLAN_TPID_VALID."""
_AUXDATA = struct.Struct("=IIIHHHH")
_TIME = struct.Struct("@qq")
_CONTROL_BYTES = socket.CMSG_SPACE(_AUXDATA.size) + socket.CMSG_SPACE(_TIME.size)
_LARGEST = 65_536 + 64
_DROP_ALL = [bpf.Instruction(bpf.RET_K, 0, 0, 0)]
_LINK_OF = {
    bpf.ARPHRD_ETHER: Link.ETHERNET,
    bpf.ARPHRD_LOOPBACK: Link.ETHERNET,
}
_LOOPBACK = "lo"


class Frame(NamedTuple):
    """``ts_ns``: since 1970 UTC. ``interface``: the kernel's index. ``data`` begins with the link
    header of ``LiveCapture.linktype``; ``wire``: bytes before the filter cut it."""

    ts_ns: int
    interface: int
    data: bytes
    wire: int


class _Tap:
    """One scapy socket. ``name`` is the interface's, or ``any``."""

    def __init__(self, name: str, scapy_socket: Any) -> None:
        self.name = name
        self.scapy = scapy_socket
        self.socket: socket.socket = scapy_socket.ins
        self.up = True
        self.index = 0 if name == ANY else socket.if_nametoindex(name)
        self.hardware: int = self.socket.getsockname()[3]

    @property
    def link(self) -> Link:
        return Link.ANY if self.name == ANY else _LINK_OF.get(self.hardware, Link.RAW)


class LiveCapture:
    """See the module. ``wanted`` is what the filter lets pass."""

    def __init__(
        self, names: Sequence[str], wanted: Wanted, buffer_bytes: int = BUFFER_BYTES
    ) -> None:
        self.notices: list[str] = []
        """Sentences for the user on what happened to the interfaces; the caller takes them."""
        self.wanted = wanted
        self.dropped = 0
        """Packets that passed the filter and found the buffer full, as far as ``statistics``
        asked."""
        _check(names)
        self._buffer = bytearray(_LARGEST)
        self._taps: dict[int, _Tap] = {}
        try:
            for name in dict.fromkeys(names):
                tap = _open(name, buffer_bytes)
                self._taps[tap.socket.fileno()] = tap
                self._attach(tap)
        except BaseException:
            self.close()
            raise
        taps = list(self._taps.values())
        if len(taps) > 1 or taps[0].name == ANY:
            self.linktype = COOKED2
        else:
            self.linktype = ETHERNET if taps[0].link is Link.ETHERNET else RAW
        self._cooked = self.linktype == COOKED2
        self.buffer_bytes = min(
            tap.socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) for tap in taps
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The interfaces, as the user named them."""
        return tuple(tap.name for tap in self._taps.values())

    def filenos(self) -> list[int]:
        """To wait on for reading; they stay the same."""
        return list(self._taps)

    def close(self) -> None:
        """Closes every socket."""
        for tap in self._taps.values():
            tap.scapy.close()
        self._taps.clear()

    def want(self, wanted: Wanted) -> None:
        """Puts another filter in the place of the one there is. Nothing is lost between."""
        self.wanted = wanted
        for tap in self._taps.values():
            _attach(tap.socket, bpf.program(tap.link, wanted))

    def statistics(self) -> int:
        """Asks the kernel what it dropped; gives the sum since the start."""
        for tap in self._taps.values():
            with suppress(OSError):
                raw = tap.socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
                self.dropped += struct.unpack("=II", raw)[1]
        return self.dropped

    def read(self, fileno: int, most: int) -> list[Frame]:
        """What one socket has, up to ``most`` frames."""
        tap, buffer = self._taps[fileno], self._buffer
        receive = tap.socket.recvmsg_into
        into, view = [buffer], memoryview(buffer)
        found: list[Frame] = []
        while len(found) < most:
            try:
                size, control, _, address = receive(into, _CONTROL_BYTES, socket.MSG_DONTWAIT)
            except (BlockingIOError, InterruptedError):
                break
            except OSError as error:
                self._failed(tap, error)
                break
            if address[2] == bpf.OUTGOING and tap.hardware == bpf.ARPHRD_LOOPBACK:
                continue
            found.append(self._frame(tap, bytes(view[:size]), control, address))
        return found

    def mend(self) -> None:
        """Looks after interfaces that went away: their sockets are bound again once they are
        back, which takes no right. To be called every second or so."""
        for tap in self._taps.values():
            if tap.name == ANY:
                continue
            try:
                index = socket.if_nametoindex(tap.name)
            except OSError:
                if tap.index:
                    tap.index = 0
                    self._down(tap, "is gone")
                continue
            if index != tap.index:
                try:
                    tap.socket.bind((tap.name, _ETH_P_ALL))
                except OSError:
                    continue
                tap.index = index
                tap.hardware = tap.socket.getsockname()[3]
                self._attach(tap)
            if not tap.up and _is_up(tap.name):
                tap.up = True
                self.notices.append(f"{tap.name} is back")

    def _failed(self, tap: _Tap, error: OSError) -> None:
        """ENETDOWN comes once when the interface goes down; the socket lives on."""
        self._down(tap, os.strerror(error.errno).lower() if error.errno else str(error))

    def _down(self, tap: _Tap, what: str) -> None:
        if tap.up:
            tap.up = False
            self.notices.append(f"{tap.name}: {what}; waiting for it")

    def _attach(self, tap: _Tap) -> None:
        """Sets the filter; what came before it did is thrown away."""
        _attach(tap.socket, _DROP_ALL)
        with suppress(OSError):
            while True:
                tap.socket.recv(1, socket.MSG_DONTWAIT)
        with suppress(OSError):
            tap.socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        _attach(tap.socket, bpf.program(tap.link, self.wanted))

    def _frame(
        self, tap: _Tap, data: bytes, control: list[tuple[int, int, bytes]], address: Any
    ) -> Frame:
        ts_ns, tag, wire = 0, b"", len(data)
        for level, kind, value in control:
            if level == _SOL_PACKET and kind == _PACKET_AUXDATA and len(value) >= _AUXDATA.size:
                status, whole, _, _, _, tci, tpid = _AUXDATA.unpack_from(value)
                wire = whole
                if tci or status & _VLAN_VALID:
                    ether = tpid if status & _TPID_VALID else 0x8100
                    tag = struct.pack("!HH", ether, tci)
            elif level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                second, rest = _TIME.unpack_from(value)
                ts_ns = second * 1_000_000_000 + rest
        ethernet = address[3] in _LINK_OF
        if tag and ethernet:
            data = data[:12] + tag + data[12:]
            wire += 4
        index = tap.index
        if self._cooked:
            if tap.name == ANY:
                index = _index(address[0])
            head = 14 if ethernet else 0
            data = _cooked(data, ethernet, index, address) + data[head:]
            wire += 20 - head
        return Frame(ts_ns or time.time_ns(), index, data, max(wire, len(data)))


def _cooked(data: bytes, ethernet: bool, index: int, address: Any) -> bytes:
    """The header of Linux cooked capture, version 2: the protocol is that of what follows."""
    version = b"\x86\xdd" if data[:1] >= b"\x60" else b"\x08\x00"
    protocol = data[12:14] if ethernet else version
    hardware: bytes = address[4] or b""
    return protocol + struct.pack(
        "!HIHBB8s", 0, index, address[3], address[2], min(len(hardware), 8), hardware[:8]
    )


def _open(name: str, buffer_bytes: int) -> _Tap:
    if not sys.platform.startswith("linux"):
        raise AccessError("live capture needs Linux; elsewhere capture with tcpdump and analyse")
    # scapy warns of every interface whose packets it has no class for; it dissects nothing here.
    logging.getLogger("scapy.runtime").setLevel(logging.ERROR)
    from scapy.arch.linux import L2ListenSocket

    try:
        opened = L2ListenSocket(iface=_LOOPBACK if name == ANY else name, promisc=False)
        if name == ANY:
            _bind_to_all(opened.ins)
    except PermissionError:
        raise AccessError(f"{name}: capturing needs the right CAP_NET_RAW") from None
    except OSError as error:
        raise AccessError(f"{name}: can't be captured: {error.strerror or error}") from None
    tap = _Tap(name, opened)
    for kind in (_SO_RCVBUFFORCE, socket.SO_RCVBUF):
        with suppress(OSError):
            tap.socket.setsockopt(socket.SOL_SOCKET, kind, buffer_bytes)
            break
    tap.socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
    tap.socket.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
    return tap


def _bind_to_all(opened: socket.socket) -> None:
    """Python's ``bind`` knows no way to say interface 0, which is all of them (packet(7))."""
    address = struct.pack("=HHiHBB8s", socket.AF_PACKET, socket.htons(_ETH_P_ALL), 0, 0, 0, 0, b"")
    if ctypes.CDLL(None, use_errno=True).bind(opened.fileno(), address, len(address)):
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def _attach(opened: socket.socket, instructions: list[bpf.Instruction]) -> None:
    """SO_ATTACH_FILTER takes struct sock_fprog: a count and where the instructions are."""
    code = ctypes.create_string_buffer(bpf.packed(instructions))
    pointer = struct.pack("@HP", len(instructions), ctypes.addressof(code))
    opened.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, pointer)


def _check(names: Sequence[str]) -> None:
    there = interfaces()
    for name in names:
        if name != ANY and name not in there:
            listed = ", ".join(there)
            raise UsageError(f"there is no interface {name} (there are: {listed}, {ANY})")
    if ANY in names and len(set(names)) > 1:
        raise UsageError("any is all interfaces; don't name others beside it")


def interfaces() -> list[str]:
    """The names of this host's interfaces."""
    return [name for _, name in socket.if_nameindex()]


def local_addresses() -> frozenset[str]:
    """This host's own addresses: what is written there is the PBX's side."""
    found = set()
    with suppress(OSError, ImportError):
        from scapy.arch import get_if_addr, in6_getifaddr

        found = {get_if_addr(name) for name in interfaces()}
        found |= {entry[0] for entry in in6_getifaddr()}
    parsed = (parse_ip(text) for text in found)
    return frozenset(str(ip) for ip in parsed if ip is not None and not ip.is_unspecified)


def _index(name: str) -> int:
    known = _INDICES.get(name)
    if known is None:
        try:
            known = socket.if_nametoindex(name)
        except OSError:
            known = 0
        if len(_INDICES) > 4096:
            _INDICES.clear()
        _INDICES[name] = known
    return known


_INDICES: dict[str, int] = {}


def _is_up(name: str) -> bool:
    """linux/if.h: IFF_UP is bit 0."""
    try:
        with open(f"/sys/class/net/{name}/flags", encoding="ascii") as file:
            return bool(int(file.read(), 16) & 1)
    except (OSError, ValueError):
        return False
