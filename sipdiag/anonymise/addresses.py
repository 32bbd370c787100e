"""Stand-ins for IP addresses that mean the same to a NAT.

Contract: one to one; private stays in its block of RFC 1918, carrier (RFC 6598) and link-local
likewise, and what shared a /24 (IPv6: a /64) there still does. Public addresses become those of
documentation (RFC 5737, RFC 3849) and, when these are used up, of benchmarks (RFC 2544) and of the
reserved class E, all public to ``base.endpoint.scope_of``. An IPv4 address keeps its length in
text wherever such a stand-in is left, so that lengths of messages stay. Loopback, multicast,
unspecified addresses and those that every 464XLAT has (RFC 7335) say nothing of anybody and stay.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterator
from ipaddress import IPv4Address, IPv6Address
from itertools import chain, product
from typing import Generic, TypeVar

from sipdiag.base.endpoint import Scope, scope_of

T = TypeVar("T")

_KEPT = frozenset({Scope.LOOPBACK, Scope.MULTICAST, Scope.UNSPECIFIED})
_BROADCAST = IPv4Address("255.255.255.255")
_XLAT = "192.0.0."

_BLOCKS: dict[int, tuple[int, range]] = {
    10: (1, range(256)),
    172: (1, range(16, 32)),
    100: (1, range(64, 128)),
    192: (2, range(256)),
    169: (2, range(256)),
}
"""First octet of a block that stays -> how many octets are fixed, values of the next one."""

_DOCUMENTATION = ("192.0.2", "198.51.100", "203.0.113")
_HOSTS = range(1, 255)


class _Pool(Generic[T]):
    """Candidates, each looked at once: first those that are no original met so far, then the
    others."""

    def __init__(self, candidates: Iterator[T]) -> None:
        self._fresh = candidates
        self._met: deque[T] = deque()

    def take(self, taken: Container[T], met: Container[T]) -> T | None:
        """The next that nobody has; None where there is none left."""
        for candidate in self._fresh:
            if candidate in met:
                self._met.append(candidate)
            elif candidate not in taken:
                return candidate
        while self._met:
            candidate = self._met.popleft()
            if candidate not in taken:
                return candidate
        return None


_Net = tuple[int, ...]


class Addresses:
    """The stand-ins of one run; each is handed out in the order in which originals appear."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}
        self._taken: set[str] = set()
        self._nets: dict[_Net, _Net] = {}
        self._nets_taken: set[_Net] = set()
        self._prefixes: dict[str, str] = {}
        self._pools: dict[object, _Pool[str]] = {}
        self._net_pools: dict[object, _Pool[_Net]] = {}

    def __len__(self) -> int:
        return len(self._given)

    def __contains__(self, text: str) -> bool:
        return text in self._given

    def of(self, address: IPv4Address | IPv6Address) -> str:
        """The stand-in, as canonical text."""
        text = str(address)
        known = self._given.get(text)
        if known is None:
            self._given[text] = text
            known = self._given[text] = self._new(address)
            self._taken.add(known)
        return known

    @staticmethod
    def shared(address: IPv4Address | IPv6Address) -> str:
        """One of the same scope, for all that no stand-in is kept for."""
        scope = scope_of(str(address))
        if scope in _KEPT:
            return str(address)
        if isinstance(address, IPv6Address):
            return {Scope.PRIVATE: "fd00:ffff::1", Scope.LINK_LOCAL: "fe80::ffff"}.get(
                scope or Scope.PUBLIC, "2001:db8:ffff::1"
            )
        if scope is Scope.PUBLIC:
            return "240.255.255.254"
        first, *_ = octets = tuple(address.packed)
        fixed, values = _BLOCKS[first]
        head = [*octets[:fixed], values[-1], 255, 254]
        return ".".join(map(str, [*head[:3], 254] if fixed == 2 else head))

    def _new(self, address: IPv4Address | IPv6Address) -> str:
        text = str(address)
        scope = scope_of(text)
        if scope in _KEPT or address == _BROADCAST or text.startswith(_XLAT):
            return text
        made: str | None
        if isinstance(address, IPv6Address):
            prefix = self._prefix(address, scope)
            made = self._free(prefix, lambda: _hosts_v6(prefix))
        elif scope is Scope.PUBLIC:
            made = self._free(len(text), lambda: _public(len(text)))
        else:
            octets = tuple(address.packed)
            net = self._net(octets)
            made = self._free((net, len(str(octets[3]))), lambda: _hosts(net, octets[3]))
        return made or self.shared(address)

    def _free(self, key: object, candidates: Callable[[], Iterator[str]]) -> str | None:
        if key not in self._pools:
            self._pools[key] = _Pool(candidates())
        return self._pools[key].take(self._taken, self._given)

    def _net(self, octets: _Net) -> _Net:
        """The /24 that stands for an address's own."""
        net = self._nets.get(octets[:3])
        if net is None:
            self._nets[octets[:3]] = octets[:3]
            key = (octets[0], *(len(str(octet)) for octet in octets[1:3]))
            if key not in self._net_pools:
                self._net_pools[key] = _Pool(_nets(octets))
            net = self._net_pools[key].take(self._nets_taken, self._nets) or octets[:3]
            self._nets[octets[:3]] = net
            self._nets_taken.add(net)
        return net

    def _prefix(self, address: IPv6Address, scope: Scope | None) -> str:
        if scope is Scope.LINK_LOCAL:
            return "fe80:"
        kind = "fd00:0:0" if scope is Scope.PRIVATE else "2001:db8:0"
        network = address.exploded[:19]
        return self._prefixes.setdefault(network, f"{kind}:{len(self._prefixes) % 65535 + 1:x}:")


def _hosts(net: _Net, host: int) -> Iterator[str]:
    head = ".".join(map(str, net))
    return (f"{head}.{n}" for n in chain(_alike(host, _HOSTS), _HOSTS, (0, 255)))


def _hosts_v6(prefix: str) -> Iterator[str]:
    return (str(IPv6Address(f"{prefix}:{n:x}")) for n in range(1, 1 << 16))


def _alike(value: int, values: range) -> Iterator[int]:
    """Those of ``values`` that are written with as many digits."""
    return (each for each in values if len(str(each)) == len(str(value)))


def _nets(octets: _Net) -> Iterator[_Net]:
    """Every /24 of the block, those written as long first."""
    fixed, values = _BLOCKS[octets[0]]
    ranges = [values, *[range(256)] * (2 - fixed)]
    same = product(*(_alike(octet, r) for octet, r in zip(octets[fixed:3], ranges, strict=True)))
    return (octets[:fixed] + rest for rest in chain(same, product(*ranges)))


def _public(length: int) -> Iterator[str]:
    """Public addresses without an owner, those of ``length`` characters first."""
    documentation = [f"{net}.{host}" for net in _DOCUMENTATION for host in _HOSTS]
    yield from (text for text in documentation if len(text) == length)
    benchmark = (f"198.{a}.{b}.{c}" for a, b, c in product((18, 19), range(256), _HOSTS))
    yield from (text for text in benchmark if len(text) == length)
    yield from documentation
    yield from (str(IPv4Address((240 << 24) + n)) for n in range(1, 1 << 24))
