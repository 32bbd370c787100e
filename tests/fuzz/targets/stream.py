"""Bytes, gzip and xz: the same whole as in pieces, and what the standard library makes of them."""

from __future__ import annotations

import contextlib
import gzip
import io
import lzma
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from sipdiag.base.errors import SipdiagError
from sipdiag.readers.stream import CHUNK, ByteStream, open_stream
from tests.fuzz.target import Drip, Target

_ENOUGH = 8 * CHUNK


def _drained(file: BinaryIO) -> tuple[bytes, str | None, str | None]:
    try:
        stream = open_stream(file, "x")
    except SipdiagError as error:
        assert "\n" not in str(error)
        return b"", "refused", str(error)
    out = bytearray()
    while len(out) < _ENOUGH and (more := stream.read()):
        assert len(more) <= 2 * CHUNK
        out += more
    return bytes(out[:_ENOUGH]), stream.compression, stream.damage


def _expected(data: bytes) -> bytes | None:
    """What the standard library makes of it, where it takes all of it."""
    with contextlib.suppress(OSError, EOFError, zlib.error, lzma.LZMAError, ValueError):
        if data.startswith(b"\x1f\x8b"):
            return gzip.GzipFile(fileobj=io.BytesIO(data)).read(_ENOUGH)
        if data.startswith(b"\xfd7zXZ\0"):
            return lzma.LZMAFile(io.BytesIO(data)).read(_ENOUGH)
    return None


def check(data: bytes) -> None:
    """See the module."""
    whole = _drained(io.BytesIO(data))
    sizes = tuple(1 + byte % 61 for byte in data[-3:]) or (1,)
    content, kind, damage = whole
    again, kind_again, _ = _drained(cast(BinaryIO, Drip(data, sizes)))
    if kind != "xz" and not data.startswith(b"\xfd7zXZ"):
        assert (content, kind) == (again, kind_again)
    elif damage is None:
        assert content == again
    else:
        # How much xz gives before damage depends on what it is fed at once.
        shorter, longer = sorted((content, again), key=len)
        assert longer.startswith(shorter) and {kind, kind_again} <= {"xz", "refused"}
    if kind is None:
        assert content == data[:_ENOUGH]
    elif kind != "refused" and damage is None:
        expected = _expected(data)
        # The standard library stops at the padding between xz streams.
        assert expected is not None and content.startswith(expected)
        assert kind == "xz" or content == expected
    stream = ByteStream(io.BytesIO(data), "x", False)
    head = stream.peek()
    assert stream.read_at_least(100, b"").startswith(head)


def seeds() -> Iterator[bytes]:
    """Several members, padding, rubbish behind, a small bomb."""
    text = b"[2024-01-31 12:00:00] NOTICE[7] chan_sip.c: x\n" * 3
    for pack in (gzip.compress, lzma.compress):
        one = pack(text)
        yield one
        yield one + one
        yield one + bytes(8) + one
        yield one + b"rubbish"
        yield one[:-5]
        yield pack(pack(text))
        yield pack(bytes(200_000))
        yield pack(b"")
    yield gzip.compress(text) + lzma.compress(text)
    yield text


TARGET = Target("stream", check, seeds, words=(b"\x1f\x8b\x08", b"\xfd7zXZ\0", b"YZ", bytes(4)))
