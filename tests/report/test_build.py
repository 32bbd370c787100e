"""A report stays of a size that can be read, however many clients a capture has."""

from __future__ import annotations

from pathlib import Path

import pytest

import sipdiag
from sipdiag.base.limits import Limits
from sipdiag.crafting.scenario import Scenario
from sipdiag.report import build


def three_phones(path: Path) -> Path:
    """The last of them loses a call to its NAT binding."""
    story = Scenario()
    phones = [
        story.sip_phone(f"10{n}", inner=f"192.168.1.5{n}:5060", outer=f"203.0.113.{n}:4000{n}")
        for n in range(3)
    ]
    for phone in phones:
        story.register(phone, expires=120, granted=120)
    for phone in phones:
        story.call(phone, talk_s=1)
    story.at(90)
    story.call(phones[2], answered=False)
    for phone in phones:
        story.at(118)
        story.register(phone, expires=120, granted=120)
    story.write(path)
    return path


def test_what_settings_would_do_is_told_of_every_client(tmp_path: Path) -> None:
    report = sipdiag.analyse(three_phones(tmp_path / "a.pcap"))
    assert len({row.subject for row in report.what_if}) == 3
    assert report.limits_hit == []


def test_or_of_those_first_that_something_was_found_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "DEFAULT_LIMITS", Limits(clients_simulated=1))
    report = sipdiag.analyse(three_phones(tmp_path / "a.pcap"))
    assert report.verdict.finding is not None
    assert {row.subject for row in report.what_if} == {report.verdict.subject}
    assert report.limits_hit == ["clients_simulated"]
