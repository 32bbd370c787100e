"""What a rule may look at: the subjects of one source, and those of GOOD where there is one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property

from sipdiag.asterisk.conf_setup import Setup
from sipdiag.base.interval import NS
from sipdiag.findings.model import Evidence, Finding, Subject
from sipdiag.findings.reach import Arrivals, Reach, assess
from sipdiag.flows.align import pair_peers
from sipdiag.flows.binding import Observation
from sipdiag.flows.call import Call
from sipdiag.flows.sightings import Crossing
from sipdiag.flows.subjects import Peer, Subjects
from sipdiag.flows.transaction import Transaction
from sipdiag.protocols.media import MediaKind


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
        self._about: dict[Subject, list[Finding]] = {}
        self._arrivals = Arrivals(crossings)
        self._reaches: dict[int, Reach] = {}

    def reach(self, peer: Peer) -> Reach:
        """What became of the requests for one client."""
        known = self._reaches.get(id(peer))
        if known is None:
            known = self._reaches[id(peer)] = assess(peer, self.subjects, self._arrivals)
        return known

    @property
    def reaches(self) -> list[Reach]:
        """One for each client."""
        return [self.reach(peer) for peer in self.subjects.peers]

    @cached_property
    def rtp_by_address(self) -> Counter[str]:
        """RTP packets seen to or from each address."""
        seen: Counter[str] = Counter()
        for flow in self.subjects.media:
            if flow.kind is MediaKind.RTP:
                for ip in {flow.src.ip, flow.dst.ip}:
                    seen[ip] += flow.packets
        return seen

    @cached_property
    def captured_ns(self) -> list[int]:
        """When anything was captured, in order."""
        times = [
            sent.ts_ns
            for p in self.subjects.peers
            for t in [*p.attempts, *p.inbound, *p.outbound]
            for sent in t.sent
        ]
        times += [ts_ns for train in self.subjects.keepalives for ts_ns in train.times_ns]
        return sorted(times)

    @cached_property
    def peers_of(self) -> Mapping[str | None, list[Peer]]:
        """The clients of each user."""
        found: defaultdict[str | None, list[Peer]] = defaultdict(list)
        for peer in self.subjects.peers:
            found[peer.user].append(peer)
        return found

    @cached_property
    def calls_for(self) -> Mapping[str | None, list[Call]]:
        """The calls that were opened for each user, whoever by."""
        found: defaultdict[str | None, list[Call]] = defaultdict(list)
        for call in self.subjects.calls:
            found[call.opening.user].append(call)
        return found

    @cached_property
    def _by_address(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for number, peer in enumerate(self.subjects.peers):
            for ip in {outer.ip for outer in peer.outers}:
                found.setdefault(ip, []).append(number)
        return found

    def behind_same(self, peer: Peer) -> list[Peer]:
        """Clients that were at one of the public addresses of ``peer``, itself among them."""
        ips = {outer.ip for outer in peer.outers}
        numbers = sorted({number for ip in ips for number in self._by_address.get(ip, ())})
        return [self.subjects.peers[number] for number in numbers]

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
        return self.baseline.reach(good)

    def add(self, found: Iterable[Finding]) -> None:
        """Takes what a rule found."""
        for finding in found:
            self.found.append(finding)
            self._about.setdefault(finding.subject, []).append(finding)

    def about(self, subject: Subject) -> list[Finding]:
        """What rules before this one found on one subject."""
        return self._about.get(subject, [])

    def earlier(self, name: str, subject: Subject) -> Finding | None:
        """What a rule before this one found on the same subject."""
        return next((f for f in self.about(subject) if f.name == name), None)


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
