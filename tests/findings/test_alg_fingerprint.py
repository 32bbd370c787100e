"""Whose ALG it looks like; sure only where the facts are."""

from __future__ import annotations

from pathlib import Path

import pytest

import sipdiag
from sipdiag.crafting import sip
from sipdiag.crafting.scenario import Scenario, SipPhone
from sipdiag.findings import Confidence, Severity
from sipdiag.findings.alg_fingerprint import of_changes, of_residue
from tests.findings.conftest import OUTER
from tests.told import the, verdict_on

CAPTURES = Path(__file__).parents[2] / "captures"
TRACE = "(o=IN IP4 192.168.1.50)"


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"Via", "Contact"}, "Linux"),
        ({"Via", "Contact", "Request-URI", "To", "SDP o=", "SDP c=", "Content-Length"}, "Linux"),
        ({"Via", "Contact", "Call-ID", "From", "SDP o=", "SDP c="}, "FortiGate"),
        ({"Via", "Contact", "Call-ID", "From", "To", "Route", "SDP o=", "SDP c="}, "ScreenOS"),
    ],
)
def test_a_set_of_fields_looks_like_one(changed: set[str], name: str) -> None:
    found = of_changes(changed)
    assert found is not None
    assert name in found.name
    assert not found.certain
    assert found.says.startswith("looks like")


@pytest.mark.parametrize(
    "changed",
    [
        set(),
        {"Max-Forwards"},
        {"Via"},
        {"Contact", "SDP c="},
        {"Via", "Contact", "SDP c="},
        {"Via", "Contact", "Record-Route"},
        {"Via", "Contact", "User-Agent"},
        {"Via", "Contact", "Call-ID"},
    ],
)
def test_other_sets_look_like_none_that_we_know(changed: set[str]) -> None:
    assert of_changes(changed) is None


def test_fortigates_own_line_is_certain() -> None:
    found = of_changes({"Via", "Contact", "SDP c=", "SDP i="}, TRACE)
    assert found is not None and found.certain
    assert found.says.startswith("is FortiGate")
    assert of_changes({"SDP i="}, "a conference") is None


def test_residue_seen_from_one_side() -> None:
    left = of_residue("192.168.1.50")
    assert left is not None and not left.certain
    assert of_residue(None) is None
    traced = of_residue(None, TRACE)
    assert traced is not None and traced.certain


@pytest.mark.parametrize("case", ["sip-alg", "sip-alg-asterisk-phone"])
def test_the_labs_alg_is_recognised(case: str) -> None:
    folder = CAPTURES / case
    report = sipdiag.analyse(folder / "bad.pcap", folder / "bad.inside.pcap")
    assert "Linux" in str(report.findings[0].params["looks_like"])
    assert "looks like" in report.verdict.summary


def test_one_side_is_enough_where_the_alg_signs_its_work(s: Scenario) -> None:
    phone = s.sip_phone("101", inner="192.168.1.50:5060", outer=OUTER, writes="outer")
    s.register(phone)
    _signed_call(s, phone, f"i={TRACE}\r\n".encode())
    found = the(verdict_on(s), "sip-alg-rewrite")
    assert (found.severity, found.confidence) == (Severity.WARNING, Confidence.HIGH)
    assert found.params["looks_certain"] is True


def test_silent_on_an_i_line_of_the_phones_own(s: Scenario) -> None:
    phone = s.sip_phone("101", inner="198.51.100.5:5060", outer="198.51.100.5:5060")
    s.register(phone)
    _signed_call(s, phone, b"i=A call\r\n")
    assert verdict_on(s).findings == []


def _signed_call(s: Scenario, phone: SipPhone, line: bytes) -> None:
    body = sip.sdp(phone.writes.media).replace(b"s=-\r\n", b"s=-\r\n" + line)
    headers = [
        ("Via", f"SIP/2.0/UDP {phone.writes.via};branch=z9hG4bKsigned"),
        ("From", "<sip:101@203.0.113.80>;tag=1"),
        ("To", "<sip:200@203.0.113.80>"),
        ("Call-ID", "signed"),
        ("CSeq", "1 INVITE"),
    ]
    s.at(5)
    s.send(
        phone.outer,
        s.server,
        sip.build(
            "INVITE sip:200@203.0.113.80 SIP/2.0",
            [*headers, ("Content-Type", "application/sdp")],
            body,
        ),
    )
    s.send(s.server, phone.outer, sip.build("SIP/2.0 486 Busy Here", headers))
