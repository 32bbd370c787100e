"""A client as the table shows it.

Contract: pure, time is an argument.
"""

from __future__ import annotations

from sipdiag.base.endpoint import behind_nat
from sipdiag.base.interval import NS, Interval
from sipdiag.findings.reach import GRACE_S
from sipdiag.live.client import Client
from sipdiag.live.model import PeerRow, PeerState


def row_of(client: Client, now_ns: int) -> PeerRow:
    """What is known of a client now."""
    judged, outer = client.judged, client.outer
    return PeerRow(
        key=client.key,
        protocol=client.protocol,
        user=client.user or str(outer or "?"),
        outer=outer,
        written=_private(client),
        granted_s=client.granted_s,
        observed_s=client.observed_s,
        last_out_ns=client.last_out_ns,
        lifetime=judged.lifetime,
        rtt_ms=client.rtt_ms,
        state=state_of(client, judged.lifetime, now_ns),
        findings=judged.codes,
    )


def _private(client: Client) -> str | None:
    written = client.written if client.protocol == "SIP" else None
    return written if written is not None and behind_nat(written) else None


def state_of(client: Client, lifetime: Interval, now_ns: int) -> PeerState:
    """See ``PeerState``. Without an upper bound of its lifetime a binding isn't known to end."""
    if client.granted_s == 0:
        return PeerState.LAPSED
    registered = client.registered_ns is not None
    granted_s = client.granted_s
    if client.registered_ns is not None and granted_s is not None:
        ends_ns = client.registered_ns + int(granted_s + GRACE_S) * NS
        if now_ns > ends_ns:
            return PeerState.LAPSED
    if client.lost_ns is not None:
        return PeerState.SILENT
    if client.last_out_ns is None:
        return PeerState.UNKNOWN
    age_s = (now_ns - client.last_out_ns) / NS
    if lifetime.upper_s is not None:
        if age_s >= lifetime.upper_s:
            return PeerState.DARK
        if lifetime.lower_s is None or age_s > lifetime.lower_s:
            return PeerState.AT_RISK
        return PeerState.REACHABLE
    return PeerState.REACHABLE if registered or client.rtt_ms is not None else PeerState.UNKNOWN
