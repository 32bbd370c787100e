"""What a rule may look at: the subjects of one source, and those of GOOD where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from sipdiag.asterisk.conf_setup import Setup
from sipdiag.base.interval import NS
from sipdiag.findings.model import Evidence, Finding, Subject
from sipdiag.findings.reach import Arrivals, Reach, assess
from sipdiag.flows.align import pair_peers
from sipdiag.flows.binding import Observation
from sipdiag.flows.sightings import Crossing
from sipdiag.flows.subjects import Peer, Subjects
from sipdiag.flows.transaction import Transaction


class Context:
    """Handed to every rule. ``found`` grows as rules run, in the order of the catalogue."""

    def __init__(
        self,
        subjects: Subjects,
        baseline: Context | None = None,
        crossings: Sequence[Crossing] = (),
        setup: Setup | None = None,
    ) -> None:
        self.subjects = subjects
        self.baseline = baseline
        self.crossings = crossings
        """This source as the far one, beside captures of the clients' side."""
        self.setup = setup
        """The PBX's configuration files, where the user gave them."""
        self.found: list[Finding] = []

    @cached_property
    def reaches(self) -> list[Reach]:
        """One for each client."""
        arrivals = Arrivals(self.crossings)
        return [assess(peer, self.subjects, arrivals) for peer in self.subjects.peers]

    @cached_property
    def _baselines(self) -> dict[int, Peer]:
        if self.baseline is None:
            return {}
        pairs = pair_peers(self.baseline.subjects.peers, self.subjects.peers)
        return {id(bad): good for good, bad in pairs}

    def baseline_of(self, peer: Peer) -> Reach | None:
        """The same client in GOOD."""
        good = self._baselines.get(id(peer))
        if good is None or self.baseline is None:
            return None
        return next((r for r in self.baseline.reaches if r.peer is good), None)

    def earlier(self, name: str, subject: Subject) -> Finding | None:
        """What a rule before this one found on the same subject."""
        return next((f for f in self.found if f.name == name and f.subject == subject), None)


def peer_subject(peer: Peer) -> Subject:
    """How a finding names a client."""
    return Subject("peer", f"{peer.protocol}/{peer.ident}")


def count(number: int, noun: str) -> str:
    """``1 request``, ``2 requests``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def age(value: float) -> str:
    """An age or interval in seconds, as precise as it is worth: ``29.7 s``."""
    return f"{value:.1f} s"


def lost_evidence(observation: Observation, role: str) -> Evidence:
    """A request that got no reply."""
    sent = observation.sent
    times = f"sent {len(sent)} times" if len(sent) > 1 else "sent once"
    idle = observation.idle_s
    since = "" if idle is None else f", {age(idle)} after the client's last packet"
    excerpt = f"{observation.transaction.method} to {observation.dst}: no reply, {times}{since}"
    return Evidence(observation.origin, observation.at_ns, role, excerpt)


def through_evidence(observation: Observation, role: str) -> Evidence:
    """A request that was answered, and how soon."""
    answer = observation.answer
    idle = observation.idle_s
    since = "" if idle is None else f", {age(idle)} after the client's last packet"
    label = answer.label if answer else ""
    delay = (answer.ts_ns - observation.at_ns) / NS if answer else 0.0
    excerpt = f"{observation.transaction.method} to {observation.dst}: {label} after {delay:.2f} s"
    return Evidence(observation.origin, observation.at_ns, role, excerpt + since)


def sent_evidence(transaction: Transaction, role: str, what: str) -> Evidence:
    """A transaction's first packet."""
    return Evidence(transaction.origin, transaction.start_ns, role, what)
