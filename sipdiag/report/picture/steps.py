"""Chosen steps to ladders: GOOD beside BAD, the phone's side beside the PBX's, or one alone."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from sipdiag.base.datagram import Origin
from sipdiag.base.endpoint import Endpoint, behind_nat
from sipdiag.base.interval import seconds
from sipdiag.flows.align import Step
from sipdiag.flows.sightings import Crossing, Sighting
from sipdiag.flows.subjects import Peer
from sipdiag.report.picture.book import Kept
from sipdiag.report.picture.choose import Choice, Chosen
from sipdiag.report.picture.model import (
    CAPS,
    Caps,
    Ladder,
    Lane,
    Mark,
    Message,
    MessagePair,
    Rung,
    StepPicture,
)
from sipdiag.report.picture.timelines import place
from sipdiag.report.picture.wording import Line, Text, alone, beside, text_of
from sipdiag.report.redact import redact_message

_OFTEN = 3
"""Transmissions on one side where the other needed one: nobody got it for a while."""


@dataclass(slots=True)
class _Row:
    """A message, retransmissions folded."""

    kept: Kept
    count: int
    last_ns: int


def _folded(messages: Sequence[Kept]) -> list[_Row]:
    """Transmissions of one message over one path made one, in order of the first."""
    rows: dict[tuple[object, ...], _Row] = {}
    for message in messages:
        row = rows.get((message.identity, message.src, message.dst))
        if row is None:
            rows[message.identity, message.src, message.dst] = _Row(message, 1, message.ts_ns)
        else:
            row.count += 1
            row.last_ns = message.ts_ns
    return list(rows.values())


class StepPainter:
    """Draws chosen steps; collects the messages that can be looked at."""

    def __init__(self, choice: Choice, caps: Caps = CAPS) -> None:
        self._choice, self._caps = choice, caps
        self.messages: list[MessagePair] = []
        self._left_bytes = caps.all_message_bytes

    def paint(
        self, ours: list[list[Kept]], left_out: list[int], theirs: dict[int, list[Kept]]
    ) -> list[StepPicture]:
        """``ours``: the messages of each chosen step, and how many more there were; ``theirs``:
        those of its twin, by the twin's ``id``."""
        choice = self._choice
        found = []
        for number, item in enumerate(choice.steps):
            if item.twin is not None:
                picture = self._two(item, ours[number], theirs[id(item.twin)], "GOOD", "BAD")
            elif choice.crossing is not None:
                near = _near(choice.crossing, item.step, ours[number])
                picture = self._two(item, ours[number], near, "the phone's side", "the PBX's side")
            else:
                picture = self._one(item, ours[number], left_out[number])
            found.append(picture)
        return found

    def _title(self, item: Chosen) -> str:
        kind = item.step.kind
        if item.number == 1 and kind.startswith(("first", "un-")):
            return kind
        return f"{kind} #{item.number}"

    def _one(self, item: Chosen, messages: list[Kept], left_out: int) -> StepPicture:
        rows = _folded(messages)
        shown = rows[: self._caps.rows_per_step]
        lost = _lost(item.step)
        zero = self._choice.client.zero_ns
        rungs = [_rung(row, zero, lost, self._show(None, row), changed=False) for row in shown]
        ladder = Ladder(
            self._title(item),
            _lanes(rungs, self._choice.client.reach.peer),
            tuple(rungs),
            zero_s=seconds(item.step.at_ns - zero),
            left_out=len(rows) - len(shown) + left_out,
        )
        return StepPicture(
            self._title(item),
            seconds(item.step.at_ns - zero),
            _failed(item.step),
            tuple((name, "", fact) for name, fact in item.step.facts.items()),
            None,
            ladder,
        )

    def _two(
        self, item: Chosen, ours: list[Kept], theirs: list[Kept], left_name: str, right_name: str
    ) -> StepPicture:
        choice = self._choice
        same = item.twin is None
        twin = choice.twin
        zero = choice.client.zero_ns
        left_zero = choice.left_zero_ns
        pairs = _aligned(_folded(theirs), _folded(ours), by_identity=same)
        shown = pairs[: self._caps.rows_per_step]
        lost = _lost(item.step)
        lost_left = _lost(item.twin) if item.twin is not None else frozenset()
        left_rungs: list[Rung | None] = []
        right_rungs: list[Rung | None] = []
        parting: list[_Parting] = []
        for left, right in shown:
            ident, changed = self._show_pair(left, right, same_message=same)
            left_rungs.append(
                _rung(left, left_zero, lost_left, ident, changed=changed) if left else None
            )
            right_rungs.append(_rung(right, zero, lost, ident, changed=changed) if right else None)
            parting.append(_parting(left, right, lost, lost_left, changed=changed and same))
        differs = bool(item.differing) or max(parting, default=_Parting.NONE) >= (
            _Parting.ONE_SIDED if same else _Parting.OUTCOME
        )
        parted = _parts_at(parting) if differs else None
        left_peer = twin.reach.peer if twin is not None else choice.client.reach.peer
        title = self._title(item)
        left_at = item.twin.at_ns if item.twin else left_zero
        if item.twin is None and theirs:
            left_at = theirs[0].ts_ns

        def side(name: str, rungs: list[Rung | None], peer: Peer, at_ns: int) -> Ladder:
            lanes = _lanes(rungs, peer, inside=same and rungs is left_rungs)
            left_out = len(pairs) - len(shown)
            return Ladder(f"{title}, {name}", lanes, tuple(rungs), seconds(at_ns), parted, left_out)

        return StepPicture(
            title,
            seconds(item.step.at_ns - zero),
            differs or _failed(item.step),
            _facts(item),
            side(left_name, left_rungs, left_peer, left_at - left_zero),
            side(right_name, right_rungs, choice.client.reach.peer, item.step.at_ns - zero),
            left_name,
            right_name,
        )  # fmt: skip

    def _show(self, left: _Row | None, right: _Row) -> str:
        return self._show_pair(left, right, same_message=False)[0]

    def _show_pair(
        self, left: _Row | None, right: _Row | None, *, same_message: bool
    ) -> tuple[str, bool]:
        """Keeps both for being looked at; gives their anchor, and whether they differ in what
        shouldn't."""
        texts = [
            text_of(redact_message(row.kept.payload), self._caps.message_bytes) if row else None
            for row in (left, right)
        ]
        lines: list[tuple[Line, ...]] = [alone(text) if text else () for text in texts]
        if texts[0] is not None and texts[1] is not None:
            lines = [
                beside(texts[0], texts[1], same_message=same_message),
                beside(texts[1], texts[0], same_message=same_message),
            ]
        changed = (
            left is not None
            and right is not None
            and any(p.mark is Mark.CHANGED for side in lines for line in side for p in line)
        )
        size = sum(len(line) + 1 for text in texts if text for line in text.lines)
        if len(self.messages) >= self._caps.messages or size > self._left_bytes:
            return "", changed
        self._left_bytes -= size
        ident = f"m{len(self.messages) + 1}"
        choice = self._choice
        left_zero = choice.left_zero_ns
        self.messages.append(
            MessagePair(
                ident,
                _message(left, left_zero, lines[0], texts[0]),
                _message(right, choice.client.zero_ns, lines[1], texts[1]),
            )
        )
        return ident, changed


