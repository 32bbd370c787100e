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
    """Defaults fit a busy PBX. A flood that reaches them (a million INVITEs, each with a
    Call-ID and an address of its own) took 1.2 GB."""

    block_bytes: int = 16 * 1024 * 1024
    """A pcapng block or pcap record; a larger one is damage or an attack. Wireshark's own
    largest packet is 256 KiB, and no option needs more."""
    unpacked_bytes: int = 1 << 30
    """Bytes that a compressed input may unpack to, however small it is."""
    unpacked_ratio: int = 250
    """Bytes out of each byte in, beyond ``unpacked_bytes``: gzip reaches 1032 and xz 7000, but only
    on rubbish. Captures come to 10 at most, logs of nothing but pings to 60."""
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
    tcp_held_bytes: int = 32 * 1024 * 1024
    """Unframed bytes of all of them: as many streams as there may be, with 8 KiB waiting in each.
    Those that hold most give way."""
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
    sighting_bytes: int = 256 * 1024 * 1024
    """Bytes of the messages of one source that are held to be found again in another: as many as
    ``requests_held`` of 1 KiB each."""
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
    stand_ins: int = 262_144
    """Originals of each kind (users, hosts, addresses, identifiers) that ``--anonymise`` tells
    apart; what comes later shares one stand-in."""
    held_bytes: int = 32 * 1024 * 1024
    """Bytes of messages kept of an input that can't be read a second time (standard input), where a
    page is to show them: some 60,000 messages."""
    clients_simulated: int = 250
    """Clients of which a report says what each setting would do: some 150 rows, or 60 KB, each.
    Those that something was found of go first."""
    notes: int = 50
    live_clients: int = 16_384
    """Clients that ``live`` keeps a history of: more than one Asterisk serves."""
    live_strangers: int = 2048
    """Addresses that asked for something and were granted nothing: a scanner makes up one a
    packet, and the oldest gives way."""
    live_call_ids: int = 65_536
    """Call-IDs whose client ``live`` remembers; a flood of forged ones is forgotten first come,
    first gone."""
    live_history_count: int = 600
    """Packets in the history of one client: an hour of registering and pings each minute, and a
    diagnosis of it takes some 30 ms."""
    live_history_bytes: int = 1 << 20
    """Bytes in it: 600 packets are 400 KB as a rule; a phone list in an XML body is 60 KB."""
    live_history_s: int = 7200
    """Its age: with a registration of an hour, asterisk's default maximum, the last two."""
    live_bytes: int = 64 << 20
    """Bytes of all histories together: where it is reached, each client has an equal share."""
    live_media_count: int = 2000
    """Media packets in a history (``--media``): the last 20 s of a call both ways."""
    live_pending: int = 1024
    """Address pairs of which fragments or TCP segments wait for the message that they are of."""
    live_pending_each: int = 64
    """Frames that wait for one message: 64 KiB in segments of 1 KiB."""
    live_scanned: int = 16_384
    """Addresses whose failed attempts are counted, to know scanners by."""
    live_events: int = 4096
    """Verdict lines of a followed log; a log in trouble writes some each second."""


DEFAULT_LIMITS = Limits()

LIVE_LIMITS = Limits(known_flows=16_384, live_call_ids=32_768, open_calls=8192)
"""For days on end: a pair of addresses that is forgotten is known again by its next message."""


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
