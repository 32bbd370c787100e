"""SD402: the call token isn't accepted, or not known."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from sipdiag.base.interval import NS, seconds
from sipdiag.findings.context import Context, age, count, peer_subject, sent_evidence
from sipdiag.findings.model import Confidence, Finding, Rule, Severity, Undetermined
from sipdiag.flows.subjects import Peer
from sipdiag.flows.transaction import Transaction

_LIFE_NS = 10 * NS
"""A token is good for 10 s (chan_iax2.c:max_calltoken_delay)."""

_SETTLE_NS = 4 * NS
"""Twice the first retransmission interval of IAX2 (2 s): an answer would have come by then."""


_REFUSALS = ("REGREJ", "REJECT")


class _Failed(NamedTuple):
    """``asked``: the request that got a token; None where the client knows of none."""

    asked: Transaction | None
    given: Transaction

    @property
    def kind(self) -> str | None:
        """``moved``, ``late`` or ``unsupported``; None where nothing explains it."""
        if self.asked is None:
            return "unsupported"
        if self.asked.src != self.given.src:
            return "moved"
        final = self.asked.final
        late = final is not None and self.given.start_ns - final.ts_ns > _LIFE_NS
        return "late" if late else None


def _refused(transaction: Transaction) -> bool:
    """It got a refusal and nothing else: it wasn't even asked for a password."""
    return len(transaction.answers) == 1 and transaction.answers[0].label in _REFUSALS


def _failures(transactions: list[Transaction], end_ns: int) -> list[_Failed]:
    """Requests that came back with a token and were refused at once, or got no answer."""
    ordered = sorted(transactions, key=lambda t: t.start_ns)
    found = []
    for asked, given in pairwise(ordered):
        final = asked.final
        unheard = (
            not given.answers and len(given.sent) > 1 and end_ns - given.start_ns >= _SETTLE_NS
        )
        if (
            given.token == "given"
            and (unheard or _refused(given))
            and asked.method == given.method
            and final is not None
            and final.label == "CALLTOKEN"
        ):
            failed = _Failed(asked, given)
            if failed.kind is not None or unheard:
                found.append(failed)
    return found


def _without_token(transactions: list[Transaction], servers: set[str]) -> list[_Failed]:
    """Requests of a client that knows of no tokens, refused by a server that wants them."""
    return [
        _Failed(None, t)
        for t in transactions
        if t.token is None and _refused(t) and t.dst.ip in servers
    ]


def _judge_peer(
    context: Context, peer: Peer, servers: set[str]
) -> Iterable[Finding | Undetermined]:
    attempts = peer.attempts
    end_ns = context.subjects.end_ns or 0
    failed = _failures(attempts, end_ns)
    for way in (peer.outbound, peer.inbound):
        failed += _failures([t for t in way if t.method == "NEW"], end_ns)
    failed = failed or _without_token([*attempts, *peer.outbound], servers)
    if not failed:
        return
    subject = peer_subject(peer)
    explained = [f for f in failed if f.kind is not None]
    if not explained:
        yield Undetermined(
            RULE.code,
            RULE.name,
            subject,
            f"{count(len(failed), 'request')} with a call token got no answer, but came from where "
            "the token was asked for, and in time",
            "look for 'failed CallToken hash inspection' in the log of the Asterisk that should "
            "answer, and capture on both sides",
        )
        return
    first = explained[0]
    given = first.given
    yield Finding(
        code=RULE.code,
        name=RULE.name,
        severity=Severity.ERROR,
        confidence=Confidence.HIGH if first.kind == "moved" else Confidence.MEDIUM,
        subject=subject,
        message=f"{_why(peer, first)} {count(len(explained), given.method)} failed for it.",
        params={
            "kind": first.kind,
            "asked_from": str(first.asked.src) if first.asked else None,
            "came_from": str(given.src),
            "failed_count": len(explained),
        },
        evidence=[
            sent_evidence(f.given, "supports" if number else "primary", _outcome(f.given))
            for number, f in enumerate(explained[:4])
        ]
        + [
            sent_evidence(
                f.asked, "supports", f"{f.asked.method} from {f.asked.src} gets CALLTOKEN"
            )
            for f in explained[:1]
            if f.asked is not None
        ],
        protocol=peer.protocol,
    )


def _why(peer: Peer, failed: _Failed) -> str:
    if failed.asked is None:
        return (
            f"{peer.ident} doesn't know of call tokens, which this server asks for: it is refused "
            "before it is asked for a password."
        )
    asked, given = failed.asked, failed.given
    if failed.kind == "moved":
        return (
            f"The call token of {peer.ident} isn't accepted: it was asked for from {asked.src} and "
            f"came back from {given.src}, and is good only for the address and port that asked."
        )
    late_s = seconds(given.start_ns - asked.start_ns)
    return (
        f"The call token of {peer.ident} isn't accepted: it came back {age(late_s)} after it was "
        "asked for, and is good for 10 s."
    )


def _outcome(given: Transaction) -> str:
    how = "with the token" if given.token else "without a token"
    what = f"refused ({given.answers[0].label})" if given.answers else "no reply"
    return f"{given.method} {how} from {given.src}, sent {count(len(given.sent), 'time')}: {what}"


def judge(context: Context) -> Iterable[Finding | Undetermined]:
    """Fires where a request with a token came from another address or port than the one that asked
    for it, or too late, and was refused or got no answer; and where a client that knows of no
    tokens is refused by a server that hands them out. Open where nothing explains the silence."""
    peers = [peer for peer in context.subjects.peers if peer.protocol == "IAX2"]
    servers = {
        answer.src.ip
        for peer in peers
        for t in [*peer.attempts, *peer.outbound]
        for answer in t.answers
        if answer.label == "CALLTOKEN"
    }
    for peer in peers:
        yield from _judge_peer(context, peer, servers)


RULE = Rule(
    code="SD402",
    name="iax2-call-token",
    title="The IAX2 call token isn't accepted",
    severity=Severity.ERROR,
    means=(
        "IAX2 answers the first NEW or REGREQ of an address with a token, and goes on only when "
        "the request comes again with it. It came, and was refused before any password was asked "
        "for; or it came without one, as a client does that is older than tokens."
    ),
    why=(
        "The token is a hash over the sender's address and port, and good for 10 s. A NAT that "
        "gives every packet another port, or two ways to the Internet that take turns, make it "
        "invalid: Asterisk answers REGREJ or REJECT. Clients from before 2009 know of no tokens, "
        "and are refused likewise."
    ),
    confirm=(
        "Asterisk's log: `Address ... failed CallToken hash inspection`, or `Too much delay in "
        "IAX2 calltoken timestamp`. In the capture the second REGREQ has another source port."
    ),
    remedy=(
        "Mend the router: 'consistent NAT', no port randomising, one way to the Internet for UDP "
        "4569. `requirecalltoken=no` doesn't help there: a client that knows of tokens asks for "
        "one, and gets it. It helps a client that knows of none; or upgrade that."
    ),
    references=(
        "AST-2009-006",
        "chan_iax2.c:handle_call_token and calltoken_required (22)",
        "RFC 4787 REQ-1",
    ),
    judge=judge,
    silent_on=(
        "the ordinary exchange, in which every request is sent twice",
        "a token whose request was lost once and then answered",
        "a capture that ends before an answer can have come",
        "a refusal after a password was asked for (SD101)",
    ),
)
