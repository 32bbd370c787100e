"""The loop: sockets, logs and the clock in; the ring, the watch and the sinks out.

Contract: ``watch_until`` returns the report when the time is over, a finding was asked for and
came, or ``Stop`` was asked (SIGINT, SIGTERM, SIGHUP, the user's key). What the kernel had received
until then is read, written and judged before. One thread does it all; ``Stop`` may be asked from
any. Nothing that an interface, a log or the disk does ends it.
"""

from __future__ import annotations

import os
import selectors
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import FrameType
from typing import Protocol

from sipdiag.asterisk.identify import AsteriskVersion
from sipdiag.base.interval import NS
from sipdiag.findings.model import Severity
from sipdiag.live.follow import LogFollower
from sipdiag.live.model import Sink
from sipdiag.live.ring import Ring
from sipdiag.live.together import Together
from sipdiag.live.watch import Watch
from sipdiag.readers.bpf import Wanted
from sipdiag.readers.live import Frame
from sipdiag.report.model import Report

_TICK_NS = NS
_LOG_POLL_NS = NS // 4
_BATCH = 256
"""Frames of one socket in a row."""
_BATCHES_BETWEEN = 8
"""Between one judgement and the next: without CAP_NET_ADMIN the kernel's buffer holds some 150
packets (net.core.rmem_max)."""
_LAST_BATCHES = 4096
"""Read of each socket at the end: a flood must not keep it from ending."""

Clock = Callable[[], int]
"""Gives nanoseconds since 1970 UTC."""


class Capture(Protocol):
    """What the loop asks of a ``LiveCapture``."""

    notices: list[str]
    wanted: Wanted
    dropped: int

    def filenos(self) -> list[int]: ...
    def read(self, fileno: int, most: int) -> list[Frame]: ...
    def want(self, wanted: Wanted) -> None: ...
    def statistics(self) -> int: ...
    def mend(self) -> None: ...


class Stop:
    """A request to end, from a signal or another thread; wakes the loop."""

    def __init__(self) -> None:
        self.asked = False
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def fileno(self) -> int:
        """To wait on."""
        return self._read

    def __call__(self) -> None:
        self.asked = True
        try:
            os.write(self._write, b"!")
        except OSError:
            return  # The pipe is full of requests, or the loop is gone.

    def close(self) -> None:
        """Closes the pipe."""
        os.close(self._read)
        os.close(self._write)


@contextmanager
def on_signals(stop: Stop) -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP ask to stop; a second SIGINT interrupts whatever
    is done at the end (``KeyboardInterrupt``), so that the terminal is still put back."""
    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def handle(number: int, frame: FrameType | None) -> None:
        stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, handle) for number in wanted}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(slots=True)
class Post:
    """What is watched, and where it goes. ``log_watches`` are those of ``logs``, in order."""

    stop: Stop
    sinks: Sequence[Sink]
    together: Together
    capture: Capture | None = None
    watch: Watch | None = None
    """Of the capture."""
    ring: Ring | None = None
    logs: Sequence[LogFollower] = ()
    log_watches: Sequence[Watch] = ()
    duration_ns: int | None = None
    until: Severity | None = None
    """The severity of a finding that ends it."""
    asterisk: AsteriskVersion | None = None
    notice: Callable[[str], None] = print
    clock: Clock = time.time_ns
    learnt: int = 0
    """Ports that were let through the filter since the start."""
    told_of_drops: bool = False


def watch_until(post: Post) -> Report:
    """Watches until one of the ends of the module's contract, tells the sinks, gives the report."""
    began_ns = post.clock()
    next_tick_ns, next_poll_ns = began_ns + _TICK_NS, began_ns
    with selectors.DefaultSelector() as selector:
        selector.register(post.stop.fileno(), selectors.EVENT_READ)
        if post.capture is not None:
            for fileno in post.capture.filenos():
                selector.register(fileno, selectors.EVENT_READ, post.capture)
        over = False
        while not post.stop.asked and not over:
            now_ns = post.clock()
            wake_ns = min(next_tick_ns, next_poll_ns) if post.logs else next_tick_ns
            for key, _ in selector.select(max(0, wake_ns - now_ns) / NS):
                if key.data is not None:
                    _read(post, key.fd)
            now_ns = post.clock()
            if post.logs and now_ns >= next_poll_ns:
                _poll(post, now_ns)
                next_poll_ns = now_ns + _LOG_POLL_NS
            if now_ns >= next_tick_ns or now_ns < next_tick_ns - 2 * _TICK_NS:
                over = _tick(post, now_ns)
                next_tick_ns = now_ns + _TICK_NS
            if post.duration_ns is not None and now_ns - began_ns >= post.duration_ns:
                over = True
    return _end(post)


