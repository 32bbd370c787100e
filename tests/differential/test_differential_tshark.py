"""Our fields against tshark's, frame by frame, on every bundled capture and on made-up ones.

Contract: the frames that tshark calls SIP or IAX2 are those that our reader hands on, with the
same frame number, and every field below reads the same. Skipped, with the reason, where tshark
isn't installed.
"""

from __future__ import annotations

import datetime
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipdiag.base.datagram import Datagram, Transport
from sipdiag.base.endpoint import Endpoint, same_address
from sipdiag.crafting import iax2 as craft
from sipdiag.crafting.scenario import Scenario
from sipdiag.protocols import iax2, sip
from sipdiag.protocols.iax2 import IE, Control, FrameType, Iax, Value
from sipdiag.readers import open_source

pytestmark = pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")

ROOT = Path(__file__).parents[2]
BUNDLED = sorted(
    path for ending in ("pcap", "pcapng") for path in (ROOT / "captures").rglob(f"*.{ending}")
)

SIP_FIELDS = {
    "method": "sip.Method",
    "status": "sip.Status-Code",
    "call_id": "sip.Call-ID",
    "cseq": "sip.CSeq.seq",
    "cseq_method": "sip.CSeq.method",
    "from_tag": "sip.from.tag",
    "to_tag": "sip.to.tag",
    "via_host": "sip.Via.sent-by.address",
    "via_port": "sip.Via.sent-by.port",
    "branch": "sip.Via.branch",
    "received": "sip.Via.received",
    "rport": "sip.Via.rport",
    "contact_host": "sip.contact.host",
    "contact_port": "sip.contact.port",
    "expires": "sip.Expires",
    "content_length": "sip.Content-Length",
    "sdp_address": "sdp.connection_info.address",
    "sdp_port": "sdp.media.port",
}

IAX2_FIELDS = {
    "source_call": "iax2.src_call",
    "dest_call": "iax2.dst_call",
    "retransmission": "iax2.retransmission",
    "timestamp_ms": "iax2.timestamp",
    "oseqno": "iax2.oseqno",
    "iseqno": "iax2.iseqno",
    "type": "iax2.type",
    "command": "iax2.iax.subclass",
    "control": "iax2.control.subclass",
    "voice": "iax2.voice.codec",
    "video": "iax2.video.codec",
    "digit": "iax2.dtmf.subclass",
    "address": "iax2.iax.app_addr.sinaddr",
    "port": "iax2.iax.app_addr.sinport",
    "datetime": "iax2.iax.datetime.raw",
    "trunk_calls": "iax2.trunk.call.scallno",
    "trunk_lengths": "iax2.trunk.call.len",
}

ELEMENT_FIELDS = {
    "CALLED_NUMBER": "called_number", "CALLING_NUMBER": "calling_number",
    "CALLING_ANI": "calling_ani", "CALLING_NAME": "calling_name",
    "CALLED_CONTEXT": "called_context", "USERNAME": "username", "PASSWORD": "password",
    "CAPABILITY": "capability", "FORMAT": "format", "LANGUAGE": "language",
    "VERSION": "version", "ADSICPE": "cpe_adsi", "DNID": "dnid",
    "AUTHMETHODS": "auth.methods", "CHALLENGE": "auth.challenge", "MD5_RESULT": "auth.md5",
    "RSA_RESULT": "auth.rsa", "REFRESH": "refresh", "DPSTATUS": "dialplan_status",
    "CALLNO": "call_no", "CAUSE": "cause", "MSGCOUNT": "msg_count",
    "TRANSFERID": "transferid", "RDNIS": "rdnis", "DEVICETYPE": "devicetype",
    "SERVICEIDENT": "serviceident", "FIRMWAREVER": "firmwarever",
    "FWBLOCKDESC": "fwblockdesc", "PROVVER": "provver", "CALLINGPRES": "callingpres",
    "CALLINGTON": "callington", "CALLINGTNS": "callingtns", "SAMPLINGRATE": "samplingrate",
    "CAUSECODE": "causecode", "ENCRYPTION": "encryption", "CODEC_PREFS": "codecprefs",
    "RR_JITTER": "rrjitter", "RR_LOSS": "rrloss", "RR_PKTS": "rrpkts",
    "RR_DELAY": "rrdelay", "RR_DROPPED": "rrdropped", "RR_OOO": "rrooo",
    "CAPABILITY2": "capability2", "FORMAT2": "format2", "DATAFORMAT": "dataformat",
}  # fmt: skip
"""Names of elements and what follows ``iax2.iax.`` in Wireshark's."""

