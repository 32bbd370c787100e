"""The kernel's filter for live capture: signalling passes, media is dropped before it is copied.

Contract: ``program`` gives a classic BPF program for ``SO_ATTACH_FILTER``; pure, and the same
for the same arguments. It is a coarse sieve: whatever may be signalling passes, and the
``Dissector`` behind it decides. What passes, on IPv4 and IPv6, behind up to two VLAN tags:

- UDP whose payload begins as SIP does (letters, blanks), STUN, and payloads of up to 4 bytes that
  are no binary (keep-alives);
- UDP whose payload has its first bit set, as IAX2's full frames have (RFC 5456 section 8.1.1): on
  the IAX2 ports always, elsewhere where it is a control frame by content. RTP has it set too (its
  version is 2), mini frames haven't;
- TCP of the SIP ports, and segments that begin as a SIP message does;
- every fragment of UDP or TCP, as only the first one shows what it is;
- ICMP unreachable that quotes UDP.

Formats: Linux, Documentation/networking/filter.rst; linux/filter.h for what is at ``_AD``.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from sipdiag.protocols.recognise import IAX2_PORT, STUN_COOKIE

WHOLE = 0x40000
"""What is kept of a packet: 256 KiB, Wireshark's largest."""

MEDIA_BYTES = 128
"""What is kept of a media packet: Ethernet, two tags, IPv6 and RTP's fixed header make 82."""


MOST_PORTS = 64
"""Ports that may be given: a program is limited to 4096 instructions (BPF_MAXINSNS), and to the
socket's memory for options (net.core.optmem_max, 20 KB)."""


class Link(enum.Enum):
    """What a captured frame begins with."""

    ETHERNET = "ethernet"
    RAW = "raw"
    """An IP header: tun, WireGuard, PPP."""
    ANY = "any"
    """Either, told by the device of each frame."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """``given``: ports that the user named; nothing else is looked at then. Else ``iax2_ports``
    and ``tcp_ports`` are those on which content can't decide. ``media``: RTP and mini frames,
    cut to ``MEDIA_BYTES``."""

    given: frozenset[int] = frozenset()
    iax2_ports: frozenset[int] = frozenset({IAX2_PORT})
    tcp_ports: frozenset[int] = frozenset({5060})
    media: bool = False


class Instruction(NamedTuple):
    """linux/filter.h: struct sock_filter."""

    code: int
    jt: int
    jf: int
    k: int


LD_W, LD_H, LD_B = 0x20, 0x28, 0x30
"""A = word, half word or byte at k; big-endian."""
LDX_W, LDX_H, LDX_B = 0x40, 0x48, 0x50
"""The same at X + k."""
LDM, ST, LDX_IMM, TAX, TXA = 0x60, 0x02, 0x01, 0x07, 0x87
ADD_X, ADD_K, AND_K, LSH_K, RSH_K = 0x0C, 0x04, 0x54, 0x64, 0x74
JA, JEQ, JGT, JGE, JSET = 0x05, 0x15, 0x25, 0x35, 0x45
RET_K = 0x06

_AD = 0xFFFFF000
"""SKF_AD_OFF: what the kernel knows of the frame besides its bytes."""
PACKET_TYPE = _AD + 4
HARDWARE_TYPE = _AD + 28

OUTGOING = 4
"""linux/if_packet.h: PACKET_OUTGOING."""
ARPHRD_ETHER, ARPHRD_LOOPBACK = 1, 772

_IPV4, _IPV6 = 0x0800, 0x86DD
_VLANS = (0x8100, 0x88A8, 0x9100)
_ICMP, _TCP, _UDP, _ICMPV6 = 1, 6, 17, 58
_EXTENSIONS = (0, 43, 60)
"""Hop-by-hop, routing, destination options (RFC 8200 section 4)."""
_FRAGMENT = 44
_MOST_EXTENSIONS = 3
_TCP_STARTS = (
    b"SIP/", b"INVI", b"REGI", b"OPTI", b"SUBS", b"NOTI", b"MESS", b"PUBL", b"INFO", b"CANC",
    b"UPDA", b"PRAC", b"REFE", b"ACK ", b"BYE ",
)  # fmt: skip
"""SIP's methods (IANA registry) and its status line."""
_IAX2_CONTROL_TYPE, _IAX2_LAST_SUBCLASS = 6, 0x28


