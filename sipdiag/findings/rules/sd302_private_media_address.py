"""SD302: an SDP asks for audio where the other side can't send it, and nothing makes up for it."""

from __future__ import annotations

from collections.abc import Iterable

from sipdiag.base.datagram import Origin
from sipdiag.base.endpoint import behind_nat, same_address
from sipdiag.findings.context import Context, count, peer_subject
from sipdiag.findings.model import Confidence, Evidence, Finding, Rule, Severity
from sipdiag.findings.reach import Reach
from sipdiag.findings.rules._audio import LEAST_PACKETS, audios, passes_here
from sipdiag.flows.call import MediaOffer
from sipdiag.flows.streams import CallAudio
from sipdiag.flows.subjects import Peer


def _out_of_reach(offer: MediaOffer, other: MediaOffer) -> bool:
    """The SDP names an address of a private network in which the other side isn't."""
    wanted = offer.endpoint
    return (
        wanted is not None
        and behind_nat(wanted.ip)
        and not behind_nat(other.src.ip)
        and not (offer.ice and other.ice)
    )


def _phones(audio: CallAudio) -> Evidence | None:
    """The phone's address is out of reach, and the PBX's audio goes there and nowhere else."""
    wanted = audio.client_offer.endpoint
    if wanted is None or not _out_of_reach(audio.client_offer, audio.pbx_offer):
        return None
    source = audio.client_offer.src.ip
    if behind_nat(source) or same_address(source, wanted.ip):
        return None
    heard = audio.heard_from
    astray = max(audio.to_client, key=lambda p: p.packets, default=None)
    if (
        astray is None
        or astray.packets < LEAST_PACKETS
        or not same_address(astray.flow.dst.ip, wanted.ip)
        or (heard is not None and audio.sent_to(heard))
    ):
        return None
    origin = Origin(audio.call.opening.origin.source, astray.first_frame)
    excerpt = f"{astray.packets} RTP packets {astray.flow.src} -> {astray.flow.dst}"
    return Evidence(origin, astray.first_ns, "supports", excerpt)


def _pbxs(audio: CallAudio, visible: bool) -> bool:
    """The PBX's address is out of reach, and no audio of the phone comes."""
    return (
        _out_of_reach(audio.pbx_offer, audio.client_offer)
        and not audio.received_count
        and (audio.sent_count >= LEAST_PACKETS or visible)
    )


def _judge_peer(context: Context, peer: Peer) -> Iterable[Finding]:
    found: list[tuple[MediaOffer, str, list[Evidence]]] = []
    unheard = True
    for audio in audios(context, peer):
        astray = _phones(audio)
        if astray is not None:
            found.append((audio.client_offer, "the phone", [astray]))
            unheard = unheard and audio.heard_from is None
        elif _pbxs(audio, passes_here(audio, context.rtp_by_address)):
            found.append((audio.pbx_offer, "Asterisk", []))
            unheard = False
    if not found:
        return
    subject = peer_subject(peer)
    root = context.earlier("one-way-audio", subject)
    offer, whose, evidence = found[0]
    wanted = offer.endpoint
    other = "Asterisk" if whose == "the phone" else "the phone"
    symmetric = (
        "and no audio came from which Asterisk could learn where the phone is"
        if unheard
        else "and the source of the phone's own audio isn't used instead (comedia)"
    )
    yield Finding(
        code=RULE.code,
        name=RULE.name,
        severity=Severity.INFO if root or unheard else Severity.ERROR,
        confidence=Confidence.MEDIUM if unheard or not (evidence or root) else Confidence.HIGH,
        subject=subject,
        message=(
            f"{whose[0].upper()}{whose[1:]} asks for audio at {wanted}, a private address that "
            f"{other} can't send to, in {count(len(found), 'call')} with {peer.ident}"
            + (f", {symmetric}." if whose == "the phone" else ", and no audio came.")
        ),
        params={
            "whose": "phone" if whose == "the phone" else "pbx",
            "address": str(wanted),
            "signalling_from": str(offer.src),
            "calls_count": len(found),
        },
        evidence=[
            Evidence(offer.origin, offer.ts_ns, "primary", f"the SDP asks for audio at {wanted}"),
            *evidence,
        ]
        + [
            Evidence(o.origin, o.ts_ns, "supports", f"the SDP asks for audio at {o.endpoint}")
            for o, _, _ in found[1:4]
        ],
        caused_by=root,
    )


def judge_client(context: Context, reach: Reach) -> Iterable[Finding]:
    """Fires where an SDP names a private address, its reader isn't in that network, and the audio
    shows that nothing made up for it; information where it explains one-way audio, and where the
    phone sent none from which Asterisk could have learnt its address."""
    if context.subjects.source.media_visible and reach.peer.protocol == "SIP":
        yield from _judge_peer(context, reach.peer)


RULE = Rule(
    code="SD302",
    name="private-media-address",
    title="An SDP asks for audio at a private address",
    severity=Severity.ERROR,
    means=(
        "The c= line of an SDP names an address that the other side can't send to, and audio was "
        "sent there, or did not come."
    ),
    why=(
        "A phone behind NAT writes its own private address, unless it uses STUN or ICE. That does "
        "no harm where Asterisk sends audio back to where the phone's comes from (`comedia`, "
        "`rtp_symmetric`). It does where Asterisk isn't set so, or where the phone waits for "
        "Asterisk's audio before it sends its own. An Asterisk behind NAT that wasn't told its "
        "public address writes a private one, too."
    ),
    confirm=(
        "Wireshark, filter `sdp`: the Connection Information of INVITE and 200 OK. `rtp set debug "
        "on` shows where audio goes."
    ),
    remedy=(
        "Phone: `nat=force_rport,comedia` (chan_sip), `rtp_symmetric=yes` (PJSIP), "
        "`directmedia=no` or `direct_media=no`; STUN or ICE in the phone. Asterisk: "
        "`externaddr` and `localnet`, or `external_media_address` and `local_net`."
    ),
    references=(
        "RFC 3264 section 5.1",
        "RFC 8866 section 5.7",
        "RFC 4961",
        "res_rtp_asterisk.c:ast_rtp_read (16.28)",
    ),
    judge_client=judge_client,
    silent_on=(
        "a private address where Asterisk sends to the source of the phone's audio",
        "ICE on both sides, which tries all candidates",
        "phone and PBX in one private network or VPN",
        "calls on hold, early media, and calls under a second",
        "captures without audio",
        "IPv6 and public addresses",
    ),
    after=("SD301",),
)