def _message(
    row: _Row | None, zero_ns: int, lines: tuple[Line, ...], text: Text | None
) -> Message | None:
    if row is None or text is None:
        return None
    kept = row.kept
    return Message(
        kept.label, place(kept.origin), seconds(kept.ts_ns - zero_ns), _end(kept.src),
        _end(kept.dst), lines, text.left_out_bytes,
    )  # fmt: skip


def _end(endpoint: Endpoint) -> str:
    return str(endpoint) if endpoint.ip else "Asterisk"


def _rung(row: _Row, zero_ns: int, lost: frozenset[Origin], ident: str, *, changed: bool) -> Rung:
    kept = row.kept
    return Rung(
        at_s=seconds(kept.ts_ns - zero_ns),
        src=_end(kept.src),
        dst=_end(kept.dst),
        label=kept.label,
        place=place(kept.origin),
        count=row.count,
        last_s=seconds(row.last_ns - zero_ns),
        message=ident,
        changed=changed,
        lost=kept.origin in lost,
    )


def _lost(step: Step) -> frozenset[Origin]:
    """The transmissions of requests that nothing came back to."""
    return frozenset(sent.origin for t in step.transactions if not t.answers for sent in t.sent)


def _failed(step: Step) -> bool:
    return step.facts.get("outcome") == "no reply" or step.facts.get("audio", "").endswith("only")


def _facts(item: Chosen) -> tuple[tuple[str, str, str], ...]:
    if item.twin is None:
        return tuple((name, "", fact) for name, fact in item.step.facts.items())
    names = dict.fromkeys([*item.twin.facts, *item.step.facts])
    return tuple(
        (name, item.twin.facts.get(name, "-"), item.step.facts.get(name, "-")) for name in names
    )


