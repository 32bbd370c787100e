"""The numbers of IAX2 and their names: frame types, subclasses, information elements.

Contract: data only. Names are those of RFC 5456 sections 8.2 to 8.6 with blanks written as
underscores; what the RFC reserves or doesn't know has the name of Asterisk's iax2.h or frame.h.
The members are integers, so ``frame.subclass == Iax.REGREQ`` needs no conversion.
"""

from __future__ import annotations

import enum


class FrameType(enum.IntEnum):
    """What a full frame carries: RFC 5456 section 8.2; 11 and 12 from Asterisk's frame.h."""

    DTMF = 1
    VOICE = 2
    VIDEO = 3
    CONTROL = 4
    NULL = 5
    IAX = 6
    TEXT = 7
    IMAGE = 8
    HTML = 9
    CNG = 10
    MODEM = 11
    DTMF_BEGIN = 12


class Iax(enum.IntEnum):
    """Subclasses of an IAX frame: RFC 5456 section 8.4; 31 and those from 35 on, which it
    reserves or doesn't have, from Asterisk's iax2.h."""

    NEW = 1
    PING = 2
    PONG = 3
    ACK = 4
    HANGUP = 5
    REJECT = 6
    ACCEPT = 7
    AUTHREQ = 8
    AUTHREP = 9
    INVAL = 10
    LAGRQ = 11
    LAGRP = 12
    REGREQ = 13
    REGAUTH = 14
    REGACK = 15
    REGREJ = 16
    REGREL = 17
    VNAK = 18
    DPREQ = 19
    DPREP = 20
    DIAL = 21
    TXREQ = 22
    TXCNT = 23
    TXACC = 24
    TXREADY = 25
    TXREL = 26
    TXREJ = 27
    QUELCH = 28
    UNQUELCH = 29
    POKE = 30
    PAGE = 31
    MWI = 32
    UNSUPPORT = 33
    TRANSFER = 34
    PROVISION = 35
    FWDOWNL = 36
    FWDATA = 37
    TXMEDIA = 38
    RTKEY = 39
    CALLTOKEN = 40


class Control(enum.IntEnum):
    """Subclasses of a control frame: RFC 5456 section 8.3; those it reserves or that came later
    (RING, TAKEOFFHOOK, OFFHOOK, WINK, 18 and up) from Asterisk's frame.h."""

    STOP_SOUNDS = -1
    HANGUP = 1
    RING = 2
    RINGING = 3
    ANSWER = 4
    BUSY = 5
    TAKEOFFHOOK = 6
    OFFHOOK = 7
    CONGESTION = 8
    FLASH = 9
    WINK = 10
    OPTION = 11
    KEY = 12
    UNKEY = 13
    PROGRESS = 14
    PROCEEDING = 15
    HOLD = 16
    UNHOLD = 17
    VIDUPDATE = 18
    T38 = 19
    SRCUPDATE = 20
    TRANSFER = 21
    CONNECTED_LINE = 22
    REDIRECTING = 23
    T38_PARAMETERS = 24
    CC = 25
    SRCCHANGE = 26
    READ_ACTION = 27
    AOC = 28
    END_OF_Q = 29
    INCOMPLETE = 30
    MCID = 31
    UPDATE_RTP_PEER = 32
    PVT_CAUSE_CODE = 33
    MASQUERADE_NOTIFY = 34
    STREAM_TOPOLOGY_REQUEST_CHANGE = 35
    STREAM_TOPOLOGY_CHANGED = 36
    STREAM_TOPOLOGY_SOURCE_CHANGED = 37


class Html(enum.IntEnum):
    """Subclasses of an HTML frame: RFC 5456 section 8.5."""

    URL = 1
    DATA = 2
    BEGIN = 4
    END = 8
    LDCOMPLETE = 16
    NOSUPPORT = 17
    LINKURL = 18
    UNLINK = 19
    LINKREJECT = 20


class Modem(enum.IntEnum):
    """Subclasses of a modem frame: Asterisk's frame.h."""

    T38 = 1
    V150 = 2


class Meta(enum.IntEnum):
    """Commands of a meta frame: RFC 5456 section 8.1.3.2; 2 is a T.38 frame in IANA's registry
    and VIDEO in Asterisk's iax2.h, which never sends it."""

    TRUNK = 1
    VIDEO = 2


