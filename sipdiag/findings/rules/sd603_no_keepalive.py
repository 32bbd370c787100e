"""SD603: nothing holds a client's NAT binding open, or what should do so doesn't."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sipdiag.asterisk.conf import Section, Setting
from sipdiag.asterisk.conf_setup import Entity, Setup
from sipdiag.asterisk.conf_values import number
from sipdiag.findings.context import Context, age, peer_subject
from sipdiag.findings.model import Confidence, Finding, Rule, Severity
from sipdiag.findings.rules._settings import (
    Issue,
    by_section,
    clients,
    finding,
    names,
    own_lines,
    subject_of,
    users_of,
)

_LEAST_MS = 1000
"""A ping more often than every second is a slip of the unit."""

_MOST_S = 10_000
"""Nearly three hours between pings is one the other way."""

_INTERVAL_LIKE_MS = 60
"""``qualify=30``: a round trip that short is rare outside a LAN, an interval so written isn't."""


def interval_s(entity: Entity) -> float | None:
    """Seconds between the pings that a reachable client gets; None = it gets none."""
    if entity.where == "pjsip":
        return float(number(entity.get("qualify_frequency", "aor").value) or 0) or None
    if not entity.max_ms():
        return None
    if entity.where == "iax2":
        return (number(entity.get("qualifyfreqok").value) or 0) / 1000 or None
    return float(number(entity.get("qualifyfreq").value) or 0) or None


def _units(setup: Setup) -> Iterator[tuple[str, Section, Issue]]:
    """Values that only make sense in another unit."""
    for section, line in own_lines(setup, "iax.conf", "qualifyfreqok"):
        value = number(line.value)
        if value is not None and 0 < value < _LEAST_MS:
            right = [f"qualifyfreqok={value * 1000}"] if value >= 5 else []
            text = (
                f"{line.place} says qualifyfreqok={line.value}: that is milliseconds, so that a "
                f"ping leaves every {value} ms. In seconds it would be {value * 1000}."
            )
            yield "iax.conf", section, _unit(line, text, right)
    for file, option in (
        ("sip.conf", "qualifyfreq"),
        ("pjsip.conf", "qualify_frequency"),
        ("pjsip_wizard.conf", "aor/qualify_frequency"),
    ):
        for section, line in own_lines(setup, file, option):
            value = number(line.value)
            if value is not None and value >= _MOST_S:
                right = [f"{option.rpartition('/')[2]}={value // 1000}"]
                text = (
                    f"{line.place} says {line.name}={line.value}: that is seconds, "
                    f"{value / 3600:.0f} hours from ping to ping. In milliseconds it would be "
                    f"{value // 1000}."
                )
                yield file, section, _unit(line, text, right)
    for file in ("sip.conf", "iax.conf"):
        for section, line in own_lines(setup, file, "qualify"):
            issue = _qualify(line)
            if issue is not None:
                yield file, section, issue


def _unit(line: Setting, text: str, right: list[str]) -> Issue:
    return Issue("unit", Severity.WARNING, text, [line], right)


def _qualify(line: Setting) -> Issue | None:
    """``qualify`` takes ``yes``, ``no``, or the longest round trip in ms."""
    value = number(line.value)
    if value is None and line.value.lower() not in ("yes", "no"):
        meant = line.value.lower() in ("on", "true", "y", "t")
        return Issue(
            "qualify-word",
            Severity.WARNING if meant else Severity.INFO,
            f"{line.place} says qualify={line.value}: it takes yes, no or a number, and anything "
            "else switches it off.",
            [line],
            ["qualify=yes"] if meant else [],
        )
    if value is not None and 1 < value <= _INTERVAL_LIKE_MS:
        return Issue(
            "qualify-number", Severity.WARNING,
            f"{line.place} says qualify={line.value}: that is the longest round trip in ms, not an "
            "interval. Whoever takes longer counts as unreachable and isn't called.",
            [line], ["qualify=yes"], Confidence.MEDIUM,
        )  # fmt: skip
    return None


def _keepalive_option(setup: Setup) -> Iterator[tuple[str, Section, Issue]]:
    """chan_sip's own keepalive (11 to 20) isn't begun when a phone registers."""
    used_by = users_of(setup, "chan_sip", "keepalive")
    for section, line in own_lines(setup, "sip.conf", "keepalive"):
        users = [
            entity
            for entity in used_by.get(line.place, [])
            if entity.registers and not entity.max_ms()
        ]
        on = line.value.lower() == "yes" or (number(line.value) or 0) > 0
        if users and on:
            text = (
                f"{line.place} says keepalive={line.value}, and {names(users)} "
                f"{'has' if len(users) == 1 else 'have'} no qualify: that keepalive starts when "
                "Asterisk loads and ends where a phone has no address yet; registering doesn't "
                "start it again."
            )
            yield "sip.conf", section, Issue(
                "keepalive-ends", Severity.WARNING, text, [line], ["qualify=yes"], Confidence.MEDIUM
            )  # fmt: skip


