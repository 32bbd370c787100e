"""What cures the findings on settings (SD601 to SD604): the lines that the finding itself names."""

from __future__ import annotations

from sipdiag.advice.plan import Plan

_FORECAST = {
    "nat": "answers, requests and audio go to where the client's packets come from",
    "force_rport": "answers go to where the phone's packets come from",
    "rewrite_contact": "requests go to where the phone's packets come from",
    "rtp_symmetric": "audio goes to where the phone's audio comes from",
    "qualify": "Asterisk pings the client, and its answer refreshes the NAT binding",
    "qualifyfreq": "a ping leaves as often as was meant",
    "qualifyfreqok": "a ping leaves as often as was meant",
    "qualify_frequency": "a ping leaves as often as was meant",
}
_ADDRESSES = "phones outside are told an address that they can send to, phones inside the other one"
_BOUNDS = "registrations are granted what the bounds say"

MOST_SECTIONS = 50
"""Sections changed for one finding at a time: every change is tried on the whole configuration."""

_VERIFY = {
    "chan_sip": "`sip show peer NAME` and `sip show settings` after `sip reload`",
    "pjsip": "`pjsip show endpoint NAME` and `pjsip show aor NAME` after `pjsip reload`",
    "iax2": "`iax2 show peer NAME` after `iax2 reload`",
}


def for_setting(plan: Plan) -> None:
    """Sets what ``params["set"]`` names, in the section that the finding is about."""
    params = plan.finding.params
    where, wanted = params.get("where"), params.get("set")
    if not isinstance(where, str) or not isinstance(wanted, list) or not wanted:
        return
    plan.next()
    subject = plan.finding.subject
    sections = [plan.peer]
    if subject.kind == "section":
        named = params.get("sections")
        sections = [str(s) for s in named] if isinstance(named, list) else sections
    for section in sections[:MOST_SECTIONS]:
        for each in dict.fromkeys(str(item) for item in wanted):
            _set(plan, where, each, section)


def _set(plan: Plan, where: str, each: str, section: str) -> None:
    option, _, value = each.partition("=")
    forecast = _FORECAST.get(option)
    if forecast is None:
        forecast = _BOUNDS if option.startswith(("min", "max")) else _ADDRESSES
    plan.option(where, option, value, forecast, _VERIFY[where])
    made = plan.made[-1]
    if plan.finding.subject.kind == "section":
        kind = (made.section or "").partition(" ")[2]
        file = plan.finding.subject.ident.partition("/")[0]
        plan.made[-1] = made._replace(section=f"[{section}] {kind}".rstrip(), file=file)
