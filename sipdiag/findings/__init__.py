"""One finding, one file. ``judge`` runs them all and puts the root cause first."""

from sipdiag.findings.engine import Verdict, judge, merge, rules
from sipdiag.findings.model import (
    Confidence,
    Evidence,
    Finding,
    Rule,
    Severity,
    Subject,
    Undetermined,
)

__all__ = [
    "Confidence",
    "Evidence",
    "Finding",
    "Rule",
    "Severity",
    "Subject",
    "Undetermined",
    "Verdict",
    "judge",
    "merge",
    "rules",
]
