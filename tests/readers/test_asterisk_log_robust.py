"""Damage, size and hostility: a clear error or what can be read, never a traceback."""

# ruff: noqa: E501 - a log's lines are as long as they are

from __future__ import annotations

import doctest
import gzip
import io
import lzma
import os
import random
import sys
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipdiag.asterisk import log_prefix
from sipdiag.asterisk.log_form import sniff
from sipdiag.asterisk.log_records import records
from sipdiag.base.errors import InputError, UsageError
from sipdiag.base.interval import NS
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.protocols import iax2, sip
from sipdiag.readers import open_source
from sipdiag.readers.asterisk_log import AsteriskLogReader
from tests.readers.test_asterisk_log_samples import SAMPLES, SIP_1_4, Sample, shown

LINE = b"[2024-01-31 12:00:00] NOTICE[7] chan_sip.c: Peer '101' is now UNREACHABLE!\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"Dear diary,\ntoday no phone rang.\n", "looks like text"),
        (b"\x00\x01\x02\x03" * 100, "not a capture"),
        (b"\x7fELF" + bytes(600), "ELF program"),
        ("Grüße\n".encode("utf-16"), "looks like text"),
        (b"", "is empty"),
        (b'{"a": 1}\n', "looks like text"),
        (b"Jan 31 12:00:00 vps sshd[1]: Accepted publickey for root\n", "looks like text"),
        (b"[2024-01-31 12:00:00] [error] client denied\n", "looks like text"),
    ],
)
def test_no_log(content: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        open_source(io.BytesIO(content), name="full")
    assert "\n" not in str(caught.value)


def test_a_zone_that_is_none() -> None:
    with pytest.raises(UsageError, match="Middle/Earth"):
        open_source(io.BytesIO(LINE), tz="Middle/Earth")


def test_what_looks_like_a_colour_without_its_colours_stays() -> None:
    record = LINE.replace(b"Peer", b"\x1b[0m \x1b\x1b[31m[1mPeer")
    log = record + LINE
    form = replace(sniff(LINE * 3), coloured=True)
    whole = list(records(form, [log]))
    assert b" \x1b[1mPeer" in whole[0][3]
    for size in (1, 7, 60, len(record)):
        pieces = [log[at : at + size] for at in range(0, len(log), size)]
        assert list(records(form, pieces)) == whole


def exhaust(content: bytes) -> None:
    """What a damaged log may do: be refused in a line, or be read."""
    try:
        reader = open_source(io.BytesIO(content), name="x", now_ns=NS)
    except InputError as error:
        assert "\n" not in str(error)
        return
    for datagram in reader:
        sip.parse(datagram.payload)
        iax2.parse(datagram.payload)
        assert datagram.origin.line is not None and datagram.origin.line >= 0
    assert all(isinstance(note, str) for note in reader.source.notes)


@given(st.binary(max_size=2000))
def test_noise(noise: bytes) -> None:
    exhaust(noise)
    exhaust(LINE + noise)
    exhaust(noise + b"\n" + LINE)


@settings(max_examples=300)
@given(
    st.sampled_from(SAMPLES),
    st.lists(
        st.tuples(st.integers(0, 3000), st.integers(0, 30), st.binary(max_size=12)), max_size=5
    ),
)
def test_damaged_samples(sample: Sample, damage: list[tuple[int, int, bytes]]) -> None:
    log = sample.log
    for at, gone, new in damage:
        log = log[:at] + new + log[at + gone :]
    exhaust(log)


_WORDS = st.sampled_from(
    [
        b"\n",
        b"\r\n",
        b"[2024-01-31 12:00:00.123] ",
        b"[Jan  1 00:00:00] ",
        b"VERBOSE[7] chan_sip.c: ",
        b"VERBOSE[8][C-00000001]: chan_iax2.c:1 f: ",
        b"<--- SIP read from UDP:203.0.113.7:5060 --->\n",
        b"Reliably Transmitting (NAT) to 203.0.113.7:5060:\n",
        b"<--- Received SIP request (51 bytes) from TCP:203.0.113.7:5060 --->\n",
        b"OPTIONS sip:a SIP/2.0\n",
        b"SIP/2.0 200 OK\r\n",
        b"CSeq: 1 OPTIONS\n",
        b"Content-Length: 40\n",
        b"<------------->\n",
        b"---\n",
        b"Rx-Frame Retry[ No] -- OSeqno: 000 ISeqno: 000 Type: IAX     Subclass: REGREQ \n",
        b"TE-Frame Retry[Yes] -- OSeqno: 000 ISeqno: 000 Type: VOICE   Subclass: 4\n",
        b"   Timestamp: 00014ms  SCall: 00006  DCall: 00000 203.0.113.7:4569\n",
        b"   USERNAME        : bob\n",
        b"   CALLTOKEN       : 51 bytes\n",
        b"Peer '101' is now UNREACHABLE!  Last qualify: 0\n",
        b"vps*CLI> ",
        b"\x1b[1;31m",
        b"Jan 31 12:00:00 vps asterisk[812]: ",
        b"2024-01-31T12:00:01.200000000Z ",
        b'{"log":"x',
        b'{"logmsg":{"location":{},"message":"',
        b"#012",
        b"x" * 81 + b"\n",
    ]
)


@settings(max_examples=400)
@given(st.lists(_WORDS, max_size=60))
def test_shuffled_grammar(words: list[bytes]) -> None:
    exhaust(b"".join(words))
    exhaust(LINE + b"".join(words))


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
@pytest.mark.parametrize("size", [1, 7, 100])
def test_block_borders_dont_matter(sample: Sample, size: int) -> None:
    """The same records, however few bytes a pipe gives at once."""
    form = sniff(sample.log)
    pieces = [sample.log[at : at + size] for at in range(0, len(sample.log), size)]
    assert list(records(form, pieces)) == list(records(form, [sample.log]))


def test_a_pipe_that_drips() -> None:
    class Drip(io.RawIOBase):
        rest = SAMPLES[0].log

        def read(self, size: int = -1) -> bytes:
            part, self.rest = self.rest[:7], self.rest[7:]
            return part

    reader = open_source(Drip(), name="x", now_ns=1_709_290_800 * NS)  # type: ignore[arg-type]
    assert shown(list(reader)) == SAMPLES[0].messages


def big(size: int) -> Iterator[bytes]:
    """About ``size`` bytes of log: SIP, IAX2, failed logins, ordinary lines."""
    chance = random.Random(7)
    made = number = 0
    while made < size:
        number += 1
        when = f"[2024-01-31 12:00:00.{number % 1000:03d}]"
        kind = chance.randrange(5)
        if kind == 0:
            text = (
                f"{when} VERBOSE[7] chan_sip.c: \n<--- SIP read from UDP:203.0.113.{number % 250}:"
                f"5060 --->\nOPTIONS sip:a@b SIP/2.0\nCall-ID: {number}\nCSeq: {number} OPTIONS\n"
                f"User-Agent: {'x' * 300}\nContent-Length: 0\n\n<------------->\n"
            )
        elif kind == 1:
            head = f"{when} VERBOSE[{number % 300}] chan_iax2.c: "
            text = (
                f"{head}Rx-Frame Retry[ No] -- OSeqno: 000 ISeqno: 000 Type: IAX     Subclass: PING   \n"
                f"{head}   Timestamp: 00014ms  SCall: {number % 32768:05d}  DCall: 00001 203.0.113.7:4569\n"
            )
        elif kind == 2:
            text = (
                f"{when} NOTICE[7] chan_sip.c: Registration from '<sip:{number}@b>' failed for "
                "'198.51.100.66:5060' - Wrong password\n"
            )
        else:
            text = f"{when} VERBOSE[7][C-{number:08x}] pbx.c: Executing [{number}@x:1] NoOp\n"
        made += len(text)
        yield text.encode()


def peak(path: Path, limits: Limits) -> tuple[int, int, LimitHits]:
    hits = LimitHits()
    tracemalloc.start()
    try:
        reader = open_source(path, limits=limits, hits=hits)
        count = sum(1 for _ in reader)
        return tracemalloc.get_traced_memory()[1], count, hits
    finally:
        tracemalloc.stop()


def test_memory_is_bounded(tmp_path: Path) -> None:
    """50 MB cost no more than 5 MB do."""
    limits = Limits(log_events=1000)
    small, large = tmp_path / "small", tmp_path / "large"
    part = b"".join(big(5_000_000))
    small.write_bytes(part)
    with large.open("wb") as file:
        file.writelines(part for _ in range(10))
    least, few, _ = peak(small, limits)
    most, many, hits = peak(large, limits)
    assert many == 10 * few
    assert most < least + 2_000_000
    assert most < 24_000_000
    assert hits.names() == ["log_events"]


@pytest.mark.parametrize(
    "content",
    [
        LINE + b"x" * 6_000_000,
        LINE + b"x\n" * 1_500_000,
        LINE.replace(b"\n", b"") + b"\0" * 6_000_000 + b"\n",
        b"<--- SIP read from UDP:203.0.113.7:5060 --->\n" + (b"Via: " + b"x" * 70 + b"\n") * 60_000,
        b"Reliably Transmitting (NAT) to 203.0.113.7:5060:\n" * 40_000,
        LINE.replace(
            b"Peer", b"\n<--- SIP read from UDP:203.0.113.7:5060 --->\nOPTIONS sip:a SIP/2.0\n"
        )
        + b"\r" * 900_000,
        LINE.replace(b"Peer", b"Asterisk " + b"1" * 900_000),
        LINE.replace(b"Peer", b"Registration from '" + b"' failed for '" * 60_000),
        LINE.replace(
            b"Peer", b"Registration from '" + b"sip:" * 200_000 + b"' failed for '1.2.3.4:5060' - x"
        ),
        b'{"log":"x","stream":"stdout","time":"2024-01-31T12:00:01Z"}\n' * 50_000 + LINE,
        (b'{"log":' * 50_000 + b"[" * 200_000 + b"\n") * 3 + LINE,
        b"".join(
            b"[2024-01-31 12:00:00] VERBOSE[%d] chan_iax2.c: Rx-Frame Retry[ No] -- OSeqno: 000 "
            b"ISeqno: 000 Type: IAX     Subclass: PING   \n" % number
            for number in range(40_000)
        ),
    ],
    ids=[
        "endless line",
        "endless record",
        "zeros",
        "endless dump",
        "openings",
        "CRs",
        "version",
        "names",
        "users",
        "partial",
        "nesting",
        "threads",
    ],
)
def test_hostile_sizes(content: bytes) -> None:
    tracemalloc.start()
    try:
        exhaust(content)
        assert tracemalloc.get_traced_memory()[1] < 60_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress], ids=["gzip", "xz"])
