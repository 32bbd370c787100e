"""What a message says to whoever only sorts messages: a signal, the same for SIP and IAX2.

Contract: ``signal_of`` is pure and never raises on content. Texts are wire text.
"""

from __future__ import annotations

from typing import NamedTuple

from sipdiag.base.datagram import Datagram
from sipdiag.base.endpoint import Endpoint
from sipdiag.protocols import iax2, sip
from sipdiag.protocols.iax2 import FrameType, FullFrame, Iax
from sipdiag.protocols.sip import Message

_OPENERS = frozenset({Iax.NEW, Iax.REGREQ, Iax.REGREL, Iax.POKE})
_REFUSALS = frozenset({Iax.REJECT, Iax.REGREJ})
_GRANTS = frozenset({Iax.ACCEPT, Iax.REGACK})
_REGISTERING = frozenset({"REGISTER", "REGREQ", "REGREL"})
_ENDING = frozenset({"BYE", "CANCEL", "HANGUP"})

Contact = tuple[str | None, str, int | None]
"""(user, host, port) as written."""


class Signal(NamedTuple):
    """``opens``: a request that wants an answer; ``key`` ties the answer to it, ``answers`` says
    that this is one. ``call_id``: SIP only."""

    protocol: str
    method: str
    opens: bool
    answers: bool
    key: tuple[object, ...] | None
    call_id: str | None
    user: str | None
    """Whom a request is for; in a registration, who registers."""
    granted: bool = False
    """A final answer that grants what was asked."""
    refused: bool = False
    """A final answer that doesn't, a challenge included."""
    challenged: bool = False
    contact: Contact | None = None
    written: str | None = None
    """The host of the Contact, else of the Via."""
    granted_s: int | None = None
    agent: str | None = None
    media_at: tuple[Endpoint, ...] = ()
    """Where its SDP wants media."""

    @property
    def registering(self) -> bool:
        """Whether it is of a registration."""
        return self.method in _REGISTERING

    @property
    def ending(self) -> bool:
        """Whether it ends a call."""
        return self.opens and self.method in _ENDING


def signal_of(datagram: Datagram) -> Signal | None:
    """None for what is no SIP message nor full frame of IAX2."""
    payload = datagram.payload
    if payload[:1] >= b"\x80":
        frame = iax2.parse(payload) if len(payload) >= 12 else None
        return _of_frame(frame) if isinstance(frame, FullFrame) else None
    message = sip.parse(payload)
    return _of_message(message) if message is not None else None


def _of_message(message: Message) -> Signal:
    cseq = message.cseq
    key = ("SIP", message.call_id, cseq.number if cseq else 0, message.method)
    status = message.status or 0
    contact = message.contacts[0].uri if message.contacts else None
    grants = 200 <= status < 300
    return Signal(
        "SIP",
        message.method,
        opens=message.is_request and message.method != "ACK",
        answers=not message.is_request,
        key=key,
        call_id=message.call_id or None,
        user=_user(message),
        granted=grants,
        refused=status >= 300,
        challenged=status in (401, 407),
        contact=(contact.user, contact.host, contact.effective_port) if contact else None,
        written=contact.host if contact else _via_host(message),
        granted_s=_granted_s(message) if grants and message.method == "REGISTER" else None,
        agent=message.software,
        media_at=_media_at(message),
    )


def _media_at(message: Message) -> tuple[Endpoint, ...]:
    session = message.sdp
    if session is None:
        return ()
    found = (media.endpoint for media in session.media)
    return tuple(endpoint for endpoint in found if endpoint is not None)


def _via_host(message: Message) -> str | None:
    return message.via.host if message.is_request and message.via is not None else None


def _user(message: Message) -> str | None:
    if message.is_request and message.method != "REGISTER":
        uri = message.request_uri
    else:
        uri = message.to.uri if message.to else None
    return uri.user if uri else None


def _granted_s(message: Message) -> int | None:
    """Of the last Contact that the registrar lists, or the Expires header; 0 where it lists none:
    it was taken back (RFC 3261 section 10.3)."""
    if not message.contacts:
        return message.expires or 0
    return message.contact_expires(message.contacts[-1])


def _of_frame(frame: FullFrame) -> Signal:
    command = frame.subclass if frame.frame_type == FrameType.IAX else None
    opens = command in _OPENERS and frame.dest_call == 0
    method = frame.subclass_name if command is not None else frame.type_name
    grants = command in _GRANTS
    if command == Iax.REGACK:
        method = "REGREQ"
    return Signal(
        "IAX2",
        method,
        opens=opens or command == Iax.HANGUP,
        answers=frame.dest_call != 0,
        key=("IAX2", frame.source_call if opens else frame.dest_call),
        call_id=None,
        user=frame.text("USERNAME") or frame.text("CALLED_NUMBER"),
        granted=grants,
        refused=command in _REFUSALS,
        granted_s=frame.integer("REFRESH") if command == Iax.REGACK else None,
    )
