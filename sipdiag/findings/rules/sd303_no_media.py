"""SD303: the call is answered, and nobody hears anything."""

from __future__ import annotations

from collections.abc import Iterable

from sipdiag.findings.context import Context, age, count, peer_subject
from sipdiag.findings.model import Confidence, Evidence, Finding, Rule, Severity
from sipdiag.findings.reach import Reach
from sipdiag.findings.rules._audio import audios, passes_here
from sipdiag.flows.streams import CallAudio
from sipdiag.flows.subjects import Peer

_LEAST_TALK_S = 5.0
"""RTCP reports are due every 5 s (RFC 3550 section 6.2), and comfort noise comes more often: in so
long a call that carries audio, something would have been seen."""


def _judge_peer(context: Context, peer: Peer, silent: list[CallAudio]) -> Finding:
    subject = peer_subject(peer)
    root = context.earlier("private-media-address", subject)
    first = silent[0]
    ours, theirs = first.pbx_offer, first.client_offer
    return Finding(
        code=RULE.code,
        name=RULE.name,
        severity=Severity.ERROR if root is None else Severity.INFO,
        confidence=Confidence.HIGH if len(silent) > 1 else Confidence.MEDIUM,
        subject=subject,
        message=(
            f"A call with {peer.ident} was answered and lasted {age(first.talk_s)}, both sides "
            "agreed on audio both ways, and not a packet of it was seen, though audio of other "
            "calls was."
            + (f" {count(len(silent), 'call')} went that way." if len(silent) > 1 else "")
        ),
        params={
            "talk_s": round(first.talk_s, 3),
            "pbx_address": str(ours.endpoint),
            "phone_address": str(theirs.endpoint),
            "calls_count": len(silent),
        },
        evidence=[
            Evidence(
                ours.origin, ours.ts_ns, "primary", f"Asterisk's SDP asks for it at {ours.endpoint}"
            ),
            Evidence(
                theirs.origin, theirs.ts_ns, "supports", f"the phone's SDP at {theirs.endpoint}"
            ),
        ]
        + [
            Evidence(
                a.pbx_offer.origin, a.pbx_offer.ts_ns, "supports", f"{age(a.talk_s)}, no audio"
            )
            for a in silent[1:4]
        ],
        caused_by=root,
    )


def judge_client(context: Context, reach: Reach) -> Iterable[Finding]:
    """Fires for calls of more than 5 s without a packet of audio, at a vantage at which the same
    PBX's audio is seen in other calls."""
    subjects = context.subjects
    if not subjects.source.media_visible or "media_flows" in subjects.limits_hit:
        return
    silent = [
        audio
        for audio in audios(context, reach.peer)
        if audio.talk_s >= _LEAST_TALK_S
        and not audio.sent_count
        and not audio.received_count
        and passes_here(audio, context.rtp_by_address)
    ]
    if silent:
        yield _judge_peer(context, reach.peer, silent)


RULE = Rule(
    code="SD303",
    name="no-media",
    title="No audio in either direction",
    severity=Severity.ERROR,
    means=(
        "The call was answered, both SDPs ask for audio both ways, and none was seen in either "
        "direction, although audio of other calls passed the same place."
    ),
    why=(
        "The phone's audio doesn't arrive (a firewall drops the RTP ports, or Asterisk's SDP names "
        "an address that leads nowhere), and Asterisk has nothing to send: it plays nothing, or "
        "waits for the phone's first packet, as with an echo test or a silent other leg."
    ),
    confirm=(
        "`rtp set debug on`: neither `Sent RTP` nor `Got RTP`. `core show channel NAME` counts "
        "frames in and out."
    ),
    remedy=(
        "Open the range of rtp.conf (`rtpstart` to `rtpend`, UDP) in the firewall before Asterisk. "
        "Behind NAT set `externaddr` and `localnet`, or `external_media_address` and `local_net`."
    ),
    references=("RFC 3264 section 6.1", "RFC 3550 section 6.2", "rtp.conf: rtpstart, rtpend"),
    judge_client=judge_client,
    silent_on=(
        "captures in which no audio is seen at all",
        "media that goes to a third party (direct media, a media proxy)",
        "calls on hold, early media, and short calls",
        "tables of audio that overflowed",
    ),
    after=("SD301", "SD302"),
)
