"""From a told scenario to its verdict: what most tests of flows and findings begin with."""

from __future__ import annotations

import tempfile

from sipdiag.crafting.scenario import Scenario
from sipdiag.findings import Finding, Severity, Verdict, judge
from sipdiag.findings.context import Context
from sipdiag.flows.subjects import Subjects
from sipdiag.pipeline import read


def subjects_of(scenario: Scenario, *, until_s: float | None = None) -> Subjects:
    """The scenario as a server-side capture, tracked. ``until_s``: the capture goes on so long."""
    with tempfile.NamedTemporaryFile() as file:
        scenario.write(file.name)
        subjects = read(file.name)
    source = subjects.source
    if until_s is not None and source.first_ns is not None:
        source.last_ns = source.first_ns + int(until_s * 1e9)
    return subjects


def verdict_on(
    scenario: Scenario, good: Scenario | None = None, *, until_s: float | None = None
) -> Verdict:
    """What the catalogue says of it, with ``good`` as the baseline where given."""
    baseline = Context(subjects_of(good)) if good is not None else None
    return judge(Context(subjects_of(scenario, until_s=until_s), baseline))


def accused(verdict: Verdict) -> list[str]:
    """The names found at warning or above."""
    return [f.name for f in verdict.findings if f.severity >= Severity.WARNING]


def the(verdict: Verdict, name: str) -> Finding:
    """The one finding of this name."""
    (finding,) = [f for f in verdict.findings if f.name == name]
    return finding