class _Parting(enum.IntEnum):
    """How much the two sides of a row tell that a step went differently."""

    NONE = 0
    ONE_SIDED = 1
    """Only one side has it; between two calls that is often mere order."""
    OUTCOME = 2
    """No reply, or changed bytes, or many transmissions, on one side."""


def _parting(
    left: _Row | None,
    right: _Row | None,
    lost: frozenset[Origin],
    lost_left: frozenset[Origin],
    *,
    changed: bool,
) -> _Parting:
    if left is None or right is None:
        return _Parting.ONE_SIDED
    once, often = sorted((left.count, right.count))
    unequal = (left.kept.origin in lost_left) != (right.kept.origin in lost)
    if unequal or changed or (once == 1 and often >= _OFTEN):
        return _Parting.OUTCOME
    return _Parting.NONE


def _parts_at(parting: Sequence[_Parting]) -> int | None:
    """The first row that tells most; None where none tells anything."""
    most = max(parting, default=_Parting.NONE)
    return parting.index(most) if most is not _Parting.NONE else None


def _aligned(
    left: list[_Row], right: list[_Row], *, by_identity: bool
) -> list[tuple[_Row | None, _Row | None]]:
    """Rows that mean the same beside each other, in the order of both."""
    keys = [[_meaning(row, by_identity) for row in side] for side in (left, right)]
    pairs: list[tuple[_Row | None, _Row | None]] = []
    matcher = SequenceMatcher(None, keys[0], keys[1], autojunk=False)
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind == "equal":
            pairs += list(zip(left[i1:i2], right[j1:j2], strict=True))
        else:
            pairs += [(row, None) for row in left[i1:i2]]
            pairs += [(None, row) for row in right[j1:j2]]
    return pairs


def _meaning(row: _Row, by_identity: bool) -> object:
    return row.kept.identity if by_identity else row.kept.label


def _lanes(rungs: Sequence[Rung | None], peer: Peer, *, inside: bool = False) -> tuple[Lane, ...]:
    """The phone on the left, Asterisk on the right, and other addresses between them. ``inside``:
    seen from the phone's side of the NAT, where it has another address."""
    ends = dict.fromkeys(end for rung in rungs if rung for end in (rung.src, rung.dst))
    outers = {str(outer) for outer in peer.outers}
    asterisk = {_end(peer.local)}
    phone = [end for end in ends if end in outers]
    pbx = [end for end in ends if end in asterisk]
    rest = [end for end in ends if end not in outers and end not in asterisk]
    names = dict.fromkeys(phone, "phone") | dict.fromkeys(pbx, "Asterisk")
    if not phone and len(rest) == 1 and pbx:
        private = "private address" if behind_nat(rest[0].rpartition(":")[0]) else ""
        names[rest[0]] = "phone" if inside else private
    lanes = [Lane(end, names.get(end, "")) for end in [*phone, *rest, *pbx]]
    return tuple(lanes)


def _near(crossing: Crossing, step: Step, ours: list[Kept]) -> list[Kept]:
    """The same messages on the clients' side, and what was seen only there."""
    wanted = {kept.origin for kept in ours}
    identity_by_origin = {kept.origin: kept.identity for kept in ours}
    found = [
        _kept(match.near, identity_by_origin[match.far.origin])
        for match in crossing.matches
        if match.far.origin in wanted
    ]
    calls = {_call_of(kept.identity) for kept in ours}
    begin, end = step.at_ns - crossing.far_ahead_ns, step.until_ns - crossing.far_ahead_ns
    for identity, sightings in crossing.near.by_identity.items():
        if _call_of(identity) in calls and identity not in crossing.far.by_identity:
            found += [_kept(s, identity) for s in sightings if begin <= s.ts_ns <= end]
    return sorted(found, key=lambda kept: kept.ts_ns)


def _call_of(identity: tuple[object, ...]) -> object:
    """What the messages of one call have in common: SIP's Call-ID; IAX2's call numbers, whoever
    speaks."""
    if identity[0] == "SIP":
        return identity[2]
    return frozenset(identity[1:3])


def _kept(sighting: Sighting, identity: tuple[object, ...]) -> Kept:
    nowhere = Endpoint("", 0)
    return Kept(
        sighting.ts_ns, sighting.src or nowhere, sighting.dst or nowhere, sighting.label,
        sighting.origin, sighting.payload, identity,
    )  # fmt: skip
