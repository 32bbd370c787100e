"""Several processes come to the report of one, to the last byte; where they can't, one reads."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest

from sipdiag import jobs as jobs_module
from sipdiag import sharing
from sipdiag.base.datagram import Transport
from sipdiag.base.errors import InputError
from sipdiag.base.limits import DEFAULT_LIMITS, LimitHits
from sipdiag.base.shares import Indivisible
from sipdiag.crafting.capture import PcapBuilder, ip_packets, udp_segment, write_pcap
from sipdiag.crafting.scenario import START_NS, Scenario
from sipdiag.feeds import Ended, Row
from sipdiag.pipeline import DEFAULTS, Options, analyse, compare
from sipdiag.report.json import render
from tests.bench.made import Load, make
from tests.readers.packets import pcap

T = TypeVar("T")

CAPTURES = Path(__file__).parent.parent / "captures"
ONE_A_CASE = [
    next(iter(sorted(case.glob("*bad*.pcap*")) or sorted(case.glob("*.pcap*"))), None)
    for case in sorted(CAPTURES.iterdir())
    if case.is_dir()
]


@pytest.fixture(autouse=True)
def shares_small_files_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "WORTH_BYTES", 0)
    monkeypatch.setattr(sharing, "MOST_IN_ONE", 2.0)


def told(*paths: Path, jobs: int, options: Options = DEFAULTS) -> str:
    return render(analyse(*paths, options=replace(options, jobs=jobs)))


def shared(path: Path, jobs: int = 2, options: Options = DEFAULTS) -> None:
    """Reads it by several processes, or raises ``Indivisible``."""
    sharing.track_shared(
        [path],
        jobs=jobs,
        local=options.local,
        limits=options.limits,
        hits=LimitHits(),
        on_progress=options.on_progress,
    )


def a_busy_hour(s: Scenario) -> None:
    """Phones of every kind: healthy, forgotten by their routers, moving, refused, behind one
    address, over IAX2; and who isn't a phone at all."""
    for n in range(6):
        phone = s.sip_phone(
            str(100 + n),
            inner=f"192.168.1.{50 + n}",
            outer=f"198.51.100.{1 + n // 2}:{5060 + n}",
            nat_lifetime_s=30 if n == 3 else None,
            user_agent=f"Phone {n}",
        )
        for cycle in range(4):
            s.at(120 * cycle + n)
            s.register(phone, expires=120)
            s.at(120 * cycle + 20 + n)
            s.options(phone)
            s.keepalive(phone)
            s.at(120 * cycle + 60 + n)
            s.call(phone, talk_s=2)
            if n == 4 and cycle == 1:
                s.rebind(phone, "198.51.100.77:1024")
            if n == 5:
                s.call_from(phone, talk_s=1, ack=cycle != 2)
    s.at(13)
    s.reject(s.sip_phone("900", inner="10.0.0.9", outer="192.0.2.99"))
    for n in range(3):
        box = s.iax_peer(f"iax{n}", inner="10.1.1.1", outer=f"198.51.100.{200 + n}:4569")
        s.at(7 + n)
        s.register(box)
        s.poke(box)
        s.call(box, talk_s=1)
    lost = next(d for d in s.datagrams() if d.payload.startswith(b"OPTIONS"))
    s.at(300)
    s.unreachable("192.0.2.254", lost)


def test_a_busy_hour_has_one_report_however_many_read_it(tmp_path: Path) -> None:
    s = Scenario()
    a_busy_hour(s)
    path = s.write(tmp_path / "busy.pcap")
    alone = told(path, jobs=1)
    assert '"name": "nat-binding-expired"' in alone
    for jobs in (2, 3, 7):
        shared(path, jobs)
        assert told(path, jobs=jobs) == alone


@pytest.mark.parametrize("load", Load)
def test_what_is_measured_has_one_report(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "measured.pcap"
    make(path, load, 1_500_000)
    alone = told(path, jobs=1)
    for jobs in (2, 3):
        shared(path, jobs)
        assert told(path, jobs=jobs) == alone


@pytest.mark.parametrize("path", [p for p in ONE_A_CASE if p], ids=lambda p: p.parent.name)
def test_a_bundled_capture_has_one_report(path: Path) -> None:
    shared(path)
    assert told(path, jobs=2) == told(path, jobs=1)


def test_caps_that_are_hit_drop_the_same(tmp_path: Path) -> None:
    s = Scenario()
    a_busy_hour(s)
    path = s.write(tmp_path / "busy.pcap")
    options = replace(DEFAULTS, limits=replace(DEFAULT_LIMITS, requests_held=40))
    alone = told(path, jobs=1, options=options)
    assert '"requests_held"' in alone
    shared(path, 2, options)
    assert told(path, jobs=2, options=options) == alone


def test_a_call_that_goes_by_two_addresses_is_followed_by_one_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "SAMPLE_COUNT", 0)
    s = Scenario()
    for n in range(8):
        phone = s.sip_phone(str(100 + n), inner="192.168.1.50", outer=f"198.51.100.{n + 1}")
        s.at(n)
        s.register(phone)
        s.call(phone, talk_s=1, ack_to=f"192.0.2.{n + 1}")
    path = s.write(tmp_path / "acks.pcap")
    shared(path)
    alone = told(path, jobs=1)
    assert '"name": "ack-missing"' in alone
    assert told(path, jobs=2) == alone


