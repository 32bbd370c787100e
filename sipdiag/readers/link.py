"""Link layers: where in a frame the IP header begins.

Contract: ``LINKS`` maps a link type (https://www.tcpdump.org/linktypes.html) to a function that
takes the frame and gives the offset of its IP header, or -1 where it carries no IP. None of them
raises on content. A type that isn't in ``LINKS`` isn't supported.
"""

from __future__ import annotations

from collections.abc import Callable

_IPV4 = 0x0800
_PLAIN = b"\x08\x00"
_IPV6 = 0x86DD
_VLAN = frozenset({0x8100, 0x88A8, 0x9100, 0x9200})
"""IEEE 802.1Q, 802.1ad and the older numbers for stacked tags."""
_PPPOE_SESSION = 0x8864
_MPLS = frozenset({0x8847, 0x8848})
_LLC_SNAP = b"\xaa\xaa\x03\x00\x00\x00"
_AF_INET = 2
_AF_INET6 = frozenset({10, 24, 28, 30})
"""Linux; NetBSD and OpenBSD; FreeBSD; Darwin."""
_PPP_IPV4 = 0x0021
_PPP_IPV6 = 0x0057
_NFULA_PAYLOAD = 9


def _u16(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2])


def ethertype(data: bytes, at: int) -> int:
    """Offset of the IP header behind the EtherType at ``at``, through VLAN tags, PPPoE sessions
    (RFC 2516), MPLS labels (RFC 3032) and LLC/SNAP (RFC 1042); -1 where there is none."""
    if data[at : at + 2] == _PLAIN:
        return at + 2
    kind = _u16(data, at)
    at += 2
    while kind in _VLAN and at + 4 <= len(data):
        kind = _u16(data, at + 2)
        at += 4
    if kind in (_IPV4, _IPV6):
        return at
    if kind == _PPPOE_SESSION:
        return _ppp_protocol(data, at + 6)
    if kind in _MPLS:
        while at + 4 <= len(data):
            at += 4
            if data[at - 2] & 1:
                return _raw_at(data, at)
        return -1
    if kind <= 1500 and data[at : at + 6] == _LLC_SNAP:
        return at + 8 if _u16(data, at + 6) in (_IPV4, _IPV6) else -1
    return -1


def _raw_at(data: bytes, at: int) -> int:
    return at if at < len(data) and data[at] >> 4 in (4, 6) else -1


def _ppp_protocol(data: bytes, at: int) -> int:
    """PPP's protocol field (RFC 1661 section 2), which may be one byte (section 6.5)."""
    if at < len(data) and data[at] & 1:
        return at + 1 if data[at] in (_PPP_IPV4, _PPP_IPV6) else -1
    return at + 2 if _u16(data, at) in (_PPP_IPV4, _PPP_IPV6) else -1


def ethernet(data: bytes) -> int:
    """Link type 1."""
    return ethertype(data, 12)


def cooked(data: bytes) -> int:
    """Linux cooked capture, link type 113: the protocol is at 14."""
    return ethertype(data, 14)


def cooked2(data: bytes) -> int:
    """Linux cooked capture version 2, link type 276: protocol first, 20 bytes of header."""
    kind = data[:2]
    inner = ethertype(kind + data[20:], 0)
    return inner + 18 if inner >= 0 else -1


def raw(data: bytes) -> int:
    """Raw IP of either version, link types 12, 14, 101, 228 and 229."""
    return _raw_at(data, 0)


def null(data: bytes) -> int:
    """BSD loopback, link types 0 (the family in the capturing host's byte order) and 108 (in
    network order): both orders are taken, as a capture doesn't say which host it was."""
    if len(data) < 4:
        return -1
    families = (int.from_bytes(data[:4], "little"), int.from_bytes(data[:4]))
    return 4 if any(f == _AF_INET or f in _AF_INET6 for f in families) else -1


def ppp(data: bytes) -> int:
    """PPP, link types 9 and 50, with or without HDLC's address and control (RFC 1662)."""
    return _ppp_protocol(data, 2 if data[:2] == b"\xff\x03" else 0)


def pppoe(data: bytes) -> int:
    """PPPoE without Ethernet, link type 51."""
    return _ppp_protocol(data, 6)


def hdlc(data: bytes) -> int:
    """Cisco HDLC, link type 104."""
    return ethertype(data, 2)


def nflog(data: bytes) -> int:
    """Linux netfilter log, link type 239: attributes in the capturing host's byte order."""
    at = 4
    while at + 4 <= len(data):
        little = int.from_bytes(data[at : at + 2], "little")
        big = int.from_bytes(data[at : at + 2])
        size, order = (little, "little") if little <= big else (big, "big")
        kind = int.from_bytes(data[at + 2 : at + 4], "little" if order == "little" else "big")
        if kind & 0x7FFF == _NFULA_PAYLOAD:
            return _raw_at(data, at + 4)
        if size < 4:
            return -1
        at += (size + 3) & ~3
    return -1


LINKS: dict[int, Callable[[bytes], int]] = {
    0: null,
    1: ethernet,
    9: ppp,
    12: raw,
    14: raw,
    50: ppp,
    51: pppoe,
    101: raw,
    104: hdlc,
    108: null,
    113: cooked,
    228: raw,
    229: raw,
    239: nflog,
    276: cooked2,
}

FAST: dict[int, int] = {
    0: 4,
    1: 14,
    12: 0,
    14: 0,
    101: 0,
    108: 4,
    113: 16,
    228: 0,
    276: 20,
}
"""Link type -> where an IP header begins if nothing (a tag, PPPoE) lies before it."""
