"""A history judged is a capture judged."""

from __future__ import annotations

from pathlib import Path

from sipdiag import analyse
from sipdiag.base.datagram import Vantage
from sipdiag.live.history import Kept
from sipdiag.live.verdicts import View, replay, verdict_on
from tests.live.watched import ETHERNET, dark_phone, frames_of


def _packets(tmp_path: Path) -> tuple[Path, list[Kept]]:
    path = dark_phone().write(tmp_path / "story.pcap")
    kept = [
        Kept(ts_ns, 1000 + n, 1, data, wire)
        for n, (ts_ns, data, wire) in enumerate(frames_of(path))
    ]
    return path, kept


def test_it_says_what_analyse_says(tmp_path: Path) -> None:
    path, packets = _packets(tmp_path)
    subjects = replay(View("eth0", ETHERNET), packets, name=str(path))
    _, verdict = verdict_on(subjects)
    report = analyse(path)
    assert [(f.name, f.message) for f in verdict.findings] == [
        (f.name, f.message) for f in report.findings
    ]
    assert [e.origin.frame for f in verdict.findings for e in f.evidence] == [
        e.frame for f in report.findings for e in f.evidence
    ]
    assert subjects.source.vantage is Vantage.PBX


def test_without_a_file_frames_have_the_numbers_of_watching(tmp_path: Path) -> None:
    _, packets = _packets(tmp_path)
    _, verdict = verdict_on(replay(View("eth0", ETHERNET), packets))
    primary = verdict.findings[0].evidence[0]
    assert primary.origin.source == "eth0"
    assert (primary.origin.frame or 0) >= 1000


def test_its_end_is_its_last_packet(tmp_path: Path) -> None:
    _, packets = _packets(tmp_path)
    source = replay(View("eth0", ETHERNET), packets).source
    assert (source.first_ns, source.last_ns) == (packets[0].ts_ns, packets[-1].ts_ns)
    assert source.packets == len(packets)


def test_packets_for_a_ladder_are_kept_where_wanted(tmp_path: Path) -> None:
    _, packets = _packets(tmp_path)
    assert replay(View("eth0", ETHERNET), packets).packets == []
    assert replay(View("eth0", ETHERNET), packets, keep_packets=5).packets[4].label


def test_nothing_is_nothing() -> None:
    _, verdict = verdict_on(replay(View("eth0", ETHERNET), []))
    assert verdict.findings == []