def test_the_files_of_a_ring_are_shared_as_one(tmp_path: Path) -> None:
    paths = []
    for part in range(3):
        s = Scenario(name=f"part{part}.pcap")
        for n in range(4):
            phone = s.sip_phone(str(100 + n), inner="192.168.1.50", outer=f"198.51.100.{n + 1}")
            s.at(100 * part + n)
            s.register(phone)
            s.call(phone, talk_s=1)
        paths.append(s.write(tmp_path / f"part{part}.pcap"))
    assert told(*paths, jobs=3) == told(*paths, jobs=2) == told(*paths, jobs=1)


def test_both_sides_of_a_router_are_read_by_a_process_each() -> None:
    case = CAPTURES / "sip-alg"
    paths = (case / "bad.inside.pcap", case / "bad.pcap")
    assert told(*paths, jobs=2) == told(*paths, jobs=1)


def test_good_and_bad_are_compared_alike() -> None:
    for good, bad in (
        ("sip-alg/good.pcap", "sip-alg/bad.pcap"),
        ("iax2-binding-30s/good.log",) * 2,
    ):
        alone, together = (
            render(compare(CAPTURES / good, CAPTURES / bad, replace(DEFAULTS, jobs=jobs)))
            for jobs in (1, 2)
        )
        assert alone == together


def _indivisible(path: Path, why: str) -> None:
    with pytest.raises(Indivisible, match=why):
        shared(path)
    assert told(path, jobs=2) == told(path, jobs=1)


def test_a_clock_set_back_is_for_one_process(tmp_path: Path) -> None:
    s = Scenario()
    a_busy_hour(s)
    path = tmp_path / "back.pcap"
    write_pcap(
        path,
        (
            replace(datagram, ts_ns=datagram.ts_ns - (3_000_000_000 if number > 200 else 0))
            for number, datagram in enumerate(s.packets())
        ),
    )
    _indivisible(path, "older")


def test_a_tunnel_is_read_as_by_one_process(tmp_path: Path) -> None:
    s = Scenario()
    a_busy_hour(s)
    builder = PcapBuilder()
    for datagram in s.packets():
        assert datagram.src is not None
        assert datagram.dst is not None
        src, dst = datagram.src, datagram.dst
        inner = ip_packets(src.ip, dst.ip, 17, udp_segment(src, dst, datagram.payload))
        for packet in (p for i in inner for p in ip_packets("192.0.2.1", "192.0.2.2", 4, i)):
            builder.add_frame(datagram.ts_ns, bytes(12) + b"\x08\x00" + packet)
    path = tmp_path / "tunnel.pcap"
    builder.write(path)
    shared(path)
    alone = told(path, jobs=1)
    assert '"name": "nat-binding-expired"' in alone
    assert told(path, jobs=2) == alone


def test_packets_without_a_time_are_read_as_by_one_process(tmp_path: Path) -> None:
    s = Scenario()
    for n in range(120):
        phone = s.sip_phone(str(100 + n), inner="10.0.0.1", outer=f"198.51.100.{n + 1}")
        s.at(n)
        s.register(phone)
        s.call(phone, media="none")
    path = tmp_path / "timeless.pcap"
    write_pcap(path, (replace(datagram, ts_ns=START_NS) for datagram in s.packets()))
    shared(path)
    assert told(path, jobs=2) == told(path, jobs=1)


def test_messages_over_tcp_are_read_as_by_one_process(tmp_path: Path) -> None:
    """Cut ones, too, and those whose end never comes."""
    s = Scenario()
    a_busy_hour(s)
    builder = PcapBuilder(snaplen=1000)
    for datagram in s.packets():
        sip = datagram.payload[:1].isalpha()
        builder.add(replace(datagram, transport=Transport.TCP) if sip else datagram)
    path = tmp_path / "tcp.pcap"
    builder.write(path)
    shared(path)
    assert told(path, jobs=2) == told(path, jobs=1)


