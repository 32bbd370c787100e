"""A log that grows, is rotated, truncated, or is none."""

from __future__ import annotations

import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sipdiag.base.datagram import Datagram
from sipdiag.base.errors import AccessError, InputError, UsageError
from sipdiag.base.interval import NS
from sipdiag.base.logevent import LogEvent
from sipdiag.live.follow import Item, LogFollower
from sipdiag.live.verdicts import View
from sipdiag.live.watch import Watch
from sipdiag.readers import open_source

CAPTURES = Path(__file__).parents[2] / "captures"
SIP = CAPTURES / "sip-binding-30s" / "bad.log"
IAX2 = CAPTURES / "iax2-binding-30s" / "bad.log"
PJSIP = CAPTURES / "pjsip-binding-30s" / "bad.log"


class Told:
    """A log at ``path`` that is written to, and what its follower gave."""

    def __init__(self, path: Path, before: bytes = b"", tz: str | None = "UTC") -> None:
        self.path = path
        path.write_bytes(before)
        self.now_ns = 0
        self.follower = LogFollower(str(path), tz=tz)
        self.items: list[Item] = []

    def write(self, data: bytes) -> None:
        """Asterisk writes."""
        with self.path.open("ab") as file:
            file.write(data)

    def poll(self, times: int = 1) -> None:
        """Time goes by."""
        for _ in range(times):
            self.items += self.follower.poll(self.now_ns)

    def close(self) -> list[Item]:
        """All that was given."""
        self.items += self.follower.finish()
        self.follower.close()
        return self.items


def whole(path: Path) -> tuple[list[bytes], list[tuple[str, int | None]]]:
    """The messages of a log read at once, and its verdicts with their lines."""
    reader = open_source(str(path), tz="UTC")
    messages = [datagram.payload for datagram in reader]
    events = [(event.text, event.origin.line) for event in getattr(reader, "events", [])]
    return messages, events


def followed(items: list[Item]) -> tuple[list[bytes], list[tuple[str, int | None]]]:
    """The same of what was followed."""
    return (
        [item.payload for item in items if isinstance(item, Datagram)],
        [(item.text, item.origin.line) for item in items if isinstance(item, LogEvent)],
    )


def _by_pause(data: bytes) -> list[bytes]:
    """As Asterisk writes: whatever belongs together at once, and pauses between."""
    pieces, at, before = [], 0, b""
    for match in re.finditer(rb"(?m)^\[\S+ (\S+)\]", data):
        if match[1][:10] != before[:10]:
            pieces.append(data[at : match.start()])
            at = match.start()
        before = match[1]
    return [*pieces, data[at:]]


def _any(data: bytes) -> list[bytes]:
    """Whatever the disk had at the moment, cut anywhere."""
    dice, pieces, at = random.Random(4), [], 0
    while at < len(data):
        size = dice.randrange(1, 6000)
        pieces.append(data[at : at + size])
        at += size
    return pieces


@pytest.mark.parametrize("log", [SIP, IAX2, PJSIP], ids=["sip", "iax2", "pjsip"])
@pytest.mark.parametrize(("cut", "polls"), [(_by_pause, 2), (_any, 1)])
def test_a_log_followed_says_what_it_says_when_read_at_once(
    tmp_path: Path, log: Path, cut: Callable[[bytes], list[bytes]], polls: int
) -> None:
    """With pauses between records, and growing without a pause."""
    told = Told(tmp_path / "full")
    for piece in cut(log.read_bytes()):
        told.write(piece)
        told.poll(polls)
    assert followed(told.close()) == whole(log)


