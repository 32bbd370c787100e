"""IAX2 frames in a log: the lines of iax_showframe() to a full frame's bytes.

Contract: pure; nothing raises on content. ``FRAME`` and ``CALLS`` match the first two lines of a
frame, ``element`` reads each of the others; ``FrameDump.encode`` gives bytes from which
``sipdiag.protocols.iax2.parse`` reads what was dumped.

Source: channels/iax2-parser.c (1.0 to 11), channels/iax2/parser.c (12 and later). What a dump
doesn't tell is made up in the right size: the bytes of CALLTOKEN, ENCRYPTION KEY and FW BLOCK
DATA are zeros, sound has none.
"""

from __future__ import annotations

import ipaddress
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from sipdiag.base.endpoint import Endpoint
from sipdiag.protocols.iax2.names import IE, FrameType, Iax

FRAME = re.compile(
    rb"(?P<dir>Tx|Rx|TE|RD)-Frame Retry\[(?P<retry>[ \w-]{2,4})\] -- "
    rb"OSeqno: (?P<oseq>\d{3}) ISeqno: (?P<iseq>\d{3}) Type: (?P<type>\S+) +Subclass: ?(?P<sub>.*)"
)
CALLS = re.compile(
    rb" *Timestamp: (?P<ts>\d{1,10})ms  SCall: (?P<s>\d{1,5})  DCall: (?P<d>\d{1,5}) "
    rb"(?P<addr>\[[^\]\s]+\](?::\d{1,5})?|[^\s]+)"
)
ELEMENT = re.compile(
    rb"   Unknown IE (?P<number>\d{3})  : Present|   (?P<name>\S.{14}) : (?P<value>.*)"
)
NESTED = re.compile(rb"       \S.{14} : |       Unknown Prov IE ")
"""PROVISIONING prints its own elements, indented further."""

_TYPES = {
    b"DTMF": FrameType.DTMF,
    b"DTMF_E": FrameType.DTMF,
    b"DTMF_B": FrameType.DTMF_BEGIN,
    b"VOICE": FrameType.VOICE,
    b"VIDEO": FrameType.VIDEO,
    b"CONTROL": FrameType.CONTROL,
    b"NULL": FrameType.NULL,
    b"IAX": FrameType.IAX,
    b"TEXT": FrameType.TEXT,
    b"IMAGE": FrameType.IMAGE,
    b"HTML": FrameType.HTML,
    b"CNG": FrameType.CNG,
    b"MODEM": FrameType.MODEM,
}

_COMMANDS: dict[bytes, int] = {member.name.encode(): member.value for member in Iax} | {
    b"UNQULCH": Iax.UNQUELCH,
    b"UNSPRTD": Iax.UNSUPPORT,
    b"UNSUPPORTED": Iax.UNSUPPORT,
    b"TRANSFR": Iax.TRANSFER,
    b"PROVISN": Iax.PROVISION,
    b"FWDWNLD": Iax.FWDOWNL,
    b"FWDOWNLD": Iax.FWDOWNL,
    b"CTOKEN": Iax.CALLTOKEN,
}

_CONTROLS: dict[bytes, int] = {
    name: number
    for number, name in enumerate(
        (
            b"HANGUP", b"RING", b"RINGING", b"ANSWER", b"BUSY", b"TKOFFHK", b"OFFHOOK", b"CONGSTN",
            b"FLASH", b"WINK", b"OPTION", b"RDKEY", b"RDUNKEY", b"PROGRES", b"PROCDNG", b"HOLD",
            b"UNHOLD", b"VIDUPDT", b"T38", b"SRCUPDT", b"TXFER", b"CNLINE", b"REDIR", b"T38PARM",
            b"CC ERR!", b"SRCCHG", b"READACT", b"AOC", b"ENDOFQ", b"INCOMPL", b"MCID", b"UPDRTPP",
            b"PCAUSEC",
        ),
        start=1,
    )
}  # fmt: skip
"""The words of iax_showframe(), by number from 1 on."""

