"""Interfaces and logs as one: a client once, a finding once."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipdiag.base.interval import NS
from sipdiag.live.model import Alert
from sipdiag.live.together import Together
from sipdiag.live.verdicts import View
from sipdiag.live.watch import Watch
from sipdiag.readers import open_source
from sipdiag.report.html import render
from tests.live.watched import ETHERNET, frames_of

CAPTURES = Path(__file__).parents[2] / "captures"


def _both(case: str) -> tuple[Together, list[Alert], int]:
    """A case's capture and log, watched beside each other."""
    frames = frames_of(CAPTURES / case / "bad.pcap")
    items = [*open_source(str(CAPTURES / case / "bad.log"), tz="UTC")]
    now_ns = min(frames[0][0], items[0].ts_ns)
    packets, log = Watch(View("eth0", ETHERNET), now_ns), Watch(View("full", None), now_ns)
    together = Together([packets, log], now_ns)
    alerts: list[Alert] = []
    end_ns = frames[-1][0] + 40 * NS
    while now_ns < end_ns:
        alerts += [alert for each in together.judging(now_ns) for alert in each]
        now_ns += NS
        while frames and frames[0][0] <= now_ns:
            ts_ns, data, wire = frames.pop(0)
            packets.frame(ts_ns, 1, data, wire)
        while items and items[0].ts_ns <= now_ns:
            log.log_item(items.pop(0))
    return together, alerts, now_ns


@pytest.mark.parametrize("case", ["sip-binding-30s", "iax2-binding-30s"])
def test_a_log_beside_an_interface_tells_nothing_twice(case: str) -> None:
    together, alerts, now_ns = _both(case)
    assert [alert.finding.confidence.word for alert in alerts] == ["medium", "high"]
    snapshot = together.snapshot(now_ns, 3)
    assert snapshot.sources == ("eth0", "full")
    (row,) = snapshot.peers
    assert row.outer is not None and row.findings == ("SD501",)
    assert snapshot.counters.dropped_by_kernel == 3
    ladder = together.ladder(row.key)
    assert ladder and all(packet.origin.frame for packet in ladder)
    assert together.ladder("nobody") is None
    report = together.report(None, ["a note"])
    assert [source.name for source in report.sources] == ["eth0", "full"]
    assert "a note" in report.sources[0].notes
    assert [f.name for f in report.findings if f.severity == "error"] == ["nat-binding-expired"]
    assert report.asterisk == ("16.28.0" if case.startswith("sip") else None)
    assert report.recommendations


@pytest.mark.parametrize("case", ["sip-binding-30s", "iax2-binding-30s"])
def test_at_the_end_there_is_a_page_with_the_messages_that_are_held(case: str) -> None:
    together, _, _ = _both(case)
    report = together.report(None, [])
    pictures = together.pictures()
    assert [t.source for t in pictures.timelines] == ["eth0"]
    assert "call to the phone #4" in [step.title for step in pictures.steps]
    lost = next(step for step in pictures.steps if step.title == "call to the phone #4")
    assert lost.right.rungs[0] is not None and lost.right.rungs[0].lost
    assert "<svg" in render(report, pictures) and pictures.messages
