"""The numbers against RFC 5456 (typed in here from its tables) and Asterisk's iax2.h."""

from __future__ import annotations

import pytest

from sipdiag.protocols.iax2 import ELEMENTS, IE, Control, FrameType, Iax, parse
from sipdiag.protocols.iax2.names import known_subclass, subclass_name, type_name

RFC_FRAME_TYPES = "DTMF VOICE VIDEO CONTROL NULL IAX TEXT IMAGE HTML CNG"

RFC_COMMANDS = {
    0x01: "NEW", 0x02: "PING", 0x03: "PONG", 0x04: "ACK", 0x05: "HANGUP", 0x06: "REJECT",
    0x07: "ACCEPT", 0x08: "AUTHREQ", 0x09: "AUTHREP", 0x0A: "INVAL", 0x0B: "LAGRQ",
    0x0C: "LAGRP", 0x0D: "REGREQ", 0x0E: "REGAUTH", 0x0F: "REGACK", 0x10: "REGREJ",
    0x11: "REGREL", 0x12: "VNAK", 0x13: "DPREQ", 0x14: "DPREP", 0x15: "DIAL", 0x16: "TXREQ",
    0x17: "TXCNT", 0x18: "TXACC", 0x19: "TXREADY", 0x1A: "TXREL", 0x1B: "TXREJ",
    0x1C: "QUELCH", 0x1D: "UNQUELCH", 0x1E: "POKE", 0x20: "MWI", 0x21: "UNSUPPORT",
    0x22: "TRANSFER",
}  # fmt: skip

ASTERISK_COMMANDS = {
    31: "PAGE", 35: "PROVISION", 36: "FWDOWNL", 37: "FWDATA", 38: "TXMEDIA", 39: "RTKEY",
    40: "CALLTOKEN",
}  # fmt: skip

RFC_CONTROLS = {
    0x01: "HANGUP", 0x03: "RINGING", 0x04: "ANSWER", 0x05: "BUSY", 0x08: "CONGESTION",
    0x09: "FLASH", 0x0B: "OPTION", 0x0C: "KEY", 0x0D: "UNKEY", 0x0E: "PROGRESS",
    0x0F: "PROCEEDING", 0x10: "HOLD", 0x11: "UNHOLD",
}  # fmt: skip

RFC_ELEMENTS = {
    0x01: "CALLED NUMBER", 0x02: "CALLING NUMBER", 0x03: "CALLING ANI", 0x04: "CALLING NAME",
    0x05: "CALLED CONTEXT", 0x06: "USERNAME", 0x07: "PASSWORD", 0x08: "CAPABILITY",
    0x09: "FORMAT", 0x0A: "LANGUAGE", 0x0B: "VERSION", 0x0C: "ADSICPE", 0x0D: "DNID",
    0x0E: "AUTHMETHODS", 0x0F: "CHALLENGE", 0x10: "MD5 RESULT", 0x11: "RSA RESULT",
    0x12: "APPARENT ADDR", 0x13: "REFRESH", 0x14: "DPSTATUS", 0x15: "CALLNO", 0x16: "CAUSE",
    0x17: "IAX UNKNOWN", 0x18: "MSGCOUNT", 0x19: "AUTOANSWER", 0x1A: "MUSICONHOLD",
    0x1B: "TRANSFERID", 0x1C: "RDNIS", 0x1F: "DATETIME", 0x26: "CALLINGPRES",
    0x27: "CALLINGTON", 0x28: "CALLINGTNS", 0x29: "SAMPLINGRATE", 0x2A: "CAUSECODE",
    0x2B: "ENCRYPTION", 0x2C: "ENCKEY", 0x2D: "CODEC PREFS", 0x2E: "RR JITTER",
    0x2F: "RR LOSS", 0x30: "RR PKTS", 0x31: "RR DELAY", 0x32: "RR DROPPED", 0x33: "RR OOO",
}  # fmt: skip

ASTERISK_ELEMENTS = {
    29: "PROVISIONING", 30: "AESPROVISIONING", 32: "DEVICETYPE", 33: "SERVICEIDENT",
    34: "FIRMWAREVER", 35: "FWBLOCKDESC", 36: "FWBLOCKDATA", 37: "PROVVER", 52: "VARIABLE",
    53: "OSPTOKEN", 54: "CALLTOKEN", 55: "CAPABILITY2", 56: "FORMAT2", 57: "CALLINGANI2",
    255: "DATAFORMAT",
}  # fmt: skip


def test_frame_types_are_those_of_the_rfc() -> None:
    assert [type_name(number) for number in range(1, 11)] == RFC_FRAME_TYPES.split()
    assert type_name(11) == "MODEM"
    assert type_name(12) == "DTMF_BEGIN"
    assert type_name(0) == "UNKNOWN_0"


def test_commands_are_those_of_the_rfc_and_of_asterisk() -> None:
    assert {member.value: member.name for member in Iax} == RFC_COMMANDS | ASTERISK_COMMANDS


def test_controls_have_the_numbers_of_the_rfc() -> None:
    names = {member.value: member.name for member in Control}
    assert RFC_CONTROLS.items() <= names.items()


def test_elements_are_those_of_the_rfc_and_of_asterisk() -> None:
    written = {number: name.replace("_", " ") for number, name, _ in ELEMENTS}
    assert written == RFC_ELEMENTS | ASTERISK_ELEMENTS
    assert {member.value for member in IE} == set(written)


@pytest.mark.parametrize(
    ("frame_type", "subclass", "name"),
    [
        (FrameType.IAX, 13, "REGREQ"),
        (FrameType.IAX, 41, "UNKNOWN_41"),
        (FrameType.CONTROL, 4, "ANSWER"),
        (FrameType.CONTROL, -1, "STOP_SOUNDS"),
        (FrameType.HTML, 18, "LINKURL"),
        (FrameType.MODEM, 1, "T38"),
        (FrameType.VOICE, 4, "ULAW"),
        (FrameType.VOICE, 1 << 34, "OPUS"),
        (FrameType.VOICE, 3, "UNKNOWN_3"),
        (FrameType.VIDEO, 1 << 21, "H264"),
        (FrameType.DTMF, ord("#"), "#"),
        (FrameType.DTMF, 7, "7"),
        (FrameType.TEXT, 0, "0"),
    ],
)
def test_a_subclass_is_named_within_its_type(frame_type: int, subclass: int, name: str) -> None:
    assert subclass_name(frame_type, subclass) == name


def test_every_known_subclass_parses_without_defect() -> None:
    for frame_type, names in ((FrameType.IAX, Iax), (FrameType.CONTROL, Control)):
        for member in names:
            head = bytes.fromhex("8001000200000000000000")[:10]
            frame = parse(head + bytes((frame_type, member & 0xFF)))
            assert frame is not None
            assert not getattr(frame, "defects", None), member
            assert known_subclass(frame_type, member)