SEPARATOR, AGGREGATOR = "\t", "\x1f"

Row = dict[str, list[str]]


def tshark(path: Path) -> dict[int, Row]:
    """Frame number to our name of a field to its values, for the SIP and IAX2 frames."""
    fields = {"frame": "frame.number", "payload": "udp.payload", "kind": "iax2.packet_type"}
    fields |= SIP_FIELDS | IAX2_FIELDS
    fields |= {name: f"iax2.iax.{field}" for name, field in ELEMENT_FIELDS.items()}
    columns = [word for field in fields.values() for word in ("-e", field)]
    done = subprocess.run(
        ["tshark", "-n", "-r", str(path), "-Y", "(sip || iax2) && !icmp && !icmpv6",
         "-T", "fields", "-E", f"separator={SEPARATOR}", "-E", f"aggregator={AGGREGATOR}",
         *columns],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = {}
    for line in done.stdout.splitlines():
        values = line.split(SEPARATOR)
        row = {
            name: value.split(AGGREGATOR) if value else []
            for name, value in zip(fields, values, strict=True)
        }
        rows[int(row["frame"][0])] = row
    return rows


def ours(path: Path) -> dict[int, list[Datagram]]:
    """Frame number to what the reader hands on for it."""
    frames: dict[int, list[Datagram]] = defaultdict(list)
    for datagram in open_source(path):
        if datagram.transport is not Transport.ICMP:
            assert datagram.origin.frame is not None
            frames[datagram.origin.frame].append(datagram)
    return frames


def same_text(a: object, b: object) -> bool:
    if isinstance(a, str) and isinstance(b, str) and same_address(a.strip("[]"), b.strip("[]")):
        return True
    return a == b


def first(values: list[str]) -> str | None:
    return values[0] if values else None


def number(values: list[str]) -> int | None:
    return int(values[0], 0) if values else None


def sip_differences(payload: bytes, row: Row) -> Iterator[tuple[str, object, object]]:
    """(field, ours, tshark's) wherever they aren't the same."""
    message = sip.parse(payload)
    if message is None:
        yield "parse", None, "SIP"
        return
    via, cseq = message.via, message.cseq
    contact = next((c.uri for c in message.contacts if c.uri), None)
    audio = message.sdp.media[0] if message.sdp and message.sdp.media else None
    pairs: list[tuple[str, object, object]] = [
        ("method", message.method if message.is_request else None, first(row["method"])),
        ("status", message.status, number(row["status"])),
        ("call_id", message.call_id, first(row["call_id"])),
        ("cseq", cseq and cseq.number, number(row["cseq"])),
        ("cseq_method", cseq and cseq.method, first(row["cseq_method"])),
        ("from_tag", message.from_ and message.from_.tag, first(row["from_tag"])),
        ("to_tag", message.to and message.to.tag, first(row["to_tag"])),
        ("via_host", via and via.host, first(row["via_host"])),
        ("branch", via and via.branch, first(row["branch"])),
        ("contact_host", contact and contact.host, first(row["contact_host"])),
        ("contact_port", contact and contact.port, number(row["contact_port"])),
        ("expires", message.expires, number(row["expires"])),
        ("content_length", message.content_length, number(row["content_length"])),
        ("sdp_port", audio and audio.port, number(row["sdp_port"])),
    ]
    if message.sdp and len(message.sdp.media) == 1:
        # tshark's first is the session's; the last is that of the only media section, if any.
        pairs.append(("sdp_address", audio and audio.address, first(row["sdp_address"][-1:])))
    if len(message.vias) == 1:
        # A Via without port or parameter leaves no gap in tshark's list, so only one can be told.
        pairs.append(("via_port", via and via.port, number(row["via_port"])))
        pairs.append(("received", via and via.received, first(row["received"])))
        asked = row["rport"] and not row["rport"][0].isdigit()
        pairs.append(("rport", via and via.rport, None if asked else number(row["rport"])))
    for name, our, their in pairs:
        if not same_text(our, their):
            yield name, our, their


def plain(value: Value | None) -> object:
    return value if not isinstance(value, bytes) else value.hex()


def iax2_differences(payload: bytes, row: Row) -> Iterator[tuple[str, object, object]]:
    """(field, ours, tshark's) wherever they aren't the same."""
    frame = iax2.parse(payload)
    if frame is None:
        yield "parse", None, "IAX2"
        return
    pairs: list[tuple[str, object, object]] = []
    if isinstance(frame, iax2.MiniFrame | iax2.VideoMiniFrame):
        pairs.append(("source_call", frame.source_call, number(row["source_call"])))
        pairs.append(("timestamp_ms", frame.timestamp_ms, number(row["timestamp_ms"])))
    if isinstance(frame, iax2.MetaFrame):
        entries = [(entry.source_call, entry.length_bytes) for entry in frame.entries]
        calls = [int(text, 0) for text in row["trunk_calls"]]
        lengths = [int(text, 0) for text in row["trunk_lengths"]]
        pairs.append(("trunk", entries, list(zip(calls, lengths, strict=True))))
    if isinstance(frame, iax2.FullFrame):
        numbers = ("source_call", "dest_call", "timestamp_ms", "oseqno", "iseqno")
        pairs += [(name, getattr(frame, name), number(row[name])) for name in numbers]
        again = first(row["retransmission"]) in ("1", "True")
        pairs.append(("retransmission", frame.retransmission, again))
        pairs.append(("type", frame.frame_type, number(row["type"])))
        subclasses = {
            FrameType.IAX: "command", FrameType.CONTROL: "control", FrameType.VOICE: "voice",
            FrameType.VIDEO: "video",
        }  # fmt: skip
        for frame_type, name in subclasses.items():
            if frame.frame_type == frame_type:
                raw = frame.subclass < 0  # tshark shows the -1 of 0xFF as the byte
                subclass = frame.csub if raw else frame.subclass
                pairs.append((name, subclass, number(row[name])))
        if frame.frame_type == FrameType.DTMF:
            pairs.append(("digit", frame.subclass_name, first(row["digit"])))
        if frame.frame_type == FrameType.IAX:
            pairs += element_pairs(frame, row)
    for name, our, their in pairs:
        if our != their:
            yield name, our, their


def element_pairs(frame: iax2.FullFrame, row: Row) -> Iterator[tuple[str, object, object]]:
    for name in ELEMENT_FIELDS:
        got = [element.value for element in frame.elements if element.name == name]
        their: list[object] = list(row[name])
        if any(isinstance(value, int) for value in got):
            their = [int(text, 0) & 0xFFFFFFFFFFFFFFFF for text in row[name]]
        yield name, [plain(value) for value in got], their
    seen = [e.value for e in frame.elements if e.number == IE.APPARENT_ADDR]
    v4 = [e for e in seen if isinstance(e, Endpoint) and ":" not in e.ip]
    yield "address", [e.ip for e in v4], row["address"]
    yield "port", [e.port for e in v4], [int(text) for text in row["port"]]
    when = [e.raw for e in frame.elements if e.number == IE.DATETIME]
    yield "datetime", [int.from_bytes(raw) for raw in when], [int(t, 0) for t in row["datetime"]]


def compare(path: Path) -> tuple[int, int]:
    """How many SIP messages and IAX2 frames were the same; fails where one wasn't."""
    theirs, frames = tshark(path), ours(path)
    differences: list[str] = []
    messages = calls = 0
    for frame, row in theirs.items():
        is_sip = bool(row["call_id"] or row["method"] or row["status"])
        got = frames.get(frame, [])
        if is_sip:
            assert len(row["call_id"]) == 1, f"{path.name}: several messages in frame {frame}"
            datagrams = [d.payload for d in got if sip.parse(d.payload)]
            found = sip_differences(datagrams[0] if datagrams else b"", row)
            messages += 1
        elif row["kind"]:
            payload = bytes.fromhex(row["payload"][0])
            full = payload[:1] >= b"\x80"
            if full and [d.payload for d in got] != [payload]:
                differences.append(f"frame {frame}: the reader gives {len(got)} datagrams")
            found = iax2_differences(payload, row)
            calls += 1
        else:
            continue
        differences += [
            f"frame {frame} {name}: {our!r}, tshark {their!r}" for name, our, their in found
        ]
    for frame, got in frames.items():
        if frame not in theirs and any(sip.parse(d.payload) for d in got):
            differences.append(f"frame {frame}: SIP to us, not to tshark")
    assert not differences, f"{path.name}: {len(differences)} differences\n" + "\n".join(
        differences[:40]
    )
    return messages, calls


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: str(path.relative_to(ROOT / "captures")))
def test_bundled(path: Path) -> None:
    messages, calls = compare(path)
    assert messages + calls


