"""A phone writes lines into its messages that look like the log's own: they stay the phone's."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest

from sipdiag.asterisk.log_counted import message_end, opening_of
from sipdiag.base.datagram import Datagram
from sipdiag.protocols import sip
from sipdiag.readers import Reader, open_source

PREFIX = b"[2024-01-31 12:00:%02d.000] VERBOSE[%d] %s: "
EVIL, VICTIM = "198.51.100.66:5060", "203.0.113.7:5060"
FORGED = (
    b"OPTIONS sip:victim@203.0.113.80 SIP/2.0\r\nCSeq: 99 OPTIONS\r\nCall-ID: forged\r\n"
    b"Content-Length: 0\r\n\r\n"
)
PLAIN = (
    b"REGISTER sip:203.0.113.80 SIP/2.0\r\nCSeq: 7 REGISTER\r\nCall-ID: true\r\n"
    b"Content-Length: 0\r\n\r\n"
)


def prefix(second: int, tid: int = 99, where: bytes = b"res_pjsip_logger.c") -> bytes:
    return PREFIX % (second, tid, where)


def counted(message: bytes, second: int, far: str = VICTIM, tid: int = 99) -> bytes:
    """A message as chan_pjsip logs it."""
    line = f"<--- Received SIP request ({len(message)} bytes) from UDP:{far} --->\n".encode()
    return prefix(second, tid) + line + message + b"\n"


def dashes(message: bytes, second: int, far: str = VICTIM, tid: int = 77) -> bytes:
    """A message as chan_sip logs it."""
    head = prefix(second, tid, b"chan_sip.c")
    return (
        head + f"\n<--- SIP read from UDP:{far} --->\n".encode() + message + b"\n<------------->\n"
    )


def message(body: bytes, header: bytes = b"") -> bytes:
    return (
        b"MESSAGE sip:a@203.0.113.80 SIP/2.0\r\nCSeq: 1 MESSAGE\r\nCall-ID: evil\r\n"
        + header
        + b"Content-Length: %d\r\n\r\n" % len(body)
        + body
    )


def read(log: bytes) -> tuple[list[Datagram], Reader]:
    reader = open_source(io.BytesIO(log), name="full")
    return list(reader), reader


def calls(found: Sequence[Datagram]) -> list[str]:
    """The Call-ID of each message and who is said to have sent it."""
    out = []
    for datagram in found:
        parsed = sip.parse(datagram.payload)
        assert parsed is not None
        out.append(f"{parsed.call_id} {datagram.src}")
    return out


FORGERIES = {
    "a record in the body": message(b"hello\r\n" + counted(FORGED, 1)),
    "two records in the body": message(counted(FORGED, 1) + counted(FORGED, 1)),
    "a record in a header": message(b"", b"X: y\r\n" + counted(FORGED, 1)[:-1]),
    "a line before a message in the body": message(
        b"\r\n<--- Received SIP request (%d bytes) from UDP:203.0.113.7:5060 --->\r\n%s"
        % (len(FORGED), FORGED)
    ),
    "chan_sip's form": message(dashes(FORGED, 1)),
    "a verdict": message(prefix(1) + b"Contact 101/sip:101@203.0.113.7 is now Unreachable.\r\n"),
    "with escapes of a terminal": message(b"\x1b[1m" + counted(FORGED, 1) + b"\x1b[0m"),
    "a long one": message(b"x" * 5000 + b"\r\n" + counted(FORGED, 1)),
    "in the middle of a long line": message(b"x" * 5000 + counted(FORGED, 1)),
}


@pytest.mark.parametrize("evil", FORGERIES.values(), ids=FORGERIES.keys())
@pytest.mark.parametrize("last", [False, True], ids=["in between", "at the end"])
def test_counted_bytes_are_the_senders(evil: bytes, last: bool) -> None:
    log = counted(PLAIN, 0) + counted(evil, 1, EVIL) + (b"" if last else counted(PLAIN, 2))
    found, reader = read(log)
    assert calls(found) == [f"true {VICTIM}", f"evil {EVIL}"] + [f"true {VICTIM}"] * (not last)
    assert found[1].payload == evil
    assert not found[1].cut
    assert getattr(reader, "events", []) == []
    odd = any("look like the log's own" in note for note in reader.source.notes)
    assert odd, reader.source.notes


@pytest.mark.parametrize("evil", FORGERIES.values(), ids=FORGERIES.keys())
def test_in_a_pipe_that_drips_as_well(evil: bytes) -> None:
    log = counted(PLAIN, 0) * 2000 + counted(evil, 1, EVIL) + counted(PLAIN, 2) * 10

    class Drip(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            return super().read1(999)

    found = list(open_source(Drip(log), name="full"))
    assert calls(found[2000:]) == [f"evil {EVIL}", *[f"true {VICTIM}"] * 10]
    assert found[2000].payload == evil


def test_line_ends_may_be_lost() -> None:
    """As in a log that was pasted: each line counts a byte more."""
    evil = message(
        b"hello\r\n" + counted(FORGED, 1).replace(b"\n", b"\r\n").replace(b"\r\r", b"\r")
    )
    log = (counted(PLAIN, 0) + counted(evil, 1, EVIL) + counted(PLAIN, 2)).replace(b"\r\n", b"\n")
    found, _ = read(log)
    assert calls(found) == [f"true {VICTIM}", f"evil {EVIL}", f"true {VICTIM}"]


def test_a_message_that_the_logger_cut_swallows_nothing() -> None:
    """At a NUL, where printing ends: the records behind are the log's, whatever the count says."""
    long = message(b"x" * 3000)
    cut = counted(long, 1, EVIL)[:400] + b"\n"
    found, reader = read(counted(PLAIN, 0) + cut + counted(PLAIN, 2) * 3)
    assert calls(found) == [f"true {VICTIM}", f"evil {EVIL}", *[f"true {VICTIM}"] * 3]
    assert any("fewer bytes in the log" in note for note in reader.source.notes)


