"""What the findings on settings share: whose configuration it is, and how a line is cited.

One finding a section, or a client, with all that is wrong there, each under a short code in
``params["issues"]``. ``params["set"]`` is what would be right, as ``option=value``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sipdiag.asterisk.conf import Place, Section, Setting
from sipdiag.asterisk.conf_setup import Entity, Setup
from sipdiag.base.datagram import Origin
from sipdiag.findings.context import Context
from sipdiag.findings.model import Confidence, Evidence, Finding, Param, Rule, Severity, Subject
from sipdiag.findings.rules._written import attempts, says_private
from sipdiag.flows.subjects import Peer

WHERE = {"sip.conf": "chan_sip", "pjsip.conf": "pjsip", "iax.conf": "iax2"}


class Issue(NamedTuple):
    """One thing that is wrong. ``lines``: what sets it; ``right``: what to set in that section."""

    code: str
    severity: Severity
    text: str
    lines: Sequence[Setting] = ()
    right: Sequence[str] = ()
    confidence: Confidence = Confidence.HIGH


def finding(
    rule: Rule,
    subject: Subject,
    issues: Sequence[Issue],
    where: str,
    more: dict[str, Param] | None = None,
    evidence: Sequence[Evidence] = (),
) -> Finding:
    """One finding out of all that is wrong with one subject."""
    worst = max(issue.severity for issue in issues)
    lines = list(dict.fromkeys(line for issue in issues for line in issue.lines))
    cited = [cite(line, "primary" if n == 0 else "supports") for n, line in enumerate(lines[:10])]
    return Finding(
        code=rule.code,
        name=rule.name,
        severity=worst,
        confidence=max(i.confidence for i in issues if i.severity is worst),
        subject=subject,
        message=" ".join(issue.text for issue in issues),
        params={
            "issues": [issue.code for issue in issues],
            "where": where,
            "set": [each for i in issues if i.severity >= Severity.WARNING for each in i.right],
            "lines": [str(line.place) for line in lines],
            **(more or {}),
        },
        evidence=[*cited, *evidence],
        protocol="IAX2" if where == "iax2" else "SIP",
    )


def by_section(
    rule: Rule, found: dict[tuple[str, str], list[Issue]], more: dict[str, Param] | None = None
) -> Iterator[Finding]:
    """A finding for each (file, section); those in which the same lines stand share one, and are
    listed in ``params["sections"]``."""
    alike: dict[tuple[str, object], list[str]] = {}
    for (file, name), issues in found.items():
        if issues:
            shape = tuple(
                (i.code, i.severity, *i.right, *(line.value for line in i.lines)) for i in issues
            )
            alike.setdefault((file, shape), []).append(name)
    for (file, _), group in alike.items():
        result = finding(
            rule, subject_of(file, group[0]), found[file, group[0]], WHERE.get(file, "pjsip"), more
        )
        result.params["sections"] = list(group)
        if len(group) > 1:
            others = f"{', '.join(group[1:6])}{' ...' if len(group) > 6 else ''}"
            result.message += f" The same stands in {len(group) - 1} more: {others}."
        yield result


def users_of(setup: Setup, where: str, option: str) -> dict[Place, list[Entity]]:
    """The clients for which each line counts that sets an option."""
    users: dict[Place, list[Entity]] = {}
    for entity in setup.of(where):
        lines = next((each for part in entity.parts if (each := part.all(option))), [])
        for place in dict.fromkeys(line.place for line in lines):
            users.setdefault(place, []).append(entity)
    return users


def cite(line: Setting, role: str) -> Evidence:
    """A line of a file as evidence: it has no time. Only options that hold no secret are cited."""
    origin = Origin(line.place.file, line=line.place.line)
    return Evidence(origin, None, role, f"{line.name}={line.value}")


def subject_of(file: str, section: str) -> Subject:
    """How a finding names a section."""
    return Subject("section", f"{file}/{section}")


def own_lines(setup: Setup, file: str, option: str) -> Iterator[tuple[Section, Setting]]:
    """Every line that sets an option, in templates and ``[general]`` too, each once."""
    config = setup.configs.get(file)
    for section in config.sections if config else []:
        for setting in section.all(option):
            if setting.origin is None:
                yield section, setting


def entity_of(context: Context, peer: Peer) -> Entity | None:
    """A client's part of the configuration; None where it can't be told which."""
    setup, name = context.setup, peer.user
    if setup is None or not name:
        return None
    if peer.protocol == "IAX2":
        return setup.find("iax2", name)
    found = [
        entity
        for driver, where in (("chan_sip", "chan_sip"), ("chan_pjsip", "pjsip"))
        if context.subjects.pbx_driver in (driver, None)
        and (entity := _named(setup, where, name)) is not None
    ]
    return found[0] if len(found) == 1 else None


def _named(setup: Setup, where: str, name: str) -> Entity | None:
    """PJSIP registers AORs: one of another name than its endpoint leads to it."""
    found = setup.find(where, name)
    if found is not None or where != "pjsip":
        return found
    holders = [
        entity
        for entity in setup.of("pjsip")
        if any(p.kind == "aor" and p.section.name == name for p in entity.parts)
    ]
    return holders[0] if len(holders) == 1 else None


def clients(context: Context) -> Iterable[tuple[Peer, Entity]]:
    """The clients that were seen and have a place in the configuration."""
    for peer in context.subjects.peers:
        entity = entity_of(context, peer)
        if entity is not None:
            yield peer, entity


def seen_behind_nat(peer: Peer) -> bool:
    """It wrote private addresses, and its packets came from a public one."""
    return any(says_private(attempt) for attempt in attempts(peer))


def names(entities: Sequence[Entity], most: int = 5) -> str:
    """``101, 102 and 7 more``."""
    shown = ", ".join(entity.name for entity in entities[:most])
    return shown if len(entities) <= most else f"{shown} and {len(entities) - most} more"