@pytest.mark.parametrize("software", ["Asterisk PBX 16.28.0", "Asterisk PBX 22.5.1"])
def test_made_up_sip(software: str, tmp_path: Path) -> None:
    s = Scenario(software=software)
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7:20005")
    six = s.sip_phone("106", inner="[2001:db8::5]:5066", outer="[2001:db8::5]:5066")
    s.register(phone)
    s.options(phone)
    s.call(phone, talk_s=0.1)
    s.call(phone, refused=486)
    s.call(phone, cancelled=True)
    s.call_from(phone, talk_s=0.1)
    s.unregister(phone)
    s.reject(phone)
    s = Scenario(server="2001:db8::80", software=software) if software.endswith("22.5.1") else s
    if ":" in s.server.ip:
        s.register(six)
        s.call(six, talk_s=0.1)
    messages, calls = compare(s.write(tmp_path / "made.pcap"))
    assert messages >= 10
    assert not calls


def test_made_up_iax2(tmp_path: Path) -> None:
    s = Scenario()
    box = s.iax_peer("branch", inner="192.168.1.60", outer="203.0.113.7:4569")
    s.register(box)
    s.poke(box)
    s.call(box, talk_s=0.3)
    s.call_from(box, talk_s=0.3)
    s.call(box, answered=False)
    s.reject(box)
    s.unregister(box)
    messages, calls = compare(s.write(tmp_path / "made.pcap"))
    assert not messages
    assert calls > 80


