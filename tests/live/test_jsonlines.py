"""Watching told as JSON: one object a line, each of the documented fields."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from sipdiag.live.jsonlines import JsonSink, alert_object, line, snapshot_object
from sipdiag.live.lines import Lines
from tests.live.made import HOSTILE, expired, moment, peer, report

DOCS = Path(__file__).parents[2] / "docs"


def _said(path: Path, *, quiet: bool, seconds: int) -> list[dict[str, Any]]:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    lines = Lines(fd)
    sink = JsonSink(lines, quiet=quiet)
    for second in range(seconds):
        sink.update(moment(peer(), after_s=second))
    sink.alert(expired())
    sink.finish(report())
    os.close(fd)
    return [json.loads(text) for text in path.read_text().splitlines()]


def test_a_snapshot_now_and_then_alerts_and_the_report(tmp_path: Path) -> None:
    said = _said(tmp_path / "out", quiet=False, seconds=25)
    assert [one["type"] for one in said] == [*["snapshot"] * 3, "alert", "snapshot", "report"]
    assert {one["schema"] for one in said} == {"sipdiag/1"}
    times = [one["time"] for one in said if one["type"] == "snapshot"]
    assert [time[17:19] for time in times] == ["20", "30", "40", "44"]


def test_quiet_leaves_snapshots_out(tmp_path: Path) -> None:
    said = _said(tmp_path / "out", quiet=True, seconds=25)
    assert [one["type"] for one in said] == ["alert", "report"]


def test_the_last_snapshot_is_not_told_twice(tmp_path: Path) -> None:
    said = _said(tmp_path / "out", quiet=False, seconds=11)
    assert [one["type"] for one in said] == ["snapshot", "snapshot", "alert", "report"]


def test_an_alert_has_its_finding_as_the_report_has_it() -> None:
    told = alert_object(expired(frozen="/tmp/101.pcap"))
    assert told["time"] == "2023-11-14T22:13:20.000000+00:00"
    assert (told["peer"], told["frozen"], told["escalated"]) == ("SIP/101", "/tmp/101.pcap", False)
    finding = told["finding"]
    assert isinstance(finding, dict)
    assert finding["code"] == "SD501" and finding["severity"] == "error"
    assert finding["evidence"][0]["frame"] == 42


def test_a_peer_has_what_is_known_and_null_for_the_rest() -> None:
    told = snapshot_object(
        moment(peer(), peer("102", age_s=None, outer=None, written=None, rtt_ms=None))
    )
    peers = told["peers"]
    assert isinstance(peers, list)
    assert peers[0]["outer"] == "203.0.113.7:45060"
    assert peers[0]["age_s"] == 12.0
    assert peers[0]["lifetime"] == {"lower_s": 29.7, "upper_s": 33.0}
    nothing = {name for name, value in peers[1].items() if value is None}
    assert nothing == {"outer", "written", "last_out", "age_s", "rtt_ms"}


def test_wire_text_stays_on_its_line_and_can_do_nothing() -> None:
    text = line(snapshot_object(moment(peer(HOSTILE))))
    assert text.isascii() and text.count("\n") == 1 and "\x1b" not in text
    user = json.loads(text)["peers"][0]["user"]
    assert user == "\\x1b[2J[red]evil[/red]\\u202e\\x0a"


def test_every_field_is_documented() -> None:
    page = (
        (DOCS / "json.md")
        .read_text()
        .partition("## The lines of `live --json`")[2]
        .partition("\n## ")[0]
    )
    names = set(re.findall(r"`(?:[a-z]+\[\])?\.?([a-z0-9_]+)(?:\[\])?`", page))
    told = snapshot_object(moment(peer()))
    peers, counters = told["peers"], told["counters"]
    assert isinstance(peers, list) and isinstance(counters, dict)
    fields = {*told, *peers[0], *counters, *alert_object(expired())}
    assert fields - names - {"schema", "peers"} == set()


def test_every_line_is_of_the_published_schema(tmp_path: Path) -> None:
    schema = json.loads((DOCS / "schema" / "sipdiag-1.schema.json").read_text())
    validator = Draft202012Validator(schema)
    for told in _said(tmp_path / "out", quiet=False, seconds=1):
        validator.validate(told)
