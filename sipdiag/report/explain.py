"""A finding's page of documentation, as Markdown."""

from __future__ import annotations

from sipdiag.base.errors import UsageError
from sipdiag.findings import Rule, rules


def explain(code: str) -> str:
    """The page of a finding, by its code (``SD501``) or name. Raises ``UsageError`` for others."""
    wanted = code.strip().lower()
    for rule in rules():
        if wanted in (rule.code.lower(), rule.name):
            return page(rule)
    known = ", ".join(sorted(rule.code for rule in rules()))
    raise UsageError(f"no finding is called {code}; there are {known}")


def page(rule: Rule) -> str:
    """Title, meaning, cause, confirmation, remedy, look-alikes and references of one finding."""
    silent = "\n".join(f"- {item}" for item in rule.silent_on)
    references = "\n".join(f"- {item}" for item in rule.references)
    return (
        f"# {rule.code} {rule.name}\n\n**{rule.title}** (severity: {rule.severity.word})\n\n"
        f"## What it means\n\n{rule.means}\n\n## Why calls fail\n\n{rule.why}\n\n"
        f"## How to confirm it\n\n{rule.confirm}\n\n## Remedy\n\n{rule.remedy}\n\n"
        f"## What it must not be taken for\n\n{silent}\n\n## References\n\n{references}\n"
    )
