"""Whose transaction is it? Registrations as they come, and at the end every request's peer.

A request is given to a client by what ties it to a registration, strongest first: the Contact
that the client registered is the Request-URI, the packet goes to (or comes from) an address that
the client registered from, the user's name. What is tied to none becomes a peer of its own, named
by its address.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.flows.call import Call
from sipdiag.flows.registration import Registration
from sipdiag.flows.subjects import Peer
from sipdiag.flows.transaction import Transaction
from sipdiag.protocols.sip import Message

_NEWEST_BYTES = 8192
"""Of a REGISTER that is kept whole, one a registration; a phone's has below 2 KiB."""

_WAYS = 65_536
"""Ways of requests of which is remembered whose they are; it costs only time to find out again."""

_ASTERISK = ("asterisk", "fpbx", "freepbx", "issabel", "elastix")


class PeerBook:
    """Collects registrations and requests; ``peers()`` sorts them out. See the module."""

    def __init__(self, local: frozenset[str], limits: Limits, hits: LimitHits) -> None:
        self._local, self._limits, self._hits = local, limits, hits
        self._registrations: dict[tuple[str, str, Endpoint, str], Registration] = {}
        self._requests: list[Transaction] = []
        self._attempts: list[Transaction] = []
        self.full_ns: int | None = None
        """When the first registration came that there was no room for."""

    def register(
        self, transaction: Transaction, user: str, message: Message | None = None
    ) -> Registration | None:
        """Takes a REGISTER (with its ``message``) or REGREQ of ``user``; gives what it belongs to,
        if that is kept."""
        call_id = transaction.call_id if transaction.protocol == "SIP" else ""
        key = transaction.protocol, user, transaction.dst, call_id
        registration = self._registrations.get(key)
        if len(self._attempts) >= self._limits.requests_held:
            self._hits.hit("requests_held")
            if self.full_ns is None:
                self.full_ns = transaction.start_ns
        elif registration is None and len(self._registrations) >= self._limits.peers:
            self._hits.hit("peers")
        else:
            if registration is None:
                registration = self._registrations[key] = Registration(*key)
            self._attempts.append(transaction)
            registration.attempts.append(transaction)
        if registration and (message is None or len(message.raw) <= _NEWEST_BYTES):
            registration.newest = message
        return registration

    def request(self, transaction: Transaction) -> bool:
        """Takes any other request; False where it isn't kept: there is no room, or it couldn't be
        told any more whether its client was there."""
        if self.full_ns is not None or len(self._requests) >= self._limits.requests_held:
            self._hits.hit("requests_held")
            return False
        self._requests.append(transaction)
        return True

    def servers(self) -> frozenset[Endpoint]:
        """The PBX's endpoints: registrars, addresses named by the user, else the best guess."""
        found = {registration.local for registration in self._registrations.values()}
        for transaction in self._requests if self._local else ():
            for end in (transaction.src, transaction.dst):
                if end.ip in self._local:
                    found.add(end)
        return frozenset(found or self._guess())

    def _guess(self) -> set[Endpoint]:
        """Without a registration: who calls itself Asterisk, else who talks with most others."""
        partners: defaultdict[Endpoint, set[Endpoint]] = defaultdict(set)
        named: set[Endpoint] = set()
        for transaction in self._requests:
            partners[transaction.src].add(transaction.dst)
            partners[transaction.dst].add(transaction.src)
            agent = transaction.written.user_agent if transaction.written else None
            if agent and any(word in agent.lower() for word in _ASTERISK):
                named.add(transaction.src)
        if len(named) == 1:
            return named
        counts = Counter({end: len(others) for end, others in partners.items()}).most_common(2)
        if len(counts) == 2 and counts[0][1] > counts[1][1]:
            return {counts[0][0]}
        return set()

    def peers(self, calls: list[Call], servers: frozenset[Endpoint]) -> list[Peer]:
        """Every client, with the requests and calls to and from it, in order of appearance."""
        peers = [self._peer_of(group) for group in self._incarnations()]
        index = _Index(peers)
        strangers: dict[tuple[str, Endpoint, Endpoint], Peer] = {}
        call_of = {id(t): call for call in calls for t in call.transactions}
        ways: dict[tuple[object, ...], tuple[bool | None, list[Peer]]] = {}
        for transaction in self._requests:
            src, dst = transaction.sent[0][1:3]
            way = (src, dst, transaction.user, transaction.target, transaction.protocol)
            known = ways.get(way)
            if known is None:
                inbound = index.is_inbound(transaction, servers)
                owners = [] if inbound is None else index.owners(transaction, inbound)
                if len(ways) >= _WAYS:
                    ways.clear()
                known = ways[way] = inbound, owners
            inbound, owners = known
            if inbound is None:
                continue
            peer = _current(owners, transaction)
            if peer is None:
                near, far = (src, dst) if inbound else (dst, src)
                key = (transaction.protocol, near, far)
                peer = strangers.get(key)
                if peer is None:
                    peer = Peer(transaction.protocol, None, near, outers=[far])
                    strangers[key] = peer
            (peer.inbound if inbound else peer.outbound).append(transaction)
            call = call_of.get(id(transaction))
            if call is not None and call not in peer.calls[-3:]:
                peer.calls.append(call)
        return [*peers, *strangers.values()]

    def _incarnations(self) -> list[list[Registration]]:
        """Registrations grouped by client. A Call-ID is one client, save for the clients that take
        a new one each time: three or more, each used for one registration from one Contact."""
        by_contact: defaultdict[tuple[object, ...], list[Registration]] = defaultdict(list)
        for registration in self._registrations.values():
            written = registration.attempts[0].written
            contact = (written.contact_host, written.contact_port) if written else ()
            key = (registration.protocol, registration.user, registration.local, contact)
            by_contact[key].append(registration)
        groups = []
        for same in by_contact.values():
            once = [r for r in same if len({t.cseq for t in r.attempts}) <= 2]
            if len(once) == len(same) >= 3:
                groups.append(same)
            else:
                groups.extend([registration] for registration in same)
        return sorted(groups, key=lambda group: group[0].attempts[0].start_ns)

    @staticmethod
    def _peer_of(group: list[Registration]) -> Peer:
        first, attempts = group[0], list(group[0].attempts)
        if len(group) > 1:
            attempts = sorted((t for r in group for t in r.attempts), key=lambda t: t.start_ns)
        registration = Registration(
            first.protocol, first.user, first.local, first.call_id, attempts, group[-1].newest
        )
        outers = list(dict.fromkeys(t.src for t in attempts))
        return Peer(first.protocol, first.user, first.local, registration, outers)


