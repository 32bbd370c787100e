"""The tshark reader gives what the native one gives, and what only tshark can."""

from __future__ import annotations

import io
import lzma
import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from sipdiag.base.datagram import Transport
from sipdiag.base.errors import AccessError, InputError, UsageError
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.readers import open_source

from .packets import (
    MS,
    PBX,
    PBX6,
    PHONE,
    PHONE6,
    STUN,
    T0,
    Address,
    cooked,
    ethernet,
    fragment6,
    iax2,
    icmp_unreachable,
    ip,
    mini,
    pcap,
    pcapng,
    rtp,
    sip,
    tcp,
    udp,
    udp_header,
)

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark isn't installed")
A: Address = ("192.168.1.20", 16384)
B: Address = ("203.0.113.5", 10_002)


def everything() -> list[bytes]:
    stream = sip("INVITE", 1, b"v=0\r\n") + sip("ACK", 1) + sip("BYE", 2)
    body6 = udp_header(PHONE6, PBX6, sip("MESSAGE", body=b"x" * 1500))
    packets = [
        udp(PHONE, PBX, sip(), ident=1),
        *(tcp(PHONE, PBX, 2 + at, stream[at : at + 250]) for at in range(0, len(stream), 250)),
        udp((PHONE[0], 4569), (PBX[0], 4569), iax2(1, b"\x0b\x02\0\x02"), ident=3),
        udp((PHONE[0], 4569), (PBX[0], 4569), mini(), ident=4),
        udp(PHONE, PBX, b"\r\n\r\n", ident=5),
        udp(PHONE, ("198.51.100.9", 3478), STUN, ident=6),
        icmp_unreachable("198.51.100.1", PBX[0], udp(PBX, PHONE, sip("INVITE"))),
        icmp_unreachable("2001:db8::1", PBX6[0], udp(PBX6, PHONE6, sip("INVITE"))),
        icmp_unreachable("198.51.100.1", PBX[0], udp((PBX[0], 1053), (PHONE[0], 53), bytes(20))),
        ip("10.0.0.1", "10.0.0.2", 4, udp(PHONE, PBX, sip(cseq=7))),
        ip("10.0.0.1", "10.0.0.2", 41, tcp(PHONE6, PBX6, 1, sip(cseq=8))),
        *(
            ip(
                PHONE6[0],
                PBX6[0],
                44,
                body6[at : at + 800],
                extension=fragment6(17, 1, at, at + 800 < len(body6)),
            )
            for at in range(0, len(body6), 800)
        ),
    ]
    return packets + [udp(A, B, rtp(n), ident=n) for n in range(20)]


@needs_tshark
def test_same_as_native(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([ethernet(packet) for packet in everything()]))
    native = open_source(path, name="a")
    tshark = open_source(path, name="a", reader="tshark")
    assert list(tshark) == list(native)
    assert tshark.source.kind == "tshark"
    for field in ("packets", "sip_messages", "iax2_frames", "rtp_packets", "first_ns", "last_ns"):
        assert getattr(tshark.source, field) == getattr(native.source, field), field
    assert [(f.src, f.kind, f.segments) for f in tshark.media] == [
        (f.src, f.kind, f.segments) for f in native.media
    ]


@needs_tshark
def test_duplicates_as_native(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    packets = [udp(PHONE, PBX, sip(cseq=n), ident=n) for n in range(3)]
    stamped = [(T0 + n * 1000 * MS + k, cooked(packets[n], k)) for n in range(3) for k in (0, 4)]
    stamped += [(T0 + 9000 * MS + n * MS, cooked(udp(PHONE, PBX, sip()))) for n in (0, 600)]
    path.write_bytes(pcap(stamped, 113))
    native = open_source(path, name="a")
    tshark = open_source(path, name="a", reader="tshark")
    assert list(tshark) == list(native)
    assert tshark.source.notes == native.source.notes != []


@needs_tshark
@pytest.mark.parametrize("how", ["stream", "xz"])
def test_spooled(tmp_path: Path, how: str) -> None:
    data = pcapng([ethernet(udp(PHONE, PBX, sip()))])
    path = tmp_path / "a.xz"
    path.write_bytes(lzma.compress(data))
    reader = open_source(io.BytesIO(data) if how == "stream" else path, reader="tshark")
    assert [d.payload for d in reader] == [sip()]
    hits = LimitHits()
    limits = Limits(spool_bytes=10)
    reader = open_source(io.BytesIO(data), reader="tshark", limits=limits, hits=hits)
    assert list(reader) == []
    assert reader.source.truncated
    assert hits.names() == ["spool_bytes"]


@needs_tshark
def test_cut_off_capture(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([ethernet(udp(PHONE, PBX, sip(cseq=n), ident=n)) for n in range(3)])[:-9])
    reader = open_source(path, reader="tshark")
    assert len(list(reader)) == 2
    assert reader.source.truncated
    assert "cut short" in reader.source.notes[0]


@needs_tshark
def test_what_tshark_cannot_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(500))
    with pytest.raises(InputError, match="is a PNG image"):
        open_source(path, reader="tshark")
    path.write_bytes(b"\x80\x81\x82\x83" * 100)
    with pytest.raises(InputError, match="tshark can't read it: The file"):
        open_source(path, reader="tshark")
    with pytest.raises(InputError, match="no such key log"):
        open_source(io.BytesIO(pcap([])), reader="tshark", keylog=tmp_path / "none")
    with pytest.raises(UsageError, match="decode-as"):
        open_source(io.BytesIO(pcap([])), reader="tshark", decode_as=["sip"])


