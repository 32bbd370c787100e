"""Media over time, told from the counters that are kept anyway."""

from __future__ import annotations

import pytest

from sipdiag.crafting.scenario import Scenario
from sipdiag.findings.context import Context
from sipdiag.report.picture import Media
from sipdiag.report.picture.timelines import clients
from sipdiag.report.picture.tracks import media
from tests.told import subjects_of


def _of(s: Scenario, end_s: float) -> Media | None:
    (client,) = clients([Context(subjects_of(s))])
    return media(client, 0.0, end_s)


def _two_calls() -> Scenario:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    s.register(phone)
    for begin in (10, 60):
        s.at(begin)
        s.call(phone, talk_s=20)
    return s


def test_both_ways_have_a_track_over_all_calls() -> None:
    picture = _of(_two_calls(), 120)
    assert picture is not None
    assert [(t.name, t.from_client, t.elsewhere) for t in picture.tracks] == [
        ("from the phone to Asterisk", True, False),
        ("from Asterisk to the phone", False, False),
    ]


def test_rates_are_there_while_somebody_talks() -> None:
    picture = _of(_two_calls(), 120)
    assert picture is not None
    rates = picture.tracks[0].rates
    width = 120 / len(rates)

    def rate_at(second: float) -> float:
        return rates[int(second / width)]

    assert rate_at(20) == pytest.approx(50, abs=5) and rate_at(70) == pytest.approx(50, abs=5)
    assert rate_at(5) == rate_at(45) == rate_at(110) == 0


def test_a_track_has_as_many_packets_as_its_rates_say() -> None:
    picture = _of(_two_calls(), 120)
    assert picture is not None
    for track in picture.tracks:
        width = 120 / len(track.rates)
        assert sum(track.rates) * width == pytest.approx(track.packets, rel=0.01)
        assert track.packets == pytest.approx(2000, rel=0.02)


def test_only_what_is_in_the_window_counts() -> None:
    whole, first = _of(_two_calls(), 120), _of(_two_calls(), 50)
    assert whole is not None and first is not None
    assert first.tracks[0].packets == pytest.approx(whole.tracks[0].packets / 2, rel=0.02)


def test_audio_that_goes_elsewhere_has_a_track_of_its_own() -> None:
    s = Scenario(comedia=False)
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    s.register(phone)
    s.at(10)
    s.call(phone, talk_s=20)
    picture = _of(s, 60)
    assert picture is not None
    astray = [t for t in picture.tracks if t.elsewhere]
    assert [t.name for t in astray] == ["from Asterisk, to 192.168.1.50 (not the phone's address)"]


def test_iax2_carries_its_audio_on_its_own_path() -> None:
    s = Scenario()
    peer = s.iax_peer("101", inner="192.168.1.50", outer="203.0.113.7:4569")
    s.register(peer)
    s.at(10)
    s.call(peer, talk_s=20)
    picture = _of(s, 60)
    assert picture is not None
    assert [t.name for t in picture.tracks] == [
        "from the phone to Asterisk", "from Asterisk to the phone",
    ]  # fmt: skip


def test_without_media_there_is_nothing_to_draw() -> None:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    s.register(phone)
    s.call(phone, talk_s=5, media="none")
    assert _of(s, 60) is None