_FORMAT_BITS = {
    "g723": 0, "gsm": 1, "ulaw": 2, "alaw": 3, "g726aal2": 4, "adpcm": 5, "slin": 6, "lpc10": 7,
    "g729": 8, "speex": 9, "ilbc": 10, "g726": 11, "g722": 12, "siren7": 13, "siren14": 14,
    "slin16": 15, "jpeg": 16, "png": 17, "h261": 18, "h263": 19, "h263p": 20, "h264": 21,
    "mpeg4": 22, "vp8": 23, "red": 26, "t140": 27, "g719": 32, "speex16": 33, "opus": 34,
    "testlaw": 47,
}  # fmt: skip
"""include/asterisk/format_compatibility.h; names as format_cache.c has them."""

_PREFERENCE = (
    "g723", "gsm", "ulaw", "alaw", "g726", "adpcm", "slin", "lpc10", "g729", "speex", "ilbc",
    "g726aal2", "g722", "slin16", "jpeg", "png", "h261", "h263", "h263p", "h264", "mpeg4", "vp8",
    "t140red", "t140", "siren7", "siren14", "testlaw", "g719", "speex16", "opus",
)  # fmt: skip
"""channels/iax2/codec_pref.c: a format's letter is ``B`` and as many further."""

_HEX = re.compile(rb"(?:\\x[0-9a-f]{2})+")
_BYTES = re.compile(rb"(\d{1,3}) bytes")
_DATE = re.compile(rb"(\d{4})-(\d\d)-(\d\d) +(\d\d):(\d\d):(\d\d)")


def _string(value: bytes) -> bytes:
    return value


def _hex(value: bytes) -> bytes:
    """``\\x31\\x35``, from 1.6.1 on; plain text before."""
    return bytes.fromhex(value.replace(b"\\x", b"").decode()) if _HEX.fullmatch(value) else value


def _integer(size: int) -> Callable[[bytes], bytes]:
    def encode(value: bytes) -> bytes:
        """``Invalid SHORT`` and the like had another size: a byte of another size again."""
        if not value.isdigit() or len(value) > 20:
            return b"" if size == 1 else b"\0"
        return (int(value) & ((1 << 8 * size) - 1)).to_bytes(size)

    return encode


def _opaque(value: bytes) -> bytes:
    match = _BYTES.fullmatch(value)
    return bytes(min(255, int(match[1]))) if match else b""


def _address(value: bytes) -> bytes:
    """A struct sockaddr as Linux on a little-endian machine has it in memory."""
    words = value.decode("latin-1").split()
    host, _, port = (words[-1] if words else "").rpartition(":")
    try:
        address = ipaddress.ip_address(host.strip("[]"))
        number = struct.pack("!H", int(port))
    except (ValueError, struct.error):
        return b"\0"
    if address.version == 6:
        return b"\x0a\0" + number + bytes(4) + address.packed + bytes(4)
    return b"\x02\0" + number + address.packed + bytes(8)


def _datetime(value: bytes) -> bytes:
    match = _DATE.match(value)
    if match is None:
        return b"\0"
    year, month, day, hour, minute, second = (int(part) for part in match.groups())
    packed = (year - 2000 & 0x7F) << 25 | (month & 15) << 21 | (day & 31) << 16
    packed |= (hour & 31) << 11 | (minute & 63) << 5 | second >> 1 & 31
    return packed.to_bytes(4)


def _formats(value: bytes) -> bytes:
    """A version byte 0 and 64 bits; ``gsm``, ``(gsm|ulaw)``."""
    bits = 0
    for name in re.findall(r"[a-z0-9]+", value.decode("latin-1").lower()):
        if name in _FORMAT_BITS:
            bits |= 1 << _FORMAT_BITS[name]
    return b"\0" + bits.to_bytes(8)


def _preferences(value: bytes) -> bytes:
    names = re.findall(r"[a-z0-9]+", value.decode("latin-1").lower())
    return bytes(ord("B") + _PREFERENCE.index(name) for name in names if name in _PREFERENCE)


def _rates(value: bytes) -> bytes:
    """parser.c:dump_samprate(); the bits are those of frame.h."""
    names = ("8khz", "11.025khz", "16khz", "22.05khz", "44.1khz", "48khz")
    words = value.decode("latin-1").split(",")
    return sum(1 << bit for bit, name in enumerate(names) if name in words).to_bytes(2)


_U8, _U16, _U32 = _integer(1), _integer(2), _integer(4)

