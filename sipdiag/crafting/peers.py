"""The far ends of a made-up capture: phones and IAX2 peers behind their routers.

Contract: plain state that the dialogues read and move; nothing here sends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from sipdiag.base.endpoint import Endpoint
from sipdiag.crafting.timeline import endpoint

Media = Literal["both", "to_pbx", "to_phone", "none"]
"""Which streams of a call the capture holds."""


@dataclass(slots=True, kw_only=True)
class Peer:
    """Somebody who talks to the PBX.

    ``inner`` is where it really listens, ``outer`` where the PBX sees it (equal without NAT).
    ``location``: where the PBX will send the next request; None until it registers.
    ``nat_lifetime_s``: how long its router holds the mapping after the last outbound packet;
    None for ever.
    """

    name: str
    inner: Endpoint
    outer: Endpoint
    nat_lifetime_s: float | None = None
    on: bool = True
    location: Endpoint | None = None
    last_sent_s: float | None = None

    @property
    def target(self) -> Endpoint:
        """Where the PBX sends the next request."""
        return self.location or self.outer

    def reached_by(self, dst: Endpoint, at_s: float) -> bool:
        """Whether a packet that the PBX sends to ``dst`` gets through to it."""
        if not self.on or dst != self.outer:
            return False
        if self.nat_lifetime_s is None or self.inner == self.outer:
            return True
        return self.last_sent_s is not None and at_s - self.last_sent_s <= self.nat_lifetime_s


class Writes(NamedTuple):
    """What a phone's messages say when they reach the PBX: its own addresses, or what STUN or
    an ALG made of them. ``call_id_host``: the host part of its Call-IDs, or None for none."""

    via: Endpoint
    contact: Endpoint
    media: Endpoint
    call_id_host: str | None = None


@dataclass(slots=True, kw_only=True)
class SipPhone(Peer):
    """A SIP phone. ``rtp_inner`` and ``rtp_outer``: its media port on either side of the router;
    ``rport``: whether it asks for RFC 3581; ``contact_uri``: as the PBX has it registered."""

    user_agent: str = "baresip v1.0.0 (x86_64/linux)"
    password: str = "secret"
    rtp_inner: Endpoint
    rtp_outer: Endpoint
    writes: Writes
    rport: bool = True
    contact_uri: str | None = None
    register_call_id: str | None = None
    register_tag: str = ""
    cseq: int = 0


@dataclass(slots=True, kw_only=True)
class IaxPeer(Peer):
    """Another Asterisk, or an IAX2 phone. ``call``: the last source call number that it used."""

    password: str = "secret"
    call: int = 0


def choose_writes(
    how: str | Writes | Mapping[str, Endpoint | str], inner: Writes, outer: Writes
) -> Writes:
    """``inner``: a phone that knows nothing of NAT; ``outer``: STUN, or an ALG that rewrites
    everything; a mapping names ``via``, ``contact`` or ``media``, the rest as ``inner``."""
    if isinstance(how, Writes):
        return how
    if how == "inner":
        return inner
    if how == "outer":
        return outer
    if isinstance(how, str):
        raise ValueError(f"writes: inner, outer or a mapping, not {how!r}")
    unknown = set(how) - {"via", "contact", "media"}
    if unknown:
        raise ValueError(f"a phone writes via, contact and media, not {sorted(unknown)}")
    return Writes(
        endpoint(how.get("via", inner.via), inner.via.port),
        endpoint(how.get("contact", inner.contact), inner.contact.port),
        endpoint(how.get("media", inner.media), inner.media.port),
        inner.call_id_host,
    )
