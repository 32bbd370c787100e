"""Network namespaces: a phone's host, a home router and a VPS, joined by veth pairs.

Contract: ``Network`` is a context manager. Entering builds the hosts, leaving removes every
namespace it made and ends whatever process still runs in them, also after an error. Names are
unique per run, so runs can go side by side. All addresses are private or for documentation.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from .cases import Phone, Router

T = TypeVar("T")

LAN = "192.168.1.1"
WAN = "203.0.113.7"
VPS = "203.0.113.80"
CARRIER = "100.64.0.1"
CARRIER_WAN = "100.64.0.7"
CARRIER_NAT = f"meta l4proto udp snat to {WAN}:30000-30999"
PRIVATE_PHONES = ("192.168.1.50", "192.168.1.51")
PUBLIC_PHONE = "198.51.100.50"
PUBLIC_GATEWAY = "198.51.100.1"
UPSTREAM = "203.0.113.1"
CLONE_NEWNET = 0x40000000


_HALT = threading.Event()


class LabError(RuntimeError):
    """Something the lab needs did not work."""


def halt() -> None:
    """Make every run of this process end at its next step and tear down."""
    _HALT.set()


def pause(seconds: float) -> None:
    """Sleep exactly so long; a LabError at once when the process is to halt."""
    if _HALT.wait(seconds):
        raise LabError("interrupted")


def await_news(news: threading.Condition, ready: Callable[[], bool], limit_s: float) -> bool:
    """Wait on a condition that is held, also for a halt; whether it came true in time."""
    end = time.monotonic() + limit_s
    while not news.wait_for(ready, 0.25):
        if _HALT.is_set():
            raise LabError("interrupted")
        if time.monotonic() > end:
            return False
    return True


def sh(*argv: str, stdin: str | None = None) -> str:
    """Run a command to its end; its output, or a LabError with what it complained of."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def inside(namespace: str, action: Callable[[], T]) -> T:
    """Do something on a thread that has moved into a namespace (sockets made there stay there)."""
    results: list[T] = []
    errors: list[BaseException] = []

    def enter() -> None:
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            with open(f"/run/netns/{namespace}", "rb") as handle:
                if libc.setns(handle.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"setns {namespace}")
            results.append(action())
        except OSError as error:
            errors.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if errors:
        raise LabError(str(errors[0])) from errors[0]
    return results[0]


def connect(namespace: str, port: int) -> socket.socket:
    """A TCP connection to a loopback port of a host."""
    return inside(namespace, lambda: socket.create_connection(("127.0.0.1", port), timeout=5))


