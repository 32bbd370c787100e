"""A told scenario, watched second by second: what most tests of ``live`` begin with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sipdiag.base.interval import NS
from sipdiag.base.limits import DEFAULT_LIMITS, Limits
from sipdiag.crafting.scenario import START_NS, Scenario, SipPhone
from sipdiag.live.history import Kept
from sipdiag.live.model import Alert, PeerRow, Snapshot
from sipdiag.live.ring import pcap_header, pcap_record
from sipdiag.live.verdicts import View
from sipdiag.live.watch import Watch, WatchOptions

ETHERNET = 1


def frames_of(path: Path) -> list[tuple[int, bytes, int]]:
    """(time, frame, bytes on the wire) of a little-endian pcap of Ethernet."""
    raw = path.read_bytes()
    unit = 1 if raw[:4] == b"\x4d\x3c\xb2\xa1" else 1000
    found, at = [], 24
    while at < len(raw):
        second, rest, size, wire = (
            int.from_bytes(raw[at + n : at + n + 4], "little") for n in (0, 4, 8, 12)
        )
        found.append((second * NS + rest * unit, raw[at + 16 : at + 16 + size], wire))
        at += 16 + size
    return found


@dataclass
class Frozen:
    """Keeps what is frozen in memory, and on disk where a directory is given."""

    directory: Path | None = None
    kept: dict[str, list[Kept]] = field(default_factory=dict)

    def name_for(self, client: str, at_ns: int) -> str:
        name = f"finding-{at_ns}.pcap"
        return str(self.directory / name) if self.directory else name

    def freeze(self, path: str, packets: Sequence[Kept]) -> bool:
        self.kept[path] = list(packets)
        if self.directory is not None:
            records = [
                pcap_record(kept.ts_ns, kept.data, kept.wire)
                for kept in packets
                if isinstance(kept.data, bytes)
            ]
            Path(path).write_bytes(b"".join([pcap_header(ETHERNET), *records]))
        return True


@dataclass
class Watched:
    """A watch, and what it told."""

    watch: Watch
    alerts: list[Alert]
    now_ns: int

    @property
    def snapshot(self) -> Snapshot:
        return self.watch.snapshot(self.now_ns)

    @property
    def peers(self) -> dict[str, PeerRow]:
        """By user."""
        return {row.user: row for row in self.snapshot.peers}

    @property
    def names(self) -> list[str]:
        """The names of what was told."""
        return [alert.finding.name for alert in self.alerts]


def watched_frames(
    frames: Sequence[tuple[int, bytes, int]],
    *,
    more_s: float = 40,
    media: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    frozen: Frozen | None = None,
) -> Watched:
    """Frames, watched second by second; and ``more_s`` of silence."""
    now_ns = frames[0][0]
    view = View("eth0", ETHERNET, limits=limits)
    watch = Watch(view, now_ns, WatchOptions(media=media), frozen)
    alerts: list[Alert] = []
    for ts_ns, data, wire in frames:
        while ts_ns > now_ns:
            alerts += watch.tick(now_ns)
            now_ns += NS
        watch.frame(ts_ns, 1, data, wire)
    end_ns = now_ns + int(more_s * NS)
    while now_ns < end_ns:
        alerts += watch.tick(now_ns)
        now_ns += NS
    return Watched(watch, alerts, now_ns)


def watched(
    scenario: Scenario,
    tmp_path: Path,
    *,
    more_s: float = 40,
    limits: Limits = DEFAULT_LIMITS,
    frozen: Frozen | None = None,
) -> Watched:
    """A scenario, watched."""
    frames = frames_of(scenario.write(tmp_path / "scenario.pcap"))
    return watched_frames(frames, more_s=more_s, limits=limits, frozen=frozen)


def second(alert: Alert) -> float:
    """When it was told, in seconds of the scenario."""
    return (alert.at_ns - START_NS) / NS


def story() -> Scenario:
    """A server on the Internet."""
    return Scenario(server="203.0.113.80", software="Asterisk PBX 16.28.0")


def phone_of(
    s: Scenario,
    user: str = "101",
    outer: str = "203.0.113.7:5060",
    nat_lifetime_s: float | None = None,
) -> SipPhone:
    """A phone behind a NAT."""
    return s.sip_phone(user, inner="192.168.1.50:5060", outer=outer, nat_lifetime_s=nat_lifetime_s)


def dark_phone() -> Scenario:
    """A router that forgets after 15 s; calls after 5 s and 14 s, and two after 20 s."""
    s = story()
    phone = phone_of(s, nat_lifetime_s=15)
    for turn, age in enumerate((5, 14, 20, 20)):
        s.at(60 * turn)
        s.register(phone, expires=60, granted=60)
        s.at(60 * turn + age)
        s.call(phone, talk_s=1, ring_s=10)
    s.at(240)
    s.register(phone, expires=60, granted=60)
    return s
