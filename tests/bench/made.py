"""The captures that are measured, made the same every time and of any size.

A PBX on the Internet with 450 SIP phones and 50 IAX2 peers behind NATs. Everybody registers once
a minute and is asked whether he is there; some call and are called. One phone in twenty stands
behind a router that forgets after 30 s and registers every two minutes: it loses calls, so that
there is something to find. A larger capture is a longer one with the same clients.

Contract: written as it is made, in a few megabytes of memory; no two messages are alike.
"""

from __future__ import annotations

import enum
import random
import socket
import struct
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path

from sipdiag.base.interval import NS
from sipdiag.crafting.capture import LinkType
from sipdiag.crafting.scenario import START_NS
from tests.bench.told import SERVER, Act, iax2_acts, sip_acts

SIP_PHONES, IAX2_PEERS = 450, 50
FAULTY_EACH = 20

_START_S = START_NS // NS
_SECOND_US = 1_000_000
_PACKET_US = 20_000
"""One packet of G.711 in 20 ms."""
_VOICE_BYTES = 160
_MEDIA_PER_MESSAGE = 19
"""95 % of the packets are media."""

_MACS = bytes.fromhex("0200000000020200000000010800")
_SERVER_RAW = socket.inet_aton(SERVER)
_PCAP = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, LinkType.ETHERNET)
_RECORD = struct.Struct("<IIII")
_IP = struct.Struct("!HHHHHH")
_UDP = struct.Struct("!HHHH")
_RTP = struct.Struct("!BBHI")
_MINI = struct.Struct("!HH")


class Load(enum.Enum):
    """What a capture is full of."""

    MEDIA = "media-heavy"
    """95 % of its packets are media: RTP, and some of IAX2's mini frames."""
    SIGNALLING = "signalling-heavy"
    """Nothing but SIP and IAX2."""


class _Way:
    """One direction between two endpoints, as the headers that its packets begin with."""

    def __init__(self, src: bytes, sport: int, dst: bytes, dport: int) -> None:
        self._ports = (sport, dport)
        self._addresses = src + dst
        self._sum = 0x4500 + 0x4000 + 0x4011 + sum(struct.unpack("!4H", src + dst))

    def record(self, at_us: int, ident: int, payload: bytes) -> bytes:
        """A pcap record: Ethernet, IPv4, UDP (without a checksum, RFC 768), ``payload``."""
        total = 28 + len(payload)
        second, micro = divmod(at_us, _SECOND_US)
        check = self._sum + total + ident
        check = (check & 0xFFFF) + (check >> 16)
        check = ~(check + (check >> 16)) & 0xFFFF
        return b"".join(
            (
                _RECORD.pack(_START_S + second, micro, 14 + total, 14 + total),
                _MACS,
                _IP.pack(0x4500, total, ident, 0x4000, 0x4011, check),
                self._addresses,
                _UDP.pack(*self._ports, total - 20, 0),
                payload,
            )
        )


@dataclass(slots=True)
class _Stream:
    """Audio one way. ``ssrc`` None: IAX2's mini frames, of call number ``call``."""

    way: _Way
    at_us: int
    end_us: int
    number: int
    ssrc: bytes | None
    call: int = 0

    def payload(self, voice: bytes) -> bytes:
        """The next packet's."""
        self.number += 1
        if self.ssrc is None:
            return _MINI.pack(self.call, self.number * 20 & 0xFFFF) + voice
        head = _RTP.pack(0x80, 0, self.number & 0xFFFF, self.number * 160 & 0xFFFFFFFF)
        return head + self.ssrc + voice


@dataclass(slots=True)
class _Client:
    """A phone or a peer. ``phase_us``: when in its minute it registers."""

    number: int
    acts: dict[str, Act]
    address: bytes
    to_pbx: _Way
    to_client: _Way
    who: list[bytes]
    phase_us: int
    iax2: bool
    faulty: bool
    cseq: int = 0
    busy_until_us: int = 0


