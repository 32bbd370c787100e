"""SD505: between phone and PBX there is a NAT of the provider's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sipdiag.base.endpoint import Scope, behind_nat, parse_ip, scope_of
from sipdiag.findings.context import Context, peer_subject, sent_evidence
from sipdiag.findings.model import Confidence, Finding, Param, Rule, Severity
from sipdiag.findings.reach import Reach
from sipdiag.flows.subjects import Peer
from sipdiag.flows.transaction import Transaction

_HARM = ("nat-binding-expired", "nat-mapping-changed", "inbound-filtered", "one-way-audio")
"""What a provider's NAT does to a phone, each proved by itself."""


class _Sign(NamedTuple):
    kind: str
    """``carrier``: an address of RFC 6598 or RFC 7335; ``two``: two private networks."""
    address: str
    transaction: Transaction
    what: str
    confidence: Confidence


def _carrier(host: str | None) -> bool:
    return host is not None and scope_of(host) is Scope.CARRIER


def _sign(peer: Peer) -> _Sign | None:
    attempts = peer.attempts
    for t in attempts:
        written = t.written
        if _carrier(t.src.ip) and not behind_nat(t.dst.ip):
            return _Sign("carrier", t.src.ip, t, "comes from", Confidence.HIGH)
        if written is None or written.via_count != 1 or behind_nat(t.src.ip):
            continue
        for what, host in (("Via", written.via_host), ("Contact", written.contact_host)):
            if host is not None and _carrier(host):
                mapped = str(parse_ip(host)).startswith("192.0.0.")
                sure = Confidence.HIGH if mapped else Confidence.MEDIUM
                return _Sign("carrier", host, t, f"writes in its {what}", sure)
        inner, outer = written.call_id_host, written.via_host
        if (
            inner is not None
            and outer is not None
            and behind_nat(outer)
            and _network(inner) != _network(outer)
        ):
            return _Sign("two", outer, t, f"(of {inner}, as its Call-ID says) writes in its Via",
                         Confidence.LOW)  # fmt: skip
    return None


def _network(host: str) -> str:
    """A home network is a /24; for IPv6 and names the whole is compared."""
    return host.rpartition(".")[0] or host


def _judge_peer(context: Context, peer: Peer) -> Iterable[Finding]:
    sign = _sign(peer)
    if sign is None:
        return
    subject = peer_subject(peer)
    harm: list[str] = [
        name
        for name in _HARM
        if (found := context.earlier(name, subject)) and found.severity > Severity.INFO
    ]
    where = (
        "an address of those that providers use behind a NAT of their own (CGNAT)"
        if sign.kind == "carrier"
        else "an address of another private network: two NATs in a row, or a host with two networks"
    )
    params: dict[str, Param] = {"address": sign.address, "kind": sign.kind, "harm": harm}
    yield Finding(
        code=RULE.code,
        name=RULE.name,
        severity=Severity.INFO,
        confidence=sign.confidence,
        subject=subject,
        message=(
            f"{peer.ident} {sign.what} {sign.address}, {where}."
            + (
                " What was found beside this can then not be cured in the phone's own router: its "
                "UDP timeout and port forwarding end before the provider's."
                if harm
                else ""
            )
        ),
        params=params,
        evidence=[
            sent_evidence(
                sign.transaction,
                "primary",
                f"{sign.transaction.method} from {sign.transaction.src}: the client {sign.what} "
                f"{sign.address}",
            )
        ],
        protocol=peer.protocol,
    )


def judge_client(context: Context, reach: Reach) -> Iterable[Finding]:
    """Fires (information) on addresses of RFC 6598 and RFC 7335 and on signs of two translations;
    names what else was found that such a NAT does."""
    return _judge_peer(context, reach.peer)


RULE = Rule(
    code="SD505",
    name="carrier-grade-nat",
    title="The provider translates addresses, too",
    severity=Severity.INFO,
    means=(
        "The phone, or its router, has an address that providers give to customers whom they put "
        "behind a NAT of their own (100.64.0.0/10, 192.0.0.0/29), or shows two private networks. "
        "It does no harm by itself, so that it is information."
    ),
    why=(
        "Two NATs in a row hold a mapping as long as the shorter of them does, and nobody can set "
        "the provider's. A port that the router forwards isn't reached from outside."
    ),
    confirm=(
        "Compare the WAN address that the router shows with what a web site says that yours is; "
        "`traceroute` shows a second private hop."
    ),
    remedy=(
        "None is needed where calls work. Else: a keepalive of 25 s or less from Asterisk or the "
        "phone, TLS or TCP (their mappings live for hours), IPv6, a VPN, or a public address from "
        "the provider. Changing the router's UDP timeout doesn't help."
    ),
    references=("RFC 6598", "RFC 7335", "RFC 6888", "RFC 5382 REQ-5"),
    judge_client=judge_client,
    silent_on=(
        "a PBX in 100.64.0.0/10 itself: a VPN (Tailscale), or the provider's own network",
        "proxies and SBCs in the path (more than one Via)",
        "phones with public or ordinary private addresses",
    ),
    after=("SD301", "SD501", "SD502", "SD506"),
)
