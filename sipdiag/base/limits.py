"""Every cap on what is held, each with its reason. A cap that was hit is counted and reported.

>>> hits = LimitHits()
>>> hits.hit("open_transactions")
>>> hits.names()
['open_transactions']
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Defaults fit a busy PBX in about 200 MB."""

    block_bytes: int = 16 * 1024 * 1024
    """A pcapng block or pcap record; a larger one is damage or an attack. Wireshark's own
    largest packet is 256 KiB, and no option needs more."""
    fragments_held: int = 4096
    """IP datagrams waiting for fragments; a flood of first fragments must not fill memory."""
    fragment_age_s: int = 30
    """RFC 791 suggests 15 s, RFC 8200 section 4.5 gives up after 60 s; Linux holds 30 s."""
    fragment_bytes: int = 16 * 1024 * 1024
    """Bytes of waiting fragments altogether; Linux itself holds 4 MiB (ipfrag_high_thresh)."""
    interfaces: int = 4096
    """Interfaces of one pcapng file; more are an attack, ``any`` on a large host has hundreds."""
    known_flows: int = 131_072
    """Address pairs remembered as SIP, IAX2 or RTP; a scan from spoofed addresses makes one a
    packet, and the oldest gives way."""
    spool_bytes: int = 4 * 1024**3
    """Bytes of a pipe or an xz file copied to disk for tshark, which reads files only; a
    decompression bomb must not fill the disk."""
    tcp_streams: int = 4096
    """TCP directions followed at once."""
    tcp_buffer_bytes: int = 256 * 1024
    """Unframed bytes of one TCP direction. Asterisk itself refuses SIP over 64 KiB."""
    message_bytes: int = 65_535
    """Bytes of one SIP message that are parsed: the largest UDP datagram."""
    header_count: int = 512
    """Header lines parsed per message; the rest stays raw, with a defect."""
    open_transactions: int = 65_536
    """Transactions waiting for their outcome."""
    open_calls: int = 65_536
    requests_held: int = 262_144
    """Transactions kept after their end: they are the evidence, and whose they are is known only
    when the source is exhausted."""
    peers: int = 65_536
    """Registrations and bindings kept: one a phone."""
    media_flows: int = 262_144
    """RTP directions counted at once: two or four a call."""
    media_segments: int = 256
    """Segments of one media direction; later packets are counted in the last one."""
    observations_per_binding: int = 4096
    """Inbound attempts kept as evidence per binding; beyond that the first ones stay."""
    evidence_per_finding: int = 20
    """Frames listed for one finding; more prove nothing more to a reader."""
    log_events: int = 262_144
    """Verdict lines of a log kept: a line about each registration, qualify and lost call; an
    attack fills a log with failed ones."""
    log_threads: int = 4096
    """Threads of a log of which an IAX2 frame's lines are gathered; Asterisk has 10 to 256 for
    IAX2, and a damaged log as many as it likes."""
    notes: int = 50


DEFAULT_LIMITS = Limits()


class LimitHits:
    """Counts of the caps that were reached."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def hit(self, name: str) -> None:
        """Counts one more thing dropped because the cap ``name`` of ``Limits`` was reached."""
        self.counts[name] += 1

    def names(self) -> list[str]:
        """Caps that were hit, in order of name."""
        return sorted(self.counts)
