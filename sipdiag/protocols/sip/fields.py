"""The values inside SIP header fields: URI, name-addr, Via, CSeq (RFC 3261 sections 19 and 25).

Every ``parse_*`` takes the field's text and returns a value, or None where the text isn't one.
They are lenient in what NAT diagnosis must survive (missing brackets, blanks, RFC 2543 forms)
and never raise.
"""

from __future__ import annotations

import re
from typing import NamedTuple

Params = dict[str, str | None]
"""Parameters by lower-case name; None for a parameter without a value."""


class Uri(NamedTuple):
    """A SIP, SIPS or other URI. ``host`` has no brackets; ``port`` None = not written."""

    scheme: str
    user: str | None
    host: str
    port: int | None
    params: Params

    @property
    def effective_port(self) -> int:
        """The port that is meant (RFC 3261 section 19.1.2: 5060, or 5061 for sips and TLS)."""
        if self.port is not None:
            return self.port
        tls = self.scheme == "sips" or (self.params.get("transport") or "").lower() == "tls"
        return 5061 if tls else 5060


class NameAddr(NamedTuple):
    """``"Display" <uri>;param=value``: From, To, Contact, Route."""

    display: str
    uri: Uri | None
    params: Params
    text: str

    @property
    def tag(self) -> str | None:
        """The dialog tag (RFC 3261 section 19.3)."""
        return self.params.get("tag")


class Via(NamedTuple):
    """One Via value (RFC 3261 section 20.42). ``port`` None = not written."""

    transport: str
    host: str
    port: int | None
    params: Params

    @property
    def effective_port(self) -> int:
        """The sent-by port that is meant (RFC 3261 section 18.1.1)."""
        if self.port is not None:
            return self.port
        return 5061 if self.transport.upper() in ("TLS", "WSS") else 5060

    @property
    def branch(self) -> str | None:
        """The transaction's identifier."""
        return self.params.get("branch")

    @property
    def received(self) -> str | None:
        """The source address that the receiver wrote in (RFC 3261 section 18.2.1), no brackets."""
        value = self.params.get("received")
        return value.strip("[]") if value else None

    @property
    def rport(self) -> int | None:
        """The source port that the receiver wrote in (RFC 3581); None where empty or absent."""
        return _port(self.params.get("rport"))


class CSeq(NamedTuple):
    """CSeq number and method (RFC 3261 section 20.16)."""

    number: int
    method: str


def _port(text: str | None) -> int | None:
    if text and len(text) <= 5 and text.isascii() and text.isdigit() and int(text) <= 65535:
        return int(text)
    return None


def split_outside(text: str, separator: str) -> list[str]:
    """``text`` split at ``separator`` outside of quotes and angle brackets (RFC 3261 7.3.1)."""
    if '"' not in text and "<" not in text:
        return text.split(separator)
    parts: list[str] = []
    start, quoted, angle, escaped = 0, False, False, False
    for at, char in enumerate(text):
        if escaped:
            escaped = False
        elif quoted:
            if char == "\\":
                escaped = True
            elif char == '"':
                quoted = False
        elif char == '"' and not angle:
            quoted = True
        elif char == "<":
            angle = True
        elif char == ">":
            angle = False
        elif char == separator and not angle:
            parts.append(text[start:at])
            start = at + 1
    parts.append(text[start:])
    return parts


def _plain_params(text: str) -> Params:
    """``;a=b;c`` without blanks and quotes."""
    params: Params = {}
    if text:
        for part in text[1:].split(";"):
            name, equals, value = part.partition("=")
            params.setdefault(name.lower(), value if equals else None)
    return params