def _keep_alive_interval(setup: Setup) -> Iterator[tuple[str, Section, Issue]]:
    """PJSIP's keep_alive_interval is for TCP and TLS."""
    for part in setup.objects:
        line = part.find("keep_alive_interval") if part.kind == "global" else None
        if line is None or not number(line.value):
            continue
        protocols = {
            (found.value if (found := p.find("protocol")) else "udp").lower()
            for p in setup.objects
            if p.kind == "transport"
        }
        users = [e for e in setup.of("pjsip") if e.registers and interval_s(e) is None]
        if users and "udp" in protocols:
            text = (
                f"{line.place} says keep_alive_interval={line.value}: that does nothing for UDP, "
                f"and qualify_frequency is off for {names(users)}."
            )
            yield (
                "pjsip.conf",
                part.section,
                Issue(
                    "keepalive-tcp-only",
                    Severity.WARNING if protocols == {"udp"} else Severity.INFO,
                    text,
                    [line],
                ),
            )


def _from_files(setup: Setup) -> Iterator[Finding]:
    found: dict[tuple[str, str], list[Issue]] = {}
    for file, section, issue in (
        *_units(setup),
        *_keepalive_option(setup),
        *_keep_alive_interval(setup),
    ):
        found.setdefault((file, section.name), []).append(issue)
    yield from by_section(RULE, found, {"kind": "aor"})


def _from_traffic(context: Context) -> Iterator[Finding]:
    for peer, entity in clients(context):
        expired = context.earlier("nat-binding-expired", peer_subject(peer))
        if expired is None:
            continue
        upper = expired.params["lifetime_upper_s"]
        every = interval_s(entity)
        if not isinstance(upper, float) or (every is not None and every < upper):
            continue
        option = "qualify_frequency" if entity.where == "pjsip" else "qualify"
        if every is not None:
            option = {"chan_sip": "qualifyfreq", "iax2": "qualifyfreqok"}.get(entity.where, option)
        line = entity.get(option, "aor" if entity.where == "pjsip" else None).setting
        says = f"{line.place} says {option}={line.value}" if line else f"{option} is not set"
        then = "no ping" if every is None else f"a ping every {age(every)}"
        result = finding(
            RULE, peer_subject(peer),
            [
                Issue(
                    "none" if every is None else "too-seldom", Severity.WARNING,
                    f"{says}: {peer.ident} gets {then}, and its binding lives no longer than "
                    f"{age(upper)}.",
                    [line] if line else [],
                )
            ],
            entity.where,
        )  # fmt: skip
        result.caused_by = expired
        yield result


def _told(setup: Setup) -> Iterator[Finding]:
    """Clients that the configuration itself calls NATed, with no ping: the phone may do it."""
    users = [
        e
        for e in setup.of("chan_sip")
        if e.registers
        and e.parts[0].find("nat")
        and (e.nat().rport or e.nat().comedia)
        and interval_s(e) is None
        and not e.get("keepalive").written
    ]
    if users:
        lines = [s for e in users[:5] if (s := e.parts[0].find("nat")) is not None]
        text = (
            f"nat is on for {names(users)}, and qualify is off: nothing from Asterisk holds the "
            "bindings open. That is right only where the phones do it themselves."
        )
        issue = Issue("none-told", Severity.INFO, text, lines, confidence=Confidence.LOW)
        yield finding(RULE, subject_of("sip.conf", "*"), [issue], "chan_sip")


def judge(context: Context) -> Iterable[Finding]:
    """Fires for keepalives that don't do what their lines say, and for clients whose binding the
    traffic shows to expire without one."""
    if context.setup is not None:
        yield from _from_files(context.setup)
        if not context.subjects.peers:
            yield from _told(context.setup)
        yield from _from_traffic(context)


RULE = Rule(
    code="SD603",
    name="no-keepalive",
    title="Nothing holds the NAT binding open",
    severity=Severity.WARNING,
    means=(
        "The configuration pings the client not at all, too seldom for its NAT, or in another unit "
        "than was meant; or it relies on a keepalive that does nothing here."
    ),
    why=(
        "A NAT forgets a phone that is silent. A ping that it must answer keeps it known: "
        "`qualify` with `qualifyfreq` (seconds) in chan_sip, `qualify_frequency` (seconds) in "
        "PJSIP, `qualify` with `qualifyfreqok` (milliseconds) in IAX2. The number behind `qualify` "
        "is the longest round trip in ms, not an interval, and of words it takes `yes` and `no` "
        "only. PJSIP's `keep_alive_interval` is for TCP and TLS; chan_sip's `keepalive` isn't "
        "started by a registration."
    ),
    confirm=(
        "`sip show peer NAME`: `Status` and `Qualify Freq`; `pjsip show aor NAME`; `iax2 show peer "
        "NAME`: `Qualify`. A capture shows the pings, and how often."
    ),
    remedy=(
        "`qualify=yes` and `qualifyfreq=25`; `qualify_frequency=25`; `qualify=yes` and "
        "`qualifyfreqok=25000`."
    ),
    references=(
        "chan_sip.c:build_peer, sip_send_keepalive (16.28)",
        "chan_iax2.c:build_peer (22)",
        "RFC 4787 REQ-6",
        "RFC 5626 section 4.4",
    ),
    judge=judge,
    silent_on=(
        "peers without qualify whose binding isn't seen to expire",
        "`qualify=100` and more: a bound on the round trip, as meant",
        "`keep_alive_interval` where TCP or TLS is used (information)",
    ),
    after=("SD501",),
)
