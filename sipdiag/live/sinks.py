"""Who is told: the sinks that the user's options ask for, opened and closed together.

Contract: options are checked, and ports opened, before anything is shown. ``stop`` is called from
another thread when the user quits; it only asks. ``ladder_of`` is called inside ``Sink.update``,
so by the thread that tells. While the table is on the screen what is printed on ``sys.stderr``
appears in it, and on standard error once more when it is gone. Leaving the context puts the
terminal back, also after an exception.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from sipdiag.findings import rules
from sipdiag.flows.subjects import Packet
from sipdiag.live.jsonlines import JsonSink
from sipdiag.live.lines import Lines
from sipdiag.live.model import Sink
from sipdiag.live.plain import PlainSink
from sipdiag.live.screen import TableSink
from sipdiag.live.table import draw
from sipdiag.live.view import View
from sipdiag.report.model import SCHEMA, Estimates, Report, VerdictInfo
from sipdiag.report.terminal import render_text

LadderOf = Callable[[str], "list[Packet] | None"]
"""The recent signalling of a client, by ``PeerRow.key``; None where it isn't known any more."""

_REHEARSED = Report(
    SCHEMA, {}, [], VerdictInfo(None, None, None, None, "電"), [], [], Estimates(), [], None, []
)


@dataclass(frozen=True, slots=True)
class Telling:
    """What the user asked for, as the options have it."""

    json: bool = False
    quiet: bool = False
    alert_command: str | None = None
    webhook: str | None = None
    metrics: str | None = None


@contextmanager
def sinks_of(
    telling: Telling, *, stop: Callable[[], None], ladder_of: LadderOf
) -> Iterator[list[Sink]]:
    """The sinks, in the order in which they are to be told. On a terminal the table, else lines.

    Raises ``UsageError`` for an option that makes no sense, ``AccessError`` where a program isn't
    found or a port can't be opened.
    """
    _load_all()
    with ExitStack() as closing:
        sinks = _quiet_ones(telling, closing)
        if telling.json or telling.quiet or not _terminal():
            lines = Lines(sys.stdout.fileno(), sys.stdout.encoding)
            closing.callback(lines.close)
            sinks.append(_in_lines(telling, lines))
        else:
            table = TableSink(
                sys.stdin.fileno(), sys.stdout.fileno(), stop=stop, ladder_of=ladder_of
            )
            sinks.append(closing.enter_context(table.shown()))
        yield sinks


def _load_all() -> None:
    """Loads now what is loaded when it is first used: after ``--user`` gave root up, our own files
    (and rich's tables of Unicode) may be out of reach."""
    rules()
    draw(View(), 80, 24)
    render_text(_REHEARSED)


def _quiet_ones(telling: Telling, closing: ExitStack) -> list[Sink]:
    """Those that write nothing on the terminal. All options are checked before one takes effect."""
    sinks: list[Sink] = []
    if telling.alert_command is not None:
        from sipdiag.live.command import CommandSink, words_of

        words = words_of(telling.alert_command)
    if telling.webhook is not None:
        from sipdiag.live.webhook import WebhookSink, checked

        url = checked(telling.webhook)
    if telling.metrics is not None:
        from sipdiag.live.metrics import MetricsSink, listen_at

        metrics = MetricsSink(listen_at(telling.metrics))
        closing.callback(metrics.close)
        sinks.append(metrics)
    if telling.alert_command is not None:
        command = CommandSink(words)
        closing.callback(command.close)
        sinks.append(command)
    if telling.webhook is not None:
        webhook = WebhookSink(url)
        closing.callback(webhook.close)
        sinks.append(webhook)
    return sinks


def _in_lines(telling: Telling, lines: Lines) -> Sink:
    if telling.json:
        return JsonSink(lines, quiet=telling.quiet)
    return PlainSink(lines, quiet=telling.quiet)


def _terminal() -> bool:
    """A terminal that can be drawn on and has a keyboard, with us in its foreground."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    if os.environ.get("TERM", "dumb") in ("dumb", "unknown"):
        return False
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except OSError:
        return False
