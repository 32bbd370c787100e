"""``sipdiag convert``: the capture holds the log's messages, and says what is made up."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from sipdiag.base.datagram import Datagram, Direction, Origin, Transport
from sipdiag.base.endpoint import Endpoint
from sipdiag.cli import main
from sipdiag.cli.capture_out import MOST_BYTES, frame
from sipdiag.cli.remade import LocalEnds
from sipdiag.readers import open_source
from tests.readers.test_asterisk_log_samples import (
    IAX2_RETRIES,
    PJSIP_STREAM,
    SAMPLES,
    SIP_BODY,
    SIP_IPV6,
    Sample,
)

CAPTURES = Path(__file__).parents[2] / "captures"
TSHARK = shutil.which("tshark")
needs_tshark = pytest.mark.skipif(TSHARK is None, reason="tshark isn't installed")


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


def run(*arguments: str) -> Done:
    """The command in this process, which is some 0.4 s quicker."""
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(["convert", *arguments])
        except SystemExit as end:
            code = end.code or 0
    assert isinstance(code, int)
    return Done(code, out.getvalue(), err.getvalue())


def converted(tmp_path: Path, sample: Sample, *options: str, suffix: str = ".pcapng") -> Path:
    log, target = tmp_path / "full", tmp_path / f"out{suffix}"
    log.write_bytes(sample.log)
    done = run(str(log), str(target), *options)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    return target


def tshark(capture: Path, *fields: str, only: str = "") -> list[list[str]]:
    assert TSHARK is not None
    words = [TSHARK, "-n", "-r", str(capture), "-T", "fields", "-E", "separator=\t"]
    words += ["-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"]
    words += [word for field in fields for word in ("-e", field)]
    if only:
        words += ["-Y", only]
    text = subprocess.run(words, capture_output=True, check=True).stdout.decode()
    return [line.split("\t") for line in text.splitlines()]


@pytest.mark.parametrize("suffix", [".pcap", ".pcapng"])
@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_read_back(tmp_path: Path, sample: Sample, suffix: str) -> None:
    """Our own reader finds the same bytes at the same times."""
    log, target = tmp_path / "full", tmp_path / f"out{suffix}"
    log.write_bytes(sample.log)
    os.utime(log, (1_709_290_800, 1_709_290_800))
    logged = list(open_source(log))
    assert run("-q", str(log), str(target)).returncode == 0
    # A pair of addresses is known as SIP from its first message on: a sample's keep-alive has none.
    known = [d for d in logged if d.payload[:1].isupper() or d.payload[:1] >= b"\x80"]
    back = list(open_source(target))
    assert [d.payload for d in back if d.payload in {k.payload for k in known}] == [
        d.payload for d in known
    ]
    if len(known) == len(logged):
        assert [d.ts_ns for d in back] == [d.ts_ns for d in logged]
        for one, other in zip(logged, back, strict=True):
            assert one.src in (None, other.src)
            assert one.dst in (None, other.dst)


@needs_tshark
@pytest.mark.parametrize("suffix", [".pcap", ".pcapng"])
@pytest.mark.parametrize(
    "case",
    ["sip-binding-30s/bad", "pjsip-binding-30s/good", "iax2-binding-30s/bad", "ok-tcp/capture"],
)
def test_tshark_sees_what_it_sees_in_the_capture(tmp_path: Path, case: str, suffix: str) -> None:
    target = tmp_path / f"out{suffix}"
    log = str(CAPTURES / f"{case}.log")
    local = ("--local", "203.0.113.80") if "iax2" in case else ()
    assert run(log, str(target), *local).returncode == 0
    wire = CAPTURES / f"{case}.pcap"
    if "iax2" in case:
        words = ["ip.src", "ip.dst", "udp.dstport", "iax2.iax.subclass", "iax2.src_call"]
        words += ["iax2.timestamp", "iax2.retransmission"]
        only = "iax2.packet_type == 1"
        # Two threads may print their frames in another order than they send them.
        found = sorted(tshark(target, *words, only=only))
        assert found and found == sorted(tshark(wire, *words, only=only))
        return
    words = ["ip.src", "ip.dst", "sip.Method", "sip.Status-Code", "sip.CSeq", "sip.Call-ID"]
    words += ["sip.Via", "sip.Contact", "sdp.media"]
    found = tshark(target, *words, only="sip")
    assert found and found == tshark(wire, *words, only="sip")


@needs_tshark
@pytest.mark.parametrize("suffix", [".pcap", ".pcapng"])
def test_checksums_and_lengths(tmp_path: Path, suffix: str) -> None:
    for case in ("sip-alg/bad", "iax2-peer-off/bad", "pjsip-no-rewrite/bad"):
        target = tmp_path / f"out{suffix}"
        assert run(str(CAPTURES / f"{case}.log"), str(target)).returncode == 0
        rows = tshark(target, "ip.checksum.status", "udp.checksum.status", "_ws.malformed")
        assert rows
        assert {tuple(row[:2]) for row in rows} == {("1", "1")}
        assert {row[2] for row in rows if len(row) > 2} <= {""}


@needs_tshark
def test_comments_say_what_is_made_up(tmp_path: Path) -> None:
    target = converted(tmp_path, SIP_BODY)
    assert tshark(target, "frame.comment") == [
        [
            "line 1 of full; made up: the destination, 192.0.2.1:5060, a documentation address "
            "(--local sets it)"
        ],
        [
            "line 13 of full; made up: the source, 192.0.2.1:5060, a documentation address "
            "(--local sets it)"
        ],
    ]


@needs_tshark
def test_local_is_as_told(tmp_path: Path) -> None:
    target = converted(tmp_path, PJSIP_STREAM, "--local", "198.51.100.5")
    rows = tshark(target, "ip.src", "ip.dst", "frame.comment")
    assert {frozenset(row[:2]) for row in rows} == {frozenset(("203.0.113.7", "198.51.100.5"))}
    assert all("as --local has it; carried by TCP" in row[2] for row in rows)


@needs_tshark
def test_local_is_what_asterisk_wrote(tmp_path: Path) -> None:
    target = converted(tmp_path, SIP_IPV6)
    rows = tshark(target, "ipv6.src", "udp.srcport", "ipv6.dst", "frame.comment")
    assert [row[:3] for row in rows] == [["2001:db8::80", "5061", "2001:db8::7"]]
    assert "from the Via that Asterisk wrote; carried by TLS" in rows[0][3]


@needs_tshark
def test_iax2_without_any_address(tmp_path: Path) -> None:
    target = converted(tmp_path, IAX2_RETRIES)
    rows = tshark(target, "ipv6.src", "ipv6.dst", "udp.srcport", "udp.dstport")
    assert {frozenset(row[:2]) for row in rows} == {frozenset(("2001:db8::7", "2001:db8::1"))}
    assert {tuple(row[2:]) for row in rows} == {("4569", "4569")}


def sip(direction: Direction, message: bytes) -> Datagram:
    far = Endpoint("203.0.113.7", 5060)
    return Datagram(
        0,
        far if direction is Direction.RECEIVED else None,
        far if direction is Direction.SENT else None,
        Transport.UDP,
        message.replace(b"\n", b"\r\n"),
        Origin("x", None, 1),
        direction,
    )


@pytest.mark.parametrize(
    ("datagrams", "expected"),
    [
        ([], "192.0.2.1:5060"),
        (
            [sip(Direction.RECEIVED, b"OPTIONS sip:a SIP/2.0\nVia: SIP/2.0/UDP 192.168.1.50\n\n")],
            "192.0.2.1:5060",
        ),
        (
            [sip(Direction.SENT, b"OPTIONS sip:a SIP/2.0\nVia: SIP/2.0/UDP 198.51.100.1:5080\n\n")],
            "198.51.100.1:5080",
        ),
        (
            [sip(Direction.RECEIVED, b"SIP/2.0 200 OK\nVia: SIP/2.0/UDP 198.51.100.2\n\n")],
            "198.51.100.2:5060",
        ),
        (
            [
                sip(
                    Direction.SENT,
                    b"SIP/2.0 200 OK\nVia: SIP/2.0/UDP 192.168.1.50\nCSeq: 1 INVITE\n"
                    b"Contact: <sip:200@198.51.100.3:5070>\n\n",
                )
            ],
            "198.51.100.3:5070",
        ),
        (
            [
                sip(
                    Direction.SENT,
                    b"SIP/2.0 200 OK\nVia: SIP/2.0/UDP 192.168.1.50\nCSeq: 1 REGISTER\n"
                    b"Contact: <sip:101@192.168.1.50>\n\n",
                )
            ],
            "192.0.2.1:5060",
        ),
    ],
)
def test_guess(datagrams: list[Datagram], expected: str) -> None:
    received = sip(Direction.RECEIVED, b"OPTIONS sip:a SIP/2.0\n\n")
    near, _ = LocalEnds(datagrams, None).of(received, Endpoint("203.0.113.7", 5060))
    assert str(near) == expected


def test_payload_that_udp_cant_carry() -> None:
    one, other = Endpoint("192.0.2.1", 1), Endpoint("192.0.2.2", 2)
    data = frame(one, other, bytes(70_000), 70_000)
    assert len(data) == 14 + 20 + 8 + MOST_BYTES


def test_standard_input(tmp_path: Path) -> None:
    target = tmp_path / "out.pcap"
    done = subprocess.run(
        [sys.executable, "-m", "sipdiag", "convert", "-", str(target)],
        input=SIP_BODY.log,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0
    assert b"2 messages written" in done.stderr
    assert len(list(open_source(target))) == 2


def test_usage(tmp_path: Path) -> None:
    log = tmp_path / "full.pcap"
    log.write_bytes(SIP_BODY.log)
    for words in (
        (str(log), str(tmp_path / "out.txt")),
        (str(log), str(log)),
        (str(log), str(tmp_path / "out.pcap"), "--local", "pbx.example.org"),
        (str(log), str(tmp_path / "out.pcap"), "--tz", "Middle/Earth"),
        (str(log),),
    ):
        assert run(*words).returncode == 2, words
    assert log.read_bytes() == SIP_BODY.log
    assert os.listdir(tmp_path) == ["full.pcap"]


def test_unreadable_input(tmp_path: Path) -> None:
    noise = tmp_path / "noise"
    noise.write_bytes(b"Dear diary\n")
    target = tmp_path / "out.pcap"
    for source in (noise, tmp_path / "missing", tmp_path):
        done = run(str(source), str(target))
        assert done.returncode == 3
        assert done.stderr.count("\n") == 1
        assert not target.exists()


def test_a_target_that_cant_be_written(tmp_path: Path) -> None:
    log = tmp_path / "full"
    log.write_bytes(SIP_BODY.log)
    done = run(str(log), str(tmp_path / "nowhere" / "out.pcap"))
    assert done.returncode == 4
    assert "can't be written" in done.stderr
