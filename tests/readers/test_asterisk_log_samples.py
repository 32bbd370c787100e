"""Logs of every form and version, each written out with what must be read from it beside it.

A message is expected as ``TIME DIRECTION FAR TRANSPORT WHAT @LINE``; the time without its date
where that is the same as the line before. WHAT is a SIP message's summary and CSeq number, or an
IAX2 frame's name and its elements.
"""

# ruff: noqa: E501 - a log's lines are as long as they are

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from sipdiag.base.datagram import Datagram, Direction, Vantage
from sipdiag.base.interval import NS
from sipdiag.base.logevent import LogEvent
from sipdiag.protocols import iax2, sip
from sipdiag.readers import open_source
from sipdiag.readers.asterisk_log import AsteriskLogReader

NOW_NS = 1_709_290_800 * NS
"""2024-03-01 11:00:00 UTC."""


class Sample(NamedTuple):
    """A log and what is in it. ``events``: kind, user, address; ``notes``: a part of each."""

    name: str
    log: bytes
    messages: list[str]
    events: Sequence[str] = ()
    notes: Sequence[str] = ()
    tz: str | None = None


def read(log: bytes, tz: str | None = None) -> tuple[AsteriskLogReader, list[Datagram]]:
    reader = open_source(io.BytesIO(log), name="sample.log", tz=tz, now_ns=NOW_NS)
    assert isinstance(reader, AsteriskLogReader)
    return reader, list(reader)


def what(payload: bytes) -> str:
    message = sip.parse(payload)
    if message is not None:
        number = f" {message.cseq.number}" if message.cseq else ""
        body = f" +{len(message.body)}" if message.body else ""
        return f"{message.summary}{number}{body}"
    frame = iax2.parse(payload)
    if isinstance(frame, iax2.FullFrame):
        elements = " ".join(
            f"{e.name}={e.value if not isinstance(e.value, bytes) else len(e.value)}"
            for e in frame.elements
        )
        calls = f"{frame.source_call}/{frame.dest_call}"
        again = " again" if frame.retransmission else ""
        return f"{frame.type_name} {frame.subclass_name} {calls}{again} {elements}".rstrip()
    return repr(payload)


