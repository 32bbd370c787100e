"""The audio of a SIP call, per direction, as it passed the place of the capture.

Where audio was to go is in the SDP (RFC 3264); where it went is in the media table. An Asterisk
sends RTP from the port that its SDP names, so its two directions are found by that port at the
address that its signalling comes from (which is right behind a 1:1 NAT, too).
"""

from __future__ import annotations

from dataclasses import dataclass

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import seconds
from sipdiag.flows.call import Call, MediaOffer
from sipdiag.flows.subjects import Subjects
from sipdiag.protocols.media import Passage


@dataclass(frozen=True, slots=True)
class CallAudio:
    """Audio between answer and end. ``from_client`` and ``to_client`` are the flows seen."""

    call: Call
    client_offer: MediaOffer
    pbx_offer: MediaOffer
    from_client: list[Passage]
    to_client: list[Passage]
    talk_s: float
    """Seconds from the answer to the end of the call, or of the capture."""

    @property
    def heard_from(self) -> Endpoint | None:
        """Where most of the client's audio came from."""
        most = max(self.from_client, key=lambda p: p.packets, default=None)
        return most.flow.src if most else None

    @property
    def received_count(self) -> int:
        """Packets from the client."""
        return sum(passage.packets for passage in self.from_client)

    @property
    def sent_count(self) -> int:
        """Packets from the PBX for the client, wherever they went."""
        return sum(passage.packets for passage in self.to_client)

    def sent_to(self, endpoint: Endpoint) -> int:
        """Packets that the PBX sent to one endpoint."""
        return sum(p.packets for p in self.to_client if p.flow.dst == endpoint)


def audio_of(call: Call, subjects: Subjects, *, pbx_calls: bool) -> CallAudio | None:
    """The audio of an answered call in which both sides want audio both ways; else None.

    A call that is or was on hold, that was redirected to a third party's address, or whose SDP
    is incomplete gives None: one direction is then no fault. ``pbx_calls``: the PBX is the caller.
    """
    if call.protocol != "SIP" or call.answered_ns is None:
        return None
    pbx = call.caller if pbx_calls else call.callee
    by_pbx = [offer for offer in call.offers if offer.src.ip == pbx.ip]
    by_client = [offer for offer in call.offers if offer.src.ip != pbx.ip]
    if not by_pbx or not by_client:
        return None
    if any(offer.on_hold or offer.direction != "sendrecv" for offer in call.offers):
        return None
    ours, theirs = by_pbx[-1], by_client[-1]
    if ours.endpoint is None or theirs.endpoint is None:
        return None
    if len({offer.endpoint for offer in by_pbx}) > 1:
        return None
    end_ns = call.ended_ns or subjects.source.last_ns or call.answered_ns
    port = Endpoint(pbx.ip, ours.endpoint.port)
    return CallAudio(
        call,
        theirs,
        ours,
        subjects.media.towards(port, call.answered_ns, end_ns),
        subjects.media.from_(port, call.answered_ns, end_ns),
        seconds(max(0, end_ns - call.answered_ns)),
    )
