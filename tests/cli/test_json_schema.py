"""Everything that is written as JSON is what the schema says, field by field."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import sipdiag
from docs.generate import SCHEMA
from sipdiag.cli.doctor import as_json
from sipdiag.cli.doctor_checks import Area, examine
from sipdiag.cli.host import Host
from sipdiag.cli.json_schema import schema
from sipdiag.findings.model import Severity
from sipdiag.live import jsonlines
from tests.live import made

ROOT = Path(__file__).parents[2]
CAPTURES = ROOT / "captures"
CASES = sorted(path.parent for path in CAPTURES.glob("*/case.toml"))
BAD = CAPTURES / "sip-binding-30s" / "bad.pcap"

Json = dict[str, Any]


def _strict(whole: Json) -> Json:
    """The schema with no field allowed but those that it names."""
    strict = copy.deepcopy(whole)
    for part in _objects(strict["$defs"]):
        part.setdefault("additionalProperties", False)
    return strict


def _objects(part: object) -> Iterator[Json]:
    """Every object that the schema describes by its fields."""
    if isinstance(part, dict):
        if part.get("type") == "object" and "properties" in part:
            yield part
        for value in part.values():
            yield from _objects(value)


_FORMATS = jsonschema.FormatChecker(formats=())


@_FORMATS.checks("date-time", raises=ValueError)
def _is_a_time(value: object) -> bool:
    return value is None or datetime.fromisoformat(str(value)).tzinfo is not None


_VALIDATOR = jsonschema.Draft202012Validator(_strict(schema()), format_checker=_FORMATS)


def _report() -> Json:
    value: Json = json.loads(sipdiag.render(sipdiag.analyse(BAD)))
    return value


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())


def test_the_file_in_docs_is_as_generated() -> None:
    assert json.loads(SCHEMA.read_text()) == schema(), "run 'make docs'"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_report_on_every_capture_fits(case: Path) -> None:
    if (case / "good.pcap").exists():
        reports = [
            sipdiag.compare(case / "good.pcap", case / "bad.pcap"),
            sipdiag.analyse(case / "bad.pcap", case / "bad.inside.pcap"),
            sipdiag.analyse(case / "bad.log"),
        ]
    else:
        reports = [
            sipdiag.analyse(case / "capture.pcap", case / "capture.inside.pcap"),
            sipdiag.analyse(case / "capture.log"),
        ]
    for report in reports:
        _VALIDATOR.validate(json.loads(sipdiag.render(report)))


def test_advise_fits(tmp_path: Path) -> None:
    (tmp_path / "sip.conf").write_text("[general]\nnat=no\nbroken line\n[101]\ntype=friend\n")
    done = subprocess.run(
        [sys.executable, "-m", "sipdiag", "advise", "--json", "--config", tmp_path, BAD],
        capture_output=True,
        check=False,
    )
    told = json.loads(done.stdout)
    assert told["advise"]["changes"] and told["advise"]["defects"]
    _VALIDATOR.validate(told)


def test_what_doctor_found_fits() -> None:
    told = json.loads(as_json(examine(Host.real(), [Area.DIAGNOSE, Area.OUTPUT])))
    assert told["type"] == "doctor"
    _VALIDATOR.validate(told)


def test_lives_lines_fit() -> None:
    moment = made.moment(made.peer(), made.peer("102", age_s=None, outer=None, written=None))
    report = sipdiag.analyse(BAD)
    for told in (
        jsonlines.alert_object(made.expired(frozen="frozen.pcapng")),
        jsonlines.snapshot_object(moment),
        jsonlines.report_object(report),
    ):
        written = json.loads(jsonlines.line(told))
        _VALIDATOR.validate(written)
        with pytest.raises(jsonschema.ValidationError):
            _VALIDATOR.validate(written | {"surprise": None})


def test_a_report_of_a_later_version_fits_the_schema_but_not_this_tests() -> None:
    later = _report() | {"more": 1}
    jsonschema.Draft202012Validator(schema()).validate(later)
    with pytest.raises(jsonschema.ValidationError):
        _VALIDATOR.validate(later)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), "sipdiag/2"),
        (("verdict", "summary"), None),
        (("verdict", "confidence"), "certain"),
        (("findings", 0, "code"), "501"),
        (("findings", 0, "severity"), 3),
        (("findings", 0, "evidence", 0, "frame"), "12"),
        (("sources", 0, "first"), "yesterday"),
        (("estimates", "reachable", 0, "alive_share"), 1.5),
        (("recommendations", 0, "where"), "sip.conf"),
    ],
    ids=lambda part: ".".join(map(str, part)) if isinstance(part, tuple) else "",
)
def test_what_a_report_never_is_does_not_fit(path: tuple[str | int, ...], value: object) -> None:
    report: Any = _report()
    part = report
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    with pytest.raises(jsonschema.ValidationError) as error:
        _VALIDATOR.validate(report)
    assert list(error.value.absolute_path) == list(path)


def test_a_field_that_is_missing_does_not_fit() -> None:
    report = _report()
    del report["limits_hit"]
    with pytest.raises(jsonschema.ValidationError, match="limits_hit"):
        _VALIDATOR.validate(report)


def test_closed_words_are_those_of_the_code() -> None:
    severity = schema()["$defs"]["FindingInfo"]["properties"]["severity"]
    assert severity["enum"] == [each.word for each in Severity]


def test_every_field_of_a_report_is_described_in_the_docs() -> None:
    described = (ROOT / "docs" / "json.md").read_text()
    words = set(re.findall(r"[a-z_0-9]+", " ".join(re.findall(r"`([^`]+)`", described))))
    definitions = schema()["$defs"]
    undescribed = {
        f"{name}.{field}"
        for name in definitions
        for field in definitions[name]["properties"]
        if field not in words
    }
    assert not undescribed


def test_sipdiag_schema_prints_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sipdiag", "schema"], capture_output=True, check=True
    )
    assert json.loads(done.stdout) == schema()
