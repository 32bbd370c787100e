"""SD503: something between phone and server writes in the phone's messages."""

from __future__ import annotations

from collections.abc import Iterable

from sipdiag.base.endpoint import behind_nat
from sipdiag.findings.alg_fingerprint import Fingerprint, of_changes, of_residue
from sipdiag.findings.context import Context, peer_subject, sent_evidence
from sipdiag.findings.model import (
    Confidence,
    Evidence,
    Finding,
    Param,
    Rule,
    Severity,
    Undetermined,
)
from sipdiag.findings.reach import Reach
from sipdiag.findings.rules._written import (
    attempts,
    changes_on_the_way,
    same_client,
    says_private,
    says_source,
)
from sipdiag.flows.sightings import Change
from sipdiag.flows.subjects import Peer
from sipdiag.flows.transaction import Transaction


def _sdp_hosts(peer: Peer) -> list[str]:
    """The addresses at which the client asks for audio."""
    return [
        offer.endpoint.ip
        for call in peer.calls
        for offer in call.offers
        if offer.endpoint is not None and offer.src in peer.outers
    ]


def _changed_fields(good: Peer, bad: Peer) -> list[str]:
    theirs, mine = _sdp_hosts(good), _sdp_hosts(bad)
    sdp = (
        bool(theirs and mine)
        and all(behind_nat(host) for host in theirs)
        and not any(behind_nat(host) for host in mine)
    )
    return ["Via", "Contact", "SDP"] if sdp else ["Via", "Contact"]


def _compared(context: Context, reach: Reach, mine: list[Transaction]) -> Finding | None:
    """The same client writes private addresses in GOOD and public ones in BAD."""
    baseline = context.baseline_of(reach.peer)
    theirs = attempts(baseline.peer) if baseline else []
    if not theirs or not all(says_private(t) for t in theirs):
        return None
    good, bad = theirs[0], mine[0]
    if not same_client(good, bad):
        return None
    peer = reach.peer
    wrote = good.written
    changed = _changed_fields(baseline.peer, peer) if baseline else []
    shown = f"{wrote.contact_host}:{wrote.contact_port}" if wrote else ""
    return Finding(
        code=RULE.code,
        name=RULE.name,
        severity=Severity.WARNING,
        confidence=Confidence.HIGH,
        subject=peer_subject(peer),
        message=(
            f"Something rewrites the SIP messages of {peer.ident} on their way: in GOOD the same "
            f"phone writes its own address ({shown}) in Via and Contact, in BAD every "
            f"message arrives with the router's public one ({bad.src}). That is a SIP ALG, unless "
            "STUN was switched on in the phone between the captures."
        ),
        params={
            "written_in_good": shown,
            "written_in_bad": str(bad.src),
            "changed_fields": changed,
            "residue": bad.written.call_id_host if bad.written else None,
            **_looks(of_residue(bad.written.call_id_host if bad.written else None)),
        },
        evidence=[
            sent_evidence(bad, "primary", f"REGISTER from {bad.src} says that it is {bad.src}"),
            sent_evidence(good, "baseline", f"REGISTER from {good.src} says that it is {shown}"),
        ],
    )


def _which(peer: Peer, changes: dict[str, list[Change]]) -> Fingerprint | None:
    """Whose ALG it looks like, by what it changed in the phone's own requests."""
    own = [
        change
        for found in changes.values()
        for change in found
        if change.match.far.src in peer.outers and not change.match.near.label[:1].isdigit()
    ]
    added = [change.far[2:] for change in own if change.what == "SDP i=" and not change.near]
    return of_changes({change.what for change in own}, added[0] if added else "")


def _looks(which: Fingerprint | None) -> dict[str, Param]:
    """The parameters that every finding of this kind has."""
    return {
        "looks_like": which.name if which else None,
        "looks_certain": bool(which and which.certain),
    }


def _crossed(context: Context, reach: Reach) -> Finding | None:
    """Both sides of the router were captured: every field that was changed, both values."""
    peer = reach.peer
    matched, changes = changes_on_the_way(context, peer)
    if not changes:
        return None
    evidence = []
    for number, (what, found) in enumerate(changes.items()):
        first = found[0]
        excerpt = (
            f"{first.match.near.label}: {what} is {first.near or 'missing'} there and "
            f"{first.far or 'missing'} here"
        )
        role = "primary" if number == 0 else "supports"
        evidence.append(Evidence(first.match.far.origin, first.match.far.ts_ns, role, excerpt))
        evidence.append(
            Evidence(
                first.match.near.origin, first.match.near.ts_ns, "supports",
                f"the same {first.match.near.label} on the phone's side",
            )
        )  # fmt: skip
    fields = ", ".join(f"{what} ({len(found)})" for what, found in changes.items())
    messages = len({id(c.match) for found in changes.values() for c in found})
    which = _which(peer, changes)
    return Finding(
        code=RULE.code,
        name=RULE.name,
        severity=Severity.WARNING,
        confidence=Confidence.HIGH,
        subject=peer_subject(peer),
        message=(
            f"A SIP ALG rewrites the messages of {peer.ident}: of {matched} that were captured on "
            f"both sides of the router, {messages} were changed on the way: {fields}."
            + (f" It {which.says}." if which else "")
        ),
        params={
            "written_in_good": None,
            "written_in_bad": None,
            "changed_fields": list(changes),
            "changes": [f"{what}: {c.near} -> {c.far}" for what, (c, *_) in changes.items()],
            "matched_count": matched,
            "changed_count": messages,
            "residue": None,
            **_looks(which),
        },
        evidence=evidence,
    )


