"""``sipdiag live -i eth0``: watches the traffic on the PBX and tells findings as they appear."""

from __future__ import annotations

import gc
import os
import re
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from sipdiag.base.errors import AccessError, UsageError
from sipdiag.base.interval import NS
from sipdiag.base.limits import LIVE_LIMITS
from sipdiag.cli import html_out as page
from sipdiag.cli.common import (
    Asterisk,
    Fail,
    FailOn,
    Local,
    ReaderKind,
    Tz,
    exit_code,
    options_of,
)
from sipdiag.cli.outputs import Html
from sipdiag.findings.model import Severity
from sipdiag.live import ring as captures
from sipdiag.live.follow import LogFollower
from sipdiag.live.rights import Account, account_of, drop_to, hand_nothing_on, lacking, may_capture
from sipdiag.live.ring import Ring
from sipdiag.live.run import Post, Stop, on_signals, watch_until
from sipdiag.live.sinks import Telling, sinks_of
from sipdiag.live.together import Together
from sipdiag.live.verdicts import View
from sipdiag.live.watch import Watch, WatchOptions
from sipdiag.readers.bpf import MOST_PORTS, Wanted
from sipdiag.readers.live import LiveCapture, local_addresses
from sipdiag.report.safe import plain

_DURATION = re.compile(r"(\d{1,9})(s|m|h|d)?")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SIZE = re.compile(r"(\d{1,6})([KMG])?", re.IGNORECASE)
_UNITS_BYTES = {"": 1 << 20, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_LEAST_BYTES = 64 << 10
_COLLECT = (20_000, 10, 10)
"""Python collects garbage as it does by itself, and not as seldom as a command that soon ends."""


def command(
    interfaces: Annotated[
        list[str] | None,
        typer.Option(
            "-i", "--interface", help="What to watch; any is all; repeatable.", metavar="IFACE"
        ),
    ] = None,
    asterisk_log: Annotated[
        list[str] | None,
        typer.Option("--asterisk-log", help="A log to follow as it grows.", metavar="FILE"),
    ] = None,
    port: Annotated[
        list[int] | None,
        typer.Option(
            "--port", help="The only port to look at; repeatable.", metavar="PORT", min=1, max=65535
        ),
    ] = None,
    media: Annotated[
        bool, typer.Option("--media", help="Look at audio, too: one way, or none.")
    ] = False,
    write: Annotated[
        Path | None,
        typer.Option("--write", help="Keep captures here, and one of each finding.", metavar="DIR"),
    ] = None,
    write_size: Annotated[
        str, typer.Option("--write-size", help="How large one capture gets.", metavar="SIZE")
    ] = "16M",
    write_count: Annotated[
        int, typer.Option("--write-count", help="How many captures are kept.", min=2, max=100_000)
    ] = captures.FILES,
    duration: Annotated[
        str | None, typer.Option("--duration", help="End after this, as 90s or 8h.", metavar="TIME")
    ] = None,
    until_finding: Annotated[
        bool,
        typer.Option("--until-finding", help="End with the first finding at or above --fail-on."),
    ] = False,
    user: Annotated[
        str | None,
        typer.Option("--user", help="Give root up for this user once all is open.", metavar="NAME"),
    ] = None,
    alert_command: Annotated[
        str | None,
        typer.Option("--alert-command", help="Run this for each alert.", metavar="COMMAND"),
    ] = None,
    webhook: Annotated[
        str | None, typer.Option("--webhook", help="Post each alert here.", metavar="URL")
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option("--metrics", help="Serve Prometheus here.", metavar="ADDR:PORT"),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line; the report is the last.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Alerts and the verdict only.")] = (
        False
    ),
    html: Html = None,
    fail_on: Fail = FailOn.ERROR,
    local: Local = None,
    asterisk: Asterisk = None,
    tz: Tz = None,
) -> None:
    """Watch the traffic of a PBX and tell findings as they appear."""
    options = options_of(local, asterisk, ReaderKind.NATIVE, None, tz)
    if not interfaces and not asterisk_log:
        raise UsageError("say what to watch: -i eth0 (or any), or --asterisk-log FILE")
    if port is not None and len(port) > MOST_PORTS:
        raise UsageError(f"--port: at most {MOST_PORTS}; without it, ports are found by content")
    if write is not None and not interfaces:
        raise UsageError("--write keeps packets: it needs -i")
    if until_finding and fail_on is FailOn.NEVER:
        raise UsageError("--until-finding never ends with --fail-on never")
    duration_ns = _duration_ns(duration) if duration is not None else None
    file_bytes = _size_bytes(write_size)
    account = account_of(user) if user is not None else None
    gc.set_threshold(*_COLLECT)
    with ExitStack() as stack:
        stop = Stop()
        stack.callback(stop.close)
        stack.enter_context(on_signals(stop))
        capture = None
        if interfaces:
            capture = _capture(interfaces, Wanted(given=frozenset(port or ()), media=media))
            stack.callback(capture.close)
        hand_nothing_on(account)
        logs = [LogFollower(path, tz=tz) for path in asterisk_log or []]
        for log in logs:
            stack.callback(log.close)
        if write is not None:
            _make_directory(write, account)
        watches: list[Watch] = []
        telling = Telling(json, quiet, alert_command, webhook, metrics)
        started_ns = time.time_ns()
        together = Together(watches, started_ns)
        if html is not None:
            page.rehearse([log.path for log in logs], html)
        sinks = stack.enter_context(sinks_of(telling, stop=stop, ladder_of=together.ladder))
        if account is not None:
            drop_to(account)
        if html is not None:
            page.check_place(html)
        ring = watch = None
        if capture is not None:
            if write is not None:
                ring = Ring(write, capture.linktype, file_bytes=file_bytes, files=write_count)
            name = " + ".join(capture.names)
            view = View(name, capture.linktype, options.local, LIVE_LIMITS)
            watching = WatchOptions(media=media, here=local_addresses())
            watch = Watch(view, started_ns, watching, ring)
            watches.append(watch)
        log_watches = [Watch(View(log.path, None, limits=LIVE_LIMITS), started_ns) for log in logs]
        watches += log_watches
        report = watch_until(
            Post(
                stop=stop, sinks=sinks, together=together, capture=capture, watch=watch, ring=ring,
                logs=logs, log_watches=log_watches, duration_ns=duration_ns,
                until=_severity(fail_on) if until_finding else None,
                asterisk=options.asterisk, notice=_notice,
            )
        )  # fmt: skip
    if html is not None:
        said = page.write_html(report, together.pictures(), html)
        if not quiet:
            _notice(said)
    raise typer.Exit(exit_code(report, fail_on))


def _capture(interfaces: list[str], wanted: Wanted) -> LiveCapture:
    if sys.platform.startswith("linux") and not may_capture():
        for line in lacking():
            print(line, file=sys.stderr)
        raise AccessError("live lacks the right CAP_NET_RAW")
    return LiveCapture(interfaces, wanted)


def _make_directory(directory: Path, account: Account | None) -> None:
    """Made where it doesn't exist, for whoever we shall be."""
    try:
        directory.mkdir(mode=0o700, parents=True)
        if account is not None:
            os.chown(directory, account.uid, account.gid)
    except FileExistsError:
        return
    except OSError as error:
        raise AccessError(f"{directory}: can't be made: {error.strerror or error}") from None


def _notice(text: str) -> None:
    print(f"sipdiag: {plain(text)}", file=sys.stderr)


def _severity(fail_on: FailOn) -> Severity:
    return Severity[fail_on.name]


def _duration_ns(text: str) -> int:
    match = _DURATION.fullmatch(text)
    if match is None or not int(match[1]):
        raise UsageError(f"--duration: {text} is no time (such as 90s, 30m or 8h)")
    return int(match[1]) * _UNITS_S[match[2] or "s"] * NS


def _size_bytes(text: str) -> int:
    match = _SIZE.fullmatch(text)
    size = int(match[1]) * _UNITS_BYTES[(match[2] or "").upper()] if match else 0
    if size < _LEAST_BYTES:
        raise UsageError(f"--write-size: {text} is no size of 64K or more (such as 16M)")
    return size
