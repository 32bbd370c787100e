"""SD002: of some packets only the beginning was captured."""

from __future__ import annotations

from collections.abc import Iterable

from sipdiag.findings.context import Context, count
from sipdiag.findings.model import Evidence, Finding, Rule, Severity
from sipdiag.findings.rules._quality import quality


def judge(context: Context) -> Iterable[Finding]:
    """Fires where packets were cut; a warning where SIP messages were among them."""
    source, cut = context.subjects.source, context.subjects.cut_messages
    if not source.cut_packets and not cut:
        return
    evidence = [
        Evidence(
            p.origin, p.ts_ns, "supports" if number else "primary", f"{p.label}: its end is missing"
        )
        for number, p in enumerate(cut[:5])
    ]
    yield quality(
        context,
        RULE,
        f"Only the beginning of {count(max(source.cut_packets, len(cut)), 'packet')} was captured"
        + (
            f", {count(len(cut), 'SIP message')} among them: their last headers or the SDP are "
            "missing, so that where audio was to go may not be known."
            if cut
            else "; every SIP message is whole."
        ),
        {"cut_packets_count": source.cut_packets, "cut_messages_count": len(cut)},
        hides=bool(cut),
        evidence=evidence,
    )


RULE = Rule(
    code="SD002",
    name="capture-snaplen",
    title="Packets were captured only in part",
    severity=Severity.WARNING,
    means=(
        "The capture was taken with a snap length: of longer packets only the first bytes were "
        "kept. It is a warning where SIP messages were cut, and information where only audio was."
    ),
    why=(
        "An SDP stands at the end of a SIP message. Without it nobody can say where audio should "
        "have gone, and a Content-Length can't be checked."
    ),
    confirm="Wireshark: `Frame Length` is above `Capture Length`; `capinfos` gives the snaplen.",
    remedy="Capture whole packets: `tcpdump -s 0`, which is the default since tcpdump 4.0.",
    references=("tcpdump(8), -s",),
    judge=judge,
    silent_on=(
        "whole packets",
        "large SIP messages in IP fragments that are all there",
        "TCP streams of which packets are missing, or that go on after the capture's end",
        "messages that Asterisk's logger cut off",
    ),
)
