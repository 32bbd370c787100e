"""What a PBX wrote down about a phone: one verdict line of its log as a value.

Contract: plain data, no parsing. ``text`` and the texts in ``params`` come off the wire and are
hostile until they pass the report's ``safe`` module.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from sipdiag.base.datagram import Origin
from sipdiag.base.endpoint import Endpoint

Param = str | int | float


class EventKind(enum.Enum):
    """What happened. ``params`` of each are listed where it is recognised
    (``sipdiag.asterisk.log_verdict``)."""

    REGISTERED = "registered"
    """A phone registered, or its address changed; a refresh from the same address says nothing."""
    UNREGISTERED = "unregistered"
    """On the phone's own request."""
    EXPIRED = "expired"
    REGISTRATION_FAILED = "registration-failed"
    AUTHENTICATION_FAILED = "authentication-failed"
    REGISTRATION_CLAMPED = "registration-clamped"
    """Another interval was granted than the phone asked for."""
    MAX_CONTACTS = "max-contacts"
    """A registration was refused because the old contact still stands."""
    CONTACT_ADDED = "contact-added"
    CONTACT_REFRESHED = "contact-refreshed"
    CONTACT_REMOVED = "contact-removed"
    CONTACT_STATUS = "contact-status"
    UNREACHABLE = "unreachable"
    REACHABLE = "reachable"
    LAGGED = "lagged"
    RETRANSMISSION_TIMEOUT = "retransmission-timeout"
    NO_REPLY = "no-reply"
    """A call was hung up because a critical packet got no reply."""
    MAX_RETRIES = "max-retries"
    """The same in IAX2."""
    SESSION_TIMER_EXPIRED = "session-timer-expired"
    SIP_ERROR = "sip-error"
    """A final response of 400 or more came back."""
    NO_RTP = "no-rtp"
    """A call was ended for lack of RTP."""
    RTP_LEARNING = "rtp-learning"
    """``params["step"]``: what of learning the source of RTP."""
    RTP_DROPPED = "rtp-dropped"
    """From another source than the learnt one."""
    RTP_NAT = "rtp-nat"
    """The media address of the SDP gave way to the one that was seen, or waits for it."""
    OUTBOUND_REGISTERED = "outbound-registered"
    """The PBX's own registration at a provider."""
    OUTBOUND_TIMEOUT = "outbound-timeout"
    OUTBOUND_FAILED = "outbound-failed"
    CALLTOKEN_FAILED = "calltoken-failed"
    UNSOLICITED_ANSWER = "unsolicited-answer"
    """An answer came from another address than was asked."""
    NETWORK_CHANGED = "network-changed"
    DISCARDED = "discarded"
    """Lines are missing: the logger was overloaded."""
    STARTED = "started"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class LogEvent:
    """``ts_ns``: nanoseconds since 1970, UTC. ``user``: the peer, contact's AOR or account that it
    is about; ``address``: the far side's, where the line tells it; ``text``: the line."""

    ts_ns: int
    kind: EventKind
    user: str | None
    address: Endpoint | None
    text: str
    origin: Origin
    params: dict[str, Param] = field(default_factory=dict)
