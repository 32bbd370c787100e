"""The rows of the what-if table for Asterisk's own settings.

First the settings that a recommendation is chosen from: how the NAT is dealt with, times how often
Asterisk pings. Then, one at a time beside the best of these, what else decides: the other values of
``nat``, how long a registration is granted for, CRLF pings, Asterisk's own address, direct media.

Sources: channels/sip/config_parser.c:sip_parse_nat_option (11 to 20), chan_sip.c:
handle_common_options (1.2 to 10), parse_register_contact, sip_send_keepalive, ast_sip_ouraddrfor,
sip_set_rtp_peer (16.28); res_pjsip_registrar.c:registrar_get_expiration, res_pjsip_session.c (22);
RFC 4787 REQ-6.
"""

from __future__ import annotations

from typing import NamedTuple

from sipdiag.advice.plan import Target
from sipdiag.advice.refresh import refresh_interval
from sipdiag.advice.whatif_seen import (
    Answer,
    Outlook,
    Seen,
    audio,
    behind_nat_by_via,
    binding,
    inward,
    names_itself,
    reply,
    request,
)
from sipdiag.base.endpoint import behind_nat, same_address

_LEAST_GRANT_S, _MOST_GRANT_S = 60, {"chan_sip": 3600, "pjsip": 7200}
"""``minexpiry`` and ``maxexpiry``, ``minimum_expiration`` and ``maximum_expiration`` unless set."""

_DEFAULT_GRANT_S = {"chan_sip": 120, "pjsip": 3600}
"""``defaultexpiry`` and ``default_expiration`` unless set."""

_OWN_NET = "<own-network>"
_PUBLIC = "<public-address>"

_COMEDIA = (
    "comedia and rtp_symmetric take audio from whoever hits the port before the phone does; "
    "strictrtp=yes in rtp.conf narrows that"
)
_STAYS_OFF = (
    "auto_* go by the top Via alone, which shows the packet's source, as an ALG or STUN makes it: "
    "they stay off"
)
_PROBING = "nat belongs in [general]: where a peer's differs, outsiders can probe for names"


class _Nat(NamedTuple):
    """One value of ``nat``: what it does with replies and requests, and with audio."""

    value: str
    forced: bool
    symmetric: bool
    note: str = ""
    rport: bool = True
    """An rport that the phone asks for is honoured."""


def chan_sip(seen: Seen, target: Target) -> list[Outlook]:
    """chan_sip's rows."""
    literal = _before(target, 1, 8)
    main, others = _nat_values(seen, target)

    def row(nat: _Nat, ping: int | None, kept: Answer, *, aside: bool) -> Outlook:
        return Outlook(
            "chan_sip",
            f"nat={nat.value}" + ("" if ping is None else f" qualify=yes qualifyfreq={ping}"),
            reply(seen, forced=nat.forced, literal=literal, rport=nat.rport),
            request(seen, to_source=nat.forced, rport_counts=nat.rport and _rport_counts(target)),
            audio(seen, symmetric=nat.symmetric),
            kept,
            "; ".join(
                part for part in (nat.note, "" if ping is None else _ping_cost(ping)) if part
            ),
            inward(seen),
            aside,
        )

    rows = [row(nat, ping, kept, aside=False) for ping, kept in _pings(seen) for nat in main]
    own = binding(seen, seen.refresh_s)
    rows += [row(nat, None, own, aside=True) for nat in others]
    best, plain = _best(rows, "chan_sip", f"nat={target.nat_value}")
    rows += _grants(seen, plain, "minexpiry", "maxexpiry", "defaultexpiry")
    if not _before(target, 11, 0):
        rows.append(_crlf(seen, plain))
    rows += _own_address(seen, best, ("externaddr",), "localnet")
    rows += _direct_media(seen, best, "directmedia=no", "directmedia=yes", "directmedia=nonat")
    return rows


def _rport_counts(target: Target) -> bool | None:
    """Whether chan_sip sends requests to the source of a registration that only asked for rport:
    since 11.24, 13.12, 14.1 and 15.0; before, it tested the wrong flags and took the Contact. None
    where the version isn't known that far."""
    version = target.version
    if version is None:
        return None
    if version.major >= 15:
        return True
    since = {11: 24, 13: 12, 14: 1}.get(version.major)
    if since is None:
        return False
    return None if version.minor is None else version.minor >= since


def _before(target: Target, major: int, minor: int) -> bool:
    version = target.version
    return version is not None and (version.major, version.minor or 0) < (major, minor)