def test_compressed(tmp_path: Path, pack: object) -> None:
    sample = SAMPLES[0]
    assert callable(pack)
    path = tmp_path / "full.1"
    path.write_bytes(pack(sample.log))
    os.utime(path, (1_709_290_800, 1_709_290_800))
    assert shown(list(open_source(path))) == sample.messages


def test_cut_gzip(tmp_path: Path) -> None:
    path = tmp_path / "full.1.gz"
    path.write_bytes(gzip.compress(b"".join(big(2_000_000)))[:-2000])
    reader = open_source(path)
    assert list(reader)
    assert reader.source.truncated
    assert any("cut off" in note for note in reader.source.notes)


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Piped:
        buffer = io.BufferedReader(io.BytesIO(LINE))

    monkeypatch.setattr(sys, "stdin", Piped())
    reader = open_source("-")
    assert list(reader) == []
    assert reader.source.name == "stdin"


def test_the_year_follows_from_the_file(tmp_path: Path) -> None:
    """The last line, which isn't in the head, decides; then the file's modification."""
    path = tmp_path / "full"
    filler = b"[Nov 30 12:00:00] VERBOSE[7] pbx.c: Executing something\n" * 20_000
    path.write_bytes(filler + SIP_1_4.log)
    os.utime(path, (1_709_290_800, 1_709_290_800))
    reader = open_source(path)
    assert shown(list(reader))[0].startswith("2024-02-09 08:15:00.000 <")
    assert any("2023 is taken" in note for note in reader.source.notes), reader.source.notes


def test_iterated_once() -> None:
    reader = open_source(io.BytesIO(LINE))
    assert isinstance(reader, AsteriskLogReader)
    assert list(reader) == []
    with pytest.raises(RuntimeError):
        iter(reader)


def test_given_up_early() -> None:
    reader = open_source(io.BytesIO(SAMPLES[0].log))
    next(iter(reader))
    reader.close()


def test_examples() -> None:
    assert doctest.testmod(log_prefix).failed == 0