def _read(post: Post, fileno: int) -> int:
    """Takes what one socket has: to the disk first, so that a crash loses nothing."""
    if post.capture is None or post.watch is None:
        return 0
    frames = post.capture.read(fileno, _BATCH)
    if post.ring is not None:
        post.ring.write(frames)
    take = post.watch.frame
    for frame in frames:
        take(*frame)
    return len(frames)


def _drain(post: Post, batches: int) -> None:
    """Takes what all sockets have."""
    if post.capture is not None:
        for fileno in post.capture.filenos():
            for _ in range(batches):
                if _read(post, fileno) < _BATCH:
                    break


def _poll(post: Post, now_ns: int) -> None:
    for follower, watch in zip(post.logs, post.log_watches, strict=True):
        for item in follower.poll(now_ns):
            watch.log_item(item)


def _tick(post: Post, now_ns: int) -> bool:
    """A second is over; whether that is the end."""
    dropped = 0
    if post.capture is not None:
        post.capture.mend()
        before, dropped = post.capture.dropped, post.capture.statistics()
        if dropped > before:
            _note_drops(post, now_ns, dropped - before)
        _learn(post)
    found = False
    for alerts in post.together.judging(now_ns):
        for alert in alerts:
            for sink in post.sinks:
                sink.alert(alert)
            found = found or (post.until is not None and alert.finding.severity >= post.until)
        _drain(post, _BATCHES_BETWEEN)
    snapshot = post.together.snapshot(now_ns, dropped)
    for sink in post.sinks:
        sink.update(snapshot)
    _notices(post)
    return found


def _note_drops(post: Post, now_ns: int, count: int) -> None:
    if post.watch is not None:
        post.watch.dropped(now_ns, count)
    if not post.told_of_drops:
        post.told_of_drops = True
        post.notice(
            "packets come faster than they are read, and some are dropped; a larger buffer helps "
            "where they come in bursts: sysctl -w net.core.rmem_max=67108864, or start as root "
            "with --user"
        )


def _learn(post: Post) -> None:
    """Lets more through the filter where signalling was found on ports that it doesn't know."""
    if post.capture is None or post.watch is None or post.capture.wanted.given:
        return
    learnt = post.watch.learnt
    count = len(learnt.iax2_ports) + len(learnt.tcp_ports)
    if count > post.learnt:
        post.learnt = count
        wanted = post.capture.wanted
        post.capture.want(
            replace(
                wanted,
                iax2_ports=wanted.iax2_ports | learnt.iax2_ports,
                tcp_ports=wanted.tcp_ports | learnt.tcp_ports,
            )
        )


def _notices(post: Post) -> None:
    for owner in (post.capture, post.ring, *post.logs):
        if owner is not None:
            for text in owner.notices:
                post.notice(text)
            owner.notices.clear()


def _end(post: Post) -> Report:
    notes = []
    _drain(post, _LAST_BATCHES)
    now_ns = post.clock()
    _poll(post, now_ns)
    for follower, watch in zip(post.logs, post.log_watches, strict=True):
        for item in follower.finish():
            watch.log_item(item)
    _tick(post, now_ns)
    if post.capture is not None and post.capture.dropped:
        notes.append(
            f"{post.capture.dropped} packets came faster than they could be read and were dropped "
            "by the kernel: a reply that lacks here may have been there"
        )
    if post.ring is not None:
        post.ring.close()
        if post.ring.lost:
            notes.append(f"{post.ring.lost} packets could not be written to disk")
    report = post.together.report(post.asterisk, notes)
    for sink in post.sinks:
        sink.finish(report)
    return report
