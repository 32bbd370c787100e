"""Watching told in lines: alerts and the report on standard output, the rest on standard error."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from sipdiag.live.lines import Lines
from sipdiag.live.model import Counters, Sink
from sipdiag.live.plain import PlainSink, alert_line, summary_line
from tests.live.made import HOSTILE, expired, moment, peer, report


def _said_by(sink_of: type[PlainSink], path: Path, *, quiet: bool) -> str:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    lines = Lines(fd)
    sink: Sink = sink_of(lines, quiet=quiet)
    for second in range(3):
        sink.update(moment(peer(), after_s=second))
    sink.alert(expired())
    sink.alert(expired(escalated=True, frozen="/var/lib/sipdiag/101.pcap"))
    sink.finish(report())
    lines.close()
    os.close(fd)
    return path.read_text()


def test_start_alerts_and_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second, *rest = _said_by(PlainSink, tmp_path / "out", quiet=False).splitlines()
    assert first == (
        "2023-11-14T22:13:20Z ERROR SIP/101 nat-binding-expired (SD501), high confidence: "
        "The NAT binding of 101 expired."
    )
    assert ", escalated: " in second and second.endswith("Capture: /var/lib/sipdiag/101.pcap")
    assert rest[0] == "Nothing wrong was found."
    began, ended = capsys.readouterr().err.splitlines()
    assert began == "sipdiag: 2023-11-14T21:11:17Z watching eth0; Ctrl-C ends it"
    assert "peers: 1, packets: 1234, SIP: 567, IAX2: 8, dropped: 0, scanners" in ended


def test_quiet_leaves_alerts_and_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(_said_by(PlainSink, tmp_path / "out", quiet=True).splitlines()) == 3
    assert capsys.readouterr().err == ""


def test_an_alert_is_one_line_whatever_the_wire_says() -> None:
    line = alert_line(expired(f"{HOSTILE} is gone"))
    assert line.isprintable() and "\\x1b[2J[red]evil[/red]\\u202e\\x0a is gone" in line


def test_the_summary_tells_what_was_lost_and_kept_out() -> None:
    counters = Counters(dropped_by_kernel=3, dropped_by_limits=4, scanners=2, scanner_packets=99)
    line = summary_line(moment(counters=counters))
    assert line.endswith("dropped: 7, scanners kept out: 2")


def test_a_reader_that_is_gone_is_told_to_who_writes() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    lines = Lines(writer)
    lines.put("one\n")
    with pytest.raises(BrokenPipeError):
        lines.last("two\n")
    os.close(writer)


def test_a_slow_reader_loses_lines_and_is_told_how_many(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sipdiag.live.lines.ROOM", 100)
    reader, writer = os.pipe()
    lines = Lines(writer)
    long = "x" * 99 + "\n"
    for _ in range(10_000):  # more than any pipe holds, and nobody reads
        lines.put(long)
    got = b""
    with os.fdopen(reader, "rb") as stream:

        def end() -> None:
            lines.last("the report\n")
            os.close(writer)

        ending = threading.Thread(target=end)
        ending.start()
        got = stream.read()
        ending.join()
    assert got.endswith(b"the report\n")
    dropped = int(capsys.readouterr().err.split()[1])
    assert dropped == 10_000 - got.count(b"x\n")
    assert dropped > 0


def test_what_an_encoding_lacks_is_escaped(tmp_path: Path) -> None:
    with open(tmp_path / "out", "wb") as stream:
        lines = Lines(stream.fileno(), "ascii")
        lines.last("Müller\n")
    assert (tmp_path / "out").read_bytes() == b"M\\xfcller\n"
