"""Live capture: on the loopback where that may be done, and on interfaces of its own in the lab."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from sipdiag.base.datagram import Datagram, Source
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.errors import UsageError
from sipdiag.crafting.capture import ip_packets, udp_segment
from sipdiag.live.rights import may_capture
from sipdiag.protocols.media import MediaTable
from sipdiag.readers.bpf import Wanted
from sipdiag.readers.dissect import Dissector
from sipdiag.readers.live import COOKED2, ETHERNET, RAW, Frame, LiveCapture, local_addresses

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or not may_capture(),
    reason="capturing needs Linux and CAP_NET_RAW",
)

OPTIONS = b"OPTIONS sip:101@127.0.0.1 SIP/2.0\r\nCall-ID: %d\r\n\r\n"
RTP = b"\x80\x00\x12\x34" + bytes(168)


def send(payload: bytes, to: tuple[str, int] = ("127.0.0.1", 45060)) -> None:
    """One UDP datagram."""
    family = socket.AF_INET6 if ":" in to[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.sendto(payload, to)


def read(capture: LiveCapture, least: int = 1) -> list[Frame]:
    """What comes within a moment."""
    found: list[Frame] = []
    end = time.monotonic() + 5
    while len(found) < least and time.monotonic() < end:
        for fileno in capture.filenos():
            found += capture.read(fileno, 100)
    for fileno in capture.filenos():
        found += capture.read(fileno, 100)
    return found


def messages(capture: LiveCapture, frames: list[Frame]) -> list[Datagram]:
    """What is in the frames."""
    dissector = Dissector(Source("live"), MediaTable())
    return [
        datagram
        for number, frame in enumerate(frames, 1)
        for datagram in dissector.feed(
            frame.ts_ns, number, capture.linktype, frame.interface, frame.data
        )
    ]


@pytest.mark.parametrize("names", [["lo"], ["any"]])
def test_signalling_comes_once_with_the_kernels_time_and_media_not_at_all(
    names: list[str],
) -> None:
    capture = LiveCapture(names, Wanted(given=frozenset({45060})))
    try:
        before_ns = time.time_ns()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
            listening.bind(("127.0.0.1", 0))
            send(RTP, listening.getsockname())
        for number in range(3):
            send(OPTIONS % number)
        frames = read(capture, 3)
        told = [d for d in messages(capture, frames) if d.payload[:7] == b"OPTIONS"]
        assert [datagram.payload for datagram in told] == [OPTIONS % n for n in range(3)]
        assert all(before_ns <= datagram.ts_ns <= time.time_ns() for datagram in told)
        assert capture.linktype == (ETHERNET if names == ["lo"] else COOKED2)
        assert not any(RTP in frame.data for frame in frames)
        assert capture.statistics() == 0
        assert capture.names == tuple(names)
    finally:
        capture.close()


def test_the_filter_can_be_changed_while_it_runs() -> None:
    capture = LiveCapture(["lo"], Wanted(given=frozenset({45060})))
    try:
        send(OPTIONS % 1, ("127.0.0.1", 45070))
        capture.want(Wanted(given=frozenset({45070})))
        send(OPTIONS % 2, ("127.0.0.1", 45070))
        told = [d.payload for d in messages(capture, read(capture)) if d.payload[:1] == b"O"]
        assert told == [OPTIONS % 2]
    finally:
        capture.close()


def test_an_interface_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UsageError, match=r"no interface nope .*lo.*any"):
        LiveCapture(["nope"], Wanted())
    with pytest.raises(UsageError, match="don't name others"):
        LiveCapture(["any", "lo"], Wanted())


def test_this_hosts_addresses_are_known() -> None:
    assert "127.0.0.1" in local_addresses()


# In the lab: interfaces that are ours to take down.


def sh(*argv: str) -> None:
    """A command that must work."""
    subprocess.run(argv, check=True, capture_output=True)


@pytest.fixture
def pair() -> Iterator[str]:
    """The name of a veth interface with an address; its other end is there, too."""
    if os.geteuid():
        pytest.skip("needs root for network interfaces")
    name = f"sd{secrets.token_hex(3)}"
    _make(name)
    yield name
    subprocess.run(["ip", "link", "delete", name], check=False, capture_output=True)


def _make(name: str) -> None:
    sh("ip", "link", "add", name, "type", "veth", "peer", "name", f"{name}x")
    sh("ip", "address", "add", "198.18.7.1/24", "dev", name)
    sh("ip", "link", "set", name, "up")
    sh("ip", "link", "set", f"{name}x", "up")
    neighbour = ("198.18.7.2", "lladdr", "02:00:00:00:00:01", "dev", name)
    sh("ip", "neighbour", "replace", *neighbour)


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.lab
def test_an_interface_may_go_down_and_come_back(pair: str) -> None:
    capture = LiveCapture([pair], Wanted())
    try:
        send(OPTIONS % 1, ("198.18.7.2", 5060))
        assert len(messages(capture, read(capture))) == 1
        sh("ip", "link", "set", pair, "down")
        for fileno in capture.filenos():
            assert capture.read(fileno, 10) == []
        assert capture.notices == [f"{pair}: network is down; waiting for it"]
        sh("ip", "link", "set", pair, "up")
        sh("ip", "neighbour", "replace", "198.18.7.2", "lladdr", "02:00:00:00:00:01", "dev", pair)
        capture.mend()
        assert capture.notices[1:] == [f"{pair} is back"]
        send(OPTIONS % 2, ("198.18.7.2", 5060))
        assert [d.payload for d in messages(capture, read(capture))] == [OPTIONS % 2]
    finally:
        capture.close()


@pytest.mark.lab
def test_an_interface_may_be_deleted_and_made_again(pair: str) -> None:
    """As a tunnel is when its daemon restarts. No right is needed to wait for it."""
    capture = LiveCapture([pair], Wanted())
    try:
        sh("ip", "link", "delete", pair)
        capture.mend()
        assert any("waiting" in text for text in capture.notices)
        _make(pair)
        capture.mend()
        send(OPTIONS % 3, ("198.18.7.2", 5060))
        assert [d.payload for d in messages(capture, read(capture))] == [OPTIONS % 3]
        assert capture.notices[-1] == f"{pair} is back"
    finally:
        capture.close()


@pytest.mark.lab
def test_vlan_tags_are_kept(pair: str) -> None:
    """The kernel takes the outermost tag off what it receives; it is put back."""
    src, dst = Endpoint("198.51.100.7", 5060), Endpoint("203.0.113.80", 5060)
    packet = ip_packets(src.ip, dst.ip, 17, udp_segment(src, dst, OPTIONS % 4))[0]
    one = LiveCapture([pair], Wanted())
    everywhere = LiveCapture(["any"], Wanted())
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    try:
        sender.bind((f"{pair}x", 0))
        for tags in (b"", b"\x81\x00\x00\x07", b"\x88\xa8\x00\x05\x81\x00\x00\x07"):
            sender.send(b"\xff" * 6 + bytes(6) + tags + b"\x08\x00" + packet)
            (frame,) = read(one)
            assert frame.data[12:].startswith(tags + b"\x08\x00\x45")
            assert frame.wire == len(frame.data)
            assert [d.payload for d in messages(one, [frame])] == [OPTIONS % 4]
            told = messages(everywhere, read(everywhere, 2))
            assert [d.payload for d in told] == [OPTIONS % 4] * len(told)
            assert told
    finally:
        sender.close()
        one.close()
        everywhere.close()


@pytest.mark.lab
@pytest.mark.parametrize("kind", ["tun", "wireguard"])
def test_tunnels_without_a_link_header(kind: str) -> None:
    if os.geteuid():
        pytest.skip("needs root for network interfaces")
    name = f"sd{secrets.token_hex(3)}"
    make = ["ip", "link", "add", name, "type", "wireguard"]
    if kind == "tun":
        make = ["ip", "tuntap", "add", "dev", name, "mode", "tun"]
    if subprocess.run(make, check=False, capture_output=True).returncode:
        pytest.skip(f"the kernel has no {kind} interfaces")
    try:
        sh("ip", "address", "add", "198.18.9.1/24", "dev", name)
        sh("ip", "link", "set", name, "up")
        capture = LiveCapture([name], Wanted())
        try:
            assert capture.linktype == RAW
            if kind == "tun":
                _from_tun(name)
            else:
                send(OPTIONS % 5, ("198.18.9.2", 5060))
            told = messages(capture, read(capture))
            assert [d.payload for d in told] == [OPTIONS % 5]
        finally:
            capture.close()
    finally:
        subprocess.run(["ip", "link", "delete", name], check=False, capture_output=True)


def _from_tun(name: str) -> None:
    """Sends while somebody holds the tun's other end open."""
    import fcntl
    import struct

    with open("/dev/net/tun", "r+b", buffering=0) as device:
        fcntl.ioctl(device, 0x400454CA, struct.pack("16sH", name.encode(), 0x1001))
        _until(lambda: "LOWER_UP" in subprocess.getoutput(f"ip link show {name}"))
        send(OPTIONS % 5, ("198.18.9.2", 5060))