_ELEMENTS: dict[bytes, tuple[int, Callable[[bytes], bytes]]] = {
    name[:15]: (number, encode)
    for name, number, encode in (
        (b"CALLED NUMBER", IE.CALLED_NUMBER, _string),
        (b"CALLING NUMBER", IE.CALLING_NUMBER, _string),
        (b"ANI", IE.CALLING_ANI, _string),
        (b"CALLING NAME", IE.CALLING_NAME, _string),
        (b"CALLED CONTEXT", IE.CALLED_CONTEXT, _string),
        (b"USERNAME", IE.USERNAME, _string),
        (b"PASSWORD", IE.PASSWORD, _string),
        (b"CAPABILITY", IE.CAPABILITY, _U32),
        (b"CAPABILITY2", IE.CAPABILITY2, _formats),
        (b"FORMAT", IE.FORMAT, _U32),
        (b"FORMAT2", IE.FORMAT2, _formats),
        (b"LANGUAGE", IE.LANGUAGE, _string),
        (b"VERSION", IE.VERSION, _U16),
        (b"ADSICPE", IE.ADSICPE, _U16),
        (b"DNID", IE.DNID, _string),
        (b"AUTHMETHODS", IE.AUTHMETHODS, _U16),
        (b"CHALLENGE", IE.CHALLENGE, _hex),
        (b"MD5 RESULT", IE.MD5_RESULT, _string),
        (b"RSA RESULT", IE.RSA_RESULT, _string),
        (b"APPARENT ADDRESS", IE.APPARENT_ADDR, _address),
        (b"REFRESH", IE.REFRESH, _U16),
        (b"DIALPLAN STATUS", IE.DPSTATUS, _U16),
        (b"CALL NUMBER", IE.CALLNO, _U16),
        (b"CAUSE", IE.CAUSE, _string),
        (b"UNKNOWN IAX CMD", IE.IAX_UNKNOWN, _U8),
        (b"MESSAGE COUNT", IE.MSGCOUNT, _U16),
        (b"AUTO ANSWER REQ", IE.AUTOANSWER, _opaque),
        (b"TRANSFER ID", IE.TRANSFERID, _U32),
        (b"REFERRING DNIS", IE.RDNIS, _string),
        (b"PROVISIONING", IE.PROVISIONING, _opaque),
        (b"AES PROVISIONING", IE.AESPROVISIONING, _opaque),
        (b"DATE TIME", IE.DATETIME, _datetime),
        (b"DEVICE TYPE", IE.DEVICETYPE, _string),
        (b"SERVICE IDENT", IE.SERVICEIDENT, _string),
        (b"FIRMWARE VER", IE.FIRMWAREVER, _U16),
        (b"FW BLOCK DESC", IE.FWBLOCKDESC, _U32),
        (b"FW BLOCK DATA", IE.FWBLOCKDATA, _opaque),
        (b"PROVISIONING VER", IE.PROVVER, _U32),
        (b"CALLING PRESNTN", IE.CALLINGPRES, _U8),
        (b"CALLING TYPEOFNUM", IE.CALLINGTON, _U8),
        (b"CALLING TRANSITNET", IE.CALLINGTNS, _U16),
        (b"CALLING ANI2", IE.CALLINGANI2, _U32),
        (b"SAMPLINGRATE", IE.SAMPLINGRATE, _rates),
        (b"CAUSE CODE", IE.CAUSECODE, _U8),
        (b"ENCRYPTION", IE.ENCRYPTION, _U16),
        (b"ENCRYPTION KEY", IE.ENCKEY, _opaque),
        (b"CODEC_PREFS", IE.CODEC_PREFS, _preferences),
        (b"RR_JITTER", IE.RR_JITTER, _U32),
        (b"RR_LOSS", IE.RR_LOSS, _U32),
        (b"RR_PKTS", IE.RR_PKTS, _U32),
        (b"RR_DELAY", IE.RR_DELAY, _U16),
        (b"RR_DROPPED", IE.RR_DROPPED, _U32),
        (b"RR_OUTOFORDER", IE.RR_OOO, _U32),
        (b"VARIABLE", IE.VARIABLE, _string),
        (b"OSPTOKEN", IE.OSPTOKEN, _opaque),
        (b"CALLTOKEN", IE.CALLTOKEN, _opaque),
    )
}
"""parser.c:infoelts[], names cut to 15 characters as they are printed."""

