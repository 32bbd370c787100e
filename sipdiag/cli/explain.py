"""``sipdiag explain CODE`` and ``sipdiag findings``: the catalogue."""

from __future__ import annotations

from typing import Annotated

import typer

from sipdiag.findings import rules
from sipdiag.report.explain import explain


def command(
    code: Annotated[str, typer.Argument(help="A finding's code or name, such as SD501.")],
) -> None:
    """Show a finding's page: meaning, cause, confirmation, remedy."""
    print(explain(code), end="")


def listing() -> None:
    """List the findings."""
    for rule in sorted(rules(), key=lambda rule: rule.code):
        print(f"{rule.code}  {rule.name:<28} {rule.title}")
