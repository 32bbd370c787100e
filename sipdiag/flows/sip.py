"""SIP messages to transactions, registrations and calls (RFC 3261 sections 10, 13 and 17)."""

from __future__ import annotations

from hashlib import blake2b
from operator import attrgetter
from sys import intern

from sipdiag.asterisk.identify import driver_of
from sipdiag.base.datagram import Datagram, Transport
from sipdiag.base.endpoint import Endpoint, behind_nat, parse_ip
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.flows.call import Call, End, MediaOffer
from sipdiag.flows.opened import Key, OpenDialogs, OpenTransactions
from sipdiag.flows.peers import PeerBook
from sipdiag.flows.same import Same
from sipdiag.flows.subjects import NOTED_COUNT, Packet
from sipdiag.flows.transaction import (
    HELD_PER_TRANSACTION,
    Sent,
    Transaction,
    Written,
    answer_of,
)
from sipdiag.protocols.sip import Message, NameAddr

_LONGEST_KEPT = 256
"""Characters of a Call-ID, branch, user or name that are kept: a hash stands for the rest."""

_LONG_BYTES = 2048
"""Of start line and headers; in shorter ones no single value is worth shortening."""

_DRIVER_MESSAGES = 16
"""Asterisk's own tags and branches show its driver in nearly every message; a sender that shows
none in so many is no Asterisk."""


