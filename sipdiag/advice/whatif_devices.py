"""The rows of the what-if table for what is set in the phone or its router.

Asterisk's settings that they are worked out beside stand in each row. A binding's lifetime was
measured with the router as it is: without an ALG, which may hold the mapping on its own account, it
can only be shorter.

Sources: Linux net/netfilter/nf_conntrack_sip.c (``sip_timeout`` 3600 s, port 5060),
Documentation/networking/nf_conntrack-sysctl.rst (``nf_conntrack_udp_timeout`` 30 s,
``nf_conntrack_udp_timeout_stream`` 120 s); RFC 5626 section 4.4.1; RFC 5923.
"""

from __future__ import annotations

from collections.abc import Iterable

from sipdiag.advice.refresh import refresh_interval
from sipdiag.advice.whatif_rows import recommended
from sipdiag.advice.whatif_seen import Answer, Outlook, Seen, binding, lives
from sipdiag.base.endpoint import behind_nat, same_address
from sipdiag.base.interval import Interval

_TIMEOUT_S = 300

_SHRINKS = (
    "without the ALG the mapping may live shorter: Linux's helper holds it for 3600 s (sip_timeout)"
    ", the router's UDP timeout is often 30 s; set a keepalive at the same time"
)


def devices(seen: Seen, rows: list[Outlook]) -> list[Outlook]:
    """What could be set in the phone and the router, beside the rows of Asterisk's settings; none
    for a phone without NAT."""
    if not _behind_nat(seen):
        return []
    found: list[Outlook] = []
    for where in dict.fromkeys(row.where for row in rows):
        ours = [row for row in rows if row.where == where and not row.aside]
        most = _without_ping(recommended(ours, where) or ours[-1], ours)
        if _rewritten(seen):
            found += _without_alg(seen, dict.fromkeys((ours[0], _caring(ours))))
        found += _kept_open(seen, most)
    return found


def _behind_nat(seen: Seen) -> bool:
    """A client from a private address has no NAT before it, as far as can be told, unless its
    Contact says otherwise."""
    written = seen.written is not None and seen.written.contact_host is not None
    return not behind_nat(seen.source.ip) or (written and not _rewritten(seen))


def _rewritten(seen: Seen) -> bool:
    """The Contact names the packet's source: the phone has no NAT, or found its address out, or an
    ALG wrote it."""
    host = seen.written.contact_host if seen.written else None
    return host is not None and same_address(host, seen.source.ip)


def _without_ping(row: Outlook, rows: list[Outlook]) -> Outlook:
    same = [r for r in rows if row.setting.startswith(r.setting) and "qualify" not in r.setting]
    return max(same, key=lambda r: len(r.setting), default=row)


def _caring(rows: list[Outlook]) -> Outlook:
    """The row that takes most care of NAT, without pings."""
    return [row for row in rows if "qualify" not in row.setting][-1]


def _beside(base: Outlook) -> str:
    return "" if base.where == "iax2" else f" (beside {base.setting})"


def _without_alg(seen: Seen, bases: Iterable[Outlook]) -> list[Outlook]:
    """What arrives as the phone wrote it: private Via, Contact and SDP, which reach it only where
    Asterisk goes by the packet's source. Without NAT settings the reply goes to the Via's port,
    which is then the phone's own, not the mapping's. Where nothing private is left in its messages
    the phone itself may have written the public address, and would go on with it."""
    private = _private_left(seen)
    lost = Answer.FAILS if private else Answer.UNDETERMINED
    rport = seen.written is not None and seen.written.via_rport
    kept = binding(seen, seen.refresh_s)
    kept = kept if kept is Answer.FAILS else Answer.UNDETERMINED
    found: list[Outlook] = []
    for base in bases:
        forced = base.where == "pjsip" or _to_source(base)
        plain = base._replace(
            reply=Answer.REACHES if forced or rport else Answer.UNDETERMINED,
            request=Answer.REACHES if _to_source(base) else lost,
            audio=Answer.REACHES if _symmetric(base) else lost,
            binding=kept,
            aside=True,
        )
        beside = _beside(base)
        found.append(plain._replace(where="router", setting=f"SIP ALG off{beside}", note=_SHRINKS))
        if not _to_source(base):
            continue
        found += [
            plain._replace(
                where="phone", setting=f"another server port than 5060{beside}",
                note="most ALGs look at port 5060 alone; Asterisk must listen on the other port, "
                "too; " + _SHRINKS,
            ),
            plain._replace(
                where="phone", setting=f"TLS{beside}",
                reply=Answer.REACHES, binding=Answer.UNDETERMINED,
                note="an ALG can't read TLS; the binding is TCP's, whose lifetime these packets "
                "don't show; PJSIP sends CRLF every 90 s (keep_alive_interval)",
            ),
        ]  # fmt: skip
    return found


def _private_left(seen: Seen) -> bool:
    """A private address in the Call-ID or the SDP: an ALG passed over it, or a phone with STUN."""
    call_id = seen.written is not None and seen.written.call_id_host is not None
    return call_id or (seen.media_written is not None and behind_nat(seen.media_written.ip))


def _to_source(base: Outlook) -> bool:
    """Requests go to the packet's source under this setting."""
    return any(word in base.setting for word in ("force_rport", "nat=yes", "rewrite_contact=yes"))


def _symmetric(base: Outlook) -> bool:
    """Audio goes to where the phone's comes from under this setting."""
    return any(word in base.setting for word in ("comedia", "nat=yes", "rtp_symmetric=yes"))


def _kept_open(seen: Seen, base: Outlook) -> list[Outlook]:
    """The phone's own keepalive, and a longer lifetime: that is no observation, but what the
    router is told."""
    every = refresh_interval(seen.lifetime).seconds
    often = min(float(every), seen.refresh_s or float(every))
    longer = lives(Interval(_TIMEOUT_S - 1, _TIMEOUT_S), seen.refresh_s)
    carrier = "helps only where this router is the one that forgets, not a carrier's behind it"
    beside = _beside(base)
    sysctl = " ".join(f"nf_conntrack_udp_timeout{kind}={_TIMEOUT_S}" for kind in ("", "_stream"))
    return [
        base._replace(
            where="phone", setting=f"keepalive every {every} s{beside}",
            binding=binding(seen, often), aside=True,
            note=f"the phone's own keepalive: {3600 // every} packets an hour, each of which costs "
            "a smartphone battery",
        ),
        base._replace(
            where="router", setting=f"UDP timeout {_TIMEOUT_S} s{beside}", binding=longer,
            note=f"a longer UDP timeout {carrier}", aside=True,
        ),
        base._replace(
            where="router", setting=f"{sysctl}{beside}", binding=longer, aside=True,
            note="sysctl of a Linux router: _stream counts once packets went both ways; flows that "
            f"its SIP helper tracks keep sip_timeout; {carrier}",
        ),
    ]  # fmt: skip
