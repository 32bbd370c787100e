"""``sipdiag explain CODE`` and ``sipdiag findings``: the catalogue."""

from __future__ import annotations

from typing import Annotated

import typer

from sipdiag.findings import rules
from sipdiag.report.explain import explain


def _complete(begun: str) -> list[tuple[str, str]]:
    """Codes and names that begin so, each with what it means."""
    known = sorted(rules(), key=lambda rule: rule.code)
    words = [(rule.code, rule.title) for rule in known] + [
        (rule.name, rule.title) for rule in known
    ]
    return [(word, title) for word, title in words if word.lower().startswith(begun.lower())]


def command(
    code: Annotated[
        str,
        typer.Argument(help="A finding's code or name, such as SD501.", autocompletion=_complete),
    ],
) -> None:
    """Show a finding's page: meaning, cause, confirmation, remedy."""
    print(explain(code), end="")


def listing() -> None:
    """List the findings."""
    for rule in sorted(rules(), key=lambda rule: rule.code):
        print(f"{rule.code}  {rule.name:<28} {rule.title}")
