"""Which Asterisk, and which of its SIP drivers, wrote a message.

The version stands in ``User-Agent``/``Server``: ``Asterisk PBX 16.28.0``, ``FPBX-16.0.33(18.9)``
(FreePBX: Asterisk's version in brackets). Both drivers write the same words there, but their tags
and branches differ: chan_sip makes tags of ``as`` and eight hex digits (chan_sip.c:make_our_tag);
chan_pjsip's branches begin with ``z9hG4bKPj`` (pjproject sip_transaction.c), its tags are UUIDs;
where it answers outside of a dialog, the tag is the branch of the request's Via (sip_util.c).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from sipdiag.protocols.sip import Message


class AsteriskVersion(NamedTuple):
    """``None`` parts are not known."""

    major: int
    minor: int | None = None
    patch: int | None = None

    def __str__(self) -> str:
        return ".".join(str(part) for part in self if part is not None)


_NAMED = re.compile(
    r"Asterisk(?: PBX)?[ /]+(?:certified[/-])?(\d+)(?:\.(\d+))?(?:[.-]\D*(\d+))?", re.I
)
_BRACKETED = re.compile(r"FPBX-[\d.]+\((\d+)(?:\.(\d+))?(?:\.(\d+))?", re.I)
_NUMBER = re.compile(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?")
_SIP_TAG = re.compile(r"as[0-9a-f]{8}$")


def parse_version(text: str) -> AsteriskVersion | None:
    """A version as a person writes it: ``16.28`` or ``22``.

    >>> str(parse_version("16.28.0~dfsg"))
    '16.28.0'
    """
    match = _NUMBER.match(text.strip())
    return _version(match) if match else None


def version_of(software: str | None) -> AsteriskVersion | None:
    """The version in a ``User-Agent`` or ``Server`` header; None where it isn't Asterisk's.

    >>> str(version_of("FPBX-16.0.33(18.9.1)"))
    '18.9.1'
    """
    if not software:
        return None
    match = _BRACKETED.search(software) or _NAMED.search(software)
    return _version(match) if match else None


def _version(match: re.Match[str]) -> AsteriskVersion | None:
    parts = [int(part) for part in match.groups() if part is not None and len(part) <= 6]
    return AsteriskVersion(*parts) if parts else None


def driver_of(message: Message) -> str | None:
    """``chan_sip`` or ``chan_pjsip`` where the sender's own tag or branch shows it."""
    own = message.from_ if message.is_request else message.to
    if own is not None and own.tag and _SIP_TAG.match(own.tag):
        return "chan_sip"
    if message.is_request and message.via and (message.via.branch or "").startswith("z9hG4bKPj"):
        return "chan_pjsip"
    answered = message.via.branch if message.via and not message.is_request else None
    if own is not None and answered and own.tag == answered:
        return "chan_pjsip"
    return None
