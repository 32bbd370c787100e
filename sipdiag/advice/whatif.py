"""What would Asterisk do under another setting, with the traffic that was seen?

Nothing here is a rule of thumb. For each setting it is worked out where Asterisk sends a reply, the
next request and audio, and how often the binding is refreshed; then whether that reaches the client
through the NAT that was observed. A destination reaches the client if it is where its packets come
from; it fails if packets to it were lost, or if it is an address nobody outside can send to;
otherwise the packets don't decide.

Sources: chan_sip.c:sip_real_dst, set_destination, check_for_nat (16.28); res_pjsip_nat.c (22);
res_rtp_asterisk.c:ast_rtp_read, __rtp_sendto (16.28); chan_iax2.c:update_registry, poke_peer (22).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple

from sipdiag.advice.plan import Target
from sipdiag.advice.refresh import refresh_interval
from sipdiag.base.endpoint import Endpoint, behind_nat, same_address
from sipdiag.base.interval import Interval
from sipdiag.findings.reach import Fate, Reach
from sipdiag.flows.subjects import Peer, Subjects
from sipdiag.flows.transaction import Written


class Answer(enum.Enum):
    """Whether something gets to the client."""

    REACHES = "reaches"
    FAILS = "fails"
    UNDETERMINED = "undetermined"


class Outlook(NamedTuple):
    """One setting. ``setting`` as it is written, options joined by blanks; ``audio`` None where the
    protocol has no audio of its own (IAX2)."""

    where: str
    setting: str
    reply: Answer
    request: Answer
    audio: Answer | None
    binding: Answer
    note: str

    @property
    def overall(self) -> Answer:
        """FAILS where anything fails, REACHES where everything reaches."""
        legs = [leg for leg in (self.reply, self.request, self.audio, self.binding) if leg]
        if Answer.FAILS in legs:
            return Answer.FAILS
        return Answer.UNDETERMINED if Answer.UNDETERMINED in legs else Answer.REACHES


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


def seen_of(reach: Reach, subjects: Subjects) -> Seen | None:
    """The observations of one client; None for one that was never heard."""
    peer = reach.peer
    attempts = peer.registration.attempts if peer.registration else []
    last = attempts[-1] if attempts else (peer.outbound[-1] if peer.outbound else None)
    if last is None:
        return None
    offers = [o for call in peer.calls for o in call.offers if o.src in peer.outers and o.endpoint]
    wanted = {o.endpoint for o in offers}
    sources = [
        flow.src
        for flow in subjects.media
        if flow.src.ip == last.src.ip and any(w and w.port == flow.src.port for w in wanted)
    ] or [flow.src for flow in subjects.media if flow.src.ip == last.src.ip]
    return Seen(
        source=last.src,
        written=last.written,
        media_written=offers[-1].endpoint if offers else None,
        media_source=sources[-1] if offers and sources else None,
        lost_at=frozenset(o.dst for o in reach.of(Fate.ASTRAY)) | _unheard_replies(peer),
        lifetime=reach.lifetime,
        refresh_s=reach.refresh_s,
        refresh_share=reach.refresh_share,
    )


def _unheard_replies(peer: Peer) -> frozenset[Endpoint]:
    """Where replies went after which the client went on repeating its request."""
    attempts = peer.registration.attempts if peer.registration else []
    return frozenset(
        answer.dst
        for t in [*attempts, *peer.outbound]
        for answer in t.answers[:1]
        if answer.dst != t.src and sum(sent.ts_ns > answer.ts_ns for sent in t.sent) > 1
    )


def _delivers(dst: Endpoint, home: Endpoint, seen: Seen) -> Answer:
    """Whether a packet to ``dst`` reaches a client whose packets come from ``home``."""
    if same_address(dst.ip, home.ip) and dst.port == home.port:
        return Answer.REACHES
    if dst in seen.lost_at:
        return Answer.FAILS
    if behind_nat(dst.ip) and not same_address(dst.ip, home.ip):
        return Answer.FAILS
    return Answer.UNDETERMINED


def _reply(seen: Seen, *, forced: bool) -> Answer:
    """RFC 3261 section 18.2.2 and RFC 3581: the source's address, and the Via's port unless rport
    is forced or asked for (chan_sip 1.8 and later)."""
    written = seen.written
    if forced or written is None or written.via_rport or written.via_port is None:
        return Answer.REACHES
    return _delivers(Endpoint(seen.source.ip, written.via_port), seen.source, seen)


def _request(seen: Seen, *, to_source: bool) -> Answer:
    """The source of the registration, or the Contact."""
    written = seen.written
    if to_source:
        return Answer.REACHES
    if written is None or written.contact_host is None:
        return Answer.UNDETERMINED
    return _delivers(
        Endpoint(written.contact_host, written.contact_port or 5060), seen.source, seen
    )


def _audio(seen: Seen, *, symmetric: bool) -> Answer:
    """Where audio comes from, or where the SDP asks for it."""
    if symmetric:
        return Answer.REACHES
    if seen.media_written is None:
        return Answer.UNDETERMINED
    home = seen.media_source or Endpoint(seen.source.ip, seen.media_written.port)
    return _delivers(seen.media_written, home, seen)


def _binding(seen: Seen, every_s: float | None) -> Answer:
    """Whether a refresh every ``every_s`` keeps the binding."""
    lower, upper = seen.lifetime
    if every_s is None:
        return Answer.UNDETERMINED
    if lower is not None and every_s <= lower:
        return Answer.REACHES
    if upper is not None and every_s >= upper:
        return Answer.FAILS
    return Answer.UNDETERMINED


def _behind_nat_by_via(seen: Seen) -> bool:
    """chan_sip's auto_*: NAT is assumed where the top Via's address isn't the packet's source."""
    host = seen.written.via_host if seen.written else None
    return host is not None and not same_address(host, seen.source.ip)


def outlooks(seen: Seen, protocol: str, target: Target) -> list[Outlook]:
    """Every setting worth looking at, the least permissive first."""
    if protocol == "IAX2":
        return _iax2(seen)
    found: list[Outlook] = []
    for where in target.sip_drivers:
        found += _chan_sip(seen, target) if where == "chan_sip" else _pjsip(seen)
    return found


def _pings(seen: Seen) -> list[tuple[int | None, Answer]]:
    """No ping; Asterisk's 60 s; and what the lifetime asks for, each with what becomes of the
    binding, the client's own registrations counted."""
    own = _binding(seen, seen.refresh_s)
    wanted = refresh_interval(seen.lifetime).seconds
    choices: list[tuple[int | None, Answer]] = [(None, own)]
    for seconds in dict.fromkeys((60, wanted)):
        often = _binding(seen, min(float(seconds), seen.refresh_s or float(seconds)))
        choices.append((seconds, often))
    return choices


