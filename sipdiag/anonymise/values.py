"""The values inside SIP header fields with stand-ins in them: URI, name-addr, Via, parameters.

Contract: what is written stays where it was (quotes, blanks, brackets, order); nothing raises.
What can't be read is scrambled.
"""

from __future__ import annotations

import re

from sipdiag.anonymise.standins import StandIns
from sipdiag.protocols.sip.fields import split_outside

_URI = re.compile(r"(\s*)([A-Za-z][A-Za-z0-9+.\-]{0,32}):(.*)", re.DOTALL)
_HOST_PORT = re.compile(r"(\s*)(\[[^\]]*\]|[^\s:;?,<>\[\]]+)(\s*(?::\s*\d{1,5})?\s*)")
_V6_BARE = re.compile(r"(\s*)([0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)(\s*)")
_VIA = re.compile(r"(\s*SIP\s*/\s*\d+\.\d+\s*/\s*[A-Za-z]{1,8}\s+)([^;]+)(.*)", re.DOTALL | re.I)
_PARAM = re.compile(r"(\s*)([^\s=]*)(\s*=\s*)?(.*?)(\s*)", re.DOTALL)
_QUOTED = re.compile(r'"(.*)"', re.DOTALL)

_HARMLESS = frozenset(
    (
        "expires", "q", "rport", "ttl", "transport", "lr", "ob", "user", "method", "methods", "ob",
        "reg-id", "isfocus", "audio", "video", "refresher", "cause", "handling", "privacy",
        "screen", "party", "counter", "keep", "comp", "id", "early-only", "from-tag-only", "level",
    )
)  # fmt: skip
"""Parameters whose values are numbers or words of a protocol."""
_WORD = re.compile(r'"?[A-Za-z0-9.,_ -]{0,32}"?')
_HOSTS = frozenset({"received", "maddr"})


def host_port(standins: StandIns, text: str) -> str:
    """``host``, ``host:port``, ``[v6]:port`` or a bare IPv6 address."""
    match = _HOST_PORT.fullmatch(text) or _V6_BARE.fullmatch(text)
    if match is None:
        return standins.token(text)
    return f"{match[1]}{standins.host(match[2])}{match[3]}"


def params(standins: StandIns, text: str) -> str:
    """``;name=value;flag``: protocol words stay, hosts and identifiers are replaced."""
    return ";".join(_param(standins, part) for part in split_outside(text, ";"))


def _param(standins: StandIns, part: str) -> str:
    match = _PARAM.fullmatch(part)
    if match is None:
        return standins.token(part)
    before, name, equals, value, after = match.groups()
    key = name.lower()
    if equals is None:
        known = not name or key in _HARMLESS
        return f"{before}{name if known else standins.token(name)}{standins.token(value)}{after}"
    if key in _HOSTS:
        value = standins.host(value)
    elif key not in _HARMLESS or not _WORD.fullmatch(value):
        value = standins.token(value)
    return f"{before}{name}{equals}{value}{after}"


def uri(standins: StandIns, text: str) -> str:
    """A URI. Of sip and sips the user, host and parameters are replaced one by one, a password and
    header fields scrambled; ``tel`` is a number; of others only the scheme stays."""
    match = _URI.fullmatch(text)
    if match is None:
        return text if text.strip() == "*" else standins.token(text)
    before, scheme, rest = match.groups()
    kind = scheme.lower()
    if kind == "tel":
        number, semicolon, more = rest.partition(";")
        return f"{before}{scheme}:{standins.user(number)}{semicolon}{params(standins, more)}"
    if kind not in ("sip", "sips"):
        return f"{before}{scheme}:{standins.token(rest)}"
    who, at, where = rest.rpartition("@")
    if at:
        user, colon, password = who.partition(":")
        who = f"{standins.user(user)}{colon}{standins.token(password)}@"
    where, question, fields = where.partition("?")
    address, semicolon, more = where.partition(";")
    return (
        f"{before}{scheme}:{who}{host_port(standins, address)}{semicolon}"
        f"{params(standins, more)}{question}{standins.token(fields)}"
    )


def name_addrs(standins: StandIns, text: str) -> str:
    """One or several ``"Display" <uri>;param`` or bare URIs, as From, Contact and Route have."""
    return ",".join(_name_addr(standins, part) for part in split_outside(text, ","))


def _name_addr(standins: StandIns, text: str) -> str:
    opening = _opening(text)
    if opening < 0:
        bare, semicolon, more = text.partition(";")
        return f"{uri(standins, bare)}{semicolon}{params(standins, more)}"
    closing = text.find(">", opening)
    closing = closing if closing >= 0 else len(text)
    display, inside = text[:opening], text[opening + 1 : closing]
    return (
        f"{_display(standins, display)}<{uri(standins, inside)}{text[closing : closing + 1]}"
        f"{params(standins, text[closing + 1 :])}"
    )


def _opening(text: str) -> int:
    quoted = False
    for at, char in enumerate(text):
        if char == '"' and text[at - 1 : at] != "\\":
            quoted = not quoted
        elif char == "<" and not quoted:
            return at
    return -1


def _display(standins: StandIns, text: str) -> str:
    written = text.strip()
    if not written:
        return text
    quoted = _QUOTED.fullmatch(written)
    bare = quoted[1] if quoted else written
    made = standins.name(bare)
    return text.replace(written, f'"{made}"' if quoted else made)


def vias(standins: StandIns, text: str) -> str:
    """One or several Via values: transport and rport stay."""
    return ",".join(_via(standins, part) for part in split_outside(text, ","))


def _via(standins: StandIns, text: str) -> str:
    match = _VIA.fullmatch(text)
    if match is None:
        return standins.token(text)
    head, sent_by, more = match.groups()
    return f"{head}{host_port(standins, sent_by)}{params(standins, more)}"


def call_id_and_tags(standins: StandIns, text: str) -> str:
    """Replaces, Target-Dialog, Join: a Call-ID with the tags of both sides."""
    call, semicolon, more = text.partition(";")
    return f"{standins.token(call)}{semicolon}{params(standins, more)}"


_DIGEST_WORDS = frozenset({"algorithm", "qop", "nc", "stale"})
_DIGEST = re.compile(r"(\s*digest\s+)(.*)", re.DOTALL | re.IGNORECASE)
_SCHEME = re.compile(r"(\s*[A-Za-z-]{1,32}\s+)(.*)", re.DOTALL)


def credentials(standins: StandIns, text: str) -> str:
    """A challenge or its answer. Of Digest (RFC 7616) each field by itself, of other schemes only
    the scheme's name stays."""
    digest = _DIGEST.fullmatch(text)
    if digest is None:
        other = _SCHEME.fullmatch(text)
        return other[1] + standins.token(other[2]) if other else standins.token(text)
    return digest[1] + ",".join(_field(standins, part) for part in split_outside(digest[2], ","))


def _field(standins: StandIns, part: str) -> str:
    match = _PARAM.fullmatch(part)
    if match is None or match[3] is None:
        return standins.token(part)
    before, name, equals, value, after = match.groups()
    key = name.lower()
    quoted = _QUOTED.fullmatch(value)
    bare = quoted[1] if quoted else value
    if key == "username":
        bare = standins.user(bare)
    elif key == "realm":
        bare = standins.host(bare)
    elif key == "uri":
        bare = uri(standins, bare)
    elif key not in _DIGEST_WORDS or not _WORD.fullmatch(bare):
        bare = standins.token(bare)
    return (
        f'{before}{name}{equals}"{bare}"{after}'
        if quoted
        else f"{before}{name}{equals}{bare}{after}"
    )
