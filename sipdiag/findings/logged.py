"""What Asterisk's own words add to the packets: support for findings, and open questions where a
log has the words and not the packets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sipdiag.base.logevent import EventKind, LogEvent
from sipdiag.findings.context import Context, count, peer_subject
from sipdiag.findings.model import Evidence, Finding, Subject, Undetermined
from sipdiag.flows.subjects import Peer

_GIVEN_UP = (
    EventKind.UNREACHABLE,
    EventKind.RETRANSMISSION_TIMEOUT,
    EventKind.NO_REPLY,
    EventKind.MAX_RETRIES,
)
_SAYS: dict[str, tuple[EventKind, ...]] = {
    "registration-rejected": (EventKind.REGISTRATION_FAILED, EventKind.AUTHENTICATION_FAILED),
    "peer-unreachable": _GIVEN_UP,
    "iax2-peer-unreachable": _GIVEN_UP,
    "request-to-private-contact": _GIVEN_UP,
    "nat-binding-expired": _GIVEN_UP,
    "nat-mapping-changed": (*_GIVEN_UP, EventKind.REGISTERED, EventKind.CONTACT_ADDED),
    "ack-missing": (EventKind.RETRANSMISSION_TIMEOUT, EventKind.NO_REPLY),
    "one-way-audio": (EventKind.NO_RTP, EventKind.RTP_NAT, EventKind.RTP_DROPPED),
}
"""Which lines speak for which finding."""

_MOST_LINES = 3


def support(context: Context, findings: Iterable[Finding]) -> None:
    """Adds the log's lines that say the same to the evidence of each finding."""
    peers = {peer_subject(peer): peer for peer in context.subjects.peers}
    for finding in findings:
        peer = peers.get(finding.subject)
        kinds = _SAYS.get(finding.name)
        if peer is None or kinds is None:
            continue
        calls = {t.call_id for t in [*peer.inbound, *peer.outbound]}
        lines = [
            event
            for event in context.subjects.events
            if event.kind in kinds and _about(event, peer, calls)
        ]
        finding.evidence += [
            Evidence(line.origin, line.ts_ns, "supports", f"Asterisk: {line.text}")
            for line in lines[:_MOST_LINES]
        ]


def _about(event: LogEvent, peer: Peer, calls: set[str]) -> bool:
    if event.user is not None:
        return event.user == peer.user
    call_id = event.params.get("call_id")
    if call_id is not None:
        return call_id in calls
    return event.address is not None and event.address in peer.outers


def open_questions(context: Context) -> Iterable[Undetermined]:
    """What Asterisk complains of in a log that holds no packets of it; and audio, which no log
    shows."""
    subjects = context.subjects
    known = {peer.user for peer in subjects.peers}
    complaints = Counter(
        event.user
        for event in subjects.events
        if event.kind is EventKind.UNREACHABLE and event.user not in known
    )
    for user, times in complaints.items():
        yield Undetermined(
            "SD201",
            "peer-unreachable",
            Subject("peer", user or "?"),
            f"Asterisk wrote {count(times, 'time')} that it is unreachable, but the log holds no "
            "packets that show why",
            "set `sip set debug on`, `pjsip set logger on` or `iax2 set debug on` and send verbose "
            "to the file in logger.conf, or capture with tcpdump",
        )
    answered = [
        peer
        for peer in subjects.peers
        if any(c.answered_ns is not None and c.protocol == "SIP" for c in peer.calls)
    ]
    if answered and not subjects.source.media_visible:
        yield Undetermined(
            "SD301",
            "one-way-audio",
            peer_subject(answered[0]),
            "calls were answered, but a log doesn't show audio",
            "capture on the server, media included: tcpdump -i any -s 0 -w calls.pcap udp",
        )
    if not subjects.source.times_known:
        yield Undetermined(
            "SD501",
            "nat-binding-expired",
            Subject("peer", answered[0].ident if answered else "?"),
            "the log has no times, so that the age of a NAT binding can't be told",
            "take the log from the file (logger.conf: full => verbose), which has dates",
        )
