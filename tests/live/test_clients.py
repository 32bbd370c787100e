"""Who is whose, and that nothing pushes a phone out."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import NS
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.crafting.capture import ip_packets, udp_segment
from sipdiag.crafting.scenario import START_NS, IaxPeer, SipPhone
from sipdiag.live.intake import Intake
from sipdiag.live.verdicts import View
from tests.live.watched import (
    dark_phone,
    frames_of,
    phone_of,
    story,
    watched,
    watched_frames,
)

SERVER = Endpoint("203.0.113.80", 5060)


def test_a_phone_on_a_new_port_of_its_router_is_the_same_row(tmp_path: Path) -> None:
    s = story()
    phone = phone_of(s)
    s.at(0)
    s.register(phone, expires=60, granted=60)
    s.rebind(phone, "203.0.113.7:40001")
    s.at(50)
    s.register(phone, expires=60, granted=60)
    told = watched(s, tmp_path, more_s=1)
    assert len(told.snapshot.peers) == 1
    assert told.peers["101"].outer == Endpoint("203.0.113.7", 40001)


def test_after_a_restart_with_another_call_id_it_is_the_same_row(tmp_path: Path) -> None:
    s = story()
    for turn in range(2):
        phone = s.sip_phone(
            "101", inner="192.168.1.50:5060", outer=f"203.0.113.7:{5060 + turn}",
            call_id_host=f"host{turn}",
        )  # fmt: skip
        s.at(60 * turn)
        s.register(phone, expires=60, granted=60)
    told = watched(s, tmp_path, more_s=1)
    assert [row.user for row in told.snapshot.peers] == ["101"]


def test_two_phones_behind_one_router_are_two_rows(tmp_path: Path) -> None:
    s = story()
    for number in (1, 2):
        phone = s.sip_phone(
            f"10{number}", inner=f"192.168.1.5{number}:5060", outer=f"203.0.113.7:506{number}"
        )
        s.at(number)
        s.register(phone, expires=60, granted=60)
    assert set(watched(s, tmp_path, more_s=1).peers) == {"101", "102"}


def test_a_phone_with_a_wrong_password_is_a_peer_and_told(tmp_path: Path) -> None:
    s = story()
    phone = phone_of(s)
    for turn in range(40):
        s.at(15 * turn)
        s.reject(phone, 403)
    told = watched(s, tmp_path)
    assert told.snapshot.counters.scanners == 0
    assert "101" in told.peers
    assert told.names[0] == "registration-rejected"


def test_a_scanner_is_counted_and_kept_out(tmp_path: Path) -> None:
    s = story()
    phone = phone_of(s)
    s.at(0)
    s.register(phone, expires=60, granted=60)
    for number in range(30):
        guess = s.sip_phone(
            str(1000 + number), inner="198.51.100.9:5090", outer="198.51.100.9:5090",
            user_agent="friendly-scanner",
        )  # fmt: skip
        s.at(1 + number / 10)
        s.reject(guess, 403, attempts=1)
    told = watched(s, tmp_path)
    assert set(told.peers) == {"101"}
    assert told.snapshot.counters.scanners == 1
    assert told.snapshot.counters.scanner_packets > 20
    judged = told.watch.judge_all()
    assert any("198.51.100.9" in note for note in judged.source.notes)


def _flood(count: int, *, spoofed: bool) -> list[tuple[int, bytes, int]]:
    """REGISTERs and INVITEs, each with a Call-ID of its own."""
    dice = random.Random(1)
    frames = []
    for number in range(count):
        ip = f"{dice.randrange(1, 99)}.{dice.randrange(256)}.1.{dice.randrange(256)}"
        src = Endpoint(ip if spoofed else "198.51.100.66", 5060)
        method = ("REGISTER", "INVITE")[number % 2]
        payload = (
            f"{method} sip:101@203.0.113.80 SIP/2.0\r\nVia: SIP/2.0/UDP {src};branch=z9{number}\r\n"
            f"From: <sip:101@x>;tag=1\r\nTo: <sip:101@x>\r\nCall-ID: {number}@{src.ip}\r\n"
            f"CSeq: 1 {method}\r\nContact: <sip:101@{src.ip}>\r\nContent-Length: 0\r\n\r\n"
        ).encode()
        packet = ip_packets(src.ip, SERVER.ip, 17, udp_segment(src, SERVER, payload))[0]
        frame = bytes(12) + b"\x08\x00" + packet
        frames.append((START_NS + 245 * NS + number * 1000, frame, len(frame)))
    return frames


_SMALL = Limits(live_strangers=50, live_call_ids=200, live_clients=20, live_bytes=200_000)


@pytest.mark.parametrize("spoofed", [True, False])
def test_no_flood_pushes_a_phone_out(tmp_path: Path, spoofed: bool) -> None:
    """Its name and user are in every forged request."""
    frames = frames_of(dark_phone().write(tmp_path / "s.pcap"))
    told = watched_frames([*frames, *_flood(3000, spoofed=spoofed)], limits=_SMALL, more_s=3)
    assert told.names == ["nat-binding-expired"] * 2
    row = next(r for r in told.snapshot.peers if r.outer == Endpoint("203.0.113.7", 5060))
    assert row.findings[0] == "SD501"
    assert len(told.snapshot.peers) == (1 if spoofed else 2)
    assert told.watch.judge_all().context.subjects.source.packets < 1000
    if spoofed:
        assert told.snapshot.counters.dropped_by_limits > 2000


def test_histories_share_what_there_is(tmp_path: Path) -> None:
    s = story()
    phones = [
        s.sip_phone(f"1{n:02}", inner=f"192.168.1.{n}:5060", outer=f"203.0.113.{n}:5060")
        for n in range(2, 12)
    ]
    for turn in range(40):
        for number, phone in enumerate(phones):
            s.at(50 * turn + number)
            s.register(phone, expires=60, granted=60)
    told = watched(s, tmp_path, limits=Limits(live_bytes=100_000), more_s=1)
    assert len(told.snapshot.peers) == len(phones)
    held = told.watch.judge_all().context.subjects
    assert len(held.peers) == len(phones)
    assert 100 < held.source.packets < 250


def test_a_client_of_whom_nothing_was_seen_for_hours_is_forgotten(tmp_path: Path) -> None:
    s = story()
    s.at(0)
    s.register(phone_of(s), expires=60, granted=60)
    limits = Limits(live_history_s=100)
    assert len(watched(s, tmp_path, limits=limits, more_s=90).snapshot.peers) == 1
    assert len(watched(s, tmp_path, limits=limits, more_s=110).snapshot.peers) == 0


@pytest.mark.parametrize("seed", range(8))
def test_its_books_balance_whatever_comes(tmp_path: Path, seed: int) -> None:
    """Phones, scanners and floods in a random order, under tight caps."""
    dice = random.Random(seed)
    s = story()
    phones = [phone_of(s, f"1{n}", outer=f"203.0.113.{n}:5060") for n in range(2, 9)]
    peers = [
        s.iax_peer(f"2{n}", inner=f"192.168.1.{n}:4569", outer=f"203.0.113.{n}:4569")
        for n in range(2, 5)
    ]
    everybody: list[SipPhone | IaxPeer] = [*phones, *peers]
    for second in range(0, 300, 3):
        s.at(second)
        one = dice.choice(everybody)
        if dice.random() < 0.2:
            s.rebind(one, f"203.0.113.{dice.randrange(2, 9)}:{dice.randrange(1024, 1030)}")
        dice.choice((s.register, s.reject))(one)
    frames = [*frames_of(s.write(tmp_path / "s.pcap")), *_flood(300, spoofed=True)]
    dice.shuffle(frames)
    limits = Limits(
        live_strangers=5, live_call_ids=9, live_clients=4, live_bytes=20_000, live_scanned=3,
        live_history_count=9,
    )  # fmt: skip
    hits = LimitHits()
    intake = Intake(View("eth0", 1, limits=limits), hits, frozenset(), media=True)
    for ts_ns, data, wire in frames:
        intake.frame(ts_ns, 1, data, wire)
        clients = list(intake.clients)
        assert intake.clients.size == sum(client.history.size for client in clients)
        assert intake.clients.size <= 20_000 + 1000
        assert all(client.alive for client in clients)
        assert all(intake.clients.get(client.key) is client for client in clients)
        assert len(clients) <= 9
