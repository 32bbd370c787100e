"""Made-up moments of watching: what the sinks' tests tell them."""

from __future__ import annotations

from sipdiag.base.datagram import Origin
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import NS, Interval
from sipdiag.findings import Confidence, Evidence, Finding, Severity, Subject
from sipdiag.flows.subjects import Packet
from sipdiag.live.model import Alert, Counters, PeerRow, PeerState, Snapshot
from sipdiag.report.model import SCHEMA, Estimates, Report, VerdictInfo

NOW_NS = 1_700_000_000 * NS
"""2023-11-14 22:13:20 UTC."""
HOSTILE = "\x1b[2J[red]evil[/red]\u202e\n"
"""Clears a screen, is markup of rich's, turns the direction of writing, ends the line."""

_LIFETIME = Interval(29.7, 33.0)
_OUTER = Endpoint("203.0.113.7", 45060)


def peer(
    user: str = "101",
    *,
    age_s: float | None = 12.0,
    lifetime: Interval = _LIFETIME,
    state: PeerState = PeerState.REACHABLE,
    findings: tuple[str, ...] = (),
    protocol: str = "SIP",
    outer: Endpoint | None = _OUTER,
    written: str | None = "192.168.1.50:5060",
    granted_s: float | None = 60.0,
    observed_s: float | None = 58.0,
    rtt_ms: float | None = 41.2,
    key: str | None = None,
) -> PeerRow:
    """A healthy phone, save for what is said."""
    return PeerRow(
        key=key or f"{protocol}/{user}",
        protocol=protocol,
        user=user,
        outer=outer,
        written=written,
        granted_s=granted_s,
        observed_s=observed_s,
        last_out_ns=None if age_s is None else NOW_NS - int(age_s * NS),
        lifetime=lifetime,
        rtt_ms=rtt_ms,
        state=state,
        findings=findings,
    )


def moment(*peers: PeerRow, after_s: float = 0.0, counters: Counters | None = None) -> Snapshot:
    """All that is known now; ``after_s``: so much later."""
    return Snapshot(
        now_ns=NOW_NS + int(after_s * NS),
        started_ns=NOW_NS - 3723 * NS,
        sources=("eth0",),
        peers=peers,
        counters=counters or Counters(packets=1234, sip_messages=567, iax2_frames=8),
    )


def expired(
    message: str = "The NAT binding of 101 expired.", *, user: str = "101", escalated: bool = False,
    frozen: str | None = None, severity: Severity = Severity.ERROR,
) -> Alert:  # fmt: skip
    """A phone that can't be reached any more."""
    finding = Finding(
        code="SD501",
        name="nat-binding-expired",
        severity=severity,
        confidence=Confidence.HIGH,
        subject=Subject("peer", f"SIP/{user}"),
        message=message,
        params={"lower_s": 29.7, "upper_s": 33.0},
        evidence=[Evidence(Origin("eth0", 42), NOW_NS, "primary", "OPTIONS got no reply")],
    )
    return Alert(NOW_NS, finding, escalated, f"SIP/{user}", frozen)


def report(summary: str = "Nothing wrong was found.") -> Report:
    """An empty one."""
    return Report(
        schema=SCHEMA,
        tool={"version": "1"},
        sources=[],
        verdict=VerdictInfo(None, None, None, None, summary),
        findings=[],
        undetermined=[],
        estimates=Estimates(),
        recommendations=[],
        comparison=None,
        limits_hit=[],
    )


def packets(count: int = 2) -> list[Packet]:
    """A client's REGISTERs, each with its answer."""
    phone, pbx = Endpoint("203.0.113.7", 45060), Endpoint("203.0.113.80", 5060)
    made = []
    for number in range(count):
        at = NOW_NS + number * NS
        src, dst, label = (phone, pbx, f"REGISTER {number}")
        if number % 2:
            src, dst, label = (pbx, phone, "200 OK (REGISTER)")
        made.append(Packet(at, src, dst, label, "SIP", "c@1", Origin("eth0", number + 1)))
    return made
