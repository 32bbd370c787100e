"""What cures each finding: one function a finding, in ``CURES`` by its name.

A plan's options come mildest first; ``plan.next()`` begins an alternative. Values come from the
finding's params; where a value is only usual practice, the forecast says so.
"""

from __future__ import annotations

from collections.abc import Callable

from sipdiag.advice.conf_cures import for_setting
from sipdiag.advice.cures_access import (
    for_call_token,
    for_filtered,
    for_lapsed,
    for_no_media,
    for_unanswered,
)
from sipdiag.advice.plan import Plan
from sipdiag.advice.refresh import refresh_interval
from sipdiag.base.endpoint import behind_nat
from sipdiag.base.interval import Interval

_QUALIFY_VERIFY = (
    "call the phone when it has been idle for longer than the lifetime: it rings; a new capture "
    "shows an answered {ping} every {seconds} s"
)

_USUAL_GRANT_S = 60
_LEAST_GRANT_S = 20
"""What a registration is granted for so that Asterisk soon learns of a new port."""


def _keep_alive(plan: Plan, lifetime: Interval) -> None:
    """Pings that the client must answer, then registering more often, then phone and router."""
    seconds, assumed = refresh_interval(lifetime)
    usual = "; the lower bound is not pinned down, 25 s or less is usual practice"
    basis = usual if assumed else f", {_margin(lifetime, seconds)}"
    if plan.finding.protocol == "IAX2":
        _keep_alive_iax2(plan, seconds, basis)
    else:
        _keep_alive_sip(plan, seconds, basis)
    plan.next()
    plan.device(
        "router", "UDP timeout", "300",
        "the binding outlives the registration interval",
        "the same call gets through with Asterisk unchanged",
        "set the old value again", "s",
    )  # fmt: skip


def _margin(lifetime: Interval, seconds: int) -> str:
    lower = lifetime.lower_s or 0.0
    return f"{lower - seconds:.0f} s below the {lower:.1f} s that the binding was seen to survive"


def _keep_alive_sip(plan: Plan, seconds: int, basis: str) -> None:
    pinged = (
        f"Asterisk pings every {seconds} s and the phone's answer refreshes the binding{basis}; "
        f"{3600 // seconds} pings an hour, each of which wakes a smartphone"
    )
    verify = _QUALIFY_VERIFY.format(ping="OPTIONS", seconds=seconds)
    plan.next()
    for where in plan.target.sip_drivers:
        if where == "chan_sip":
            plan.option(where, "qualify", "yes", pinged, verify)
            plan.option(where, "qualifyfreq", seconds, pinged, verify)
        else:
            plan.option(where, "qualify_frequency", seconds, pinged, verify)
    plan.next()
    share = plan.finding.params.get("refresh_share")
    granted = f"more traffic than a ping: every phone is granted {seconds} s"
    if isinstance(share, float) and 0 < share <= 1:
        granted += f"; this one refreshes after {share:.0%} of it, every {share * seconds:.0f} s"
    _grant(plan, seconds, granted)
    plan.next()
    plan.device(
        "phone", "keepalive", str(seconds),
        f"the phone itself refreshes its binding every {seconds} s, as its own setting has it",
        f"a capture shows a packet from the phone every {seconds} s",
        "set the old value again", "s",
    )  # fmt: skip


def _grant(plan: Plan, seconds: int, what: str) -> None:
    """Registrations for no less and no more than so long, whatever the client asks for."""
    if plan.finding.protocol == "IAX2":
        shown = f"REGACK says REFRESH {seconds}; `iax2 show registry` on the client"
        plan.option("iax2", "minregexpire", seconds, what, shown)
        plan.option("iax2", "maxregexpire", seconds, what, shown)
        return
    shown = f"the 200 OK to a REGISTER says expires={seconds}"
    for where in plan.target.sip_drivers:
        least, most = (
            ("minexpiry", "maxexpiry")
            if where == "chan_sip"
            else ("minimum_expiration", "maximum_expiration")
        )
        plan.option(where, least, seconds, what, shown)
        plan.option(where, most, seconds, what, shown)


def _keep_alive_iax2(plan: Plan, seconds: int, basis: str) -> None:
    plan.next()
    granted = (
        f"the client is granted {seconds} s; an Asterisk refreshes after 5/6 of it "
        f"({5 * seconds // 6} s){basis}"
    )
    _grant(plan, seconds, granted)
    plan.next()
    pinged = f"Asterisk sends POKE every {seconds} s and the PONG refreshes the binding"
    verify = _QUALIFY_VERIFY.format(ping="POKE", seconds=seconds)
    plan.option("iax2", "qualify", "yes", pinged, verify)
    plan.option("iax2", "qualifyfreqok", seconds * 1000, pinged, verify)


