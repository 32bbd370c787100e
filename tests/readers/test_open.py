"""Opening inputs: told apart by content, refused in one clear line."""

from __future__ import annotations

import gzip
import io
import lzma
import os
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipdiag.base.errors import AccessError, InputError, SipdiagError, UsageError
from sipdiag.base.limits import Limits
from sipdiag.readers import open_source
from sipdiag.readers.sniff import looks_like_text, refuse
from sipdiag.readers.stream import CHUNK, ByteStream

from .packets import (
    PBX,
    PHONE,
    ethernet,
    frames,
    pcap,
    pcapng,
    read,
    rtp,
    section,
    sip,
    tcp,
    udp,
)

PACKETS = [ethernet(udp(PHONE, PBX, sip(cseq=n), ident=n)) for n in (1, 2, 3)]
PCAP, PCAPNG = pcap(PACKETS), pcapng(PACKETS)


@pytest.mark.parametrize("data", [PCAP, PCAPNG], ids=["pcap", "pcapng"])
@pytest.mark.parametrize(
    "pack",
    [
        bytes,
        gzip.compress,
        lzma.compress,
        lambda d: gzip.compress(d[:50]) + gzip.compress(d[50:]) + b"\0" * 512,
        lambda d: lzma.compress(d[:50]) + lzma.compress(d[50:]),
        lambda d: gzip.compress(d[:3]) + gzip.compress(b"") + gzip.compress(d[3:]),
    ],
)
def test_content_decides(tmp_path: Path, data: bytes, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "misleading.png"
    path.write_bytes(pack(data))
    reader = open_source(path)
    assert frames(reader) == [1, 2, 3]
    assert not reader.source.truncated
    assert reader.source.name == str(path)
    assert reader.source.kind == ("pcap" if data is PCAP else "pcapng")


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "PNG image"),
        (b"\x7fELF" + bytes(99), "ELF program"),
        (b"PK\x03\x04" + bytes(99), "zip archive"),
        (b"%PDF-1.7\n%\xe2\xe3", "PDF document"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\x28\xb5\x2f\xfd" + bytes(9), "zstd"),
        (b"snoop\0\0\0\0\0\0\2", "snoop capture.*--reader tshark may"),
        ("Grüße".encode(), "looks like text"),
        (b"\xff\xfeG\0", "looks like text"),
        (b"\x80\x81\x82\x83", "begins with 80 81 82 83, no magic number"),
        (bytes(257) + b"ustar\0", "tar archive"),
        (gzip.compress(gzip.compress(PCAP)), "compressed twice"),
        (gzip.compress(lzma.compress(PCAP)), "compressed twice"),
        (b"", "is empty"),
        (gzip.compress(b""), "empty gzip stream"),
        (b"\x1f\x8b\x08", "gzip data are cut off"),
        (b"\x1f\x8bnot really gzip", "gzip data are damaged"),
        (b"\xfd7zXZ\0" + bytes(60), "xz data are damaged"),
        (b"\x0a\x0d\x0d\x0a\0\0\0", "pcapng section header"),
    ],
)
def test_refused_in_one_line(tmp_path: Path, head: bytes, says: str) -> None:
    path = tmp_path / "input.pcap"
    path.write_bytes(head)
    with pytest.raises(InputError, match=says) as caught:
        open_source(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        open_source(tmp_path / "none")
    with pytest.raises(InputError, match="is a directory"):
        open_source(tmp_path)
    with pytest.raises(InputError, match="can't be opened"):
        open_source(str(tmp_path) + "/\0")


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may read everything")
def test_permission(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(PCAP)
    path.chmod(0)
    with pytest.raises(AccessError, match="permission denied"):
        open_source(path)


def test_permission_as_anybody(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse_all(*args: object, **kwargs: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse_all)
    with pytest.raises(AccessError, match=r"a\.pcap: permission denied"):
        open_source("a.pcap")


def test_names() -> None:
    assert open_source(io.BytesIO(PCAP)).source.name == "stream"
    assert open_source(io.BytesIO(PCAP), name="given").source.name == "given"


def test_options_that_do_not_fit() -> None:
    for options in ({"reader": "scapy"}, {"keylog": "a"}, {"decode_as": ["tcp.port==1,sip"]}):
        with pytest.raises(UsageError):
            open_source(io.BytesIO(PCAP), **options)


@pytest.mark.parametrize("data", [PCAP, PCAPNG, gzip.compress(PCAP)])
def test_standard_input_is_a_pipe(data: bytes) -> None:
    program = (
        "from sipdiag.readers import open_source\n"
        "reader = open_source('-')\n"
        "print(len(list(reader)), reader.source.name)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=data,
        capture_output=True,
        cwd=Path(__file__).parents[2],
        check=True,
    )
    assert done.stdout == b"3 stdin\n"


def test_pipe_in_drops(tmp_path: Path) -> None:
    """A pipe may give a byte at a time, and a datagram comes before the pipe ends."""
    reading, writing = os.pipe()
    more = threading.Event()

    def write() -> None:
        with open(writing, "wb", buffering=0) as pipe:
            for at in range(len(PCAP)):
                pipe.write(PCAP[at : at + 1])
            more.wait(10)
            pipe.write(pcap(PACKETS)[24:])

    thread = threading.Thread(target=write)
    thread.start()
    with open(reading, "rb", buffering=0) as pipe:
        datagrams = iter(open_source(pipe))
        first = [next(datagrams) for _ in range(3)]
        more.set()
        assert frames(first) == [1, 2, 3]
        assert frames(datagrams) == [4, 5, 6]
    thread.join()


def test_progress(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(pcap([bytes(1000)] * 3000))
    calls: list[tuple[int, int | None]] = []
    list(open_source(path, on_progress=lambda done, total: calls.append((done, total))))
    size = path.stat().st_size
    assert calls[-1] == (size, size)
    assert calls == sorted(calls)
    assert 1 < len(calls) <= size / CHUNK + 2
    calls.clear()
    list(open_source(io.BytesIO(PCAP), on_progress=lambda *call: calls.append(call)))
    assert calls == [(len(PCAP), None)]


def test_closing() -> None:
    """A file that was opened here is closed; one that was given isn't."""
    given = io.BytesIO(PCAP)
    list(open_source(given))
    given.seek(0)
    open_source(given).close()
    assert not given.closed


def test_nothing_stays_open_when_never_read(tmp_path: Path) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(PCAP)
    for _ in range(5):
        open_source(path)
        next(iter(open_source(path)))


def test_compressed_and_cut_off() -> None:
    big = pcap([ethernet(udp(PHONE, PBX, sip(cseq=n), ident=n)) for n in range(400)])
    for packed in (gzip.compress(big), lzma.compress(big)):
        seen = set()
        for size in range(0, len(packed), 61):
            try:
                found, reader = read(packed[:size])
            except InputError:
                continue
            assert frames(found) == list(range(1, len(found) + 1))
            assert reader.source.truncated
            assert "cut off" in reader.source.notes[0]
            seen.add(len(found))
        assert seen
    found, reader = read(gzip.compress(big)[:-3])
    assert len(found) == 400
    assert reader.source.truncated, "the check sum is missing"


def test_compressed_and_damaged() -> None:
    packed = bytearray(gzip.compress(PCAP))
    packed[-6] ^= 0xFF
    found, reader = read(bytes(packed))
    assert len(found) == 3, "what comes before the wrong check sum"
    assert reader.source.truncated
    found, reader = read(gzip.compress(PCAP) + b"trailing rubbish")
    assert len(found) == 3
    assert "left out" in reader.source.notes[0]


def test_a_bomb_is_streamed() -> None:
    """300 MB of zeros behind a capture's header: read in chunks, and refused as damage."""
    engine = zlib.compressobj(9, wbits=31)
    zeros = bytes(1 << 20)
    packed = [engine.compress(pcap(PACKETS))]
    packed += [engine.compress(zeros) for _ in range(300)]
    packed.append(engine.flush())
    stream = ByteStream(io.BytesIO(b"".join(packed)), "bomb", owned=False)
    largest = 0
    while data := stream.read():
        largest = max(largest, len(data))
    assert largest <= CHUNK + 64
    bomb = gzip.compress(section() + b"\x06\0\0\0\xfc\xff\xff\x0f" + zeros * 20)
    _, reader = read(bomb, Limits(block_bytes=1 << 20))
    assert reader.source.truncated


def test_a_file_that_fails_while_read() -> None:
    class Failing(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            if self.tell() >= len(PCAP):
                raise OSError(5, "Input/output error")
            return super().read1(size)

    reader = open_source(Failing(PCAP))
    assert len(list(reader)) == 3
    assert "Input/output error" in reader.source.notes[0]


def test_text_is_told() -> None:
    assert looks_like_text("aä".encode()[:2]), "a character may be cut off"
    assert not looks_like_text(b"ab\0")
    assert refuse(b"\x00\x01").startswith("is not a capture")


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    for start in (b"", PCAP[:24], section(), PCAPNG[:60], b"\x1f\x8b\x08\0", b"\xfd7zXZ\0"):
        try:
            read(start + data)
        except SipdiagError as error:
            assert isinstance(error, InputError)
            assert "\n" not in str(error)


MANY = pcap(
    [
        *PACKETS,
        ethernet(udp(("10.0.0.1", 4000), ("10.0.0.2", 4002), rtp())),
        ethernet(tcp(PHONE, PBX, 1, sip())),
    ]
)


@settings(max_examples=300)
@given(
    st.sampled_from([MANY, PCAPNG, gzip.compress(MANY), lzma.compress(PCAPNG)]),
    st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_mutated_captures(data: bytes, changes: list[tuple[int, int]]) -> None:
    mutated = bytearray(data)
    for at, value in changes:
        mutated[at % len(mutated)] = value
    try:
        read(bytes(mutated))
    except SipdiagError as error:
        assert isinstance(error, InputError)
