"""``--write-pcap``: the evidence and nothing else, as it was captured, each packet saying why."""

from __future__ import annotations

import gzip
import lzma
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

import sipdiag
from sipdiag.base.endpoint import Endpoint
from sipdiag.cli import main
from sipdiag.crafting.capture import PcapBuilder
from sipdiag.crafting.scenario import Scenario
from sipdiag.readers import open_records

CAPTURES = Path(__file__).parents[2] / "captures"
CASE = CAPTURES / "sip-binding-30s"
TSHARK = shutil.which("tshark")
needs_tshark = pytest.mark.skipif(TSHARK is None, reason="tshark isn't installed")


def _run(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    code = ended.value.code
    return code if isinstance(code, int) else 0


def _frames(path: Path) -> list[tuple[int, int, bytes, int]]:
    """(time, link type, bytes, length on the wire) of every packet."""
    records = open_records(path)
    assert records is not None
    return [(ts_ns, face.linktype, data, wire) for ts_ns, face, data, wire in records]


def _evidence(report: sipdiag.Report, name: str) -> list[int]:
    places = {
        item.frame or item.line
        for finding in report.findings
        for item in finding.evidence
        if item.source == name
    }
    return sorted(place for place in places if place is not None)


def _fields(path: Path, *names: str) -> list[list[str]]:
    assert TSHARK is not None
    asked = [word for name in names for word in ("-e", name)]
    done = subprocess.run(
        [TSHARK, "-r", str(path), "-T", "fields", *asked],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_the_frames_of_bad_byte_for_byte(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad, out = CASE / "good.pcap", CASE / "bad.pcap", tmp_path / "evidence.pcapng"
    assert _run("compare", good, bad, "--write-pcap", out) == 1
    wanted = _evidence(sipdiag.compare(good, bad), str(bad))
    every = _frames(bad)
    assert _frames(out) == [every[frame - 1] for frame in wanted]
    assert (
        f"{len(wanted)} packets written to evidence.pcapng; 1 packet of GOOD left out"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("packed", ["gz", "xz", "pcapng"])
def test_packed_captures_and_pcapng(tmp_path: Path, packed: str) -> None:
    data = (CASE / "bad.pcap").read_bytes()
    source = tmp_path / f"bad.pcap.{packed}"
    if packed == "pcapng":
        assert _run("analyse", CASE / "bad.pcap", "--write-pcap", source) == 1
    else:
        source.write_bytes(gzip.compress(data) if packed == "gz" else lzma.compress(data))
    out = tmp_path / "evidence.pcapng"
    report = sipdiag.analyse(source)
    _run("analyse", source, "--write-pcap", out, "--quiet")
    every = _frames(source)
    assert _frames(out) == [every[frame - 1] for frame in _evidence(report, str(source))]


@needs_tshark
def test_wireshark_shows_why(tmp_path: Path) -> None:
    out = tmp_path / "evidence.pcapng"
    _run("compare", CASE / "good.pcap", CASE / "bad.pcap", "--write-pcap", out, "--quiet")
    rows = _fields(out, "frame.interface_name", "sip.Method", "frame.comment")
    assert {row[0] for row in rows} == {"bad.pcap"}
    assert any(
        row[1] == "INVITE"
        and row[2].startswith("SD501 nat-binding-expired, SIP/101, proof: INVITE to 203.0.113.7")
        for row in rows
    )
    assert all(row[2] for row in rows)


@needs_tshark
def test_every_bundled_pair_reads_without_a_complaint(tmp_path: Path) -> None:
    for case in sorted(path.parent for path in CAPTURES.glob("*-binding-30s/good.pcap")):
        out = tmp_path / f"{case.name}.pcapng"
        _run("compare", case / "good.pcap", case / "bad.pcap", "--write-pcap", out, "--quiet")
        numbers = [row[0] for row in _fields(out, "frame.number")]
        assert len(numbers) == len(_frames(out)) > 3


def test_our_own_reader_finds_the_messages(tmp_path: Path) -> None:
    out = tmp_path / "evidence.pcapng"
    _run("analyse", CAPTURES / "iax2-binding-30s" / "bad.pcap", "--write-pcap", out, "--quiet")
    datagrams = list(sipdiag.open_source(out))
    assert datagrams and all(sipdiag.parse_iax2(d.payload) for d in datagrams)


def test_a_log_gives_its_messages_as_packets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log, out = CAPTURES / "sip-phone-off" / "bad.log", tmp_path / "evidence.pcapng"
    assert _run("analyse", log, "--write-pcap", out) == 1
    lines = {
        item.line
        for finding in sipdiag.analyse(log).findings
        for item in finding.evidence
        if not item.excerpt.startswith("Asterisk:")
    }
    assert len(_frames(out)) == len(lines)
    assert "pieces of evidence are no packets" in capsys.readouterr().err
    assert all(d.payload for d in sipdiag.open_source(out))
    assert f"line {min(line for line in lines if line)} of {log}".encode() in out.read_bytes()


def test_two_sources_are_two_interfaces_in_order_of_time(tmp_path: Path) -> None:
    outside, inside = (CAPTURES / "sip-alg" / f"bad.{end}" for end in ("pcap", "inside.pcap"))
    out = tmp_path / "evidence.pcapng"
    _run("analyse", outside, inside, "--write-pcap", out, "--quiet")
    times = [ts_ns for ts_ns, *_ in _frames(out)]
    assert times == sorted(times)
    assert b"bad.pcap" in out.read_bytes()


def test_a_fragment_brings_the_others_along(tmp_path: Path) -> None:
    """An INVITE of two fragments that is evidence."""
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    s.register(phone)
    s.at(5)
    s.call(phone, answered=False, to="192.168.1.50:5060")
    builder = PcapBuilder(mtu=1000)
    for datagram in s.datagrams():
        if datagram.payload.startswith(b"INVITE"):
            filler = b"\r\nX-Long: " + b"x" * 1500 + b"\r\nCSeq"
            datagram.payload = datagram.payload.replace(b"\r\nCSeq", filler)
        builder.add(datagram)
    builder.write(tmp_path / "fragments.pcap")
    out = tmp_path / "evidence.pcapng"
    _run("analyse", tmp_path / "fragments.pcap", "--write-pcap", out, "--quiet")
    invites = [d for d in sipdiag.open_source(out) if d.payload.startswith(b"INVITE")]
    assert invites and len(invites[0].payload) > 1500


def test_a_tcp_segment_brings_those_before_it_along(tmp_path: Path) -> None:
    """Refusals of several segments, with another client's packets between them."""
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    s.reject(phone, 403, attempts=3)
    builder = PcapBuilder()
    sent: defaultdict[object, int] = defaultdict(int)
    for datagram in s.datagrams():
        src, dst, data = datagram.src, datagram.dst, datagram.payload
        assert src is not None and dst is not None
        for at in range(0, len(data), 100):
            piece, sequence = data[at : at + 100], 1 + sent[src, dst]
            builder.add_tcp(datagram.ts_ns + at, src, dst, piece, sequence=sequence)
            builder.add_udp(datagram.ts_ns + at, Endpoint("203.0.113.9", 5060), dst, b"\r\n")
            sent[src, dst] += len(piece)
    builder.write(tmp_path / "segments.pcap")
    whole, out = tmp_path / "segments.pcap", tmp_path / "evidence.pcapng"
    _run("analyse", whole, "--write-pcap", out, "--quiet")
    messages = {d.payload for d in sipdiag.open_source(whole)}
    found = list(sipdiag.open_source(out))
    assert len(found) == 3 and not any(d.cut for d in found)
    assert {d.payload for d in found} < messages and b"\r\n" not in {d.payload for d in found}


def test_anonymised_packets_hold_stand_ins(tmp_path: Path) -> None:
    out = tmp_path / "evidence.pcapng"
    words = ("--write-pcap", out, "--anonymise", "--quiet")
    _run("compare", CASE / "good.pcap", CASE / "bad.pcap", *words)
    ends = {end for d in sipdiag.open_source(out) for end in (d.src, d.dst)}
    assert Endpoint("203.0.113.7", 5060) not in ends and len(ends) == 2
    data = out.read_bytes()
    assert b"203.0.113.80" not in data and b"192.168.1.50" not in data


def test_nothing_found_is_an_empty_capture(tmp_path: Path) -> None:
    out = tmp_path / "evidence.pcapng"
    capture = CAPTURES / "ok-public-phone" / "capture.pcap"
    report = sipdiag.analyse(capture)
    _run("analyse", capture, "--write-pcap", out, "--quiet")
    assert len(_frames(out)) == len(_evidence(report, str(capture)))


def test_standard_input_cant_be_read_twice(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("analyse", "-", "--write-pcap", "x.pcapng") == 2
    assert "reads its input twice" in capsys.readouterr().err
    assert not Path("x.pcapng").exists()


def test_an_input_isnt_written_over(tmp_path: Path) -> None:
    copy = tmp_path / "bad.pcap"
    shutil.copy(CASE / "bad.pcap", copy)
    before = copy.read_bytes()
    assert _run("analyse", copy, "--write-pcap", copy) == 2
    assert copy.read_bytes() == before


def test_a_folder_that_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("analyse", CASE / "bad.pcap", "--write-pcap", tmp_path / "no" / "x.pcapng") == 4
    assert "can't be written" in capsys.readouterr().err


def test_what_isnt_a_file_cant_be_read_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run("analyse", tmp_path, "--write-pcap", tmp_path / "x.pcapng") == 2
    assert "reads its input twice" in capsys.readouterr().err


def test_a_log_has_no_records() -> None:
    assert open_records(CASE / "bad.log") is None


@needs_tshark
def test_another_reader_finds_the_same_packets(tmp_path: Path) -> None:
    for reader in ("native", "tshark"):
        out = tmp_path / f"{reader}.pcapng"
        words = ("--write-pcap", out, "--reader", reader, "--anonymise", "--quiet")
        _run("analyse", CASE / "bad.pcap", *words)
    assert _frames(tmp_path / "native.pcapng") == _frames(tmp_path / "tshark.pcapng")
