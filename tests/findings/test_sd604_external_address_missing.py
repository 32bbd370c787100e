"""SD604 fires on a public address that is set in vain, or lacks while private ones leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipdiag.crafting.scenario import Scenario
from tests.findings.settings import found_in, issues

_PEER = "[101]\ntype=friend\nhost=dynamic\n"
_MEDIA = "external_media_address=203.0.113.9\n"
_BOTH = _MEDIA + "external_signaling_address=203.0.113.9\n"


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("sip", "[general]\nexternaddr=203.0.113.9\n", {"no-localnet": "warning"}),
        ("sip", "[general]\nexternip=203.0.113.9\n", {"no-localnet": "warning"}),
        ("sip", "[general]\nexternhost=pbx.example\n", {"no-localnet": "warning"}),
        (
            "sip",
            "[general]\nexternaddr=10.0.0.5:5060\nlocalnet=10.0.0.0/8\n",
            {"external-private": "warning"},
        ),
        ("pjsip", "[udp]\ntype=transport\n" + _BOTH, {"no-local-net": "info"}),
        (
            "pjsip",
            "[udp]\ntype=transport\nlocal_net=10.0.0.0/8\n" + _MEDIA,
            {"one-external": "info"},
        ),
    ],
)
def test_fires(file: str, text: str, expected: dict[str, str], tmp_path: Path) -> None:
    assert issues(found_in(tmp_path, files={file: text}), "SD604") == expected


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("sip", "[general]\n"),
        ("sip", "[general]\nexternaddr=203.0.113.9\nlocalnet=10.0.0.0/8\n"),
        ("sip", "[general]\nlocalnet=10.0.0.0/8\n"),
        ("sip", "[general]\nexternaddr=\n"),
        ("pjsip", "[udp]\ntype=transport\nlocal_net=10.0.0.0/8\n" + _BOTH),
        ("pjsip", "[udp]\ntype=transport\n"),
    ],
)
def test_silent(file: str, text: str, tmp_path: Path) -> None:
    assert issues(found_in(tmp_path, files={file: text}), "SD604") == {}


def _behind_nat(phone: str, version: str = "16.28.0") -> Scenario:
    scenario = Scenario(server="10.0.0.5", software=f"Asterisk PBX {version}")
    inner = "192.168.1.50:5060" if phone != "10.0.0.50:5060" else phone
    client = scenario.sip_phone("101", inner=inner, outer=phone)
    scenario.register(client)
    scenario.at(5)
    scenario.call(client, talk_s=2)
    return scenario


def test_private_addresses_that_leave_are_information_until_something_is_lost(
    tmp_path: Path,
) -> None:
    s = _behind_nat("203.0.113.7:5060")
    found = found_in(tmp_path, s, sip="[general]\nnat=force_rport,comedia\n" + _PEER)
    assert issues(found, "SD604") == {"none-leaving": "info"}
    said = "externaddr=203.0.113.9\nlocalnet=10.0.0.0/8\n"
    found = found_in(tmp_path, s, sip="[general]\nnat=force_rport,comedia\n" + said + _PEER)
    assert issues(found, "SD604") == {}


def test_silent_on_phones_in_the_same_network(tmp_path: Path) -> None:
    found = found_in(tmp_path, _behind_nat("10.0.0.50:5060"), sip="[general]\n" + _PEER)
    assert issues(found, "SD604") == {}


def test_pjsip_writes_its_public_address_to_phones_inside(tmp_path: Path) -> None:
    pjsip = "[udp]\ntype=transport\n" + _BOTH
    pjsip += "[101]\ntype=endpoint\naors=101\n[101]\ntype=aor\nmax_contacts=1\n"
    found = found_in(tmp_path, _behind_nat("10.0.0.50:5060", "22.1.0"), pjsip=pjsip)
    assert issues(found, "SD604") == {"no-local-net": "warning"}
