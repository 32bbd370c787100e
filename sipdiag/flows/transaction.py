"""A request, every time it was sent, and what came back: for SIP and IAX2 alike.

A SIP transaction is RFC 3261 section 17 (branch and CSeq method); an IAX2 one is the frame that
opens an exchange (NEW, REGREQ, REGREL, POKE; RFC 5456 section 6) up to the first frame back.
Each transmission keeps how long the path had been idle before it, which is all that a NAT
binding's age can be read from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sipdiag.base.datagram import Origin, Transport
from sipdiag.base.endpoint import Endpoint

HELD_PER_TRANSACTION = 64
"""Transmissions and answers kept of one transaction: chan_sip sends a request at most 11 times."""


class Sent(NamedTuple):
    """One transmission. It is kept by the hundred thousand, so what an ``Origin`` has lies in it.

    ``idle_ns``: since the newest packet the other way, from ``dst`` to ``src``; None = none was
    seen before. ``quiet_ns``: since the newest packet either way.
    """

    ts_ns: int
    src: Endpoint
    dst: Endpoint
    source: str
    frame: int | None
    line: int | None
    idle_ns: int | None
    quiet_ns: int | None

    @property
    def origin(self) -> Origin:
        """Where to look it up."""
        return Origin(self.source, self.frame, self.line)

    @property
    def refreshed_ns(self) -> int | None:
        """When the other side had last sent something."""
        return None if self.idle_ns is None else self.ts_ns - self.idle_ns


class Answer(NamedTuple):
    """One message back. ``code`` is the SIP status, or 0 for IAX2; ``label`` is for people."""

    ts_ns: int
    src: Endpoint
    dst: Endpoint
    source: str
    frame: int | None
    line: int | None
    code: int
    label: str

    @property
    def origin(self) -> Origin:
        """Where to look it up."""
        return Origin(self.source, self.frame, self.line)


def answer_of(sent: Sent, code: int, label: str) -> Answer:
    """A transmission that is an answer."""
    return tuple.__new__(Answer, (*sent[:6], code, label))


class Written(NamedTuple):
    """Where the sender of a SIP request said it is. Ports: None = not written."""

    via_host: str | None
    via_port: int | None
    via_rport: bool
    """The top Via asks for ``rport`` (RFC 3581)."""
    via_count: int
    contact_user: str | None
    contact_host: str | None
    contact_port: int | None
    call_id_host: str | None
    """What follows the ``@`` of the Call-ID, where that is a private address."""
    user_agent: str | None
    instance: str | None
    """``+sip.instance`` of the Contact (RFC 5626 section 4.1): the same for the device's life."""


@dataclass(slots=True, eq=False)
class Transaction:
    """See the module. ``sent`` is never empty; ``answers`` are in the order they were seen."""

    protocol: str
    """``SIP`` or ``IAX2``."""
    method: str
    call_id: str
    """SIP: Call-ID. IAX2: the opener's source call number as text."""
    cseq: int
    transport: Transport
    sent: tuple[Sent, ...]
    answers: tuple[Answer, ...] = ()
    user: str | None = None
    """The user part of the Request-URI or To; IAX2: USERNAME or CALLED NUMBER."""
    target: Endpoint | None = None
    """The Request-URI's own host and port, where it is an address."""
    written: Written | None = None
    authorised: bool = False
    """The request answers a challenge."""
    stale: bool = False
    """The final answer says ``stale=true``: the nonce was old, not the password wrong."""
    asked_s: int | None = None
    granted_s: int | None = None
    contact_returned: bool | None = None
    """Whether the 2xx to a REGISTER names the Contact that was sent; None where it names none."""
    in_dialog: bool = False
    token: str | None = None
    """IAX2: ``asked`` with an empty CALLTOKEN element, ``given`` with the one handed out."""
    seen_as: Endpoint | None = None
    """Where the other side says the request came from: ``received`` and ``rport`` of the answer's
    Via (RFC 3581), or IAX2's APPARENT ADDR (RFC 5456 section 8.6.17)."""

    @property
    def start_ns(self) -> int:
        """Time of the first transmission."""
        return self.sent[0].ts_ns

    @property
    def src(self) -> Endpoint:
        """Where the first transmission came from."""
        return self.sent[0].src

    @property
    def dst(self) -> Endpoint:
        """Where the first transmission went."""
        return self.sent[0].dst

    @property
    def origin(self) -> Origin:
        """The first transmission's frame."""
        return self.sent[0].origin

    @property
    def answered(self) -> bool:
        """Whether anything came back, a provisional answer included."""
        return bool(self.answers)

    @property
    def final(self) -> Answer | None:
        """The last answer that isn't provisional (any answer, for IAX2)."""
        for answer in reversed(self.answers):
            if answer.code >= 200 or (self.protocol == "IAX2" and answer.label != "ACK"):
                return answer
        return None

    @property
    def status(self) -> int | None:
        """The final SIP status, or None."""
        final = self.final
        return final.code if final else None

    @property
    def last_ns(self) -> int:
        """Time of the newest packet of the transaction."""
        newest = self.sent[-1].ts_ns
        return max(newest, self.answers[-1].ts_ns) if self.answers else newest
