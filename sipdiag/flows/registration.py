"""What a client asked of its registrar, what it was granted, and when it really came back.

SIP: RFC 3261 section 10. IAX2: RFC 5456 section 6.1.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import seconds
from sipdiag.base.lazy import lazy
from sipdiag.flows.transaction import Transaction
from sipdiag.protocols.sip import Message


class Refresh(NamedTuple):
    """A registration that succeeded. ``granted_s`` 0 = un-registered; None = not said."""

    ts_ns: int
    outer: Endpoint
    granted_s: int | None
    transaction: Transaction


@dataclass(eq=False)
class Registration:
    """One client's registrations with one registrar: the same user and, for SIP, the same
    Call-ID (RFC 3261 section 10.2.4: a client should keep it until it restarts). What follows from
    the attempts is worked out when it is first asked for."""

    protocol: str
    user: str
    local: Endpoint
    """The registrar, as seen in the packets."""
    call_id: str
    attempts: list[Transaction] = field(default_factory=list)
    """Every REGISTER/REGREQ, the challenged ones included, in order."""
    newest: Message | None = None
    """The newest REGISTER itself; None in IAX2."""

    @lazy
    def refreshes(self) -> list[Refresh]:
        """The attempts that were granted, in order."""
        return [Refresh(t.start_ns, t.src, t.granted_s, t) for t in self.attempts if succeeded(t)]

    def outer_at(self, ts_ns: int) -> Endpoint | None:
        """Where the newest attempt at or before ``ts_ns`` came from."""
        after = bisect_right(self.attempts, ts_ns, key=lambda attempt: attempt.start_ns)
        return self.attempts[after - 1].src if after else None

    def refresh_at(self, ts_ns: int) -> Refresh | None:
        """The newest refresh at or before ``ts_ns``, an un-registration among them."""
        return _newest(self.refreshes, ts_ns)

    def grant_at(self, ts_ns: int) -> Refresh | None:
        """The newest refresh at or before ``ts_ns`` that said for how long it holds."""
        return _newest(self._grants, ts_ns)

    @lazy
    def _grants(self) -> list[Refresh]:
        return [r for r in self.refreshes if r.granted_s]

    @lazy
    def granted_s(self) -> int | None:
        """The newest non-zero grant in seconds."""
        grants = [r.granted_s for r in self.refreshes if r.granted_s]
        return grants[-1] if grants else None

    @lazy
    def asked_s(self) -> int | None:
        """What the newest attempt asked for, in seconds."""
        asked = [t.asked_s for t in self.attempts if t.asked_s]
        return asked[-1] if asked else None

    @lazy
    def gaps_s(self) -> list[float]:
        """Seconds between one refresh and the next."""
        times = [r.ts_ns for r in self.refreshes if r.granted_s != 0]
        return [seconds(b - a) for a, b in pairwise(times)]

    @lazy
    def observed_s(self) -> float | None:
        """The median time between refreshes in seconds; None with fewer than two."""
        gaps = self.gaps_s
        return median(gaps) if gaps else None


def _newest(refreshes: list[Refresh], ts_ns: int) -> Refresh | None:
    after = bisect_right(refreshes, ts_ns, key=lambda refresh: refresh.ts_ns)
    return refreshes[after - 1] if after else None


def challenged(transaction: Transaction) -> bool:
    """Whether it was answered 401 or 407 (RFC 3261 section 22.2), or with a CALLTOKEN."""
    if transaction.protocol == "IAX2":
        return transaction.final is not None and transaction.final.label == "CALLTOKEN"
    return transaction.status in (401, 407)


def succeeded(transaction: Transaction) -> bool:
    """Whether a REGISTER was answered 2xx, or a REGREQ with REGACK."""
    if transaction.protocol == "IAX2":
        return transaction.final is not None and transaction.final.label == "REGACK"
    return transaction.status is not None and 200 <= transaction.status < 300
