"""What can be set besides: grants, CRLF pings, Asterisk's own address, direct media, and what the
phone and the router can do."""

from __future__ import annotations

import pytest

from sipdiag.advice import Outlook, Target, outlooks, recommended, seen_of
from sipdiag.asterisk.identify import parse_version
from sipdiag.crafting.scenario import Scenario
from sipdiag.findings.context import Context
from tests.told import subjects_of


def _rows(s: Scenario, version: str = "16.28", driver: str | None = "chan_sip") -> list[Outlook]:
    subjects = subjects_of(s)
    (reach,) = Context(subjects).reaches
    seen = seen_of(reach, subjects)
    assert seen is not None
    return outlooks(seen, reach.peer.protocol, Target(parse_version(version), driver))


def _called(*, writes: str = "inner", pbx_writes: str | None = None) -> Scenario:
    s = Scenario(writes=pbx_writes)
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7", writes=writes)
    s.register(phone)
    s.at(5)
    s.call(phone)
    return s


def _expiring() -> Scenario:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    s.keep_registered(phone, until=300, every=54)
    for start, answered in ((29.5, True), (148, False), (256, False)):
        s.at(start)
        s.call(phone, answered=answered, talk_s=1, retransmissions=3)
    return s


def _one(rows: list[Outlook], part: str) -> Outlook:
    found = [row for row in rows if part in row.setting.split(" ") or part in row.setting]
    assert found, (part, [row.setting for row in rows])
    return found[0]


def _nat_values(rows: list[Outlook]) -> set[str]:
    return {
        row.setting.removeprefix("nat=")
        for row in rows
        if row.setting.startswith("nat=") and " " not in row.setting
    }


@pytest.mark.parametrize(
    ("version", "values"),
    [
        ("1.4.44", {"no", "never", "route", "yes"}),
        ("1.8.32", {"no", "force_rport", "comedia", "yes"}),
        (
            "16.28",
            {
                "no", "yes", "force_rport", "comedia", "force_rport,comedia", "auto_force_rport",
                "auto_comedia", "auto_force_rport,auto_comedia",
            },
        ),
    ],
)  # fmt: skip
def test_nat_has_the_values_of_its_version(version: str, values: set[str]) -> None:
    assert _nat_values(_rows(_called(), version)) == values


def test_in_pjsip_force_rport_can_be_off() -> None:
    s = Scenario(software="Asterisk PBX 22.5.1")
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7:20001", rport=False)
    s.register(phone)
    rows = _rows(s, "22.5", None)
    assert {row.where for row in rows} >= {"pjsip"}
    assert _one(rows, "force_rport=no").reply.value != "reaches"


def test_a_shorter_grant_keeps_the_binding_as_this_client_refreshes() -> None:
    rows = _rows(_expiring())
    both = next(r for r in rows if "minexpiry=" in r.setting and "maxexpiry=" in r.setting)
    assert both.binding.value == "reaches"
    assert "registrations an hour" in both.note
    assert _one(rows, "maxexpiry=60").binding.value == "fails"
    assert "changes nothing" in next(r.note for r in rows if "defaultexpiry=" in r.setting)


def test_crlf_towards_the_phone_is_not_assumed_to_refresh() -> None:
    row = _one(_rows(_expiring()), "keepalive=")
    assert row.binding.value == "undetermined"
    assert "REQ-6" in row.note and "reload" in row.note


def test_what_the_phone_owes_asterisk_goes_where_asterisk_says() -> None:
    wrong = _rows(_called(pbx_writes="10.0.0.5"))
    assert _one(wrong, "nat=force_rport,comedia").inward is not None
    assert all(r.inward and r.inward.value != "reaches" for r in wrong if r.setting == "nat=no")
    cured = next(r for r in wrong if "externaddr=203.0.113.80 localnet=" in r.setting)
    assert cured.inward is not None and cured.inward.value == "reaches"
    right = _rows(_called())
    assert all(r.inward and r.inward.value == "reaches" for r in right if r.setting == "nat=no")


def test_direct_media_to_a_third_party_is_not_decided_by_these_packets() -> None:
    rows = _rows(_called())
    assert _one(rows, "directmedia=yes").audio is not None
    assert _one(rows, "directmedia=yes").audio.value == "undetermined"  # type: ignore[union-attr]
    assert _one(rows, "directmedia=no").audio.value == "reaches"  # type: ignore[union-attr]


def test_router_and_phone() -> None:
    rows = _rows(_expiring())
    timeout = next(r for r in rows if r.where == "router" and "UDP timeout" in r.setting)
    assert timeout.binding.value == "reaches"
    assert any("nf_conntrack_udp_timeout" in r.setting for r in rows if r.where == "router")
    assert any("keepalive" in r.setting for r in rows if r.where == "phone")
    assert not any("ALG" in r.setting for r in rows)


def test_where_an_alg_may_be_at_work_its_end_is_a_row_and_says_what_it_costs() -> None:
    rows = _rows(_called(writes="outer"))
    off = next(r for r in rows if r.where == "router" and "ALG" in r.setting)
    assert "sip_timeout" in off.note
    assert any("TLS" in r.setting for r in rows if r.where == "phone")


def test_neither_phone_nor_router_is_recommended_for_asterisk() -> None:
    for story in (_called(), _expiring(), _called(writes="outer")):
        rows = _rows(story)
        for where in ("chan_sip", "pjsip", "iax2"):
            best = recommended(rows, where)
            assert best is None or (best.where == where and not best.aside)


def test_side_effects_are_named() -> None:
    notes = " ".join(row.note for row in _rows(_expiring()))
    for word in ("smartphone", "battery", "an hour", "strictrtp", "probe for names"):
        assert word in notes


def test_a_contact_that_comes_back_changed_is_a_doubt_about_the_grant() -> None:
    """Everything but the Contact in the 200 OK is a healthy registration."""
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    s.register(phone)
    subjects = subjects_of(s)
    (reach,) = Context(subjects).reaches
    registration = reach.peer.registration
    assert registration is not None
    assert registration.attempts[-1].contact_returned is True
    registration.attempts[-1].contact_returned = False
    seen = seen_of(reach, subjects)
    assert seen is not None
    rows = outlooks(seen, "SIP", Target(parse_version("16.28"), "chan_sip"))
    doubts = [row for row in rows if "ignore what is granted" in row.note]
    assert doubts and all("expiry" in row.setting for row in doubts)
