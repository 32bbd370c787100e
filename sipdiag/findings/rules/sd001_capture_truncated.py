"""SD001: the file ends in the middle of a packet."""

from __future__ import annotations

from collections.abc import Iterable

from sipdiag.findings.context import Context
from sipdiag.findings.model import Finding, Rule, Severity
from sipdiag.findings.rules._quality import quality


def judge(context: Context) -> Iterable[Finding]:
    """Fires for a file that is cut off or damaged; a warning where nothing could be read before
    that."""
    source = context.subjects.source
    if not source.truncated:
        return
    empty = not (source.sip_messages or source.iax2_frames)
    yield quality(
        context,
        RULE,
        "The capture ends in the middle of a packet, so that what came after it isn't known"
        + (": no SIP and no IAX2 was read before that." if empty else "."),
        {"packets_count": source.packets, "notes": list(source.notes)},
        hides=empty,
    )


RULE = Rule(
    code="SD001",
    name="capture-truncated",
    title="The capture is cut off",
    severity=Severity.INFO,
    means=(
        "The file ends in the middle of a packet, or its compressed data are damaged. What stands "
        "before that place was read."
    ),
    why=(
        "A capture that is copied while tcpdump still writes it, a full disk or a broken download "
        "do that. What happened at the end, such as a reply, may be missing, so that a request at "
        "the very end is never said to be unanswered."
    ),
    confirm="`capinfos FILE` says `appears to have been cut short in the middle of a packet`.",
    remedy=(
        "Stop tcpdump before copying the file (or let it write with `-U`, packet by packet), and "
        "copy it again."
    ),
    references=("tcpdump(8), -U", "draft-ietf-opsawg-pcap section 5"),
    judge=judge,
    silent_on=("files that end after a packet", "a capture that begins or ends in mid-call"),
)
