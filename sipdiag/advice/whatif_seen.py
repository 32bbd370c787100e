"""What was seen of a client, and whether a packet to or from it would arrive.

The legs of the what-if simulation: where Asterisk would send a reply, the next request and audio,
where the client would send what it owes Asterisk, and whether the binding lives from one refresh to
the next. A destination reaches if it is where the packets come from; it fails if packets to it were
lost, or if it is an address that nobody outside can send to; otherwise the packets don't decide.

Sources: chan_sip.c:sip_real_dst, set_destination, check_for_nat (16.28); res_pjsip_nat.c (22);
res_rtp_asterisk.c:ast_rtp_read, __rtp_sendto (16.28); chan_iax2.c:update_registry, poke_peer (22);
pjproject sip_util.c:pjsip_get_response_addr.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sipdiag.base.endpoint import Endpoint, behind_nat, same_address
from sipdiag.base.interval import Interval
from sipdiag.findings.reach import Fate, Reach
from sipdiag.flows.call import UNACKNOWLEDGED_COUNT, Call
from sipdiag.flows.subjects import Peer, Subjects
from sipdiag.flows.transaction import Transaction, Written


class Answer(enum.Enum):
    """Whether something gets to where it must."""

    REACHES = "reaches"
    FAILS = "fails"
    UNDETERMINED = "undetermined"


def worst(legs: Iterable[Answer | None]) -> Answer:
    """FAILS where anything fails, REACHES where everything reaches."""
    known = [leg for leg in legs if leg is not None]
    if Answer.FAILS in known:
        return Answer.FAILS
    return Answer.UNDETERMINED if Answer.UNDETERMINED in known else Answer.REACHES


class Outlook(NamedTuple):
    """One setting. ``setting`` as it is written, options joined by blanks; of a phone or a router,
    in words. ``audio`` is None where the protocol has no audio of its own (IAX2)."""

    where: str
    setting: str
    reply: Answer
    request: Answer
    audio: Answer | None
    binding: Answer
    note: str
    inward: Answer | None = None
    """What the client must send to the addresses that Asterisk writes: the ACK to its Contact,
    audio to its SDP. None: IAX2 writes none."""
    aside: bool = False
    """For comparison only: never recommended."""

    @property
    def overall(self) -> Answer:
        """FAILS where anything fails, REACHES where everything reaches."""
        return worst((self.toward_client, self.inward))

    @property
    def toward_client(self) -> Answer:
        """The same without ``inward``, which no setting for the client's NAT changes."""
        return worst((self.reply, self.request, self.audio, self.binding))


@dataclass(frozen=True, slots=True)
class Own:
    """What was observed of Asterisk's own addresses."""

    home: Endpoint
    """Where its packets come from."""
    contact_host: str | None
    """What its Contact named, the newest answer's before the newest request's."""
    media: Endpoint | None
    """The newest place where its SDP asked for audio."""
    third_party: Endpoint | None
    """A place that isn't Asterisk's, to which it sent the client's audio in mid-call."""
    acknowledged: bool | None
    """Whether the client's ACKs to its 200 OK arrived; None = no such call was seen."""
    heard: bool
    """Audio from the client arrived."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was observed of a client, as far as it decides."""

    source: Endpoint
    """Where its packets come from."""
    written: Written | None
    media_written: Endpoint | None
    """Where its SDP asks for audio; None = no SDP was seen."""
    media_source: Endpoint | None
    """Where its audio comes from; None = none was seen."""
    lost_at: frozenset[Endpoint]
    """Destinations at which everything was lost though the client was there."""
    lifetime: Interval
    refresh_s: float | None
    refresh_share: float | None
    registers: bool
    asked_s: int | None
    """What it asks its registrar for."""
    contact_returned: bool
    """The registrar's 200 OK never named another Contact than this client sent."""
    inbound_refreshes: bool
    """Something got through later than the binding lives from the client's last packet on: so
    packets from outside had refreshed it."""
    own: Own


