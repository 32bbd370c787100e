"""A capture in several files, as a ring leaves it, is one capture."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

import sipdiag

CASE = Path(__file__).parents[2] / "captures" / "sip-binding-30s"


def _split(pcap: Path, parts: int, folder: Path) -> list[Path]:
    """Cuts a little-endian pcap at record boundaries."""
    data = pcap.read_bytes()
    header, at, records = data[:24], 24, []
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at + 8)
        records.append(data[at : at + 16 + length])
        at += 16 + length
    size = -(-len(records) // parts)
    paths = []
    for number in range(parts):
        path = folder / f"ring{number}.pcap"
        path.write_bytes(header + b"".join(records[number * size : (number + 1) * size]))
        paths.append(path)
    return paths


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_the_files_of_a_ring_are_read_as_one(tmp_path: Path, order: tuple[int, ...]) -> None:
    files = _split(CASE / "bad.pcap", 3, tmp_path)
    report = sipdiag.analyse(*(files[n] for n in order))
    whole = sipdiag.analyse(CASE / "bad.pcap")
    assert report.verdict == whole.verdict
    assert report.estimates == whole.estimates
    (source,) = report.sources
    assert source.packets == whole.sources[0].packets
    assert source.name.endswith("ring2.pcap") and source.name.count(" + ") == 2
    frames = {e.source.rpartition("/")[2] for e in report.findings[0].evidence}
    assert len(frames) > 1


def test_captures_of_the_same_minutes_are_not_one(tmp_path: Path) -> None:
    report = sipdiag.analyse(CASE / "bad.pcap", CASE / "bad.inside.pcap")
    assert len(report.sources) == 2


def test_captures_of_another_day_are_not_one() -> None:
    other = CASE.parent / "sip-one-way-audio" / "bad.pcap"
    assert len(sipdiag.analyse(CASE / "bad.pcap", other).sources) == 2
