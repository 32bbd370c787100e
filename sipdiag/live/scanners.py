"""SIP scanners: addresses that try names or numbers until something gives.

Contract: pure; bounded by ``Limits.live_scanned``, the longest silent address gives way. An
address is a scanner where it tried many users and was granted nothing, ever. One user is never
many, however often its password is wrong: that is a phone. An address that was granted anything,
or that the PBX itself sends requests to, is none. Users are counted by port first: the phones of
an office whose passwords are all wrong share an address, and each has a port of its own. The name
that a client gives itself (RFC 3261 section 20.41) only lowers the count, as anybody can write
anything there.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.limits import DEFAULT_LIMITS, LimitHits, Limits
from sipdiag.live.signals import Signal

MANY_USERS = 10
"""Users tried from one port: no phone has as many accounts with none that works."""

MANY_USERS_AT_ADDRESS = 50
"""Users tried from all ports of one address together."""

HINTED_USERS = 3
"""Users tried from one port of an address that calls itself by a known scanner's name."""

STEADY = 6
"""A user that was tried as often as this, challenges counted, is a client that keeps trying, not
a name that was guessed; scanners try each name once or twice."""

_NAMES = re.compile(
    r"friendly-(?:scanner|request)|sipvicious|sip-?scan|sipsak|sundayddr|pplsip|iwar|sipcli|sivus"
    r"|vaxsipuseragent|smap",
    re.IGNORECASE,
)
"""User-Agents of SIPVicious and others, as its documentation and honeypot reports list them."""


@dataclass(slots=True)
class _Address:
    """What one address tried. ``tries``: (port, user) to attempts, as far as they matter."""

    tries: dict[tuple[int, str], int] = field(default_factory=dict)
    hinted: bool = False
    trusted: bool = False
    scanner: bool = False


class Scanners:
    """See the module."""

    def __init__(self, limits: Limits = DEFAULT_LIMITS, hits: LimitHits | None = None) -> None:
        self._limits = limits
        self._hits = LimitHits() if hits is None else hits
        self._addresses: OrderedDict[str, _Address] = OrderedDict()
        self.count = 0
        """Addresses that were recognised."""
        self.packets = 0
        """Packets from and to them since."""

    def known(self, ip: str) -> bool:
        """Whether the address was recognised; counts the packet then."""
        address = self._addresses.get(ip)
        if address is None or not address.scanner:
            return False
        self.packets += 1
        return True

    def addresses(self, most: int) -> list[str]:
        """The newest of them."""
        found = [ip for ip, address in reversed(self._addresses.items()) if address.scanner]
        return found[:most]

    def trust(self, ip: str) -> None:
        """It was granted something, or the PBX sends requests to it."""
        address = self._of(ip)
        address.trusted = True
        address.tries.clear()
        if address.scanner:
            address.scanner = False
            self.count -= 1

    def asked(self, far: Endpoint, signal: Signal) -> bool:
        """Notes a request from ``far``; whether its address was just recognised by it."""
        address = self._of(far.ip)
        if address.trusted or address.scanner:
            return False
        if signal.agent is not None and _NAMES.search(signal.agent):
            address.hinted = True
        key = (far.port, signal.user or "")
        if key in address.tries:
            address.tries[key] += 1
            return False
        if len(address.tries) < 2 * MANY_USERS_AT_ADDRESS:
            address.tries[key] = 1
        guessed = [port for (port, _), times in address.tries.items() if times < STEADY]
        many = HINTED_USERS if address.hinted else MANY_USERS
        if guessed.count(far.port) < many and len(guessed) < MANY_USERS_AT_ADDRESS:
            return False
        address.scanner = True
        address.tries.clear()
        self.count += 1
        return True

    def _of(self, ip: str) -> _Address:
        address = self._addresses.get(ip)
        if address is None:
            address = self._addresses[ip] = _Address()
            if len(self._addresses) > self._limits.live_scanned:
                self._drop()
        else:
            self._addresses.move_to_end(ip)
        return address

    def _drop(self) -> None:
        ip, address = self._addresses.popitem(last=False)
        if address.trusted and len(self._addresses) > 1:
            # Trust outlives a flood of made-up addresses, unless all of them are trusted.
            self._addresses[ip] = address
            _, address = self._addresses.popitem(last=False)
        self.count -= address.scanner
        self._hits.hit("live_scanned")
