"""``python -m tests.bench.live rate|media|memory|flood|kill``: how much ``sipdiag live`` takes.

Contract: needs root and network namespaces; a veth pair joins a sender and a VPS, and ``live`` runs
in the VPS's namespace as a user would run it. Everything is taken down again. ``rate`` looks for
the highest steady rate of signalling at which nothing is dropped and the socket's buffer doesn't
fill; ``media`` holds a rate with ten times as much RTP beside it; ``memory`` holds one for ten
minutes; ``flood`` sends a million forged Call-IDs from made-up addresses; ``kill`` ends it with
SIGKILL in the middle and reads the ring.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import secrets
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sipdiag.base.endpoint import Endpoint
from sipdiag.crafting.capture import ip_packets, udp_segment

PBX = Endpoint("203.0.113.80", 5060)
PHONES = 500
POOL = 30_000
"""Frames made beforehand and sent in turn: half a minute of registrations of ``PHONES`` phones at
a thousand messages a second."""
BATCH = 64
_ETHERNET = bytes.fromhex("0200000000800200000000070800")


class Sent(NamedTuple):
    """What was sent."""

    packets: int
    seconds: float


class _IoVec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _MsgHdr(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p), ("namelen", ctypes.c_uint32), ("iov", ctypes.c_void_p),
        ("iovlen", ctypes.c_size_t), ("control", ctypes.c_void_p),
        ("controllen", ctypes.c_size_t), ("flags", ctypes.c_int),
    )  # fmt: skip


class _MMsgHdr(ctypes.Structure):
    _fields_ = (("header", _MsgHdr), ("sent", ctypes.c_uint32))


def phone(number: int) -> Endpoint:
    """Where a phone's packets come from."""
    return Endpoint(f"198.51.{100 + number // 200}.{number % 200 + 1}", 1024 + number)


