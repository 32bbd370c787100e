"""What was seen of a NAT binding: how old it was at each inbound request, and what became of it.

A binding (RFC 4787 section 4: mapping and filter state) is refreshed by every packet from the
inside (REQ-6); whether inbound packets refresh it differs from NAT to NAT. So two ages are kept:
``idle_s`` counts from the client's last packet, ``quiet_s`` from the last packet either way. What
got through proves that the binding lives at least ``quiet_s``; what was lost proves, at the most,
that it doesn't live ``idle_s``. A lifetime read that way is never narrower than the evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby, pairwise

from sipdiag.base.datagram import Origin, Transport
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import NS, seconds
from sipdiag.flows.registration import challenged as was_challenged
from sipdiag.flows.subjects import Peer
from sipdiag.flows.transaction import Answer, Sent, Transaction, answer_of

_AMBIGUOUS_NS = NS
"""A request sent once, this shortly before the client was heard for another reason, may have been
answered after all: it proves nothing."""


@dataclass(slots=True, eq=False)
class Observation:
    """One stretch of a request's transmissions between two packets of the client."""

    transaction: Transaction
    sent: tuple[Sent, ...]
    answer: Answer | None
    """The first packet back; None = lost."""

    @property
    def at_ns(self) -> int:
        """Time of the first transmission."""
        return self.sent[0].ts_ns

    @property
    def dst(self) -> Endpoint:
        """Where it was sent."""
        return self.sent[0].dst

    @property
    def origin(self) -> Origin:
        """The first transmission's frame."""
        return self.sent[0].origin

    @property
    def through(self) -> bool:
        """Whether the client showed that it got it."""
        return self.answer is not None

    @property
    def repeated(self) -> bool:
        """Whether the request was sent again: one that is sent only once was answered, as its
        sender would repeat it (after .5 s, IAX2's NEW after 2 s), and the answer not captured."""
        return len(self.transaction.sent) > 1

    @property
    def idle_s(self) -> float | None:
        """Seconds since the client's last packet on this path; None where none was seen."""
        idle = self.sent[0].idle_ns
        return None if idle is None else seconds(idle)

    @property
    def quiet_s(self) -> float | None:
        """Seconds since the last packet either way; None where none was seen."""
        quiet = self.sent[0].quiet_ns
        return None if quiet is None else seconds(quiet)


def observe(peer: Peer) -> list[Observation]:
    """Every observation of the client's UDP bindings, in order of time.

    Requests from the PBX count, and the challenge of a REGISTER that the client then answered:
    it shows that the way back is open at an age of next to nothing.
    """
    found: list[Observation] = []
    for transaction in peer.inbound:
        if transaction.transport is Transport.UDP:
            found.extend(_stretches(transaction))
    found.extend(_challenges(peer))
    return sorted(found, key=lambda observation: observation.at_ns)


def _stretches(transaction: Transaction) -> list[Observation]:
    answer = transaction.answers[0] if transaction.answers else None
    sent = transaction.sent
    if len(sent) == 1 and (answer is None or sent[0].ts_ns <= answer.ts_ns):
        return [Observation(transaction, sent, answer)]
    sent = tuple(s for s in sent if answer is None or s.ts_ns <= answer.ts_ns)
    stretches = [tuple(group) for _, group in groupby(sent, key=lambda s: s.refreshed_ns)]
    found = []
    for number, stretch in enumerate(stretches):
        last = number == len(stretches) - 1
        if last:
            found.append(Observation(transaction, stretch, answer))
            continue
        heard = stretches[number + 1][0].refreshed_ns or 0
        if len(stretch) > 1 or heard - stretch[0].ts_ns >= _AMBIGUOUS_NS:
            found.append(Observation(transaction, stretch, None))
    return found


def _challenges(peer: Peer) -> list[Observation]:
    attempts = peer.attempts
    found = []
    for challenged, repeated in pairwise(attempts):
        answer = challenged.final
        if (
            challenged.transport is Transport.UDP
            and was_challenged(challenged)
            and (repeated.authorised or repeated.protocol == "IAX2")
            and answer is not None
            and answer.ts_ns <= repeated.start_ns <= answer.ts_ns + 32 * NS
            and answer.dst == repeated.src
        ):
            age = max(0, answer.ts_ns - challenged.sent[-1].ts_ns)
            proof = answer_of(repeated.sent[0], 0, repeated.method)
            found.append(Observation(challenged, (_sent_again(answer, age),), proof))
    return found


def _sent_again(answer: Answer, age: int) -> Sent:
    """An answer as the transmission that it is, ``age`` ns after the packet that it answers."""
    return Sent(
        answer.ts_ns, answer.src, answer.dst, answer.source, answer.frame, answer.line, age, age
    )  # fmt: skip