_QUOTED = re.compile(r'"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def _unquoted(text: str) -> str:
    """A quoted string's content (RFC 3261 section 25.1); without its quotes, as far as they are
    there, where it is none."""
    match = _QUOTED.fullmatch(text)
    if match is None:
        return text.strip('"')
    return _ESCAPED.sub(r"\1", match[1]) if "\\" in match[1] else match[1]


_BEFORE_BRACKET = re.compile(r'(?:[^"<]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)


def _bracket(text: str) -> int:
    """Where the angle bracket around the URI opens: the first one outside of quotes, or, where a
    quote never ends, the last one. -1 where there is none."""
    match = _BEFORE_BRACKET.match(text)
    end = match.end() if match is not None else 0
    if text[end : end + 1] == '"':
        return text.rfind("<")
    return end if end < len(text) else -1


def parse_params(text: str) -> Params:
    """``;a=b;c`` as a dict. The first of a repeated name wins; quotes round a value go."""
    params: Params = {}
    if not text:
        return params
    for part in split_outside(text, ";"):
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if name and name not in params:
            params[name] = _unquoted(value.strip()) if equals else None
    return params


_HOST_PORT = re.compile(r"\s*+(\[[^\]]*+\]|[^\s:;?,<>\[\]]++)\s*+(?::\s*+(\d{1,5}+))?+\s*+$")
_V6_BARE = re.compile(r"\s*+([0-9A-Fa-f.]*+(?::[0-9A-Fa-f.]*+){2,}+)\s*+$")
_V6_THREE_COLONS = re.compile(r":::(?=\d+\.\d+\.\d+\.\d+$)")


def parse_host_port(text: str) -> tuple[str, int | None] | None:
    """``host``, ``host:port``, ``[v6]:port``; a bare IPv6 address is taken as one without a port
    (RFC 5118 section 4.5), a third colon before an IPv4 part is passed over (section 4.10)."""
    match = _HOST_PORT.match(text)
    if match:
        host = match[1].strip("[]")
        if ":::" in host:
            host = _V6_THREE_COLONS.sub("::", host)
        return host, _port(match[2])
    match = _V6_BARE.match(text)
    return (match[1], None) if match else None


_PARAMS = r"((?:;[^\s;,?=@\"<>]++(?:=[^\s;,?@\"<>]*+)?)*+)"
_ADDRESS = r"(\[(?:[0-9A-Fa-f.]++|:(?!::))*+\]|[^\s:;?,=@\"<>\[\]]++)(?::(\d{1,5}+))?+" + _PARAMS
_PLAIN_URI = r"(sips?):(?:([^\s:;?,@\"<>]++)@)?+" + _ADDRESS
_PLAIN_NAME_ADDR = re.compile(
    r"(?:\"([^\"\\<>]*+)\" *+|([A-Za-z0-9.!%*_+`'~-]++) ++|)<" + _PLAIN_URI + ">" + _PARAMS
)
_PLAIN_VIA = re.compile(r"SIP/2\.0/([A-Z]++) ++" + _ADDRESS)
"""What nearly all of them look like, in one step each; the rest goes the long way, to the same."""

_SCHEME = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.\-]*):(.*)$", re.DOTALL)


def parse_uri(text: str) -> Uri | None:
    """A URI; for schemes other than sip and sips ``host`` is everything after the colon."""
    match = _SCHEME.match(text)
    if not match:
        return None
    scheme, rest = match[1].lower(), match[2].strip()
    if scheme not in ("sip", "sips"):
        return Uri(scheme, None, rest, None, {})
    user_part, at, host_part = rest.rpartition("@")
    user = user_part.partition(":")[0] if at else None
    host_part = host_part.partition("?")[0]
    host_port, _, params = host_part.partition(";")
    parsed = parse_host_port(host_port)
    if parsed is None:
        return None
    return Uri(scheme, user, parsed[0], parsed[1], parse_params(params))


def parse_name_addr(text: str) -> NameAddr:
    """A name-addr or addr-spec. Without angle brackets, what follows ``;`` belongs to the header
    and not to the URI (RFC 3261 section 20.10). ``uri`` None = unreadable, or ``*``."""
    text = text.strip()
    plain = _PLAIN_NAME_ADDR.fullmatch(text)
    if plain is not None:
        quoted, token, scheme, user, host, port, of_uri, of_header = plain.groups()
        uri = Uri(scheme, user, host.strip("[]"), _port(port), _plain_params(of_uri))
        return NameAddr(quoted or token or "", uri, _plain_params(of_header), text)
    opening = _bracket(text)
    if opening >= 0:
        closing = text.find(">", opening)
        inside = text[opening + 1 : closing if closing >= 0 else len(text)]
        after = text[closing + 1 :] if closing >= 0 else ""
        display = _unquoted(text[:opening].strip())
        return NameAddr(display, parse_uri(inside), parse_params(after.lstrip(" \t;")), text)
    addr, _, params = text.partition(";")
    return NameAddr("", parse_uri(addr), parse_params(params), text)


_VIA = re.compile(
    r"\s*+SIP\s*+/\s*+\d++\.\d++\s*+/\s*+([^\s;,]++)\s++([^;]++)(.*+)$", re.DOTALL | re.IGNORECASE
)


def parse_via(text: str) -> Via | None:
    """One Via value."""
    plain = _PLAIN_VIA.fullmatch(text)
    if plain is not None:
        transport, host, port, params = plain.groups()
        return Via(transport, host.strip("[]"), _port(port), _plain_params(params))
    match = _VIA.match(text)
    if not match:
        return None
    host_port = parse_host_port(match[2])
    if host_port is None:
        return None
    return Via(match[1].upper(), host_port[0], host_port[1], parse_params(match[3].lstrip(" \t;")))


_CSEQ = re.compile(r"\s*+(\d{1,20}+)\s++(\S++)")


def parse_cseq(text: str) -> CSeq | None:
    """A CSeq value."""
    match = _CSEQ.match(text)
    return CSeq(int(match[1]), match[2]) if match else None
