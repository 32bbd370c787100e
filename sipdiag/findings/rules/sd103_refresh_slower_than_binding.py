"""SD103: the client comes back more seldom than its NAT forgets it."""

from __future__ import annotations

from collections.abc import Iterable

from sipdiag.findings.context import Context, age, peer_subject, sent_evidence
from sipdiag.findings.model import Confidence, Finding, Rule, Severity, Undetermined
from sipdiag.findings.reach import Reach


def _same_router(context: Context, reach: Reach) -> Finding | None:
    """What SD501 found on another client behind the same public address."""
    for other in context.behind_same(reach.peer):
        found = context.earlier("nat-binding-expired", peer_subject(other))
        if found is not None:
            return found
    return None


def _judge_peer(context: Context, reach: Reach) -> Iterable[Finding | Undetermined]:
    peer = reach.peer
    registration = peer.registration
    refresh_s = reach.refresh_s
    if registration is None or refresh_s is None:
        return
    subject = peer_subject(peer)
    own = context.earlier("nat-binding-expired", subject)
    expired = own or _same_router(context, reach)
    if expired is None:
        return
    lower, upper = expired.params["lifetime_lower_s"], expired.params["lifetime_upper_s"]
    if not isinstance(lower, float) or not isinstance(upper, float) or refresh_s <= lower:
        return
    if refresh_s <= upper:
        yield Undetermined(
            RULE.code,
            RULE.name,
            subject,
            f"it refreshes every {age(refresh_s)}, and the binding lives between {age(lower)} "
            f"and {age(upper)}",
            f"call the phone {refresh_s:.0f} s after its last registration, with the capture on",
        )
        return
    least, most = 1 - upper / refresh_s, 1 - lower / refresh_s
    refreshes = registration.refreshes
    yield Finding(
        code=RULE.code,
        name=RULE.name,
        severity=Severity.INFO if own else Severity.WARNING,
        confidence=expired.confidence if own else Confidence.MEDIUM,
        subject=subject,
        message=(
            f"{peer.ident} refreshes its registration every {age(refresh_s)}, but the binding "
            f"lives no longer than {age(upper)}: without other traffic nobody can call it for "
            f"{least:.0%} to {most:.0%} of the time."
        ),
        params={
            "refresh_s": refresh_s,
            "granted_s": registration.granted_s,
            "lifetime_lower_s": lower,
            "lifetime_upper_s": upper,
            "unreachable_share_least": round(least, 3),
            "unreachable_share_most": round(most, 3),
        },
        evidence=[
            sent_evidence(
                r.transaction,
                "primary" if number == 0 else "supports",
                f"{r.transaction.method} from {r.outer}, granted {r.granted_s} s",
            )
            for number, r in enumerate(refreshes[:6])
        ],
        caused_by=expired,
        protocol=peer.protocol,
    )


def judge_client(context: Context, reach: Reach) -> Iterable[Finding | Undetermined]:
    """Fires where the observed refresh period is above the lifetime's interval; inside it, the
    question is open. The lifetime is that of the client's own binding, or of another one behind
    the same public address."""
    return _judge_peer(context, reach)


RULE = Rule(
    code="SD103",
    name="refresh-slower-than-binding",
    title="The registration is refreshed more seldom than the NAT forgets",
    severity=Severity.WARNING,
    means=(
        "The time between the phone's registrations is longer than the lifetime of its NAT "
        "binding, and nothing else refreshes it. From the binding's end to the next registration "
        "the phone can call, but not be called."
    ),
    why=(
        "Registering is the only thing that makes an idle phone send a packet. Asterisk's "
        "registrars grant no less than 60 s by default (`minexpiry`, `minimum_expiration`, "
        "`minregexpire`), and many home routers forget a UDP mapping after 30 s."
    ),
    confirm=(
        "Note the time of a registration (`sip show peer NAME`, `pjsip show contacts`, `iax2 show "
        "peers`), call within the binding's lifetime and again after it."
    ),
    remedy=(
        "Let something cross the NAT more often than the lifetime's lower bound: `qualify` from "
        "Asterisk, a keepalive in the phone, or a shorter registration."
    ),
    references=("RFC 4787 REQ-5 and REQ-6", "RFC 5626 section 4.4"),
    judge_client=judge_client,
    silent_on=(
        "a period inside the lifetime's interval, which is undetermined",
        "clients whose lifetime nothing was observed of",
    ),
    after=("SD501",),
)
