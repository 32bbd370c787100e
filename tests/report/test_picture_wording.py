"""A message as lines, and what of it differs from another."""

from __future__ import annotations

import pytest

from sipdiag.crafting.iax2 import IE, Iax, build
from sipdiag.report.picture.model import Mark
from sipdiag.report.picture.wording import Line, alone, beside, label_of, text_of

INVITE = (
    b"INVITE sip:101@192.168.1.50:5060 SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 203.0.113.80:5060;branch=z9hG4bK1;rport\r\n"
    b'From: "200" <sip:200@203.0.113.80>;tag=as1\r\n'
    b"To: <sip:101@192.168.1.50>\r\n"
    b"Call-ID: one@203.0.113.80\r\n"
    b"CSeq: 102 INVITE\r\n"
    b"Content-Length: 66\r\n\r\n"
    b"v=0\r\no=root 1 1 IN IP4 203.0.113.80\r\nc=IN IP4 203.0.113.80\r\nm=audio 10054 RTP/AVP 0\r\n"
)


def _marked(line: Line, mark: Mark) -> list[str]:
    return [piece.text for piece in line if piece.mark is mark]


def _compared(ours: bytes, theirs: bytes, *, same_message: bool = False) -> dict[str, list[str]]:
    """Of each line that differs, what is marked as changed."""
    lines = beside(text_of(ours, 9999), text_of(theirs, 9999), same_message=same_message)
    found = {}
    for line in lines:
        changed = _marked(line, Mark.CHANGED)
        if changed:
            found["".join(piece.text for piece in line)] = changed
    return found


def test_lines_hold_every_byte() -> None:
    text = text_of(INVITE, 9999)
    assert "\r\n".join(text.lines).encode() + b"\r\n" == INVITE
    assert text.left_out_bytes == 0
    assert ["".join(p.text for p in line) for line in alone(text)] == text.lines


def test_a_changed_address_is_marked_as_a_whole() -> None:
    changed = INVITE.replace(b"101@192.168.1.50:5060 SIP", b"101@203.0.113.7:5060 SIP")
    assert _compared(changed, INVITE) == {
        "INVITE sip:101@203.0.113.7:5060 SIP/2.0": ["203.0.113.7"]
    }


def test_what_differs_from_call_to_call_is_marked_apart() -> None:
    other = (
        INVITE.replace(b"z9hG4bK1", b"z9hG4bKother")
        .replace(b"tag=as1", b"tag=as2")
        .replace(b"Call-ID: one@", b"Call-ID: two@")
        .replace(b"102 INVITE", b"103 INVITE")
        .replace(b"10054", b"10022")
        .replace(b"o=root 1 1", b"o=root 7 8")
    )
    assert _compared(INVITE, other) == {}
    lines = beside(text_of(INVITE, 9999), text_of(other, 9999), same_message=False)
    assert _marked(lines[1], Mark.VARIES) == ["z9hG4bK1"]
    assert [_marked(line, Mark.VARIES) for line in lines if line[0].text.startswith("m=")] == [
        ["10054"]
    ]


def test_in_two_sightings_of_one_message_nothing_may_differ() -> None:
    other = INVITE.replace(b"z9hG4bK1", b"z9hG4bKother").replace(b"10054", b"10022")
    changed = _compared(INVITE, other, same_message=True)
    assert changed == {
        "Via: SIP/2.0/UDP 203.0.113.80:5060;branch=z9hG4bK1;rport": ["z9hG4bK1"],
        "m=audio 10054 RTP/AVP 0": ["10054"],
    }


def test_a_header_that_the_other_lacks_is_changed() -> None:
    more = INVITE.replace(b"CSeq", b"Subject: x\r\nCSeq")
    assert _compared(more, INVITE) == {"Subject: x": ["Subject: x"]}


def test_compact_and_long_names_are_the_same_header() -> None:
    compact = INVITE.replace(b"Via: ", b"v: ")
    assert _compared(compact, INVITE) == {
        "v: SIP/2.0/UDP 203.0.113.80:5060;branch=z9hG4bK1;rport": ["v"]
    }


def test_the_second_via_is_compared_with_the_second() -> None:
    two = INVITE.replace(b"From:", b"Via: SIP/2.0/UDP 10.0.0.1;branch=b\r\nFrom:")
    other = INVITE.replace(b"From:", b"Via: SIP/2.0/UDP 10.0.0.2;branch=c\r\nFrom:")
    assert _compared(two, other) == {"Via: SIP/2.0/UDP 10.0.0.1;branch=b": ["10.0.0.1"]}


def test_what_is_beyond_the_cap_is_counted() -> None:
    text = text_of(INVITE + b"x" * 5000, 1000)
    assert sum(map(len, text.lines)) <= 1000
    assert text.left_out_bytes == len(INVITE) + 5000 - 1000


def test_a_line_of_a_megabyte_is_compared_in_no_time() -> None:
    one, other = (INVITE + b"a=" + b"x;" * 400_000 + end for end in (b"1", b"2"))
    assert beside(text_of(one, 10**7), text_of(other, 10**7), same_message=False)


@pytest.mark.parametrize("payload", [b"", b"\r\n", b"\x80", b"\xff" * 40, bytes(64), b"\n\n\n"])
def test_any_bytes_become_lines(payload: bytes) -> None:
    text = text_of(payload, 9999)
    assert len(text.lines) == len(text.names) == len(text.varying)
    assert beside(text, text_of(INVITE, 9999), same_message=True) is not None


def test_an_iax2_frame_is_written_out_and_in_hexadecimal() -> None:
    raw = build(Iax.REGREQ, source_call=1, elements=[(IE.USERNAME, "101"), (IE.REFRESH, 60)])
    text = text_of(raw, 9999)
    assert text.lines[0] == "IAX REGREQ"
    assert "USERNAME: 101" in text.lines and "REFRESH: 60" in text.lines
    hexadecimal = text.lines[text.lines.index("") + 1 :]
    assert bytes.fromhex("".join(line[6:29] for line in hexadecimal)) == raw


def test_an_element_that_changed_is_marked() -> None:
    one, other = (
        build(Iax.REGREQ, source_call=n, elements=[(IE.USERNAME, "101"), (IE.REFRESH, 60 * n)])
        for n in (1, 2)
    )
    assert _compared(one, other) == {"REFRESH: 60": ["60"]}


def test_labels() -> None:
    assert label_of(INVITE) == "INVITE"
    assert label_of(b"SIP/2.0 180 Ringing\r\nCSeq: 1 INVITE\r\n\r\n") == "180 Ringing"
    assert label_of(build(Iax.POKE, source_call=1)) == "POKE"
    assert label_of(b"\r\n\r\n") is None