class SipFlows:
    """Takes every SIP message of a source. ``software`` maps a sender's IP to what it calls
    itself, ``drivers`` to the Asterisk driver that its tags betray."""

    def __init__(
        self,
        book: PeerBook,
        opened: OpenTransactions,
        limits: Limits,
        hits: LimitHits,
        *,
        exact: bool,
    ) -> None:
        self._book, self._open, self._limits, self._hits = book, opened, limits, hits
        self._exact = exact
        self._by_call_id = OpenDialogs[str, Call](limits, hits, attrgetter("ended_ns"))
        self.calls: list[Call] = []
        self.length_errors: list[Packet] = []
        self.software: dict[str, str] = {}
        self.drivers: dict[str, str] = {}
        self._asked_drivers: dict[str, int] = {}
        self._same = Same()

    def feed(self, datagram: Datagram, message: Message, sent: Sent) -> None:
        """Takes one message, with the transmission that it is."""
        self._note_software(message, sent.src.ip)
        if message.content_length != len(message.raw) - message.body_offset:
            self._note_length(datagram, message, sent)
        if message.is_request:
            self._request(datagram, message, sent)
        else:
            self._response(message, sent)

    def _note_software(self, message: Message, ip: str) -> None:
        """The sender's software, and its driver, which is looked for in the first messages only."""
        software = message.software
        if not software:
            return
        software = _short(software)
        asked = self._asked_drivers.get(ip, 0)
        if self.software.get(ip) != software:
            if ip not in self.software and len(self.software) >= 65_536:
                return
            self.software[ip] = software
            asked = 0
        if asked < _DRIVER_MESSAGES:
            self._asked_drivers[ip] = asked + 1
            driver = driver_of(message)
            if driver is not None:
                self.drivers[ip] = driver

    def _note_length(self, datagram: Datagram, message: Message, sent: Sent) -> None:
        """A Content-Length that isn't the body's, where the source shows every byte: over UDP, as
        TCP is framed by it (RFC 3261 section 18.3)."""
        length = message.content_length
        have = len(message.raw) - message.body_offset
        if length is None or not self._exact or datagram.cut:
            return
        if datagram.transport is Transport.UDP and len(self.length_errors) < NOTED_COUNT:
            what = f"{message.summary}: Content-Length is {length}, the body has {have} bytes"
            self.length_errors.append(
                Packet(sent.ts_ns, sent.src, sent.dst, what, "SIP", message.call_id, sent.origin)
            )

    def _request(self, datagram: Datagram, message: Message, sent: Sent) -> None:
        call = self._by_call_id.get(_short(message.call_id), sent.ts_ns)
        if call is not None:
            self._note_sdp(call, message, sent)
        if message.method == "ACK":
            if call is not None and call.answered_ns is not None and len(call.acks) < 8:
                call.acks.append(sent)
            return
        key = _key(message)
        transaction = self._open.get(key)
        if transaction is not None:
            if len(transaction.sent) < HELD_PER_TRANSACTION:
                transaction.sent += (sent,)
            return
        transaction = _transaction(datagram, message, sent, self._same)
        self._open.add(key, transaction)
        if message.method == "REGISTER":
            self._book.register(transaction, transaction.user or "", message)
            return
        held = self._book.request(transaction)
        if message.method == "INVITE" and call is None:
            call = self._open_call(message, transaction)
            call.session_s = _session(message)
            self._note_sdp(call, message, sent)
        elif call is not None:
            if held:
                call.transactions.append(transaction)
            if message.method in ("INVITE", "UPDATE"):
                call.session_s = _session(message) or call.session_s
        if call is not None and call.ended_ns is None:
            if message.method == "BYE":
                self._end_call(call, sent.ts_ns, End.HUNG_UP)
            elif message.method == "CANCEL":
                self._end_call(call, sent.ts_ns, End.CANCELLED)

    def _end_call(self, call: Call, ts_ns: int, end: End) -> None:
        call.ended_ns, call.end = ts_ns, end
        self._by_call_id.end(call.call_id, call, ts_ns)

    def _open_call(self, message: Message, transaction: Transaction) -> Call:
        call = Call("SIP", transaction.call_id, transaction, transactions=[transaction])
        self._by_call_id.add(transaction.call_id, call)
        if len(self.calls) < self._limits.requests_held:
            self.calls.append(call)
        return call

    def _response(self, message: Message, sent: Sent) -> None:
        transaction = self._open.get(_key(message))
        if transaction is None:
            return
        if len(transaction.answers) < HELD_PER_TRANSACTION:
            label = _short(message.summary)
            transaction.answers += (answer_of(sent, message.status or 0, label),)
        via = message.via
        if via is not None and (via.received or via.rport):
            transaction.seen_as = self._same(
                Endpoint(via.received or via.host, via.rport or via.effective_port)
            )
        if transaction.method == "REGISTER":
            _read_grant(transaction, message)
            return
        call = self._by_call_id.get(transaction.call_id, sent.ts_ns)
        if call is None or transaction.method != "INVITE":
            return
        self._note_sdp(call, message, sent)
        status = message.status or 0
        if 180 <= status < 200 and call.ringing_ns is None:
            call.ringing_ns = sent.ts_ns
        elif 200 <= status < 300 and call.answered_ns is None:
            call.answered_ns = sent.ts_ns
            call.session_s = _session(message) or call.session_s
            contact = message.contacts[0].uri if message.contacts else None
            if contact is not None:
                call.answered_contact = str(Endpoint(contact.host, contact.effective_port))
            if call.end is End.REFUSED:
                call.end, call.ended_ns = End.OPEN, None
        elif status >= 300 and status not in (401, 407) and call.ended_ns is None:
            self._end_call(call, sent.ts_ns, End.REFUSED)

    def _note_sdp(self, call: Call, message: Message, sent: Sent) -> None:
        session = message.sdp
        audio = session.audio if session else None
        if audio is not None and len(call.offers) < HELD_PER_TRANSACTION:
            call.offers.append(
                MediaOffer(
                    sent.ts_ns, sent.src, self._same(audio.endpoint), self._same(audio.direction),
                    audio.on_hold, sent.source, sent.frame, sent.line, bool(audio.candidates),
                    session.information if session else None,
                )
            )  # fmt: skip


