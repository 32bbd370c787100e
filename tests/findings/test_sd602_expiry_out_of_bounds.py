"""SD602 fires where the bounds cross, defaults counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipdiag.crafting.scenario import Scenario, SipPhone
from tests.findings.settings import found_in, issues


@pytest.mark.parametrize(
    ("file", "text", "severity"),
    [
        ("sip", "[general]\nminexpiry=90\nmaxexpiry=30\n", "warning"),
        ("sip", "[general]\nmaxexpiry=30\n", "warning"),
        ("sip", "[general]\nminexpiry=7200\n", "warning"),
        ("iax", "[general]\nminregexpire=300\nmaxregexpire=120\n", "warning"),
        ("iax", "[general]\nminregexpire=300\n", "info"),
        ("pjsip", "[a]\ntype=aor\nmaximum_expiration=30\n", "warning"),
    ],
)
def test_fires(file: str, text: str, severity: str, tmp_path: Path) -> None:
    found = found_in(tmp_path, files={file: text})
    assert issues(found, "SD602") == {"bounds-crossed": severity}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("sip", "[general]\n"),
        ("sip", "[general]\nminexpiry=60\nmaxexpiry=60\n"),
        ("sip", "[general]\nminexpiry=0\nmaxexpiry=3600\n"),
        ("sip", "[general]\n[101]\ntype=friend\nmaxexpiry=30\n"),
        ("iax", "[general]\nmaxregexpire=25\n"),
        ("iax", "[general]\nmaxregexpire=300\n"),
        ("pjsip", "[a]\ntype=aor\nminimum_expiration=20\nmaximum_expiration=30\n"),
        ("pjsip", "[a](!)\ntype=aor\nmaximum_expiration=30\n"),
    ],
)
def test_silent(file: str, text: str, tmp_path: Path) -> None:
    assert issues(found_in(tmp_path, files={file: text}), "SD602") == {}


def test_longer_than_the_binding_is_information(
    s: Scenario, phone: SipPhone, tmp_path: Path
) -> None:
    s.register(phone)
    s.at(20)
    s.call(phone, talk_s=1)
    for start in (60, 120):
        s.at(start)
        s.call(phone, answered=False)
        s.at(start + 50)
        s.register(phone)
    sip = "[general]\nminexpiry=100\n[101]\ntype=friend\nhost=dynamic\n"
    found = found_in(tmp_path, s, sip=sip)
    expired = [f for f in found if f.code == "SD501"]
    if expired:
        assert issues(found, "SD602") == {"longer-than-binding": "info"}
