"""Where a message ends whose line says how many bytes it has, whatever stands inside it.

Contract: pure; nothing raises on content. A sender can put lines into a message that look like the
log's own: ``[date] VERBOSE[1] ...: <--- Received SIP request ...``. chan_pjsip's line before a
message (res_pjsip_logger.c) counts the bytes that it had on the wire, so that all lines within them
are the sender's. That is believed only where the log goes on with a record of its own right behind
them: a message may be short in the log, as the logger cuts it off at 8192 bytes and at a NUL.

chan_sip counts nothing, and what comes behind the counted bytes over TCP isn't counted either.
"""

from __future__ import annotations

import re

from sipdiag.asterisk.log_dump import OPENING

_HEAD_BYTES = 512
"""Of a record; the line before a message has at most some 140."""

_MOST_BYTES = 8192
"""main/logger.c, LOGMSG_SIZE: a longer record isn't whole, so that its count says nothing."""

_CRLF_WITHIN = 4 * 80
"""Bytes in which a message that kept its line ends has one."""


def opening_of(text: bytes, at: int = 0) -> tuple[int, int] | None:
    """For a record that begins at ``at`` with a line that counts: where its message begins, and
    its bytes on the wire."""
    if not text.startswith((b"<--- ", b" <--- "), at):
        return None
    match = OPENING.match(text[at : at + _HEAD_BYTES])
    if match is None or match["count"] is None:
        return None
    return at + match.end(), int(match["count"])


def message_end(text: bytes, begin: int, count: int) -> int | None:
    """Where the message of ``count`` bytes that begins at ``begin`` ends; None where the text has
    fewer. Where it lost its CRs each line counts one more."""
    if b"\r\n" in text[begin : begin + _CRLF_WITHIN]:
        end = begin + count
        return end if end <= len(text) else None
    at, left = begin, count
    while left > 0:
        newline = text.find(b"\n", at, at + left)
        if newline < 0:
            return at + left if at + left <= len(text) else None
        left -= newline - at + 2
        at = newline + 1
    return at if left == 0 else None


def is_whole(body: bytes) -> bool:
    """Whether a record is one counted message and no more: every byte of it is the sender's."""
    opening = opening_of(body)
    end = message_end(body, *opening) if opening is not None else None
    return end is not None and not body[end:].strip()


def record_end(
    pattern: re.Pattern[bytes], text: bytes, body: int, at: int, *, last: bool
) -> int | None:
    """Where the record at ``body`` ends, of which ``pattern`` found the next one at ``at``: there,
    or later, where that one is part of the counted message. None: more text is needed to tell.

    ``last``: there is no more text.
    """
    opening = opening_of(text, body)
    if opening is None:
        return at
    begin, count = opening
    if begin - body + count > _MOST_BYTES:
        return at
    end = message_end(text, begin, count)
    if end is None:
        return at if last else None
    if end <= at:
        return at
    if pattern.match(text, end) or (last and not text[end:].strip()):
        return end
    return at if last or len(text) > end + _HEAD_BYTES else None
