"""SD201: a SIP phone doesn't answer, and its NAT isn't to blame."""

from __future__ import annotations

from collections.abc import Iterable

from sipdiag.findings.context import Context
from sipdiag.findings.model import Finding, Rule, Severity, Undetermined
from sipdiag.findings.reach import Reach
from sipdiag.findings.rules._unreachable import unreachable


def judge_client(context: Context, reach: Reach) -> Iterable[Finding | Undetermined]:
    """Fires for SIP requests lost on a fresh binding."""
    return unreachable(context, reach, "SIP", RULE.code, RULE.name)


RULE = Rule(
    code="SD201",
    name="peer-unreachable",
    title="The phone doesn't answer although its NAT binding is fresh",
    severity=Severity.ERROR,
    means=(
        "Requests to the phone got no reply of any kind, at an age of the NAT binding at which "
        "others got through, or sooner than any NAT forgets."
    ),
    why=(
        "The phone is off, crashed, asleep or has lost its network; or something on its side "
        "filters what comes in. Asterisk goes on calling it until its registration runs out."
    ),
    confirm=(
        "Is the phone on? Does it register again, and when? A capture on the phone's side of the "
        "router shows whether the requests arrive there."
    ),
    remedy=(
        "No setting of Asterisk cures it. `qualify=yes` (chan_sip) or `qualify_frequency` (PJSIP) "
        "makes Asterisk notice within a minute, so that callers hear 'unavailable' at once."
    ),
    references=("RFC 3261 section 17.1.1.2",),
    judge_client=judge_client,
    silent_on=(
        "requests lost on an aged binding (SD501)",
        "requests sent to another place than the phone's packets come from (SD203, SD502)",
        "a phone that un-registered",
        "a capture that ends before the phone was due to be heard again",
    ),
    after=("SD501",),
)
