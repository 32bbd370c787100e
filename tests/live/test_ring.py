"""Captures on disk: bounded, whole at any time, and told of when they aren't written."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from sipdiag import analyse
from sipdiag.base.errors import AccessError
from sipdiag.base.interval import NS
from sipdiag.crafting.scenario import START_NS, Scenario
from sipdiag.live.history import Kept
from sipdiag.live.ring import Ring
from tests.live.watched import ETHERNET, frames_of


def frames(tmp_path: Path) -> list[tuple[int, int, bytes, int]]:
    """A phone that registers a few times."""
    s = Scenario(server="203.0.113.80", software="Asterisk PBX 16.28.0")
    phone = s.sip_phone("101", inner="192.168.1.50:5060", outer="203.0.113.7:5060")
    for turn in range(5):
        s.at(50 * turn)
        s.register(phone, expires=60, granted=60)
    source = s.write(tmp_path / "story.pcap")
    return [(ts_ns, 1, data, wire) for ts_ns, data, wire in frames_of(source)]


def ring_at(tmp_path: Path, **options: int) -> Ring:
    (tmp_path / "ring").mkdir(exist_ok=True)
    return Ring(tmp_path / "ring", ETHERNET, **options)


def files(tmp_path: Path, pattern: str = "ring-*.pcap") -> list[Path]:
    return sorted((tmp_path / "ring").glob(pattern))


def test_every_packet_is_on_disk_when_write_returns(tmp_path: Path) -> None:
    ring = ring_at(tmp_path)
    told = frames(tmp_path)
    for n, packet in enumerate(told, 1):
        ring.write([packet])
        (path,) = files(tmp_path)
        (source,) = analyse(path).sources
        assert (source.packets, source.truncated) == (n, False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_ring_is_bounded_and_what_is_read_back_is_one_capture(tmp_path: Path) -> None:
    ring = ring_at(tmp_path, file_bytes=2000, files=4)
    told = frames(tmp_path)
    for packet in told:
        ring.write([packet])
    ring.close()
    found = files(tmp_path)
    assert len(found) == 4
    assert all(path.stat().st_size < 2000 + 700 for path in found)
    kept = [frame for path in found for frame in frames_of(path)]
    assert kept == [(ts_ns, data, wire) for ts_ns, _, data, wire in told][-len(kept) :]


def test_the_files_of_an_earlier_run_count(tmp_path: Path) -> None:
    told = frames(tmp_path)
    for later in range(5):
        ring = ring_at(tmp_path, files=3)
        ring.write([(told[0][0] + later * 60 * NS, *told[0][1:])])
        ring.close()
    assert len(files(tmp_path)) == 3
    assert frames_of(files(tmp_path)[-1])[0][0] == told[0][0] + 240 * NS


def test_two_runs_in_one_second_do_not_share_a_file(tmp_path: Path) -> None:
    told = frames(tmp_path)
    one, other = ring_at(tmp_path), ring_at(tmp_path)
    one.write(told[:1])
    other.write(told[1:2])
    assert len(files(tmp_path)) == 2


def kept(packets: list[tuple[int, int, bytes, int]]) -> list[Kept]:
    return [Kept(p[0], n, p[1], p[2], p[3]) for n, p in enumerate(packets, 1)]


def test_a_finding_is_frozen_whole(tmp_path: Path) -> None:
    ring = ring_at(tmp_path, frozen=2)
    told = frames(tmp_path)
    ring.write(told)
    for n in range(3):
        path = ring.name_for("SIP/101@203.0.113.7:5060", START_NS + n * NS)
        assert ring.freeze(path, kept(told))
    found = files(tmp_path, "finding-*")
    assert [path.name for path in found] == [
        "finding-20260101T110001Z-SIP-101-203.0.113.7-5060.pcap",
        "finding-20260101T110002Z-SIP-101-203.0.113.7-5060.pcap",
    ]
    assert [frame[1] for frame in frames_of(found[0])] == [packet[2] for packet in told]
    assert stat.S_IMODE(found[0].stat().st_mode) == 0o600


def test_a_hostile_name_stays_in_the_directory(tmp_path: Path) -> None:
    ring = ring_at(tmp_path)
    for name in ("SIP/../../etc/passwd", "\x1b[2J", "a" * 5000, "...", "-rf"):
        path = Path(ring.name_for(name, START_NS))
        assert path.parent == tmp_path / "ring"
        assert len(path.name) < 120
        assert path.name.isprintable() and path.name.startswith("finding-2026")


def test_a_directory_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="no directory"):
        Ring(tmp_path / "absent", ETHERNET)


Writes = Callable[[int, bytes], int]


def _full_after(count: int) -> Writes:
    """A disk that takes so many bytes of a write, and no more."""
    real = os.write

    def write(handle: int, data: bytes) -> int:
        if count == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(handle, data[:count])

    return write


@pytest.mark.parametrize("taken", [0, 1, 100])
def test_a_full_disk_is_told_once_and_leaves_whole_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: int
) -> None:
    ring = ring_at(tmp_path)
    told = frames(tmp_path)
    ring.write(told[:2])
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", _full_after(taken))
        ring.write(told[2:3])
        ring.write(told[3:5])
    assert ring.lost == 3
    assert len(ring.notices) == 1 and "No space left" in ring.notices[0]
    ring.write(told[5:6])
    (path,) = files(tmp_path)
    assert [frame[1] for frame in frames_of(path)] == [told[n][2] for n in (0, 1, 5)]


def test_a_frozen_capture_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    ring = ring_at(tmp_path)
    told = frames(tmp_path)
    ring.write(told)
    assert not ring.freeze(str(tmp_path / "absent" / "x.pcap"), kept(told))
    assert len(ring.notices) == 1


def test_an_empty_ring_leaves_nothing(tmp_path: Path) -> None:
    ring = ring_at(tmp_path)
    ring.write([])
    ring.close()
    assert files(tmp_path) == []
