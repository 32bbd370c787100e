"""SD101: the registrar says no, and goes on saying no."""

from __future__ import annotations

from collections.abc import Iterable

from sipdiag.findings.context import Context, count, peer_subject, sent_evidence
from sipdiag.findings.model import Confidence, Finding, Rule, Severity
from sipdiag.findings.reach import Reach
from sipdiag.flows.registration import succeeded
from sipdiag.flows.subjects import Peer
from sipdiag.flows.transaction import Transaction


def _refused(transaction: Transaction) -> bool:
    """A final no that isn't a first challenge, nor a stale nonce (RFC 3261 section 22.4)."""
    final = transaction.final
    if final is None or succeeded(transaction) or transaction.stale:
        return False
    if transaction.protocol == "IAX2":
        return final.label == "REGREJ"
    return transaction.authorised and final.code >= 400


def _judge_peer(context: Context, peer: Peer) -> Iterable[Finding]:
    attempts = peer.attempts
    refusals = [t for t in attempts if _refused(t)]
    if len(refusals) < 2 or any(
        succeeded(t) and t.start_ns > refusals[0].start_ns for t in attempts
    ):
        return
    reply = ", ".join(dict.fromkeys(t.final.label for t in refusals if t.final))
    kind = "REGREQ" if peer.protocol == "IAX2" else "REGISTER"
    cause = context.earlier("iax2-call-token", peer_subject(peer))
    answered = "that carried the password's digest " if refusals[-1].authorised else ""
    yield Finding(
        code=RULE.code,
        name=RULE.name,
        severity=Severity.ERROR if cause is None else Severity.INFO,
        confidence=Confidence.HIGH,
        subject=peer_subject(peer),
        message=(
            f"The registrar refuses {peer.ident}: {count(len(refusals), kind)} {answered}"
            f"got {reply}, and none was accepted afterwards."
        ),
        params={"refused_count": len(refusals), "reply": reply},
        evidence=[
            sent_evidence(
                refusal,
                "primary" if number == 0 else "supports",
                f"{kind} from {refusal.src}: {refusal.final.label if refusal.final else ''}",
            )
            for number, refusal in enumerate(refusals[:6])
        ],
        caused_by=cause,
        protocol=peer.protocol,
    )


def judge_client(context: Context, reach: Reach) -> Iterable[Finding]:
    """Fires for a client refused at least twice, with credentials, and never accepted after."""
    return _judge_peer(context, reach.peer)


RULE = Rule(
    code="SD101",
    name="registration-rejected",
    title="The registrar refuses the registration",
    severity=Severity.ERROR,
    means=(
        "The phone answered the registrar's challenge with its user name and password's digest, "
        "and was refused again, every time that was captured."
    ),
    why=(
        "Without a registration Asterisk doesn't know where the phone is: no call reaches it. "
        "This has nothing to do with NAT. The usual causes are a wrong password or user name, a "
        "peer that doesn't exist, and an access list (`deny`/`permit`)."
    ),
    confirm=(
        "Look for `Registration from ... failed` (chan_sip), `failed to authenticate` (PJSIP) or "
        "`Registration of ... rejected` (IAX2) in Asterisk's log: the reason stands there."
    ),
    remedy=(
        "Give the phone the peer's `secret` (sip.conf, iax.conf) or the auth object's `password` "
        "(pjsip.conf). Where the log says ACL, mend `permit`."
    ),
    references=(
        "RFC 3261 section 22.2",
        "RFC 5456 section 6.1.5",
        "chan_sip.c:register_verify (16.28)",
    ),
    judge_client=judge_client,
    silent_on=(
        "the ordinary 401 or 407 that asks for the digest",
        "a stale nonce (`stale=true`), which the phone answers with a new digest",
        "a refusal that a later success follows",
    ),
    after=("SD402",),
)