class _Assembler:
    """Instructions with labels. Every test is followed by a long jump, as a conditional one of
    classic BPF reaches 255 instructions only."""

    def __init__(self) -> None:
        self._code: list[tuple[int, int, int, int | str]] = []
        self._labels: dict[str, int] = {}
        self._count = 0

    def do(self, code: int, k: int = 0) -> None:
        self._code.append((code, 0, 0, k))

    def label(self, name: str) -> None:
        self._labels[name] = len(self._code)

    def fresh(self) -> str:
        self._count += 1
        return f".{self._count}"

    def go(self, target: str) -> None:
        self._code.append((JA, 0, 0, target))

    def when(self, test: int, k: int, target: str) -> None:
        """Goes to ``target`` where ``A test k``."""
        self._code.append((test, 0, 1, k))
        self.go(target)

    def unless(self, test: int, k: int, target: str) -> None:
        """Goes to ``target`` where not ``A test k``."""
        self._code.append((test, 1, 0, k))
        self.go(target)

    def when_any(self, values: Iterable[int], target: str) -> None:
        for value in values:
            self.when(JEQ, value, target)

    def forward(self) -> None:
        """X += A."""
        self.do(ADD_X)
        self.do(TAX)

    def program(self) -> list[Instruction]:
        """Labels resolved: a jump's distance counts from the instruction after it."""
        return [
            Instruction(c, jt, jf, k if isinstance(k, int) else self._labels[k] - at - 1)
            for at, (c, jt, jf, k) in enumerate(self._code)
        ]


def program(link: Link, wanted: Wanted) -> list[Instruction]:
    """The filter for frames of ``link``. See the module."""
    code = _Assembler()
    _link(code, link)
    _ipv4(code)
    _ipv6(code)
    code.label("transport")
    code.when(JEQ, _UDP, "udp")
    code.when(JEQ, _TCP, "tcp")
    code.when(JEQ, _ICMP, "icmp")
    code.when(JEQ, _ICMPV6, "icmpv6")
    code.go("drop")
    _udp(code, wanted)
    _tcp(code, wanted)
    _icmp(code)
    code.label("keep")
    code.do(RET_K, WHOLE)
    code.label("media")
    code.do(RET_K, MEDIA_BYTES if wanted.media else 0)
    code.label("drop")
    code.do(RET_K, 0)
    return code.program()


def packed(instructions: Iterable[Instruction]) -> bytes:
    """As the kernel takes them: struct sock_filter, in the host's byte order."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)


def _link(code: _Assembler, link: Link) -> None:
    """Leaves X at the IP header. The loopback shows each packet going out and coming in."""
    if link is Link.ANY:
        code.do(LD_W, HARDWARE_TYPE)
        code.when(JEQ, ARPHRD_ETHER, "ethernet")
        code.unless(JEQ, ARPHRD_LOOPBACK, "raw")
        code.do(LD_W, PACKET_TYPE)
        code.when(JEQ, OUTGOING, "drop")
    if link is not Link.RAW:
        code.label("ethernet")
        for at in (12, 16, 20):
            code.do(LDX_IMM, at + 2)
            code.do(LD_H, at)
            code.when(JEQ, _IPV4, "ipv4")
            code.when(JEQ, _IPV6, "ipv6")
            tagged = code.fresh()
            code.when_any(_VLANS, tagged)
            code.go("drop")
            code.label(tagged)
        code.go("drop")
    code.label("raw")
    code.do(LDX_IMM, 0)
    code.do(LD_B, 0)
    code.do(RSH_K, 4)
    code.when(JEQ, 4, "ipv4")
    code.when(JEQ, 6, "ipv6")
    code.go("drop")


def _ipv4(code: _Assembler) -> None:
    """RFC 791 section 3.1. Leaves X at the transport header, A is the protocol."""
    code.label("ipv4")
    code.do(LDX_H, 6)
    code.when(JSET, 0x3FFF, "ipv4-fragment")
    code.do(LDX_B, 9)
    code.do(ST, 0)
    code.do(LDX_B, 0)
    code.do(AND_K, 0x0F)
    code.do(LSH_K, 2)
    code.forward()
    code.do(LDM, 0)
    code.go("transport")
    code.label("ipv4-fragment")
    code.do(LDX_B, 9)
    code.when_any((_UDP, _TCP), "keep")
    code.go("drop")


def _ipv6(code: _Assembler) -> None:
    """RFC 8200 sections 3 and 4, as ``_ipv4``. A later fragment of a chain with options behind
    the fragment header can't be told, and is dropped."""
    code.label("ipv6")
    code.do(LDX_B, 6)
    code.do(ST, 0)
    code.do(TXA)
    code.do(ADD_K, 40)
    code.do(TAX)
    code.do(LDM, 0)
    for _ in range(_MOST_EXTENSIONS):
        extension, beyond = code.fresh(), code.fresh()
        code.when_any(_EXTENSIONS, extension)
        code.go(beyond)
        code.label(extension)
        code.do(LDX_B, 0)
        code.do(ST, 0)
        code.do(LDX_B, 1)
        code.do(ADD_K, 1)
        code.do(LSH_K, 3)
        code.forward()
        code.do(LDM, 0)
        code.label(beyond)
    code.unless(JEQ, _FRAGMENT, "transport")
    code.do(LDX_H, 2)
    code.when(JSET, 0xFFF9, "ipv6-fragment")
    code.do(LDX_B, 0)
    code.do(ST, 0)
    code.do(TXA)
    code.do(ADD_K, 8)
    code.do(TAX)
    code.do(LDM, 0)
    code.go("transport")
    code.label("ipv6-fragment")
    code.do(LDX_B, 0)
    code.when_any((_UDP, _TCP), "keep")
    code.go("drop")


