"""What the findings on audio share: which calls to look at, and whether audio passes here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sipdiag.base.endpoint import behind_nat
from sipdiag.findings.context import Context
from sipdiag.flows.streams import CallAudio, audio_of
from sipdiag.flows.subjects import Peer

LEAST_TALK_S = 1.0
"""A shorter call may end before both sides have sent anything."""

LEAST_PACKETS = 25
"""Half a second of 20 ms packets: fewer may be what was sent before the first one arrived."""


def audios(context: Context, peer: Peer) -> Iterable[CallAudio]:
    """The audio of the client's calls in which both sides want it both ways."""
    openings = {id(t) for t in peer.inbound}
    for call in peer.calls:
        audio = audio_of(call, context.subjects, pbx_calls=id(call.opening) in openings)
        if audio is not None and audio.talk_s >= LEAST_TALK_S:
            yield audio


def passes_here(audio: CallAudio, seen: Counter[str]) -> bool:
    """Whether the call's audio would be seen here: the capture has audio of this PBX, and the
    PBX's SDP names itself (or, behind NAT, what stands for it) and no third party."""
    pbx_ip, ours = audio.pbx_offer.src.ip, audio.pbx_offer.endpoint
    if ours is None or (ours.ip != pbx_ip and behind_nat(ours.ip) == behind_nat(pbx_ip)):
        return False
    own = audio.sent_count + audio.received_count
    return seen[pbx_ip] - own >= LEAST_PACKETS
