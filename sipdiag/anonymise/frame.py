"""An IAX2 full frame with stand-ins (RFC 5456 section 8.6).

Contract: the frame stays one: numbers of calls and sequence, times, flags, formats and refresh
intervals as they were; sound, text, pictures and digits dialled are gone. Elements not known to
hold nothing personal become zeros of the same length.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sipdiag.anonymise.standins import StandIns
from sipdiag.base.endpoint import Endpoint, parse_ip
from sipdiag.protocols.iax2 import FULL_HEADER_BYTES, FullFrame
from sipdiag.protocols.iax2.elements import Element
from sipdiag.protocols.iax2.names import IE, FrameType

_NUMBERS = frozenset(
    {
        IE.CAPABILITY, IE.FORMAT, IE.VERSION, IE.ADSICPE, IE.AUTHMETHODS, IE.REFRESH, IE.DPSTATUS,
        IE.CALLNO, IE.IAX_UNKNOWN, IE.MSGCOUNT, IE.AUTOANSWER, IE.TRANSFERID, IE.DATETIME,
        IE.FIRMWAREVER, IE.FWBLOCKDESC, IE.PROVVER, IE.CALLINGPRES, IE.CALLINGTON, IE.CALLINGTNS,
        IE.SAMPLINGRATE, IE.CAUSECODE, IE.ENCRYPTION, IE.RR_JITTER, IE.RR_LOSS, IE.RR_PKTS,
        IE.RR_DELAY, IE.RR_DROPPED, IE.RR_OOO, IE.CAPABILITY2, IE.FORMAT2, IE.CALLINGANI2,
        IE.DATAFORMAT,
    }
)  # fmt: skip
_TEXTS: dict[int, Callable[[StandIns, str], str]] = {
    **dict.fromkeys(
        (IE.USERNAME, IE.CALLED_NUMBER, IE.CALLING_NUMBER, IE.CALLING_ANI, IE.DNID, IE.RDNIS),
        StandIns.user,
    ),
    **dict.fromkeys(
        (IE.CALLED_CONTEXT, IE.PASSWORD, IE.CHALLENGE, IE.MD5_RESULT, IE.RSA_RESULT,
         IE.MUSICONHOLD),
        StandIns.token,
    ),
    IE.CALLING_NAME: StandIns.name,
    IE.DEVICETYPE: StandIns.software,
    IE.CAUSE: lambda standins, text: cause(standins, text),
}  # fmt: skip
_SHORT_WORD = re.compile(rb"[A-Za-z_]{0,8}")
_SHORT_WORDS = frozenset({IE.LANGUAGE, IE.CODEC_PREFS})

_CAUSES = frozenset(
    {
        "registration refused", "no authority found", "unable to negotiate codec",
        "no such context/extension", "no such extension", "no such context", "wrong password",
        "wrong username", "registration rejected", "no such peer", "call rejected",
        "normal clearing", "busy", "congestion", "unsupported sample rate", "dumped call",
        "too many calls", "facility rejected", "incoming call refused", "answered elsewhere",
        "secret not correct", "unable to authenticate", "unknown", "failure",
    }
)  # fmt: skip
_MOST = 255


def cause(standins: StandIns, text: str) -> str:
    """A cause, kept where it is one of Asterisk's."""
    return text if text.strip().lower() in _CAUSES else standins.token(text)


def rewrite_frame(standins: StandIns, frame: FullFrame) -> bytes:
    """The frame's bytes with stand-ins."""
    head = frame.raw[:FULL_HEADER_BYTES]
    if frame.frame_type in (FrameType.DTMF, FrameType.DTMF_BEGIN):
        head = head[:-1] + b"0"
    if frame.frame_type != FrameType.IAX:
        return head + bytes(len(frame.raw) - len(head))
    out = [head]
    at = len(head)
    for element in frame.elements:
        data = _data(standins, element)[:_MOST]
        out.append(bytes((element.number, len(data))) + data)
        at = element.offset + 2 + len(element.raw)
    rest = frame.raw[at:]
    return b"".join(out) + rest[:2] + bytes(max(len(rest) - 2, 0))


def _data(standins: StandIns, element: Element) -> bytes:
    raw, number = element.raw, element.number
    if number in _NUMBERS:
        return raw
    if number == IE.APPARENT_ADDR and isinstance(element.value, Endpoint):
        return _sockaddr(standins, raw, element.value)
    if number in _SHORT_WORDS and _SHORT_WORD.fullmatch(raw):
        return raw
    rewrite = _TEXTS.get(number)
    if rewrite is not None and isinstance(element.value, str):
        return rewrite(standins, element.value).encode("utf-8", "surrogateescape")
    return bytes(len(raw))


def _sockaddr(standins: StandIns, raw: bytes, endpoint: Endpoint) -> bytes:
    """Family and port stay (see ``protocols.iax2.elements``)."""
    address = parse_ip(standins.ip(endpoint.ip))
    if address is None:
        return bytes(len(raw))
    if len(raw) == 16:
        return raw[:4] + address.packed + bytes(8)
    packed = address.packed if address.version == 6 else raw[8:20] + address.packed
    return raw[:8] + packed + raw[24:]