def test_what_was_there_before_tells_the_form_and_is_not_given(tmp_path: Path) -> None:
    data = SIP.read_bytes()
    half = data.index(b"\n[", len(data) // 2) + 1
    told = Told(tmp_path / "full", data[:half])
    told.poll(3)
    assert told.items == []
    told.write(data[half:])
    told.poll(2)
    messages, events = whole(SIP)
    given, later = followed(told.close())
    assert 0 < len(given) < len(messages)
    assert given == messages[-len(given) :]
    assert later == events[-len(later) :]


def test_a_message_is_given_once_the_log_is_quiet_and_not_before(tmp_path: Path) -> None:
    data = SIP.read_bytes()
    begin = data.index(b"<--- SIP read")
    end = data.index(b"\n[", begin) + 1
    told = Told(tmp_path / "full")
    told.write(data[:end])
    told.poll()
    before = len(followed(told.items)[0])
    told.poll()
    assert len(followed(told.items)[0]) > before
    told.close()


def test_rotation_by_renaming(tmp_path: Path) -> None:
    data = SIP.read_bytes()
    half = data.index(b"\n[", len(data) // 2) + 1
    told = Told(tmp_path / "full")
    quarter = data.index(b"\n[", len(data) // 4) + 1
    told.write(data[:quarter])
    told.poll(2)
    told.write(data[quarter:half])
    os.rename(told.path, tmp_path / "full.1")
    told.write(data[half:])
    told.poll(3)
    assert followed(told.close())[0] == whole(SIP)[0]
    assert any("rotated" in text for text in told.follower.notices)
    last = [item.origin.line for item in told.items if isinstance(item, Datagram)][-1]
    assert last is not None and last <= data[half:].count(b"\n")


def test_rotation_by_copying_and_truncating(tmp_path: Path) -> None:
    data = SIP.read_bytes()
    half = data.index(b"\n[", len(data) // 2) + 1
    told = Told(tmp_path / "full")
    told.write(data[:half])
    told.poll(2)
    os.truncate(told.path, 0)
    told.poll()
    told.write(data[half:])
    told.poll(2)
    assert followed(told.close())[0] == whole(SIP)[0]
    assert any("truncated" in text for text in told.follower.notices)


def test_the_file_may_be_away_for_a_while(tmp_path: Path) -> None:
    data = SIP.read_bytes()
    half = data.index(b"\n[", len(data) // 2) + 1
    told = Told(tmp_path / "full")
    told.write(data[:half])
    told.poll(2)
    os.unlink(told.path)
    told.poll(3)
    told.write(data[half:])
    told.poll(3)
    assert followed(told.close())[0] == whole(SIP)[0]


def test_a_log_in_local_time_is_put_right_by_the_clock(tmp_path: Path) -> None:
    """Two hours ahead of UTC, and nothing in the log says so."""
    data = SIP.read_bytes()
    told = Told(tmp_path / "full", tz=None)
    (last,) = [d.ts_ns for d in [*open_source(str(SIP), tz="UTC")][-1:]]
    told.now_ns = last - 2 * 3600 * NS + 3 * NS
    told.write(data)
    told.poll(2)
    newest = [item.ts_ns for item in told.close() if isinstance(item, Datagram)][-1]
    assert abs(newest - told.now_ns) < 60 * NS


def test_lines_that_are_no_log_are_told_once_and_harm_nothing(tmp_path: Path) -> None:
    told = Told(tmp_path / "full")
    for _ in range(5):
        told.write(b"\x00\xff\x80 rubbish \xfe\n" * 20)
        told.poll(2)
    assert told.items == [] and len(told.follower.notices) == 1
    told.write(SIP.read_bytes())
    told.poll(2)
    assert followed(told.close())[0] == whole(SIP)[0]


def test_what_cannot_be_followed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        LogFollower(str(tmp_path / "absent"))
    with pytest.raises((InputError, UsageError)):
        LogFollower(str(tmp_path))
    if os.geteuid():
        (tmp_path / "closed").touch(mode=0)
        with pytest.raises(AccessError, match="permission"):
            LogFollower(str(tmp_path / "closed"))


@pytest.mark.parametrize(("log", "user"), [(SIP, "101"), (IAX2, "101"), (PJSIP, "101")])
def test_a_followed_log_alone_tells_the_phone_that_goes_dark(
    tmp_path: Path, log: Path, user: str
) -> None:
    told = Told(tmp_path / "full")
    told.write(log.read_bytes())
    told.poll(2)
    items = sorted(told.close(), key=lambda item: item.ts_ns)
    now_ns = items[0].ts_ns
    watch = Watch(View(str(told.path), None), now_ns)
    alerts = []
    for item in items:
        while item.ts_ns > now_ns:
            alerts += watch.tick(now_ns)
            now_ns += NS
        watch.log_item(item)
    for _ in range(60):
        alerts += watch.tick(now_ns)
        now_ns += NS
    assert {alert.finding.name for alert in alerts} == {"nat-binding-expired"}
    assert all(item.origin.line for item in alerts[0].finding.evidence)
    (row,) = watch.snapshot(now_ns).peers
    assert row.user == user
