"""Settings for the Asterisk that was seen, and no other."""

from __future__ import annotations

import pytest

from sipdiag.advice import Recommendation, Target, recommend
from sipdiag.asterisk.identify import parse_version
from sipdiag.asterisk.settings import OPTIONS
from sipdiag.crafting.scenario import Scenario
from tests.told import verdict_on


def _private_contact() -> Scenario:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    s.register(phone)
    s.at(5)
    s.call(phone, answered=False, to="192.168.1.50:5060")
    return s


def _expired(protocol: str = "SIP") -> Scenario:
    s = Scenario()
    if protocol == "SIP":
        phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
        s.keep_registered(phone, until=300, every=54)
        ages = ((20, True), (148, False), (256, False))
        for start, answered in ages:
            s.at(start)
            s.call(phone, answered=answered, talk_s=1, media="none", retransmissions=3)
        return s
    box = s.iax_peer("101", inner="192.168.1.50", outer="203.0.113.7")
    s.keep_registered(box, until=300, every=50)
    for start, answered in ((20, True), (127, False), (227, False)):
        s.at(start)
        s.call(box, answered=answered, talk_s=1)
    return s


def _made(s: Scenario, version: str | None, driver: str | None) -> list[Recommendation]:
    target = Target(parse_version(version) if version else None, driver)
    return recommend(verdict_on(s).findings, target)


def _options(made: list[Recommendation], rank: int = 1) -> list[tuple[str, str, str]]:
    return [(r.where, r.option, r.value) for r in made if r.rank == rank]


@pytest.mark.parametrize(
    ("version", "driver", "expected"),
    [
        ("16.28", "chan_sip", [("chan_sip", "nat", "force_rport,comedia")]),
        ("1.8.32", "chan_sip", [("chan_sip", "nat", "yes")]),
        ("1.8.32", None, [("chan_sip", "nat", "yes")]),
        (
            "22.5",
            None,
            [("pjsip", "rewrite_contact", "yes"), ("pjsip", "rtp_symmetric", "yes")],
        ),
        (
            "16.28",
            None,
            [
                ("chan_sip", "nat", "force_rport,comedia"),
                ("pjsip", "rewrite_contact", "yes"),
                ("pjsip", "rtp_symmetric", "yes"),
            ],
        ),
    ],
)
def test_nat_settings_by_version_and_driver(
    version: str, driver: str | None, expected: list[tuple[str, str, str]]
) -> None:
    assert _options(_made(_private_contact(), version, driver)) == expected


def test_a_ping_comes_before_shorter_registrations_in_chan_sip() -> None:
    made = _made(_expired(), "16.28", "chan_sip")
    assert _options(made, 1) == [("chan_sip", "qualify", "yes"), ("chan_sip", "qualifyfreq", "15")]
    assert [option for _, option, _ in _options(made, 2)] == ["minexpiry", "maxexpiry"]
    assert {r.where for r in made} == {"chan_sip", "phone", "router"}
    assert all(r.addresses == ["SD501"] for r in made)


def test_units_differ_between_drivers() -> None:
    iax = _made(_expired("IAX2"), "16.28", None)
    assert ("iax2", "qualifyfreqok", "15000") in _options(iax, 2)
    assert next(r.unit for r in iax if r.option == "qualifyfreqok") == "ms"
    assert ("pjsip", "qualify_frequency", "15") in _options(_made(_expired(), "22.1", None))


def test_iax2_is_told_to_grant_less() -> None:
    assert _options(_made(_expired("IAX2"), "16.28", None)) == [
        ("iax2", "minregexpire", "15"),
        ("iax2", "maxregexpire", "15"),
    ]


def test_sections_name_the_peer_and_the_kind() -> None:
    sip = _made(_expired(), "16.28", "chan_sip")
    assert (sip[0].file, sip[0].section) == ("sip.conf", "[101]")
    pjsip = _made(_expired(), "22.1", None)
    assert (pjsip[0].file, pjsip[0].section) == ("pjsip.conf", "[101] type=aor")


def _moved(every: float) -> Scenario:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    s.register(phone)
    s.at(every)
    s.register(phone)
    s.rebind(phone, "203.0.113.7:20110")
    s.at(every + 6)
    s.call(phone)
    s.at(2 * every)
    s.register(phone)
    return s


@pytest.mark.parametrize(("every", "granted"), [(54, "27"), (30, "20"), (70, "35")])
def test_a_moved_phone_is_told_to_register_more_often_than_it_does(
    every: float, granted: str
) -> None:
    made = _made(_moved(every), "16.28", "chan_sip")
    assert _options(made) == [
        ("chan_sip", "minexpiry", granted),
        ("chan_sip", "maxexpiry", granted),
    ]
    assert _options(made, 2) == [("phone", "registration interval", granted)]


def test_a_transports_name_is_for_the_administrator_to_fill_in() -> None:
    assert OPTIONS["pjsip", "local_net"].section == "[<transport>] type=transport"


def test_nothing_to_change_where_nothing_was_found() -> None:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    s.keep_registered(phone, until=100, every=54)
    assert _made(s, "16.28", "chan_sip") == []


def test_side_effects_are_named() -> None:
    ping = _made(_expired(), "16.28", "chan_sip")[0]
    assert "240 pings an hour" in ping.forecast and "smartphone" in ping.forecast
    nat = _made(_private_contact(), "16.28", "chan_sip")[0]
    assert "strictrtp" in nat.forecast
    assert all(item.undo for item in _made(_expired(), "16.28", "chan_sip"))