class IE(enum.IntEnum):
    """Information elements: RFC 5456 section 8.6.

    29, 30, 32 to 37, 54 and up from Asterisk's iax2.h, 255 as Wireshark knows it. The RFC's
    table has OSPTOKEN at 52; Asterisk sends VARIABLE there and OSPTOKEN at 53, and so do we read
    them: nothing but Asterisk was ever seen to send either.
    """

    CALLED_NUMBER = 1
    CALLING_NUMBER = 2
    CALLING_ANI = 3
    CALLING_NAME = 4
    CALLED_CONTEXT = 5
    USERNAME = 6
    PASSWORD = 7
    CAPABILITY = 8
    FORMAT = 9
    LANGUAGE = 10
    VERSION = 11
    ADSICPE = 12
    DNID = 13
    AUTHMETHODS = 14
    CHALLENGE = 15
    MD5_RESULT = 16
    RSA_RESULT = 17
    APPARENT_ADDR = 18
    REFRESH = 19
    DPSTATUS = 20
    CALLNO = 21
    CAUSE = 22
    IAX_UNKNOWN = 23
    MSGCOUNT = 24
    AUTOANSWER = 25
    MUSICONHOLD = 26
    TRANSFERID = 27
    RDNIS = 28
    PROVISIONING = 29
    AESPROVISIONING = 30
    DATETIME = 31
    DEVICETYPE = 32
    SERVICEIDENT = 33
    FIRMWAREVER = 34
    FWBLOCKDESC = 35
    FWBLOCKDATA = 36
    PROVVER = 37
    CALLINGPRES = 38
    CALLINGTON = 39
    CALLINGTNS = 40
    SAMPLINGRATE = 41
    CAUSECODE = 42
    ENCRYPTION = 43
    ENCKEY = 44
    CODEC_PREFS = 45
    RR_JITTER = 46
    RR_LOSS = 47
    RR_PKTS = 48
    RR_DELAY = 49
    RR_DROPPED = 50
    RR_OOO = 51
    VARIABLE = 52
    OSPTOKEN = 53
    CALLTOKEN = 54
    CAPABILITY2 = 55
    FORMAT2 = 56
    CALLINGANI2 = 57
    DATAFORMAT = 255


FORMATS: dict[int, str] = {
    1 << bit: name
    for bit, name in (
        (0, "G723_1"),
        (1, "GSM"),
        (2, "ULAW"),
        (3, "ALAW"),
        (4, "G726_AAL2"),
        (5, "ADPCM"),
        (6, "SLINEAR"),
        (7, "LPC10"),
        (8, "G729"),
        (9, "SPEEX"),
        (10, "ILBC"),
        (11, "G726"),
        (12, "G722"),
        (13, "SIREN7"),
        (14, "SIREN14"),
        (15, "SLINEAR16"),
        (16, "JPEG"),
        (17, "PNG"),
        (18, "H261"),
        (19, "H263"),
        (20, "H263P"),
        (21, "H264"),
        (22, "MP4"),
        (23, "VP8"),
        (26, "T140_RED"),
        (27, "T140"),
        (32, "G719"),
        (33, "SPEEX16"),
        (34, "OPUS"),
        (47, "TESTLAW"),
    )
}
"""Media formats, each a bit: RFC 5456 section 8.7, but bits 4 and 11 (the two packings of G.726)
and those above 21 as Asterisk's include/asterisk/format_compatibility.h has them."""

_SUBCLASSES: dict[int, type[enum.IntEnum]] = {
    FrameType.CONTROL: Control,
    FrameType.IAX: Iax,
    FrameType.HTML: Html,
    FrameType.MODEM: Modem,
}
_KNOWN = {
    frame_type: frozenset(member.value for member in names)
    for frame_type, names in _SUBCLASSES.items()
}
_TYPES = frozenset(member.value for member in FrameType)
_MEDIA = frozenset({FrameType.VOICE, FrameType.VIDEO, FrameType.IMAGE})
_DIGITS = frozenset({FrameType.DTMF, FrameType.DTMF_BEGIN})


def type_name(frame_type: int) -> str:
    """The name of a frame type; ``UNKNOWN_n`` for a number that none has."""
    try:
        return FrameType(frame_type).name
    except ValueError:
        return f"UNKNOWN_{frame_type}"


def subclass_name(frame_type: int, subclass: int) -> str:
    """The name of a subclass within its frame type: a command, a media format, a DTMF digit.

    The plain number for the types whose subclass has no names (text, null, comfort noise), and
    ``UNKNOWN_n`` where it should have one and hasn't.
    """
    names = _SUBCLASSES.get(frame_type)
    if names is not None:
        try:
            return names(subclass).name
        except ValueError:
            return f"UNKNOWN_{subclass}"
    if frame_type in _MEDIA:
        return FORMATS.get(subclass, f"UNKNOWN_{subclass}")
    if frame_type in _DIGITS and 0x20 < subclass < 0x7F:
        return chr(subclass)
    return str(subclass)


def known_subclass(frame_type: int, subclass: int) -> bool:
    """False for a command or media format that neither the RFC nor Asterisk defines, and for a
    frame type that none defines."""
    known = _KNOWN.get(frame_type)
    if known is not None:
        return subclass in known
    if frame_type in _MEDIA:
        return subclass in FORMATS
    return frame_type in _TYPES
