"""Scapy layers for IAX2, and datagrams as scapy packets: for the scapy shell and for sending.

Contract: importing this module loads scapy (seconds, and tens of MB); nothing else in
``crafting`` does, and nothing outside may import it but where it sends. Importing binds UDP port
4569 to ``IAX2``. Field names are those of ``sipdiag.protocols.iax2`` where they mean the same.

>>> packet = IP(dst="192.0.2.1") / UDP(dport=4569) / IAX2(
...     source_call=1, type=6, csub=13, elements=[IAX2Element(number=6, data=b"bob")])
>>> bytes(packet[IAX2]).hex()
'80010000000000000000060d0603626f62'
"""

from __future__ import annotations

from typing import Any

from scapy.fields import (
    BitField,
    ByteEnumField,
    ByteField,
    ConditionalField,
    FieldLenField,
    IntField,
    PacketListField,
    ShortField,
    StrLenField,
    XByteField,
)
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw, bind_layers

from sipdiag.base.datagram import Datagram, Transport
from sipdiag.protocols.iax2 import IE, FrameType, Iax, Meta

__all__ = [
    "IAX2",
    "IAX2Element",
    "IAX2Mini",
    "IAX2Trunk",
    "IAX2TrunkEntry",
    "IAX2TrunkMini",
    "IAX2VideoMini",
    "Iax",
    "to_scapy",
]

_ELEMENTS = {member.value: member.name for member in IE}
_TYPES = {member.value: member.name for member in FrameType}
_COMMANDS = {member.value: member.name for member in Meta}


class _Part(Packet):  # type: ignore[misc]
    """A packet in a list: what follows belongs to the next one."""

    def extract_padding(self, s: bytes) -> tuple[bytes, bytes]:
        """Everything left is the list's."""
        return b"", s


class IAX2Element(_Part):
    """An information element (RFC 5456 section 8.6)."""

    name = "IAX2 element"
    fields_desc = (
        ByteEnumField("number", 6, _ELEMENTS),
        FieldLenField("length", None, length_of="data", fmt="B"),
        StrLenField("data", b"", length_from=lambda pkt: pkt.length),
    )


class IAX2(Packet):  # type: ignore[misc]
    """A full frame (RFC 5456 section 8.1.1). Dissecting picks the right class by the first bits."""

    name = "IAX2"
    fields_desc = (
        BitField("full", 1, 1),
        BitField("source_call", 1, 15),
        BitField("retransmission", 0, 1),
        BitField("dest_call", 0, 15),
        IntField("timestamp_ms", 0),
        ByteField("oseqno", 0),
        ByteField("iseqno", 0),
        ByteEnumField("type", 6, _TYPES),
        XByteField("csub", 30),
        ConditionalField(
            PacketListField("elements", [], IAX2Element), lambda pkt: pkt.type == FrameType.IAX
        ),
    )

    @classmethod
    def dispatch_hook(cls, _pkt: bytes | None = None, *_args: Any, **_kwargs: Any) -> type[Packet]:
        """The class for these bytes (RFC 5456 section 8.1)."""
        if not _pkt or len(_pkt) < 4 or _pkt[0] & 0x80:
            return cls
        if _pkt[0] or _pkt[1]:
            return IAX2Mini
        if _pkt[2] & 0x80:
            return IAX2VideoMini
        return IAX2Trunk if _pkt[2] == Meta.TRUNK else Raw


class IAX2Mini(Packet):  # type: ignore[misc]
    """A mini frame (RFC 5456 section 8.1.2)."""

    name = "IAX2 mini"
    fields_desc = (BitField("full", 0, 1), BitField("source_call", 1, 15), ShortField("stamp", 0))


class IAX2VideoMini(Packet):  # type: ignore[misc]
    """A meta video frame (RFC 5456 section 8.1.3.1)."""

    name = "IAX2 video mini"
    fields_desc = (
        ShortField("zero", 0),
        BitField("video", 1, 1),
        BitField("source_call", 1, 15),
        BitField("marker", 0, 1),
        BitField("stamp", 0, 15),
    )


class IAX2TrunkEntry(_Part):
    """A call's sound in a trunk without timestamps (RFC 5456 section 8.1.3.2)."""

    name = "IAX2 trunk entry"
    fields_desc = (
        ShortField("source_call", 1),
        FieldLenField("length", None, length_of="data", fmt="H"),
        StrLenField("data", b"", length_from=lambda pkt: pkt.length),
    )


class IAX2TrunkMini(_Part):
    """A call's sound in a trunk with timestamps (RFC 5456 section 8.1.3.2)."""

    name = "IAX2 trunk mini"
    fields_desc = (
        FieldLenField("length", None, length_of="data", fmt="H"),
        ShortField("source_call", 1),
        ShortField("stamp", 0),
        StrLenField("data", b"", length_from=lambda pkt: pkt.length),
    )


class IAX2Trunk(Packet):  # type: ignore[misc]
    """A meta trunk frame (RFC 5456 section 8.1.3.2); ``stamped``: entries are ``minis``."""

    name = "IAX2 trunk"
    fields_desc = (
        ShortField("zero", 0),
        ByteEnumField("command", Meta.TRUNK, _COMMANDS),
        ByteField("stamped", 0),
        IntField("timestamp_ms", 0),
        ConditionalField(
            PacketListField("entries", [], IAX2TrunkEntry), lambda pkt: not pkt.stamped & 1
        ),
        ConditionalField(
            PacketListField("minis", [], IAX2TrunkMini), lambda pkt: bool(pkt.stamped & 1)
        ),
    )


bind_layers(UDP, IAX2, sport=4569)
bind_layers(UDP, IAX2, dport=4569)


def to_scapy(datagram: Datagram) -> Packet:
    """A UDP datagram as an Ethernet frame with the time of capture set, for ``sendp`` or
    ``wrpcap``. Raises ValueError for another transport or an unknown end."""
    src, dst = datagram.src, datagram.dst
    if src is None or dst is None or datagram.transport is not Transport.UDP:
        raise ValueError("only UDP with both ends known can be sent")
    network = IPv6 if ":" in src.ip else IP
    packet = (
        Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
        / network(src=src.ip, dst=dst.ip)
        / UDP(sport=src.port, dport=dst.port)
        / Raw(datagram.payload)
    )
    packet.time = datagram.ts_ns / 1_000_000_000
    return packet
