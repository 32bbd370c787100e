"""What a PBX and a SIP phone say to each other, put down on a timeline as the PBX sees it.

Contract: every method takes the second at which it begins and gives back the second at which it
ends. Headers, timers and destinations are those of chan_sip (Asterisk 1.8 to 20) or chan_pjsip
(for 21 and later): channels/chan_sip.c, res/res_pjsip_nat.c, RFC 3261 section 17.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email.utils import formatdate

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import NS
from sipdiag.crafting import sip
from sipdiag.crafting.peers import Media, SipPhone
from sipdiag.crafting.rtp import build_rtp
from sipdiag.crafting.timeline import Timeline
from sipdiag.protocols.media import MediaKind

GIVE_UP_S = 32.0
"""64*T1 with T1 = 500 ms: when a SIP sender stops repeating."""

SERVER_S = 0.001
"""How long the PBX thinks."""

RTP_S = 0.02
"""One packet in 20 ms: 160 samples of G.711."""

_ALLOW = "INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, SUBSCRIBE, NOTIFY, INFO, PUBLISH, MESSAGE"
_PHONE_ALLOW = "INVITE,ACK,BYE,CANCEL,OPTIONS,NOTIFY,INFO,MESSAGE,UPDATE,REFER"
_REASONS = {
    100: "Trying",
    180: "Ringing",
    200: "OK",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    480: "Temporarily Unavailable",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    503: "Service Unavailable",
    603: "Decline",
}

Pairs = list[tuple[str, str]]


def repeats(count: int, t1_s: float = 0.5, cap_s: float | None = None) -> list[float]:
    """The first sending and ``count`` repetitions, in seconds: T1, doubling, no step longer than
    ``cap_s`` (4 s for all but INVITE requests; RFC 3261 sections 17.1.1.2, 17.1.2.2)."""
    at, step, moments = 0.0, t1_s, [0.0]
    for _ in range(count):
        at += step
        moments.append(at)
        step = step * 2 if cap_s is None else min(step * 2, cap_s)
    return moments


@dataclass(slots=True)
class _Dialog:
    """A call as the PBX knows it. ``cseq`` is the PBX's."""

    call_id: str
    local: str
    remote: str
    target: str
    destination: Endpoint
    rtp: Endpoint
    cseq: int = 102