def shown(datagrams: list[Datagram]) -> list[str]:
    lines, day = [], ""
    for datagram in datagrams:
        at = datetime.fromtimestamp(datagram.ts_ns // NS, UTC)
        millis = f"{datagram.ts_ns % NS // 1_000_000:03d}"
        when = f"{at:%H:%M:%S}.{millis}"
        if f"{at:%Y-%m-%d}" != day:
            day = f"{at:%Y-%m-%d}"
            when = f"{day} {when}"
        arrow = "<" if datagram.direction is Direction.RECEIVED else ">"
        far = datagram.src or datagram.dst
        cut = " CUT" if datagram.cut else ""
        lines.append(
            f"{when} {arrow} {far} {datagram.transport.value} {what(datagram.payload)}{cut} "
            f"@{datagram.origin.line}"
        )
    return lines


def event(found: LogEvent) -> str:
    return f"{found.kind.value} {found.user} {found.address} @{found.origin.line}"


def doc(text: str) -> bytes:
    """A log written out here; it begins after the first line end."""
    return text.removeprefix("\n").encode()


# ---- chan_sip ------------------------------------------------------------------------------

SIP_1_2 = Sample(
    "chan_sip 1.2: no brackets round the date, every line is logger.c's, two dashes, no mark",
    doc("""
Jan 31 12:00:00 VERBOSE[7160] logger.c: 
<-- SIP read from 203.0.113.7:5060: 
REGISTER sip:203.0.113.80 SIP/2.0
Via: SIP/2.0/UDP 192.168.1.50:5060;branch=z9hG4bK1
Call-ID: a@192.168.1.50
CSeq: 1 REGISTER
Content-Length: 0


Jan 31 12:00:00 VERBOSE[7160] logger.c: --- (5 headers 0 lines) ---
Jan 31 12:00:01 VERBOSE[7160] logger.c: Transmitting (NAT) to 203.0.113.7:1024:
SIP/2.0 200 OK
Via: SIP/2.0/UDP 192.168.1.50:5060;branch=z9hG4bK1;received=203.0.113.7
Call-ID: a@192.168.1.50
CSeq: 1 REGISTER
Content-Length: 0

---
Jan 31 12:00:02 VERBOSE[7160] logger.c:     -- Registered SIP '101' at 203.0.113.7 port 1024 expires 60
"""),
    [
        "2024-01-31 12:00:00.000 < 203.0.113.7:5060 UDP REGISTER 1 @1",
        "12:00:01.000 > 203.0.113.7:1024 UDP 200 OK 1 @11",
    ],
    ["registered 101 203.0.113.7:1024 @19"],
    ["whole seconds", "no year: 2024", "zone is unknown"],
)  # fmt: skip

SIP_1_4 = Sample(
    "chan_sip 1.4: a thread id as large as a pointer, no transport named",
    doc("""
[Feb  9 08:15:00] VERBOSE[-1217094768] logger.c: 
<--- SIP read from 203.0.113.7:5060 --->
OPTIONS sip:200@203.0.113.80 SIP/2.0
Via: SIP/2.0/UDP 192.168.1.50:5060;branch=z9hG4bK2
CSeq: 7 OPTIONS

<------------->
[Feb  9 08:15:00] VERBOSE[-1217094768] logger.c: --- (2 headers 0 lines) ---
[Feb  9 08:15:00] NOTICE[-1217094768] chan_sip.c: Peer '101' is now UNREACHABLE!  Last qualify: 45
[Feb  9 08:15:10] NOTICE[-1217094768] chan_sip.c: Peer '101' is now Reachable. (12ms / 2000ms)
"""),
    ["2024-02-09 08:15:00.000 < 203.0.113.7:5060 UDP OPTIONS 7 @1"],
    ["unreachable 101 None @9", "reachable 101 None @10"],
)  # fmt: skip

SIP_1_6 = Sample(
    "chan_sip 1.6.0: UDP:// before the address; 1.6.2: UDP:",
    doc("""
[2010-02-09 08:15:00] VERBOSE[3120] chan_sip.c: 
<--- SIP read from UDP://203.0.113.7:5060 --->
OPTIONS sip:200@203.0.113.80 SIP/2.0
CSeq: 7 OPTIONS

<------------->
[2010-02-09 08:15:01] VERBOSE[3120] chan_sip.c: 
<--- SIP read from TCP:203.0.113.7:33412 --->
OPTIONS sip:200@203.0.113.80 SIP/2.0
CSeq: 8 OPTIONS

<------------->
"""),
    [
        "2010-02-09 08:15:00.000 < 203.0.113.7:5060 UDP OPTIONS 7 @1",
        "08:15:01.000 < 203.0.113.7:33412 TCP OPTIONS 8 @7",
    ],
    [],
    ["whole seconds"],
)  # fmt: skip

SIP_IPV6 = Sample(
    "chan_sip 13: IPv6 in brackets, and milliseconds",
    doc("""
[2024-01-31 12:00:00.123] VERBOSE[99][C-0000001a] chan_sip.c: Reliably Transmitting (no NAT) to [2001:db8::7]:5060:
OPTIONS sip:101@[2001:db8::7] SIP/2.0\r
Via: SIP/2.0/TLS [2001:db8::80]:5061;branch=z9hG4bK3\r
CSeq: 102 OPTIONS\r
Content-Length: 0\r
\r

---
"""),
    ["2024-01-31 12:00:00.123 > [2001:db8::7]:5060 TLS OPTIONS 102 @1"],
)  # fmt: skip

SIP_REPEATED_DATES = Sample(
    "chan_sip 11 with asterisk -T: the date again before every line, in the file too",
    doc("""
[Jan 31 12:00:00] VERBOSE[99][C-00000001] chan_sip.c: [Jan 31 12:00:00] 
[Jan 31 12:00:00] <--- SIP read from UDP:203.0.113.7:5060 --->
[Jan 31 12:00:00] OPTIONS sip:200@203.0.113.80 SIP/2.0
[Jan 31 12:00:00] CSeq: 9 OPTIONS
[Jan 31 12:00:00] Content-Length: 0
[Jan 31 12:00:00] 
[Jan 31 12:00:00] <------------->
[Jan 31 12:00:03] VERBOSE[99] chan_sip.c: [Jan 31 12:00:03]     -- Unregistered SIP '101'
"""),
    ["2024-01-31 12:00:00.000 < 203.0.113.7:5060 UDP OPTIONS 9 @1"],
    ["unregistered 101 None @8"],
)  # fmt: skip

SIP_BODY = Sample(
    "chan_sip 16: what is sent keeps its line ends, what is received lost CRs and the last LF; "
    "Content-Length tells that the body ended with one",
    doc("""
[2024-01-31 12:00:00.000] VERBOSE[99] chan_sip.c: 
<--- SIP read from UDP:203.0.113.7:5060 --->
SIP/2.0 200 OK
CSeq: 102 INVITE
Content-Type: application/sdp
Content-Length: 51

v=0
c=IN IP4 192.168.1.50
m=audio 4000 RTP/AVP 0
<------------->
[2024-01-31 12:00:00.000] VERBOSE[99] chan_sip.c: --- (4 headers 3 lines) ---
[2024-01-31 12:00:00.004] VERBOSE[99] chan_sip.c: 
<--- Reliably Transmitting (NAT) to 203.0.113.7:5060 --->
SIP/2.0 200 OK\r
Via: SIP/2.0/UDP 192.168.1.50:5060;rport=5060\r
CSeq: 3 INVITE\r
Content-Length: 5\r
\r
v=0\r

<------------>
"""),
    [
        "2024-01-31 12:00:00.000 < 203.0.113.7:5060 UDP 200 OK 102 +51 @1",
        "12:00:00.004 > 203.0.113.7:5060 UDP 200 OK 3 +5 @13",
    ],
)  # fmt: skip

SIP_RETRANSMISSION = Sample(
    "chan_sip 16: retransmissions are messages of their own, and the verdict has two lines",
    doc("""
[2024-01-31 12:00:00.000] VERBOSE[99] chan_sip.c: Reliably Transmitting (NAT) to 203.0.113.7:5060:
OPTIONS sip:101@203.0.113.7 SIP/2.0
CSeq: 102 OPTIONS

---
[2024-01-31 12:00:00.400] VERBOSE[99] chan_sip.c: Retransmitting #1 (NAT) to 203.0.113.7:5060:
OPTIONS sip:101@203.0.113.7 SIP/2.0
CSeq: 102 OPTIONS

---
[2024-01-31 12:00:01.200] VERBOSE[99] chan_sip.c: Retransmitting #2 (no NAT) to 203.0.113.7:5060:
OPTIONS sip:101@203.0.113.7 SIP/2.0
CSeq: 102 OPTIONS

---
[2024-01-31 12:00:06.400] WARNING[99] chan_sip.c: Retransmission timeout reached on transmission 7d@203.0.113.80:5060 for seqno 102 (Critical Request) -- See https://wiki.asterisk.org/wiki/display/AST/SIP+Retransmissions
Packet timed out after 6400ms with no response
[2024-01-31 12:00:06.400] WARNING[99] chan_sip.c: Hanging up call 7d@203.0.113.80:5060 - no reply to our critical packet (see https://wiki.asterisk.org/wiki/display/AST/SIP+Retransmissions).
"""),
    [
        "2024-01-31 12:00:00.000 > 203.0.113.7:5060 UDP OPTIONS 102 @1",
        "12:00:00.400 > 203.0.113.7:5060 UDP OPTIONS 102 @6",
        "12:00:01.200 > 203.0.113.7:5060 UDP OPTIONS 102 @11",
    ],
    ["retransmission-timeout None None @16", "no-reply None None @18"],
)  # fmt: skip

SIP_KEEPALIVE = Sample(
    "chan_sip: a keep-alive is an empty dump; four letters are what a phone sent",
    doc("""
[2024-01-31 12:00:00.000] VERBOSE[99] chan_sip.c: 
<--- SIP read from UDP:203.0.113.7:5060 --->


<------------->
[2024-01-31 12:00:00.000] VERBOSE[99] chan_sip.c: --- (0 headers 0 lines) Nat keepalive ---
[2024-01-31 12:00:30.000] VERBOSE[99] chan_sip.c: 
<--- SIP read from UDP:203.0.113.7:5060 --->
jaK
<------------->
"""),
    [
        "2024-01-31 12:00:00.000 < 203.0.113.7:5060 UDP b'\\r\\n\\r\\n' @1",
        "12:00:30.000 < 203.0.113.7:5060 UDP b'jaK' @7",
    ],
)  # fmt: skip

SIP_PLAIN = Sample(
    "chan_sip 18, [plain] formatter: the console's form in a file",
    doc("""
[2024-01-31 12:00:00.000] VERBOSE[99][C-00000001]: chan_sip.c:3640 in retrans_pkt: Retransmitting #4 (NAT) to 203.0.113.7:5060:
SIP/2.0 200 OK
CSeq: 2 INVITE

---
[2024-01-31 12:00:01.000] NOTICE[99]: chan_sip.c:30131 sip_poke_noanswer: Peer '101' is now UNREACHABLE!  Last qualify: 3
"""),
    ["2024-01-31 12:00:00.000 > 203.0.113.7:5060 UDP 200 OK 2 @1"],
    ["unreachable 101 None @6"],
)  # fmt: skip

SIP_1_0 = Sample(
    "chan_sip 1.0: no address on what is received, and after the message on what is sent",
    doc("""
Jan 31 12:00:00 VERBOSE[1024]: 

Sip read: 
OPTIONS sip:200@203.0.113.80 SIP/2.0
CSeq: 9 OPTIONS


Jan 31 12:00:00 VERBOSE[1024]: 2 headers, 0 lines
Jan 31 12:00:00 VERBOSE[1024]: Transmitting (NAT):
SIP/2.0 200 OK
CSeq: 9 OPTIONS

 to 203.0.113.7:5060
"""),
    [],
    [],
    ["1.0 don't tell the addresses"],
)  # fmt: skip

# ---- chan_pjsip ------------------------------------------------------------------------------

PJSIP_12 = Sample(
    "chan_pjsip 12: IPv6 without brackets",
    doc("""
[Jan 31 12:00:00] VERBOSE[99] res_pjsip_logger.c: <--- Received SIP request (89 bytes) from UDP:2001:db8::7:5060 --->
OPTIONS sip:200@[2001:db8::80] SIP/2.0
CSeq: 1 OPTIONS
Call-ID: a
Content-Length: 0


"""),
    ["2024-01-31 12:00:00.000 < [2001:db8::7]:5060 UDP OPTIONS 1 @1"],
)  # fmt: skip

PJSIP_STREAM = Sample(
    "chan_pjsip 16 over TCP: the receive buffer holds a second message after the counted bytes",
    doc("""
[2024-01-31 12:00:00.500] VERBOSE[99] res_pjsip_logger.c: <--- Received SIP request (76 bytes) from TCP:203.0.113.7:40112 --->
OPTIONS sip:200@203.0.113.80 SIP/2.0\r
CSeq: 1 OPTIONS\r
Content-Length: 0\r
\r
OPTIONS sip:200@203.0.113.80 SIP/2.0\r
CSeq: 2 OPTIONS\r
Content-Length: 0\r
\r

[2024-01-31 12:00:00.501] VERBOSE[99] res_pjsip_logger.c: <--- Transmitting SIP response (54 bytes) to TCP:203.0.113.7:40112 --->
SIP/2.0 200 OK\r
CSeq: 1 OPTIONS\r
Content-Length: 0\r
\r

"""),
    [
        "2024-01-31 12:00:00.500 < 203.0.113.7:40112 TCP OPTIONS 1 @1",
        "12:00:00.500 < 203.0.113.7:40112 TCP OPTIONS 2 @1",
        "12:00:00.501 > 203.0.113.7:40112 TCP 200 OK 1 @11",
    ],
)  # fmt: skip

PJSIP_PASTED = Sample(
    "chan_pjsip, pasted: line ends lost; the counted bytes tell where the body ended",
    doc("""
[2024-01-31 12:00:00.500] VERBOSE[99] res_pjsip_logger.c: <--- Transmitting SIP request (136 bytes) to UDP:203.0.113.7:5060 --->
INVITE sip:101@203.0.113.7 SIP/2.0
CSeq: 1 INVITE
Content-Type: application/sdp
Content-Length:    28

v=0
c=IN IP4 203.0.113.80

[2024-01-31 12:00:00.600] VERBOSE[99] res_pjsip_registrar.c: Added contact 'sip:101@203.0.113.7:1024;x-ast-orig-host=192.168.1.50:5060' to AOR '101' with expiration of 60 seconds
[2024-01-31 12:00:01.600] VERBOSE[99] res_pjsip/pjsip_options.c: Contact 101/sip:101@203.0.113.7:1024 is now Unreachable.  RTT: 0.000 msec
[2024-01-31 12:01:01.600] VERBOSE[99] res_pjsip_registrar.c: Removed contact 'sip:101@203.0.113.7:1024' from AOR '101' due to expiration
"""),
    ["2024-01-31 12:00:00.500 > 203.0.113.7:5060 UDP INVITE 1 +28 @1"],
    [
        "contact-added 101 203.0.113.7:1024 @10",
        "unreachable 101 203.0.113.7:1024 @11",
        "expired 101 203.0.113.7:1024 @12",
    ],
)  # fmt: skip

# ---- chan_iax2 -------------------------------------------------------------------------------

IAX2_1_4 = Sample(
    "chan_iax2 1.4: the address in brackets, the challenge as text, UNQULCH",
    doc("""
[Jan 31 12:00:00] VERBOSE[3078] logger.c: Rx-Frame Retry[ No] -- OSeqno: 000 ISeqno: 000 Type: IAX     Subclass: REGREQ 
[Jan 31 12:00:00] VERBOSE[3078] logger.c:    Timestamp: 00014ms  SCall: 00006  DCall: 00000 [203.0.113.7:4569]
[Jan 31 12:00:00] VERBOSE[3078] logger.c:    USERNAME        : bob
[Jan 31 12:00:00] VERBOSE[3078] logger.c:    REFRESH         : 60
[Jan 31 12:00:00] VERBOSE[3078] logger.c: 
[Jan 31 12:00:00] VERBOSE[3078] logger.c: Tx-Frame Retry[000] -- OSeqno: 000 ISeqno: 001 Type: IAX     Subclass: REGAUTH
[Jan 31 12:00:00] VERBOSE[3078] logger.c:    Timestamp: 00005ms  SCall: 00002  DCall: 00006 [203.0.113.7:4569]
[Jan 31 12:00:00] VERBOSE[3078] logger.c:    AUTHMETHODS     : 2
[Jan 31 12:00:00] VERBOSE[3078] logger.c:    CHALLENGE       : 137472844
[Jan 31 12:00:00] VERBOSE[3078] logger.c:    USERNAME        : bob
[Jan 31 12:00:00] VERBOSE[3078] logger.c: 
[Jan 31 12:00:01] VERBOSE[3078] logger.c: Rx-Frame Retry[Yes] -- OSeqno: 003 ISeqno: 002 Type: IAX     Subclass: UNQULCH
[Jan 31 12:00:01] VERBOSE[3078] logger.c:    Timestamp: 00500ms  SCall: 00006  DCall: 00002 [203.0.113.7:4569]
"""),
    [
        "2024-01-31 12:00:00.000 < 203.0.113.7:4569 UDP IAX REGREQ 6/0 USERNAME=bob REFRESH=60 @1",
        "12:00:00.000 > 203.0.113.7:4569 UDP IAX REGAUTH 2/6 AUTHMETHODS=2 CHALLENGE=137472844 "
        "USERNAME=bob @6",
        "12:00:01.000 < 203.0.113.7:4569 UDP IAX UNQUELCH 6/2 again @12",
    ],
    [],
    ["encoded anew"],
)  # fmt: skip

IAX2_INTERLEAVED = Sample(
    "chan_iax2 16: the lines of two threads' frames among each other, and of a third's verdict",
    doc("""
[2024-01-31 12:00:00.001] VERBOSE[11] chan_iax2.c: Rx-Frame Retry[ No] -- OSeqno: 000 ISeqno: 000 Type: IAX     Subclass: REGREQ 
[2024-01-31 12:00:00.001] VERBOSE[12] chan_iax2.c: Tx-Frame Retry[000] -- OSeqno: 001 ISeqno: 002 Type: IAX     Subclass: REGACK 
[2024-01-31 12:00:00.001] VERBOSE[11] chan_iax2.c:    Timestamp: 00014ms  SCall: 00006  DCall: 00000 203.0.113.7:4569
[2024-01-31 12:00:00.001] VERBOSE[13] chan_iax2.c: Registered IAX2 'eve' (AUTHENTICATED) at 198.51.100.9:1025
[2024-01-31 12:00:00.001] VERBOSE[12] chan_iax2.c:    Timestamp: 00009ms  SCall: 00007  DCall: 00021 198.51.100.9:1025
[2024-01-31 12:00:00.001] VERBOSE[12] chan_iax2.c:    USERNAME        : eve
[2024-01-31 12:00:00.001] VERBOSE[11] chan_iax2.c:    USERNAME        : bob
[2024-01-31 12:00:00.002] VERBOSE[12] chan_iax2.c:    DATE TIME       : 2024-01-31  12:00:00
[2024-01-31 12:00:00.002] VERBOSE[12] chan_iax2.c:    APPARENT ADDRES : IPV4 198.51.100.9:1025
[2024-01-31 12:00:00.002] VERBOSE[11] chan_iax2.c:    CALLTOKEN       : Present
[2024-01-31 12:00:00.002] VERBOSE[12] chan_iax2.c: 
[2024-01-31 12:00:00.002] VERBOSE[11] chan_iax2.c: 
[2024-01-31 12:00:00.003] VERBOSE[11] chan_iax2.c: Tx-Frame Retry[ No] -- OSeqno: 000 ISeqno: 001 Type: IAX     Subclass: CTOKEN 
[2024-01-31 12:00:00.003] VERBOSE[11] chan_iax2.c:    Timestamp: 00014ms  SCall: 00001  DCall: 00006 203.0.113.7:4569
[2024-01-31 12:00:00.003] VERBOSE[11] chan_iax2.c:    CALLTOKEN       : 51 bytes
[2024-01-31 12:00:00.003] VERBOSE[11] chan_iax2.c: 
"""),
    [
        "2024-01-31 12:00:00.001 < 203.0.113.7:4569 UDP IAX REGREQ 6/0 USERNAME=bob CALLTOKEN=0 @1",
        "12:00:00.001 > 198.51.100.9:1025 UDP IAX REGACK 7/21 USERNAME=eve "
        "DATETIME=2024-01-31 12:00:00 APPARENT_ADDR=198.51.100.9:1025 @2",
        "12:00:00.003 > 203.0.113.7:4569 UDP IAX CALLTOKEN 1/6 CALLTOKEN=51 @13",
    ],
    ["registered eve 198.51.100.9:1025 @4"],
)  # fmt: skip

IAX2_RETRIES = Sample(
    "chan_iax2 22: retries, one-shot frames, a control frame without a name, voice, a digit",
    doc("""
[2024-01-31 12:00:00.000] VERBOSE[11] chan_iax2.c: Tx-Frame Retry[000] -- OSeqno: 000 ISeqno: 000 Type: IAX     Subclass: NEW    
[2024-01-31 12:00:00.000] VERBOSE[11] chan_iax2.c:    Timestamp: 00003ms  SCall: 09969  DCall: 00000 [2001:db8::7]:4569
[2024-01-31 12:00:00.000] VERBOSE[11] chan_iax2.c:    VERSION         : 2
[2024-01-31 12:00:00.000] VERBOSE[11] chan_iax2.c:    CODEC_PREFS     : (gsm|ulaw)
[2024-01-31 12:00:00.000] VERBOSE[11] chan_iax2.c:    CAPABILITY2     : (gsm|ulaw)
[2024-01-31 12:00:00.000] VERBOSE[11] chan_iax2.c: 
[2024-01-31 12:00:02.000] VERBOSE[14] chan_iax2.c: Tx-Frame Retry[001] -- OSeqno: 000 ISeqno: 000 Type: IAX     Subclass: NEW    
[2024-01-31 12:00:02.000] VERBOSE[14] chan_iax2.c:    Timestamp: 00003ms  SCall: 09969  DCall: 00000 [2001:db8::7]:4569
[2024-01-31 12:00:02.000] VERBOSE[14] chan_iax2.c:    VERSION         : 2
[2024-01-31 12:00:02.000] VERBOSE[14] chan_iax2.c: 
[2024-01-31 12:00:03.000] VERBOSE[12] chan_iax2.c: Tx-Frame Retry[-01] -- OSeqno: 001 ISeqno: 003 Type: IAX     Subclass: ACK    
[2024-01-31 12:00:03.000] VERBOSE[12] chan_iax2.c:    Timestamp: 00009ms  SCall: 09969  DCall: 16163 [2001:db8::7]:4569
[2024-01-31 12:00:04.000] VERBOSE[12] chan_iax2.c: Rx-Frame Retry[ No] -- OSeqno: 002 ISeqno: 001 Type: CONTROL Subclass: (255?)
[2024-01-31 12:00:04.000] VERBOSE[12] chan_iax2.c:    Timestamp: 00019ms  SCall: 16163  DCall: 09969 [2001:db8::7]:4569
[2024-01-31 12:00:05.000] VERBOSE[12] chan_iax2.c: Rx-Frame Retry[ No] -- OSeqno: 003 ISeqno: 001 Type: VOICE   Subclass: 4
[2024-01-31 12:00:05.000] VERBOSE[12] chan_iax2.c:    Timestamp: 00039ms  SCall: 16163  DCall: 09969 [2001:db8::7]:4569
[2024-01-31 12:00:06.000] VERBOSE[12] chan_iax2.c: Rx-Frame Retry[ No] -- OSeqno: 004 ISeqno: 001 Type: DTMF_B  Subclass: #
[2024-01-31 12:00:06.000] VERBOSE[12] chan_iax2.c:    Timestamp: 00059ms  SCall: 16163  DCall: 09969 [2001:db8::7]:4569
[2024-01-31 12:00:10.000] WARNING[12] chan_iax2.c: Max retries exceeded to host 2001:db8::7 on IAX2/101-9969 (type = 6, subclass = 11, ts=10003, seqno=2)
"""),
    [
        "2024-01-31 12:00:00.000 > [2001:db8::7]:4569 UDP IAX NEW 9969/0 VERSION=2 CODEC_PREFS=CD "
        "CAPABILITY2=6 @1",
        "12:00:02.000 > [2001:db8::7]:4569 UDP IAX NEW 9969/0 again VERSION=2 @7",
        "12:00:03.000 > [2001:db8::7]:4569 UDP IAX ACK 9969/16163 @11",
        "12:00:04.000 < [2001:db8::7]:4569 UDP CONTROL STOP_SOUNDS 16163/9969 @13",
        "12:00:05.000 < [2001:db8::7]:4569 UDP VOICE ULAW 16163/9969 @15",
        "12:00:06.000 < [2001:db8::7]:4569 UDP DTMF_BEGIN # 16163/9969 @17",
    ],
    ["max-retries None [2001:db8::7]:4569 @19"],
)  # fmt: skip

IAX2_ENCRYPTED = Sample(
    "chan_iax2, encrypted call: TE before the garbled Tx (of another thread), RD after the "
    "garbled Rx; each frame once, as deciphered",
    doc("""
[2024-01-31 12:00:00.000] VERBOSE[11] chan_iax2.c: TE-Frame Retry[ No] -- OSeqno: 002 ISeqno: 002 Type: IAX     Subclass: LAGRQ  
[2024-01-31 12:00:00.000] VERBOSE[11] chan_iax2.c:    Timestamp: 10003ms  SCall: 00005  DCall: 00006 203.0.113.7:4569
[2024-01-31 12:00:00.000] VERBOSE[12] chan_iax2.c: Tx-Frame Retry[000] -- OSeqno: 211 ISeqno: 097 Type: (183?)  Subclass: 77
[2024-01-31 12:00:00.000] VERBOSE[12] chan_iax2.c:    Timestamp: 2998113203ms  SCall: 00005  DCall: 00006 203.0.113.7:4569
[2024-01-31 12:00:00.050] VERBOSE[13] chan_iax2.c: Rx-Frame Retry[ No] -- OSeqno: 017 ISeqno: 201 Type: IAX     Subclass: Unknown
[2024-01-31 12:00:00.050] VERBOSE[13] chan_iax2.c:    Timestamp: 88112ms  SCall: 00006  DCall: 00005 203.0.113.7:4569
[2024-01-31 12:00:00.050] VERBOSE[13] chan_iax2.c: Total IE length of 97 bytes exceeds remaining frame length of 4 bytes
[2024-01-31 12:00:00.050] VERBOSE[13] chan_iax2.c: RD-Frame Retry[ No] -- OSeqno: 002 ISeqno: 003 Type: IAX     Subclass: LAGRP  
[2024-01-31 12:00:00.050] VERBOSE[13] chan_iax2.c:    Timestamp: 10003ms  SCall: 00006  DCall: 00005 203.0.113.7:4569
"""),
    [
        "2024-01-31 12:00:00.000 > 203.0.113.7:4569 UDP IAX LAGRQ 5/6 @1",
        "12:00:00.050 < 203.0.113.7:4569 UDP IAX LAGRP 6/5 @5",
    ],
    [],
    ["deciphered"],
)  # fmt: skip

# ---- what others put before the lines --------------------------------------------------------

DOCKER = Sample(
    "docker logs --timestamps of a console: only docker's dates, in UTC",
    doc("""
2024-01-31T12:00:00.100000001Z Asterisk Ready.
2024-01-31T12:00:01.200000000Z <--- Received SIP request (74 bytes) from UDP:203.0.113.7:5060 --->
2024-01-31T12:00:01.200000100Z REGISTER sip:203.0.113.80 SIP/2.0
2024-01-31T12:00:01.200000200Z CSeq: 5 REGISTER
2024-01-31T12:00:01.200000300Z Content-Length: 0
2024-01-31T12:00:01.200000400Z 
2024-01-31T12:00:01.200000500Z 
2024-01-31T12:00:01.300000000Z     -- Added contact 'sip:101@203.0.113.7:5060' to AOR '101' with expiration of 60 seconds
2024-01-31T12:00:01.400000000Z <--- Transmitting SIP response (55 bytes) to UDP:203.0.113.7:5060 --->
2024-01-31T12:00:01.400000100Z SIP/2.0 200 OK
2024-01-31T12:00:01.400000200Z CSeq: 5 REGISTER
2024-01-31T12:00:01.400000300Z Content-Length: 0
2024-01-31T12:00:01.400000400Z 
2024-01-31T12:00:01.400000500Z 
"""),
    [
        "2024-01-31 12:00:01.200 < 203.0.113.7:5060 UDP REGISTER 5 @2",
        "12:00:01.400 > 203.0.113.7:5060 UDP 200 OK 5 @9",
    ],
    ["started None None @1", "contact-added 101 203.0.113.7:5060 @8"],
)  # fmt: skip

DOCKER_JSON = Sample(
    "docker's json-file driver, with a line that it split",
    "".join(
        json.dumps({"log": text, "stream": "stdout", "time": f"2024-01-31T12:00:01.{n:03d}Z"})
        + "\n"
        for n, text in enumerate(
            (
                "[Jan 31 12:00:01] NOTICE[7]: chan_sip.c:1 f: Peer '101' is now ",
                "UNREACHABLE!  Last qualify: 0\n",
                "[Jan 31 12:00:01] VERBOSE[7]: chan_sip.c:1 f: Transmitting (NAT) to 203.0.113.7:5060:\r\n",
                "SIP/2.0 200 OK\r\n",
                "CSeq: 6 OPTIONS\r\n",
                "\r\n",
                "\r\n",
                "---\r\n",
            )
        )
    ).encode(),
    ["2024-01-31 12:00:01.002 > 203.0.113.7:5060 UDP 200 OK 6 @3"],
    ["unreachable 101 None @2"],
)

COMPOSE = Sample(
    "docker compose logs: the container's name before every line",
    doc("""
asterisk-1  | [2024-01-31 12:00:00.250] VERBOSE[7][C-00000001] chan_sip.c: Transmitting (NAT) to 203.0.113.7:5060:
asterisk-1  | SIP/2.0 200 OK
asterisk-1  | CSeq: 6 OPTIONS
asterisk-1  | 
asterisk-1  | ---
asterisk-1  | [2024-01-31 12:00:01.250] NOTICE[7] chan_iax2.c: Peer 'bob' is now TOO LAGGED (2345 ms)!
"""),
    ["2024-01-31 12:00:00.250 > 203.0.113.7:5060 UDP 200 OK 6 @1"],
    ["lagged bob None @6"],
)  # fmt: skip

SYSLOG = Sample(
    "syslog: rsyslog's escapes for line ends, no date of Asterisk's own",
    doc("""
Jan 31 12:00:00 vps asterisk[812]: VERBOSE[7][C-00000001]: chan_sip.c:9021 in handle_request_do: #012<--- SIP read from UDP:203.0.113.7:5060 --->#012OPTIONS sip:200@203.0.113.80 SIP/2.0#012CSeq: 4 OPTIONS#012#012<------------->
Jan 31 12:00:00 vps asterisk[812]: VERBOSE[7]: chan_sip.c:9050 in parse_request: --- (2 headers 0 lines) ---
Jan 31 12:00:02 vps asterisk[812]: NOTICE[7]: chan_sip.c:28644 in handle_request_register: Registration from '"x" <sip:666@203.0.113.80>' failed for '198.51.100.66:5060' - Wrong password
"""),
    ["2024-01-31 12:00:00.000 < 203.0.113.7:5060 UDP OPTIONS 4 @1"],
    ["registration-failed 666 198.51.100.66:5060 @3"],
)  # fmt: skip

RSYSLOG = Sample(
    "rsyslog with dates of high precision, and a hash that isn't passed on",
    doc("""
2024-01-31T12:00:00.125999+01:00 vps asterisk[812]: VERBOSE[7]: chan_sip.c:1 in f: Transmitting (NAT) to 203.0.113.7:5060:#015#012SIP/2.0 200 OK#015#012CSeq: 4 OPTIONS#015#012#015#012#012---
2024-01-31T12:00:01.125999+01:00 vps asterisk[812]: NOTICE[7]: chan_iax2.c:1 in f: Host 203.0.113.7 failed MD5 authentication for 'bob' (0a88c7909faf33230c4b5312c57e799e != 1a88c7909faf33230c4b5312c57e799e)
"""),
    ["2024-01-31 11:00:00.125 > 203.0.113.7:5060 UDP 200 OK 4 @1"],
    ["authentication-failed bob 203.0.113.7:5060 @2"],
)  # fmt: skip

KUBERNETES = Sample(
    "Kubernetes (CRI) of a console that has dates of its own, without zone",
    doc("""
2024-01-31T12:00:01.200000000Z stdout F [Jan 31 13:00:01] VERBOSE[7]: chan_sip.c:1 f: Transmitting (NAT) to 203.0.113.7:5060:
2024-01-31T12:00:01.200000100Z stdout F SIP/2.0 200 OK
2024-01-31T12:00:01.200000200Z stdout F CSeq: 4 OPTIONS
2024-01-31T12:00:01.200000300Z stdout F 
2024-01-31T12:00:01.200000400Z stdout F ---
"""),
    ["2024-01-31 12:00:01.200 > 203.0.113.7:5060 UDP 200 OK 4 @1"],
)  # fmt: skip

JOURNALD = Sample(
    "journalctl: blanks in place of the prefix on a message's other lines",
    doc("""
Jan 31 12:00:00 vps asterisk[812]: VERBOSE[7]: res_pjsip_logger.c:1 in f: <--- Received SIP response (34 bytes) from UDP:203.0.113.7:5060 --->
                                   SIP/2.0 200 OK
                                   CSeq: 4 OPTIONS
                                   
Jan 31 12:00:01 vps asterisk[812]: VERBOSE[7]: chan_iax2.c:1 in f: Rx-Frame Retry[ No] -- OSeqno: 000 ISeqno: 000 Type: IAX     Subclass: POKE   
Jan 31 12:00:01 vps asterisk[812]: VERBOSE[7]: chan_iax2.c:1 in f:    Timestamp: 00002ms  SCall: 00003  DCall: 00000 203.0.113.7:4569
"""),
    [
        "2024-01-31 12:00:00.000 < 203.0.113.7:5060 UDP 200 OK 4 @1",
        "12:00:01.000 < 203.0.113.7:4569 UDP IAX POKE 3/0 @5",
    ],
)  # fmt: skip

JOURNAL_JSON = Sample(
    "journalctl -o json",
    "".join(
        json.dumps({"__REALTIME_TIMESTAMP": f"17067024{n:02d}000500", "MESSAGE": text}) + "\n"
        for n, text in enumerate(
            (
                "VERBOSE[7]: chan_sip.c:1 in f: Transmitting (NAT) to 203.0.113.7:5060:\n"
                "SIP/2.0 200 OK\nCSeq: 6 OPTIONS\n\n---",
                "NOTICE[7]: chan_sip.c:2 in f: Peer '101' is now Lagged. (2500ms / 2000ms)",
            )
        )
    ).encode(),
    ["2024-01-31 12:00:00.000 > 203.0.113.7:5060 UDP 200 OK 6 @1"],
    ["lagged 101 None @2"],
)


def formatted(level: str, message: str) -> str:
    """main/logger.c:format_log_json()."""
    return json.dumps(
        {
            "hostname": "vps",
            "timestamp": "Jan 31 12:00:00",
            "identifiers": {"lwp": 7, "callid": "[C-00000001]"},
            "logmsg": {
                "location": {"filename": "chan_sip.c", "function": "f", "line": 1},
                "level": level,
                "message": message,
            },
        },
        separators=(",", ":"),
    )


JSON = Sample(
    "[json] formatter: a message a line; one of more than 8192 bytes is cut and no JSON any more",
    "\n".join(
        (
            formatted(
                "VERBOSE",
                "\n<--- SIP read from UDP:203.0.113.7:5060 --->\nOPTIONS sip:a SIP/2.0\n"
                "CSeq: 4 OPTIONS\n\n<------------->\n",
            ),
            formatted(
                "VERBOSE",
                "Reliably Transmitting (NAT) to 203.0.113.7:5060:\nINVITE sip:101@203.0.113.7 "
                "SIP/2.0\r\nCSeq: 5 INVITE\r\nContent-Length: 9000\r\n\r\nv=0\r\n" + "a" * 9000,
            )[:8191],
            formatted("NOTICE", "Peer '101' is now UNREACHABLE!  Last qualify: 0"),
        )
    ).encode(),
    [
        "2024-01-31 12:00:00.000 < 203.0.113.7:5060 UDP OPTIONS 4 @1",
        "12:00:00.000 > 203.0.113.7:5060 UDP INVITE 5 +7859 CUT @2",
    ],
    ["unreachable 101 None @3"],
    ["1 message cut off"],
)

# ---- consoles ---------------------------------------------------------------------------------

CONSOLE = Sample(
    "a pasted console: no dates, colours, prompts, the answer of a command among it",
    doc("""
\x1b[0mConnected to Asterisk 16.28.0 currently running on vps (pid = 812)\x1b[0m
vps*CLI> sip set debug on
SIP Debugging enabled
vps*CLI>
<--- SIP read from UDP:203.0.113.7:5060 --->
OPTIONS sip:200@203.0.113.80 SIP/2.0
CSeq: 4 OPTIONS
Content-Length: 0

<------------->
--- (3 headers 0 lines) ---
Sending to 203.0.113.7:5060 (NAT)

<--- Transmitting (NAT) to 203.0.113.7:5060 --->
SIP/2.0 200 OK
CSeq: 4 OPTIONS
Content-Length: 0


<------------>
\x1b[1;32m    -- \x1b[0mRegistered SIP '101' at 203.0.113.7:5060
vps*CLI> Rx-Frame Retry[ No] -- OSeqno: 000 ISeqno: 000 Type: IAX     Subclass: REGREQ
   Timestamp: 00014ms  SCall: 00006  DCall: 00000 203.0.113.7:4569
   USERNAME        : bob

Tx-Frame Retry[-01] -- OSeqno: 000 ISeqno: 001 Type: IAX     Subclass: ACK
   Timestamp: 00014ms  SCall: 00001  DCall: 00006 203.0.113.7:4569
"""),
    [
        "1970-01-01 00:00:00.000 < 203.0.113.7:5060 UDP OPTIONS 4 @5",
        "00:00:00.000 > 203.0.113.7:5060 UDP 200 OK 4 @14",
        "00:00:00.000 < 203.0.113.7:4569 UDP IAX REGREQ 6/0 USERNAME=bob @22",
        "00:00:00.000 > 203.0.113.7:4569 UDP IAX ACK 1/6 @26",
    ],
    ["registered 101 203.0.113.7:5060 @21"],
    ["no dates"],
)  # fmt: skip

CONSOLE_DATED = Sample(
    "a console of asterisk -T: a date before each line and nothing else",
    doc("""
[Jan 31 12:00:00]
[Jan 31 12:00:00] <--- SIP read from UDP:203.0.113.7:5060 --->
[Jan 31 12:00:00] OPTIONS sip:200@203.0.113.80 SIP/2.0
[Jan 31 12:00:00] CSeq: 4 OPTIONS
[Jan 31 12:00:01]
[Jan 31 12:00:01] <------------->
[Jan 31 12:00:01]     -- Registered SIP '101' at 203.0.113.7:5060
"""),
    ["2024-01-31 12:00:00.000 < 203.0.113.7:5060 UDP OPTIONS 4 @1"],
    ["registered 101 203.0.113.7:5060 @7"],
)  # fmt: skip

CONSOLE_MIXED = Sample(
    "a console file: notices have a date, what is verbose has none and is as old as they are",
    doc("""
[Jan 31 12:00:00] NOTICE[7]: chan_sip.c:30131 sip_poke_noanswer: Peer '101' is now UNREACHABLE!  Last qualify: 3
Reliably Transmitting (NAT) to 203.0.113.7:5060:
OPTIONS sip:101@203.0.113.7 SIP/2.0
CSeq: 102 OPTIONS

---
    -- Registered SIP '101' at 203.0.113.7:5060
"""),
    ["2024-01-31 12:00:00.000 > 203.0.113.7:5060 UDP OPTIONS 102 @2"],
    ["unreachable 101 None @1", "registered 101 203.0.113.7:5060 @7"],
)  # fmt: skip

CONSOLE_BEFORE = Sample(
    "a console file that begins with what has no date: as old as the first that has one",
    doc("""
Retransmitting #1 (NAT) to 203.0.113.7:5060:
OPTIONS sip:101@203.0.113.7 SIP/2.0
CSeq: 102 OPTIONS

---
[Jan 31 12:00:00] NOTICE[7]: chan_sip.c:30131 sip_poke_noanswer: Peer '101' is now UNREACHABLE!  Last qualify: 3
"""),
    ["2024-01-31 12:00:00.000 > 203.0.113.7:5060 UDP OPTIONS 102 @1"],
    ["unreachable 101 None @6"],
    ["1 record without a date"],
)  # fmt: skip

WRAPPED = Sample(
    "lines broken at 80 columns by a terminal",
    doc("""
<--- SIP read from UDP:203.0.113.7:5060 --->
REGISTER sip:203.0.113.80 SIP/2.0
Via: SIP/2.0/UDP 192.168.1.50:5060;branch=z9hG4bK7aa06308ca903761;received=203.0
.113.7;rport=5060
Contact: <sip:101-0x55a7d59434f0@192.168.1.50:5060>;expires=60;+sip.instance="<u
rn:uuid:5d0c1a9e-4d1a-4f6e-9a50-000000000101>"
Call-ID: 6fad8bebf1636f73
CSeq: 2568 REGISTER
Content-Length: 0

<------------->
"""),
    ["1970-01-01 00:00:00.000 < 203.0.113.7:5060 UDP REGISTER 2568 @1"],
    [],
    ["broken at 80 columns"],
)  # fmt: skip

# ---- damage -----------------------------------------------------------------------------------

LONG = Sample(
    "a record of more than 8192 bytes: cut without its line end, the next begins in mid-line",
    (
        b"[2024-01-31 12:00:00.000] VERBOSE[7] chan_sip.c: \n"
        b"<--- SIP read from UDP:203.0.113.7:5060 --->\n"
        b"INVITE sip:200@203.0.113.80 SIP/2.0\nCSeq: 4 INVITE\nContent-Length: 12000\n\n"
        + b"a=b\n" * 1990
        + b"a=[2024-01-31 12:00:00.100] NOTICE[7] chan_sip.c: Peer '101' is now UNREACHABLE!\n"
    ),
    ["2024-01-31 12:00:00.000 < 203.0.113.7:5060 UDP INVITE 4 +9954 CUT @1"],
    ["unreachable 101 None @1997"],
    ["1 message cut off"],
)

TORN = Sample(
    "rotated in the middle of a message, at both ends",
    doc("""
CSeq: 3 OPTIONS
Content-Length: 0

<------------->
[2024-01-31 12:00:00.000] VERBOSE[7] chan_sip.c: --- (3 headers 0 lines) ---
[2024-01-31 12:00:01.000] VERBOSE[7] chan_sip.c: Reliably Transmitting (NAT) to 203.0.113.7:5060:
OPTIONS sip:101@203.0.113.7 SIP/2.0
CSeq: 102 OPTIONS
Content-L"""),
    ["2024-01-31 12:00:01.000 > 203.0.113.7:5060 UDP OPTIONS 102 CUT @6"],
    [],
    ["begins in the middle", "ends in the middle"],
)  # fmt: skip

OVERLOAD = Sample(
    "the logger was overloaded, 16",
    doc("""
[2024-01-31 12:00:00.000] WARNING[7] logger.c: Logging resumed.  212 messages discarded.
"""),
    [],
    ["discarded None None @1"],
    ["discarded 212 messages", "no message dumps"],
)  # fmt: skip

CRLF = Sample(
    "every line end CRLF, as an editor on Windows leaves it",
    doc("""
[2024-01-31 12:00:00.000] VERBOSE[7] chan_sip.c: Transmitting (NAT) to 203.0.113.7:5060:
SIP/2.0 200 OK
CSeq: 6 INVITE
Content-Length: 5

v=0

---
[2024-01-31 12:00:00.000] VERBOSE[7] chan_sip.c: Unregistered SIP '101'
""").replace(b"\n", b"\r\n"),
    ["2024-01-31 12:00:00.000 > 203.0.113.7:5060 UDP 200 OK 6 +5 @1"],
    ["unregistered 101 None @9"],
)  # fmt: skip

# ---- times -------------------------------------------------------------------------------------

NEW_YEAR = Sample(
    "no year, over New Year",
    doc("""
[Dec 31 23:59:59] NOTICE[7] chan_sip.c: Peer '101' is now UNREACHABLE!  Last qualify: 0
[Jan  1 00:00:05] VERBOSE[7] chan_sip.c: Transmitting (NAT) to 203.0.113.7:5060:
SIP/2.0 200 OK
CSeq: 6 OPTIONS

---
"""),
    ["2024-01-01 00:00:05.000 > 203.0.113.7:5060 UDP 200 OK 6 @2"],
    ["unreachable 101 None @1"],
    ["no year: 2023", "new year begins (2024)"],
)  # fmt: skip

ZONE_GIVEN = Sample(
    "a zone by name, and commas before milliseconds",
    doc("""
[2024-01-31 12:00:00,125] VERBOSE[7] chan_sip.c: Transmitting (NAT) to 203.0.113.7:5060:
SIP/2.0 200 OK
CSeq: 6 OPTIONS

---
"""),
    ["2024-01-31 17:00:00.125 > 203.0.113.7:5060 UDP 200 OK 6 @1"],
    tz="-05:00",
)  # fmt: skip

ZONE_OWN = Sample(
    "the zone in the date (dateformat=%FT%T.%6q%z)",
    doc("""
[2024-01-31T12:00:00.125999+0100] VERBOSE[7] chan_sip.c: Transmitting (NAT) to 203.0.113.7:5060:
SIP/2.0 200 OK
CSeq: 6 OPTIONS

---
"""),
    ["2024-01-31 11:00:00.125 > 203.0.113.7:5060 UDP 200 OK 6 @1"],
)  # fmt: skip

ZONE_PROVED = Sample(
    "zone and year follow from the Date header (GMT) of what Asterisk sent",
    doc("""
[Jul 31 12:00:00] VERBOSE[7] chan_sip.c: 
<--- Transmitting (NAT) to 203.0.113.7:5060 --->
SIP/2.0 200 OK
CSeq: 6 REGISTER
Date: Mon, 31 Jul 2023 10:00:00 GMT
Content-Length: 0

<------------>
"""),
    ["2023-07-31 10:00:00.000 > 203.0.113.7:5060 UDP 200 OK 6 @1"],
    [],
    ["whole seconds", "2023 is taken, as dates in messages have it", "follows from the Date headers"],
)  # fmt: skip

SUMMER_TIME = Sample(
    "the end of summer time, in a log whose zone isn't known: not silently",
    doc("""
[2023-10-29 02:59:58.000] NOTICE[7] chan_sip.c: Peer '101' is now UNREACHABLE!  Last qualify: 0
[2023-10-29 02:00:03.000] NOTICE[7] chan_sip.c: Peer '101' is now Reachable. (12ms / 2000ms)
[2023-10-29 02:00:05.000] VERBOSE[7] chan_sip.c: Transmitting (NAT) to 203.0.113.7:5060:
SIP/2.0 200 OK
CSeq: 6 OPTIONS

---
"""),
    ["2023-10-29 03:00:05.000 > 203.0.113.7:5060 UDP 200 OK 6 @3"],
    ["unreachable 101 None @1", "reachable 101 None @2"],
    ["zone is unknown", "end of summer time"],
)  # fmt: skip

SAMPLES = [value for value in list(globals().values()) if isinstance(value, Sample)]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_sample(sample: Sample) -> None:
    reader, datagrams = read(sample.log, sample.tz)
    assert shown(datagrams) == sample.messages
    assert [event(found) for found in reader.events] == list(sample.events)
    for part in sample.notes:
        assert any(part in note for note in reader.source.notes), reader.source.notes


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_source(sample: Sample) -> None:
    reader, datagrams = read(sample.log, sample.tz)
    source = reader.source
    assert (source.kind, source.vantage) == ("log", Vantage.PBX)
    assert not (source.both_ends_known or source.media_visible or source.bytes_exact)
    assert source.packets == len(datagrams)
    for datagram in datagrams:
        sent = datagram.direction is Direction.SENT
        assert (datagram.src is None, datagram.dst is None) == (sent, not sent)
        assert datagram.origin.frame is None
    ordered = [datagram.ts_ns for datagram in datagrams]
    assert ordered == sorted(ordered)


def test_enough_samples() -> None:
    assert len(SAMPLES) >= 20


def test_whole_messages_have_no_defects() -> None:
    """What was restored reads as a message with the length that it says."""
    for sample in SAMPLES:
        _, datagrams = read(sample.log, sample.tz)
        for datagram in datagrams:
            message = sip.parse(datagram.payload)
            if message is not None and not datagram.cut:
                assert not message.parse_defects
                length = message.content_length
                assert length is None or length <= len(message.raw) - message.body_offset
            frame = iax2.parse(datagram.payload)
            if isinstance(frame, iax2.FullFrame):
                assert not frame.defects


def test_wrapped_headers_are_whole() -> None:
    _, datagrams = read(WRAPPED.log)
    message = sip.parse(datagrams[0].payload)
    assert message is not None and message.via is not None
    assert (message.via.received, message.via.rport) == ("203.0.113.7", 5060)
    assert message.contacts[0].params["+sip.instance"] == (
        "<urn:uuid:5d0c1a9e-4d1a-4f6e-9a50-000000000101>"
    )


def test_made_up_times_keep_the_order() -> None:
    reader, datagrams = read(CONSOLE.log)
    assert not reader.times_known
    assert [datagram.ts_ns for datagram in datagrams] == [1, 2, 4, 5]


def test_hashes_are_not_passed_on() -> None:
    reader, _ = read(RSYSLOG.log)
    assert reader.events[0].text.endswith("for 'bob' (redacted)")
