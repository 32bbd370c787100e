"""IAX2 full frames to transactions, registrations and calls (RFC 5456 section 6).

An exchange is known by the opener's endpoint and source call number. What opens one has
destination call 0; the answer names the opener's number as its destination.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter

from sipdiag.base.datagram import Datagram
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.flows.call import Call, End
from sipdiag.flows.opened import OpenDialogs
from sipdiag.flows.peers import PeerBook
from sipdiag.flows.same import Same
from sipdiag.flows.transaction import HELD_PER_TRANSACTION, Sent, Transaction, answer_of
from sipdiag.protocols.iax2 import Control, FrameType, FullFrame, Iax

_ENDS: dict[int, End] = {Iax.HANGUP: End.HUNG_UP, Iax.REJECT: End.REFUSED}
_Key = tuple[Endpoint, Endpoint, int]
"""Of an exchange: the opener's endpoint, the other one, the opener's call number."""

_OPENERS = frozenset({Iax.NEW, Iax.REGREQ, Iax.REGREL, Iax.POKE})


@dataclass(slots=True, eq=False)
class _Dialog:
    """An exchange that was opened: the newest transaction of it and its call, if it is one."""

    key: _Key
    transaction: Transaction
    timestamp_ms: int
    call: Call | None = None
    sealed: bool = False
    """Encryption was agreed and used: from here on only the call numbers can be read."""

    @property
    def over_ns(self) -> int | None:
        """When it ended, None = it hasn't yet; what isn't a call begins and ends at once."""
        return self.transaction.start_ns if self.call is None else self.call.ended_ns


class Iax2Flows:
    """Takes every IAX2 full frame of a source."""

    def __init__(self, book: PeerBook, limits: Limits, hits: LimitHits) -> None:
        self._book, self._limits, self._hits = book, limits, hits
        self._dialogs = OpenDialogs[_Key, _Dialog](limits, hits, attrgetter("over_ns"))
        self.calls: list[Call] = []
        self._same = Same()

    def feed(self, datagram: Datagram, frame: FullFrame, sent: Sent) -> None:
        """Takes one frame, with the transmission that it is."""
        command = frame.subclass if frame.frame_type == FrameType.IAX else None
        if command in _OPENERS and frame.dest_call == 0:
            self._opened(datagram, frame, sent)
            return
        answered = self._dialogs.get((sent.dst, sent.src, frame.dest_call), sent.ts_ns)
        if answered is not None:
            self._answer(answered, frame, sent)
            return
        own = self._dialogs.get((sent.src, sent.dst, frame.source_call), sent.ts_ns)
        if own is not None:
            self._follow_up(own, frame, sent)

    def _opened(self, datagram: Datagram, frame: FullFrame, sent: Sent) -> None:
        key = (sent.src, sent.dst, frame.source_call)
        dialog = self._dialogs.get(key, sent.ts_ns)
        if (
            dialog is not None
            and dialog.transaction.method == frame.subclass_name
            and dialog.timestamp_ms == frame.timestamp_ms
            and not _token_given(dialog.transaction)
        ):
            if len(dialog.transaction.sent) < HELD_PER_TRANSACTION:
                dialog.transaction.sent += (sent,)
            return
        transaction = Transaction(
            protocol="IAX2",
            method=frame.subclass_name,
            call_id=str(frame.source_call),
            cseq=frame.timestamp_ms,
            transport=datagram.transport,
            sent=(sent,),
            user=self._same(frame.text("USERNAME") or frame.text("CALLED_NUMBER")),
            asked_s=frame.integer("REFRESH"),
            token=_token(frame),
        )
        opened = _Dialog(key, transaction, frame.timestamp_ms)
        if frame.subclass in (Iax.REGREQ, Iax.REGREL):
            if frame.subclass == Iax.REGREL:
                transaction.asked_s = 0
            self._book.register(transaction, transaction.user or "")
            held = True
        else:
            held = self._book.request(transaction)
        if frame.subclass == Iax.NEW:
            repeated = dialog is not None and _token_given(dialog.transaction)
            opened.call = dialog.call if dialog is not None and repeated else None
            if opened.call is None:
                opened.call = Call("IAX2", transaction.call_id, transaction)
                if len(self.calls) < self._limits.requests_held:
                    self.calls.append(opened.call)
            if held or not opened.call.transactions:
                opened.call.transactions.append(transaction)
        self._dialogs.add(key, opened)
        if opened.call is None:
            self._dialogs.end(key, opened, sent.ts_ns)

    def _answer(self, dialog: _Dialog, frame: FullFrame, sent: Sent) -> None:
        """A frame back to whoever opened the exchange."""
        transaction = dialog.transaction
        label = frame.subclass_name if frame.frame_type == FrameType.IAX else frame.type_name
        if frame.frame_type == FrameType.CONTROL:
            label = frame.subclass_name
        if dialog.sealed:
            label = "encrypted"
        if len(transaction.answers) < HELD_PER_TRANSACTION:
            transaction.answers += (answer_of(sent, 0, label),)
        if dialog.sealed:
            return
        apparent = frame.address("APPARENT_ADDR")
        if apparent is not None:
            transaction.seen_as = self._same(apparent)
        if frame.frame_type == FrameType.IAX and frame.subclass == Iax.REGACK:
            refresh = frame.integer("REFRESH")
            transaction.granted_s = 0 if transaction.method == "REGREL" else refresh
        self._note_call(dialog, frame, sent)

    def _follow_up(self, dialog: _Dialog, frame: FullFrame, sent: Sent) -> None:
        """A later frame of whoever opened the exchange."""
        if dialog.sealed:
            return
        if frame.frame_type == FrameType.IAX and frame.subclass in (Iax.REGREQ, Iax.REGREL):
            dialog.transaction.authorised = True
            if dialog.transaction.asked_s is None:
                dialog.transaction.asked_s = frame.integer("REFRESH")
        if frame.frame_type == FrameType.IAX and frame.subclass == Iax.AUTHREP:
            dialog.transaction.authorised = True
            dialog.sealed = frame.has("ENCRYPTION")
        self._note_call(dialog, frame, sent)

    def _note_call(self, dialog: _Dialog, frame: FullFrame, sent: Sent) -> None:
        call = dialog.call
        if call is None:
            return
        if frame.frame_type == FrameType.CONTROL:
            if frame.subclass == Control.RINGING and call.ringing_ns is None:
                call.ringing_ns = sent.ts_ns
            elif frame.subclass == Control.ANSWER and call.answered_ns is None:
                call.answered_ns = sent.ts_ns
        elif frame.frame_type == FrameType.IAX and call.ended_ns is None:
            end = _ENDS.get(frame.subclass)
            if end is not None:
                call.ended_ns, call.end = sent.ts_ns, end
                self._dialogs.end(dialog.key, dialog, sent.ts_ns)


def _token(frame: FullFrame) -> str | None:
    if not frame.has("CALLTOKEN"):
        return None
    return "given" if frame.get("CALLTOKEN") else "asked"


def _token_given(transaction: Transaction) -> bool:
    """The answer was a CALLTOKEN: the request comes again with it (IAX2 call tokens, described
    in Asterisk's doc/IAX2-security), which is no retransmission."""
    return bool(transaction.answers) and transaction.answers[-1].label == "CALLTOKEN"
