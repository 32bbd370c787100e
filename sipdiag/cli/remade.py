"""A datagram as a packet again, for sources that hold messages and no packets.

A log doesn't tell the PBX's own address. It is the user's (``--local``), else what Asterisk
itself wrote most often into Via, Contact or SDP, else 192.0.2.1 or 2001:db8::1 (RFC 5737, RFC
3849). What is made up is said with each packet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from sipdiag.base.datagram import Datagram, Direction, Transport
from sipdiag.base.endpoint import Endpoint, parse_ip
from sipdiag.cli.capture_out import MOST_BYTES, frame
from sipdiag.protocols import sip

_UNKNOWN = {4: "192.0.2.1", 6: "2001:db8::1"}
_IAX2_PORT = 4569
_PORTS = {Transport.TLS: 5061, Transport.WS: 8088, Transport.WSS: 8089}
"""Asterisk's own defaults (sip.conf, http.conf)."""


class Remade(NamedTuple):
    """An Ethernet frame, and what to say of it."""

    data: bytes
    said: list[str]


def remade(datagram: Datagram, ends: LocalEnds, name: str, number: int) -> Remade | None:
    """The datagram in Ethernet, IP and UDP; None for what no packet can be made of. ``name``: of
    its source; ``number``: IPv4's identification."""
    if datagram.transport is Transport.ICMP:
        return None
    far = datagram.dst or datagram.src
    if far is None:
        return None
    said = [] if datagram.origin.line is None else [f"line {datagram.origin.line} of {name}"]
    src, dst = datagram.src, datagram.dst
    if src is None or dst is None:
        near, why = ends.of(datagram, far)
        side = "source" if src is None else "destination"
        said.append(f"made up: the {side}, {near}, {why}")
        src, dst = src or near, dst or near
    if datagram.transport is not Transport.UDP:
        said.append(f"carried by {datagram.transport.value}")
    if datagram.cut:
        said.append("cut off in the log")
    if len(datagram.payload) > MOST_BYTES:
        said.append(f"cut to {MOST_BYTES} bytes of {len(datagram.payload)}")
    return Remade(frame(src, dst, datagram.payload, number), said)


class LocalEnds:
    """The PBX's own endpoint of each message, as far as it can be told."""

    def __init__(self, datagrams: list[Datagram], given: str | None) -> None:
        self._given = parse_ip(given) if given is not None else None
        addresses: Counter[tuple[int, str, str]] = Counter()
        ports: Counter[tuple[Transport, int]] = Counter()
        for datagram in datagrams:
            for where, host, port in _own_words(datagram):
                address = parse_ip(host)
                if address is not None and not address.is_unspecified:
                    addresses[address.version, str(address), where] += 1
                    if port is not None:
                        ports[datagram.transport, port] += 1
        self._found: dict[int, tuple[str, str]] = {}
        self._ports: dict[Transport, int] = {}
        for (version, address_text, where), _ in reversed(addresses.most_common()):
            self._found[version] = (address_text, where)
        for (transport, port), _ in reversed(ports.most_common()):
            self._ports[transport] = port

    def of(self, datagram: Datagram, far: Endpoint) -> tuple[Endpoint, str]:
        """(endpoint, where it is from)."""
        version = 6 if ":" in far.ip else 4
        if datagram.payload[:1] >= b"\x80":
            port = _IAX2_PORT
        else:
            default = _PORTS.get(datagram.transport, 5060)
            port = self._ports.get(datagram.transport, default)
        if self._given is not None and self._given.version == version:
            return Endpoint(str(self._given), port), "as --local has it"
        if version in self._found:
            address, where = self._found[version]
            return Endpoint(address, port), f"from the {where} that Asterisk wrote"
        return Endpoint(_UNKNOWN[version], port), "a documentation address (--local sets it)"


def _own_words(datagram: Datagram) -> Iterator[tuple[str, str, int | None]]:
    """(where, host, port or None): what Asterisk wrote of itself. The topmost Via of a response
    that it received is its own too (RFC 3261 section 8.2.6.2)."""
    if datagram.direction is None or datagram.payload[:1] >= b"\x80":
        return
    message = sip.parse(datagram.payload)
    if message is None:
        return
    sent = datagram.direction is Direction.SENT
    if message.via is not None and sent == message.is_request:
        yield "Via", message.via.host, message.via.effective_port
        return
    if sent and message.method == "INVITE":
        contact = message.contacts[0].uri if message.contacts else None
        if contact is not None:
            yield "Contact", contact.host, contact.effective_port
        if message.sdp is not None and message.sdp.connection_address is not None:
            yield "SDP", message.sdp.connection_address, None