def seen_of(reach: Reach, subjects: Subjects) -> Seen | None:
    """The observations of one client; None for one that was never heard."""
    peer = reach.peer
    attempts = peer.attempts
    last = attempts[-1] if attempts else (peer.outbound[-1] if peer.outbound else None)
    if last is None:
        return None
    offers = [o for call in peer.calls for o in call.offers if o.src in peer.outers and o.endpoint]
    wanted = {o.endpoint.port for o in offers if o.endpoint}
    sources = [flow.src for flow in subjects.media.flows_from(last.src.ip)]
    sources = [source for source in sources if source.port in wanted] or sources
    return Seen(
        source=last.src,
        written=last.written,
        media_written=offers[-1].endpoint if offers else None,
        media_source=sources[-1] if offers and sources else None,
        lost_at=frozenset(o.dst for o in reach.of(Fate.ASTRAY)) | _unheard_replies(peer),
        lifetime=reach.lifetime,
        refresh_s=reach.refresh_s,
        refresh_share=reach.refresh_share,
        registers=peer.registration is not None,
        asked_s=peer.registration.asked_s if peer.registration else None,
        contact_returned=all(t.contact_returned is not False for t in attempts),
        inbound_refreshes=_inbound_refreshes(reach),
        own=_own(peer, last, subjects),
    )


def _unheard_replies(peer: Peer) -> frozenset[Endpoint]:
    """Where replies went after which the client went on repeating its request."""
    attempts = peer.attempts
    return frozenset(
        answer.dst
        for t in [*attempts, *peer.outbound]
        for answer in t.answers[:1]
        if answer.dst != t.src and sum(sent.ts_ns > answer.ts_ns for sent in t.sent) > 1
    )


def _inbound_refreshes(reach: Reach) -> bool:
    upper = reach.failed_s
    return upper is not None and any(
        o.idle_s is not None and o.idle_s > upper for o in reach.got_through()
    )


def _own(peer: Peer, last: Transaction, subjects: Subjects) -> Own:
    home = last.dst
    hosts = [t.written.contact_host for t in peer.inbound if t.written and t.written.contact_host]
    openings = {id(t) for t in peer.inbound}
    from_client = [call for call in peer.calls if id(call.opening) not in openings]
    for call in from_client:
        if call.answered_contact:
            hosts.append(call.answered_contact.rpartition(":")[0].strip("[]"))
    spoken = [_offered(call, peer) for call in peer.calls]
    return Own(
        home=home,
        contact_host=hosts[-1] if hosts else None,
        media=next((places[0] for places in reversed(spoken) if places), None),
        third_party=next(
            (p for places in spoken for p in places[1:] if not same_address(p.ip, places[0].ip)),
            None,
        ),
        acknowledged=_acknowledged(from_client),
        heard=any(
            same_address(flow.dst.ip, home.ip) for flow in subjects.media.flows_from(last.src.ip)
        ),
    )


def _offered(call: Call, peer: Peer) -> list[Endpoint]:
    """Where Asterisk's SDPs of one call asked for audio, in order."""
    return [o.endpoint for o in call.offers if o.src not in peer.outers and o.endpoint]


def _acknowledged(calls: Sequence[Call]) -> bool | None:
    """Of calls from the client that were answered: no ACK in any that repeated its 200 OK."""
    answered = [call for call in calls if call.answered_ns is not None]
    if any(len(c.answers_repeated) >= UNACKNOWLEDGED_COUNT and not c.acks for c in answered):
        return False
    return True if any(call.acks for call in answered) else None


def delivers(dst: Endpoint, home: Endpoint, seen: Seen) -> Answer:
    """Whether a packet to ``dst`` reaches a client whose packets come from ``home``."""
    if same_address(dst.ip, home.ip) and dst.port == home.port:
        return Answer.REACHES
    if dst in seen.lost_at:
        return Answer.FAILS
    if behind_nat(dst.ip) and not same_address(dst.ip, home.ip):
        return Answer.FAILS
    return Answer.UNDETERMINED


