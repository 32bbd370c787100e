"""SD104: the phone asks the registrar again and again, and no reply is seen."""

from __future__ import annotations

from collections.abc import Iterable

from sipdiag.base.datagram import Transport, Vantage
from sipdiag.base.endpoint import behind_nat
from sipdiag.base.interval import NS, seconds
from sipdiag.findings.context import Context, age, count, peer_subject, sent_evidence
from sipdiag.findings.model import Confidence, Finding, Rule, Severity, Subject, Undetermined
from sipdiag.findings.reach import Reach
from sipdiag.flows.subjects import Peer
from sipdiag.flows.transaction import Transaction

_LEAST = {"SIP": 3, "IAX2": 2}
"""Transmissions that show that the client waits in vain: SIP sends at 0, .5 and 1.5 s (RFC 3261
section 17.1.2.2), IAX2 at 0 and 2 s (chan_iax2.c)."""

_SETTLE_NS = 4 * NS
"""The source must go on for as long after the first one: T2, the longest pause of SIP's
retransmissions, and twice IAX2's first."""

_SCANNERS = ("friendly-scanner", "sipvicious", "pplsip", "sipcli")
"""What calls itself so is nobody's phone; not to answer it is right."""

_ROOTS = ("iax2-call-token", "response-misrouted", "capture-one-direction")


def _in_vain(transaction: Transaction, end_ns: int) -> bool:
    agent = (transaction.written.user_agent if transaction.written else None) or ""
    return (
        transaction.transport is Transport.UDP
        and not transaction.answers
        and transaction.asked_s != 0
        and len(transaction.sent) >= _LEAST[transaction.protocol]
        and end_ns - transaction.start_ns >= _SETTLE_NS
        and not any(word in agent.lower() for word in _SCANNERS)
    )


def _beyond(context: Context, unanswered: Transaction) -> bool:
    """Whether the source lies on the phone's side of a NAT: what is lost beyond it can't be seen
    from there."""
    return (
        context.subjects.source.vantage is not Vantage.PBX
        and behind_nat(unanswered.src.ip)
        and not behind_nat(unanswered.dst.ip)
    )


def _judge_peer(context: Context, peer: Peer) -> Iterable[Finding | Undetermined]:
    attempts = peer.attempts
    end_ns = context.subjects.end_ns or 0
    lost = [t for t in attempts if _in_vain(t, end_ns)]
    if not lost:
        return
    subject = peer_subject(peer)
    kind = lost[0].method
    dst = lost[0].dst
    first, last = lost[0].start_ns, lost[-1].last_ns
    sent = sum(len(t.sent) for t in lost)
    what = f"{count(len(lost), kind)} to {dst}, sent {sent} times in {age(seconds(last - first))}"
    if _beyond(context, lost[0]):
        yield Undetermined(
            RULE.code,
            RULE.name,
            subject,
            f"no reply came here to {what}; it may have been lost on its way there, not been "
            "answered, or the reply lost",
            "capture on the server at the same time: does the registration arrive, is it answered, "
            "and where does the reply go",
        )
        return
    answered = [t for t in attempts if t.answers]
    again = any(t.start_ns > lost[-1].start_ns for t in answered)
    source = Subject("source", context.subjects.source.name)
    roots = [*context.about(source), *context.about(subject)]
    cause = next((f for f in roots if f.name in _ROOTS), None)
    severity = Severity.WARNING if again else Severity.ERROR
    yield Finding(
        code=RULE.code,
        name=RULE.name,
        severity=severity if cause is None else Severity.INFO,
        confidence=Confidence.HIGH if len(lost) > 1 else Confidence.MEDIUM,
        subject=subject,
        message=(
            f"{peer.ident} asks to be registered and gets no reply: {what}, and nothing came back "
            "here"
            + (
                ", though others were answered before and after."
                if again
                else ", though earlier ones were answered."
                if answered
                else "."
            )
        ),
        params={
            "unanswered_count": len(lost),
            "sent_count": sent,
            "answered_count": len(answered),
            "registrar": str(dst),
            "seconds": round(seconds(last - first), 3),
        },
        evidence=[
            sent_evidence(
                t, "supports" if number else "primary",
                f"{kind} from {t.src} to {t.dst}: sent {len(t.sent)} times, no reply",
            )
            for number, t in enumerate(lost[:5])
        ],
        caused_by=cause,
        protocol=peer.protocol,
    )  # fmt: skip


def judge_client(context: Context, reach: Reach) -> Iterable[Finding | Undetermined]:
    """Fires for registrations repeated with no reply at this vantage; from behind the phone's NAT
    it stays open whose fault that is."""
    return _judge_peer(context, reach.peer)


RULE = Rule(
    code="SD104",
    name="registration-unanswered",
    title="The registrar doesn't answer",
    severity=Severity.ERROR,
    means=(
        "REGISTER or REGREQ was sent again and again, and no packet of an answer passed the place "
        "of the capture."
    ),
    why=(
        "On the server that means that Asterisk didn't get it or didn't answer it: it isn't "
        "running, listens elsewhere (`bindaddr`, `bindport`), or a firewall drops what tcpdump has "
        "already seen (fail2ban does that after a few wrong passwords)."
    ),
    confirm=(
        "`ss -ulnp | grep -e 5060 -e 4569` shows who listens; `iptables -L -n -v` or `nft list "
        "ruleset` whose counters rise; `sip set debug on` whether Asterisk gets it at all."
    ),
    remedy=(
        "Start Asterisk or the channel driver, take the phone's address off the ban list "
        "(`fail2ban-client unban ADDRESS`) and put it on `ignoreip`, open the port."
    ),
    references=("RFC 3261 section 17.1.2.2", "RFC 5456 section 6.1", "jail.conf(5): ignoreip"),
    judge_client=judge_client,
    silent_on=(
        "replies that were seen, wherever they went (SD202)",
        "a request at the end of the capture",
        "an un-registration that nobody waits for",
        "scanners",
        "TCP, which doesn't repeat",
        "captures behind the phone's own NAT, where it is undetermined",
    ),
    after=("SD003", "SD202", "SD402"),
)
