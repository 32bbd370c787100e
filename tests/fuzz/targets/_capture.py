"""What the targets for captures and logs share: reading to the end, whole and in pieces."""

from __future__ import annotations

import io
from typing import BinaryIO, cast

from sipdiag.base.datagram import Datagram, Source
from sipdiag.base.errors import SipdiagError
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.readers import open_source
from tests.fuzz.target import Drip

NOW_NS = 1_800_000_000 * 10**9

LIMITS = Limits(
    fragments_held=8,
    fragment_bytes=4096,
    interfaces=8,
    known_flows=16,
    tcp_streams=4,
    tcp_buffer_bytes=1024,
    tcp_held_bytes=2048,
    message_bytes=4096,
    header_count=32,
    media_flows=8,
    media_segments=4,
    log_events=16,
    log_threads=4,
    notes=8,
)
"""So small that a fuzzer's inputs reach them."""

Outcome = tuple[str, list[Datagram], Source | None, list[str]]


def read(data: bytes, pieces: tuple[int, ...] = ()) -> Outcome:
    """The refusal or "", the datagrams, the source and the limits hit. ``pieces``: sizes in which
    a pipe gives the data."""
    hits = LimitHits()
    file = cast(BinaryIO, Drip(data, pieces)) if pieces else io.BytesIO(data)
    try:
        reader = open_source(file, name="x", limits=LIMITS, hits=hits, now_ns=NOW_NS)
        found = list(reader)
    except SipdiagError as error:
        text = str(error)
        assert text and "\n" not in text, text
        return text, [], None, []
    source = reader.source
    assert len(source.notes) <= LIMITS.notes
    assert all(note and "\n" not in note for note in source.notes), source.notes
    assert len(reader.media) <= LIMITS.media_flows
    if source.first_ns is not None and source.last_ns is not None:
        assert source.first_ns <= source.last_ns
    for datagram in found:
        assert datagram.origin.source == "x"
        assert isinstance(datagram.payload, bytes)
    return "", found, source, hits.names()


def same_in_pieces(data: bytes) -> Outcome:
    """Reads it twice: whole, and in pieces whose sizes follow from the data."""
    whole = read(data)
    sizes = tuple(1 + byte % 61 for byte in data[-3:]) or (1,)
    assert read(data, sizes) == whole
    return whole
