"""A SIP message, an IAX2 frame and a log's lines with stand-ins: what stays and what doesn't."""

from __future__ import annotations

import re
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipdiag.anonymise import Anonymiser
from sipdiag.base.datagram import Datagram, Origin, Transport
from sipdiag.base.endpoint import Endpoint, scope_of
from sipdiag.base.logevent import EventKind, LogEvent
from sipdiag.crafting import iax2 as make_iax2
from sipdiag.protocols import iax2, sip
from sipdiag.protocols.iax2.names import IE, FrameType, Iax

PHONE, PBX = Endpoint("91.12.33.4", 5060), Endpoint("93.184.216.34", 5060)

SECRETIVE = (
    b"INVITE sip:+493012345678@pbx.acme-corp.org;transport=udp SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.168.178.20:5060;branch=z9hG4bKabc123;rport;received=91.12.33.4\r\n"
    b'From: "Alice Smith" <sip:alice.smith@pbx.acme-corp.org>;tag=as12345678\r\n'
    b"t: <sip:+493012345678@pbx.acme-corp.org;user=phone>\r\n"
    b"Call-ID: 7f3a9c@192.168.178.20\r\n"
    b"CSeq: 102 INVITE\r\n"
    b'Contact: "Alice" <sip:alice.smith@192.168.178.20:5060;line=x7>;expires=60\r\n'
    b'Authorization: Digest username="alice.smith", realm="acme-corp.org", nonce="4f2e",\r\n'
    b' uri="sip:pbx.acme-corp.org", response="deadbeef", algorithm=MD5, nc=00000001\r\n'
    b"P-Asserted-Identity: <tel:+493012345678>\r\n"
    b"X-Acme-Office: Acme Corporation, Berlin\r\n"
    b"User-Agent: Yealink SIP-T21P_E2 52.84.0.15 805ec0aabbcc\r\n"
    b"Subject: quarterly losses\r\n"
    b"Allow: INVITE, ACK, BYE\r\n"
    b"this is no header of Alice\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: 204\r\n\r\n"
    b"v=0\r\no=alice 1 1 IN IP4 192.168.178.20\r\ns=Alice's call\r\ni=on losses\r\n"
    b"u=http://acme-corp.org\r\ne=alice@acme-corp.org\r\nc=IN IP4 192.168.178.20\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:0 PCMU/8000\r\na=cname:alice\r\na=sendrecv\r\n"
)
PERSONAL = [
    "alice", "smith", "acme", "493012345678", "192.168.178.20", "91.12.33.4", "93.184.216.34",
    "805ec0aabbcc", "berlin", "losses", "7f3a9c", "abc123", "12345678", "deadbeef", "4f2e", "x7",
]  # fmt: skip


def _rewritten(payload: bytes, anonymiser: Anonymiser | None = None) -> bytes:
    datagram = Datagram(0, PHONE, PBX, Transport.UDP, payload, Origin("x", 1))
    return (anonymiser or Anonymiser()).datagram(datagram).payload


def _parsed(payload: bytes) -> sip.Message:
    message = sip.parse(payload)
    assert message is not None
    return message


@pytest.mark.parametrize("personal", PERSONAL)
def test_nothing_personal_is_left(personal: str) -> None:
    assert personal not in _rewritten(SECRETIVE).decode().lower()


def test_what_is_evidence_stays() -> None:
    before, after = _parsed(SECRETIVE), _parsed(_rewritten(SECRETIVE))
    assert [h.name for h in before.headers if h.name != "x-acme-office"] == [
        h.name for h in after.headers if not h.name.startswith("x-")
    ]
    assert (after.method, after.cseq) == (before.method, before.cseq)
    assert before.via and after.via and after.via.port == 5060 and "rport" in after.via.params
    assert scope_of(after.via.host) is scope_of(before.via.host)
    assert (after.via.branch or "").startswith("z9hG4bK")
    contact = after.contacts[0].uri
    assert contact and contact.host == after.via.host and contact.port == 5060
    assert after.contact_expires(after.contacts[0]) == 60
    assert after.from_ and after.from_.uri and contact.user == after.from_.uri.user
    assert re.fullmatch("as[0-9a-f]{8}", after.from_.tag or "")
    assert after.call_id.endswith(f"@{after.via.host}")
    assert after.software == "Yealink SIP-T21P_E2 52.84.0.15 " + (after.software or "")[-12:]
    assert after.sdp and before.sdp
    assert after.sdp.connection_address == after.via.host
    assert after.sdp.media[0].port == 4000
    assert after.get("allow") == "INVITE, ACK, BYE"


