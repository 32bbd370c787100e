"""A made-up capture in the words of a story: what a PBX on the Internet and its phones behind
NAT send, as a capture on the PBX sees it.

Contract: deterministic (no clock, no sockets, a fixed date), standard library only. Times are
seconds since the beginning of the capture. ``at`` sets the moment; every act begins there and
moves the moment to its own end. ``datagrams`` and ``media`` are what a reader would hand on,
``write`` makes the pcap of the same packets with the same frame numbers.

>>> s = Scenario(server="203.0.113.80", software="Asterisk PBX 16.28.0")
>>> phone = s.sip_phone("101", inner="192.168.1.50:5060", outer="203.0.113.7:5060")
>>> s.at(0); s.register(phone, expires=60, granted=60)
>>> s.at(10); _ = s.call(phone, talk_s=1)
>>> [bytes(d.payload[:12]) for d in s.datagrams()][:4]
[b'REGISTER sip', b'SIP/2.0 401 ', b'REGISTER sip', b'SIP/2.0 200 ']
>>> len(s.media())
2

Whether a request reaches the phone follows from the story (``phone_off``, ``rebind``,
``nat_lifetime_s``) where ``answered`` is left out, and is as ``answered`` says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sipdiag.base.datagram import Datagram, Transport
from sipdiag.base.endpoint import Endpoint
from sipdiag.crafting.capture import ip_packets, udp_segment
from sipdiag.crafting.iax2_dialogue import Iax2Dialogues
from sipdiag.crafting.peers import IaxPeer, Media, SipPhone, Writes, choose_writes
from sipdiag.crafting.sip_dialogue import SipDialogues, driver_of
from sipdiag.crafting.timeline import START_NS, Timeline, endpoint
from sipdiag.protocols.media import MediaKind, MediaTable

__all__ = ["START_NS", "IaxPeer", "Scenario", "SipPhone", "Writes"]

Address = str | Endpoint
"""``192.0.2.1:5060``, ``192.0.2.1``, ``[2001:db8::1]:5060`` or an ``Endpoint``."""


class Scenario:
    """One story. ``software`` is the PBX's Server header; from its version follows whether SIP
    is spoken as chan_sip or as chan_pjsip does (``driver`` overrules that).

    ``writes``: what the PBX puts in its own Via, Contact and SDP, where that isn't ``server``.
    ``force_rport``, ``comedia``, ``rewrite_contact``: the settings of these names; the first two
    are chan_sip's ``nat=`` words, for chan_pjsip ``comedia`` is ``rtp_symmetric``.
    """

    def __init__(
        self,
        server: Address = "203.0.113.80",
        software: str = "Asterisk PBX 16.28.0",
        *,
        driver: str | None = None,
        writes: Address | None = None,
        force_rport: bool = True,
        comedia: bool = True,
        rewrite_contact: bool = True,
        rtt_s: float = 0.04,
        realm: str = "asterisk",
        name: str = "scenario.pcap",
    ) -> None:
        self.server = endpoint(server, 5060)
        self.iax_server = Endpoint(self.server.ip, 4569)
        self.now_s = 0.0
        self.timeline = Timeline(name)
        self._sip = SipDialogues(
            timeline=self.timeline,
            server=self.server,
            writes=self.server if writes is None else endpoint(writes, self.server.port),
            software=software,
            driver=driver or driver_of(software),
            force_rport=force_rport,
            comedia=comedia,
            rewrite_contact=rewrite_contact,
            rtt_s=rtt_s,
            realm=realm,
        )
        self._iax = Iax2Dialogues(self.timeline, self.iax_server, rtt_s)

    # ---- who is there ----------------------------------------------------------------------

    def sip_phone(
        self,
        name: str,
        *,
        inner: Address,
        outer: Address,
        user_agent: str = "baresip v1.0.0 (x86_64/linux)",
        writes: str | Writes | Mapping[str, Endpoint | str] = "inner",
        rtp_inner: Address | None = None,
        rtp_outer: Address | None = None,
        rport: bool = True,
        nat_lifetime_s: float | None = None,
        call_id_host: str | None = None,
        password: str = "secret",
    ) -> SipPhone:
        """A SIP phone; with ``outer`` equal to ``inner`` there is no NAT.

        ``writes``: ``inner`` (knows nothing of NAT), ``outer`` (STUN, or an ALG that rewrites
        everything), or a mapping of ``via``, ``contact``, ``media`` to what each says.
        ``rtp_inner``/``rtp_outer``: its media port inside (4000 unless said) and as the PBX sees
        it (the same port unless said).
        """
        inside, outside = endpoint(inner, 5060), endpoint(outer, 5060)
        media_in = endpoint(rtp_inner or Endpoint(inside.ip, 4000), 4000)
        media_out = endpoint(rtp_outer or Endpoint(outside.ip, media_in.port), media_in.port)
        return SipPhone(
            name=name,
            inner=inside,
            outer=outside,
            nat_lifetime_s=nat_lifetime_s,
            user_agent=user_agent,
            password=password,
            rtp_inner=media_in,
            rtp_outer=media_out,
            writes=choose_writes(
                writes,
                Writes(inside, inside, media_in, call_id_host),
                Writes(outside, outside, media_out, call_id_host),
            ),
            rport=rport,
        )

    def iax_peer(
        self,
        name: str,
        *,
        inner: Address,
        outer: Address,
        nat_lifetime_s: float | None = None,
        password: str = "secret",
    ) -> IaxPeer:
        """Another Asterisk that registers here."""
        return IaxPeer(
            name=name,
            inner=endpoint(inner, 4569),
            outer=endpoint(outer, 4569),
            nat_lifetime_s=nat_lifetime_s,
            password=password,
        )

    # ---- what happens ----------------------------------------------------------------------

    def at(self, second: float) -> None:
        """The next act begins ``second`` s after the capture's beginning; going back is fine."""
        self.now_s = second

    def register(
        self,
        peer: SipPhone | IaxPeer,
        *,
        expires: int = 60,
        granted: int | None = None,
        refresh: int | None = None,
        answered: bool = True,
        retransmissions: int = 10,
        challenge: bool = True,
        reply_to: Address | None = None,
        calltoken: bool = True,
        token_from: Address | None = None,
    ) -> None:
        """A registration or its refresh: the same Call-ID, CSeq rising, challenged anew.

        ``expires`` (or ``refresh``, IAX2's word) is asked, ``granted`` given (as asked unless
        said), both in seconds. ``answered=False``: repeated until given up. ``reply_to``: the
        replies go there instead, and the phone repeats what it sent. IAX2 alone: ``calltoken``,
        whether the PBX asks for one; ``token_from``: the token comes back from there, so that it
        isn't valid.
        """
        wanted = expires if refresh is None else refresh
        given = wanted if granted is None else granted
        if isinstance(peer, IaxPeer):
            self.now_s = self._iax.register(
                peer,
                self.now_s,
                refresh=wanted,
                granted=given,
                calltoken=calltoken,
                token_from=None if token_from is None else endpoint(token_from, 4569),
                answered=answered,
                challenge=challenge,
                refused=False,
                release=False,
            )
            return
        self.now_s = self._sip.register(
            peer,
            self.now_s,
            expires=wanted,
            granted=given,
            answered=answered,
            retransmissions=retransmissions,
            challenge=challenge,
            refused=None,
            attempts=1,
            reply_to=self._address(reply_to),
        )

    def keep_registered(
        self,
        peer: SipPhone | IaxPeer,
        *,
        until: float,
        every: float,
        expires: int = 60,
        granted: int | None = None,
    ) -> None:
        """Registers now and every ``every`` s, up to but not at ``until``."""
        while self.now_s < until:
            began = self.now_s
            self.register(peer, expires=expires, granted=granted)
            self.at(began + every)

    def reject(self, peer: SipPhone | IaxPeer, code: int = 403, *, attempts: int = 2) -> None:
        """A registration that is refused although the challenge was answered; a SIP phone tries
        ``attempts`` times. IAX2: REGREJ, whatever ``code`` is."""
        if isinstance(peer, IaxPeer):
            for _ in range(attempts):
                self.now_s = self._iax.register(
                    peer,
                    self.now_s,
                    refresh=60,
                    granted=60,
                    calltoken=True,
                    token_from=None,
                    answered=True,
                    challenge=True,
                    refused=True,
                    release=False,
                )
            return
        self.now_s = self._sip.register(
            peer,
            self.now_s,
            expires=60,
            granted=60,
            answered=True,
            retransmissions=10,
            challenge=True,
            refused=code,
            attempts=attempts,
            reply_to=None,
        )

    def unregister(self, peer: SipPhone | IaxPeer) -> None:
        """``Expires: 0``, or REGREL; accepted."""
        if isinstance(peer, IaxPeer):
            self.now_s = self._iax.register(
                peer,
                self.now_s,
                refresh=0,
                granted=0,
                calltoken=True,
                token_from=None,
                answered=True,
                challenge=True,
                refused=False,
                release=True,
            )
            return
        self.register(peer, expires=0, granted=0)

    def call(
        self,
        peer: SipPhone | IaxPeer,
        *,
        answered: bool | None = None,
        talk_s: float = 3.0,
        media: Media = "both",
        to: Address | None = None,
        caller: str = "200",
        ring_s: float = 2.0,
        retransmissions: int = 6,
        refused: int | None = None,
        cancelled: bool = False,
        ack_to: Address | None = None,
        ack_lost: bool = False,
        rtp_to: Address | None = None,
        encrypted: bool = False,
        calltoken: bool = True,
    ) -> str:
        """The PBX calls; gives the Call-ID (empty for IAX2).

        ``answered``: taken after ``ring_s``, or the request is repeated until given up (SIP:
        ``retransmissions`` times; 0, .5, 1.5, 3.5, 7.5, 15.5, 31.5 s); left out, it follows from
        the story. ``to``: where the request goes instead of the registered place. ``refused``:
        a final status such as 486; ``cancelled``: the caller gives up while it rings.
        ``ack_lost`` or ``ack_to`` elsewhere: the phone repeats its 200 until it hangs up.
        ``media`` says which streams there are, ``rtp_to`` where the PBX's goes instead.
        IAX2 alone: ``encrypted``, and ``calltoken``, whether the peer asks for one.
        """
        destination = self._address(to)
        if isinstance(peer, IaxPeer):
            self.now_s = self._iax.call(
                peer,
                self.now_s,
                answered=answered,
                talk_s=talk_s,
                media=media,
                to=destination,
                caller=caller,
                ring_s=ring_s,
                number="s",
                encrypted=encrypted,
                calltoken=calltoken,
            )
            return ""
        self.now_s, call_id = self._sip.call(
            peer,
            self.now_s,
            answered=answered,
            talk_s=talk_s,
            media=media,
            to=destination,
            caller=caller,
            ring_s=ring_s,
            retransmissions=retransmissions,
            refused=refused,
            cancelled=cancelled,
            ack_to=self._address(ack_to),
            ack_lost=ack_lost,
            rtp_to=self._address(rtp_to),
        )
        return call_id

    def call_from(
        self,
        peer: SipPhone | IaxPeer,
        *,
        number: str = "200",
        talk_s: float = 3.0,
        media: Media = "both",
        ack: bool = True,
        answered: bool = True,
        refused: int | None = None,
        challenge: bool = True,
        rtp_to: Address | None = None,
        reply_to: Address | None = None,
        calltoken: bool = True,
    ) -> str:
        """The phone calls ``number``; gives the Call-ID (empty for IAX2).

        ``ack=False``: no ACK arrives, and the PBX repeats its 200 for 32 s, then hangs up.
        ``answered=False``: the PBX says nothing, and the phone repeats its INVITE.
        """
        if isinstance(peer, IaxPeer):
            self.now_s = self._iax.call_from(
                peer,
                self.now_s,
                number=number,
                talk_s=talk_s,
                media=media,
                calltoken=calltoken,
                answered=answered,
            )
            return ""
        self.now_s, call_id = self._sip.call_from(
            peer,
            self.now_s,
            number=number,
            talk_s=talk_s,
            media=media,
            ack=ack,
            answered=answered,
            refused=refused,
            challenge=challenge,
            rtp_to=self._address(rtp_to),
            reply_to=self._address(reply_to),
        )
        return call_id

    def options(
        self,
        phone: SipPhone,
        *,
        answered: bool | None = None,
        to: Address | None = None,
        retransmissions: int | None = None,
    ) -> None:
        """A qualify request; unanswered it goes out at 0, .5, 1.5 and (chan_sip) 3.5 s."""
        self.now_s = self._sip.options(
            phone,
            self.now_s,
            answered=answered,
            to=self._address(to),
            retransmissions=retransmissions,
        )

    def poke(
        self, box: IaxPeer, *, answered: bool | None = None, to: Address | None = None
    ) -> None:
        """IAX2's qualify; unanswered it goes out at 0, .5, 5.5 and 15.5 s."""
        self.now_s = self._iax.poke(box, self.now_s, answered=answered, to=self._address(to))

    def keepalive(self, peer: SipPhone | IaxPeer, payload: bytes = b"\r\n\r\n") -> None:
        """An outbound packet that only holds the mapping open (RFC 5626 section 4.4.1)."""
        server = self.iax_server if isinstance(peer, IaxPeer) else self.server
        self.timeline.send(self.now_s, peer.outer, server, payload)
        peer.last_sent_s = self.now_s

    # ---- what changes ----------------------------------------------------------------------

    def rebind(self, peer: SipPhone | IaxPeer, outer: Address) -> None:
        """Its router gives it another mapping; the PBX learns of it at the next registration.

        A phone that wrote its outer address goes on writing the old one.
        """
        before = peer.outer
        peer.outer = endpoint(outer, before.port)
        if peer.location is None:
            peer.location = before
        if isinstance(peer, SipPhone):
            peer.rtp_outer = Endpoint(peer.outer.ip, peer.rtp_outer.port)

    def phone_off(self, peer: SipPhone | IaxPeer) -> None:
        """It no longer answers."""
        peer.on = False

    def phone_on(self, peer: SipPhone | IaxPeer) -> None:
        """It answers again."""
        peer.on = True

    # ---- by hand ---------------------------------------------------------------------------

    def send(self, src: Address, dst: Address, payload: bytes, *, rtp: bool = False) -> None:
        """Any packet, now."""
        kind = MediaKind.RTP if rtp else None
        self.timeline.send(
            self.now_s, endpoint(src, 5060), endpoint(dst, 5060), payload, media=kind
        )

    def unreachable(self, router: str, answering: Datagram) -> None:
        """``router`` answers a packet of the PBX with ICMP port unreachable, now."""
        src, dst = answering.src, answering.dst
        if src is None or dst is None:
            raise ValueError("a packet needs both its ends")
        (packet,) = ip_packets(src.ip, dst.ip, 17, udp_segment(src, dst, answering.payload))
        self.timeline.send(
            self.now_s,
            Endpoint(router, 0),
            Endpoint(src.ip, 0),
            packet[:548],
            transport=Transport.ICMP,
        )

    # ---- what comes of it ------------------------------------------------------------------

    def datagrams(self) -> list[Datagram]:
        """The signalling in order of time; ``origin.frame`` counts the media in between."""
        return self.timeline.datagrams()

    def packets(self) -> list[Datagram]:
        """Everything in order of time, media too."""
        return self.timeline.packets()

    def media(self) -> MediaTable:
        """The media as a reader counts it."""
        return self.timeline.media()

    def write(self, path: str | Path) -> Path:
        """Writes the pcap of it all, and gives its path."""
        self.timeline.write(path)
        return Path(path)

    @staticmethod
    def _address(written: Address | None) -> Endpoint | None:
        return None if written is None else endpoint(written, 5060)
