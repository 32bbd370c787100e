"""Captures: every link layer, format and byte order holds the same datagrams, by our reader and
by tshark; checksums are right, and fragments come together again."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path

import pytest

from sipdiag.base.datagram import Datagram, Origin, Transport
from sipdiag.base.endpoint import Endpoint
from sipdiag.crafting.capture import LinkType, PcapBuilder, checksum, write_pcap
from sipdiag.crafting.rtp import build_rtcp_report, build_rtp
from sipdiag.crafting.sip import build
from sipdiag.readers import open_source

needs_tshark = pytest.mark.skipif(not shutil.which("tshark"), reason="tshark is not installed")

A4, B4 = Endpoint("192.0.2.1", 5060), Endpoint("203.0.113.80", 5060)
A6, B6 = Endpoint("2001:db8::1", 5060), Endpoint("2001:db8::80", 5060)
SIP = build("OPTIONS sip:a@192.0.2.1 SIP/2.0", [("Call-ID", "x"), ("CSeq", "1 OPTIONS")])
TIME_NS = 1_767_265_200_123_456_789

CHECKS = ["ip", "udp", "tcp"]


def datagram(payload: bytes = SIP, src: Endpoint = A4, dst: Endpoint = B4) -> Datagram:
    return Datagram(TIME_NS, src, dst, Transport.UDP, payload, Origin("made", frame=1))


def tshark(path: Path, *arguments: str) -> list[str]:
    checks = [word for name in CHECKS for word in ("-o", f"{name}.check_checksum:TRUE")]
    done = subprocess.run(
        ["tshark", "-r", str(path), *checks, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "TZ": "UTC", "LC_ALL": "C.UTF-8"},
    )
    return done.stdout.splitlines()


LAYOUTS = list(itertools.product(["pcap", "pcapng"], "<>", LinkType, [False, True]))


@pytest.mark.parametrize(("kind", "order", "linktype", "nanoseconds"), LAYOUTS)
def test_the_reader_gets_back_what_was_put_in(
    kind: str, order: str, linktype: LinkType, nanoseconds: bool, tmp_path: Path
) -> None:
    builder = PcapBuilder(kind=kind, byte_order=order, linktype=linktype, nanoseconds=nanoseconds)
    pairs = [(A4, B4), (A6, B6)]
    if linktype in (LinkType.IPV4, LinkType.IPV6):
        pairs = [pairs[linktype == LinkType.IPV6]]
    for src, dst in pairs:
        builder.add(datagram(SIP, src, dst))
    path = tmp_path / "made"
    builder.write(path)
    when = TIME_NS if nanoseconds else TIME_NS // 1000 * 1000
    got = [(d.ts_ns, d.src, d.dst, d.payload) for d in open_source(path)]
    assert got == [(when, src, dst, SIP) for src, dst in pairs]
    assert len(builder) == len(pairs)


@needs_tshark
def test_tshark_finds_nothing_wrong(tmp_path: Path) -> None:
    wrong = []
    for number, (kind, linktype) in enumerate(itertools.product(["pcap", "pcapng"], LinkType)):
        order = "<>"[number % 2]
        path = tmp_path / f"{number}"
        builder = PcapBuilder(kind=kind, byte_order=order, linktype=linktype)
        six = linktype == LinkType.IPV6
        builder.add(datagram(SIP, A6 if six else A4, B6 if six else B4))
        builder.write(path)
        lines = tshark(
            path, "-T", "fields", "-e", "sip.Method", "-e", "_ws.malformed",
            "-e", "ip.checksum.status", "-e", "udp.checksum.status",
        )  # fmt: skip
        if lines != ["OPTIONS\t\t\t1" if six else "OPTIONS\t\t1\t1"]:
            wrong.append((kind, order, linktype, lines))
    assert wrong == []


@needs_tshark
@pytest.mark.parametrize(("src", "dst"), [(A4, B4), (A6, B6)])
def test_fragments_come_together(src: Endpoint, dst: Endpoint, tmp_path: Path) -> None:
    whole = build(SIP.split(b"\r\n")[0].decode(), [("Call-ID", "x")], bytes(4000))
    builder = PcapBuilder(mtu=1500)
    builder.add(datagram(whole, src, dst))
    builder.write(tmp_path / "made")
    assert len(builder) == 3
    lines = tshark(tmp_path / "made", "-Y", "sip", "-T", "fields", "-e", "frame.number")
    assert lines == ["3"]
    assert [d.payload for d in open_source(tmp_path / "made")] == [whole]


@needs_tshark
def test_tcp_vlan_and_icmp(tmp_path: Path) -> None:
    builder = PcapBuilder(vlan=7)
    builder.add_tcp(TIME_NS, A4, B4, b"", sequence=0, acknowledged=0, flags=2)
    builder.add(Datagram(TIME_NS, A4, B4, Transport.TCP, SIP, Origin("made", frame=2)))
    builder.add_tcp(TIME_NS, A6, B6, SIP)
    for here, there in ((B4, A4), (B6, A6)):
        builder.add(
            Datagram(TIME_NS, here, there, Transport.ICMP, b"\x45" + bytes(40), Origin("made"))
        )
    builder.write(tmp_path / "made")
    fields = ["-e", "vlan.id", "-e", "tcp.checksum.status", "-e", "sip.Method", "-e", "icmp.code"]
    lines = tshark(tmp_path / "made", "-T", "fields", *fields, "-e", "icmpv6.type")
    assert lines == [
        "7\t1\t\t\t",
        "7\t1\tOPTIONS\t\t",
        "7\t1\tOPTIONS\t\t",
        "7\t\t\t3\t",
        "7\t\t\t\t1",
    ]


def test_snaplen_cuts(tmp_path: Path) -> None:
    for kind in ("pcap", "pcapng"):
        builder = PcapBuilder(kind=kind, snaplen=200)
        builder.add(datagram(SIP + bytes(400)))
        builder.write(tmp_path / "made")
        (got,) = open_source(tmp_path / "made")
        assert got.cut
        assert got.payload == (SIP + bytes(400))[: 200 - 42]


def test_a_packet_needs_both_ends() -> None:
    builder = PcapBuilder()
    one = datagram()
    one.src = None
    with pytest.raises(ValueError, match="both its ends"):
        builder.add(one)


def test_checksum_of_the_rfc() -> None:
    assert checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2
    assert checksum(b"\x01") == 0xFEFF


@needs_tshark
def test_rtp_and_rtcp(tmp_path: Path) -> None:
    media, control = Endpoint("192.0.2.1", 4000), Endpoint("192.0.2.1", 4001)
    path = tmp_path / "made.pcap"
    payloads = [build_rtp(5, 160, 0xABCD, marker=True), build_rtcp_report(0xABCD, packets=3)]
    payloads.append(build_rtcp_report(0xABCD, sender=False))
    ends = [media, control, control]
    write_pcap(path, [datagram(p, src, B4) for p, src in zip(payloads, ends, strict=True)])
    decode = ["-d", "udp.port==4000,rtp", "-d", "udp.port==4001,rtcp"]
    fields = ["-e", "rtp.seq", "-e", "rtp.ssrc", "-e", "rtp.p_type", "-e", "rtcp.pt"]
    lines = tshark(path, *decode, "-T", "fields", *fields, "-e", "_ws.malformed")
    assert lines == ["5\t0x0000abcd\t8\t\t", "\t\t\t200,202\t", "\t\t\t201,202\t"]
