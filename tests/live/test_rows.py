"""What a client's row says."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipdiag.base.endpoint import Endpoint
from sipdiag.live.model import PeerState
from tests.live.watched import (
    dark_phone,
    phone_of,
    story,
    watched,
)


def test_a_row_has_what_is_known_of_the_phone(tmp_path: Path) -> None:
    s = story()
    phone = phone_of(s)
    for turn in range(4):
        s.at(55 * turn)
        s.register(phone, expires=60, granted=60)
    s.at(170)
    s.options(phone)
    told = watched(s, tmp_path, more_s=1)
    (row,) = told.snapshot.peers
    assert (row.protocol, row.user, row.outer) == ("SIP", "101", Endpoint("203.0.113.7", 5060))
    assert (row.written, row.granted_s) == ("192.168.1.50", 60)
    assert row.rtt_ms == pytest.approx(40, abs=5)
    assert row.state is PeerState.REACHABLE
    assert told.alerts == []


@pytest.mark.parametrize(
    ("more_s", "state"),
    [(1, PeerState.REACHABLE), (17, PeerState.AT_RISK), (40, PeerState.DARK)],
)
def test_the_state_follows_the_age_of_the_last_packet(
    tmp_path: Path, more_s: float, state: PeerState
) -> None:
    assert watched(dark_phone(), tmp_path, more_s=more_s).peers["101"].state is state


def test_a_registration_that_ran_out_and_a_phone_that_is_silent(tmp_path: Path) -> None:
    assert watched(dark_phone(), tmp_path, more_s=75).peers["101"].state is PeerState.LAPSED
    s = story()
    phone = phone_of(s)
    s.at(0)
    s.register(phone, expires=3600, granted=3600)
    s.at(5)
    s.phone_off(phone)
    s.call(phone, talk_s=1, ring_s=32)
    assert watched(s, tmp_path).peers["101"].state is PeerState.SILENT


def test_a_phone_that_writes_a_public_address_writes_no_private_one(tmp_path: Path) -> None:
    s = story()
    phone = s.sip_phone("102", inner="198.51.100.9", outer="198.51.100.9")
    s.at(0)
    s.register(phone, expires=60, granted=60)
    assert watched(s, tmp_path, more_s=1).peers["102"].written is None


def test_an_iax2_peer_is_a_row_without_a_written_address(tmp_path: Path) -> None:
    s = story()
    peer = s.iax_peer("201", inner="192.168.1.60:4569", outer="203.0.113.7:4569")
    for turn in range(3):
        s.at(50 * turn)
        s.register(peer, expires=60, granted=60)
    s.at(120)
    s.poke(peer)
    row = watched(s, tmp_path, more_s=1).peers["201"]
    assert (row.protocol, row.written, row.granted_s) == ("IAX2", None, 60)
    assert row.rtt_ms is not None