def reply(seen: Seen, *, forced: bool, literal: bool = False, rport: bool = True) -> Answer:
    """RFC 3261 section 18.2.2 and RFC 3581: the source's address, and the Via's port unless rport
    is forced or asked for (chan_sip from 1.8 on, and PJSIP). ``literal``: the Via's address too, as
    chan_sip up to 1.6 does (check_via); ``rport=False``: asking for it doesn't help."""
    written = seen.written
    if forced or written is None or (rport and written.via_rport):
        return Answer.REACHES
    if literal and written.via_host is not None:
        return delivers(Endpoint(written.via_host, written.via_port or 5060), seen.source, seen)
    if written.via_port is None:
        return Answer.REACHES
    return delivers(Endpoint(seen.source.ip, written.via_port), seen.source, seen)


def request(seen: Seen, *, to_source: bool, rport_counts: bool | None = False) -> Answer:
    """The source of the registration, or the Contact. ``rport_counts``: a phone that asks for rport
    is sent its requests to the source, too (None: it depends on a version that isn't known); where
    requests were seen to be lost at the Contact, that is believed rather than the version."""
    written = seen.written
    if to_source:
        return Answer.REACHES
    if written is None or written.contact_host is None:
        return Answer.UNDETERMINED
    contact = Endpoint(written.contact_host, written.contact_port or 5060)
    literal = delivers(contact, seen.source, seen)
    if written.via_rport and contact not in seen.lost_at and literal is not Answer.REACHES:
        if rport_counts:
            return Answer.REACHES
        if rport_counts is None:
            return Answer.UNDETERMINED
    return literal


def audio(seen: Seen, *, symmetric: bool) -> Answer:
    """Where audio comes from, or where the SDP asks for it."""
    if symmetric:
        return Answer.REACHES
    if seen.media_written is None:
        return Answer.UNDETERMINED
    home = seen.media_source or Endpoint(seen.source.ip, seen.media_written.port)
    return delivers(seen.media_written, home, seen)


def binding(seen: Seen, every_s: float | None) -> Answer:
    """Whether a refresh every ``every_s`` keeps the binding."""
    return lives(seen.lifetime, every_s)


def lives(lifetime: Interval, every_s: float | None) -> Answer:
    """Whether a binding of this lifetime is kept by a refresh every ``every_s``."""
    lower, upper = lifetime
    if every_s is None:
        return Answer.UNDETERMINED
    if lower is not None and every_s <= lower:
        return Answer.REACHES
    if upper is not None and every_s >= upper:
        return Answer.FAILS
    return Answer.UNDETERMINED


def inward(seen: Seen) -> Answer:
    """What the client sends to Asterisk's Contact and SDP, as Asterisk writes them now: what
    arrived reaches, whatever was written."""
    own = seen.own
    if own.acknowledged is None:
        signalling = names_itself(seen, own.contact_host)
    else:
        signalling = Answer.REACHES if own.acknowledged else Answer.FAILS
    sound = Answer.REACHES if own.heard else names_itself(seen, own.media.ip if own.media else None)
    return worst((signalling, sound))


def names_itself(seen: Seen, host: str | None) -> Answer:
    """Whether the client can send to ``host``, which Asterisk gives as its own. A private one
    leads nowhere for a client that comes from a public address, though it be Asterisk's."""
    if host is None:
        return Answer.UNDETERMINED
    if behind_nat(host) and not behind_nat(seen.source.ip):
        return Answer.FAILS
    return Answer.REACHES if same_address(host, seen.own.home.ip) else Answer.UNDETERMINED


def behind_nat_by_via(seen: Seen) -> bool:
    """chan_sip's auto_*: NAT is assumed where the top Via's address isn't the packet's source."""
    host = seen.written.via_host if seen.written else None
    return host is not None and not same_address(host, seen.source.ip)
