"""SD401: an IAX2 peer doesn't answer, and its NAT isn't to blame."""

from __future__ import annotations

from collections.abc import Iterable

from sipdiag.findings.context import Context
from sipdiag.findings.model import Finding, Rule, Severity, Undetermined
from sipdiag.findings.reach import Reach
from sipdiag.findings.rules._unreachable import unreachable


def judge_client(context: Context, reach: Reach) -> Iterable[Finding | Undetermined]:
    """Fires for NEW and POKE lost on a fresh binding."""
    return unreachable(context, reach, "IAX2", RULE.code, RULE.name)


RULE = Rule(
    code="SD401",
    name="iax2-peer-unreachable",
    title="The IAX2 peer doesn't answer although its NAT binding is fresh",
    severity=Severity.ERROR,
    means=(
        "NEW or POKE frames were sent again and again and given up on, at an age of the NAT "
        "binding at which others got through, or sooner than any NAT forgets."
    ),
    why=(
        "The peer's host or its Asterisk is down, its network is cut, or a filter drops UDP port "
        "4569 on its side."
    ),
    confirm=(
        "`iax2 show registry` on the peer and `iax2 show peers` here; a capture on the peer's "
        "side shows whether the frames arrive."
    ),
    remedy=(
        "No setting here cures it. `qualify=yes` in iax.conf makes Asterisk notice, so that "
        "callers hear 'unavailable' at once."
    ),
    references=("RFC 5456 section 6.2.2", "chan_iax2.c:__attempt_transmit"),
    judge_client=judge_client,
    silent_on=(
        "frames lost on an aged binding (SD501)",
        "the CALLTOKEN exchange, in which a NEW is repeated with a token",
        "a peer that released its registration (REGREL)",
    ),
    after=("SD501",),
)
