"""Whether another expiry in ``iax2.h`` can help, and which: read from a capture's registrations.

Pure: subjects in, a ``Plan`` out. Who decides the interval (channels/chan_iax2.c): a server before
1.2.0 grants its own compiled value, whatever is asked; from 1.2.0 on it grants what is asked,
clamped to [minregexpire, maxregexpire], both 60 s by default. A client from 1.2.0 on takes what it
is granted and asks for that the next time, so that only its first REGREQ shows its own wish.
Units: seconds. Texts hold wire text as it came.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from sipdiag.advice.refresh import refresh_interval
from sipdiag.asterisk.iax2_header import PRACTICAL_S, STOCK_S, reregisters_after_s
from sipdiag.asterisk.iax2_header_versions import Release
from sipdiag.base.errors import InputError, UsageError
from sipdiag.base.interval import Interval
from sipdiag.findings.model import Finding
from sipdiag.findings.reach import LEAST_LIFETIME_S, Reach


class Side(enum.StrEnum):
    """Where the patched Asterisk will run."""

    SERVER = "server"
    CLIENT = "client"


class Case(enum.StrEnum):
    """Who decides whether a client is granted the wanted interval."""

    GRANTED = "granted"
    """The server grants it already."""
    SERVER = "server"
    """The server's range doesn't hold it: the client's wish changes nothing."""
    CLIENT = "client"
    """The server's range holds it: it is granted to whoever asks."""
    OPEN = "open"
    """The packets don't show the server's range there."""


class Exchange(NamedTuple):
    """One granted REGREQ. ``asked_s`` None = it had no REFRESH."""

    asked_s: int | None
    granted_s: int


@dataclass(frozen=True, slots=True)
class ServerRange:
    """What the grants show of a server's range. ``least_s`` and ``most_s``: its ends, None where
    no grant was clamped there; ``seen``: the smallest and largest grant."""

    least_s: int | None
    most_s: int | None
    seen: tuple[int, int]

    def holds(self, seconds: int) -> bool | None:
        """Whether it would be granted; None = not shown."""
        if self.least_s is not None and seconds < self.least_s:
            return False
        if self.most_s is not None and seconds > self.most_s:
            return False
        low, high = self.seen
        return True if low <= seconds <= high else None


class Registered(NamedTuple):
    """One client's registrations with one server."""

    client: str
    server: str
    exchanges: list[Exchange]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a capture says. ``lifetime``: of the shortest-lived binding that expired."""

    registered: list[Registered]
    lifetime: Interval
    range: ServerRange


def read(reaches: Iterable[Reach], findings: Iterable[Finding]) -> Plan:
    """Reads the registrations over IAX2, and the lifetime that the diagnosis found. Raises
    ``InputError`` where there is no registration."""
    registered = []
    for reach in reaches:
        registration = reach.peer.registration
        if reach.peer.protocol != "IAX2" or registration is None:
            continue
        exchanges = [
            Exchange(r.transaction.asked_s, r.granted_s)
            for r in registration.refreshes
            if r.granted_s
        ]
        if exchanges:
            registered.append(Registered(reach.peer.ident, str(reach.peer.local), exchanges))
    if not registered:
        raise InputError("the capture has no registration over IAX2 that was granted (REGACK)")
    if len({r.server for r in registered}) > 1:
        raise InputError("the capture has registrations with several IAX2 servers: filter it first")
    lifetimes = [
        Interval(lower, upper)
        for finding in findings
        if finding.name == "nat-binding-expired"
        and finding.protocol == "IAX2"
        and isinstance(lower := finding.params["lifetime_lower_s"], float)
        and isinstance(upper := finding.params["lifetime_upper_s"], float)
    ]
    lifetime = min(lifetimes, default=Interval())
    return Plan(registered, lifetime, server_range([e for r in registered for e in r.exchanges]))


def server_range(exchanges: list[Exchange]) -> ServerRange:
    """A grant below what was asked is the range's upper end, one above it the lower; without a
    REFRESH in the REGREQ the grant is the lower end too (``update_registry``)."""
    least = most = None
    for asked, granted in exchanges:
        if not asked or granted > asked:
            least = granted
        elif granted < asked:
            most = granted
    grants = [granted for _, granted in exchanges]
    return ServerRange(least, most, (min(grants), max(grants)))


def choose_seconds(lifetime: Interval) -> int:
    """The expiry for a lifetime. Raises ``InputError`` where the capture doesn't tell one."""
    if lifetime.upper_s is None:
        raise InputError(
            "no binding expired in the capture, so it doesn't say how long one lives; capture "
            "while calls fail, or say --expire (25 is usual for routers that forget after 30 s)"
        )
    seconds, _ = refresh_interval(lifetime)
    if seconds < PRACTICAL_S or _too_long(seconds, lifetime):
        raise InputError(
            f"the binding lives for {_span(lifetime)}: too short, or not narrowed down enough, to "
            "choose an expiry from it; let qualify keep it open, or say --expire"
        )
    return seconds


def check_lifetime(seconds: int, lifetime: Interval) -> None:
    """Raises ``UsageError`` for an expiry above what the binding was seen to survive."""
    if _too_long(seconds, lifetime):
        raise UsageError(
            f"{seconds} s can't work: in the capture the NAT binding lives for "
            f"{_span(lifetime)}; take less"
        )


def _too_long(seconds: int, lifetime: Interval) -> bool:
    lower, upper = lifetime
    if lower is not None and lower >= LEAST_LIFETIME_S and upper is not None:
        return seconds > lower
    return upper is not None and seconds >= upper


def _span(lifetime: Interval) -> str:
    lower, upper = lifetime
    return f"{lower or 0.0:.1f} to {upper or 0.0:.1f} s"


