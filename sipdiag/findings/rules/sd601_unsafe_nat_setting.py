"""SD601: what the configuration says about NAT isn't what its writer meant, or what it takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sipdiag.asterisk.conf import Setting
from sipdiag.asterisk.conf_setup import Entity, Setup
from sipdiag.asterisk.conf_values import NatMode, is_true, nat_mode
from sipdiag.findings.context import Context, peer_subject
from sipdiag.findings.model import Confidence, Finding, Rule, Severity
from sipdiag.findings.rules._settings import (
    Issue,
    by_section,
    clients,
    finding,
    names,
    own_lines,
    seen_behind_nat,
    subject_of,
    users_of,
)
from sipdiag.flows.subjects import Peer

_BOTH = "nat=force_rport,comedia"


def _lacking(mode: NatMode, words: Iterable[str]) -> list[str]:
    has = {
        "force_rport": mode.rport,
        "comedia": mode.comedia,
        "auto_force_rport": mode.auto_rport or mode.rport,
        "auto_comedia": mode.auto_comedia or mode.comedia,
        "yes": mode.rport and mode.comedia,
        "no": True,
    }
    return [word for word in words if not has[word]]


def _word_issues(line: Setting, users: list[Entity]) -> Iterator[Issue]:
    """What one ``nat`` line says that Asterisk 11 to 20 don't understand."""
    mode = nat_mode(line.value)
    lost = sorted({word for entity in users for word in _lacking(entity.nat(), mode.blanks)})
    if lost:
        yield Issue(
            "blank", Severity.WARNING,
            f"{line.place} has a blank in nat={line.value}: Asterisk passes over the word behind "
            f"it, so that {' and '.join(lost)} is off for {names(users)}.",
            [line], [f"nat={','.join(word.strip() for word in line.value.split(','))}"],
        )  # fmt: skip
    unknown = [word for word in mode.unknown if word]
    old = [word for word in unknown if word.lower() in ("never", "route", "rfc3581")]
    if len(old) < len(unknown):
        yield Issue(
            "unknown-word", Severity.WARNING,
            f"{line.place} says nat={line.value}: that is no word Asterisk 11 to 20 know, and it "
            "counts as nothing, without a message.",
            [line], [_BOTH],
        )  # fmt: skip
    elif old:
        route = "route" in [word.lower() for word in old]
        yield Issue(
            "old-word", Severity.WARNING if route else Severity.INFO,
            f"{line.place} says nat={line.value}, which Asterisk knew up to 1.6: from 11 on it "
            "counts as nat=no, without a message.",
            [line], [_BOTH] if route else [],
        )  # fmt: skip
    if mode.deprecated:
        yield Issue(
            "deprecated", Severity.INFO,
            f"{line.place} says nat=yes, which does what nat=force_rport,comedia does; Asterisk "
            "11 to 20 call it deprecated.",
            [line],
        )  # fmt: skip
    words = {word.lower() for word in line.value.split(",")}
    stuck = [
        e
        for e in users
        if ("force_rport" in words and e.nat().auto_rport and "auto_force_rport" not in words)
        or ("comedia" in words and e.nat().auto_comedia and "auto_comedia" not in words)
    ]
    if stuck:
        yield Issue(
            "auto-stands", Severity.WARNING,
            f"{line.place} says nat={line.value}, but an inherited auto_ word stands: nat lines of "
            f"a section and its templates add up, and only nat=no or nat=yes begins anew. It has "
            f"no effect for {names(stuck)}.",
            [line], [_BOTH] if {"force_rport", "comedia"} <= words else [],
        )  # fmt: skip


def _old_issues(setup: Setup, line: Setting) -> Iterator[Issue]:
    """Asterisk 10 and older: no lists."""
    if "," in line.value and setup.version is not None:
        meant = nat_mode(*line.value.replace(" ", "").split(","))
        got = nat_mode(line.value, version=setup.version)
        if (meant.rport and not got.rport) or (meant.comedia and not got.comedia):
            yield Issue(
                "list", Severity.WARNING,
                f"{line.place} says nat={line.value}: Asterisk {setup.version} knows no lists "
                f"there and takes it for {'force_rport' if got.rport else 'no'}.",
                [line], ["nat=yes"],
            )  # fmt: skip