def _chan_sip(seen: Seen, target: Target) -> list[Outlook]:
    auto = _behind_nat_by_via(seen)
    modern = target.version is None or target.version.major >= 11
    values = [("no", False, False, "")]
    if modern:
        values += [
            (
                "auto_force_rport,auto_comedia", auto, auto,
                "" if auto else "the Via shows the packet's source, so that both stay off",
            ),
            ("force_rport", True, False, ""),
            ("force_rport,comedia", True, True, ""),
        ]  # fmt: skip
    else:
        values.append(("yes", True, True, ""))
    return [
        Outlook(
            "chan_sip",
            f"nat={value}" + ("" if ping is None else f" qualify=yes qualifyfreq={ping}"),
            _reply(seen, forced=forced),
            _request(seen, to_source=forced),
            _audio(seen, symmetric=symmetric),
            binding,
            note,
        )
        for ping, binding in _pings(seen)
        for value, forced, symmetric, note in values
    ]


def _pjsip(seen: Seen) -> list[Outlook]:
    return [
        Outlook(
            "pjsip",
            f"rewrite_contact={'yes' if rewrite else 'no'} "
            f"rtp_symmetric={'yes' if symmetric else 'no'}"
            + ("" if ping is None else f" qualify_frequency={ping}"),
            _reply(seen, forced=True),
            _request(seen, to_source=rewrite),
            _audio(seen, symmetric=symmetric),
            binding,
            "",
        )
        for ping, binding in _pings(seen)
        for rewrite, symmetric in ((False, False), (True, False), (True, True))
    ]


def _iax2(seen: Seen) -> list[Outlook]:
    """IAX2 always answers to the source, and calls where the last registration came from."""
    share = seen.refresh_share or 5 / 6
    wanted = refresh_interval(seen.lifetime).seconds
    rows = [
        Outlook(
            "iax2", f"minregexpire={granted} maxregexpire={granted}",
            Answer.REACHES, Answer.REACHES, None, _binding(seen, granted * share),
            f"the client refreshes every {granted * share:.0f} s",
        )
        for granted in dict.fromkeys((60, wanted))
    ]  # fmt: skip
    rows += [
        Outlook(
            "iax2", f"qualify=yes qualifyfreqok={every * 1000}",
            Answer.REACHES, Answer.REACHES, None,
            _binding(seen, min(float(every), seen.refresh_s or float(every))), "",
        )
        for every in dict.fromkeys((60, wanted))
    ]  # fmt: skip
    return rows


def recommended(rows: list[Outlook], where: str) -> Outlook | None:
    """The least permissive setting of one driver under which everything reaches, or, where nothing
    shows the binding's lifetime, everything but that. ``auto_*`` are passed over, as an ALG
    switches them off with the next packet."""
    fitting = [row for row in rows if row.where == where and "auto_" not in row.setting]
    sure = [row for row in fitting if row.overall is Answer.REACHES]
    likely = [
        row
        for row in fitting
        if row.binding is Answer.UNDETERMINED
        and {row.reply, row.request, row.audio} <= {Answer.REACHES, None}
    ]
    return next(iter(sure or likely), None)