def _nat_values(seen: Seen, target: Target) -> tuple[list[_Nat], list[_Nat]]:
    """Those that a recommendation is chosen from, the least permissive first; and the others."""
    auto = behind_nat_by_via(seen)
    off = "" if auto else _STAYS_OFF
    no = _Nat("no", False, False)
    if _before(target, 11, 0):
        yes = _Nat("yes", True, True, f"{_COMEDIA}. {_PROBING}")
        if _before(target, 1, 8):
            route = "as yes, but no rport in the reply, for phones that can't bear one"
            never = "even a phone that asks for rport isn't answered where it is"
            return [no, yes], [
                _Nat("never", False, False, never, rport=False),
                _Nat("route", True, True, route),
            ]
        return [no, yes], [
            _Nat("force_rport", True, False, _PROBING),
            _Nat("comedia", False, True, _COMEDIA),
        ]
    return [
        no,
        _Nat("auto_force_rport,auto_comedia", auto, auto, off),
        _Nat("force_rport", True, False, _PROBING),
        _Nat("force_rport,comedia", True, True, f"{_COMEDIA}. {_PROBING}"),
    ], [
        _Nat("comedia", False, True, _COMEDIA),
        _Nat("auto_force_rport", auto, False, off),
        _Nat("auto_comedia", False, auto, off),
        _Nat("yes", True, True, "nat=yes is deprecated: force_rport,comedia says the same"),
    ]  # fmt: skip


def pjsip(seen: Seen) -> list[Outlook]:
    """chan_pjsip's rows."""

    def row(
        setting: str, *, rewrite: bool, symmetric: bool, ping: int | None, kept: Answer,
        forced: bool = True, note: str = "",
    ) -> Outlook:  # fmt: skip
        notes = [note, _COMEDIA if symmetric else "", "" if ping is None else _ping_cost(ping)]
        return Outlook(
            "pjsip",
            setting + ("" if ping is None else f" qualify_frequency={ping}"),
            reply(seen, forced=forced),
            request(seen, to_source=rewrite),
            audio(seen, symmetric=symmetric),
            kept,
            ". ".join(part for part in notes if part),
            inward(seen),
            not forced,
        )

    rows = [
        row(
            f"rewrite_contact={'yes' if rewrite else 'no'} "
            f"rtp_symmetric={'yes' if symmetric else 'no'}",
            rewrite=rewrite, symmetric=symmetric, ping=ping, kept=kept,
        )
        for ping, kept in _pings(seen)
        for rewrite, symmetric in ((False, False), (True, False), (True, True))
    ]  # fmt: skip
    both = "rewrite_contact=yes rtp_symmetric=yes"
    best, plain = _best(rows, "pjsip", both)
    forced = "force_rport=yes is what PJSIP does unless told otherwise"
    rows += [
        plain._replace(setting=f"{plain.setting} force_rport=yes", note=forced, aside=True),
        row(
            f"{plain.setting} force_rport=no", forced=False, ping=None, kept=plain.binding,
            rewrite="rewrite_contact=yes" in plain.setting,
            symmetric="rtp_symmetric=yes" in plain.setting,
            note="replies go to the Via's port where the phone doesn't ask for rport",
        ),
    ]  # fmt: skip
    rows += _grants(seen, plain, "minimum_expiration", "maximum_expiration", "default_expiration")
    options = ("external_signaling_address", "external_media_address")
    rows += _own_address(seen, best, options, "local_net")
    on_nat = "direct_media=yes disable_direct_media_on_nat=yes"
    rows += _direct_media(seen, best, "direct_media=no", "direct_media=yes", on_nat)
    return rows


def iax2(seen: Seen) -> list[Outlook]:
    """IAX2 always answers to the source, and calls where the last registration came from."""
    share = seen.refresh_share or 5 / 6
    wanted = refresh_interval(seen.lifetime).seconds
    rows = [
        Outlook(
            "iax2", f"minregexpire={granted} maxregexpire={granted}",
            Answer.REACHES, Answer.REACHES, None, binding(seen, granted * share),
            f"the client refreshes every {granted * share:.0f} s",
        )
        for granted in dict.fromkeys((60, wanted))
    ]  # fmt: skip
    rows += [
        Outlook(
            "iax2", f"qualify=yes qualifyfreqok={every * 1000}",
            Answer.REACHES, Answer.REACHES, None,
            binding(seen, min(float(every), seen.refresh_s or float(every))),
            _ping_cost(every, "POKE"),
        )
        for every in dict.fromkeys((60, wanted))
    ]  # fmt: skip
    return rows