def _ports(code: _Assembler, ports: Iterable[int], target: str) -> None:
    """Goes to ``target`` where either port is one of ``ports``; X at the transport header."""
    for at in (0, 2):
        code.do(LDX_H, at)
        code.when_any(sorted(ports), target)


def _udp(code: _Assembler, wanted: Wanted) -> None:
    code.label("udp")
    if wanted.given:
        _ports(code, wanted.given, "given")
        code.go("media-flow")
        code.label("given")
        code.do(LDX_B, 8)
        code.when(JSET, 0x80, "keep")
        code.go("text")
    else:
        code.do(LDX_B, 8)
        code.when(JSET, 0x80, "binary")
        _ports(code, wanted.iax2_ports, "low-on-iax2")
        code.go("text")
        code.label("low-on-iax2")
        code.do(LDX_H, 4)
        code.unless(JGT, 12, "keep")
        code.go("media")
        code.label("binary")
        _ports(code, wanted.iax2_ports, "keep")
        _iax2_control(code)
    code.label("media-flow")
    code.do(LDX_B, 8)
    code.do(RSH_K, 6)
    code.when(JEQ, 2, "media")
    code.go("drop")
    _text(code, "media" if wanted.given else "drop")


def _iax2_control(code: _Assembler) -> None:
    """A full frame of type IAX with a known subclass, whatever the port; one RTP stream in 1600
    has an SSRC that looks like it, and is known to the ``Dissector`` for what it is."""
    beyond = code.fresh()
    code.do(LDX_H, 8)
    code.do(AND_K, 0x7FFF)
    code.when(JEQ, 0, beyond)
    code.do(LDX_H, 4)
    code.unless(JGE, 20, beyond)
    code.do(LDX_B, 18)
    code.unless(JEQ, _IAX2_CONTROL_TYPE, beyond)
    code.do(LDX_B, 19)
    code.when(JEQ, 0, beyond)
    code.unless(JGT, _IAX2_LAST_SUBCLASS, "keep")
    code.label(beyond)


def _text(code: _Assembler, otherwise: str) -> None:
    """A UDP payload without the first bit."""
    code.label("text")
    code.do(LDX_H, 4)
    code.unless(JGT, 12, "keep")
    code.do(LDX_W, 12)
    code.when(JEQ, int.from_bytes(STUN_COOKIE), "keep")
    code.do(LDX_B, 8)
    code.when_any(b"\r\n \t", "keep")
    for at in range(8, 12):
        letter = code.fresh()
        code.do(LDX_B, at)
        if at == 11:
            code.when_any(b" /\t", letter)
        code.do(AND_K, 0xDF)
        code.unless(JGE, ord("A"), otherwise)
        code.when(JGT, ord("Z"), otherwise)
        code.label(letter)
    code.go("keep")


def _tcp(code: _Assembler, wanted: Wanted) -> None:
    code.label("tcp")
    _ports(code, wanted.given or wanted.tcp_ports, "keep")
    if wanted.given:
        code.go("drop")
        return
    code.do(LDX_B, 12)
    code.do(RSH_K, 4)
    code.do(LSH_K, 2)
    code.forward()
    code.do(LDX_W, 0)
    code.when_any((int.from_bytes(start) for start in _TCP_STARTS), "keep")
    code.go("drop")


def _icmp(code: _Assembler) -> None:
    """RFC 792 type 3 and RFC 4443 type 1, and what they quote."""
    code.label("icmp")
    code.do(LDX_B, 0)
    code.unless(JEQ, 3, "drop")
    code.do(LDX_B, 8 + 9)
    code.when(JEQ, _UDP, "keep")
    code.go("drop")
    code.label("icmpv6")
    code.do(LDX_B, 0)
    code.unless(JEQ, 1, "drop")
    code.do(LDX_B, 8 + 6)
    code.when_any((_UDP, _FRAGMENT), "keep")
    code.go("drop")
