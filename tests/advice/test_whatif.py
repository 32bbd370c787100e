"""What Asterisk would do under each setting, on the traffic that was seen."""

from __future__ import annotations

import pytest

from sipdiag.advice import Outlook, Target, outlooks, recommended, seen_of
from sipdiag.asterisk.identify import parse_version
from sipdiag.crafting.scenario import Scenario
from sipdiag.findings.context import Context
from tests.told import subjects_of

REACHES, FAILS, OPEN = "reaches", "fails", "undetermined"


def _rows(s: Scenario, version: str = "16.28", driver: str | None = "chan_sip") -> list[Outlook]:
    subjects = subjects_of(s)
    (reach,) = Context(subjects).reaches
    seen = seen_of(reach, subjects)
    assert seen is not None
    return outlooks(seen, reach.peer.protocol, Target(parse_version(version), driver))


def _legs(rows: list[Outlook], setting: str) -> tuple[str, str, str | None, str]:
    (row,) = [row for row in rows if row.setting == setting]
    audio = row.audio.value if row.audio else None
    return row.reply.value, row.request.value, audio, row.binding.value


def _told(
    *, rport: bool = True, outer: str = "203.0.113.7:20001", writes: str = "inner"
) -> Scenario:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer=outer, rport=rport, writes=writes)
    s.register(phone)
    s.at(5)
    s.call(phone)
    return s


def test_behind_nat_the_contact_and_the_sdp_lead_nowhere() -> None:
    rows = _rows(_told(rport=False))
    assert _legs(rows, "nat=no") == (OPEN, FAILS, FAILS, OPEN)
    assert _legs(rows, "nat=force_rport") == (REACHES, REACHES, FAILS, OPEN)
    assert _legs(rows, "nat=force_rport,comedia") == (REACHES, REACHES, REACHES, OPEN)
    best = recommended(rows, "chan_sip")
    assert best is not None and best.setting == "nat=force_rport,comedia"


@pytest.mark.parametrize(
    ("version", "request_leg"),
    [
        ("1.8.32", FAILS), ("11.23", FAILS), ("11.24", REACHES), ("12.8", FAILS),
        ("13.11", FAILS), ("13.12", REACHES), ("13", OPEN), ("16.28", REACHES),
    ],
)  # fmt: skip
def test_a_phone_that_asks_for_rport_is_called_at_its_source_from_some_version_on(
    version: str, request_leg: str
) -> None:
    """The lab's Asterisk 16 does so with nat=no; 1.8 to 13.11 tested the wrong flags."""
    reply, request, audio, _ = _legs(_rows(_told(rport=True), version), "nat=no")
    assert (reply, request, audio) == (REACHES, request_leg, FAILS)


def test_requests_that_were_lost_at_the_contact_are_believed_over_the_version() -> None:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    s.register(phone)
    s.at(5)
    s.call(phone, answered=False, to="192.168.1.50:5060")
    assert _legs(_rows(s), "nat=no")[1] == FAILS


def test_without_nat_nothing_is_needed() -> None:
    rows = _rows(_told(outer="192.168.1.50:5060"))
    assert _legs(rows, "nat=no")[:3] == (REACHES, REACHES, REACHES)
    best = recommended(rows, "chan_sip")
    assert best is not None and best.setting == "nat=no"


def test_without_rport_a_reply_to_the_vias_port_is_doubtful() -> None:
    assert _legs(_rows(_told(rport=False)), "nat=no")[0] == OPEN


def test_a_reply_that_was_seen_to_be_lost_fails() -> None:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7:20001", rport=False)
    s.register(phone, reply_to="203.0.113.7:5060")
    assert _legs(_rows(s), "nat=no")[0] == FAILS


def test_an_alg_switches_the_auto_values_off() -> None:
    rows = _rows(_told(writes="outer", outer="203.0.113.7:5060"))
    (auto,) = [r for r in rows if r.setting == "nat=auto_force_rport,auto_comedia"]
    assert "stay off" in auto.note
    assert all("auto_" not in (recommended(rows, "chan_sip") or auto).setting for _ in rows[:1])


@pytest.mark.parametrize(
    ("version", "driver", "setting"),
    [
        ("1.8.32", "chan_sip", "nat=yes"),
        ("22.5", None, "rewrite_contact=yes rtp_symmetric=yes"),
    ],
)
def test_settings_of_the_version(version: str, driver: str | None, setting: str) -> None:
    rows = _rows(_told(), version, driver)
    best = recommended(rows, rows[0].where)
    assert best is not None and best.setting == setting


def _expiring(protocol: str) -> Scenario:
    s = Scenario()
    if protocol == "SIP":
        phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
        s.keep_registered(phone, until=300, every=54)
        for start, answered in ((29.5, True), (148, False), (256, False)):
            s.at(start)
            s.call(phone, answered=answered, talk_s=1, retransmissions=3)
        return s
    box = s.iax_peer("101", inner="192.168.1.50", outer="203.0.113.7")
    s.keep_registered(box, until=300, every=50)
    for start, answered in ((26, True), (127.5, False), (227.5, False)):
        s.at(start)
        s.call(box, answered=answered, talk_s=1)
    return s


def test_pings_must_come_sooner_than_the_binding_dies() -> None:
    rows = _rows(_expiring("SIP"))
    assert _legs(rows, "nat=force_rport,comedia")[3] == FAILS
    assert _legs(rows, "nat=force_rport,comedia qualify=yes qualifyfreq=60")[3] == FAILS
    best = recommended(rows, "chan_sip")
    assert best is not None
    assert best.setting == "nat=force_rport,comedia qualify=yes qualifyfreq=24"


def test_iax2_needs_no_nat_setting_but_a_shorter_grant() -> None:
    rows = _rows(_expiring("IAX2"))
    assert _legs(rows, "minregexpire=60 maxregexpire=60") == (REACHES, REACHES, None, FAILS)
    best = recommended(rows, "iax2")
    assert best is not None and best.binding.value == REACHES
    assert best.setting.startswith("minregexpire=2")