def _for_expired(plan: Plan) -> None:
    params = plan.finding.params
    lower, upper = params["lifetime_lower_s"], params["lifetime_upper_s"]
    _keep_alive(
        plan,
        Interval(
            lower if isinstance(lower, float) else None,
            upper if isinstance(upper, float) else None,
        ),
    )


_OPEN_TO = (
    "; audio is then taken from whoever sends first to the call's port, which strictrtp=yes "
    "(rtp.conf, the default) narrows"
)


def _source_routing(plan: Plan, what: str, verify: str, options: tuple[str, ...]) -> None:
    """Believe the packet's source rather than what the phone wrote."""
    plan.next()
    for where in plan.target.sip_drivers:
        if where == "chan_sip":
            value = plan.simulated(where, "nat", plan.target.nat_value)
            open_to = _OPEN_TO if "comedia" in value or value == "yes" else ""
            plan.option(where, "nat", value, what + open_to, verify)
        else:
            for name in options:
                if plan.simulated(where, name, "yes") == "yes":
                    current = None if name == "force_rport" else "no"
                    open_to = _OPEN_TO if name == "rtp_symmetric" else ""
                    plan.option(where, name, "yes", what + open_to, verify, current)


def _for_private_contact(plan: Plan) -> None:
    source = plan.finding.params["source"]
    _source_routing(
        plan,
        f"requests go to {source}, where the phone's packets come from; audio follows likewise",
        "let the phone register again, then call it: the INVITE leaves for the public address",
        ("rewrite_contact", "rtp_symmetric"),
    )


def _for_one_way_audio(plan: Plan) -> None:
    if plan.finding.params["missing"] == "to the phone":
        heard = plan.finding.params["heard_from"]
        _source_routing(
            plan,
            f"Asterisk sends audio to {heard}, where the phone's audio comes from",
            "call again: `rtp set debug on` shows 'Sent RTP packet to' the public address",
            ("rtp_symmetric",),
        )
        return
    _own_address(
        plan,
        plan.finding.params.get("pbx_address"),
        ("externaddr", "external_media_address"),
        "the SDP names an address that the phone can send to",
        "the c= line of Asterisk's SDP in a new capture is the public address",
    )


def _own_address(
    plan: Plan, seen: object, options: tuple[str, str], what: str, verify: str
) -> None:
    """What Asterisk must say that its own address is: the one that its packets were ``seen`` with,
    if that is public; else only the administrator knows it, and the network inside."""
    known = isinstance(seen, str) and not behind_nat(seen)
    plan.next()
    for where in plan.target.sip_drivers:
        name, nets = (options[0], "localnet") if where == "chan_sip" else (options[1], "local_net")
        value = seen if known else "<the PBX's public address>"
        plan.option(where, name, value, what, verify)
        if not known:
            plan.option(where, nets, "<the PBX's own network, as 10.0.0.0/8>", what, verify)


def _for_misrouted(plan: Plan) -> None:
    source = plan.finding.params["source"]
    _source_routing(
        plan,
        f"replies go to {source}, where the phone's packets come from",
        "the 401 in a new capture goes to the port that the REGISTER came from",
        ("force_rport",),
    )
    plan.next()
    plan.device(
        "phone", "rport (RFC 3581)", "on",
        "the phone asks for replies to where its packets come from",
        "the top Via of its REGISTER has ;rport",
        "switch it off again",
    )  # fmt: skip


def _for_missing_ack(plan: Plan) -> None:
    if plan.finding.params["answered_by"] == "phone":
        _source_routing(
            plan,
            "the ACK goes to where the phone's packets come from",
            "a call lasts longer than a minute",
            ("rewrite_contact",),
        )
        return
    _own_address(
        plan,
        str(plan.finding.params["source"]).rpartition(":")[0].strip("[]"),
        ("externaddr", "external_signaling_address"),
        "Asterisk's Contact names an address that the phone can send its ACK to",
        "the Contact of Asterisk's 200 OK in a new capture; a call lasts over a minute",
    )


def _for_changed_mapping(plan: Plan) -> None:
    observed = plan.finding.params.get("registration_interval_s")
    seconds = _USUAL_GRANT_S
    now = ""
    if isinstance(observed, float):
        seconds = max(_LEAST_GRANT_S, min(_USUAL_GRANT_S, int(observed / 2)))
        now = f" in place of {observed:.0f} s"
    what = (
        f"Asterisk learns the new port with the next registration: after a restart calls fail for "
        f"up to {seconds} s{now}; no setting makes that nothing"
    )
    plan.next()
    _grant(plan, seconds, what)
    if "pjsip" in plan.target.sip_drivers and plan.finding.protocol == "SIP":
        what = "the new contact replaces the old one instead of standing beside it"
        verify = "`pjsip show contacts` lists one contact after the router's restart"
        plan.option("pjsip", "max_contacts", 1, what, verify)
        plan.option("pjsip", "remove_existing", "yes", what, verify)
    plan.next()
    plan.device(
        "phone", "registration interval", str(seconds),
        "the same for this phone alone, where Asterisk grants what it asks for",
        "restart the router again and call the phone a minute later",
        "set the old value again", "s",
    )  # fmt: skip


