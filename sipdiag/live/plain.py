"""Watching told in lines, where there is no terminal to draw on: a journal, a file, a pipe.

Contract: on standard output one line an alert, and the report at the end; how it began goes to
standard error. ``quiet``: the alerts, and of the report the verdict. Wire text is escaped; a line
is never wrapped, so that it can be searched for.
"""

from __future__ import annotations

import sys

from sipdiag.live.lines import Lines
from sipdiag.live.model import Alert, Snapshot
from sipdiag.report.model import Report
from sipdiag.report.safe import plain
from sipdiag.report.terminal import render_text
from sipdiag.report.when import iso


def clock(ts_ns: int) -> str:
    """A time in UTC to the second.

    >>> clock(1_700_000_000_987_654_321)
    '2023-11-14T22:13:20Z'
    """
    return f"{iso(ts_ns)[:19]}Z"


def alert_line(alert: Alert) -> str:
    """An alert in one line, without a newline."""
    finding = alert.finding
    line = (
        f"{clock(alert.at_ns)} {finding.severity.word.upper()} {plain(finding.subject.ident)} "
        f"{finding.name} ({finding.code}), {finding.confidence.word} confidence"
        f"{', escalated' if alert.escalated else ''}: {plain(finding.message)}"
    )
    return f"{line} Capture: {plain(alert.frozen)}" if alert.frozen is not None else line


def summary_line(snapshot: Snapshot) -> str:
    """What was watched, for how long, and what was not seen, in one line."""
    counters = snapshot.counters
    names = ", ".join(plain(name) for name in snapshot.sources)
    lost = counters.dropped_by_kernel + counters.dropped_by_limits
    parts = [
        f"peers: {len(snapshot.peers)}",
        f"packets: {counters.packets}",
        f"SIP: {counters.sip_messages}",
        f"IAX2: {counters.iax2_frames}",
        f"dropped: {lost}",
        f"scanners kept out: {counters.scanners}",
    ]
    watched = f"{clock(snapshot.now_ns)} watched {names} since {clock(snapshot.started_ns)}"
    return f"{watched}; {', '.join(parts)}"


class PlainSink:
    """See the module."""

    def __init__(self, lines: Lines, *, quiet: bool = False) -> None:
        self._lines, self._quiet = lines, quiet
        self._last: Snapshot | None = None

    def update(self, snapshot: Snapshot) -> None:
        """Says once what is watched."""
        if self._last is None and not self._quiet:
            names = ", ".join(plain(name) for name in snapshot.sources)
            _notice(f"{clock(snapshot.started_ns)} watching {names}; Ctrl-C ends it")
        self._last = snapshot

    def alert(self, alert: Alert) -> None:
        """Says it."""
        self._lines.put(f"{alert_line(alert)}\n")

    def finish(self, report: Report) -> None:
        """The whole report."""
        if self._last is not None and not self._quiet:
            _notice(summary_line(self._last))
        self._lines.last(render_text(report, quiet=self._quiet))


def _notice(text: str) -> None:
    print(f"sipdiag: {text}", file=sys.stderr, flush=True)
