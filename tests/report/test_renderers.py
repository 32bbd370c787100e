"""The report as JSON and on the terminal, hostile names included."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

import sipdiag
from sipdiag.crafting.scenario import Scenario
from sipdiag.report.terminal import render_text

CASE = Path(__file__).parents[2] / "captures" / "sip-binding-30s"

HOSTILE = [
    "\x1b]0;owned\x07",
    "[bold red]101[/]",
    "&lt;b&gt;",
    "101\u202e",
    "```",
    "%s%n{0}",
]


@pytest.fixture(scope="module")
def report() -> sipdiag.Report:
    return sipdiag.compare(CASE / "good.pcap", CASE / "bad.pcap")


def _hostile(tmp_path: Path, name: str) -> sipdiag.Report:
    s = Scenario()
    phone = s.sip_phone(name, inner="192.168.1.50", outer="203.0.113.7", user_agent=name)
    s.register(phone)
    s.at(5)
    s.call(phone, answered=False, to="192.168.1.50:5060")
    return sipdiag.analyse(s.write(tmp_path / "hostile.pcap"))


def test_json_has_the_contracts_fields(report: sipdiag.Report) -> None:
    parsed = json.loads(sipdiag.render(report, "json"))
    assert parsed["schema"] == "sipdiag/1"
    assert parsed["tool"]["version"] == sipdiag.__version__
    assert set(parsed) >= {
        "schema", "tool", "sources", "verdict", "findings", "estimates", "recommendations",
        "comparison", "limits_hit",
    }  # fmt: skip
    assert set(parsed["sources"][0]) >= {
        "name", "kind", "vantage", "packets", "sip_messages", "iax2_frames", "rtp_packets",
        "first", "last", "truncated", "notes",
    }  # fmt: skip
    assert parsed["sources"][0]["sip_messages"] == 56
    assert parsed["verdict"]["finding"] == "nat-binding-expired"
    assert parsed["verdict"]["code"] == "SD501"
    finding = parsed["findings"][0]
    assert set(finding) == {
        "code", "name", "severity", "confidence", "subject", "message", "params", "evidence",
        "caused_by",
    }  # fmt: skip
    assert set(finding["evidence"][0]) == {"source", "frame", "line", "time", "role", "excerpt"}
    assert set(parsed["recommendations"][0]) == {
        "rank", "where", "file", "section", "option", "current", "value", "unit", "addresses",
        "forecast", "verify", "undo",
    }  # fmt: skip
    assert set(parsed["comparison"]) == {"paired", "first_divergence", "differences"}
    assert set(parsed["comparison"]["first_divergence"]) == {"step", "good", "bad"}


def test_json_is_documented_field_by_field(report: sipdiag.Report) -> None:
    page = (CASE.parents[1] / "docs" / "json.md").read_text()
    for name in asdict(report):
        assert f"`{name}" in page, name


def test_causes_come_before_what_follows_from_them(report: sipdiag.Report) -> None:
    assert [f.name for f in report.findings] == [
        "nat-binding-expired",
        "refresh-slower-than-binding",
    ]
    assert report.findings[1].caused_by == "nat-binding-expired"


def test_frames_are_those_of_the_capture(report: sipdiag.Report) -> None:
    primary = report.findings[0].evidence[0]
    assert (primary.source.endswith("bad.pcap"), primary.role) == (True, "primary")
    datagrams = {d.origin.frame: d for d in sipdiag.open_source(CASE / "bad.pcap")}
    assert primary.frame is not None
    assert datagrams[primary.frame].payload.startswith(b"INVITE")


def test_the_terminal_leads_with_the_verdict_and_fits_80_columns(report: sipdiag.Report) -> None:
    text = render_text(report)
    lines = text.splitlines()
    assert lines[0].startswith("The NAT binding of 101 expired")
    assert max(map(len, lines)) <= 80
    assert "every 25 s" in text
    assert "FIRST DIVERGENCE" in text
    assert not any(line.endswith(" ") for line in lines)


def test_settings_can_be_pasted(report: sipdiag.Report) -> None:
    lines = [line.strip() for line in render_text(report).splitlines()]
    at = lines.index("[101]")
    assert lines[at + 1] == "qualify=yes"
    assert lines[at + 2] == "qualifyfreq=25   ; seconds"


def test_quiet_is_the_verdict_only(report: sipdiag.Report) -> None:
    text = render_text(report, quiet=True)
    assert "SETTINGS" not in text and "nat-binding-expired (SD501)" in text


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_and_do_nothing(tmp_path: Path, name: str) -> None:
    report = _hostile(tmp_path, name)
    assert report.verdict.finding == "request-to-private-contact"
    for text in (render_text(report, width=400), sipdiag.render(report, "json")):
        assert "\x1b" not in text and "\u202e" not in text and "\x07" not in text
    if name.isascii() and name.isprintable():
        assert name in render_text(report, width=400)


def test_an_unknown_kind_is_refused(report: sipdiag.Report) -> None:
    with pytest.raises(sipdiag.UsageError):
        sipdiag.render(report, "pdf")


def test_the_report_says_how_the_phone_is_kept_in_reach(report: sipdiag.Report) -> None:
    (share,) = report.estimates.reachable
    assert share.alive_share + share.dead_share + share.unknown_share == pytest.approx(1, abs=0.001)
    assert 0.15 < share.dead_share < 0.3
    (kept,) = report.estimates.keepalives
    assert (kept.kind, kept.by, kept.refreshes) == ("REGISTER", "client", True)
    assert kept.every_s == pytest.approx(54, abs=0.1)
    (bits,) = report.estimates.nat_tests
    assert bits.kamailio & 1 and bits.opensips & 1
    assert "surely dead for" in render_text(report)