@pytest.mark.parametrize("wrong", [-7, 0, 12])
def test_a_content_length_stays_as_wrong_as_it_was(wrong: int) -> None:
    body = SECRETIVE.partition(b"\r\n\r\n")[2]
    payload = SECRETIVE.replace(b"Length: 204", b"Length: %d" % (len(body) + wrong))
    after = _parsed(_rewritten(payload))
    assert after.content_length == len(after.raw) - after.body_offset + wrong


def test_one_map_for_all_messages() -> None:
    anonymiser = Anonymiser()
    assert _rewritten(SECRETIVE, anonymiser) == _rewritten(SECRETIVE, anonymiser)
    assert _rewritten(SECRETIVE) == _rewritten(SECRETIVE)


def test_what_was_changed_on_the_way_still_was() -> None:
    """A Via that an ALG changed is another one; the rest of the message is the same."""
    anonymiser = Anonymiser()
    near = _parsed(_rewritten(SECRETIVE, anonymiser))
    far = _parsed(
        _rewritten(SECRETIVE.replace(b"UDP 192.168.178.20", b"UDP 91.12.33.4"), anonymiser)
    )
    assert near.via and far.via and near.via.host != far.via.host == near.via.received
    assert [h.value for h in near.headers[1:]] == [h.value for h in far.headers[1:]]


@pytest.mark.parametrize(
    ("line", "left"),
    [
        (b"SIP/2.0 401 Unauthorized", b"SIP/2.0 401 Unauthorized"),
        (b"SIP/2.0 200 OK", b"SIP/2.0 200 OK"),
    ],
)
def test_usual_reasons_stay(line: bytes, left: bytes) -> None:
    assert _rewritten(line + b"\r\nCSeq: 1 INVITE\r\n\r\n").startswith(left)


def test_unusual_reasons_go() -> None:
    made = _rewritten(b"SIP/2.0 403 Alice owes us money\r\nCSeq: 1 INVITE\r\n\r\n")
    assert made.startswith(b"SIP/2.0 403 ") and b"Alice" not in made and b"money" not in made


def test_other_bodies_are_masked() -> None:
    message = (
        b"MESSAGE sip:101@x SIP/2.0\r\nContent-Type: text/plain\r\n"
        b"Content-Length: 14\r\n\r\nmeet me at ten"
    )
    made = _rewritten(message)
    assert made.endswith(b"\r\n\r\nxxxx xx xx xxx")
    assert b"Content-Length: 14" in made


@pytest.mark.parametrize(
    "payload",
    [b"\r\n\r\n", b"\0", b"\xff\xff\xff\xff"],
)
def test_keepalives_stay(payload: bytes) -> None:
    assert _rewritten(payload) == payload


def test_stun_keeps_its_header_only() -> None:
    stun = b"\x01\x01\x00\x0c\x21\x12\xa4\x42" + b"t" * 12 + b"\x00\x20\x00\x08\x00\x01abcdef"
    assert _rewritten(stun) == stun[:20] + bytes(len(stun) - 20)


def test_anything_else_becomes_zeros() -> None:
    assert _rewritten(b"who knows what this is") == bytes(22)


def test_an_iax2_frame() -> None:
    raw = make_iax2.build(
        Iax.NEW, source_call=7, timestamp_ms=3,
        elements=[
            (IE.VERSION, 2), (IE.CALLED_NUMBER, "+493012345678"), (IE.CALLING_NAME, "Alice Smith"),
            (IE.USERNAME, "branch-berlin"), (IE.CHALLENGE, "212331104"), (IE.REFRESH, 60),
            (IE.APPARENT_ADDR, PHONE), (IE.CAUSE, "Registration Refused"),
            (IE.VARIABLE, "ACCOUNT=alice"), (IE.CALLTOKEN, b"token-bytes"),
        ],
    )  # fmt: skip
    anonymiser = Anonymiser()
    before, after = iax2.parse(raw), iax2.parse(_rewritten(raw, anonymiser))
    assert isinstance(before, iax2.FullFrame) and isinstance(after, iax2.FullFrame)
    assert not after.defects
    assert after.raw[:12] == raw[:12]
    assert [e.number for e in after.elements] == [e.number for e in before.elements]
    assert after.integer("REFRESH") == 60
    assert after.text("CAUSE") == "Registration Refused"
    address = after.address()
    assert address == anonymiser.standins.endpoint(PHONE) and address.port == 5060
    assert scope_of(address.ip) is scope_of(PHONE.ip)
    for gone in (b"Alice", b"4930", b"branch", b"212331104", b"ACCOUNT", b"token", b"berlin"):
        assert gone not in after.raw