@dataclass(slots=True)
class SipDialogues:
    """The PBX's side and the phones' side of every SIP exchange.

    ``writes``: the address and port that the PBX puts in its Via, Contact and SDP (its own,
    unless it stands behind NAT itself). ``force_rport``, ``comedia``, ``rewrite_contact``: the
    settings of these names (``rewrite_contact`` for chan_pjsip alone).
    """

    timeline: Timeline
    server: Endpoint
    writes: Endpoint
    software: str
    driver: str
    force_rport: bool
    comedia: bool
    rewrite_contact: bool
    rtt_s: float
    realm: str
    rtp_port: int = 10_000

    # ---- the PBX's words -------------------------------------------------------------------

    def _tag(self) -> str:
        return f"as{self.timeline.draw(8)}" if self.driver == "chan_sip" else self._uuid()

    def _uuid(self) -> str:
        drawn = self.timeline.draw(32)
        return "-".join((drawn[:8], drawn[8:12], drawn[12:16], drawn[16:20], drawn[20:]))

    def _call_id(self) -> str:
        if self.driver == "chan_sip":
            return f"{self.timeline.draw(32)}@{self.writes}"
        return self._uuid()

    def _via(self) -> str:
        if self.driver == "chan_sip":
            return f"SIP/2.0/UDP {self.writes};branch=z9hG4bK{self.timeline.draw(8)};rport"
        return f"SIP/2.0/UDP {self.writes};rport;branch=z9hG4bKPj{self._uuid()}"

    def _date(self, at_s: float) -> str:
        return formatdate(self.timeline.start_ns // NS + int(at_s), usegmt=True)

    def _own_uri(self, user: str) -> str:
        return f"<sip:{user}@{sip.host(self.writes.ip)}>"

    def _contact(self, user: str) -> str:
        return f"<sip:{user}@{self.writes}>"

    def _request(
        self,
        method: str,
        uri: str,
        dialog: _Dialog,
        *,
        via: str = "",
        cseq: int | None = None,
        user: str | None = None,
        extra: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> bytes:
        """A request of the PBX; with ``user`` it carries a Contact."""
        number = dialog.cseq if cseq is None else cseq
        headers: Pairs = [("Via", via or self._via())]
        agent = ("User-Agent", self.software)
        ends = [("From", dialog.local), ("To", dialog.remote)]
        contact = [("Contact", self._contact(user))] if user else []
        if self.driver != "chan_sip" and method == "ACK":
            contact = []
        count = [("Call-ID", dialog.call_id), ("CSeq", f"{number} {method}")]
        if self.driver == "chan_sip":
            headers += [("Max-Forwards", "70"), *ends, *contact, *count, agent, *extra]
        else:
            headers += [*ends, *contact, *count, *extra, ("Max-Forwards", "70"), agent]
        if body:
            headers.append(("Content-Type", "application/sdp"))
        return sip.build(f"{method} {uri} SIP/2.0", headers, body)

    def _reply_via(self, phone: SipPhone, branch: str) -> str:
        """The phone's Via as the PBX gives it back: ``received`` always (chan_sip), ``rport``
        where asked for or forced."""
        seen = phone.outer
        told = self.force_rport or phone.rport
        start = f"SIP/2.0/UDP {phone.writes.via}"
        if self.driver == "chan_sip":
            rport = f";rport={seen.port}" if told else ""
            return f"{start};branch={branch};received={seen.ip}{rport}"
        rport = f";rport={seen.port}" if told else ""
        return f"{start}{rport};received={seen.ip};branch={branch}"

    def _reply(
        self,
        phone: SipPhone,
        status: int,
        branch: str,
        ends: tuple[str, str],
        count: tuple[str, str],
        *,
        extra: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> bytes:
        """A response of the PBX to ``count`` (Call-ID, CSeq) between ``ends`` (From, To)."""
        via = ("Via", self._reply_via(phone, branch))
        from_to = [("From", ends[0]), ("To", ends[1])]
        call = [("Call-ID", count[0]), ("CSeq", count[1])]
        if self.driver == "chan_sip":
            headers: Pairs = [via, *from_to, *call, ("Server", self.software)]
            headers += [("Allow", _ALLOW), ("Supported", "replaces, timer"), *extra]
        else:
            headers = [via, call[0], *from_to, call[1], *extra, ("Server", self.software)]
        if body:
            headers.append(("Content-Type", "application/sdp"))
        return sip.build(f"SIP/2.0 {status} {_REASONS.get(status, 'Unknown')}", headers, body)

    def reply_target(self, phone: SipPhone) -> Endpoint:
        """Where the PBX's responses go: the packet's source with ``rport`` asked or forced, else
        its address with the Via's port (chan_sip 1.8+, RFC 3261 section 18.2.2)."""
        if self.force_rport or phone.rport:
            return phone.outer
        return Endpoint(phone.outer.ip, phone.writes.via.port)

    # ---- the phone's words -----------------------------------------------------------------

    def _phone_contact(self, phone: SipPhone) -> str:
        return f"sip:{phone.name}@{phone.writes.contact}"

    def _phone_request(
        self,
        phone: SipPhone,
        method: str,
        uri: str,
        ends: tuple[str, str],
        count: tuple[str, str],
        *,
        branch: str = "",
        contact: str | None = None,
        extra: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> tuple[str, bytes]:
        """A request of the phone, and its branch."""
        branch = branch or f"z9hG4bK{self.timeline.draw(16)}"
        asked = ";rport" if phone.rport else ""
        headers: Pairs = [("Via", f"SIP/2.0/UDP {phone.writes.via};branch={branch}{asked}")]
        if contact is not None:
            headers.append(("Contact", contact))
        headers += [("Max-Forwards", "70"), ("To", ends[1]), ("From", ends[0])]
        headers += [("Call-ID", count[0]), ("CSeq", count[1]), ("User-Agent", phone.user_agent)]
        headers += [*extra]
        if body:
            headers.append(("Content-Type", "application/sdp"))
        return branch, sip.build(f"{method} {uri} SIP/2.0", headers, body)

    def _phone_reply(
        self,
        phone: SipPhone,
        status: int,
        via: str,
        dialog: _Dialog,
        method: str,
        *,
        contact: bool = False,
        body: bytes = b"",
        extra: Iterable[tuple[str, str]] = (),
    ) -> bytes:
        filled = f";rport={self.server.port}"
        head, _, tail = via.partition(";rport")
        seen = f"{head}{filled};received={self.server.ip}{tail}"
        headers: Pairs = [("Via", seen), ("From", dialog.local), ("To", dialog.remote)]
        headers += [("Call-ID", dialog.call_id), ("CSeq", f"{dialog.cseq} {method}")]
        if contact:
            headers.append(("Contact", f"<{self._phone_contact(phone)}>"))
        headers += [("Server", phone.user_agent), *extra]
        if body:
            headers.append(("Content-Type", "application/sdp"))
        return sip.build(f"SIP/2.0 {status} {_REASONS.get(status, 'Unknown')}", headers, body)

    def _phone_call_id(self, phone: SipPhone) -> str:
        host = phone.writes.call_id_host
        return self.timeline.draw(16) + (f"@{host}" if host else "")

    def _hear(self, phone: SipPhone, at_s: float, payload: bytes) -> None:
        """A packet of the phone arrives at the PBX, and opens or refreshes its mapping."""
        self.timeline.send(at_s, phone.outer, self.server, payload)
        phone.last_sent_s = at_s

    def _say(self, at_s: float, dst: Endpoint, payload: bytes) -> None:
        self.timeline.send(at_s, self.server, dst, payload)

    # ---- registration ----------------------------------------------------------------------

    def register(
        self,
        phone: SipPhone,
        at_s: float,
        *,
        expires: int,
        granted: int,
        answered: bool,
        retransmissions: int,
        challenge: bool,
        refused: int | None,
        attempts: int,
        reply_to: Endpoint | None,
    ) -> float:
        """REGISTER, 401, REGISTER with Authorization, 200; or as far as it gets."""
        uri = f"sip:{sip.host(self.writes.ip)}"
        aor = f"<sip:{phone.name}@{sip.host(self.writes.ip)}>"
        if phone.register_call_id is None:
            phone.register_call_id = self._phone_call_id(phone)
            phone.register_tag = self.timeline.draw(16)
        contact = f"<{self._phone_contact(phone)}>"
        target = reply_to or self.reply_target(phone)
        heard = answered and phone.on and target == phone.outer
        steps = [401] * challenge + ([refused] * attempts if refused else [200])
        authorization: Pairs = []
        for status in steps:
            phone.cseq += 1
            ends = (f"{aor};tag={phone.register_tag}", aor)
            count = (phone.register_call_id, f"{phone.cseq} REGISTER")
            asked = [("Expires", str(expires)), ("Allow", _PHONE_ALLOW), *authorization]
            branch, request = self._phone_request(
                phone,
                "REGISTER",
                uri,
                ends,
                count,
                contact=f"{contact};expires={expires}",
                extra=asked,
            )
            nonce = self.timeline.draw(8)
            extra: Pairs = []
            if status == 401:
                value = f'Digest algorithm=MD5, realm="{self.realm}", nonce="{nonce}"'
                extra = [("WWW-Authenticate", value)]
            elif status == 200:
                extra = [("Expires", str(granted))] if self.driver == "chan_sip" else []
                if granted:
                    extra.append(("Contact", f"{contact};expires={granted}"))
                extra.append(("Date", self._date(at_s)))
            reply = self._reply(
                phone, status, branch, (ends[0], f"{aor};tag={self._tag()}"), count, extra=extra
            )
            moments = [0.0] if heard else repeats(retransmissions, cap_s=4.0)
            for moment in moments:
                self._hear(phone, at_s + moment, request)
                if answered:
                    self._say(at_s + moment + SERVER_S, target, reply)
            if not heard:
                return at_s + GIVE_UP_S
            if status == 401:
                answer = sip.digest(phone.name, phone.password, self.realm, nonce, "REGISTER", uri)
                authorization = [answer]
            at_s += SERVER_S + self.rtt_s
        if refused is None:
            self._register_contact(phone, granted)
        return at_s

    def _register_contact(self, phone: SipPhone, granted: int) -> None:
        if not granted:
            phone.location = phone.contact_uri = None
            return
        phone.contact_uri = self._phone_contact(phone)
        phone.location = phone.writes.contact
        if self.driver == "chan_sip":
            if self.force_rport or phone.rport:
                phone.location = phone.outer
        elif self.rewrite_contact:
            phone.location = phone.outer
            phone.contact_uri = f"sip:{phone.name}@{phone.outer}"

    # ---- requests out of dialog ------------------------------------------------------------

    def _toward(self, phone: SipPhone, user: str, to: Endpoint | None) -> tuple[str, _Dialog]:
        uri = phone.contact_uri or self._phone_contact(phone)
        name = f'"{user}" ' if self.driver == "chan_sip" else ""
        dialog = _Dialog(
            call_id=self._call_id(),
            local=f"{name}{self._own_uri(user)};tag={self._tag()}",
            remote=f"<{uri}>",
            target=uri,
            destination=to or phone.target,
            rtp=self._next_rtp(),
        )
        return uri, dialog

    def _next_rtp(self) -> Endpoint:
        self.rtp_port += 2
        return Endpoint(self.writes.ip, self.rtp_port)

    def options(
        self,
        phone: SipPhone,
        at_s: float,
        *,
        answered: bool | None,
        to: Endpoint | None,
        retransmissions: int | None,
    ) -> float:
        """The qualify request: given up after 4 s (chan_sip) or 3 s (pjsip)."""
        uri, dialog = self._toward(phone, "asterisk", to)
        via = self._via()
        extra = [("Date", self._date(at_s)), ("Allow", _ALLOW), ("Supported", "replaces, timer")]
        request = self._request("OPTIONS", uri, dialog, via=via, user="asterisk", extra=extra)
        reached = phone.reached_by(dialog.destination, at_s) if answered is None else answered
        if not reached:
            count = retransmissions
            if count is None:
                count = 3 if self.driver == "chan_sip" else 2
            for moment in repeats(count, cap_s=4.0):
                self._say(at_s + moment, dialog.destination, request)
            return at_s + (4.0 if self.driver == "chan_sip" else 3.0)
        self._say(at_s, dialog.destination, request)
        dialog.remote += f";tag={self.timeline.draw(16)}"
        accept = [("Allow", _PHONE_ALLOW), ("Accept", "application/sdp")]
        reply = self._phone_reply(phone, 200, via, dialog, "OPTIONS", contact=True, extra=accept)
        self._hear(phone, at_s + self.rtt_s, reply)
        return at_s + self.rtt_s

    # ---- calls -----------------------------------------------------------------------------

    def call(
        self,
        phone: SipPhone,
        at_s: float,
        *,
        answered: bool | None,
        talk_s: float,
        media: Media,
        to: Endpoint | None,
        caller: str,
        ring_s: float,
        retransmissions: int,
        refused: int | None,
        cancelled: bool,
        ack_to: Endpoint | None,
        ack_lost: bool,
        rtp_to: Endpoint | None,
    ) -> tuple[float, str]:
        """The PBX calls the phone. Gives the end and the Call-ID."""
        uri, dialog = self._toward(phone, caller, to)
        via = self._via()
        extra = [("Date", self._date(at_s)), ("Allow", _ALLOW), ("Supported", "replaces, timer")]
        invite = self._request(
            "INVITE", uri, dialog, via=via, user=caller, extra=extra, body=self._offer(dialog)
        )
        reached = phone.reached_by(dialog.destination, at_s) if answered is None else answered
        if not reached and refused is None and not cancelled:
            for moment in repeats(retransmissions):
                self._say(at_s + moment, dialog.destination, invite)
            return at_s + GIVE_UP_S, dialog.call_id
        self._say(at_s, dialog.destination, invite)
        at_s += self.rtt_s
        self._hear(phone, at_s, self._phone_reply(phone, 100, via, dialog, "INVITE"))
        dialog.remote += f";tag={self.timeline.draw(16)}"
        ringing = self._phone_reply(phone, 180, via, dialog, "INVITE", contact=True)
        self._hear(phone, at_s + 0.03, ringing)
        at_s += ring_s
        if cancelled:
            return self._cancel(phone, uri, dialog, via, at_s), dialog.call_id
        if refused is not None:
            no = self._phone_reply(phone, refused, via, dialog, "INVITE")
            self._hear(phone, at_s, no)
            ack = self._request("ACK", uri, dialog, via=via)
            self._say(at_s + SERVER_S, dialog.destination, ack)
            return at_s + SERVER_S, dialog.call_id
        answer = self._phone_reply(
            phone, 200, via, dialog, "INVITE", contact=True, body=self._phone_sdp(phone)
        )
        target = self._phone_contact(phone)
        ack = self._request("ACK", target, dialog, user=caller)
        lost = ack_lost or (ack_to is not None and ack_to != phone.outer)
        moments = repeats(10, cap_s=4.0) if lost else [0.0]
        for moment in moments:
            self._hear(phone, at_s + moment, answer)
            self._say(at_s + moment + SERVER_S, ack_to or dialog.destination, ack)
        length = min(talk_s, GIVE_UP_S) if lost else talk_s
        self._talk(phone, dialog.rtp, at_s + SERVER_S, length, media, rtp_to)
        if lost:
            at_s += GIVE_UP_S
            return self._phone_bye(phone, dialog, at_s), dialog.call_id
        return self._bye(phone, dialog, at_s + talk_s + 2 * SERVER_S), dialog.call_id

    def call_from(
        self,
        phone: SipPhone,
        at_s: float,
        *,
        number: str,
        talk_s: float,
        media: Media,
        ack: bool,
        answered: bool,
        refused: int | None,
        challenge: bool,
        rtp_to: Endpoint | None,
        reply_to: Endpoint | None,
    ) -> tuple[float, str]:
        """The phone calls ``number``. Gives the end and the Call-ID."""
        uri = f"sip:{number}@{sip.host(self.writes.ip)}"
        call_id = self._phone_call_id(phone)
        from_ = f"<sip:{phone.name}@{sip.host(self.writes.ip)}>;tag={self.timeline.draw(16)}"
        to = f"<{uri}>"
        tagged = f"{to};tag={self._tag()}"
        target = reply_to or self.reply_target(phone)
        contact = f"<{self._phone_contact(phone)}>"
        sequence = 1
        extra: Pairs = [("Allow", _PHONE_ALLOW)]
        if challenge and answered:
            count = (call_id, f"{sequence} INVITE")
            branch, invite = self._phone_request(
                phone, "INVITE", uri, (from_, to), count,
                contact=contact, extra=extra, body=self._phone_sdp(phone),
            )  # fmt: skip
            nonce = self.timeline.draw(8)
            value = f'Digest algorithm=MD5, realm="{self.realm}", nonce="{nonce}"'
            challenged = [("WWW-Authenticate", value)]
            wants = self._reply(phone, 401, branch, (from_, tagged), count, extra=challenged)
            self._hear(phone, at_s, invite)
            self._say(at_s + SERVER_S, target, wants)
            at_s += SERVER_S + self.rtt_s
            _, done = self._phone_request(
                phone, "ACK", uri, (from_, tagged), (call_id, f"{sequence} ACK"), branch=branch
            )
            self._hear(phone, at_s, done)
            sequence += 1
            extra.append(sip.digest(phone.name, phone.password, self.realm, nonce, "INVITE", uri))
        count = (call_id, f"{sequence} INVITE")
        branch, invite = self._phone_request(
            phone, "INVITE", uri, (from_, to), count,
            contact=contact, extra=extra, body=self._phone_sdp(phone),
        )  # fmt: skip
        if not answered:
            for moment in repeats(6):
                self._hear(phone, at_s + moment, invite)
            return at_s + GIVE_UP_S, call_id
        self._hear(phone, at_s, invite)
        own = [("Contact", self._contact(number))]
        trying = self._reply(phone, 100, branch, (from_, to), count, extra=own)
        self._say(at_s + SERVER_S, target, trying)
        at_s += 0.05
        dialog = _Dialog(
            call_id=call_id,
            local=tagged,
            remote=from_,
            target=self._phone_contact(phone),
            destination=target,
            rtp=self._next_rtp(),
        )
        if refused is not None:
            no = self._reply(phone, refused, branch, (from_, tagged), count)
            self._say(at_s, target, no)
            _, done = self._phone_request(
                phone, "ACK", uri, (from_, tagged), (call_id, f"{sequence} ACK"), branch=branch
            )
            self._hear(phone, at_s + self.rtt_s, done)
            return at_s + self.rtt_s, call_id
        ok = self._reply(
            phone, 200, branch, (from_, tagged), count, extra=own, body=self._offer(dialog)
        )
        for moment in [0.0] if ack else repeats(10, cap_s=4.0):
            self._say(at_s + moment, target, ok)
        length = talk_s if ack else min(talk_s, GIVE_UP_S)
        self._talk(phone, dialog.rtp, at_s + self.rtt_s, length, media, rtp_to)
        if not ack:
            return self._bye(phone, dialog, at_s + GIVE_UP_S), call_id
        request_uri = f"sip:{number}@{self.writes}"
        _, done = self._phone_request(
            phone, "ACK", request_uri, (from_, tagged), (call_id, f"{sequence} ACK")
        )
        self._hear(phone, at_s + self.rtt_s, done)
        at_s += self.rtt_s + talk_s
        goodbye = (call_id, f"{sequence + 1} BYE")
        branch, bye = self._phone_request(phone, "BYE", request_uri, (from_, tagged), goodbye)
        self._hear(phone, at_s, bye)
        self._say(
            at_s + SERVER_S, target, self._reply(phone, 200, branch, (from_, tagged), goodbye)
        )
        return at_s + SERVER_S, call_id

    def _offer(self, dialog: _Dialog) -> bytes:
        return sip.sdp(dialog.rtp, session=self.software, user="root", identifier=1_000_000)

    def _phone_sdp(self, phone: SipPhone) -> bytes:
        return sip.sdp(phone.writes.media, identifier=2_000_000)

    def _cancel(self, phone: SipPhone, uri: str, dialog: _Dialog, via: str, at_s: float) -> float:
        untagged = dialog.remote.partition(";tag=")[0]
        tagged, dialog.remote = dialog.remote, untagged
        cancel = self._request("CANCEL", uri, dialog, via=via)
        dialog.remote = tagged
        self._say(at_s, dialog.destination, cancel)
        at_s += self.rtt_s
        self._hear(phone, at_s, self._phone_reply(phone, 200, via, dialog, "CANCEL"))
        self._hear(phone, at_s + 0.001, self._phone_reply(phone, 487, via, dialog, "INVITE"))
        ack = self._request("ACK", uri, dialog, via=via)
        self._say(at_s + 0.001 + SERVER_S, dialog.destination, ack)
        return at_s + 0.001 + SERVER_S

    def _bye(self, phone: SipPhone, dialog: _Dialog, at_s: float) -> float:
        """The PBX hangs up."""
        dialog.cseq += 1
        via = self._via()
        cause = [
            ("X-Asterisk-HangupCause", "Normal Clearing"),
            ("X-Asterisk-HangupCauseCode", "16"),
        ]
        if self.driver != "chan_sip":
            cause = [("Reason", "Q.850;cause=16")]
        bye = self._request("BYE", dialog.target, dialog, via=via, extra=cause)
        if not phone.reached_by(dialog.destination, at_s):
            for moment in repeats(10, cap_s=4.0):
                self._say(at_s + moment, dialog.destination, bye)
            return at_s + GIVE_UP_S
        self._say(at_s, dialog.destination, bye)
        reply = self._phone_reply(phone, 200, via, dialog, "BYE")
        self._hear(phone, at_s + self.rtt_s, reply)
        return at_s + self.rtt_s

    def _phone_bye(self, phone: SipPhone, dialog: _Dialog, at_s: float) -> float:
        """The phone hangs up a call that the PBX placed."""
        ends = (dialog.remote, dialog.local)
        count = (dialog.call_id, "1 BYE")
        branch, bye = self._phone_request(phone, "BYE", f"sip:{self.writes}", ends, count)
        self._hear(phone, at_s, bye)
        reply = self._reply(phone, 200, branch, ends, count)
        self._say(at_s + SERVER_S, self.reply_target(phone), reply)
        return at_s + SERVER_S

    # ---- media -----------------------------------------------------------------------------

    def _talk(
        self,
        phone: SipPhone,
        rtp: Endpoint,
        at_s: float,
        length_s: float,
        media: Media,
        rtp_to: Endpoint | None,
    ) -> None:
        """RTP in one direction or both. The PBX sends to the SDP's address; with comedia to the
        source of the phone's, once there is one."""
        here = Endpoint(self.server.ip, rtp.port)
        learnt = self.comedia and media == "both"
        there = rtp_to or (phone.rtp_outer if learnt else phone.writes.media)
        count = round(length_s / RTP_S)
        if media in ("both", "to_pbx"):
            self._stream(at_s, count, phone.rtp_outer, here)
        if media in ("both", "to_phone"):
            self._stream(at_s + self.rtt_s, count, here, there)

    def _stream(self, at_s: float, count: int, src: Endpoint, dst: Endpoint) -> None:
        ssrc = int(self.timeline.draw(8), 16)
        sequence = int(self.timeline.draw(4), 16)
        stamp = int(self.timeline.draw(8), 16)
        for index in range(count):
            packet = build_rtp(sequence + index, stamp + 160 * index, ssrc, marker=index == 0)
            self.timeline.send(at_s + index * RTP_S, src, dst, packet, media=MediaKind.RTP)


def driver_of(software: str) -> str:
    """``chan_sip`` or ``chan_pjsip``, by the version in a Server header: the former is gone from
    Asterisk 21.0.0 on. ``FPBX-15.0.17(16.13.0)`` counts by the number in brackets."""
    words: Sequence[str] = software.replace("(", " ").replace(")", " ").split()
    major = next((w.split(".")[0] for w in reversed(words) if w[:1].isdigit()), "0")
    return "chan_pjsip" if major.isdigit() and int(major) >= 21 else "chan_sip"