class Network:
    """The hosts of one run."""

    def __init__(self, router: Router, phone: Phone) -> None:
        tag = f"lab{secrets.token_hex(3)}"
        self.router_host = f"{tag}-router"
        self.carrier_host = f"{tag}-carrier"
        self.vps = f"{tag}-vps"
        self.phones = tuple(f"{tag}-phone{index}" for index, _ in enumerate(phone.users))
        self.addresses = (PUBLIC_PHONE,) if phone.public else PRIVATE_PHONES[: len(self.phones)]
        self._router = router
        self._public = phone.public
        self._made: list[str] = []

    def __enter__(self) -> Network:
        try:
            self._build()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()

    def power_off(self, phone: str) -> None:
        """From now on this host neither sends nor answers anything."""
        rules = "".join(
            f"chain {hook} {{ type filter hook {hook} priority -400; policy drop; }}\n"
            for hook in ("input", "output")
        )
        self._nft(phone, f"table inet off {{\n{rules}}}\n")

    def restart_router(self, snat: str) -> None:
        """The router forgets every mapping; from now on it maps to other ports."""
        self._nft(self.router_host, f"delete table ip nat\n{_nat_table(snat)}")
        sh("ip", "netns", "exec", self.router_host, "conntrack", "-F")

    def _build(self) -> None:
        carriers = (self.carrier_host,) if self._router.carrier_udp_timeout_s else ()
        for host in (self.router_host, *carriers, self.vps, *self.phones):
            sh("ip", "netns", "add", host)
            self._made.append(host)
            sh("ip", "-n", host, "link", "set", "lo", "up")
            self._sysctl(host, "net.ipv6.conf.all.disable_ipv6", 1)
        outermost = carriers[0] if carriers else self.router_host
        self._link(self.vps, "eth0", outermost, "wan0", "02:00:00:00:00:80")
        self._address(self.vps, "eth0", f"{VPS}/24")
        self._address(outermost, "wan0", f"{WAN}/24")
        if carriers:
            self._build_carrier()
        self._build_lan()
        self._build_router()
        self._build_upstream()
        for host in (self.vps, *self.phones):
            sh("ip", "netns", "exec", host, "ethtool", "-K", "eth0", "tx", "off")

    def _build_lan(self) -> None:
        gateway = PUBLIC_GATEWAY if self._public else LAN
        sh("ip", "-n", self.router_host, "link", "add", "lan0", "type", "bridge")
        self._address(self.router_host, "lan0", f"{gateway}/24")
        for index, (host, address) in enumerate(zip(self.phones, self.addresses, strict=True)):
            port = f"port{index}"
            self._link(host, "eth0", self.router_host, port, f"02:00:00:00:00:5{index}")
            sh("ip", "-n", self.router_host, "link", "set", port, "master", "lan0")
            self._address(host, "eth0", f"{address}/24")
            sh("ip", "-n", host, "route", "add", "default", "via", gateway)

    def _build_router(self) -> None:
        host, router = self.router_host, self._router
        self._sysctl(host, "net.ipv4.ip_forward", 1)
        if self._public:
            return
        self._nft(host, _nat_table(router.nat) + _filter_table(router))
        self._timers(host, router.udp_timeout_s, router.udp_timeout_stream_s)

    def _build_carrier(self) -> None:
        """The provider's own NAT, between the home router and the internet."""
        host, seconds = self.carrier_host, self._router.carrier_udp_timeout_s
        self._link(self.router_host, "wan0", host, "lan0", "02:00:00:00:00:07")
        self._address(self.router_host, "wan0", f"{CARRIER_WAN}/24")
        self._address(host, "lan0", f"{CARRIER}/24")
        sh("ip", "-n", self.router_host, "route", "add", "default", "via", CARRIER)
        self._sysctl(host, "net.ipv4.ip_forward", 1)
        self._nft(host, _nat_table(CARRIER_NAT) + _filter_table(Router()))
        self._timers(host, seconds, seconds)

    def _timers(self, host: str, unreplied_s: int, replied_s: int) -> None:
        self._sysctl(host, "net.netfilter.nf_conntrack_udp_timeout", unreplied_s)
        self._sysctl(host, "net.netfilter.nf_conntrack_udp_timeout_stream", replied_s)

    def _build_upstream(self) -> None:
        """Behind the VPS is the internet: a gateway that swallows what it can't route."""
        gateway = "02:00:00:00:00:01"
        neighbour = ("lladdr", gateway, "dev", "eth0", "nud", "permanent")
        sh("ip", "-n", self.vps, "neigh", "add", UPSTREAM, *neighbour)
        sh("ip", "-n", self.vps, "route", "add", "default", "via", UPSTREAM)
        if self._public:
            sh("ip", "-n", self.vps, "route", "add", "198.51.100.0/24", "via", WAN)

    def _link(self, host: str, name: str, other: str, other_name: str, mac: str) -> None:
        peer = ("peer", "name", other_name, "netns", other)
        sh("ip", "-n", host, "link", "add", name, "address", mac, "type", "veth", *peer)
        sh("ip", "-n", host, "link", "set", name, "up")
        sh("ip", "-n", other, "link", "set", other_name, "up")

    def _address(self, host: str, name: str, address: str) -> None:
        sh("ip", "-n", host, "address", "add", address, "dev", name)
        sh("ip", "-n", host, "link", "set", name, "up")

    def _sysctl(self, host: str, key: str, value: int) -> None:
        sh("ip", "netns", "exec", host, "sysctl", "-qw", f"{key}={value}")

    def _nft(self, host: str, rules: str) -> None:
        sh("ip", "netns", "exec", host, "nft", "-f", "-", stdin=rules)

    def _remove(self) -> None:
        for host in self._made:
            for pid in sh("ip", "netns", "pids", host).split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            with contextlib.suppress(LabError):
                sh("ip", "netns", "delete", host)
        self._made.clear()


def missing_hosts() -> str:
    """Why namespaces can't be had here, or an empty string."""
    name = f"lab{secrets.token_hex(3)}-try"
    try:
        sh("ip", "netns", "add", name)
    except (LabError, OSError) as error:
        return str(error)
    sh("ip", "netns", "delete", name)
    return ""


def namespaced(namespace: str, argv: Sequence[str], output: Path) -> subprocess.Popen[bytes]:
    """Start a program on a host; what it prints goes to a file."""
    with output.open("ab") as stream:
        return subprocess.Popen(
            ["ip", "netns", "exec", namespace, *argv],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )


def stop(process: subprocess.Popen[bytes], first: signal.Signals = signal.SIGTERM) -> None:
    """End a program of ours: politely, then not."""
    if process.poll() is not None:
        return
    process.send_signal(first)
    try:
        process.wait(timeout=8)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _nat_table(nat: str) -> str:
    return (
        "table ip nat {\n"
        "  chain postrouting {\n"
        "    type nat hook postrouting priority srcnat;\n"
        f'    oifname "wan0" {nat}\n'
        "  }\n"
        "}\n"
    )


def _filter_table(router: Router) -> str:
    helper = (
        '  ct helper alg { type "sip" protocol udp; }\n'
        "  chain helpers {\n"
        "    type filter hook prerouting priority -150;\n"
        '    udp dport 5060 ct helper set "alg"\n'
        "  }\n"
    )
    redirect = (
        "table ip relay {\n"
        "  chain prerouting {\n"
        "    type nat hook prerouting priority dstnat;\n"
        '    iifname "lan0" udp dport 5060 redirect to :5060\n'
        "  }\n"
        "}\n"
    )
    return (
        "table ip filter {\n"
        f"{helper if router.sip_alg else ''}"
        "  chain forward {\n"
        "    type filter hook forward priority filter; policy drop;\n"
        "    ct state established,related accept\n"
        '    iifname "lan0" accept\n'
        "  }\n"
        "  chain input {\n"
        "    type filter hook input priority filter;\n"
        f"{'    udp dport 5060 accept' if router.broken_alg else ''}\n"
        '    iifname "wan0" meta l4proto { tcp, udp } drop\n'
        "  }\n"
        "}\n"
        f"{redirect if router.broken_alg else ''}"
    )
