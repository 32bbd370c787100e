"""From findings to the settings that cure them, the mildest first."""

from __future__ import annotations

from collections.abc import Iterable

from sipdiag.advice.cures import CURES
from sipdiag.advice.plan import Plan, Recommendation, Target
from sipdiag.findings.model import Finding, Severity


def recommend(findings: Iterable[Finding], target: Target) -> list[Recommendation]:
    """What to change, for the root causes at warning or above in the order given. The same option
    is named once, with every finding that it addresses."""
    made: dict[tuple[str, str | None, str, str], Recommendation] = {}
    base = 0
    for finding in findings:
        if finding.severity < Severity.WARNING or finding.caused_by is not None:
            continue
        plan = Plan(finding, target)
        if finding.name in CURES:
            CURES[finding.name](plan)
        for item in plan.made:
            key = (item.where, item.section, item.option, item.value)
            if key in made:
                if finding.code not in made[key].addresses:
                    made[key].addresses.append(finding.code)
            else:
                made[key] = item._replace(rank=base + item.rank)
        base += max((item.rank for item in plan.made), default=0)
    return list(made.values())
