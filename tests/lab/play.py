"""One side of a case, played: network up, captures on, script run, everything down again.

Contract: ``play`` leaves the server's capture, the phone's capture and Asterisk's log in a
directory, and returns what was measured and what did not go as the script says. It raises
LabError when the lab itself failed. Whatever happens, nothing of it keeps running.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from .alg import BrokenAlg, ForgetfulAlg
from .asterisk import Asterisk, Files, debug, dial, server_files
from .cases import Case, Event, Side, calls
from .measure import Measured, measure
from .net import VPS, LabError, Network, namespaced, pause, stop
from .phones import AsteriskPhone, Baresip, Handset
from .prepare import lab_dir
from .stun import StunServer
from .watch import Watch

LEAD_S = 0.002
AGE_SLACK_S = 0.1
CAPTURE_FILTER = "udp or icmp or tcp"


@dataclass(frozen=True)
class Played:
    """What came of one side. ``when``: the time of each event, in seconds since the first
    registration, or since the script's start where there was none; and that of its end."""

    side: Side
    measured: Measured
    complaints: tuple[str, ...]
    when: tuple[float, ...]


@contextmanager
def workplace(case: Case) -> Iterator[Path]:
    """A directory for a case's runs; it stays when something goes wrong in it."""
    runs = lab_dir() / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f"{case.name}-", dir=runs))
    yield work
    shutil.rmtree(work)


def play(
    case: Case,
    side: Side,
    lab: Path,
    into: Path,
    mend: Callable[[Files], Files] | None = None,
    beside: Callable[[ExitStack, Network], None] | None = None,
) -> Played:
    """Run one side; its three files are named after the side. ``mend`` changes the server's
    configuration files before it starts; ``beside`` starts whatever is to run along."""
    into.mkdir(parents=True, exist_ok=True)
    scratch = into / f"{side.name}.work"
    scratch.mkdir()
    with ExitStack() as stack:
        network = stack.enter_context(Network(side.router, side.phone))
        inner, inner_link = network.phones[0], "eth0"
        if len(network.phones) > 1:
            inner, inner_link = network.router_host, "lan0"
        _capture(stack, network.vps, "eth0", into / f"{side.name}.pcap", scratch)
        _capture(stack, inner, inner_link, into / f"{side.name}.inside.pcap", scratch)
        if beside is not None:
            beside(stack, network)
        watch = stack.enter_context(Watch(network.vps, case.port))
        if side.phone.stun:
            stack.enter_context(StunServer(network.vps))
        if side.router.broken_alg:
            stack.enter_context(BrokenAlg(network.router_host))
        if side.router.sip_alg and side.router.sip_alg_timeout_s:
            seconds = side.router.sip_alg_timeout_s
            stack.enter_context(ForgetfulAlg(network.router_host, seconds))
        chroot = lab / side.server.suite(case.suite)
        files = server_files(case, side)
        if mend is not None:
            files = mend(files)
        server = Asterisk(chroot, network.vps, files, scratch / "asterisk")
        stack.callback(server.stop, into / f"{side.name}.log")
        server.manager.command("core set verbose 3")
        server.manager.command(debug(case))
        phones = _phones(case, side, network, lab, scratch)
        script = _Script(case, network, watch, server, phones)
        for phone in phones.values():
            phone.start()
            stack.callback(phone.kill)
        for event in side.events:
            script.run(event)
        when = script.when()
        pause(0.5)
    measured = measure(into / f"{side.name}.pcap", case.port)
    return Played(side, measured, tuple(_complaints(side, measured)), when)