@pytest.mark.parametrize("kind", [FrameType.VOICE, FrameType.TEXT, FrameType.IMAGE, FrameType.HTML])
def test_sound_text_and_pictures_are_gone(kind: FrameType) -> None:
    raw = make_iax2.build(4, frame_type=kind, source_call=7, data=b"what was said")
    assert _rewritten(raw) == raw[:12] + bytes(13)


def test_digits_dialled_are_gone() -> None:
    raw = make_iax2.build(ord("7"), frame_type=FrameType.DTMF, source_call=7)
    frame = iax2.parse(_rewritten(raw))
    assert isinstance(frame, iax2.FullFrame) and frame.subclass == ord("0")


def test_icmp_quotes_nothing() -> None:
    datagram = Datagram(0, PHONE, PBX, Transport.ICMP, b"E\0 quoted", Origin("x", 1))
    assert Anonymiser().datagram(datagram).payload == b""


@pytest.mark.parametrize(
    ("text", "user", "made"),
    [
        (
            "Peer 'alice' is now UNREACHABLE!  Last qualify: 21",
            "alice",
            "Peer 'user1' is now UNREACHABLE!  Last qualify: 21",
        ),
        (
            "Registered SIP 'alice' at 91.12.33.4:5060",
            "alice",
            "Registered SIP 'user1' at 192.0.2.10:5060",
        ),
        (
            "Contact alice/sip:alice@192.168.178.20:5060 is now Unreachable.  RTT: 0.000 msec",
            "alice",
            "Contact user1/sip:user1@192.168.100.10:5060 is now Unreachable.  RTT: 0.000 msec",
        ),
        (
            "Registration from '\"Alice\" <sip:alice@acme.org>' failed for '91.12.33.4:5060' - "
            "Wrong password",
            None,
            "Registration from '\"Name 1\" <sip:user1@host1.example>' failed for "
            "'192.0.2.10:5060' - Wrong password",
        ),
        (
            "Hanging up call 7f3a@91.12.33.4 - no reply to our critical packet (see alice)",
            None,
            None,
        ),
    ],
)
def test_lines_of_a_log(text: str, user: str | None, made: str | None) -> None:
    event = LogEvent(5, EventKind.UNREACHABLE, user, PHONE, text, Origin("x", None, 1))
    anonymiser = Anonymiser()
    anonymiser.standins.user("alice")
    shown = anonymiser.event(event)
    assert (shown.ts_ns, shown.kind) == (5, EventKind.UNREACHABLE)
    assert shown.user == (None if user is None else "user1")
    assert "alice" not in shown.text and "91.12" not in shown.text
    if made is not None:
        assert shown.text == made


def test_a_line_that_no_pattern_knows_is_scrambled() -> None:
    event = LogEvent(5, EventKind.NO_RTP, None, None, "Alice shouts", Origin("x", None, 1))
    assert re.fullmatch("[A-Z][a-z]{4} [a-z]{6}", Anonymiser().event(event).text)
    assert "Alice" not in Anonymiser().event(event).text


def test_labels_of_files() -> None:
    anonymiser = Anonymiser()
    assert anonymiser.label("/home/alice/acme bad.pcap.gz") == "file-1.pcap.gz"
    assert anonymiser.label("alice.log", "good") == "good.log"
    assert anonymiser.label("-") == "file-3"
    assert anonymiser.label("/home/alice/acme bad.pcap.gz", "bad") == "file-1.pcap.gz"
    note, last = anonymiser.notes(["/home/alice/acme bad.pcap.gz: cut off; 91.12.33.4 was lost"])
    assert note.startswith("file-1.pcap.gz: cut off; ") and "91.12" not in note
    assert "stand-ins" in last


@given(st.binary(max_size=600))
def test_any_bytes(data: bytes) -> None:
    _rewritten(data)


@given(st.integers(0, len(SECRETIVE) - 1), st.binary(min_size=1, max_size=8))
def test_any_damage(at: int, damage: bytes) -> None:
    message = SECRETIVE[:at] + damage + SECRETIVE[at + len(damage) :]
    made = _rewritten(message)
    if sip.parse(message) is not None:
        assert sip.parse(made) is not None


@given(st.ip_addresses(v=4), st.ip_addresses(v=4))
def test_equal_stays_equal(one: object, other: object) -> None:
    s = Anonymiser().standins
    assert (s.ip(str(one)) == s.ip(str(other))) is (ip_address(str(one)) == ip_address(str(other)))