def _key(message: Message) -> Key:
    """RFC 3261 section 17.2.3: branch and method; Call-ID and CSeq serve RFC 2543 clients. The
    sent-by is left out, as an ALG may rewrite it on one of the two ways."""
    via, cseq = message.via, message.cseq
    method = cseq.method if cseq else message.method
    branch = _short(via.branch) if via and via.branch else None
    return ("SIP", branch, _short(message.call_id), cseq.number if cseq else 0, method)


def _short(text: str) -> str:
    """A text that is kept: as it is, unless it is so long that only an attack makes it so."""
    if len(text) <= _LONGEST_KEPT:
        return text
    digest = blake2b(text.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
    return f"{text[: _LONGEST_KEPT // 2]}...{digest}"


def _transaction(datagram: Datagram, message: Message, sent: Sent, same: Same) -> Transaction:
    uri = message.request_uri
    to_user = message.to.uri.user if message.to and message.to.uri else None
    registering = message.method == "REGISTER"
    target = None
    if uri is not None and parse_ip(uri.host) is not None:
        target = same(Endpoint(uri.host, uri.effective_port))
    user = to_user if registering else (uri.user if uri else None) or to_user
    call_id = _short(message.call_id)
    return Transaction(
        protocol="SIP",
        method=message.method,
        call_id=same(call_id) if registering else call_id,
        cseq=message.cseq.number if message.cseq else 0,
        transport=datagram.transport,
        sent=(sent,),
        user=intern(_short(user)) if user else user,
        target=target,
        written=same(_written(message)),
        authorised=message.get("authorization") is not None
        or message.get("proxy-authorization") is not None,
        asked_s=_asked(message) if registering else None,
        in_dialog=bool(message.to and message.to.tag),
    )


def _written(message: Message) -> Written:
    via = message.via
    contact = message.contacts[0].uri if message.contacts else None
    _, at, host = message.call_id.rpartition("@")
    written = Written(
        via_host=via.host if via else None,
        via_port=via.effective_port if via else None,
        via_rport=bool(via and "rport" in via.params),
        via_count=len(message.vias),
        contact_user=contact.user if contact else None,
        contact_host=contact.host if contact else None,
        contact_port=contact.effective_port if contact else None,
        call_id_host=host if at and behind_nat(host) else None,
        user_agent=message.software,
        instance=message.contacts[0].params.get("+sip.instance") if message.contacts else None,
    )
    if message.body_offset <= _LONG_BYTES:
        return written
    return written._replace(
        via_host=_short(written.via_host or "") or None,
        contact_user=_short(written.contact_user or "") or None,
        contact_host=_short(written.contact_host or "") or None,
        user_agent=_short(written.user_agent or "") or None,
        instance=_short(written.instance or "") or None,
    )


def _session(message: Message) -> int | None:
    value = (message.get("session-expires") or "").partition(";")[0].strip()
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 6 else None


def _asked(message: Message) -> int | None:
    if not message.contacts:
        return None
    return message.contact_expires(message.contacts[0])


def _read_grant(transaction: Transaction, message: Message) -> None:
    """The seconds granted by a 2xx: those of our own Contact, else the Expires header's."""
    status = message.status or 0
    if status in (401, 407):
        challenge = (message.get("www-authenticate") or "") + (
            message.get("proxy-authenticate") or ""
        )
        transaction.stale = "stale=true" in challenge.replace('"', "").replace(" ", "").lower()
    if not 200 <= status < 300:
        return
    if transaction.asked_s == 0:
        transaction.granted_s = 0
        return
    same = [c for c in message.contacts if _is_ours(c, transaction.written)]
    ours = same or message.contacts
    if message.contacts:
        transaction.contact_returned = bool(same)
    granted = [message.contact_expires(contact) for contact in ours[-1:]] or [message.expires]
    transaction.granted_s = granted[0]


def _is_ours(contact: NameAddr, written: Written | None) -> bool:
    uri = contact.uri
    if uri is None or written is None:
        return False
    return (uri.user, uri.host, uri.effective_port) == (
        written.contact_user,
        written.contact_host,
        written.contact_port,
    )
