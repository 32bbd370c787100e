"""A whole message without its secrets, byte for byte as long as it was.

Contract: SIP, SDP and IAX2 alike; any bytes; nothing raises. Each byte of a secret becomes ``*``,
so that every offset into the message holds. While ``safe.secrets_shown`` is on, messages are
given as they are. One-line texts pass ``safe.plain``, which hides the same secrets.
"""

from __future__ import annotations

import re

from sipdiag.base.secrets import spans
from sipdiag.protocols import iax2
from sipdiag.protocols.iax2.names import IE
from sipdiag.report.safe import shows_secrets

_SECRET_ELEMENTS = frozenset(
    {
        IE.PASSWORD,
        IE.CHALLENGE,
        IE.MD5_RESULT,
        IE.RSA_RESULT,
        IE.AESPROVISIONING,
        IE.ENCKEY,
        IE.OSPTOKEN,
        IE.CALLTOKEN,
    }
)
"""RFC 5456 section 8.6: a password, or what it can be guessed from; keys; RFC 5457's call token,
which lets another pass for this host."""

_VISIBLE = re.compile(r"\S")


def redact_message(raw: bytes) -> bytes:
    """The message with every secret in it overwritten; its length stays."""
    if shows_secrets():
        return raw
    return _frame(raw) if raw[:1] >= b"\x80" else _text(raw)


def _text(raw: bytes) -> bytes:
    text = raw.decode("latin-1")
    for begin, end in spans(text):
        text = text[:begin] + _VISIBLE.sub("*", text[begin:end]) + text[end:]
    return text.encode("latin-1")


def _frame(raw: bytes) -> bytes:
    frame = iax2.parse(raw)
    if not isinstance(frame, iax2.FullFrame):
        return raw
    out = bytearray(raw)
    at = iax2.FULL_HEADER_BYTES
    for element in frame.elements:
        at = element.offset + 2 + len(element.raw)
        if element.number in _SECRET_ELEMENTS:
            out[element.offset + 2 : at] = b"*" * len(element.raw)
    if frame.type_name == "IAX" and at < len(raw) and raw[at] in _SECRET_ELEMENTS:
        out[at + 2 :] = b"*" * len(out[at + 2 :])
    return bytes(out)