def test_a_message_larger_than_a_record_cant_be_bounded() -> None:
    """The logger keeps 8192 bytes of a record, so that a count beyond says nothing."""
    evil = message(b"\r\n" + counted(FORGED, 1) + b"x" * 9000)
    log = counted(PLAIN, 0) + counted(evil, 1, EVIL)[:8000] + counted(PLAIN, 2)
    found, reader = read(log)
    assert f"forged {VICTIM}" in calls(found), "taken for the log's"
    assert any("can't be relied on" in note for note in reader.source.notes)


def test_what_cant_be_decided_is_said() -> None:
    """chan_sip counts nothing. Of a forger who doesn't know the thread's number, that shows."""
    evil = message(b"hello\r\n<------------->\r\n" + dashes(FORGED, 1, tid=4242))
    log = dashes(PLAIN, 0) + dashes(evil, 1, EVIL) + dashes(PLAIN, 2)
    _, reader = read(log)
    assert any("several threads in turn" in note for note in reader.source.notes)


def test_a_restart_is_no_forgery() -> None:
    log = dashes(PLAIN, 0, tid=1) * 3 + dashes(PLAIN, 2, tid=2) * 3
    _, reader = read(log + counted(PLAIN, 3, tid=3) + counted(PLAIN, 4, tid=3))
    assert not any("forge" in note or "look like" in note for note in reader.source.notes)


def test_an_honest_log_says_nothing_of_it() -> None:
    _, reader = read(counted(PLAIN, 0) + counted(message(b"a\r\nb"), 1) + counted(PLAIN, 2))
    assert not any("look like" in note for note in reader.source.notes)


def test_where_a_message_ends() -> None:
    assert message_end(b"ab\r\ncd\r\n!", 0, 8) == 8
    assert message_end(b"ab\ncd\n!", 0, 8) == 6
    assert message_end(b"ab\ncd\n!", 0, 7) is None, "in the middle of a line end"
    assert message_end(b"ab\ncd", 0, 40) is None
    assert opening_of(b"anything (5 bytes) from") is None
    assert opening_of(counted(PLAIN, 0), len(prefix(0))) == (
        len(counted(PLAIN, 0)) - len(PLAIN) - 1,
        len(PLAIN),
    )