class _Script:
    def __init__(
        self,
        case: Case,
        network: Network,
        watch: Watch,
        server: Asterisk,
        phones: dict[str, Handset],
    ) -> None:
        self._case = case
        self._network = network
        self._watch = watch
        self._server = server
        self._phones = phones
        self._started = time.time()
        self._acted: list[float] = []

    def when(self) -> tuple[float, ...]:
        """When each event so far came, and now, as ``Played`` has it."""
        zero = self._zero()
        return tuple(at - zero for at in (*self._acted, time.time()))

    def _zero(self) -> float:
        return self._watch.first_registered or self._started

    def run(self, event: Event) -> None:
        if event.at_age_s is not None:
            self._watch.until_age(event.to, event.at_age_s - LEAD_S)
        self._acted.append(time.time())
        first = next(iter(self._phones))
        match event.do:
            case "call" | "hold":
                self._call(event)
            case "dial":
                self._phones[first].command("dial", f"sip:{event.to}@{VPS}")
                pause(event.talk_s)
                self._phones[first].command("hangup")
                pause(0.5)
            case "wait":
                pause(event.seconds)
            case "wait-age":
                self._watch.until_age(event.to, event.seconds)
            case "wait-until":
                pause(max(0.0, self._zero() + event.seconds - time.time()))
            case "wait-registered":
                self._watch.until_registered(event.count, 90)
            case "wait-first-registered":
                self._watch.until_registered(max(0, 1 - self._watch.registered()), 30)
            case "power-off":
                self._network.power_off(self._network.phones[0])
                self._phones[first].kill()
            case "unregister":
                self._phones[first].stop()
            case "restart-router":
                self._network.restart_router(event.snat)
            case unknown:
                raise LabError(f"unknown event {unknown}")

    def _call(self, event: Event) -> None:
        channel = self._server.manager.originate(dial(self._case, event.to), event.ring_s)
        if not channel:
            return
        pause(event.talk_s)
        if event.do == "hold":
            phone = self._phones[event.to]
            phone.command("hold")
            pause(event.seconds)
            phone.command("resume")
            pause(event.talk_s)
        self._server.manager.hang_up(channel)
        pause(0.3)


def _phones(
    case: Case, side: Side, network: Network, lab: Path, scratch: Path
) -> dict[str, Handset]:
    phones: dict[str, Handset] = {}
    hosts = zip(side.phone.users, network.phones, network.addresses, strict=True)
    for user, host, address in hosts:
        home = scratch / f"phone-{user}"
        if side.phone.kind == "baresip":
            phones[user] = Baresip(side, user, host, address, home)
        else:
            phones[user] = AsteriskPhone(case, side, lab / case.suite, host, address, home)
    return phones


def _capture(stack: ExitStack, host: str, link: str, target: Path, scratch: Path) -> None:
    options = ("-U", "-n", "-s", "0", "--immediate-mode", "-Z", "root", "-B", "4096")
    output = scratch / f"{target.name}.tcpdump"
    argv = ("tcpdump", "-i", link, *options, "-w", str(target), CAPTURE_FILTER)
    process = namespaced(host, argv, output)
    stack.callback(_end_capture, process)
    end = time.monotonic() + 20
    while b"listening on" not in output.read_bytes():
        if process.poll() is not None or time.monotonic() > end:
            raise LabError(f"tcpdump: {output.read_text(errors='replace')}")
        pause(0.05)


def _end_capture(process: subprocess.Popen[bytes]) -> None:
    time.sleep(0.3)
    stop(process, signal.SIGINT)


def _complaints(side: Side, measured: Measured) -> list[str]:
    planned = [event for event in calls(side) if event.answered != "unsent"]
    seen = measured.calls
    if len(planned) != len(seen):
        return [f"{len(planned)} calls in the script, {len(seen)} in the capture"]
    found: list[str] = []
    for number, (event, call) in enumerate(zip(planned, seen, strict=True), 1):
        if event.at_age_s is not None and abs(call.idle_s - event.at_age_s) > AGE_SLACK_S:
            found.append(f"call {number}: idle {call.idle_s:.3f} s, not {event.at_age_s}")
        if call.answered != event.answered:
            found.append(f"call {number}: answered {call.answered}, not {event.answered}")
    return found