def _from_files(setup: Setup) -> Iterator[Finding]:
    old = setup.version is not None and setup.version.major < 11
    users = users_of(setup, "chan_sip", "nat")
    found: dict[tuple[str, str], list[Issue]] = {}
    for section, line in own_lines(setup, "sip.conf", "nat"):
        used_by = users.get(line.place, [])
        issues = _old_issues(setup, line) if old else _word_issues(line, used_by)
        found.setdefault(("sip.conf", section.name), []).extend(issues)
    differing = _differing(setup)
    if differing is not None:
        found.setdefault(("sip.conf", "general"), []).append(differing)
    yield from by_section(RULE, found)


def _differing(setup: Setup) -> Issue | None:
    """chan_sip.c warns of the same at load: where replies go tells outsiders which names exist."""
    general = setup.general("chan_sip")
    if general is None:
        return None
    shared = general.nat()
    others = [e for e in setup.of("chan_sip") if e.nat().rport != shared.rport]
    if not others:
        return None
    forced = not shared.rport
    line = general.get("nat").setting
    return Issue(
        "differs", Severity.WARNING,
        f"nat forces rport in {'the sections of ' + names(others) if forced else '[general]'} and "
        f"not in {'[general]' if forced else 'those of ' + names(others)}: replies for names that "
        "exist go to another port than for those that don't, so that outsiders can find them out. "
        "No call is lost by that.",
        [s for s in (line, *(e.get("nat").setting for e in others[:5])) if s is not None],
        ["nat=yes" if setup.version and setup.version.major < 11 else _BOTH] if forced else [],
    )  # fmt: skip


_HARM = ("request-to-private-contact", "response-misrouted", "ack-missing", "one-way-audio")


def _harmed(context: Context, peer: Peer) -> dict[str, Finding]:
    """What the traffic lost by believing what this client wrote."""
    found = {name: context.earlier(name, peer_subject(peer)) for name in _HARM}
    harm = {name: f for name, f in found.items() if f is not None}
    if harm.get("ack-missing") and harm["ack-missing"].params.get("answered_by") != "phone":
        del harm["ack-missing"]
    if harm.get("one-way-audio") and harm["one-way-audio"].params.get("missing") != "to the phone":
        del harm["one-way-audio"]
    return harm


