"""The words that all renderers use for the same thing. Nothing here is escaped."""

from __future__ import annotations

from sipdiag.report.model import KeepaliveInfo, Report, RouterInfo, SourceInfo

CONFIDENCE = {
    "high": "high confidence",
    "medium": "medium confidence",
    "low": "low confidence: a lead, not a proof",
}
EVIDENCE_SHOWN = 16
"""Of one finding; the JSON report has all that is kept."""
UNITS = {"s": "seconds", "ms": "milliseconds"}
ROLES = {
    "primary": "proof",
    "supports": "also",
    "contrast": "worked",
    "baseline": "in GOOD",
}
"""What a packet does in the evidence."""


_SIDES = {"pbx": "taken on the PBX's side", "phone": "taken on the phone's side"}


def held(source: SourceInfo) -> str:
    """``56 SIP messages, 906 media packets, taken on the PBX's side``."""
    counts = (
        (source.sip_messages, "SIP messages"),
        (source.iax2_frames, "IAX2 frames"),
        (source.rtp_packets, "media packets"),
    )
    parts = [f"{number} {what}" for number, what in counts if number] or ["no SIP or IAX2"]
    if source.vantage in _SIDES:
        parts.append(_SIDES[source.vantage])
    return ", ".join(parts)


def bounds(lower: float | None, upper: float | None) -> str:
    """An interval in seconds of which one side may be unknown."""
    if lower is None or upper is None:
        return f"at least {lower:.1f} s" if upper is None else f"less than {upper:.1f} s"
    return f"{lower:.1f} to {upper:.1f} s"


def where(source: str, frame: int | None, line: int | None) -> str:
    """File and frame or line, without the folder."""
    if frame is None and line is None:
        return source.rpartition("/")[2]
    place = f"frame {frame}" if frame is not None else f"line {line}"
    return f"{source.rpartition('/')[2]} {place}"


def keepalive_facts(kept: KeepaliveInfo) -> str:
    """``OPTIONS from Asterisk: 12, every 60.0 s, 11 answered``."""
    often = "" if kept.every_s is None else f", every {kept.every_s:.1f} s"
    answers = "" if kept.answered_count is None else f", {kept.answered_count} answered"
    who = "the phone" if kept.by == "client" else "Asterisk"
    return f"{kept.kind} from {who}: {kept.sent_count}{often}{answers}"


def router_facts(router: RouterInfo) -> str:
    """What was observed of a NAT, and nothing else."""
    several = len(router.clients) > 1
    facts = [f"the NAT {router.address}" + (f" ({len(router.clients)} clients)" if several else "")]
    for known, yes, no in (
        (router.keeps_ports, "keeps the phones' ports", "changes the phones' ports"),
        (
            router.inbound_refreshes,
            "is refreshed by packets to the phone, too",
            "is not refreshed by packets to the phone",
        ),
        (
            router.endpoint_independent,
            "gives one port for all destinations",
            "gives a port for each destination",
        ),
        (
            router.lets_in_others,
            "lets in packets from other addresses or ports",
            "drops packets from other addresses or ports",
        ),
    ):
        if known is not None:
            facts.append(yes if known else no)
    if not router.agree:
        facts.append("its clients' lifetimes contradict each other")
    return f"{facts[0]}: {', '.join(facts[1:]) or 'no more was observed'}"


def contact_facts(report: Report, subject: str | None) -> list[str]:
    """How a client is kept in reach, and what was seen of its NAT."""
    found = report.estimates
    return [
        *(keepalive_facts(kept) for kept in found.keepalives if kept.subject == subject),
        *(router_facts(router) for router in found.routers if subject in router.clients),
        *(
            f"nat_uac_test of its REGISTER: Kamailio {bits.kamailio}, OpenSIPS {bits.opensips}"
            for bits in found.nat_tests
            if bits.subject == subject
        ),
    ]
