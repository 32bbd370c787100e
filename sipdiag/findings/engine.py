"""Runs the catalogue over a context; orders what it found, root causes first."""

from __future__ import annotations

import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, partial
from graphlib import TopologicalSorter
from operator import itemgetter
from typing import NamedTuple

from sipdiag.findings import rules as catalogue
from sipdiag.findings.context import Context, peer_subject
from sipdiag.findings.logged import open_questions, support
from sipdiag.findings.model import Finding, JudgeClient, Rule, Severity, Subject, Undetermined
from sipdiag.flows.subjects import Peer

_Outcomes = list[Finding | Undetermined]


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


@cache
def stages() -> tuple[tuple[Rule, ...], ...]:
    """The catalogue in as few stages as can be. A rule on a client may look at what others of its
    stage found of the same client; a rule on the source, or on other clients, only at what was
    found in the stages before."""
    known = {rule.code: rule for rule in rules()}
    levels: dict[str, int] = {}
    for rule in rules():
        waits = rule.judge_client is None or rule.of_others
        levels[rule.code] = max(
            (levels[code] + (waits or known[code].judge_client is None) for code in rule.after),
            default=0,
        )
    return tuple(
        tuple(rule for rule in rules() if levels[rule.code] == level)
        for level in range(max(levels.values()) + 1)
    )


def judge(context: Context) -> Verdict:
    """Every finding and every open question on the context's subjects. Clients are shared out in
    the context's team, whose members all judge the same."""
    peers = context.subjects.peers
    units = _units(peers)
    firsts = [peers[unit[0]] for unit in units]
    weights = [sum(peers[number].requests_count for number in unit) for unit in units]
    told: dict[str, _Outcomes] = {}
    for stage in stages():
        for rule in stage:
            if rule.judge is not None:
                told[rule.code] = list(rule.judge(context))
        of_clients = {rule.code: rule.judge_client for rule in stage if rule.judge_client}
        judge_unit = partial(_judge_unit, context, [*of_clients.values()])
        said: list[list[tuple[int, _Outcomes]]] = [[] for _ in of_clients]
        for row in context.team.map(judge_unit, units, firsts, weights):
            for column, number, outcomes in row:
                said[column].append((number, outcomes))
        for code, found in zip(of_clients, said, strict=True):
            found.sort(key=itemgetter(0))
            told[code] = [each for _, outcomes in found for each in outcomes]
        context.settle(f for r in rules() for f in _findings(told.get(r.code, ())))
        context.team.know(context.found)
    undetermined = [o for r in rules() for o in told[r.code] if isinstance(o, Undetermined)]
    undetermined.extend(open_questions(context))
    support(context, context.found)
    ordered = _root_first(context.found)
    root = ordered[0] if ordered and ordered[0].severity >= Severity.WARNING else None
    return Verdict(root, ordered, undetermined)


def _units(peers: Sequence[Peer]) -> list[list[int]]:
    """Numbers of the clients; those of one name together, as findings know them by it."""
    units: dict[Subject, list[int]] = {}
    for number, peer in enumerate(peers):
        units.setdefault(peer_subject(peer), []).append(number)
    return list(units.values())


def _judge_unit(
    context: Context, of_clients: Sequence[JudgeClient], unit: Sequence[int]
) -> list[tuple[int, int, _Outcomes]]:
    """What the rules say of the clients, where one says anything: the rule's number, the client's,
    and that. Of most there is nothing to say, and a flood makes a hundred thousand of them."""
    row = []
    reaches = [(number, context.reach(context.subjects.peers[number])) for number in unit]
    for column, judge_client in enumerate(of_clients):
        said = [(number, list(judge_client(context, reach))) for number, reach in reaches]
        for number, outcomes in said:
            if outcomes:
                context.add(_findings(outcomes))
                row.append((column, number, outcomes))
    return row


def _findings(outcomes: Iterable[Finding | Undetermined]) -> Iterator[Finding]:
    return (outcome for outcome in outcomes if isinstance(outcome, Finding))


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