def recommended(rows: list[Outlook], where: str) -> Outlook | None:
    """The least permissive setting of one driver under which everything for the client reaches it,
    or, where nothing shows the binding's lifetime, everything but that. ``auto_*`` are passed over,
    as an ALG switches them off with the next packet."""
    fitting = [
        row for row in rows if row.where == where and not row.aside and "auto_" not in row.setting
    ]
    sure = [row for row in fitting if row.toward_client is Answer.REACHES]
    likely = [
        row
        for row in fitting
        if row.binding is Answer.UNDETERMINED
        and {row.reply, row.request, row.audio} <= {Answer.REACHES, None}
    ]
    return next(iter(sure or likely), None)


def _best(rows: list[Outlook], where: str, otherwise: str) -> tuple[Outlook, Outlook]:
    """What the other settings are shown beside: the recommended row, or the one that takes most
    care of NAT; and the same without pings. Their notes are said already."""
    best = recommended(rows, where) or next(row for row in rows if row.setting == otherwise)
    plain = max(
        (row for row in rows if row.where == where and best.setting.startswith(row.setting)),
        key=lambda row: (" qualify" not in row.setting, len(row.setting)),
    )
    return best._replace(note="", aside=True), plain._replace(note="", aside=True)


def _pings(seen: Seen) -> list[tuple[int | None, Answer]]:
    """No ping; Asterisk's 60 s; and what the lifetime asks for, each with what becomes of the
    binding, the client's own registrations counted."""
    own = binding(seen, seen.refresh_s)
    wanted = refresh_interval(seen.lifetime).seconds
    choices: list[tuple[int | None, Answer]] = [(None, own)]
    for seconds in dict.fromkeys((60, wanted)):
        often = binding(seen, min(float(seconds), seen.refresh_s or float(seconds)))
        choices.append((seconds, often))
    return choices


def _ping_cost(seconds: int, what: str = "OPTIONS") -> str:
    return (
        f"a ping every {seconds} s: {3600 // seconds} {what} an hour and as many answers, each of "
        "which wakes a smartphone and costs battery"
    )


def _grants(seen: Seen, base: Outlook, least: str, most: str, default: str) -> list[Outlook]:
    """What the registrar grants, and how soon this client comes back: both drivers clamp what was
    asked for into [least, most] without a word, and take ``default`` where nothing was asked."""
    if not seen.registers:
        return []
    wanted = refresh_interval(seen.lifetime).seconds
    share = seen.refresh_share
    grant = int(wanted / share) if share and 0 < share <= 1 else wanted
    top = _MOST_GRANT_S[base.where]
    asked = seen.asked_s or _DEFAULT_GRANT_S[base.where]
    rows = []
    for low, high in ((grant, grant), (None, grant), (None, 60), (grant, None)):
        if (low, high) == (None, grant) and grant == 60:
            continue
        setting = " ".join(
            f"{name}={value}" for name, value in ((least, low), (most, high)) if value is not None
        )
        floor = _LEAST_GRANT_S if low is None else low
        granted = max(floor, min(asked, top if high is None else high))
        rows.append(_granted(seen, base, setting, granted))
        if high is not None and low is None and high < floor:
            rows[-1] = rows[-1]._replace(note=f"{least} is {floor} unless set; {rows[-1].note}")
    if seen.asked_s is None:
        rows.append(_granted(seen, base, f"{default}={grant}", max(_LEAST_GRANT_S, grant)))
    else:
        note = f"{default} changes nothing: this client asks for {seen.asked_s} s itself"
        rows.append(base._replace(setting=f"{base.setting} {default}={grant}", note=note))
    return rows


def _granted(seen: Seen, base: Outlook, setting: str, granted: int) -> Outlook:
    """The client's own share of the grant decides. Where that isn't known, only a grant within the
    lifetime is sure: it must come back before that is over (RFC 3261 section 10.2.4)."""
    share = seen.refresh_share
    cost = f"at least {3600 // max(1, granted)} registrations an hour"
    if share is None:
        kept = binding(seen, float(granted))
        kept = kept if kept is Answer.REACHES else Answer.UNDETERMINED
        note = f"granted {granted} s: when this client would refresh was not seen; {cost}"
    elif share > 1:
        kept = Answer.UNDETERMINED
        note = (
            f"granted {granted} s: but this client came back only after {share:.0%} of what it "
            "was granted, so that it may ignore a shorter grant"
        )
    else:
        every = granted * share
        kept = binding(seen, every)
        note = (
            f"granted {granted} s: this client refreshes after {share:.0%} of it, every "
            f"{every:.0f} s: {round(3600 / every) if every else 0} registrations an hour, each of "
            "which wakes a smartphone"
        )
    if not seen.contact_returned:
        note += (
            "; the registrar's 200 OK names another Contact than this phone sent, so that it may "
            "not find its own and ignore what is granted"
        )
    return base._replace(setting=f"{base.setting} {setting}", binding=kept, note=note)


