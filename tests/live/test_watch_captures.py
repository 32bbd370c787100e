"""The lab's captures, watched second by second: what is told, when, and what is frozen.

At every second of every capture the judgement is one of a capture that ends there: what is wrong
must not be told early, and what is right never.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from sipdiag import pipeline
from tests.live.watched import Frozen, frames_of, watched_frames

CAPTURES = Path(__file__).parents[2] / "captures"


def _sides() -> list[tuple[Path, set[str]]]:
    """(capture on the server, what may be said of it)."""
    found = []
    for toml in sorted(CAPTURES.glob("*/case.toml")):
        case = tomllib.loads(toml.read_text())
        for side in ("good", "bad", "capture"):
            path = toml.parent / f"{side}.pcap"
            if side in case and path.exists():
                words = case[side]
                found.append((path, {words["verdict"], *words.get("expected", [])} - {""}))
    return found


def _id(path: Path) -> str:
    return f"{path.parent.name}-{path.stem}"


SIDES = _sides()


@pytest.mark.parametrize(("path", "allowed"), SIDES, ids=[_id(path) for path, _ in SIDES])
def test_nothing_is_told_that_the_whole_capture_does_not_bear_out(
    path: Path, allowed: set[str]
) -> None:
    alone = {f.name for f in pipeline.analyse(path).findings if f.severity != "info"}
    told = watched_frames(frames_of(path), media=True)
    assert set(told.names) <= alone | allowed
    assert bool(told.names) == bool(alone)


@pytest.mark.parametrize(("path", "allowed"), SIDES, ids=[_id(path) for path, _ in SIDES])
def test_what_is_frozen_says_the_same_by_itself(
    path: Path, allowed: set[str], tmp_path: Path
) -> None:
    told = watched_frames(frames_of(path), media=True, frozen=Frozen(tmp_path))
    for alert in told.alerts:
        assert alert.frozen is not None
        findings = {f.name: f for f in pipeline.analyse(alert.frozen).findings}
        again = findings[alert.finding.name]
        assert again.confidence == alert.finding.confidence.word
        assert again.message == alert.finding.message
        assert [item.frame for item in again.evidence] == [
            item.origin.frame for item in alert.finding.evidence
        ]


@pytest.mark.parametrize("case", ["sip-binding-30s", "iax2-binding-30s", "pjsip-binding-30s"])
def test_the_binding_is_told_within_35_s_of_the_call_that_failed(case: str) -> None:
    path = CAPTURES / case / "bad.pcap"
    told = watched_frames(frames_of(path))
    first = told.alerts[0]
    lost = next(item for item in first.finding.evidence if item.role == "primary")
    assert first.finding.name == "nat-binding-expired"
    assert lost.ts_ns is not None and 0 < first.at_ns - lost.ts_ns < 35e9
    assert [alert.escalated for alert in told.alerts] == [False, True]
    assert told.alerts[1].finding.confidence > first.finding.confidence
