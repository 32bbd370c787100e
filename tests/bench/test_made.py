"""The captures that are measured: what they are full of, and that nothing in them repeats."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipdiag.pipeline import analyse
from sipdiag.protocols import sip
from sipdiag.readers import open_source
from tests.bench.made import Load, make

SIZE = 2_000_000


@pytest.fixture(scope="module", params=list(Load))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / f"{request.param.value}.pcap"
    make(path, request.param, SIZE)
    return path


def test_it_is_the_same_every_time_and_as_large_as_wanted(made: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.pcap"
    packets = make(again, Load(made.stem), SIZE)
    assert again.read_bytes() == made.read_bytes()
    assert SIZE <= made.stat().st_size < SIZE + 500_000
    reader = open_source(made)
    assert not any(datagram.cut for datagram in reader)
    assert reader.source.packets == packets
    assert reader.source.notes == []


def test_a_larger_one_goes_on_with_the_same_clients(made: Path, tmp_path: Path) -> None:
    larger = tmp_path / "larger.pcap"
    make(larger, Load(made.stem), 3 * SIZE)
    assert larger.read_bytes().startswith(made.read_bytes())


def test_no_two_messages_are_alike(made: Path) -> None:
    payloads = [datagram.payload for datagram in open_source(made)]
    again = sum(sip.parse(payload) is not None for payload in payloads) - len(
        {payload for payload in payloads if sip.parse(payload) is not None}
    )
    sent_again = sum(b"INVITE sip:" in p[:11] or b"OPTIONS sip:" in p[:12] for p in payloads)
    # What is equal was retransmitted by the phones' PBX, because routers had forgotten them.
    assert again < sent_again / 2
    assert all(not m.defects for p in payloads if (m := sip.parse(p)) is not None)


def test_its_load_is_what_its_name_says(tmp_path: Path) -> None:
    path = tmp_path / "made.pcap"
    packets = make(path, Load.MEDIA, 20_000_000)
    reader = open_source(path)
    signalling = sum(1 for _ in reader)
    assert 0.04 < signalling / packets < 0.065
    assert 0.8 < reader.source.rtp_packets / packets < 0.95
    packets = make(path, Load.SIGNALLING, SIZE)
    reader = open_source(path)
    assert sum(1 for _ in reader) == packets
    assert 0.05 < reader.source.iax2_frames / packets < 0.4


def test_there_is_something_to_find(tmp_path: Path) -> None:
    path = tmp_path / "made.pcap"
    make(path, Load.SIGNALLING, 10_000_000)
    report = analyse(path)
    assert report.verdict.finding == "nat-binding-expired"
    found = [finding for finding in report.findings if finding.name == report.verdict.finding]
    assert len(found) > 10
