"""Watching told as JSON, one object a line, for programs: schema ``sipdiag/1``, see docs/json.md.

Contract: every line has ``schema`` and ``type``: ``alert``, ``snapshot`` or ``report``. Pure ASCII,
wire text escaped as in the report. A snapshot is written with the first tick, then every
``SNAPSHOT_EVERY_S`` of the capture's time, and before the report; with ``quiet`` never.
"""

from __future__ import annotations

import json
from dataclasses import asdict

from sipdiag.base.interval import NS
from sipdiag.live.lines import Lines
from sipdiag.live.model import Alert, PeerRow, Snapshot
from sipdiag.live.view import age_s
from sipdiag.report.build import finding_info
from sipdiag.report.model import SCHEMA, Report
from sipdiag.report.safe import plain_tree
from sipdiag.report.when import iso

SNAPSHOT_EVERY_S = 10
"""A line holds every peer: each second would be much for whoever stores it."""

Json = dict[str, object]


def alert_object(alert: Alert) -> Json:
    """An alert as the JSON lines, ``--alert-command`` and ``--webhook`` give it."""
    return _object(
        "alert",
        time=iso(alert.at_ns),
        escalated=alert.escalated,
        peer=alert.peer,
        frozen=alert.frozen,
        finding=asdict(finding_info(alert.finding)),
    )


def snapshot_object(snapshot: Snapshot) -> Json:
    """Everything at one moment."""
    return _object(
        "snapshot",
        time=iso(snapshot.now_ns),
        started=iso(snapshot.started_ns),
        sources=list(snapshot.sources),
        counters=asdict(snapshot.counters),
        peers=[_peer(row, snapshot.now_ns) for row in snapshot.peers],
    )


def report_object(report: Report) -> Json:
    """The report's own fields beside ``type``."""
    fields = asdict(report)
    del fields["schema"]
    return _object("report", **fields)


def line(value: Json) -> str:
    """One line with its newline."""
    return f"{json.dumps(plain_tree(value), separators=(', ', ': '))}\n"


def _object(kind: str, **fields: object) -> Json:
    return {"schema": SCHEMA, "type": kind, **fields}


def _peer(row: PeerRow, now_ns: int) -> Json:
    age = age_s(row, now_ns)
    return {
        "key": row.key,
        "protocol": row.protocol,
        "user": row.user,
        "outer": str(row.outer) if row.outer is not None else None,
        "written": row.written,
        "granted_s": row.granted_s,
        "observed_s": row.observed_s,
        "last_out": iso(row.last_out_ns) if row.last_out_ns is not None else None,
        "age_s": round(age, 3) if age is not None else None,
        "lifetime": {"lower_s": row.lifetime.lower_s, "upper_s": row.lifetime.upper_s},
        "rtt_ms": row.rtt_ms,
        "state": row.state.value,
        "findings": list(row.findings),
    }


class JsonSink:
    """See the module."""

    def __init__(self, lines: Lines, *, quiet: bool = False) -> None:
        self._lines, self._quiet = lines, quiet
        self._next_ns: int | None = None
        self._last: Snapshot | None = None
        self._written: Snapshot | None = None

    def update(self, snapshot: Snapshot) -> None:
        """Writes it where one is due."""
        self._last = snapshot
        if self._next_ns is None or snapshot.now_ns >= self._next_ns:
            self._next_ns = snapshot.now_ns + SNAPSHOT_EVERY_S * NS
            self._write(snapshot)

    def alert(self, alert: Alert) -> None:
        """Writes it at once."""
        self._lines.put(line(alert_object(alert)))

    def finish(self, report: Report) -> None:
        """The last snapshot, and the report."""
        if self._last is not None and self._last is not self._written:
            self._write(self._last)
        self._lines.last(line(report_object(report)))

    def _write(self, snapshot: Snapshot) -> None:
        if not self._quiet:
            self._lines.put(line(snapshot_object(snapshot)))
        self._written = snapshot
