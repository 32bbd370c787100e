"""What cures a packet that never arrives, or a phone that isn't expected any more: firewalls,
filters, call tokens, lapsed registrations. For ``cures.CURES``."""

from __future__ import annotations

from sipdiag.advice.plan import Plan


def for_lapsed(plan: Plan) -> None:
    granted = plan.finding.params["granted_s"]
    plan.next()
    plan.device(
        "phone", "registration interval", str(granted),
        f"the phone comes back before the {granted} s that it is granted are over; most phones "
        "leave a margin by themselves",
        "a new capture shows a REGISTER in time, every time",
        "set the old value again", "s",
    )  # fmt: skip


def for_unanswered(plan: Plan) -> None:
    registrar = plan.finding.params["registrar"]
    plan.next()
    plan.device(
        "router", "firewall before the PBX", f"let UDP to {registrar} in; lift a ban (fail2ban)",
        "the registration reaches Asterisk, and is answered if Asterisk runs and listens there",
        "`ss -ulnp` shows Asterisk at that port, and a new capture an answer",
        "set the old rule again",
    )  # fmt: skip


def for_no_media(plan: Plan) -> None:
    plan.next()
    plan.device(
        "router", "firewall before the PBX", "let UDP to rtpstart..rtpend of rtp.conf in",
        "the phone's audio reaches Asterisk",
        "`rtp set debug on` shows 'Got RTP packet from' during a call",
        "set the old rule again",
    )  # fmt: skip


def for_call_token(plan: Plan) -> None:
    """One way out and one port for the router; or no token asked of a client that knows of none."""
    plan.next()
    if plan.finding.params["kind"] != "unsupported":
        plan.device(
            "router", "consistent NAT (no port randomising, one way out for UDP 4569)", "on",
            "the request with the token comes from where the token was asked for",
            "both REGREQ of a registration have the same source port in a new capture",
            "set the old value again",
        )  # fmt: skip
        return
    what = "no token is asked of this client; calls with its address forged get further than now"
    verify = "its REGREQ is answered with REGAUTH or REGACK"
    plan.option("iax2", "requirecalltoken", "no", what, verify)


def for_filtered(plan: Plan) -> None:
    registrar = plan.finding.params["registrar"]
    what = f"requests leave from {registrar}, where the phone registered"
    verify = f"the source of the INVITE in a new capture is {registrar}"
    plan.next()
    if plan.finding.protocol == "SIP":
        for where in plan.target.sip_drivers:
            if where == "chan_sip":
                plan.option(where, "udpbindaddr", registrar, what, verify)
            else:
                plan.option(where, "transport", f"<the one bound to {registrar}>", what, verify)
    plan.next()
    plan.device(
        "router", "filtering", "endpoint-independent (full cone), for the phone's port",
        "the NAT lets in what comes from any address",
        "a request from the other address is answered",
        "set the old value again",
    )  # fmt: skip