def test_more_addresses_than_are_remembered_are_for_one_process(tmp_path: Path) -> None:
    s = Scenario()
    a_busy_hour(s)
    path = s.write(tmp_path / "busy.pcap")
    options = replace(DEFAULTS, limits=replace(DEFAULT_LIMITS, known_flows=8))
    with pytest.raises(Indivisible, match="addresses"):
        shared(path, 2, options)
    assert told(path, jobs=2, options=options) == told(path, jobs=1, options=options)


@pytest.mark.parametrize("jobs", [2, 3])
def test_processes_that_are_no_copies_come_to_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    monkeypatch.setattr(sharing, "forks", lambda: False)
    monkeypatch.setattr(jobs_module, "forks", lambda: False)
    s = Scenario()
    a_busy_hour(s)
    path = s.write(tmp_path / "busy.pcap")
    shared(path, jobs)
    assert told(path, jobs=jobs) == told(path, jobs=1)


@pytest.mark.parametrize(("who", "jobs"), [("_Reading", 2), ("_Reading", 3), ("_Other", 3)])
def test_a_process_that_is_killed_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, who: str, jobs: int
) -> None:
    here = os.getpid()

    def dies_in_a_child(work: Callable[..., T]) -> Callable[..., T]:
        def die(*args: object, **kwargs: object) -> T:
            if os.getpid() != here:
                os.kill(os.getpid(), signal.SIGKILL)
            return work(*args, **kwargs)

        return die

    name = "rows" if who == "_Reading" else "part"
    kind = getattr(sharing, who)
    monkeypatch.setattr(kind, name, dies_in_a_child(getattr(kind, name)))
    path = tmp_path / "measured.pcap"
    make(path, Load.SIGNALLING, 3_000_000)
    with pytest.raises(InputError, match="--jobs 1"):
        shared(path, jobs)


def test_what_isnt_read_to_its_end_is_for_one_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken_off(*args: object) -> Iterator[list[Row]]:
        yield from ()
        raise Ended

    monkeypatch.setattr(sharing, "fed", broken_off)
    s = Scenario()
    a_busy_hour(s)
    _indivisible(s.write(tmp_path / "busy.pcap"), "to its end")


def test_what_cant_be_read_is_told_as_by_one_process(tmp_path: Path) -> None:
    path = tmp_path / "radio.pcap"
    path.write_bytes(pcap([bytes(100)] * 10, 105))
    said = []
    for jobs in (1, 2):
        with pytest.raises(InputError, match="link type 105") as raised:
            told(path, jobs=jobs)
        said.append(str(raised.value))
    with pytest.raises(InputError, match="link type 105"):
        shared(path)
    assert said[0] == said[1]


@pytest.mark.parametrize("load", Load)
def test_how_far_reading_has_come_is_told_in_this_process(load: Load, tmp_path: Path) -> None:
    path = tmp_path / "measured.pcap"
    make(path, load, 30_000_000)
    seen: list[tuple[int, int | None]] = []
    shared(path, options=replace(DEFAULTS, on_progress=lambda *step: seen.append(step)))
    size = path.stat().st_size
    assert seen == sorted(seen)
    assert len(set(seen)) >= 5
    assert {total for _, total in seen} == {size}
    assert seen[-1][0] > size / 2


def test_a_cap_of_all_clients_is_for_one_process(tmp_path: Path) -> None:
    s = Scenario()
    a_busy_hour(s)
    path = s.write(tmp_path / "busy.pcap")
    options = replace(DEFAULTS, limits=replace(DEFAULT_LIMITS, open_transactions=4))
    with pytest.raises(Indivisible, match="open_transactions"):
        shared(path, 2, options)
    assert told(path, jobs=2, options=options) == told(path, jobs=1, options=options)


def test_one_trunk_is_for_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "MOST_IN_ONE", 0.75)
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="198.51.100.1")
    s.register(phone)
    s.call(phone, media="none")
    _indivisible(s.write(tmp_path / "one.pcap"), "between two addresses")


def test_one_trunk_with_media_is_read_by_one_and_followed_by_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "MOST_IN_ONE", 0.75)
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="198.51.100.1")
    s.register(phone)
    s.call(phone, talk_s=5)
    path = s.write(tmp_path / "one.pcap")
    shared(path)
    assert told(path, jobs=2) == told(path, jobs=1)


def test_logs_pipes_and_small_files_are_not_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capture = CAPTURES / "sip-alg" / "bad.pcap"
    assert sharing.divisible([capture]) == [capture]
    assert sharing.divisible([CAPTURES / "iax2-binding-30s" / "bad.log"]) is None
    assert sharing.divisible(["-"]) is None
    assert sharing.divisible([tmp_path / "missing.pcap"]) is None
    monkeypatch.setattr(sharing, "WORTH_BYTES", 1 << 30)
    assert sharing.divisible([capture]) is None
