"""Every finding at warning or above that an administrator can mend has something to change."""

from __future__ import annotations

import pytest

from sipdiag.advice import Target, recommend
from sipdiag.advice.cures import CURES
from sipdiag.asterisk.identify import parse_version
from sipdiag.crafting.scenario import Scenario
from sipdiag.findings import Severity, rules
from sipdiag.findings.model import Confidence, Finding, Subject
from tests.told import verdict_on

_PARAMS: dict[str, dict[str, str | int]] = {
    "registration-lapsed": {"granted_s": 60},
    "registration-unanswered": {"registrar": "203.0.113.80:5060"},
    "private-media-address": {"whose": "phone", "signalling_from": "203.0.113.7:5060"},
    "no-media": {},
    "iax2-call-token": {"kind": "unsupported"},
    "inbound-filtered": {"registrar": "203.0.113.80:5060"},
}


@pytest.mark.parametrize("version", ["16.28", "22.5", None])
@pytest.mark.parametrize("name", sorted(_PARAMS))
def test_there_is_something_to_do(name: str, version: str | None) -> None:
    finding = Finding(
        "SD000", name, Severity.ERROR, Confidence.HIGH, Subject("peer", "SIP/101"), "",
        dict(_PARAMS[name]), [],
    )  # fmt: skip
    target = Target(parse_version(version) if version else None, None)
    made = recommend([finding], target)
    assert made and all(r.forecast and r.verify and r.undo for r in made)
    assert {r.where for r in made} <= {"chan_sip", "pjsip", "iax2", "phone", "router"}


def test_errors_that_can_be_mended_have_a_cure() -> None:
    curable = {rule.name for rule in rules() if rule.severity is Severity.ERROR}
    assert curable <= set(CURES)


def test_the_pbxs_own_address_is_named_where_its_packets_show_it() -> None:
    s = Scenario(server="203.0.113.80", writes="10.0.0.5")
    near = s.sip_phone("100", inner="198.51.100.4", outer="198.51.100.4")
    phone = s.sip_phone("101", inner="198.51.100.5", outer="198.51.100.5")
    s.register(near)
    s.register(phone)
    s.at(5)
    s.call(near, talk_s=6)
    s.at(20)
    s.call(phone, media="none", talk_s=6)
    made = recommend(verdict_on(s).findings, Target(parse_version("16.28"), "chan_sip"))
    assert [(r.option, r.value) for r in made] == [("externaddr", "203.0.113.80")]
