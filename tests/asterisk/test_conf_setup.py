"""Effective options: what counts for a client, and which line makes it so."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipdiag.asterisk.conf_files import ConfDir
from sipdiag.asterisk.conf_setup import Setup, read_setup
from sipdiag.asterisk.conf_values import max_ms, nat_mode, number
from sipdiag.asterisk.identify import AsteriskVersion


def setup_of(folder: Path, version: AsteriskVersion | None = None, **files: str) -> Setup:
    for name, text in files.items():
        (folder / f"{name}.conf").write_text(text)
    return read_setup(ConfDir(folder), version)


@pytest.mark.parametrize(
    ("texts", "modes"),
    [
        (["force_rport,comedia"], (True, True, False, False)),
        (["force_rport, comedia"], (True, False, False, False)),
        (["yes"], (True, True, False, False)),
        (["no"], (False, False, False, False)),
        (["never"], (False, False, False, False)),
        (["auto_force_rport,force_rport"], (False, False, True, False)),
        (["force_rport,auto_force_rport"], (False, False, True, False)),
        (["force_rport,comedia", "force_rport, comedia"], (True, True, False, False)),
        (["auto_force_rport", "force_rport,comedia"], (False, True, True, False)),
        (["auto_comedia", "no", "comedia"], (False, True, False, False)),
        (["auto_comedia", "yes"], (True, True, False, False)),
    ],
)
def test_nat_since_11(texts: list[str], modes: tuple[bool, ...]) -> None:
    mode = nat_mode(*texts)
    assert (mode.rport, mode.comedia, mode.auto_rport, mode.auto_comedia) == modes


@pytest.mark.parametrize(
    ("version", "text", "both"),
    [
        ((1, 4, 42), "route", (True, True)),
        ((1, 4, 42), "never", (False, False)),
        ((1, 8, 32), "force_rport,comedia", (False, False)),
        ((1, 8, 32), "yes", (True, True)),
        ((1, 8, 32), "comedia", (False, True)),
        ((10, 12, 4), "force_rport,comedia", (True, False)),
    ],
)
def test_nat_before_11(version: tuple[int, int, int], text: str, both: tuple[bool, bool]) -> None:
    mode = nat_mode(text, version=AsteriskVersion(*version))
    assert (mode.rport, mode.comedia) == both


def test_numbers_and_qualify() -> None:
    assert [number(text) for text in ("25x", " 7", "x", "", "-3")] == [25, 7, None, None, -3]
    assert [max_ms(text) for text in ("yes", "YES", "no", "on", "true", "300", "1")] == [
        2000, 2000, 0, 0, 0, 300, 1,
    ]  # fmt: skip


def test_chan_sip(tmp_path: Path) -> None:
    setup = setup_of(
        tmp_path,
        sip="[general]\nqualify=500\nexternip=203.0.113.9\nminexpiry=90\n"
        "[t](!)\ntype=friend\nhost=dynamic\nqualifyfreq=25\n"
        "[101](t)\nqualify=yes\nminexpiry=10\n[102]\ntype=peer\nhost=192.0.2.1\nqualify=no\n"
        "[nobody]\nhost=dynamic\n",
    )
    first, second = setup.entities
    assert (first.name, first.registers, first.max_ms()) == ("101", True, 500)
    assert (second.name, second.registers, second.max_ms()) == ("102", False, 0)
    interval = first.get("qualifyfreq")
    assert interval.setting is not None
    assert (interval.value, interval.setting.origin, interval.setting.place.line) == ("25", "t", 8)
    assert second.get("qualifyfreq").value == "60"
    assert first.get("minexpiry").value == "90"
    assert first.get("externaddr").value == "203.0.113.9"
    assert first.get("nat").value == "auto_force_rport"


def test_of_two_peers_of_one_name_the_later_goes_before_the_earlier(tmp_path: Path) -> None:
    peer = "[101]\ntype=friend\nhost=dynamic\n"
    text = f"[general]\n{peer}nat=yes\nqualifyfreq=55\n{peer}qualifyfreq=66\n"
    (found,) = setup_of(tmp_path, sip=text).entities
    assert found.nat().rport and found.get("qualifyfreq").value == "66"


def test_pjsip(tmp_path: Path) -> None:
    setup = setup_of(
        tmp_path,
        pjsip="[udp]\ntype=transport\nexternal_media_address=203.0.113.9\n"
        "[e](!)\ntype=endpoint\ntransport=udp\n"
        "[101](e)\naors=101-aor\nauth=101\nrewrite_contact=yes\n[101]\ntype=auth\n"
        "[101-aor]\ntype=aor\nmax_contacts=1\n"
        "[trunk](e)\naors=trunk\n[trunk]\ntype=aor\ncontact=sip:provider.example\n",
    )
    phone, trunk = setup.of("pjsip")
    assert phone.registers and not trunk.registers
    assert phone.get("max_contacts", "aor").value == "1"
    assert phone.get("external_media_address", "transport").value == "203.0.113.9"
    assert phone.get("rewrite_contact", "endpoint").value == "yes"
    assert trunk.get("rewrite_contact", "endpoint").value == "no"
    assert [p.kind for p in phone.parts] == ["endpoint", "aor", "auth", "transport"]


def test_a_wizard_is_expanded(tmp_path: Path) -> None:
    setup = setup_of(
        tmp_path,
        pjsip="[udp]\ntype=transport\n",
        pjsip_wizard="[w](!)\ntype=wizard\ntransport=udp\nendpoint/rewrite_contact=yes\n"
        "[101](w)\naor/max_contacts=1\ninbound_auth/username=101\n",
    )
    (phone,) = setup.of("pjsip")
    assert phone.get("rewrite_contact", "endpoint").value == "yes"
    assert phone.get("max_contacts", "aor").value == "1"
    assert phone.get("qualify_frequency", "aor").value == "0"
    assert [p.kind for p in phone.parts] == ["endpoint", "aor", "auth", "transport"]


def test_two_objects_of_one_kind_and_name(tmp_path: Path) -> None:
    setup = setup_of(tmp_path, pjsip="[101]\ntype=aor\n[101]\ntype=aor\n")
    assert [(d.code, d.refused) for d in setup.defects] == [("duplicate", True)]


def test_what_is_wrong_is_told_up_to_a_bound(tmp_path: Path) -> None:
    setup = setup_of(tmp_path, pjsip="[101]\ntype=aor\n" * 5000)
    assert len(setup.configs["pjsip.conf"].defects) == 200


def test_iax2(tmp_path: Path) -> None:
    setup = setup_of(
        tmp_path,
        iax="[general]\nmaxregexpire=25\nqualify=yes\n[b]\ntype=friend\nhost=dynamic\n",
    )
    (peer,) = setup.of("iax2")
    assert peer.max_ms() == 0
    assert peer.get("maxregexpire").value == "25"
    assert peer.get("qualifyfreqok").value == "60000"
