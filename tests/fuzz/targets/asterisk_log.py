"""Asterisk's logs: refused in a line or read; records are the same whole as in pieces."""

from __future__ import annotations

import io
from collections.abc import Iterator

from sipdiag.asterisk.log_form import sniff
from sipdiag.asterisk.log_records import records
from sipdiag.base.datagram import Direction
from sipdiag.base.errors import InputError
from sipdiag.base.limits import LimitHits
from sipdiag.readers import open_source
from sipdiag.readers.asterisk_log import AsteriskLogReader
from tests.fuzz.target import Target
from tests.fuzz.targets._capture import LIMITS, NOW_NS
from tests.readers.test_asterisk_log_samples import SAMPLES


def check(data: bytes) -> None:
    """See the module."""
    form = sniff(data)
    size = 1 + (data[-1] if data else 0) % 97
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert list(records(form, pieces)) == list(records(form, [data]))
    hits = LimitHits()
    try:
        reader = open_source(io.BytesIO(data), name="x", limits=LIMITS, hits=hits, now_ns=NOW_NS)
    except InputError as error:
        assert "\n" not in str(error)
        return
    found = list(reader)
    source = reader.source
    assert len(source.notes) <= LIMITS.notes
    if not isinstance(reader, AsteriskLogReader):
        return
    lines = data.count(b"\n") + data.count(b"\\n") + data.count(b"#012") + 1
    for datagram in found:
        assert (datagram.src is None) != (datagram.dst is None)
        assert datagram.direction in (Direction.SENT, Direction.RECEIVED)
        assert 0 < (datagram.origin.line or 0) <= lines
    for event in reader.events:
        assert 0 < (event.origin.line or 0) <= lines
        assert "\n" not in event.text
    assert len(reader.events) <= LIMITS.log_events
    assert source.packets == len(found)


def seeds() -> Iterator[bytes]:
    """The samples of every form and version."""
    for sample in SAMPLES:
        yield sample.log


TARGET = Target(
    "asterisk_log",
    check,
    seeds,
    words=(
        b"[2024-01-31 12:00:00.123] ", b"VERBOSE[7] chan_sip.c: ", b"NOTICE[7][C-00000001]: ",
        b"<--- SIP read from UDP:203.0.113.7:5060 --->\n", b"<------------->\n", b"---\n",
        b"Reliably Transmitting (NAT) to 203.0.113.7:5060:\n",
        b"<--- Received SIP request (51 bytes) from TCP:203.0.113.7:5060 --->\n",
        b"Rx-Frame Retry[ No] -- OSeqno: 000 ISeqno: 000 Type: IAX     Subclass: REGREQ \n",
        b"   Timestamp: 00014ms  SCall: 00006  DCall: 00000 203.0.113.7:4569\n",
        b"OPTIONS sip:a SIP/2.0\r\n", b"Content-Length: 4\r\n", b"#012", b"*CLI> ", b"\x1b[1;31m",
        b'{"log":"', b"Jan 31 12:00:00 vps asterisk[812]: ", b"' failed for '",
    ),
)  # fmt: skip
