"""What the findings on a capture's quality share: their subject is the source itself.

They are information, and a warning only where something that decides may be hidden.
"""

from __future__ import annotations

from collections.abc import Sequence

from sipdiag.base.datagram import Origin
from sipdiag.findings.context import Context
from sipdiag.findings.model import Confidence, Evidence, Finding, Param, Rule, Severity, Subject


def quality(
    context: Context,
    rule: Rule,
    message: str,
    params: dict[str, Param],
    *,
    hides: bool,
    evidence: Sequence[Evidence] = (),
) -> Finding:
    """A finding on the source. ``hides``: what is missing may be what decides."""
    source = context.subjects.source
    end_ns = source.last_ns or 0
    return Finding(
        code=rule.code,
        name=rule.name,
        severity=Severity.WARNING if hides else Severity.INFO,
        confidence=Confidence.HIGH,
        subject=Subject("source", source.name),
        message=message,
        params=params,
        evidence=list(evidence) or [Evidence(Origin(source.name), end_ns, "primary", message)],
        protocol="capture",
    )
