"""Calls: how far they got, and what was said about media on the way.

SIP: RFC 3261 section 13 and RFC 3264. IAX2: RFC 5456 section 6.2.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import NamedTuple

from sipdiag.base.datagram import Origin, Transport
from sipdiag.base.endpoint import Endpoint
from sipdiag.flows.transaction import Answer, Sent, Transaction

UNACKNOWLEDGED_COUNT = 4
"""A 2xx sent so often has waited for its ACK for more than 3 s at T1 = 500 ms (RFC 3261 section
13.3.1.4): no delay explains that."""


class End(enum.Enum):
    """How a call ended, or where it was when the capture did."""

    HUNG_UP = "hung up"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    NO_ANSWER = "no reply"
    """Nothing came back at all, not even a provisional answer."""
    OPEN = "open"


class MediaOffer(NamedTuple):
    """What one side said about audio in an SDP. ``endpoint`` None = refused or no address."""

    ts_ns: int
    src: Endpoint
    """Where the packet with the SDP came from."""
    endpoint: Endpoint | None
    direction: str
    on_hold: bool
    source: str
    frame: int | None
    line: int | None
    ice: bool
    """It lists candidates (RFC 8839): the address of its c= line is only one of them."""
    information: str | None
    """The session's i= line."""

    @property
    def origin(self) -> Origin:
        """Where to look it up."""
        return Origin(self.source, self.frame, self.line)


@dataclass(slots=True, eq=False)
class Call:
    """One call on one leg. ``caller`` and ``callee`` are where the first INVITE/NEW came from and
    went to."""

    protocol: str
    call_id: str
    opening: Transaction
    ringing_ns: int | None = None
    answered_ns: int | None = None
    ended_ns: int | None = None
    end: End = End.OPEN
    answered_contact: str | None = None
    """``host:port`` of the Contact in the 2xx: where the ACK and all that follows must go."""
    acks: list[Sent] = field(default_factory=list)
    """The first few ACKs to the 2xx, as they were seen."""
    offers: list[MediaOffer] = field(default_factory=list)
    transactions: list[Transaction] = field(default_factory=list)
    """The opening one and all later ones of the dialog, in order."""
    session_s: int | None = None
    """Session-Expires of the newest INVITE, UPDATE or 2xx that has one, in seconds (RFC 4028):
    after half of it one side refreshes the session, and without that the call ends."""

    @property
    def caller(self) -> Endpoint:
        """Who sent the first INVITE or NEW."""
        return self.opening.src

    @property
    def callee(self) -> Endpoint:
        """Where it went."""
        return self.opening.dst

    @property
    def start_ns(self) -> int:
        """Time of the first INVITE or NEW."""
        return self.opening.start_ns

    @property
    def answers_repeated(self) -> list[Answer]:
        """The longest run of 2xx answers to one INVITE of the call, over UDP: more than one or two
        means that no ACK came to whoever answered (RFC 3261 section 13.3.1.4)."""
        runs = [
            [answer for answer in transaction.answers if 200 <= answer.code < 300]
            for transaction in self.transactions
            if transaction.method == "INVITE" and transaction.transport is Transport.UDP
        ]
        return max(runs, key=len, default=[])

    @property
    def outcome(self) -> End:
        """``end``, or NO_ANSWER where nothing came back."""
        if self.end is End.OPEN and not self.opening.answered:
            return End.NO_ANSWER
        return self.end
