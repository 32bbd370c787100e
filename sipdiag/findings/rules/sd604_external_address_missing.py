"""SD604: a PBX behind NAT that doesn't say, or can't say, its public address."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sipdiag.asterisk.conf import Setting
from sipdiag.asterisk.conf_setup import Entity, Setup
from sipdiag.base.endpoint import behind_nat
from sipdiag.findings.context import Context, peer_subject
from sipdiag.findings.model import Confidence, Evidence, Finding, Rule, Severity
from sipdiag.findings.rules._settings import Issue, clients, finding, subject_of
from sipdiag.flows.subjects import Peer

_EXTERNAL = ("external_media_address", "external_signaling_address")


def _host(value: str) -> str:
    """The address of ``203.0.113.9:5060``, ``[2001:db8::1]`` or a name."""
    if value.startswith("["):
        return value.partition("]")[0].strip("[")
    return value.partition(":")[0] if value.count(":") == 1 else value


def _of_sip(setup: Setup) -> Iterator[Finding]:
    general = setup.general("chan_sip")
    if general is None:
        return
    issues = []
    address = general.get("externaddr")
    line = address.setting or general.get("externhost").setting
    if line is not None and line.value and not general.get("localnet").written:
        issues.append(
            Issue(
                "no-localnet", Severity.WARNING,
                f"{line.place} says {line.name}={line.value}, but there is no localnet: without "
                "one chan_sip never uses it, and private addresses leave.",
                [line], ["localnet=<the PBX's own network, as 10.0.0.0/8>"],
            )
        )  # fmt: skip
    if address.setting is not None and behind_nat(_host(address.value)):
        issues.append(_private("externaddr", address.setting))
    if issues:
        yield finding(RULE, subject_of("sip.conf", "general"), issues, "chan_sip")


def _private(option: str, line: Setting) -> Issue:
    return Issue(
        "external-private",
        Severity.WARNING,
        f"{line.place} says {line.name}={line.value}: that isn't an address that phones outside "
        "can send to.",
        [line],
        [f"{option}=<the PBX's public address>"],
    )


def _of_pjsip(setup: Setup, local_clients: dict[int, list[str]]) -> Iterator[Finding]:
    for part in (p for p in setup.objects if p.kind == "transport"):
        media, signaling = (part.find(name) for name in _EXTERNAL)
        lines = [line for line in (media, signaling) if line is not None and line.value]
        issues = []
        if lines and not part.find("local_net"):
            here = local_clients.get(id(part.section), [])
            issues.append(
                Issue(
                    "no-local-net", Severity.WARNING if here else Severity.INFO,
                    f"{lines[0].place} says {lines[0].name}={lines[0].value}, and there is no "
                    "local_net: the public address is written to everyone, "
                    + (f"{', '.join(here[:5])} in the PBX's own network too." if here
                       else "phones in the PBX's own network too, should there be any."),
                    lines, ["local_net=<the PBX's own network, as 10.0.0.0/8>"],
                )
            )  # fmt: skip
        if len(lines) == 1:
            other = _EXTERNAL[0] if lines[0] is signaling else _EXTERNAL[1]
            issues.append(
                Issue(
                    "one-external", Severity.INFO,
                    f"{lines[0].place} says {lines[0].name}, and there is no {other}: it counts "
                    f"for {'audio' if lines[0] is media else 'signalling'} alone.",
                    lines, confidence=Confidence.MEDIUM,
                )
            )  # fmt: skip
        issues += [_private(s.name, s) for s in lines if behind_nat(_host(s.value))]
        if issues:
            subject = subject_of("pjsip.conf", part.section.name)
            yield finding(RULE, subject, issues, "pjsip", {"kind": "transport"})


def _local_clients(context: Context) -> dict[int, list[str]]:
    """Clients seen in the PBX's own network, by the section of their transport. Where an endpoint
    names none, any of its protocol may be it: the only one is."""
    setup = context.setup
    found: dict[int, list[str]] = {}
    transports = [p for p in setup.objects if p.kind == "transport"] if setup else []
    for peer, entity in clients(context):
        part = entity.part("transport")
        if part is None and len(transports) == 1:
            part = transports[0]
        own = behind_nat(peer.local.ip) and peer.outers
        if part is not None and own and all(behind_nat(outer.ip) for outer in peer.outers):
            found.setdefault(id(part.section), []).append(peer.ident)
    return found


def _leaving(peer: Peer) -> Iterator[Evidence]:
    """Where the PBX wrote a private address to a client with a public one."""
    if not peer.outers or any(behind_nat(outer.ip) for outer in peer.outers):
        return
    for call in peer.calls:
        for offer in call.offers:
            if offer.src.ip == peer.local.ip and offer.endpoint and behind_nat(offer.endpoint.ip):
                what = f"Asterisk's SDP says {offer.endpoint} to {peer.outers[0]}"
                yield Evidence(offer.origin, offer.ts_ns, "supports", what)


def _missing(entity: Entity) -> bool:
    """Whether nothing tells Asterisk its public address for this client."""
    if entity.where == "chan_sip":
        return not entity.get("externaddr").value and not entity.get("externhost").value
    return entity.part("transport") is not None and not any(
        entity.get(name, "transport").value for name in _EXTERNAL
    )


def _from_traffic(context: Context) -> Iterator[Finding]:
    for peer, entity in clients(context):
        if entity.where == "iax2" or not _missing(entity):
            continue
        shown = list(_leaving(peer))
        subject = peer_subject(peer)
        harm = [
            f
            for name, key, value in (
                ("ack-missing", "answered_by", "pbx"),
                ("one-way-audio", "missing", "from the phone"),
            )
            if (f := context.earlier(name, subject)) is not None and f.params.get(key) == value
        ]
        if not shown:
            continue
        names = (
            ("externaddr", "localnet")
            if entity.where == "chan_sip"
            else ("external_media_address", "external_signaling_address", "local_net")
        )
        values = dict.fromkeys(names, "<the PBX's public address>")
        values[names[-1]] = "<the PBX's own network, as 10.0.0.0/8>"
        issue = Issue(
            "none-leaving",
            Severity.ERROR if harm else Severity.INFO,
            f"{names[0]} is not set, and Asterisk writes its private address to {peer.ident}, "
            "which is outside"
            + (": what the traffic lost, it lost by that." if harm else "; nothing was lost yet."),
            right=[f"{name}={value}" for name, value in values.items()],
            confidence=Confidence.MEDIUM,
        )
        shown[0] = shown[0]._replace(role="primary")
        result = finding(RULE, subject, [issue], entity.where, {"kind": "transport"}, shown[:5])
        for symptom in harm:
            if symptom.caused_by is None:
                symptom.caused_by = result
        yield result


def judge(context: Context) -> Iterable[Finding]:
    """Fires where a public address is set in vain, or lacks while private ones leave."""
    if context.setup is not None:
        yield from _of_sip(context.setup)
        yield from _of_pjsip(context.setup, _local_clients(context))
        yield from _from_traffic(context)


RULE = Rule(
    code="SD604",
    name="external-address-missing",
    title="The PBX is behind NAT and doesn't say its public address",
    severity=Severity.WARNING,
    means=(
        "The configuration names the PBX's public address in a way that has no effect, or not at "
        "all while the traffic shows private addresses leaving for phones outside."
    ),
    why=(
        "Behind NAT Asterisk must write its public address into Contact and SDP itself, or ACKs "
        "and audio go to the private one. chan_sip does that only for what is outside of "
        "`localnet`, and without any `localnet` never. PJSIP does the opposite: without "
        "`local_net` everyone gets the public address, phones in the PBX's own network too."
    ),
    confirm=(
        "`sip show settings`: `Externaddr` and `Localnet`; the Contact and the c= line of "
        "Asterisk's 200 OK in a capture."
    ),
    remedy=(
        "chan_sip: `externaddr` and `localnet` in `[general]`. PJSIP: `external_media_address`, "
        "`external_signaling_address` and `local_net` in the transport, and a restart, as "
        "transports aren't reloaded (`allow_reload=no`)."
    ),
    references=(
        "chan_sip.c:ast_sip_ouraddrfor (16.28)",
        "res_pjsip_nat.c:process_nat (22)",
        "pjsip.conf.sample: local_net",
    ),
    judge=judge,
    silent_on=(
        "a PBX with a public address and none of these options",
        "PJSIP without local_net where all phones are outside (information)",
        "private addresses that go to phones in the same network",
    ),
    after=("SD204", "SD301"),
)
