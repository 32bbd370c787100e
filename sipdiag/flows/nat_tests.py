"""Which bits of ``nat_uac_test`` of Kamailio and OpenSIPS a SIP message sets.

Administrators who come from these proxies think in its numbers. Up to 16 both agree; above, each
has its own: Kamailio 32 (the source itself is private), 64 (WebSocket), 128 (Contact's port);
OpenSIPS 32 (Contact's address), 64 (Contact's port), 128 (changes which addresses count, tests
nothing by itself).

Sources: modules/nathelper/nathelper.c of both, README of Kamailio's nathelper, OpenSIPS 3.x
nathelper ``nat_uac_test``.
"""

from __future__ import annotations

import ipaddress
from typing import NamedTuple

from sipdiag.base.datagram import Transport
from sipdiag.base.endpoint import Endpoint, parse_ip, same_address
from sipdiag.protocols.sip import Message
from sipdiag.protocols.sip.fields import Uri

_PRIVATE = tuple(
    ipaddress.IPv4Network(net)
    for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
)
"""RFC 1918 and RFC 6598, as both document (older releases knew RFC 1918 only); IPv4 alone."""

NAMES: dict[str, dict[int, str]] = {
    "Kamailio": {
        1: "private Contact",
        2: "Via isn't the source address",
        4: "private Via",
        8: "private SDP",
        16: "Via's port isn't the source's",
        32: "private source address",
        64: "WebSocket",
        128: "Contact's port isn't the source's",
    },
    "OpenSIPS": {
        1: "private-contact",
        2: "diff-ip-src-via",
        4: "private-via",
        8: "private-sdp",
        16: "diff-port-src-via",
        32: "diff-ip-src-contact",
        64: "diff-port-src-contact",
    },
}
"""What each bit says; OpenSIPS's are the names that its 3.x takes instead of numbers."""


class NatTests(NamedTuple):
    """The bits that a message sets, as each would number them; 0 where none does."""

    kamailio: int
    opensips: int


def nat_uac_test(
    message: Message, source: Endpoint, transport: Transport = Transport.UDP
) -> NatTests:
    """The bits that ``message``, arrived from ``source``, would set. Kamailio looks at
    the first Contact and at every c= line, OpenSIPS at every Contact and the first c= line. A host
    name is never private, and never the source.

    >>> from sipdiag.protocols import sip
    >>> raw = b"OPTIONS sip:a@b SIP/2.0\\r\\nVia: SIP/2.0/UDP 192.168.1.50\\r\\n\\r\\n"
    >>> nat_uac_test(sip.parse(raw), Endpoint("203.0.113.7", 31007))
    NatTests(kamailio=22, opensips=22)
    """
    contacts = [contact.uri for contact in message.contacts if contact.uri is not None]
    kamailio = opensips = _of_via(message, source)
    if contacts and _private(contacts[0].host):
        kamailio |= 1
    if any(_private(uri.host) for uri in contacts):
        opensips |= 1
    session = message.sdp
    if session is not None:
        addresses = [m.address for m in session.media if m.address]
        if any(_private(address) for address in addresses):
            kamailio |= 8
        first = session.connection_address or (addresses[0] if addresses else None)
        if first is not None and _private(first):
            opensips |= 8
    if _private(source.ip):
        kamailio |= 32
    if transport in (Transport.WS, Transport.WSS):
        kamailio |= 64
    if contacts and (contacts[0].port or 5060) != source.port:
        kamailio |= 128
    if any(_elsewhere(uri, source) for uri in contacts):
        opensips |= 32
    if any(uri.effective_port != source.port for uri in contacts):
        opensips |= 64
    return NatTests(kamailio, opensips)


def words(bits: int, proxy: str) -> list[str]:
    """What the bits say, for ``Kamailio`` or ``OpenSIPS``."""
    return [name for bit, name in NAMES[proxy].items() if bits & bit]


def _of_via(message: Message, source: Endpoint) -> int:
    """2, 4 and 16, by the top Via; the same in both."""
    bits = 0
    via = message.via
    if via is not None:
        if not same_address(via.host, source.ip):
            bits |= 2
        if _private(via.host):
            bits |= 4
        if (via.port or 5060) != source.port:
            bits |= 16
    return bits


def _private(host: str) -> bool:
    address = parse_ip(host)
    return isinstance(address, ipaddress.IPv4Address) and any(address in net for net in _PRIVATE)


def _elsewhere(uri: Uri, source: Endpoint) -> bool:
    return not same_address(uri.host, source.ip)
