"""A program that uses sipdiag, as a type checker sees it: names have their types, and names that
don't exist are errors (mypy complains of an ignore that ignores nothing).

mypy reads it in ``make test`` with the source, and in ``make wheel`` with what is installed.
"""

from __future__ import annotations

import sys

import sipdiag


def lifetimes(good: str, bad: str) -> dict[str, tuple[float | None, float | None]]:
    """The bounds of each NAT's lifetime in seconds."""
    report: sipdiag.Report = sipdiag.compare(good, bad, sipdiag.Options(tz="Europe/Berlin"))
    finding: str | None = report.verdict.finding
    if finding is None:
        return {}
    return {each.subject: (each.lower_s, each.upper_s) for each in report.estimates.nat_lifetime}


def codes() -> list[str]:
    """Of all findings."""
    return [rule.code for rule in sipdiag.rules()]


def wrong() -> None:
    """What a type checker must not let pass."""
    sipdiag.compare(1, 2)  # type: ignore[arg-type]
    sipdiag.nonsense()  # type: ignore[attr-defined]
    number: int = sipdiag.explain("SD501")  # type: ignore[assignment]
    print(number)


if __name__ == "__main__":
    try:
        print(lifetimes(*sys.argv[1:3]), len(codes()))
    except sipdiag.SipdiagError as error:
        sys.exit(error.exit_code)
