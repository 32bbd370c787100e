"""What several sources say of the same thing is told once."""

from __future__ import annotations

from sipdiag.base.datagram import Origin
from sipdiag.findings import merge
from sipdiag.findings.engine import Verdict, rules
from sipdiag.findings.model import Confidence, Evidence, Finding, Severity, Subject


def expired(confidence: Confidence, *packets: tuple[str, int]) -> Verdict:
    evidence = [
        Evidence(Origin(source, frame), 0, "supports" if number else "primary", "INVITE")
        for number, (source, frame) in enumerate(packets)
    ]
    finding = Finding(
        "SD501", "nat-binding-expired", Severity.ERROR, confidence, Subject("peer", "101"),
        "", {}, evidence,
    )  # fmt: skip
    return Verdict(finding, [finding], [])


def told(verdicts: list[Verdict]) -> list[tuple[str, int | None, str]]:
    (finding,) = (f for verdict in merge(verdicts) for f in verdict.findings)
    return [(e.origin.source, e.origin.frame, e.role) for e in finding.evidence]


def test_the_surest_tells_it_and_the_others_support_it() -> None:
    log = expired(Confidence.MEDIUM, ("full.log", 7))
    capture = expired(Confidence.HIGH, ("bad.pcap", 3))
    assert told([log, capture]) == [("bad.pcap", 3, "primary"), ("full.log", 7, "supports")]


def test_the_same_packet_supports_nothing_twice() -> None:
    earlier = expired(Confidence.MEDIUM, ("any", 3))
    later = expired(Confidence.HIGH, ("any", 3), ("any", 9))
    assert told([earlier, later]) == [("any", 3, "primary"), ("any", 9, "supports")]


def test_a_rule_runs_when_all_that_it_looks_at_is_known() -> None:
    order = {rule.code: number for number, rule in enumerate(rules())}
    for rule in rules():
        assert (rule.judge is None) != (rule.judge_client is None)
        assert all(order[code] < order[rule.code] for code in rule.after)
