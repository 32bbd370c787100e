"""Runs the catalogue over a context; orders what it found, root causes first."""

from __future__ import annotations

import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from typing import NamedTuple

from sipdiag.findings import rules as catalogue
from sipdiag.findings.context import Context
from sipdiag.findings.logged import open_questions, support
from sipdiag.findings.model import Finding, Rule, Severity, Undetermined


class Verdict(NamedTuple):
    """``root`` is None where nothing at warning or above was found."""

    root: Finding | None
    findings: list[Finding]
    """Root causes first, each followed by what it causes; then by severity and confidence."""
    undetermined: list[Undetermined]


@cache
def rules() -> tuple[Rule, ...]:
    """The catalogue in an order in which every rule runs after those that it looks at."""
    modules = [
        importlib.import_module(f"{catalogue.__name__}.{module.name}")
        for module in pkgutil.iter_modules(catalogue.__path__)
        if module.name.startswith("sd")
    ]
    found = {module.RULE.code: module.RULE for module in modules}
    order = TopologicalSorter({code: found[code].after for code in sorted(found)})
    return tuple(found[code] for code in order.static_order())


def judge(context: Context) -> Verdict:
    """Every finding and every open question on the context's subjects."""
    undetermined = []
    for rule in rules():
        outcomes = list(_outcomes(rule, context))
        context.add(outcome for outcome in outcomes if isinstance(outcome, Finding))
        undetermined += [outcome for outcome in outcomes if isinstance(outcome, Undetermined)]
    undetermined += open_questions(context)
    support(context, context.found)
    ordered = _root_first(context.found)
    root = ordered[0] if ordered and ordered[0].severity >= Severity.WARNING else None
    return Verdict(root, ordered, undetermined)


def _outcomes(rule: Rule, context: Context) -> Iterator[Finding | Undetermined]:
    """What a rule says of the source, or of one client after the other."""
    if rule.judge is not None:
        yield from rule.judge(context)
    if rule.judge_client is not None:
        for reach in context.reaches:
            yield from rule.judge_client(context, reach)


def merge(verdicts: list[Verdict]) -> list[Verdict]:
    """Several sources' verdicts with each finding on the same subject told once: by the source
    that is surest of it (the first of these), with the others' proofs as support. An open question
    that another source answers, or that a cause found there explains, is open no more."""
    best: dict[tuple[str, str], Finding] = {}
    for finding in (f for verdict in verdicts for f in verdict.findings):
        key = (finding.name, finding.subject.ident)
        other = best.get(key)
        if other is None or _weight(finding) > _weight(other):
            best[key] = finding
    proved = {(f.code, f.subject.ident) for f in best.values() if f.severity >= Severity.WARNING}
    merged = []
    for verdict in verdicts:
        kept = []
        for finding in verdict.findings:
            winner = best[finding.name, finding.subject.ident]
            if winner is finding:
                kept.append(finding)
            else:
                told = {e.origin for e in winner.evidence}
                winner.evidence.extend(
                    e._replace(role="supports")
                    for e in finding.evidence[:2]
                    if e.origin not in told
                )
        root = kept[0] if kept and kept[0].severity >= Severity.WARNING else None
        own = {(f.code, f.subject.ident) for f in verdict.findings}
        open_still = [
            u
            for u in verdict.undetermined
            if (u.name, u.subject.ident) not in best
            and not any(key in proved and key not in own for key in _answers(u))
        ]
        merged.append(Verdict(root, kept, open_still))
    return merged


def _answers(question: Undetermined) -> list[tuple[str, str]]:
    """What would explain an open question: findings that its rule looks at, on the same subject."""
    after = next((rule.after for rule in rules() if rule.code == question.code), ())
    return [(code, question.subject.ident) for code in after]


def _weight(finding: Finding) -> tuple[int, int]:
    return finding.severity, finding.confidence


def _root_first(found: list[Finding]) -> list[Finding]:
    def weight(finding: Finding) -> tuple[int, int, str]:
        return -finding.severity, -finding.confidence, finding.code

    effects: defaultdict[int, list[Finding]] = defaultdict(list)
    for finding in found:
        effects[id(finding.caused_by)].append(finding)
    ordered: list[Finding] = []

    def place(cause: Finding | None) -> None:
        for finding in sorted(effects[id(cause)], key=weight):
            ordered.append(finding)
            place(finding)

    place(None)
    return ordered