MADE_UP = frozenset({IE.CALLTOKEN, IE.ENCKEY, IE.FWBLOCKDATA, IE.OSPTOKEN, IE.PROVISIONING})
"""Elements whose bytes a dump doesn't tell."""

_HEADER = struct.Struct("!HHIBBBB")


@dataclass(slots=True)
class FrameDump:
    """A frame as far as its lines were seen. ``label``: Tx, Rx, TE or RD; ``far``: None until
    the second line is read, or where its address is unreadable."""

    label: bytes
    retransmission: bool
    oseqno: int
    iseqno: int
    frame_type: int
    csub: int
    timestamp_ms: int = 0
    source_call: int = 0
    dest_call: int = 0
    far: Endpoint | None = None
    chain: list[bytes] = field(default_factory=list)
    """Information elements, encoded."""

    @property
    def sent(self) -> bool:
        """TE is the clear copy of a frame before it is encrypted and sent."""
        return self.label in (b"Tx", b"TE")

    @property
    def clear_copy(self) -> bool:
        """Of an encrypted frame, which is dumped as it is on the wire besides."""
        return self.label in (b"TE", b"RD")

    def encode(self) -> bytes:
        """The frame's bytes (RFC 5456 section 8.1.1)."""
        header = _HEADER.pack(
            0x8000 | self.source_call & 0x7FFF,
            (0x8000 if self.retransmission else 0) | self.dest_call & 0x7FFF,
            self.timestamp_ms & 0xFFFFFFFF,
            self.oseqno & 0xFF,
            self.iseqno & 0xFF,
            self.frame_type,
            self.csub,
        )
        return header + b"".join(self.chain)


@lru_cache(maxsize=8192)
def element(line: bytes) -> bytes | None:
    """The element that a line of a dump is, encoded with its number and length; empty where the
    line tells of none that can be encoded. None: the line is none of a dump's elements.

    >>> element(b"   REFRESH         : 60").hex()
    '1302003c'
    """
    match = ELEMENT.match(line)
    if match is None:
        return None
    if match["number"] is not None:
        return bytes((int(match["number"]) & 0xFF, 0))
    known = _ELEMENTS.get(match["name"].rstrip())
    if known is None:
        return b""
    number, encode = known
    value = encode(match["value"].rstrip(b"\r"))[:255]
    return bytes((number, len(value))) + value


_NUMBER = re.compile(rb"\(?(-?\d{1,20})\??\)?$")


def begin(line: re.Match[bytes]) -> FrameDump:
    """A frame from its first line, a ``FRAME``."""
    retry = line["retry"].strip()
    frame_type = _TYPES.get(line["type"])
    if frame_type is None:
        unknown = _NUMBER.match(line["type"])
        number = int(unknown[1]) & 0xFF if unknown else 0
    else:
        number = int(frame_type)
    return FrameDump(
        line["dir"],
        retry == b"Yes" or (retry.isdigit() and int(retry) > 0),
        int(line["oseq"]),
        int(line["iseq"]),
        number,
        _csub(number, line["sub"]),
    )


def _csub(frame_type: int, word: bytes) -> int:
    """The subclass byte. ``Unknown`` (a command that none defines) is given as 0."""
    if frame_type in (FrameType.DTMF, FrameType.DTMF_BEGIN):
        return word[0] if word.rstrip(b"\r\n") else 0
    word = word.strip()
    named = None
    if frame_type == FrameType.IAX:
        named = _COMMANDS.get(word)
    elif frame_type == FrameType.CONTROL:
        named = _CONTROLS.get(word)
    if named is not None:
        return int(named)
    number = _NUMBER.match(word)
    if number is None:
        return 0
    value = int(number[1])
    if -1 <= value <= 255:
        return value & 0xFF
    # A format as a number of its own, not as the byte on the wire.
    return 0x80 | (value.bit_length() - 1 & 0x7F)


def calls(frame: FrameDump, line: re.Match[bytes], far: Endpoint | None) -> None:
    """Takes a frame's second line, a ``CALLS``; ``far`` is its address, parsed."""
    frame.timestamp_ms = int(line["ts"])
    frame.source_call = int(line["s"])
    frame.dest_call = int(line["d"])
    frame.far = far