def _crlf(seen: Seen, base: Outlook) -> Outlook:
    """CRLF towards the phone, which needn't answer: it keeps a binding only where the NAT takes
    packets from outside as a refresh, which RFC 4787 REQ-6 leaves to it."""
    every = refresh_interval(seen.lifetime).seconds
    kept = base.binding
    if kept is not Answer.REACHES:
        kept = binding(seen, float(every)) if seen.inbound_refreshes else Answer.UNDETERMINED
    known = (
        "this NAT was seen to take packets from outside as a refresh"
        if seen.inbound_refreshes
        else "many NATs don't count packets from outside (RFC 4787 REQ-6)"
    )
    note = (
        f"keepalive={every}: CRLF that no phone answers, {3600 // every} an hour; {known}; "
        "chan_sip starts it at load or reload alone, for phones registered by then: prefer qualify"
    )
    return base._replace(setting=f"{base.setting} keepalive={every}", binding=kept, note=note)


def _own_address(seen: Seen, base: Outlook, options: tuple[str, ...], nets: str) -> list[Outlook]:
    """Asterisk's own address, left alone and given. chan_sip uses ``externaddr`` only with a
    ``localnet``, PJSIP its own for everybody where there is no ``local_net``; with one, neither for
    clients inside of it."""
    own = seen.own
    public = not behind_nat(own.home.ip)
    outside = not behind_nat(seen.source.ip)
    value = own.home.ip if public else _PUBLIC
    given = " ".join(f"{option}={value}" for option in options)
    unset = _unset(seen)
    told = _told(seen)
    chan = base.where == "chan_sip"
    unused = f"{options[0]} is not used without a {nets}"
    everybody = f"without a {nets} it is used for phones in Asterisk's own network, too"
    ports = (
        "" if public or told is Answer.REACHES
        else "the router before Asterisk must pass its RTP ports on (rtp.conf)"
    )  # fmt: skip
    alone = unset if chan else (told if outside else Answer.UNDETERMINED)
    rows = (
        (f"{options[0]}=", unset, "no address given: Asterisk writes its interface's"),
        (given, alone, unused if chan else everybody),
        (f"{given} {nets}={_OWN_NET}", told if outside else unset, ports),
    )
    return [
        base._replace(setting=f"{base.setting} {setting}", inward=leg, note=note)
        for setting, leg, note in rows
    ]


def _unset(seen: Seen) -> Answer:
    """With the interface's own address: where that is private it is what its packets come from, if
    they were seen there; where they come from a public one, what Asterisk writes may hide it."""
    own = seen.own
    if behind_nat(own.home.ip):
        return names_itself(seen, own.home.ip)
    hosts = [host for host in (own.contact_host, own.media.ip if own.media else None) if host]
    if any(behind_nat(host) for host in hosts):
        return inward(seen)
    return Answer.UNDETERMINED


def _told(seen: Seen) -> Answer:
    """With its public address: the client's REGISTER arrives at it, so its ACK does; audio goes to
    ports of its own, which a router before Asterisk must let in."""
    if not behind_nat(seen.own.home.ip) or seen.own.heard:
        return Answer.REACHES
    return Answer.UNDETERMINED


def _direct_media(seen: Seen, base: Outlook, off: str, on: str, careful: str) -> list[Outlook]:
    """Audio between the phones themselves: whether it gets through two NATs is not for Asterisk's
    packets to say, but a private place leads nowhere from outside. The careful values leave it off
    where a phone's audio was seen to come from elsewhere than its SDP says."""
    third = seen.own.third_party
    direct = Answer.UNDETERMINED
    if third is not None and behind_nat(third.ip) and not behind_nat(seen.source.ip):
        direct = Answer.FAILS
    told, heard = seen.media_written, seen.media_source
    natted = told is not None and heard is not None and not same_address(told.ip, heard.ip)
    refused = f"{careful} leaves audio with Asterisk, as this phone's comes from elsewhere"
    return [
        base._replace(setting=f"{base.setting} {off}", note="all audio passes Asterisk"),
        base._replace(
            setting=f"{base.setting} {on}", audio=direct,
            note="direct media: the phones send audio to each other, each through the other's NAT",
        ),
        base._replace(
            setting=f"{base.setting} {careful}", audio=base.audio if natted else direct,
            note=refused if natted else "",
        ),
    ]  # fmt: skip
