"""A session description with stand-ins (RFC 8866); the other parts of a multipart body masked.

Contract: line by line, line ends kept; what holds media, ports, codecs and directions stays, and
so does a line's length, but for host names and unusually long or short addresses.
"""

from __future__ import annotations

import re

from sipdiag.anonymise.standins import StandIns

_LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_KEPT = frozenset("vmtbrz")
_HARMLESS = re.compile(r"[A-Za-z0-9 /.*:+_-]*")
_SESSION_NAMES = re.compile(r"(?i)-|\s*|session|call|talk|sip call|asterisk[\w .~+-]*")
_CONNECTION = re.compile(r"(IN\s+IP[46]\s+)([^\s/]+)(.*)", re.DOTALL)
_ORIGIN = re.compile(r"(\S+)(\s+\d+\s+\d+\s+)(IN\s+IP[46]\s+\S.*)", re.DOTALL)

_PLAIN_ATTRIBUTES = frozenset(
    (
        "rtpmap", "fmtp", "ptime", "maxptime", "minptime", "sendrecv", "sendonly", "recvonly",
        "inactive", "rtcp", "rtcp-mux", "rtcp-fb", "rtcp-xr", "candidate", "remote-candidates",
        "setup", "connection", "label", "mid", "group", "silencesupp", "framerate", "nortpproxy",
        "direction", "end-of-candidates", "ice-lite", "ice-options", "x-rtp-session-id",
        "ecan", "vsel", "sqn", "cdsc", "cpar", "t38faxversion", "t38maxbitrate",
        "t38faxmaxbuffer", "t38faxmaxdatagram", "t38faxratemanagement", "t38faxudpec",
    )
)  # fmt: skip
_CRYPTO = re.compile(r"(\s*\d+\s+[A-Z0-9_]{1,64}\s+)(.*)", re.DOTALL)


def rewrite_sdp(standins: StandIns, body: bytes) -> bytes:
    """The body with stand-ins."""
    inside = body.startswith(b"v=")
    out = []
    for line in _LINE.findall(body):
        if line.startswith(b"v=0"):
            inside = True
        elif line.startswith(b"--"):
            inside = False
        text = line.decode("utf-8", "surrogateescape")
        content = text.rstrip("\r\n")
        end = text[len(content) :]
        made = _sdp_line(standins, content) if inside else _other(standins, content)
        out.append((made + end).encode("utf-8", "surrogateescape"))
    return b"".join(out)


def _other(standins: StandIns, line: str) -> str:
    """Boundaries and Content-Type are needed to find the parts of a multipart body."""
    if line.startswith("--") or line.lower().startswith("content-type:"):
        return line
    return standins.token(line)


def _sdp_line(standins: StandIns, line: str) -> str:
    kind, value = line[:1], line[2:]
    if line[1:2] != "=":
        return standins.token(line)
    if kind in _KEPT and _HARMLESS.fullmatch(value):
        return line
    if kind == "a":
        return f"a={_attribute(standins, value)}"
    if kind == "c":
        return f"c={_connection(standins, value)}"
    if kind == "o":
        return f"o={_origin(standins, value)}"
    if kind == "s" and _SESSION_NAMES.fullmatch(value):
        return line
    if kind == "i":
        # FortiGate's ALG keeps the o= line that it changed here.
        inside = re.fullmatch(r"(\(o=)(IN IP[46] [^\s)]+)(\))", value)
        if inside:
            return f"i={inside[1]}{_connection(standins, inside[2])}{inside[3]}"
    return f"{kind}={standins.token(value)}"


def _connection(standins: StandIns, value: str) -> str:
    match = _CONNECTION.fullmatch(value)
    if match is None or not _HARMLESS.fullmatch(match[3]):
        return standins.token(value)
    return match[1] + standins.host(match[2]) + match[3]


def _origin(standins: StandIns, value: str) -> str:
    match = _ORIGIN.fullmatch(value)
    if match is None:
        return standins.token(value)
    who = match[1] if match[1] in ("-", "root", "asterisk") else standins.token(match[1])
    return who + match[2] + _connection(standins, match[3])


def _attribute(standins: StandIns, value: str) -> str:
    name, colon, rest = value.partition(":")
    key = name.lower()
    if key in _PLAIN_ATTRIBUTES:
        harmless = re.fullmatch(r"[A-Za-z0-9 /.*:+_;=,\[\]-]*", rest)
        return name + colon + (standins.within(rest) if harmless else standins.token(rest))
    if key == "tool":
        return name + colon + standins.software(rest)
    crypto = _CRYPTO.fullmatch(rest) if key == "crypto" else None
    if crypto:
        return name + colon + crypto[1] + standins.token(crypto[2])
    known = colon and re.fullmatch(r"[A-Za-z0-9-]{1,32}", name)
    return f"{name}:{standins.token(rest)}" if known else standins.token(value)