def case_of(plan: Plan, seconds: int) -> Case:
    """Which case holds for an expiry."""
    if all(r.exchanges[-1].granted_s == seconds for r in plan.registered):
        return Case.GRANTED
    holds = plan.range.holds(seconds)
    if holds is None:
        return Case.OPEN
    return Case.CLIENT if holds else Case.SERVER


def check_side(
    plan: Plan, case: Case, side: Side | None, release: Release | None, seconds: int
) -> None:
    """Raises ``UsageError`` where a patch on that side changes nothing. ``release``: what is to
    be patched; a client before 1.2.0 takes the smaller of its own value and the grant."""
    smaller = all(seconds < r.exchanges[-1].granted_s for r in plan.registered)
    if release is not None and not release.configurable and smaller:
        return
    if side is Side.CLIENT and case is Case.SERVER:
        raise UsageError(
            f"a patched client changes nothing: the server doesn't grant {seconds} s, and its "
            "REGACK overrides what the client asks for; change the server, or keep the binding "
            "open with qualify"
        )


def seen(plan: Plan) -> list[str]:
    """What was asked and granted, a paragraph for each client."""
    lines = [f"Seen: {r.client} {_asked(r.exchanges)} by {r.server}." for r in plan.registered[:8]]
    if len(plan.registered) > len(lines):
        lines.append(f"And {len(plan.registered) - len(lines)} other clients.")
    return lines


def explain(plan: Plan, case: Case, seconds: int) -> list[str]:
    """How the expiry stands to the lifetime, and which case holds, a paragraph each."""
    lines = []
    if plan.lifetime.upper_s is not None:
        lines.append(
            f"The NAT binding lives for {_span(plan.lifetime)}; {seconds} s fits below it."
        )
    return [*lines, _CASES[case].format(n=seconds, **_ends(plan.range))]


def _asked(exchanges: list[Exchange]) -> str:
    different = dict.fromkeys(exchanges)
    parts = [
        f"{'asked for the default' if asked is None else f'asked for {asked} s'}, "
        f"granted {granted} s ({_times(exchanges.count(Exchange(asked, granted)))})"
        for asked, granted in list(different)[:4]
    ]
    return "; ".join(parts)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _ends(known: ServerRange) -> dict[str, str]:
    least, most = known.least_s, known.most_s
    if least is not None and least == most:
        return {"range": f"{least} s and nothing else"}
    parts = [f"{least} s at least"] if least is not None else []
    parts += [f"{most} s at most"] if most is not None else []
    low, high = known.seen
    return {"range": ", ".join(parts) or f"{low} to {high} s"}


_UNCHANGEABLE = (
    "If the server can't be changed: let the client keep the binding open. In its iax.conf define "
    "the server as a peer with qualify=yes and qualifyfreqok={ms} (milliseconds; 1.2.0 and later)."
)

_CASES = {
    Case.GRANTED: "Case: the server grants {n} s already. No patch changes anything here.",
    Case.SERVER: (
        "Case: the server decides. It grants {range}, so a client that asks for {n} s doesn't get "
        "it, and a patched client changes nothing. The place is the server: its iax.conf, or a "
        "patched server."
    ),
    Case.CLIENT: (
        "Case: the client decides. The server grants {range}, and {n} s is within it, so a client "
        "gets it by asking; only a patched client asks for another value than 60 s by itself."
    ),
    Case.OPEN: (
        "Case: not shown. Nobody asked this server for {n} s, and no grant shows that it would "
        "refuse it; a stock Asterisk (both limits 60 s) grants 60 s and nothing else. A patched "
        "client helps only if the server's range holds {n} s; the server's iax.conf, or a patched "
        "server, always does."
    ),
}


def settings(release: Release | None, seconds: int) -> list[str]:
    """The lines of the server's iax.conf that do the same as a patched server; none where the
    release is known not to have them. Both: the lower limit alone is pulled down to the upper."""
    if release is not None and not release.configurable:
        return []
    return ["[general]", f"minregexpire={seconds}", f"maxregexpire={seconds}"]


def unchangeable(seconds: int) -> str:
    """What to do where the server is somebody else's."""
    return _UNCHANGEABLE.format(ms=seconds * 1000)


def meaning(release: Release | None, seconds: int) -> list[str]:
    """What the patch does and what it doesn't, a paragraph each."""
    later = reregisters_after_s(seconds)
    limits = (
        "what a server grants to everybody, whatever is asked (this release has no setting for it)"
        if release is not None and not release.configurable
        else "the default of both minregexpire and maxregexpire, which iax.conf overrides"
    )
    lines = [
        f"The patch sets what is compiled in: on a server, {limits}; on a client, what its first "
        "REGREQ asks for, and every one after a time-out.",
        f"A client that is granted {seconds} s registers again after {later} s (5/6 of it, in "
        "whole seconds).",
        "It doesn't touch qualify: qualifyfreqok and qualifyfreqnotok are in iax.conf, in "
        "milliseconds. A REGACK without REFRESH still means 60 s, which is written elsewhere.",
        f"A server with uncached realtime peers (rtcachefriends=no) forgets them {seconds} s after "
        "they registered, whatever it granted, unless rtignoreregexpire=yes.",
    ]
    if seconds < PRACTICAL_S:
        lines.append(
            f"Warning: below {PRACTICAL_S} s a POKE (qualify) keeps the binding open with less "
            "traffic."
        )
    if seconds > STOCK_S:
        lines.append(
            f"Warning: above {STOCK_S} s clients come back less often than unpatched; behind NAT "
            "that is worse, not better."
        )
    return lines
