"""SD301: one side talks to the wall."""

from __future__ import annotations

from collections.abc import Iterable

from sipdiag.base.datagram import Origin
from sipdiag.base.endpoint import behind_nat, same_address
from sipdiag.findings.context import Context, count, peer_subject
from sipdiag.findings.model import Confidence, Evidence, Finding, Rule, Severity, Undetermined
from sipdiag.findings.reach import Reach
from sipdiag.findings.rules._audio import LEAST_PACKETS, audios
from sipdiag.flows.streams import CallAudio
from sipdiag.flows.subjects import Peer
from sipdiag.protocols.media import Passage


def _flow_evidence(audio: CallAudio, passage: Passage, role: str, what: str) -> Evidence:
    source = audio.call.opening.origin.source
    span = f"frames {passage.first_frame} to {passage.last_frame}"
    excerpt = (
        f"{passage.packets} RTP packets {passage.flow.src} -> {passage.flow.dst} ({span}): {what}"
    )
    return Evidence(Origin(source, passage.first_frame), passage.first_ns, role, excerpt)


def _to_phone_lost(peer: Peer, audio: CallAudio) -> Finding | None:
    """The phone is heard, and what Asterisk sends goes elsewhere."""
    heard = audio.heard_from
    if heard is None or audio.received_count < LEAST_PACKETS or audio.sent_to(heard):
        return None
    astray = max(audio.to_client, key=lambda p: p.packets, default=None)
    if astray is None or astray.packets < LEAST_PACKETS:
        return None
    dst = astray.flow.dst
    wrote = audio.client_offer.endpoint
    as_written = wrote is not None and same_address(wrote.ip, dst.ip) and wrote.port == dst.port
    if not as_written or same_address(dst.ip, heard.ip):
        return None
    private = behind_nat(dst.ip)
    heard_flow = max(audio.from_client, key=lambda p: p.packets)
    return Finding(
        code=RULE.code,
        name=RULE.name,
        severity=Severity.ERROR,
        confidence=Confidence.HIGH if private and not behind_nat(heard.ip) else Confidence.MEDIUM,
        subject=peer_subject(peer),
        message=(
            f"Audio from {peer.ident} arrives, audio to it does not: Asterisk sends it to {dst}, "
            f"the {'private ' if private else ''}address in the phone's SDP, while the phone's "
            f"audio comes from {heard}."
        ),
        params={
            "missing": "to the phone",
            "sent_to": str(dst),
            "heard_from": str(heard),
            "at_fault": "the phone's SDP address, which Asterisk was not told to mistrust",
            "sent_count": astray.packets,
            "received_count": audio.received_count,
        },
        evidence=[
            _flow_evidence(audio, astray, "primary", "Asterisk's audio, to the phone's SDP"),
            _flow_evidence(audio, heard_flow, "supports", "the phone's audio, from its router"),
            Evidence(
                audio.client_offer.origin,
                audio.client_offer.ts_ns,
                "supports",
                f"the phone's SDP asks for audio at {dst}",
            ),
        ],
    )


def _from_phone_lost(peer: Peer, audio: CallAudio) -> Finding | Undetermined | None:
    """Asterisk sends, and nothing comes back."""
    if audio.received_count or audio.sent_count < LEAST_PACKETS:
        return None
    ours = audio.pbx_offer.endpoint
    pbx_ip = audio.pbx_offer.src.ip
    sent = max(audio.to_client, key=lambda p: p.packets)
    if ours is None or not behind_nat(ours.ip) or behind_nat(sent.flow.dst.ip):
        return Undetermined(
            RULE.code,
            RULE.name,
            peer_subject(peer),
            f"no audio came from {peer.ident} in a call of {audio.talk_s:.0f} s, though both "
            "sides wanted it; the phone may be silent, or its packets lost on the way",
            "capture the same call on the phone's side of the router",
        )
    return Finding(
        code=RULE.code,
        name=RULE.name,
        severity=Severity.ERROR,
        confidence=Confidence.HIGH if not behind_nat(pbx_ip) else Confidence.MEDIUM,
        subject=peer_subject(peer),
        message=(
            f"Audio to {peer.ident} leaves, audio from it never arrives: Asterisk's SDP names "
            f"{ours}, a private address that the phone can't send to."
        ),
        params={
            "missing": "from the phone",
            "sent_to": str(ours),
            "heard_from": None,
            "at_fault": "Asterisk's SDP address",
            "pbx_address": pbx_ip,
            "sent_count": audio.sent_count,
            "received_count": 0,
        },
        evidence=[
            Evidence(
                audio.pbx_offer.origin,
                audio.pbx_offer.ts_ns,
                "primary",
                f"Asterisk's SDP asks for audio at {ours}",
            ),
            _flow_evidence(audio, sent, "supports", "Asterisk's audio; none came back"),
        ],
    )


def _judge_peer(context: Context, peer: Peer) -> Iterable[Finding | Undetermined]:
    found: list[Finding] = []
    doubts: list[Undetermined] = []
    for audio in audios(context, peer):
        outcome = _to_phone_lost(peer, audio) or _from_phone_lost(peer, audio)
        if isinstance(outcome, Finding):
            found.append(outcome)
        elif outcome is not None:
            doubts.append(outcome)
    if found:
        first = found[0]
        first.params["calls_count"] = len(found)
        if len(found) > 1:
            first.message += f" {count(len(found), 'call')} went that way."
            first.evidence += [f.evidence[0]._replace(role="supports") for f in found[1:4]]
        yield first
    elif doubts:
        yield doubts[0]


def judge_client(context: Context, reach: Reach) -> Iterable[Finding | Undetermined]:
    """Fires where both sides negotiated audio both ways, one direction was seen and the other went
    to an address at which the listener can't be."""
    if context.subjects.source.media_visible:
        yield from _judge_peer(context, reach.peer)


RULE = Rule(
    code="SD301",
    name="one-way-audio",
    title="Audio reaches only one side",
    severity=Severity.ERROR,
    means=(
        "The call was answered and both sides agreed on audio both ways, but RTP in one "
        "direction goes to an address at which the other side can't receive it."
    ),
    why=(
        "An SDP names the address at which its sender thinks that it is. Behind NAT that is a "
        "private one. Asterisk believes it unless it is told to send audio to where the phone's "
        "own audio comes from (symmetric RTP, called comedia). The other way round, an Asterisk "
        "behind NAT that wasn't told its public address writes its private one."
    ),
    confirm=(
        "`rtp set debug on`: `Sent RTP packet to` a private address while `Got RTP packet from` "
        "names the router's public one."
    ),
    remedy=(
        "Phone behind NAT: `nat=force_rport,comedia` (chan_sip 11 to 20), `rtp_symmetric=yes` "
        "(PJSIP), and no direct media. Asterisk behind NAT: `externaddr` and `localnet` "
        "(chan_sip), `external_media_address` and `local_net` (PJSIP)."
    ),
    references=(
        "RFC 3264 section 5.1",
        "RFC 4961",
        "res_rtp_asterisk.c:ast_rtp_read (16.28)",
    ),
    judge_client=judge_client,
    silent_on=(
        "calls on hold, or with one side sendonly, recvonly or inactive",
        "early media before the answer, and calls under a second",
        "captures without RTP",
        "a few packets to the SDP's address before the phone's first one arrives",
        "media sent to a third party (direct media)",
    ),
)
