"""A message's bytes as lines, and which parts of them differ from those of another message.

Contract: any bytes; nothing raises. Lines are in the order of the wire and hold all of it, up to
a cap; IAX2 frames are written out and then shown in hexadecimal. Parts that differ between any
two calls (branches, tags, Call-IDs, nonces, counters, the ports of audio) are marked apart from
those that shouldn't; between two sightings of one message nothing should.
"""

from __future__ import annotations

import re
from collections import Counter
from difflib import SequenceMatcher
from typing import NamedTuple

from sipdiag.protocols import iax2, sip
from sipdiag.report.picture.model import Mark, Piece

_LINES = 120
_LINE_CHARACTERS = 1000
_TOKENS = 300
"""A line with more is compared as a whole."""

_VARYING_LINES = re.compile(
    r"(?:call-id|i|cseq|date|timestamp|content-length|l|max-forwards|session-id|rack|rseq)[ \t]*:"
    r"|t=|a=(?:ssrc|ice-ufrag|ice-pwd|crypto|fingerprint|candidate|rtcp)",
    re.IGNORECASE,
)
_VARYING_PARTS = re.compile(
    r"(?:\b(?:branch|tag|from-tag|to-tag|c?nonce|response|opaque|nc)=)"
    r'("[^"]*"|[^;,\s>?]*)'
    r"|^m=\w+ (\d+)|^o=\S+ (\d+ \d+)|(0x[0-9a-f]{6,})",
    re.IGNORECASE,
)
_WORDS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|\w+|\W")

Line = tuple[Piece, ...]


class _Token(NamedTuple):
    text: str
    varies: bool


class Text(NamedTuple):
    """A message as lines. ``names``: what each is compared by; ``varying``: lines that differ in
    every message. ``left_out_bytes``: what is beyond the cap."""

    lines: list[str]
    names: list[tuple[str, int]]
    varying: list[bool]
    left_out_bytes: int


def text_of(payload: bytes, most_bytes: int) -> Text:
    """The message as lines."""
    frame = iax2.parse(payload) if payload[:1] >= b"\x80" else None
    if isinstance(frame, iax2.FullFrame):
        return _frame(frame, most_bytes)
    shown = payload[:most_bytes].decode("utf-8", "surrogateescape")
    lines = [line.removesuffix("\r") for line in shown.split("\n")]
    if lines and not lines[-1]:
        lines.pop()
    left_out = max(0, len(payload) - most_bytes)
    if len(lines) > _LINES:
        left_out += sum(len(line) + 1 for line in lines[_LINES:])
        lines = lines[:_LINES]
    lines = [line[:_LINE_CHARACTERS] for line in lines]
    return Text(lines, _named(_sip_names(lines)), [bool(_VARYING_LINES.match(li)) for li in lines],
                left_out)  # fmt: skip


def _named(names: list[str]) -> list[tuple[str, int]]:
    """The n-th of each name."""
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        found.append((name, seen[name]))
        seen[name] += 1
    return found


def _sip_names(lines: list[str]) -> list[str]:
    names = []
    body = False
    for number, line in enumerate(lines):
        if number == 0:
            names.append("start")
        elif not line and not body:
            body = True
            names.append("blank")
        elif body:
            names.append(f"body {line[:2]}" if line[1:2] == "=" else "body")
        else:
            name = line.partition(":")[0].strip().lower()
            names.append(_LONG.get(name, name))
    return names


_LONG = {
    "v": "via", "f": "from", "t": "to", "m": "contact", "i": "call-id", "l": "content-length",
    "c": "content-type", "k": "supported", "e": "content-encoding", "s": "subject",
}  # fmt: skip
"""Compact forms (RFC 3261 section 7.3.3)."""