def register(number: int, turn: int) -> bytes:
    """A REGISTER of a phone."""
    user = 1000 + number
    return (
        f"REGISTER sip:{PBX.ip} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 192.168.1.50:5060;branch=z9hG4bK{user}x{turn};rport\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:{user}@{PBX.ip}>;tag=t{user}\r\n"
        f"To: <sip:{user}@{PBX.ip}>\r\nCall-ID: {user}-5f8c@192.168.1.50\r\n"
        f"CSeq: {turn} REGISTER\r\nContact: <sip:{user}@192.168.1.50:5060>\r\n"
        "Expires: 60\r\nUser-Agent: baresip v1.0.0 (x86_64/linux)\r\n"
        "Allow: INVITE,ACK,BYE,CANCEL,OPTIONS,NOTIFY,SUBSCRIBE,INFO,MESSAGE\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()


def granted(number: int, turn: int) -> bytes:
    """The answer to it."""
    user, outer = 1000 + number, phone(number)
    return (
        "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.168.1.50:5060;"
        f"branch=z9hG4bK{user}x{turn};received={outer.ip};rport={outer.port}\r\n"
        f"From: <sip:{user}@{PBX.ip}>;tag=t{user}\r\nTo: <sip:{user}@{PBX.ip}>;tag=as{user}\r\n"
        f"Call-ID: {user}-5f8c@192.168.1.50\r\nCSeq: {turn} REGISTER\r\n"
        "Server: Asterisk PBX 16.28.0\r\nExpires: 60\r\n"
        f"Contact: <sip:{user}@192.168.1.50:5060>;expires=60\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def frame(src: Endpoint, dst: Endpoint, payload: bytes, number: int) -> bytes:
    """An Ethernet frame with one UDP datagram."""
    packet = ip_packets(src.ip, dst.ip, 17, udp_segment(src, dst, payload), identity=number)
    return _ETHERNET + packet[0]


def signalling() -> list[bytes]:
    """Phones that register in turn."""
    frames = []
    for number in range(POOL // 2):
        who, turn = number % PHONES, number // PHONES + 1
        frames.append(frame(phone(who), PBX, register(who, turn), 2 * number + 1))
        frames.append(frame(PBX, phone(who), granted(who, turn), 2 * number + 2))
    return frames


def rtp() -> list[bytes]:
    """G.711 of a hundred calls."""
    frames = []
    for number in range(2000):
        call = number % 100
        head = struct.pack("!BBHII", 0x80, 0, number, number * 160, 0x11223300 + call)
        src = Endpoint(phone(call).ip, 4000 + 2 * call)
        dst = Endpoint(PBX.ip, 10_000 + 2 * call)
        frames.append(frame(src, dst, head + bytes(160), number))
    return frames


def forged(begin: int, count: int) -> list[bytes]:
    """INVITEs and REGISTERs with a Call-ID and an address of their own each."""
    frames = []
    for number in range(begin, begin + count):
        raw = (number * 2_654_435_761) & 0xFFFFFFFF
        src = Endpoint(f"{20 + raw % 80}.{raw >> 8 & 255}.{raw >> 16 & 255}.{raw >> 24}", 5060)
        method = "INVITE" if number % 2 else "REGISTER"
        payload = (
            f"{method} sip:{number}@{PBX.ip} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {src.ip}:5060;branch=z9hG4bK{number}\r\n"
            f"From: <sip:{number}@{PBX.ip}>;tag={number}\r\nTo: <sip:{number}@{PBX.ip}>\r\n"
            f"Call-ID: {number}@{src.ip}\r\nCSeq: 1 {method}\r\n"
            f"Contact: <sip:{number}@{src.ip}>\r\nContent-Length: 0\r\n\r\n"
        ).encode()
        frames.append(frame(src, PBX, payload, number & 0xFFFF))
    return frames


class Sender:
    """Sends frames out of an interface, many in one system call."""

    def __init__(self, interface: str) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
        self._socket.bind((interface, 0))
        self._send = ctypes.CDLL(None, use_errno=True).sendmmsg

    def send(self, frames: Sequence[bytes], rate: float, seconds: float) -> Sent:
        """Sends ``frames`` in turn, so many a second."""
        batches = [self._batch(frames[n : n + BATCH]) for n in range(0, len(frames), BATCH)]
        began = time.monotonic()
        sent = number = 0
        while (now := time.monotonic() - began) < seconds:
            behind = int(now * rate) - sent
            if behind < min(BATCH, rate / 100):
                time.sleep(min(BATCH, rate / 100) / rate)
                continue
            messages, count, _ = batches[number % len(batches)]
            done = self._send(self._socket.fileno(), messages, count, 0)
            if done < 0:
                raise OSError(ctypes.get_errno(), "sendmmsg")
            sent += done
            number += 1
        return Sent(sent, time.monotonic() - began)

    def once(self, frames: Sequence[bytes]) -> int:
        """Sends each frame once, as fast as it goes."""
        sent = 0
        for at in range(0, len(frames), BATCH):
            messages, count, _ = self._batch(frames[at : at + BATCH])
            sent += max(0, self._send(self._socket.fileno(), messages, count, 0))
        return sent

    @staticmethod
    def _batch(frames: Sequence[bytes]) -> tuple[Any, int, list[Any]]:
        """The kernel's arrays, and what must stay alive for them."""
        buffers = [ctypes.create_string_buffer(data, len(data)) for data in frames]
        vectors = (_IoVec * len(frames))()
        messages = (_MMsgHdr * len(frames))()
        for n, buffer in enumerate(buffers):
            vectors[n].base = ctypes.addressof(buffer)
            vectors[n].length = len(buffer)
            messages[n].header.iov = ctypes.addressof(vectors[n])
            messages[n].header.iovlen = 1
        return messages, len(frames), [buffers, vectors]


class Place:
    """Two hosts, joined; ``live`` on one of them."""

    def __init__(self, work: Path) -> None:
        tag = f"bench{secrets.token_hex(3)}"
        self.sender, self.vps, self.work = f"{tag}-s", f"{tag}-v", work

    def __enter__(self) -> Place:
        for host in (self.sender, self.vps):
            _sh("ip", "netns", "add", host)
            _sh("ip", "-n", host, "link", "set", "lo", "up")
            _sh(
                "ip", "netns", "exec", host,
                "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
            )  # fmt: skip
        _sh(
            "ip", "-n", self.vps, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0",
            "netns", self.sender,
        )  # fmt: skip
        for host in (self.sender, self.vps):
            _sh("ip", "-n", host, "link", "set", "eth0", "up")
        return self

    def __exit__(self, *_: object) -> None:
        for host in (self.sender, self.vps):
            with contextlib.suppress(subprocess.CalledProcessError):
                _sh("ip", "netns", "delete", host)

    def sending(self, what: str, rate: float, seconds: float) -> subprocess.Popen[str]:
        """Starts a process that sends."""
        return subprocess.Popen(
            [
                "ip", "netns", "exec", self.sender, sys.executable, "-m", "tests.bench.live",
                "send", "--what", what, "--rate", str(rate), "--seconds", str(seconds),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    def buffered(self) -> int:
        """Bytes that wait in the socket of ``live``: packet(7), /proc/net/packet."""
        text = _sh("ip", "netns", "exec", self.vps, "cat", "/proc/net/packet")
        return sum(int(line.split()[6]) for line in text.splitlines()[1:])


class Live:
    """``sipdiag live`` in the VPS's namespace."""

    def __init__(self, place: Place, *options: str) -> None:
        self.output = place.work / "live.json"
        self.output.unlink(missing_ok=True)
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(
                [
                    "ip", "netns", "exec", place.vps, sys.executable, "-m", "sipdiag", "live",
                    "-i", "eth0", "--json", *options,
                ],
                stdout=out,
            )  # fmt: skip
        while b'"snapshot"' not in self.output.read_bytes():
            time.sleep(0.1)

    def resident_mib(self) -> float:
        """Its memory now."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.partition("VmRSS:")[2].split()[0]) / 1024

    def cpu_s(self) -> float:
        """What it used so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def end(self) -> dict[str, Any]:
        """Ends it; its last counters."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        counters: dict[str, Any] = {}
        for line in self.output.read_text().splitlines():
            value = json.loads(line)
            if value["type"] == "snapshot":
                counters = value["counters"]
        return counters


def _sh(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def _held(place: Place, rate: float, seconds: float, *, media: bool = False) -> dict[str, Any]:
    """One rate, held: what was sent, dropped, and left in the buffer at the end."""
    live = Live(place)
    senders = [place.sending("signalling", rate, seconds)]
    if media:
        senders.append(place.sending("rtp", 10 * rate, seconds))
    levels = []
    while senders[0].poll() is None:
        time.sleep(0.5)
        levels.append(place.buffered())
    sent = [json.loads(sender.communicate()[0]) for sender in senders]
    cpu_s = live.cpu_s()
    counters = live.end()
    return {
        "asked": rate,
        "rate": round(sent[0]["packets"] / sent[0]["seconds"]),
        "media_rate": round(sent[1]["packets"] / sent[1]["seconds"]) if media else 0,
        "sent": sent[0]["packets"],
        "seen": counters["packets"],
        "dropped": counters["dropped_by_kernel"],
        "buffer_mib": round(max(levels[-6:]) / 2**20, 1),
        "cpu_share": round(cpu_s / seconds, 2),
    }


def rate(place: Place, seconds: float) -> None:
    """Doubles, then halves the distance."""
    good, bad, now = 0.0, 0.0, 4000.0
    while not bad or bad - good > good / 8:
        held = _held(place, now, seconds)
        steady = not held["dropped"] and held["buffer_mib"] < 16 and held["seen"] == held["sent"]
        print(json.dumps({**held, "steady": steady}), flush=True)
        if steady:
            good = now
        else:
            bad = now
        now = (good + bad) / 2 if bad else now * 2


def media(place: Place, at: float, seconds: float) -> None:
    """The same rate without and with ten times as much RTP."""
    for beside in (False, True):
        print(json.dumps(_held(place, at, seconds, media=beside)), flush=True)


def memory(place: Place, at: float, seconds: float) -> None:
    """Resident memory, twice a minute."""
    live = Live(place, "--write", str(place.work / "ring"))
    sender = place.sending("signalling", at, seconds)
    began = time.monotonic()
    while sender.poll() is None:
        time.sleep(30)
        mib = round(live.resident_mib(), 1)
        print(json.dumps({"s": round(time.monotonic() - began), "mib": mib}), flush=True)
    sent = json.loads(sender.communicate()[0])
    cpu_s = live.cpu_s()
    print(json.dumps({**sent, "cpu_s": round(cpu_s), **live.end()}), flush=True)


def flood(place: Place, at: float) -> None:
    """A million forged Call-IDs, the memory before, during and after."""
    live = Live(place)
    print(json.dumps({"mib": round(live.resident_mib(), 1)}), flush=True)
    sender = place.sending("forged", at, 1_000_000 / at)
    while sender.poll() is None:
        time.sleep(10)
        print(json.dumps({"mib": round(live.resident_mib(), 1)}), flush=True)
    sent = json.loads(sender.communicate()[0])
    print(json.dumps({**sent, "mib": round(live.resident_mib(), 1), **live.end()}), flush=True)


def kill(place: Place, at: float) -> None:
    """SIGKILL after some seconds, ten times; every file is read to its end."""
    ring = place.work / "killed"
    for turn in range(10):
        live = Live(place, "--write", str(ring), "--write-size", "1M")
        sender = place.sending("signalling", at, 6)
        threading.Event().wait(3 + turn / 7)
        live.process.kill()
        live.process.wait()
        sender.wait()
    import sipdiag

    packets = 0
    files = sorted(ring.glob("*.pcap"))
    for path in files:
        (source,) = sipdiag.analyse(path).sources
        assert not source.truncated and source.packets, path
        packets += source.packets
    print(json.dumps({"killed": 10, "files": len(files), "packets": packets, "truncated": 0}))


def send(what: str, at: float, seconds: float) -> None:
    """Sends, and prints what."""
    sender = Sender("eth0")
    if what == "forged":
        began = time.monotonic()
        count = sent = 0
        while count < at * seconds:
            step = min(5000, int(at * seconds) - count)
            frames = forged(count, step)
            count += step
            time.sleep(max(0.0, began + count / at - time.monotonic()))
            sent += sender.once(frames)
        done = Sent(sent, time.monotonic() - began)
    else:
        done = sender.send(rtp() if what == "rtp" else signalling(), at, seconds)
    print(json.dumps(done._asdict()))


@contextlib.contextmanager
def _place() -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as work, Place(Path(work)) as place:
        yield place


def main() -> None:
    """Runs one of the benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.live", description=__doc__)
    parser.add_argument("command", choices=["rate", "media", "memory", "flood", "kill", "send"])
    parser.add_argument("--rate", type=float, default=4000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--what", default="signalling")
    options = parser.parse_args()
    if options.command == "send":
        send(options.what, options.rate, options.seconds)
        return
    with _place() as place:
        if options.command == "rate":
            rate(place, options.seconds)
        elif options.command == "media":
            media(place, options.rate, options.seconds)
        elif options.command == "memory":
            memory(place, options.rate, options.seconds)
        elif options.command == "flood":
            flood(place, options.rate)
        else:
            kill(place, options.rate)


if __name__ == "__main__":
    main()
