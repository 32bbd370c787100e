"""The report as JSON, schema ``sipdiag/1``. Pure ASCII, so that nothing in it can act."""

from __future__ import annotations

import json
from dataclasses import asdict

from sipdiag.report.model import Report
from sipdiag.report.safe import plain_tree


def render(report: Report) -> str:
    """One JSON object, indented, without a newline at the end."""
    return json.dumps(plain_tree(asdict(report)), indent=2)
