"""What a client's registrations say of where it is: for the findings on SIP ALGs."""

from __future__ import annotations

from sipdiag.base.datagram import Transport
from sipdiag.base.endpoint import behind_nat, same_address
from sipdiag.findings.context import Context
from sipdiag.flows.sightings import Change, changes_of
from sipdiag.flows.subjects import Peer
from sipdiag.flows.transaction import Transaction


def attempts(peer: Peer) -> list[Transaction]:
    """The registrations that tell: over UDP, straight from the client (one Via)."""
    attempts = peer.attempts
    return [
        t
        for t in attempts
        if t.transport is Transport.UDP and t.written is not None and t.written.via_count == 1
    ]


def says_private(transaction: Transaction) -> bool:
    written = transaction.written
    return (
        written is not None
        and behind_nat(written.via_host or "")
        and behind_nat(written.contact_host or "")
        and not behind_nat(transaction.src.ip)
    )


def says_source(transaction: Transaction) -> bool:
    """Via and Contact name the public address that the packet comes from."""
    written = transaction.written
    return (
        written is not None
        and not behind_nat(transaction.src.ip)
        and same_address(written.via_host or "", transaction.src.ip)
        and same_address(written.contact_host or "", transaction.src.ip)
    )


def same_client(good: Transaction, bad: Transaction) -> bool:
    """The same software, and the same device where both name one."""
    if good.written is None or bad.written is None:
        return False
    if good.written.instance and bad.written.instance:
        return good.written.instance == bad.written.instance
    return good.written.user_agent == bad.written.user_agent


def changes_on_the_way(context: Context, peer: Peer) -> tuple[int, dict[str, list[Change]]]:
    """How many of the client's messages were captured on both sides of its router, and what was
    changed in them between, by field. Only sources that show every byte count."""
    changes: dict[str, list[Change]] = {}
    matched = 0
    for crossing in context.crossings:
        if not (crossing.near.source.bytes_exact and crossing.far.source.bytes_exact):
            continue
        for match in crossing.matches:
            if match.far.src in peer.outers or match.far.dst in peer.outers:
                matched += 1
                for change in changes_of(match):
                    changes.setdefault(change.what, []).append(change)
    return matched, changes
