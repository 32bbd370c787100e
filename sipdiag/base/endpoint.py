"""Endpoints and what kind of address one has.

Python's ``ipaddress.is_private`` also counts documentation and benchmark networks as private;
NAT is about a narrower set, so the scopes are listed here with their source.
"""

from __future__ import annotations

import enum
import ipaddress
from functools import lru_cache
from typing import NamedTuple


class Scope(enum.Enum):
    """Where an address can be reached from."""

    PUBLIC = "public"
    PRIVATE = "private"
    """RFC 1918 and RFC 4193 (unique local IPv6)."""
    CARRIER = "carrier"
    """RFC 6598 100.64.0.0/10, and RFC 7335 192.0.0.0/29 (464XLAT, DS-Lite)."""
    LINK_LOCAL = "link-local"
    """RFC 3927 169.254/16, RFC 4291 fe80::/10."""
    LOOPBACK = "loopback"
    MULTICAST = "multicast"
    UNSPECIFIED = "unspecified"


_SCOPES: tuple[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, Scope], ...] = tuple(
    (ipaddress.ip_network(net), scope)
    for net, scope in (
        ("10.0.0.0/8", Scope.PRIVATE),
        ("172.16.0.0/12", Scope.PRIVATE),
        ("192.168.0.0/16", Scope.PRIVATE),
        ("fc00::/7", Scope.PRIVATE),
        ("100.64.0.0/10", Scope.CARRIER),
        ("192.0.0.0/29", Scope.CARRIER),
        ("169.254.0.0/16", Scope.LINK_LOCAL),
        ("fe80::/10", Scope.LINK_LOCAL),
        ("127.0.0.0/8", Scope.LOOPBACK),
        ("::1/128", Scope.LOOPBACK),
        ("224.0.0.0/4", Scope.MULTICAST),
        ("ff00::/8", Scope.MULTICAST),
        ("0.0.0.0/32", Scope.UNSPECIFIED),
        ("::/128", Scope.UNSPECIFIED),
    )
)


@lru_cache(maxsize=4096)
def parse_ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that ``text`` writes (brackets and an IPv6 zone allowed), or None for a name.

    An IPv4-mapped IPv6 address is given as the IPv4 address that it carries (RFC 5118 4.9).
    """
    try:
        address = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if mapped is not None else address


@lru_cache(maxsize=4096)
def scope_of(text: str) -> Scope | None:
    """The scope of a written address; None where it is a host name."""
    address = parse_ip(text)
    if address is None:
        return None
    for net, scope in _SCOPES:
        if address.version == net.version and address in net:
            return scope
    return Scope.PUBLIC


_UNREACHABLE = frozenset(
    {Scope.PRIVATE, Scope.CARRIER, Scope.LINK_LOCAL, Scope.LOOPBACK, Scope.UNSPECIFIED}
)


def behind_nat(text: str) -> bool:
    """True for an address that the open Internet can't send to; False for names and public ones."""
    return scope_of(text) in _UNREACHABLE


def same_address(a: str, b: str) -> bool:
    """Whether two written hosts are the same (IPv6 spellings compared by value)."""
    if a == b:
        return True
    left, right = parse_ip(a), parse_ip(b)
    if left is None or right is None:
        return a.lower() == b.lower()
    return left == right


class Endpoint(NamedTuple):
    """An address and a port. ``ip`` is canonical text, without brackets."""

    ip: str
    port: int

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if ":" in self.ip else f"{self.ip}:{self.port}"
