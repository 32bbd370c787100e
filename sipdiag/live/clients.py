"""Whose packet is it? Sorts what is seen by client, each with its bounded history.

Contract: pure; nothing raises on content; everything held is capped (``Limits.live_*``), and what
was dropped for a cap is counted. A client's history has all that is of the client, and may have
more: the tracker that reads it sorts out the rest, as it does in a capture.

A message is known by its Call-ID, else by the address it comes from or goes to, else by the
Contact or user that it is for. An address that was granted nothing is a stranger: strangers give
way to each other, never a client to a stranger. So no flood of made-up names, Call-IDs or
addresses pushes out a phone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any
from weakref import ReferenceType, ref

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.live.client import HELD_OUTERS, SOON_NS, Client
from sipdiag.live.history import Kept
from sipdiag.live.scanners import Scanners
from sipdiag.live.signals import Signal


class Clients:
    """See the module. ``local``: addresses of the PBX, where they are known."""

    def __init__(self, limits: Limits, hits: LimitHits, local: frozenset[str]) -> None:
        self.scanners = Scanners(limits, hits)
        self._limits, self._hits, self._local = limits, hits, local
        self._known: OrderedDict[str, Client] = OrderedDict()
        self._strangers: OrderedDict[str, Client] = OrderedDict()
        self._by_call: OrderedDict[str, ReferenceType[Client]] = OrderedDict()
        self._by_outer: dict[tuple[str, Endpoint], Client] = {}
        self._by_name: dict[tuple[Any, ...], Client] = {}
        self._by_ip: dict[str, Client] = {}
        self._by_media: OrderedDict[Endpoint, ReferenceType[Client]] = OrderedDict()
        self._servers: OrderedDict[Endpoint, None] = OrderedDict()
        self._serial = 0
        self.size = 0
        """Bytes of all histories."""

    def __iter__(self) -> Iterator[Client]:
        yield from self._known.values()
        yield from self._strangers.values()

    def __len__(self) -> int:
        return len(self._known) + len(self._strangers)

    def get(self, key: str) -> Client | None:
        """The client of this key, if it wasn't dropped."""
        return self._known.get(key) or self._strangers.get(key)

    def take(
        self, ts_ns: int, src: Endpoint | None, dst: Endpoint | None, signal: Signal | None
    ) -> Client | None:
        """The client that a message is from or for; None for a scanner's, and for what says
        nothing and is nobody's. Its packets are then to be given to ``keep``."""
        outward = self._outward(src, dst, signal)
        far, near = (dst, src) if outward else (src, dst)
        if far is None or self.scanners.known(far.ip):
            return None
        client = self._find(far, outward, signal)
        if client is None or not client.alive:
            if signal is None:
                return None
            client = self._stranger(far, signal)
        if signal is not None:
            if not outward and signal.opens and self._is_scanner(client, far, signal):
                return None
            self._note(client, ts_ns, far, near, outward, signal)
        if not outward:
            client.heard(ts_ns, far)
            if not client.granted or (client.protocol, far) not in self._by_outer:
                self._by_outer[client.protocol, far] = client
        client.last_ns = ts_ns
        client.changed = True
        home = self._known if client.key in self._known else self._strangers
        if client.key in home:
            home.move_to_end(client.key)
        return client

    def keep(self, client: Client, kept: Kept, *, media: bool = False) -> None:
        """Adds a packet to the history of a client, if it wasn't dropped meanwhile."""
        if not client.alive:
            return
        history = client.history
        before = history.size
        if media:
            history.add_media(kept)
        else:
            history.add(kept)
        self.size += history.size - before
        if self.size > self._limits.live_bytes:
            self._share()

    def _share(self) -> None:
        """Cuts every history down to nine tenths of an equal share, so that it is a tenth of all
        until this is to be done again; what is left over are clients of one packet each."""
        most = self._limits.live_bytes * 9 // 10
        share = most // len(self)
        for client in self:
            while client.history.size > share and len(client.history) > 1:
                self.size -= client.history.drop_oldest()
        while self.size > most and len(self) > 1:
            self._drop(self._strangers or self._known)
            self._hits.hit("live_bytes")

    def quoted(self, ends: tuple[Endpoint, Endpoint]) -> Client | None:
        """The client at one of the ends of a packet that ICMP quotes."""
        for end in ends:
            for protocol in ("SIP", "IAX2"):
                client = self._by_outer.get((protocol, end))
                if client is not None and client.alive:
                    return client
        return None

    def of_media(self, *ends: Endpoint) -> Client | None:
        """The client whose call a packet of media is of: by where an SDP wanted it, else by the
        address that the client was last heard from."""
        for end in ends:
            client = _still(self._by_media.get(end))
            if client is not None:
                return client
        for end in ends:
            client = self._by_ip.get(end.ip)
            if client is not None and client.alive:
                return client
        return None

    def forget_before(self, oldest_ns: int) -> None:
        """Drops everybody of whom nothing was seen since."""
        for home in (self._strangers, self._known):
            while home and next(iter(home.values())).last_ns < oldest_ns:
                self._drop(home)

    # Which way it goes.

    def _outward(self, src: Endpoint | None, dst: Endpoint | None, signal: Signal | None) -> bool:
        """Whether it goes from the PBX to the client. A log names only the far side."""
        if src is None or dst is None:
            return src is None
        ours, theirs = src.ip in self._local, dst.ip in self._local
        if ours != theirs:
            self._learn(src if ours else dst)
            return ours
        if signal is not None and signal.registering:
            outward = signal.answers
            if signal.opens:
                self._learn(dst)
            return outward
        if (src in self._servers) != (dst in self._servers):
            return src in self._servers
        protocol = signal.protocol if signal is not None else "SIP"
        if ((protocol, src) in self._by_outer) != ((protocol, dst) in self._by_outer):
            return (protocol, dst) in self._by_outer
        return src.port in (5060, 4569) and dst.port not in (5060, 4569)

    def _learn(self, server: Endpoint) -> None:
        self._servers[server] = None
        if len(self._servers) > 1024:
            self._servers.popitem(last=False)

    # Whose it is.

    def _find(self, far: Endpoint, outward: bool, signal: Signal | None) -> Client | None:
        if signal is None:
            return self.quoted((far, far))
        if signal.call_id is not None:
            client = _still(self._by_call.get(signal.call_id))
            if client is not None:
                return client
        outer = self._by_outer.get((signal.protocol, far))
        if outer is not None and not outer.alive:
            outer = None
        if signal.registering and not outward:
            if outer is not None and outer.user in (None, signal.user):
                return outer
            return self._strangers.get(_key(signal.protocol, signal.user, far))
        if outward and signal.opens:
            for name in (
                ("contact", signal.user, far.ip, far.port),
                ("user", signal.protocol, signal.user, far.ip),
            ):
                client = self._by_name.get(name)
                if client is not None and client.alive:
                    return client
            if outer is None:
                named = self._by_name.get(("user", signal.protocol, signal.user))
                return named if named is not None and named.alive else None
        return outer

    def _stranger(self, far: Endpoint, signal: Signal) -> Client:
        user = signal.user if signal.registering else None
        key = _key(signal.protocol, user, far)
        if key in self._known or key in self._strangers:
            self._serial += 1
            key = f"{key}#{self._serial}"
        client = Client(key, signal.protocol, user, self._limits)
        self._strangers[key] = client
        self._by_outer.setdefault((signal.protocol, far), client)
        client.outers.append(far)
        if len(self._strangers) > self._limits.live_strangers:
            self._drop(self._strangers)
            self._hits.hit("live_strangers")
        return client

    def _is_scanner(self, client: Client, far: Endpoint, signal: Signal) -> bool:
        if client.granted or client.addressed or not self.scanners.asked(far, signal):
            return False
        for stranger in [s for s in self._strangers.values() if s.outer and s.outer.ip == far.ip]:
            self._remove(self._strangers, stranger)
        return True

    def _note(
        self,
        client: Client,
        ts_ns: int,
        far: Endpoint,
        near: Endpoint | None,
        outward: bool,
        signal: Signal,
    ) -> None:
        """What a message says of its client."""
        itself = ref(client)
        if signal.call_id is not None and self._by_call.get(signal.call_id) is not itself:
            self._by_call[signal.call_id] = itself
            if len(self._by_call) > self._limits.live_call_ids:
                self._by_call.popitem(last=False)
        for end in signal.media_at:
            self._by_media[end] = itself
            if len(self._by_media) > self._limits.live_call_ids:
                self._by_media.popitem(last=False)
        if signal.ending:
            client.due(ts_ns + 2 * SOON_NS)
        if not outward:
            if signal.answers:
                client.answered(ts_ns, signal)
            if signal.opens and signal.registering:
                client.asked_count += 1
                if client.asking_ns is None:
                    client.asking_ns = ts_ns
                client.user = client.user or signal.user
                client.contact = signal.contact or client.contact
            if signal.opens:
                client.written = signal.written or client.written
            return
        if signal.opens and not signal.ending:
            client.sent(ts_ns, signal)
            if not client.addressed and not signal.answers:
                client.addressed = True
                self._trust(client, far)
        if signal.answers and signal.refused and not signal.challenged:
            client.due(ts_ns + SOON_NS)
        if signal.granted and signal.method != "OPTIONS":
            if signal.registering:
                client.register(ts_ns, signal.granted_s)
            if not client.granted:
                client.granted = True
                client.due(ts_ns + 2 * SOON_NS)
            self._trust(client, far)

    def _trust(self, client: Client, far: Endpoint) -> None:
        """It was granted something, or the PBX knows it: it is a client from here on."""
        self.scanners.trust(far.ip)
        if client.key in self._strangers:
            del self._strangers[client.key]
            self._known[client.key] = client
            if len(self._known) > self._limits.live_clients:
                self._drop(self._known)
                self._hits.hit("live_clients")
        if client.granted and client.user is not None:
            self._merge_with_earlier(client, far)
            for name in _names(client, far):
                self._by_name[name] = client
        self._by_outer[client.protocol, far] = client
        self._by_ip[far.ip] = client

    def _merge_with_earlier(self, client: Client, far: Endpoint) -> None:
        """After a restart, or on another port of its router, the same phone is a stranger first.
        What it was before becomes part of it."""
        for name in _names(client, far)[:2]:
            earlier = self._by_name.get(name)
            if earlier is None or earlier is client or not earlier.alive:
                continue
            if earlier.protocol != client.protocol or earlier.user != client.user:
                continue
            client.history.extend(earlier.history)
            client.outers = [
                *(o for o in earlier.outers if o not in client.outers), *client.outers
            ]  # fmt: skip
            del client.outers[:-HELD_OUTERS]
            for outer in earlier.outers:
                self._by_outer[client.protocol, outer] = client
            client.judged_ns, client.judged = earlier.judged_ns, earlier.judged
            client.follows(earlier)
            client.due(client.last_ns + SOON_NS)
            key = earlier.key
            self._remove(self._known, earlier, counted=False)
            self._known.pop(client.key, None)
            client.key = key
            self._known[key] = client
            self.size = sum(one.history.size for one in self)

    # Letting go.

    def _drop(self, home: OrderedDict[str, Client]) -> None:
        self._remove(home, next(iter(home.values())))

    def _remove(self, home: OrderedDict[str, Client], client: Client, counted: bool = True) -> None:
        home.pop(client.key, None)
        if counted:
            self.size -= client.history.size
            client.history.clear()
        client.alive = False
        for outer in client.outers:
            if self._by_outer.get((client.protocol, outer)) is client:
                del self._by_outer[client.protocol, outer]
            if self._by_ip.get(outer.ip) is client:
                del self._by_ip[outer.ip]
            for name in _names(client, outer):
                if self._by_name.get(name) is client:
                    del self._by_name[name]


def _still(known: ReferenceType[Client] | None) -> Client | None:
    """The client, if it wasn't dropped."""
    client = known() if known is not None else None
    return client if client is not None and client.alive else None


def _key(protocol: str, user: str | None, far: Endpoint) -> str:
    return f"{protocol}/{user}@{far}" if user else f"{protocol}/{far}"


def _names(client: Client, far: Endpoint) -> list[tuple[Any, ...]]:
    """What requests for a client may name; the first two tell it from another of its user."""
    names: list[tuple[Any, ...]] = []
    if client.contact is not None:
        user, host, port = client.contact
        names.append(("contact", user, host, port or 5060))
    names.append(("user", client.protocol, client.user, far.ip))
    if client.protocol == "IAX2":
        names.insert(0, ("user", client.protocol, client.user))
    else:
        names.append(("user", client.protocol, client.user))
    return names