@dataclass(slots=True)
class _Maker:
    """Makes one capture, a second at a time."""

    load: Load
    _random: random.Random = field(init=False)
    _clients: list[_Client] = field(init=False)
    _noise: bytes = field(init=False)
    _later: defaultdict[int, list[tuple[int, bytes]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    _streams: list[_Stream] = field(default_factory=list)
    _packets: int = 0
    _acts: int = 0
    _placed: int = 0
    """Calls."""
    _owed: int = 0
    """Media packets that are still missing from the share that media should have."""

    def __post_init__(self) -> None:
        self._random = random.Random(self.load.value)
        self._noise = self._random.randbytes(1 << 16)
        sip, iax2 = sip_acts(), iax2_acts()
        everyone = SIP_PHONES + IAX2_PEERS
        self._clients = [
            self._client(n, n >= SIP_PHONES, iax2 if n >= SIP_PHONES else sip, everyone)
            for n in range(everyone)
        ]

    def _client(self, number: int, iax2: bool, acts: dict[str, Act], everyone: int) -> _Client:
        third, fourth = 100 + number // 150, 100 + number % 150
        outer = f"198.51.{third}.{fourth}"
        address = socket.inet_aton(outer)
        port, service = 20_000 + 7 * number, 4569 if iax2 else 5060
        who = [
            b"%05d" % (70_000 + number),
            b"192.168.%d.%d" % (third, fourth),
            outer.encode(),
            b"%d" % port,
            address,
            port.to_bytes(2),
            self._hex(16),
            self._hex(16),
        ]
        return _Client(
            number,
            acts,
            address,
            _Way(address, port, _SERVER_RAW, service),
            _Way(_SERVER_RAW, service, address, port),
            who,
            60 * _SECOND_US * number // everyone,
            iax2,
            not iax2 and number % FAULTY_EACH == 7,
        )

    def _hex(self, digits: int) -> bytes:
        return b"%0*x" % (digits, self._random.getrandbits(4 * digits))

    def _ident(self) -> int:
        self._packets += 1
        return self._packets & 0xFFFF

    def seconds(self) -> Iterator[list[bytes]]:
        """The records of one second after the other, without end."""
        second = 0
        while True:
            self._begin(second)
            self._talk(second + 1)
            found = sorted(self._later.pop(second, []), key=itemgetter(0))
            yield [record for _, record in found]
            second += 1

    def _begin(self, second: int) -> None:
        """Everything that begins in this second."""
        for client in self._clients:
            begun_us = second * _SECOND_US - client.phase_us // _SECOND_US * _SECOND_US
            if begun_us < 0:
                continue
            minute, within = divmod(begun_us // _SECOND_US, 60)
            at_us = second * _SECOND_US + client.phase_us % _SECOND_US
            name = _plan(client, minute, within)
            if name is not None:
                self._act(client, name, at_us)
        if self.load is Load.MEDIA:
            while self._owed > 0:
                self._call(second, self._random.randrange(20, 60) * _SECOND_US)
        else:
            for _ in range(4):
                self._call(second, self._random.randrange(1, 60) * _SECOND_US)

    def _call(self, second: int, talk_us: int) -> None:
        """Somebody who has time calls or is called."""
        at_us = second * _SECOND_US + self._random.randrange(_SECOND_US)
        self._placed += 1
        first, last = 0, len(self._clients)
        if self.load is Load.MEDIA:
            # The captures are to be full of RTP: one call in twenty has mini frames.
            first, last = (SIP_PHONES, last) if self._placed % 20 == 0 else (0, SIP_PHONES)
        while True:
            client = self._clients[self._random.randrange(first, last)]
            if not client.faulty and client.busy_until_us < at_us:
                break
        client.busy_until_us = at_us + talk_us + 10 * _SECOND_US
        self._act(client, self._random.choice(("call", "call_from")), at_us, talk_us)

    def _act(self, client: _Client, name: str, at_us: int, talk_us: int = _SECOND_US) -> None:
        act = client.acts[name]
        self._acts += 1
        pbx, far = 1 + self._acts % 32_000, 1 + (self._acts * 7 + client.number) % 32_000
        port = 10_000 + 2 * (self._acts % 20_000)
        client.cseq += 2
        values = [
            *client.who,
            b"%d" % port,
            b"%d" % (client.cseq - 1),
            b"%d" % client.cseq,
            (0x8000 | pbx).to_bytes(2),
            pbx.to_bytes(2),
            (0x8000 | far).to_bytes(2),
            far.to_bytes(2),
            *map(self._hex, act.fresh),
        ]
        for line in act.lines:
            moment_us = at_us + line.at_us + (talk_us - _SECOND_US if line.late else 0)
            way = client.to_pbx if line.from_client else client.to_client
            record = way.record(moment_us, self._ident(), line.fill(values))
            self._later[moment_us // _SECOND_US].append((moment_us, record))
        if self.load is Load.MEDIA:
            self._owed += _MEDIA_PER_MESSAGE * len(act.lines)
            if act.talk_us is not None:
                begin_us = at_us + act.talk_us
                self._stream(client, begin_us, begin_us + talk_us, port, pbx, far)
                self._owed -= 2 * (talk_us // _PACKET_US)

    def _stream(
        self, client: _Client, at_us: int, end_us: int, port: int, pbx: int, far: int
    ) -> None:
        """Both directions of a call's audio."""
        if client.iax2:
            ways = [(client.to_pbx, far), (client.to_client, pbx)]
            self._streams += [_Stream(way, at_us, end_us, 0, None, call) for way, call in ways]
            return
        far_port = 40_000 + client.number
        for way in (
            _Way(client.address, far_port, _SERVER_RAW, port),
            _Way(_SERVER_RAW, port, client.address, far_port),
        ):
            number, ssrc = self._random.randrange(1 << 16), self._random.randbytes(4)
            self._streams.append(_Stream(way, at_us, end_us, number, ssrc))

    def _talk(self, until_s: int) -> None:
        """The audio up to a second."""
        until_us = until_s * _SECOND_US
        for stream in self._streams:
            while stream.at_us < min(until_us, stream.end_us):
                at = self._packets * 7919 & 0xFFFF - _VOICE_BYTES
                payload = stream.payload(self._noise[at : at + _VOICE_BYTES])
                record = stream.way.record(stream.at_us, self._ident(), payload)
                self._later[stream.at_us // _SECOND_US].append((stream.at_us, record))
                stream.at_us += _PACKET_US
        self._streams = [stream for stream in self._streams if stream.at_us < stream.end_us]


def _plan(client: _Client, minute: int, within_s: int) -> str | None:
    """What a client does in this second of its minute. A faulty one loses what comes more than
    30 s after its registration, which is every other minute."""
    if client.faulty:
        if minute % 2:
            return {0: "call_lost" if minute % 8 == 1 else None, 40: "options_lost"}.get(within_s)
        return {0: "register", 20: "options"}.get(within_s)
    return {0: "register", 25: "poke" if client.iax2 else "options"}.get(within_s)


def make(path: Path, load: Load, size_bytes: int) -> int:
    """Writes a capture of at least ``size_bytes``, up to the end of a second. Gives its packets."""
    written = len(_PCAP)
    packets = 0
    with path.open("wb", buffering=1 << 20) as file:
        file.write(_PCAP)
        for records in _Maker(load).seconds():
            block = b"".join(records)
            file.write(block)
            written += len(block)
            packets += len(records)
            if written >= size_bytes:
                break
    return packets
