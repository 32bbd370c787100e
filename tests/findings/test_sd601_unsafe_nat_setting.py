"""SD601 fires on nat lines that don't do what they say, not on unusual ones that do."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipdiag.crafting.scenario import Scenario, SipPhone
from sipdiag.findings import Severity
from tests.findings.settings import found_in, issues

_PEER = "[101]\ntype=friend\nhost=dynamic\n"
_GOOD = f"[general]\nnat=force_rport,comedia\n{_PEER}"


@pytest.mark.parametrize(
    ("sip", "expected"),
    [
        ("[general]\nnat=force_rport, comedia\n" + _PEER, {"blank": "warning"}),
        ("[general]\nnat=forcerport,comedia\n" + _PEER, {"unknown-word": "warning"}),
        ("[general]\nnat=route\n" + _PEER, {"old-word": "warning"}),
        ("[general]\nnat=never\n" + _PEER, {"old-word": "info"}),
        ("[general]\nnat=yes\n" + _PEER, {"deprecated": "info"}),
        ("[general]\n" + _PEER + "nat=force_rport,comedia\n", {"differs": "warning"}),
        (
            "[general]\nnat=auto_force_rport\n[t](!)\nnat=auto_force_rport,auto_comedia\n"
            "[101](t)\ntype=friend\nhost=dynamic\nnat=force_rport,comedia\n",
            {"auto-stands": "warning"},
        ),
    ],
)
def test_fires(sip: str, expected: dict[str, str], tmp_path: Path) -> None:
    assert issues(found_in(tmp_path, sip=sip), "SD601") == expected


@pytest.mark.parametrize(
    "sip",
    [
        _GOOD,
        "[general]\n" + _PEER,
        "[general]\nnat=no\n" + _PEER + "nat=no\n",
        "[general]\nnat=no\n" + _PEER + "nat=comedia\n",
        "[general]\nnat=force_rport,comedia\n[t](!)\nnat=force_rport,comedia\n"
        "[101](t)\ntype=friend\nnat=force_rport, comedia\n",
        "[general]\n[unused](!)\nnat=force_rport, comedia\n" + _PEER,
        "[general]\n;nat=force_rport, comedia\n" + _PEER,
    ],
)
def test_silent(sip: str, tmp_path: Path) -> None:
    assert issues(found_in(tmp_path, sip=sip), "SD601") == {}


def test_old_versions_know_no_lists(tmp_path: Path) -> None:
    assert issues(found_in(tmp_path, version="1.8.32", sip=_GOOD), "SD601") == {"list": "warning"}
    assert issues(found_in(tmp_path, version="10.12", sip=_GOOD), "SD601") == {"list": "warning"}
    assert issues(found_in(tmp_path, version="11", sip=_GOOD), "SD601") == {}
    yes = "[general]\nnat=yes\n" + _PEER
    assert issues(found_in(tmp_path, version="1.8.32", sip=yes), "SD601") == {}


def test_it_is_the_cause_of_what_the_traffic_lost(
    s: Scenario, phone: SipPhone, tmp_path: Path
) -> None:
    s.register(phone)
    for start in (5, 20):
        s.at(start)
        s.call(phone, answered=False, to="192.168.1.50:5060")
    found = found_in(tmp_path, s, sip="[general]\nnat=no\n" + _PEER)
    root = found[0]
    assert (root.code, root.severity, root.params["issues"]) == (
        "SD601", Severity.ERROR, ["off-behind-nat"],
    )  # fmt: skip
    assert root.evidence[0].origin.line == 2
    symptom = next(f for f in found if f.code == "SD203")
    assert symptom.caused_by is root
    assert issues(found_in(tmp_path, s, sip=_GOOD), "SD601") == {}


def test_silent_on_nat_no_where_calls_get_through(
    s: Scenario, phone: SipPhone, tmp_path: Path
) -> None:
    s.register(phone)
    s.at(5)
    s.call(phone, talk_s=1)
    found = found_in(tmp_path, s, sip="[general]\nnat=no\n" + _PEER)
    assert issues(found, "SD601") == {}


def test_silent_on_public_phones(s: Scenario, tmp_path: Path) -> None:
    phone = s.sip_phone("101", inner="192.0.2.50:5060", outer="192.0.2.50:5060")
    s.register(phone)
    assert issues(found_in(tmp_path, s, sip="[general]\nnat=no\n" + _PEER), "SD601") == {}


def test_pjsip_without_rewrite_contact(tmp_path: Path) -> None:
    s = Scenario(software="Asterisk PBX 22.1.0")
    s.register(s.sip_phone("101", inner="192.168.1.50:5060", outer="203.0.113.7:5060"))
    pjsip = "[101]\ntype=endpoint\naors=101\n[101]\ntype=aor\nmax_contacts=1\n"
    found = found_in(tmp_path, s, pjsip=pjsip)
    assert issues(found, "SD601") == {"off-behind-nat": "warning"}
    (finding,) = [f for f in found if f.code == "SD601"]
    assert finding.params["set"] == ["rewrite_contact=yes", "rtp_symmetric=yes"]


def test_rewrite_contact_toward_a_proxy_is_information(tmp_path: Path) -> None:
    pjsip = (
        "[trunk]\ntype=endpoint\naors=trunk\nrewrite_contact=yes\n"
        "outbound_proxy=sip:proxy.example\\;lr\n[trunk]\ntype=aor\ncontact=sip:a.example\n"
    )
    assert issues(found_in(tmp_path, pjsip=pjsip), "SD601") == {"rewrite-proxy": "info"}