class _Index:
    """Finds the peer of a request."""

    def __init__(self, peers: list[Peer]) -> None:
        self._by_contact: defaultdict[tuple[object, ...], list[Peer]] = defaultdict(list)
        self._by_outer: defaultdict[tuple[Endpoint, str], list[Peer]] = defaultdict(list)
        self._by_user: defaultdict[tuple[str, str], list[Peer]] = defaultdict(list)
        self._names_at: defaultdict[Endpoint, set[str | None]] = defaultdict(set)
        for peer in peers:
            for outer in peer.outers:
                self._by_outer[outer, peer.local.ip].append(peer)
                self._names_at[outer].add(peer.user)
            self._by_user[peer.protocol, peer.user or ""].append(peer)
            attempts = peer.attempts
            contacts = {
                (w.contact_user, w.contact_host, w.contact_port)
                for w in (t.written for t in attempts)
                if w is not None and w.contact_host is not None
            }
            for user, host, port in contacts:
                self._by_contact[user, Endpoint(host or "", port or 5060)].append(peer)
                for outer in peer.outers:
                    self._names_at[outer].add(user)

    def is_inbound(self, transaction: Transaction, servers: frozenset[Endpoint]) -> bool | None:
        """Whether a request goes from a PBX to a client; None where neither end is a PBX."""
        src, dst = transaction.src, transaction.dst
        if (dst, src.ip) in self._by_outer:
            return True
        if (src, dst.ip) in self._by_outer:
            return False
        if src in servers or transaction.user in self._names_at.get(dst, ()):
            return True
        return False if dst in servers else None

    def owners(self, transaction: Transaction, inbound: bool) -> list[Peer]:
        """The registered peers that a request may be for or from: by where it goes, and what it
        says of that; the same for every request of which that is the same."""
        found: list[Peer] = []
        if not inbound:
            return self._by_outer.get((transaction.src, transaction.dst.ip), [])
        if transaction.target is not None:
            found = self._by_contact.get((transaction.user, transaction.target), [])
        return (
            found
            or self._by_outer.get((transaction.dst, transaction.src.ip), [])
            or self._by_user.get((transaction.protocol, transaction.user or ""), [])
        )


def _current(peers: list[Peer], transaction: Transaction) -> Peer | None:
    """Of several incarnations of a client, the one that last registered before the request, and
    of those from the address that the request goes to, if there are any."""
    if len(peers) < 2:
        return peers[0] if peers else None

    def rank(peer: Peer) -> tuple[bool, bool, int]:
        attempts = peer.attempts
        earlier = [t.start_ns for t in attempts if t.start_ns <= transaction.start_ns]
        near = transaction.dst in peer.outers or transaction.src in peer.outers
        return bool(earlier), near, max(earlier, default=0)

    return max(peers, key=rank, default=None)