def _frame(frame: iax2.FullFrame, most_bytes: int) -> Text:
    rows: list[tuple[str, str, bool]] = [
        ("frame", f"{frame.type_name} {frame.subclass_name}", False),
        ("calls", f"source call {frame.source_call}, destination call {frame.dest_call}", True),
        ("time", f"timestamp {frame.timestamp_ms} ms", True),
        ("numbers", f"sequence numbers: out {frame.oseqno}, in {frame.iseqno}", True),
    ]
    if frame.retransmission:
        rows.append(("again", "retransmission", False))
    for element in frame.elements[:_LINES]:
        value = element.raw.hex(" ") if element.value is None else element.value
        shown = value.hex(" ") if isinstance(value, bytes) else str(value)
        rows.append((element.name, f"{element.name}: {shown}"[:_LINE_CHARACTERS],
                     element.name in _VARYING_ELEMENTS))  # fmt: skip
    rows.append(("blank", "", False))
    for at in range(0, min(len(frame.raw), most_bytes), 8):
        row = frame.raw[at : at + 8]
        shown = "".join(chr(b) if 0x20 <= b < 0x7F else "." for b in row)
        rows.append((f"hex {at}", f"{at:04x}  {row.hex(' '):<23}  {shown}", True))
    return Text(
        [text for _, text, _ in rows],
        _named([name for name, _, _ in rows]),
        [varying for _, _, varying in rows],
        max(0, len(frame.raw) - most_bytes),
    )


_VARYING_ELEMENTS = frozenset(
    {"CALLTOKEN", "CHALLENGE", "MD5_RESULT", "DATETIME", "RR_JITTER", "RR_LOSS", "RR_PKTS",
     "RR_DELAY", "RR_DROPPED", "RR_OOO"}
)  # fmt: skip


def alone(text: Text) -> tuple[Line, ...]:
    """Lines of a message that is compared with nothing."""
    return tuple((Piece(line, Mark.SAME),) for line in text.lines)


def beside(text: Text, other: Text, *, same_message: bool) -> tuple[Line, ...]:
    """Lines of ``text``, with what differs from ``other`` marked. ``same_message``: they are two
    sightings of one message, so that nothing should differ."""
    twins = dict(zip(other.names, other.lines, strict=True))
    lines: list[Line] = []
    for line, name, varying in zip(text.lines, text.names, text.varying, strict=True):
        twin = twins.get(name)
        if twin == line:
            lines.append((Piece(line, Mark.SAME),))
        elif twin is None or (varying and not same_message):
            mark = Mark.VARIES if varying and not same_message else Mark.CHANGED
            lines.append((Piece(line, mark),))
        else:
            lines.append(_compare(line, twin, same_message=same_message))
    return tuple(lines)


def _compare(line: str, twin: str, *, same_message: bool) -> Line:
    ours, theirs = _tokens(line), _tokens(twin)
    if max(len(ours), len(theirs)) > _TOKENS:
        return (Piece(line, Mark.CHANGED),)
    keys = [_key(t, same_message) for t in ours], [_key(t, same_message) for t in theirs]
    pieces: list[Piece] = []
    matcher = SequenceMatcher(None, keys[0], keys[1], autojunk=False)
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind == "equal":
            for token, twin_token in zip(ours[i1:i2], theirs[j1:j2], strict=True):
                differs = token.text != twin_token.text
                pieces.append(Piece(token.text, Mark.VARIES if differs else Mark.SAME))
        else:
            pieces += [Piece(token.text, Mark.CHANGED) for token in ours[i1:i2]]
    return _joined(pieces)


def _key(token: _Token, same_message: bool) -> str:
    return "\0" if token.varies and not same_message else token.text


def _tokens(line: str) -> list[_Token]:
    found: list[_Token] = []
    at = 0
    for match in _VARYING_PARTS.finditer(line):
        begin, end = match.span(match.lastindex or 0)
        found += [_Token(word, False) for word in _WORDS.findall(line[at:begin])]
        found.append(_Token(line[begin:end], True))
        at = end
    return found + [_Token(word, False) for word in _WORDS.findall(line[at:])]


def _joined(pieces: list[Piece]) -> Line:
    """Neighbours of one mark in one piece."""
    found: list[Piece] = []
    for piece in pieces:
        if not piece.text:
            continue
        if found and found[-1].mark is piece.mark:
            found[-1] = Piece(found[-1].text + piece.text, piece.mark)
        else:
            found.append(piece)
    return tuple(found) or (Piece("", Mark.SAME),)


def label_of(payload: bytes) -> str | None:
    """How a ladder calls a message; None for what is no signalling."""
    message = sip.parse(payload)
    if message is not None:
        return message.summary
    frame = iax2.parse(payload) if len(payload) >= 12 and payload[0] & 0x80 else None
    if isinstance(frame, iax2.FullFrame):
        return frame.subclass_name if frame.type_name in ("IAX", "CONTROL") else frame.type_name
    return None