def _switched_off(entity: Entity, behind: bool, harm: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Option and wanted value, where the configuration leaves something off that this client
    needs: proved by a loss, or because it is behind NAT."""
    lost = set(harm)
    astray = bool(lost & {"request-to-private-contact", "ack-missing"})
    if entity.where == "chan_sip":
        mode = entity.nat()
        rport = (behind or lost & set(_HARM[:3])) and not mode.rport and not mode.auto_rport
        audio = "one-way-audio" in lost and not mode.comedia and not mode.auto_comedia
        if rport or audio:
            yield "nat", "force_rport,comedia"
        return
    for option, needed in (
        ("force_rport", "response-misrouted" in lost),
        ("rewrite_contact", behind or astray),
        ("rtp_symmetric", "one-way-audio" in lost),
    ):
        if needed and not is_true(entity.get(option, "endpoint").value):
            yield option, "yes"


def _from_traffic(context: Context) -> Iterator[Finding]:
    for peer, entity in clients(context):
        if entity.where == "iax2":
            continue
        harm = _harmed(context, peer)
        behind = seen_behind_nat(peer)
        if not harm and any(t.answered for t in peer.inbound):
            continue
        issues = [
            _off(entity, option, value, peer, lost=bool(harm))
            for option, value in _switched_off(entity, behind, harm)
        ]
        issues += _auto_behind_alg(context, peer, entity)
        if issues:
            result = finding(RULE, peer_subject(peer), issues, entity.where)
            yield result
            for symptom in harm.values():
                if result.severity is Severity.ERROR and symptom.caused_by is None:
                    symptom.caused_by = result


def _off(entity: Entity, option: str, value: str, peer: Peer, *, lost: bool) -> Issue:
    now = entity.get(option, None if entity.where == "chan_sip" else "endpoint")
    line = now.setting
    says = f"{line.place} says {option}={line.value}" if line else f"{option} is not set"
    right = [f"{option}={value}"]
    if option == "rewrite_contact" and not is_true(entity.get("rtp_symmetric", "endpoint").value):
        right.append("rtp_symmetric=yes")
    default = "" if line else f" ({now.value} is the default)"
    return Issue(
        "off-behind-nat",
        Severity.ERROR if lost else Severity.WARNING,
        f"{says}{default}, and {peer.ident} is behind NAT"
        + (": what the traffic lost, it lost by that." if lost else ": calls to it go astray."),
        [line] if line else [],
        right,
        Confidence.HIGH if lost else Confidence.MEDIUM,
    )


def _auto_behind_alg(context: Context, peer: Peer, entity: Entity) -> list[Issue]:
    """``auto_`` goes by the top Via, which a SIP ALG rewrites."""
    if entity.where != "chan_sip":
        return []
    mode = entity.nat()
    alg = next(
        (
            f
            for name in ("sip-alg-broken-rewrite", "sip-alg-rewrite")
            if (f := context.earlier(name, peer_subject(peer))) is not None
        ),
        None,
    )
    if alg is None or not (mode.auto_rport or mode.auto_comedia):
        return []
    line = entity.get("nat").setting
    says = f"{line.place} says nat={line.value}" if line else "nat is not set (auto_force_rport)"
    return [
        Issue(
            "auto-behind-alg",
            Severity.WARNING if alg.severity >= Severity.WARNING else Severity.INFO,
            f"{says}: Asterisk tells by the top Via whether {peer.ident} is behind NAT, and a SIP "
            "ALG rewrites just that, so that the NAT handling is switched off.",
            [line] if line else [],
            [_BOTH],
            alg.confidence,
        )
    ]


def _toward_proxies(setup: Setup) -> Iterator[Finding]:
    """rewrite_contact replaces the top Record-Route too: an option for phones, not for proxies."""
    for entity in setup.of("pjsip"):
        rewrite, proxy = entity.get("rewrite_contact", "endpoint"), entity.get("outbound_proxy")
        if rewrite.setting and is_true(rewrite.value) and proxy.setting and not entity.registers:
            issue = Issue(
                "rewrite-proxy", Severity.INFO,
                f"{rewrite.setting.place} has rewrite_contact=yes for {entity.name}, which is "
                "behind a proxy: the proxy's own Record-Route is rewritten too. It is meant for "
                "phones.",
                [rewrite.setting],
                confidence=Confidence.LOW,
            )  # fmt: skip
            yield finding(RULE, subject_of(entity.file, entity.name), [issue], "pjsip")


def judge(context: Context) -> Iterable[Finding]:
    """Fires for ``nat`` lines that don't do what they say, and for settings that leave off what
    the client's traffic needs."""
    if context.setup is not None:
        yield from _from_files(context.setup)
        yield from _toward_proxies(context.setup)
        yield from _from_traffic(context)


RULE = Rule(
    code="SD601",
    name="unsafe-nat-setting",
    title="A NAT setting doesn't do what it is there for",
    severity=Severity.WARNING,
    means=(
        "The configuration was read (`sipdiag advise --config`), and what it says about NAT is "
        "passed over by Asterisk, differs between `[general]` and peers, or is off for a client "
        "that the traffic shows behind NAT."
    ),
    why=(
        "`nat` is read word by word: a blank after the comma makes the next word unknown, and "
        "unknown words count as nothing without a message. The nat lines of a section and its "
        "templates add up, and an `auto_` word among them stands against `force_rport` later on. "
        "`auto_force_rport`, the default since Asterisk 11, goes by the address in the top Via, "
        "which a SIP ALG rewrites. Asterisk 1.8 and 10 know no lists."
    ),
    confirm=(
        "`sip show peer NAME`: `Force rport` and `Symmetric RTP` say what came of it. PJSIP: "
        "`pjsip show endpoint NAME`."
    ),
    remedy=(
        "Asterisk 11 to 20: `nat=force_rport,comedia` in `[general]`, without blanks; older: "
        "`nat=yes`. PJSIP, for phones: `rewrite_contact=yes` and `rtp_symmetric=yes`. "
        "`sipdiag advise --config DIR` prints the change as a diff."
    ),
    references=(
        "channels/sip/config_parser.c:sip_parse_nat_option (11 to 20)",
        "chan_sip.c:check_for_nat (11 to 20), the load-time warning on nat",
        "AST-2011-013",
        "res_pjsip_nat.c:rewrite_contact (22)",
    ),
    judge=judge,
    silent_on=(
        "a blank or word that a template or another line makes up for",
        "`nat=no` for clients with public addresses, or whose calls get through",
        "`nat=never` (information): it says off, and off it is",
        "templates that nobody inherits",
    ),
    after=("SD202", "SD203", "SD204", "SD301", "SD503", "SD504"),
)
