"""SD602: the bounds of the registration interval contradict each other, or the NAT."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sipdiag.asterisk.conf import Setting
from sipdiag.asterisk.conf_setup import DEFAULTS, Effective, Entity, Part, Setup
from sipdiag.asterisk.conf_values import number
from sipdiag.findings.context import Context, age, peer_subject
from sipdiag.findings.model import Confidence, Finding, Rule, Severity
from sipdiag.findings.rules._settings import Issue, clients, finding, subject_of

BOUNDS = {
    "chan_sip": ("minexpiry", "maxexpiry"),
    "pjsip": ("minimum_expiration", "maximum_expiration"),
    "iax2": ("minregexpire", "maxregexpire"),
}
"""Names of the least and the greatest interval in seconds."""


def _seconds(option: Effective, kind: str, name: str) -> int:
    value = number(option.value)
    return value if value is not None and value > 0 else int(DEFAULTS[kind][name])


def _says(line: Setting | None, name: str, value: int) -> str:
    return f"{name}={value} ({line.place})" if line else f"{name} is {value} by default"


_MEANS = {
    "chan_sip": "the least wins: every phone is granted {least} s, whatever it asks for",
    "pjsip": ("who asks for less than {least} s is granted {least} s, who asks for more {most} s"),
    "iax2": "Asterisk lowers the least to {most} s: every client is granted {most} s",
}


def _issue(where: str, kind: str, low: Effective, high: Effective) -> Issue | None:
    least_name, most_name = BOUNDS[where]
    least, most = _seconds(low, kind, least_name), _seconds(high, kind, most_name)
    lines = [line for line in (low.setting, high.setting) if line is not None]
    if least <= most or not lines:
        return None
    if where == "iax2" and low.setting is None:
        return None
    only_least = high.setting is None
    right = f"{most_name}={least}" if only_least else f"{least_name}={most}"
    return Issue(
        "bounds-crossed",
        Severity.INFO if where == "iax2" and only_least else Severity.WARNING,
        f"{_says(low.setting, least_name, least)}, but {_says(high.setting, most_name, most)}: "
        f"{_MEANS[where].format(least=least, most=most)}.",
        lines,
        [right],
    )


def _from_files(setup: Setup) -> Iterator[Finding]:
    for where, file in (("chan_sip", "sip.conf"), ("iax2", "iax.conf")):
        general = setup.general(where)
        if general is not None:
            low, high = (general.get(name) for name in BOUNDS[where])
            issue = _issue(where, where, low, high)
            if issue is not None:
                yield finding(RULE, subject_of(file, "general"), [issue], where)
    for part in setup.objects:
        if part.kind == "aor":
            low, high = (_of_part(part, name) for name in BOUNDS["pjsip"])
            issue = _issue("pjsip", "aor", low, high)
            if issue is not None:
                file = "pjsip_wizard.conf" if part.prefix else "pjsip.conf"
                subject = subject_of(file, part.section.name)
                yield finding(RULE, subject, [issue], "pjsip", {"kind": "aor"})


def _of_part(part: Part, name: str) -> Effective:
    setting = part.find(name)
    return Effective(setting.value if setting else DEFAULTS["aor"][name], setting)


def least_s(entity: Entity) -> tuple[int, Setting | None]:
    """The shortest interval that a client is granted, in seconds, and what sets it."""
    kind = "aor" if entity.where == "pjsip" else entity.where
    names = BOUNDS[entity.where]
    low, high = (entity.get(name, kind) for name in names)
    least, most = _seconds(low, kind, names[0]), _seconds(high, kind, names[1])
    return (most, high.setting) if entity.where == "iax2" and most < least else (least, low.setting)


def _from_traffic(context: Context) -> Iterator[Finding]:
    """The registration can't keep a binding open that it may not outpace."""
    for peer, entity in clients(context):
        expired = context.earlier("nat-binding-expired", peer_subject(peer))
        upper = expired.params["lifetime_upper_s"] if expired else None
        least, line = least_s(entity)
        if expired is None or not isinstance(upper, float) or least <= upper or line is None:
            continue
        issue = Issue(
            "longer-than-binding",
            Severity.INFO,
            f"{line.place} says {line.name}={line.value}: {peer.ident} can't be made to register "
            f"more often than every {least} s, and its binding lives no longer than {age(upper)}. "
            "Only a ping or a keepalive can hold it open.",
            [line],
            confidence=Confidence.MEDIUM,
        )
        result = finding(RULE, peer_subject(peer), [issue], entity.where)
        result.caused_by = expired
        yield result


def judge(context: Context) -> Iterable[Finding]:
    """Fires where the least interval is above the greatest, defaults counted."""
    if context.setup is not None:
        yield from _from_files(context.setup)
        yield from _from_traffic(context)


RULE = Rule(
    code="SD602",
    name="expiry-out-of-bounds",
    title="The bounds of the registration interval contradict each other",
    severity=Severity.WARNING,
    means=(
        "The least interval that is granted is longer than the greatest one, often because only "
        "one of the two was set and the other has its default; or it is longer than the NAT's "
        "binding lives."
    ),
    why=(
        "None of the three drivers refuses an interval: each moves it into its bounds. Where these "
        "cross, chan_sip grants the least (`maxexpiry=30` alone gives 60, the default of "
        "`minexpiry`), IAX2 the greatest (`minregexpire` alone does nothing), and PJSIP one or the "
        "other, depending on what was asked for."
    ),
    confirm=(
        "`sip show settings`: `Reg. min duration`, `Reg. max duration`; the 200 OK to a REGISTER "
        "and the REFRESH of a REGACK say what was granted."
    ),
    remedy="Set both bounds, the least no longer than the greatest.",
    references=(
        "chan_sip.c:parse_register_contact (16.28, tried out)",
        "res_pjsip_registrar.c:registrar_get_expiration (22)",
        "chan_iax2.c:set_config (22)",
    ),
    judge=judge,
    silent_on=(
        "`maxregexpire` below 60 alone: it works",
        "bounds that are equal",
    ),
    after=("SD501",),
)