def _for_alg(plan: Plan) -> None:
    seconds, _ = refresh_interval(Interval())
    plan.next()
    plan.device(
        "router", "SIP ALG", "off",
        "messages arrive as the phone wrote them; set the keepalive below at the same time, as "
        "the ALG may have held the mapping longer than the router's UDP timeout does",
        "a REGISTER in a new capture has the phone's private address in Via and Contact",
        "switch it on again",
    )  # fmt: skip
    what = "what Asterisk does no longer depends on what the router writes in the Via"
    pinged = f"the binding is refreshed every {seconds} s, whatever the router's timeout"
    for where in plan.target.sip_drivers:
        if where == "chan_sip":
            plan.option(where, "nat", plan.target.nat_value, what, "`sip show peer`: Force rport")
            plan.option(where, "qualify", "yes", pinged, "OPTIONS are answered")
            plan.option(where, "qualifyfreq", seconds, pinged, "OPTIONS are answered")
        else:
            for name in ("force_rport", "rewrite_contact", "rtp_symmetric"):
                plan.option(where, name, "yes", what, "`pjsip show endpoint`")
            plan.option(where, "qualify_frequency", seconds, pinged, "OPTIONS are answered")
    plan.next()
    plan.device(
        "phone", "transport", "TLS, or another server port than 5060",
        "an ALG can't read TLS, and most look at port 5060 only",
        "Via and Contact arrive private in a new capture",
        "set the old value again",
    )  # fmt: skip


def _for_unreachable(plan: Plan) -> None:
    plan.next()
    plan.device(
        "phone", "power and network", "check",
        "no setting of Asterisk brings back a phone that is off; its next registration does",
        "the phone registers again and a call rings",
        "nothing to undo",
    )  # fmt: skip
    what = "Asterisk notices within a minute, and callers hear 'unavailable' at once"
    verify = "the peer is shown as UNREACHABLE while the phone is off"
    if plan.finding.protocol == "IAX2":
        plan.option("iax2", "qualify", "yes", what, verify)
        return
    for where in plan.target.sip_drivers:
        if where == "chan_sip":
            plan.option(where, "qualify", "yes", what, verify)
        else:
            plan.option(where, "qualify_frequency", 60, what, verify)


def _for_rejected(plan: Plan) -> None:
    plan.next()
    what = "the registrar accepts the registration"
    verify = "the REGISTER with credentials gets 200 OK"
    if plan.finding.protocol == "IAX2":
        plan.option("iax2", "secret", "<the same on both sides>", what, "REGREQ gets REGACK")
        return
    for where in plan.target.sip_drivers:
        name = "secret" if where == "chan_sip" else "password"
        plan.option(where, name, "<the same as in the phone>", what, verify)


def _for_media_address(plan: Plan) -> None:
    if plan.finding.params["whose"] == "pbx":
        _own_address(
            plan,
            str(plan.finding.params["signalling_from"]).rpartition(":")[0].strip("[]"),
            ("externaddr", "external_media_address"),
            "the SDP names an address that the phone can send to",
            "the c= line of Asterisk's SDP in a new capture is the public address",
        )
        return
    _source_routing(
        plan,
        "Asterisk sends audio to where the phone's audio comes from",
        "call again: `rtp set debug on` shows 'Sent RTP packet to' the public address",
        ("rtp_symmetric",),
    )
    plan.next()
    plan.device(
        "phone", "STUN or ICE", "on",
        "the phone writes its public address in the SDP",
        "the c= line of the phone's SDP in a new capture is the public address",
        "switch it off again",
    )  # fmt: skip


CURES: dict[str, Callable[[Plan], None]] = {
    "nat-binding-expired": _for_expired,
    "request-to-private-contact": _for_private_contact,
    "one-way-audio": _for_one_way_audio,
    "nat-mapping-changed": _for_changed_mapping,
    "sip-alg-rewrite": _for_alg,
    "sip-alg-broken-rewrite": _for_alg,
    "response-misrouted": _for_misrouted,
    "ack-missing": _for_missing_ack,
    "peer-unreachable": _for_unreachable,
    "iax2-peer-unreachable": _for_unreachable,
    "registration-rejected": _for_rejected,
    "registration-lapsed": for_lapsed,
    "registration-unanswered": for_unanswered,
    "private-media-address": _for_media_address,
    "no-media": for_no_media,
    "iax2-call-token": for_call_token,
    "inbound-filtered": for_filtered,
    "unsafe-nat-setting": for_setting,
    "expiry-out-of-bounds": for_setting,
    "no-keepalive": for_setting,
    "external-address-missing": for_setting,
}
"""By the finding's name."""