@needs_tshark
def test_empty_capture_and_unread_reader(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([]))
    assert list(open_source(path, reader="tshark")) == []
    reader = open_source(path, reader="tshark")
    reader.close()
    reader.close()


@needs_tshark
def test_decode_as(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([ethernet(tcp(("10.0.0.1", 3), ("10.0.0.2", 80), 1, sip()))]))
    reader = open_source(path, reader="tshark", decode_as=["tcp.port==80,sip"])
    assert [d.payload for d in reader] == [sip()]


def test_without_tshark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(AccessError, match="tshark isn't installed"):
        open_source(io.BytesIO(pcap([])), reader="tshark")


def certificate(folder: Path) -> tuple[Path, Path]:
    key, cert = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=pbx.example"]
    subprocess.run([*command, "-keyout", key, "-out", cert], check=True, capture_output=True)
    return key, cert


@needs_tshark
@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl isn't installed")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_with_a_key_log(tmp_path: Path, version: ssl.TLSVersion) -> None:
    """A handshake between two ``SSLObject``s in memory, its bytes put into TCP segments."""
    key, cert = certificate(tmp_path)
    keylog = tmp_path / "keys.log"
    client_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client_context.check_hostname = False
    client_context.verify_mode = ssl.CERT_NONE
    client_context.minimum_version = client_context.maximum_version = version
    client_context.keylog_filename = str(keylog)
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(cert, key)
    wires = [ssl.MemoryBIO(), ssl.MemoryBIO()]
    ends: tuple[Address, Address] = ((PHONE[0], 40_000), (PBX[0], 5061))
    packets = [tcp(*ends, 0, flags=2), tcp(*ends[::-1], 0, flags=0x12, ack=1)]
    sequence = [1, 1]
    real = [ssl.MemoryBIO(), ssl.MemoryBIO()]
    client = client_context.wrap_bio(real[1], wires[0])
    server = server_context.wrap_bio(real[0], wires[1], server_side=True)

    def carry() -> None:
        for side in (0, 1):
            data = wires[side].read()
            real[side].write(data)
            pair = ends if side == 0 else ends[::-1]
            for at in range(0, len(data), 1400):
                piece = data[at : at + 1400]
                packets.append(tcp(*pair, sequence[side], piece, ack=sequence[1 - side]))
                sequence[side] += len(piece)

    done = [False, False]
    while not all(done):
        for side, end in enumerate((client, server)):
            try:
                end.do_handshake()
                done[side] = True
            except ssl.SSLWantReadError:
                pass
            carry()
    client.write(sip("REGISTER"))
    carry()
    server.read()
    server.write(sip("OPTIONS"))
    carry()
    path = tmp_path / "tls.pcap"
    path.write_bytes(pcap([ethernet(packet) for packet in packets]))
    reader = open_source(path, reader="tshark", keylog=keylog)
    found = list(reader)
    assert [d.payload for d in found] == [sip("REGISTER"), sip("OPTIONS")]
    assert {d.transport for d in found} == {Transport.TLS}
    assert [d.src and d.src.port for d in found] == [40_000, 5061]
    assert list(open_source(path)) == []


def test_what_is_called_tshark_and_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers, but with no version that pyshark knows."""
    (tmp_path / "tshark").write_text("#!/bin/sh\necho TShark nine\n")
    (tmp_path / "tshark").chmod(0o755)
    (tmp_path / "one.pcap").write_bytes(pcap([udp(PHONE, PBX, sip())]))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(AccessError, match="TShark nine"):
        list(open_source(tmp_path / "one.pcap", reader="tshark"))
