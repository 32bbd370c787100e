"""SD004: the clock of the capturing host was set while it captured."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from sipdiag.base.datagram import Transport
from sipdiag.base.interval import NS, seconds
from sipdiag.findings.context import Context, age, count
from sipdiag.findings.model import Evidence, Finding, Rule, Severity
from sipdiag.findings.rules._quality import quality
from sipdiag.flows.binding import observe
from sipdiag.flows.subjects import Peer, Subjects
from sipdiag.flows.transaction import Transaction

_IMPOSSIBLE_NS = 10 * NS
"""A request over UDP that is sent once and answered this much later: its sender would have sent it
again after T1 = 500 ms, at the least some of 5 times (RFC 3261 section 17.1.2.2)."""


def _forward(peer: Peer) -> list[Transaction]:
    """Exchanges that took too long for what was sent in them: the clock was put forward in the
    middle. An INVITE may well ring, and a proxied request take its time."""
    return [
        t
        for t in chain(peer.attempts, peer.inbound, peer.outbound)
        if t.answers
        and t.answers[0].ts_ns - t.sent[0].ts_ns >= _IMPOSSIBLE_NS
        and len(t.sent) == 1
        and t.transport is Transport.UDP
        and t.protocol == "SIP"
        and t.method in ("REGISTER", "OPTIONS")
    ]


def _ages_lost(subjects: Subjects) -> int:
    """Requests that got no reply after the clock was set back, at an age that isn't known now."""
    first = min((jump.after_ns for jump in subjects.clock_jumps), default=None)
    if first is None:
        return 0
    return sum(
        not o.through and o.idle_s is None and o.at_ns >= first
        for peer in subjects.peers
        for o in observe(peer)
    )


def judge(context: Context) -> Iterable[Finding]:
    """Fires where packets go back in time by more than a second, and where an exchange took longer
    than it can; a warning where requests were lost at ages that are no longer known."""
    subjects = context.subjects
    if not subjects.source.times_known:
        return
    back = subjects.clock_jumps
    forward = sorted(chain.from_iterable(map(_forward, subjects.peers)), key=lambda t: t.start_ns)
    if not back and not forward:
        return
    evidence = [
        Evidence(
            j.origin, j.after_ns, "supports",
            f"{age(seconds(j.before_ns - j.after_ns))} earlier than the packet before it",
        )
        for j in back[:5]
    ]  # fmt: skip
    evidence += [
        Evidence(
            t.origin, t.start_ns, "supports",
            f"{t.method} sent once and answered {age(seconds(t.answers[0].ts_ns - t.start_ns))} "
            "later",
        )
        for t in forward[:5]
    ]  # fmt: skip
    evidence[0] = evidence[0]._replace(role="primary")
    lost = _ages_lost(subjects)
    said = []
    if back:
        said.append(f"the clock was set back {count(len(back), 'time')}")
    if forward:
        said.append(f"put forward {count(len(forward), 'time')}, or the capture was paused")
    yield quality(
        context,
        RULE,
        f"The times of this capture jump: {' and '.join(said)}. Ages of NAT bindings are not read "
        "across a step back"
        + (f"; {count(lost, 'lost request')} can't be judged for that." if lost else "."),
        {
            "back_s": [round(seconds(j.before_ns - j.after_ns), 3) for j in back],
            "forward_count": len(forward),
            "unjudged_count": lost,
        },
        hides=bool(lost),
        evidence=evidence,
    )


RULE = Rule(
    code="SD004",
    name="clock-jumps",
    title="The capturing host's clock was set while it captured",
    severity=Severity.INFO,
    means=(
        "Packets that were captured later bear earlier times; or a request that was sent once was "
        "answered so late that its sender must have repeated it, had the time really passed."
    ),
    why=(
        "The age of a NAT binding is a difference of two times. Where NTP or a person sets the "
        "clock between them, it is wrong. A step forward shows only where it falls into the middle "
        "of an exchange, and a step back only where it is longer than the silence before it."
    ),
    confirm="The host's log: `journalctl -u chrony -u systemd-timesyncd`, `Time has been changed`.",
    remedy="Let the clock settle before capturing (`chronyc tracking`), and capture again.",
    references=("RFC 5905 section 10", "RFC 3261 section 17.1.2.2"),
    judge=judge,
    silent_on=(
        "packets out of order by less than a second",
        "TCP streams that end in the middle of a message",
        "one packet that comes late",
        "a phone that rings for long",
        "a log without dates",
    ),
)
