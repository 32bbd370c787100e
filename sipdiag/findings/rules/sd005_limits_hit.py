"""SD005: there was more than is held at once."""

from __future__ import annotations

from collections.abc import Iterable

from sipdiag.base.interval import seconds
from sipdiag.findings.context import Context, age
from sipdiag.findings.model import Finding, Rule, Severity
from sipdiag.findings.rules._quality import quality

_HARMLESS = frozenset({"media_segments", "notes", "evidence_per_finding"})
"""What is beyond these is still counted, or was only for people to read."""


def judge(context: Context) -> Iterable[Finding]:
    """Fires where a cap of ``Limits`` was reached; a warning where what it dropped was evidence."""
    hit = context.subjects.limits_hit
    if not hit:
        return
    named = ", ".join(f"{name} ({times})" for name, times in sorted(hit.items()))
    hides = not _HARMLESS.issuperset(hit)
    subjects = context.subjects
    first_ns, full_ns = subjects.source.first_ns, subjects.full_ns
    after_s = None
    if first_ns is not None and full_ns is not None:
        after_s = round(seconds(full_ns - first_ns), 3)
    yield quality(
        context,
        RULE,
        f"This input holds more than is kept at once; what was dropped, by cap: {named}."
        + (" Calls or clients may be missing from this report." if hides else "")
        + (
            ""
            if after_s is None
            else f" It goes no further than {age(after_s)} after the first packet."
        ),
        {"caps": sorted(hit), "dropped_count": sum(hit.values()), "ends_after_s": after_s},
        hides=hides,
    )


RULE = Rule(
    code="SD005",
    name="limits-hit",
    title="The input holds more than is kept at once",
    severity=Severity.WARNING,
    means=(
        "Everything that is held in memory has a cap, so that no input can exhaust it. One was "
        "reached, and what came after it (or the oldest that was held) was dropped and counted."
    ),
    why=(
        "Usually a scan or flood from the Internet is in the capture: each spoofed address is a "
        "new peer. What was dropped may have been the call that you look for."
    ),
    confirm="`limits_hit` in the JSON report; each cap and its reason stands in `base/limits.py`.",
    remedy=(
        "Cut the capture down to the phone: `editcap -A ... -B ...` for the time, `tshark -Y "
        "'ip.addr==ADDRESS' -w small.pcap` for the address."
    ),
    references=("editcap(1)",),
    judge=judge,
    silent_on=("inputs of any size that stay below the caps",),
)