TEXT = ("USERNAME", "CALLED_NUMBER", "CALLING_NAME", "CAUSE", "RDNIS", "DNID", "MD5_RESULT")


def test_every_element_and_every_kind_of_frame(tmp_path: Path) -> None:
    """One frame with each element, each command, each control, voice, video, digits, minis."""
    s = Scenario()
    src, dst = Endpoint("203.0.113.7", 4569), Endpoint("203.0.113.80", 4569)
    stamps = iter(range(0, 1_000_000, 20))

    def send(payload: bytes) -> None:
        s.at(s.now_s + 0.02)
        s.send(src, dst, payload)

    send(craft.build(Iax.NEW, source_call=1, timestamp_ms=next(stamps)))
    for name in ELEMENT_FIELDS:
        value: Value = "text é" if name in TEXT else 1
        if name not in TEXT and isinstance(_reads(IE[name]), str):
            value = "text"
        send(
            craft.build(
                Iax.NEW, source_call=1, timestamp_ms=next(stamps), elements=[(IE[name], value)]
            )
        )
    moment = datetime.datetime(2026, 1, 2, 3, 4, 6)
    for number_, value in (
        (IE.APPARENT_ADDR, Endpoint("192.0.2.9", 4570)),
        (IE.DATETIME, moment),
        (IE.REFRESH, 60),
    ):
        send(craft.build(Iax.REGACK, source_call=1, dest_call=2, elements=[(number_, value)]))
    for command in Iax:
        send(craft.build(command, source_call=1, dest_call=2, timestamp_ms=next(stamps)))
    for control in Control:
        send(craft.build(control, frame_type=FrameType.CONTROL, source_call=1, dest_call=2))
    for codec in (4, 8, 1 << 10, 1 << 12, 1 << 34):
        send(craft.build(codec, frame_type=FrameType.VOICE, source_call=1, dest_call=2))
    send(craft.build(1 << 21, frame_type=FrameType.VIDEO, source_call=1, dest_call=2))
    send(craft.build(ord("5"), frame_type=FrameType.DTMF, source_call=1, dest_call=2))
    send(craft.build(0, frame_type=FrameType.TEXT, source_call=1, dest_call=2, data=b"hi\0"))
    send(
        craft.build(
            Iax.PING, source_call=1, dest_call=0x7FFF, oseqno=255, iseqno=254,
            retransmission=True, timestamp_ms=0xFFFFFFFF,
        )
    )  # fmt: skip
    send(craft.build_mini(1, 40, b"sound"))
    send(craft.build_video(1, 40, b"picture"))
    # Not the form without timestamps: Wireshark's dissector reads 2 bytes beyond its last entry
    # (packet-iax2.c: dissect_trunkcall_nots) and calls a sound frame malformed.
    send(craft.build_trunk(1, [(1, 40, b"sound"), (7, 40, b"more")], own=True))
    _, calls = compare(s.write(tmp_path / "made.pcap"))
    assert calls > 120


def _reads(number: int) -> Value | None:
    (element,), _ = iax2.unpack_elements(bytes((number, 1)) + b"a")
    return element.value
