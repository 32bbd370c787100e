"""Which steps are worth drawing: in a comparison those of the accused client, otherwise those that
the evidence is in. Chosen before any message is read again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sipdiag.base.datagram import Origin
from sipdiag.flows.align import Step, StepPair, pair_steps, steps_of
from sipdiag.flows.sightings import Crossing
from sipdiag.report.picture.model import CAPS, Caps
from sipdiag.report.picture.timelines import Client


@dataclass(slots=True)
class Chosen:
    """One step and the one it stands beside. ``number``: which of its kind, from 1."""

    step: Step
    number: int
    twin: Step | None = None
    differing: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Choice:
    """The steps to draw, all of one client."""

    client: Client
    twin: Client | None
    steps: list[Chosen]
    left_out: int
    crossing: Crossing | None = None

    @property
    def left_zero_ns(self) -> int:
        """What times on the left are counted from."""
        if self.twin is not None:
            return self.twin.zero_ns
        source = self.crossing.near.source if self.crossing else None
        return (source.first_ns or 0) if source else self.client.zero_ns

    def twins(self) -> list[Step]:
        """GOOD's steps, each once: the n-th of a kind in BAD may stand beside GOOD's last."""
        return list({id(item.twin): item.twin for item in self.steps if item.twin}.values())


def choose(
    ranked: Sequence[Client], evidence: Sequence[Origin], caps: Caps = CAPS
) -> Choice | None:
    """The steps of the first of ``ranked`` that has any. ``evidence``: where findings say to look,
    the most telling first."""
    for number, client in enumerate(ranked):
        if client.side == "GOOD":
            continue
        twin = ranked[number + 1] if number + 1 < len(ranked) else None
        if twin is not None and twin.side != "GOOD":
            twin = None
        choice = _of_client(client, twin, evidence, caps)
        if choice is not None:
            return choice
    return None


def _of_client(
    client: Client, twin: Client | None, evidence: Sequence[Origin], caps: Caps
) -> Choice | None:
    steps = steps_of(client.reach.peer, client.context.subjects)
    if not steps:
        return None
    numbered = _numbered(steps)
    if twin is not None:
        theirs = steps_of(twin.reach.peer, twin.context.subjects)
        pairs = {id(pair.bad): pair for pair in pair_steps(theirs, steps)}
        chosen = [_beside(step, number, pairs.get(id(step))) for step, number in numbered]
    else:
        chosen = [Chosen(step, number) for step, number in numbered]
    proof = {origin: rank for rank, origin in enumerate(evidence)}
    ranks = [_rank(item, proof) for item in chosen]
    if twin is None and len(chosen) > 6:
        telling = [item for item, rank in zip(chosen, ranks, strict=True) if rank < len(proof)]
        kept = telling or chosen[:4]
    else:
        kept = chosen
    if len(kept) > caps.steps:
        order = sorted(range(len(chosen)), key=lambda n: (ranks[n], n))
        wanted = {id(chosen[n]) for n in order} & {id(item) for item in kept}
        first = [chosen[n] for n in order if id(chosen[n]) in wanted][: caps.steps]
        kept = sorted(first, key=lambda item: item.step.at_ns)
    crossing = next(
        (c for c in client.context.crossings if c.far.source is client.context.subjects.source),
        None,
    )
    return Choice(client, twin, kept, len(chosen) - len(kept), crossing)


def _numbered(steps: list[Step]) -> list[tuple[Step, int]]:
    counts: dict[str, int] = {}
    found = []
    for step in steps:
        counts[step.kind] = counts.get(step.kind, 0) + 1
        found.append((step, counts[step.kind]))
    return found


def _beside(step: Step, number: int, pair: StepPair | None) -> Chosen:
    if pair is None:
        return Chosen(step, number)
    return Chosen(step, number, pair.good, pair.differing)


def _rank(item: Chosen, proof: dict[Origin, int]) -> int:
    """How telling a step is: by the evidence in it, then whether it differs."""
    origins = {sent.origin for t in item.step.transactions for sent in t.sent}
    origins |= {answer.origin for t in item.step.transactions for answer in t.answers}
    within = [proof[origin] for origin in origins if origin in proof]
    return min(within, default=len(proof) + (0 if item.differing else 1))
