"""From findings to the settings that cure them, the mildest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sipdiag.advice.cures import CURES
from sipdiag.advice.plan import Plan, Recommendation, Target
from sipdiag.advice.whatif import Outlook, recommended
from sipdiag.findings.model import Finding, Severity, Subject


def recommend(
    findings: Iterable[Finding],
    target: Target,
    outlooks: Mapping[Subject, Sequence[Outlook]] | None = None,
) -> list[Recommendation]:
    """What to change, for the root causes at warning or above in the order given. The same option
    is named once, with every finding that it addresses. ``outlooks``: what the simulation says of
    each client's settings."""
    made: dict[tuple[str, str | None, str, str], Recommendation] = {}
    base = 0
    for finding in findings:
        if finding.severity < Severity.WARNING or finding.caused_by is not None:
            continue
        plan = Plan(finding, target, _simulated((outlooks or {}).get(finding.subject, ())))
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


def _simulated(rows: Sequence[Outlook]) -> dict[str, dict[str, str]]:
    """The recommended setting of each driver as option and value."""
    chosen = {row.where: recommended(list(rows), row.where) for row in rows}
    return {
        where: dict(option.split("=", 1) for option in row.setting.split(" "))
        for where, row in chosen.items()
        if row is not None
    }