def _residue(reach: Reach, mine: list[Transaction]) -> Finding | None:
    """One side only: public Via and Contact from the first packet on, and a private Call-ID."""
    first = mine[0]
    host = first.written.call_id_host if first.written else None
    if host is None:
        return None
    peer = reach.peer
    return Finding(
        code=RULE.code,
        name=RULE.name,
        severity=Severity.INFO,
        confidence=Confidence.LOW,
        subject=peer_subject(peer),
        message=(
            f"{peer.ident} names its router's public address {first.src} in Via and Contact, and "
            f"the private {host} in its Call-ID. A SIP ALG does that, and so does a phone with "
            "STUN or a configured NAT address: this side alone can't tell them apart. A capture "
            "on the phone's side of the router decides."
        ),
        params={
            "written_in_good": None,
            "written_in_bad": str(first.src),
            "changed_fields": ["Via", "Contact"],
            "residue": host,
            **_looks(of_residue(host)),
        },
        evidence=[sent_evidence(first, "primary", f"REGISTER from {first.src}, Call-ID of {host}")],
    )


def _traced(peer: Peer) -> Finding | None:
    """One side is enough where the ALG itself writes into the SDP what it changed."""
    offers = [o for call in peer.calls for o in call.offers if o.src in peer.outers]
    for offer in offers:
        which = of_residue(None, offer.information or "")
        if which is None or not which.certain:
            continue
        return Finding(
            code=RULE.code,
            name=RULE.name,
            severity=Severity.WARNING,
            confidence=Confidence.HIGH,
            subject=peer_subject(peer),
            message=(
                f"A SIP ALG rewrites the messages of {peer.ident}: it {which.says}, with the "
                "private address that the phone wrote."
            ),
            params={
                "written_in_good": None,
                "written_in_bad": str(offer.endpoint),
                "changed_fields": ["SDP c="],
                "residue": offer.information,
                **_looks(which),
            },
            evidence=[
                Evidence(offer.origin, offer.ts_ns, "primary", f"SDP of {offer.src}: {which.says}")
            ],
        )
    return None


def _judge_peer(context: Context, reach: Reach) -> Iterable[Finding | Undetermined]:
    found = _crossed(context, reach) if context.crossings else _from_here(context, reach)
    if found is not None:
        broken = context.earlier("sip-alg-broken-rewrite", found.subject)
        if broken is not None:
            found.severity, found.caused_by = Severity.INFO, broken
        yield found


def _from_here(context: Context, reach: Reach) -> Finding | None:
    """Without a capture of the client's side."""
    traced = _traced(reach.peer)
    if traced is not None:
        return traced
    mine = attempts(reach.peer)
    if not mine or not all(says_source(t) for t in mine):
        return None
    if any(outer in context.subjects.stun_clients for outer in reach.peer.outers):
        return None
    return _compared(context, reach, mine) or _residue(reach, mine)


def judge_client(context: Context, reach: Reach) -> Iterable[Finding | Undetermined]:
    """Fires high where both sides of the router were captured or GOOD shows what the client writes
    itself, low (information) where only a private Call-ID is left of it. Captures of both sides
    that agree rule it out."""
    return _judge_peer(context, reach) if reach.peer.protocol == "SIP" else ()


RULE = Rule(
    code="SD503",
    name="sip-alg-rewrite",
    title="A SIP ALG rewrites the phone's messages",
    severity=Severity.WARNING,
    means=(
        "Via, Contact or SDP arrive with another address than the phone wrote. Routers do that "
        "under names such as SIP ALG, SIP helper, SIP passthrough or SIP transformations."
    ),
    why=(
        "An ALG that rewrites everything and remembers it works, which is why this is a warning. "
        "But Asterisk then sees no NAT any more: `nat=auto_force_rport` and `auto_comedia` switch "
        "themselves off, as they go by the top Via. When the ALG forgets or makes a mistake, "
        "nothing makes up for it."
    ),
    confirm=(
        "Capture on both sides of the router and compare a REGISTER; or let the phone use another "
        "port than 5060 or TLS, which an ALG doesn't touch, and look whether Via is private then."
    ),
    remedy=(
        "Turn the SIP ALG off in the router, and add a keepalive at the same time: Linux's ALG "
        "holds the mapping for 3600 s, and without it the plain UDP timeout (30 to 120 s) holds. "
        "In Asterisk set `nat=force_rport,comedia` rather than the auto values."
    ),
    references=(
        "RFC 4787 REQ-10",
        "Linux: net/netfilter/nf_nat_sip.c",
        "chan_sip.c:check_for_nat (16.28)",
    ),
    judge_client=judge_client,
    silent_on=(
        "STUN and ICE clients, where their STUN exchange is in the capture",
        "phones with a public address of their own",
        "proxies and SBCs in the path (more than one Via)",
        "clients that learn their address from `received` and `rport`: their first REGISTER is "
        "private",
        "TCP and TLS",
    ),
    after=("SD504",),
)
