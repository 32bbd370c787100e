"""What gives a secret away in text: credentials, keys, and what a password can be guessed from.

Contract: ``spans`` finds the secret parts of a message, a header line, a log line or a sentence,
in time proportional to its length; it never raises. Names, addresses and realms are no secrets.

>>> hide('Digest username="101", nonce="4f2e", response="9a1b"')
'Digest username="101", nonce="(redacted)", response="(redacted)"'
"""

from __future__ import annotations

import re

HIDDEN = "(redacted)"

_FOLDED = r"[^\r\n]*(?:\r?\n[ \t]+[^\r\n]*)*"
"""The rest of a header, continuation lines included (RFC 3261 section 7.3.1)."""

_DIGEST = "(?:response|rspauth|nextnonce|c?nonce|opaque|auts|[ic]k|gssapi-data)"

_WIRE = re.compile(
    "|".join(
        (
            # Digest (RFC 7616), AKA (RFC 3310): with the nonce, a response is enough to guess from.
            rf'\b{_DIGEST}\s*=\s*"((?:[^"\\\r\n]|\\.|\r?\n[ \t])*)',
            rf'\b{_DIGEST}\s*=\s*\\"((?:[^"\\\r\n]|\\[^"\r\n])*)',
            r"\b(?:response|rspauth|nextnonce|c?nonce|opaque)\s*=\s*([^\s\",;\\]+)",
            # Basic, Bearer, NTLM and whatever else isn't Digest: all of it.
            r"\b(?:proxy-)?authorization\s*:\s*(?!digest\b)(?:[a-z][\w-]*[ \t]+(?=\S))?"
            rf"(\S{_FOLDED})",
            rf"\b(?:www|proxy)-authenticate\s*:\s*(?:ntlm|negotiate|kerberos)[ \t]+(\S{_FOLDED})",
            r"[?&](?:proxy-)?authorization=([^&\s>]+)",
            r"\bbearer[ \t]+([\w.~+/-]{8,}=*)",
            # Who called, signed (RFC 8224), and what names itself a secret.
            rf"^(?:identity|y)[ \t]*:\s*(\S{_FOLDED})",
            r"^[\w-]{0,64}(?:passw|secret|token|api-?key|cookie|credential)[\w-]{0,64}[ \t]*:"
            rf"[ \t]*([^\s<]{_FOLDED})",
            r"\bpn-(?:prid|tok)=([^\s;>]+)",
            # SDP: RFC 4568, RFC 4567, RFC 8866 section 5.12, RFC 8839.
            r"\ba=crypto:[ \t]*\d*[ \t]*[^\s:|]*[ \t]*([^\r\n]*)",
            r"\ba=key-mgmt:[ \t]*\S*[ \t]*([^\r\n]*)",
            r"\binline:([^\s|;]+)",
            r"\bk=(?:clear|base64):[ \t]*([^\r\n]*)",
            r"\ba=ice-pwd:[ \t]*([^\r\n]*)",
            # user:password@host, in URIs, dial strings and *.conf.
            r"(?:\bsips?:|\b\w{1,16}://|\biax2?/|\b(?:register|auth)\s{0,8}=>?\s{0,8})"
            r"[^\s:@<>\"\[\]]{0,256}:([^\s@<>\"]{0,256})@",
            # *.conf; a placeholder in angle brackets is our own.
            r"\b\w{0,64}(?:secret|passw(?:or)?d|md5_cred)\s{0,8}=>?\s{0,8}([^\s;,<]+)",
            # Asterisk's log: chan_iax2.c prints both MD5 results, and an element a line.
            r"(\([0-9a-f]{16,} != [0-9a-f]{16,}\))",
            r"\b(?-i:CHALLENGE|MD5 RESULT|RSA RESULT|PASSWORD|ENCKEY|ENCRYPTION KEY)\s{0,32}:"
            r"\s{0,8}(\S+)",
        )
    ),
    re.IGNORECASE | re.MULTILINE,
)
"""Each alternative has one group: the secret."""

_CLUES = (
    "@", '"', "!=", "\ny", "a=", "k=", "pn-", "response", "rspauth", "nonce", "opaque", "passw",
    "secret", "token", "api-key", "apikey", "cookie", "credential", "authorization",
    "authenticate", "bearer", "identity", "inline:", "md5", "challenge", "rsa", "key",
)  # fmt: skip
"""Without one of these, in lower case, there is no secret: most texts are passed at once."""

_CONF_LINE = re.compile(
    rb"(?i)secret|passw|pwd|md5|token|credential|private|cookie|\bkey\b|\bpin\b"
    rb"|^\s*+;*+\s*+(register|auth|set_?var|#exec)\b|:[^\s:@/]*+@"
)
"""What gives a secret away in a line of a *.conf: options named so (``secret``, ``md5secret``,
``password``, ``turnpassword``, ``md5_cred``...), in comments too; ``register =>
user:secret@host``; ``auth => user:secret@realm``; any URI with a password; variables and commands,
which may hold one."""


def spans(text: str) -> list[tuple[int, int]]:
    """Begin and end of each secret in ``text``, in order."""
    lower = text.lower()
    if not lower.startswith("y") and not any(map(lower.__contains__, _CLUES)):
        return []
    return [match.span(match.lastindex) for match in _WIRE.finditer(text) if match.lastindex]


def hide(text: str) -> str:
    """``text`` with ``(redacted)`` in place of each secret."""
    found = spans(text)
    for begin, end in reversed(found):
        if begin < end:
            text = f"{text[:begin]}{HIDDEN}{text[end:]}"
    return text


def in_conf_line(line: bytes) -> bool:
    """Whether a line of a *.conf may hold a secret: wider than ``spans``, as such a line is left
    out as a whole."""
    return _CONF_LINE.search(line) is not None
