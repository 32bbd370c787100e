"""What a PBX and an IAX2 peer say to each other, put down on a timeline as the PBX sees it.

Contract: every method takes the second at which it begins and gives back the second at which it
ends. Order, elements, sequence numbers and timers are those of channels/chan_iax2.c
(Asterisk 13.4 and later) and RFC 5456 sections 6 and 7.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import NS
from sipdiag.crafting import iax2
from sipdiag.crafting.iax2 import IE, FrameType, Iax
from sipdiag.crafting.peers import IaxPeer, Media
from sipdiag.crafting.timeline import Timeline
from sipdiag.protocols.iax2 import Control, Value
from sipdiag.protocols.media import MediaKind

SERVER_S = 0.001
"""How long the PBX thinks."""

REPEATS_S = (0.0, 2.0, 12.0, 22.0)
"""A reliable frame without an answer: twice the initial ping time of 1 s, then 10 s steps."""

GIVE_UP_S = 32.0

POKE_REPEATS_S = (0.0, 0.5, 5.5, 15.5)
"""A qualify POKE with maxms 2000."""

POKE_GIVE_UP_S = 22.0

ULAW = 4
VOICE_S = 0.02
VOICE = b"\xff" * 160

Elements = Sequence[tuple[int, Value]]

_UNCOUNTED = frozenset({Iax.ACK, Iax.INVAL, Iax.TXCNT, Iax.TXACC, Iax.VNAK})
"""Frames that don't move the sequence number (RFC 5456 section 7)."""


@dataclass(slots=True)
class _Side:
    """One end of a call: its number, how many reliable frames it sent and received, and the
    timestamp of the last one it sent: an ACK repeats that."""

    call: int
    sent: int = 0
    received: int = 0
    stamp_ms: int = 0


@dataclass(slots=True)
class _Call:
    """Both ends of a call. ``began_s``: when its timestamps are zero."""

    peer: IaxPeer
    began_s: float
    target: Endpoint
    pbx: _Side
    far: _Side
    outer: Endpoint
    encrypted: bool = False


@dataclass(slots=True)
class Iax2Dialogues:
    """The PBX's side and the peers' side of every IAX2 exchange."""

    timeline: Timeline
    server: Endpoint
    rtt_s: float
    _calls: int = field(default=0)

    # ---- frames ----------------------------------------------------------------------------

    def _open(self, peer: IaxPeer, at_s: float, *, target: Endpoint | None = None) -> _Call:
        self._calls += 1
        peer.call += 1
        return _Call(
            peer,
            at_s,
            target or peer.target,
            _Side(1000 + self._calls),
            _Side(peer.call),
            peer.outer,
        )

    def _frame(
        self,
        call: _Call,
        mine: _Side,
        other: _Side,
        at_s: float,
        subclass: int,
        elements: Elements,
        frame_type: int,
        data: bytes,
        *,
        dest: bool,
        again: bool,
        oseqno: int,
        iseqno: int,
    ) -> bytes:
        stamp = round((at_s - call.began_s) * 1000)
        if frame_type == FrameType.IAX and subclass == Iax.ACK:
            stamp = other.stamp_ms
        else:
            mine.stamp_ms = stamp
        frame = iax2.build(
            subclass,
            frame_type=frame_type,
            source_call=mine.call,
            dest_call=other.call if dest else 0,
            retransmission=again,
            timestamp_ms=stamp,
            oseqno=oseqno,
            iseqno=iseqno,
            elements=elements,
            data=data,
        )
        if not call.encrypted:
            return frame
        noise = hashlib.shake_256(self.timeline.draw(16).encode()).digest(len(frame) + 20)
        return frame[:4] + noise

    def _pbx(
        self,
        call: _Call,
        at_s: float,
        subclass: int,
        elements: Elements = (),
        *,
        frame_type: int = FrameType.IAX,
        data: bytes = b"",
        dest: bool = True,
        moments: Sequence[float] = (0.0,),
    ) -> None:
        """The PBX sends a frame, as often as ``moments`` says."""
        mine = call.pbx
        for index, moment in enumerate(moments):
            frame = self._frame(
                call, mine, call.far, at_s, subclass, elements, frame_type, data,
                dest=dest, again=index > 0, oseqno=mine.sent, iseqno=mine.received,
            )  # fmt: skip
            self.timeline.send(at_s + moment, self.server, call.target, frame)
        self._count(mine, call.far, frame_type, subclass)

    def _far(
        self,
        call: _Call,
        at_s: float,
        subclass: int,
        elements: Elements = (),
        *,
        frame_type: int = FrameType.IAX,
        data: bytes = b"",
        dest: bool = True,
        moments: Sequence[float] = (0.0,),
    ) -> None:
        """The peer's frame arrives, and opens or refreshes its mapping."""
        mine = call.far
        for index, moment in enumerate(moments):
            frame = self._frame(
                call, mine, call.pbx, at_s, subclass, elements, frame_type, data,
                dest=dest, again=index > 0, oseqno=mine.sent, iseqno=mine.received,
            )  # fmt: skip
            self.timeline.send(at_s + moment, call.outer, self.server, frame)
            call.peer.last_sent_s = at_s + moment
        self._count(mine, call.pbx, frame_type, subclass)

    @staticmethod
    def _count(mine: _Side, other: _Side, frame_type: int, subclass: int) -> None:
        if frame_type != FrameType.IAX or subclass not in _UNCOUNTED:
            mine.sent += 1
            other.received += 1

    def _token(self, at_s: float) -> bytes:
        stamp = self.timeline.start_ns // NS + int(at_s)
        return f"{stamp}?{self.timeline.draw(40)}".encode()

    def _now(self, at_s: float) -> datetime.datetime:
        start = self.timeline.start_ns // NS
        moment = datetime.datetime.fromtimestamp(start + int(at_s), tz=datetime.UTC)
        return moment.replace(tzinfo=None)

    def _tokens(
        self, call: _Call, at_s: float, subclass: int, elements: Elements, *, ours: bool = False
    ) -> float:
        """The call-token exchange before the first frame of whoever opens the call (``ours``: the
        PBX). Sequence numbers begin anew after it, because the other end keeps nothing of it
        (chan_iax2.c:handle_call_token)."""
        empty = [*elements, (IE.CALLTOKEN, b"")]
        opener, other = (call.pbx, call.far) if ours else (call.far, call.pbx)
        (self._pbx if ours else self._far)(call, at_s, subclass, empty, dest=False)
        answer = iax2.build(
            Iax.CALLTOKEN,
            source_call=1,
            dest_call=opener.call,
            iseqno=1,
            elements=[(IE.CALLTOKEN, self._token(at_s))],
        )
        if ours:
            at_s += self.rtt_s
            self.timeline.send(at_s, call.outer, self.server, answer)
            call.peer.last_sent_s = at_s
            at_s += SERVER_S
        else:
            self.timeline.send(at_s + SERVER_S, self.server, call.outer, answer)
            at_s += SERVER_S + self.rtt_s
        opener.sent = other.received = 0
        return at_s

    # ---- registration ----------------------------------------------------------------------

    def register(
        self,
        peer: IaxPeer,
        at_s: float,
        *,
        refresh: int,
        granted: int,
        calltoken: bool,
        token_from: Endpoint | None,
        answered: bool,
        challenge: bool,
        refused: bool,
        release: bool,
    ) -> float:
        """REGREQ (or REGREL), REGAUTH, REGREQ with the digest, REGACK or REGREJ, ACK.

        ``token_from``: the second REGREQ comes from there, so its token isn't valid and the PBX
        drops it without a word.
        """
        command = Iax.REGREL if release else Iax.REGREQ
        asked: list[tuple[int, Value]] = [(IE.USERNAME, peer.name)]
        if not release:
            asked.append((IE.REFRESH, refresh))
        call = self._open(peer, at_s, target=peer.outer)
        if not answered:
            empty: Elements = [(IE.CALLTOKEN, b"")] if calltoken else []
            self._far(call, at_s, command, [*asked, *empty], dest=False, moments=REPEATS_S)
            return at_s + GIVE_UP_S
        token: list[tuple[int, Value]] = []
        if calltoken:
            at_s = self._tokens(call, at_s, command, asked)
            token = [(IE.CALLTOKEN, self._token(at_s))]
        if token_from is not None:
            call.outer = token_from
            self._far(call, at_s, command, [*asked, *token], dest=False, moments=REPEATS_S)
            return at_s + GIVE_UP_S
        self._far(call, at_s, command, [*asked, *token], dest=False)
        if challenge or refused:
            at_s = self._challenge(call, at_s, command, asked)
        if refused:
            why: Elements = [(IE.CAUSE, "Registration Refused"), (IE.CAUSECODE, 29)]
            self._pbx(call, at_s + SERVER_S, Iax.REGREJ, why)
        else:
            accepted: list[tuple[int, Value]] = [(IE.USERNAME, peer.name)]
            if not release:
                accepted += [(IE.DATETIME, self._now(at_s)), (IE.REFRESH, granted)]
                accepted += [(IE.APPARENT_ADDR, call.outer)]
            self._pbx(call, at_s + SERVER_S, Iax.REGACK, accepted)
            peer.location = None if release else call.outer
        self._far(call, at_s + SERVER_S + self.rtt_s, Iax.ACK)
        return at_s + SERVER_S + self.rtt_s

    def _challenge(self, call: _Call, at_s: float, command: Iax, asked: Elements) -> float:
        secret = str(int(self.timeline.draw(7), 16))
        challenge: Elements = [
            (IE.AUTHMETHODS, 2),
            (IE.CHALLENGE, secret),
            (IE.USERNAME, call.peer.name),
        ]
        self._pbx(call, at_s + SERVER_S, Iax.REGAUTH, challenge)
        at_s += SERVER_S + self.rtt_s
        answer: Elements = [(IE.MD5_RESULT, self._md5(call, secret)), (IE.CALLTOKEN, b"")]
        self._far(call, at_s, command, [*asked, *answer])
        return at_s

    @staticmethod
    def _md5(call: _Call, challenge: str) -> str:
        """RFC 5456 section 8.6 (MD5 RESULT)."""
        text = (challenge + call.peer.password).encode()
        return hashlib.md5(text, usedforsecurity=False).hexdigest()

    # ---- qualify ---------------------------------------------------------------------------

    def poke(
        self, peer: IaxPeer, at_s: float, *, answered: bool | None, to: Endpoint | None
    ) -> float:
        """POKE, PONG, ACK; or POKE until it is given up. Asterisk answers a POKE without opening
        a call, so its PONG comes from call number 1 (chan_iax2.c:send_apathetic_reply)."""
        call = self._open(peer, at_s, target=to)
        empty: Elements = [(IE.CALLTOKEN, b"")]
        reached = peer.reached_by(call.target, at_s) if answered is None else answered
        if not reached:
            self._pbx(call, at_s, Iax.POKE, empty, dest=False, moments=POKE_REPEATS_S)
            return at_s + POKE_GIVE_UP_S
        self._pbx(call, at_s, Iax.POKE, empty, dest=False)
        call.far.call = 1
        self._far(call, at_s + self.rtt_s, Iax.PONG)
        self._pbx(call, at_s + self.rtt_s + SERVER_S, Iax.ACK)
        return at_s + self.rtt_s + SERVER_S

    # ---- calls -----------------------------------------------------------------------------

    def call(
        self,
        peer: IaxPeer,
        at_s: float,
        *,
        answered: bool | None,
        talk_s: float,
        media: Media,
        to: Endpoint | None,
        caller: str,
        ring_s: float,
        number: str,
        encrypted: bool,
        calltoken: bool,
    ) -> float:
        """The PBX calls the peer: the token exchange where the peer wants it, NEW, AUTHREQ,
        AUTHREP, ACCEPT, RINGING, ANSWER, HANGUP."""
        call = self._open(peer, at_s, target=to)
        offer = self._offer(number, caller, at_s, encrypted=encrypted)
        reached = peer.reached_by(call.target, at_s) if answered is None else answered
        if not reached:
            empty = [*offer, (IE.CALLTOKEN, b"")]
            self._pbx(call, at_s, Iax.NEW, empty, dest=False, moments=REPEATS_S)
            return at_s + GIVE_UP_S
        token: Value = b""
        if calltoken:
            at_s = self._tokens(call, at_s, Iax.NEW, offer, ours=True)
            token = self._token(at_s)
        self._pbx(call, at_s, Iax.NEW, [*offer, (IE.CALLTOKEN, token)], dest=False)
        at_s += self.rtt_s
        secret = str(int(self.timeline.draw(7), 16))
        wants: list[tuple[int, Value]] = [(IE.AUTHMETHODS, 2), (IE.CHALLENGE, secret)]
        wants += [(IE.USERNAME, peer.name), *([(IE.ENCRYPTION, 1)] if encrypted else [])]
        self._far(call, at_s, Iax.AUTHREQ, wants)
        reply: list[tuple[int, Value]] = [(IE.MD5_RESULT, self._md5(call, secret))]
        reply += [(IE.ENCRYPTION, 1)] if encrypted else []
        self._pbx(call, at_s + SERVER_S, Iax.AUTHREP, reply)
        call.encrypted = encrypted
        at_s += SERVER_S + self.rtt_s
        formats: list[tuple[int, Value]] = [(IE.FORMAT, ULAW), (IE.FORMAT2, ULAW)]
        self._far(call, at_s, Iax.ACCEPT, formats)
        self._pbx(call, at_s + SERVER_S, Iax.ACK)
        self._far(call, at_s + 0.01, Control.RINGING, frame_type=FrameType.CONTROL)
        self._pbx(call, at_s + 0.01 + SERVER_S, Iax.ACK)
        at_s += ring_s
        self._far(call, at_s, Control.ANSWER, frame_type=FrameType.CONTROL)
        self._pbx(call, at_s + SERVER_S, Iax.ACK)
        self._far(call, at_s + 0.002, Control.STOP_SOUNDS, frame_type=FrameType.CONTROL)
        self._pbx(call, at_s + 0.002 + SERVER_S, Iax.ACK)
        self._voice(call, at_s + 0.01, talk_s, media)
        return self._hangup(call, at_s + 0.01 + talk_s)

    def call_from(
        self,
        peer: IaxPeer,
        at_s: float,
        *,
        number: str,
        talk_s: float,
        media: Media,
        calltoken: bool,
        answered: bool,
    ) -> float:
        """The peer calls ``number``: the token exchange, NEW, AUTHREQ, AUTHREP, ACCEPT, ANSWER."""
        call = self._open(peer, at_s, target=peer.outer)
        offer = [*self._offer(number, peer.name, at_s, encrypted=False), (IE.USERNAME, peer.name)]
        if not answered:
            empty: Elements = [(IE.CALLTOKEN, b"")] if calltoken else []
            self._far(call, at_s, Iax.NEW, [*offer, *empty], dest=False, moments=REPEATS_S)
            return at_s + GIVE_UP_S
        token: list[tuple[int, Value]] = []
        if calltoken:
            at_s = self._tokens(call, at_s, Iax.NEW, offer)
            token = [(IE.CALLTOKEN, self._token(at_s))]
        self._far(call, at_s, Iax.NEW, [*offer, *token], dest=False)
        secret = str(int(self.timeline.draw(7), 16))
        wants: Elements = [(IE.AUTHMETHODS, 2), (IE.CHALLENGE, secret), (IE.USERNAME, peer.name)]
        self._pbx(call, at_s + SERVER_S, Iax.AUTHREQ, wants)
        at_s += SERVER_S + self.rtt_s
        self._far(call, at_s, Iax.AUTHREP, [(IE.MD5_RESULT, self._md5(call, secret))])
        self._pbx(call, at_s + SERVER_S, Iax.ACCEPT, [(IE.FORMAT, ULAW), (IE.FORMAT2, ULAW)])
        self._far(call, at_s + SERVER_S + self.rtt_s, Iax.ACK)
        at_s += 0.1
        self._pbx(call, at_s, Control.ANSWER, frame_type=FrameType.CONTROL)
        self._far(call, at_s + self.rtt_s, Iax.ACK)
        at_s += self.rtt_s + 0.01
        self._voice(call, at_s, talk_s, media)
        return self._hangup(call, at_s + talk_s)

    def _offer(
        self, number: str, caller: str, at_s: float, *, encrypted: bool
    ) -> list[tuple[int, Value]]:
        return [
            (IE.VERSION, 2),
            (IE.CALLED_NUMBER, number),
            (IE.CODEC_PREFS, "D"),
            (IE.CALLING_NUMBER, caller),
            (IE.CALLINGPRES, 0),
            (IE.CALLINGTON, 0),
            (IE.CALLINGTNS, 0),
            (IE.CALLINGANI2, 0),
            (IE.CALLING_NAME, caller),
            (IE.LANGUAGE, "en"),
            (IE.FORMAT, ULAW),
            (IE.FORMAT2, ULAW),
            (IE.CAPABILITY, ULAW),
            (IE.CAPABILITY2, ULAW),
            (IE.ADSICPE, 2),
            (IE.DATETIME, self._now(at_s)),
            *([(IE.ENCRYPTION, 1)] if encrypted else []),
        ]

    def _voice(self, call: _Call, at_s: float, length_s: float, media: Media) -> None:
        """A full voice frame in each direction, acknowledged, then mini frames."""
        count = round(length_s / VOICE_S)
        streams = ((call.far, "to_pbx"), (call.pbx, "to_phone"))
        for side, way in streams:
            if media not in ("both", way) or not count:
                continue
            ours = side is call.pbx
            send, answer = (self._pbx, self._far) if ours else (self._far, self._pbx)
            send(call, at_s, ULAW, frame_type=FrameType.VOICE, data=VOICE)
            answer(call, at_s + (self.rtt_s if ours else SERVER_S), Iax.ACK)
            src, dst = (self.server, call.target) if ours else (call.outer, self.server)
            for index in range(1, count):
                moment = at_s + index * VOICE_S
                stamp = round((moment - call.began_s) * 1000)
                mini = iax2.build_mini(side.call, stamp, VOICE)
                self.timeline.send(moment, src, dst, mini, media=MediaKind.IAX2_MINI)
            if not ours:
                call.peer.last_sent_s = at_s + (count - 1) * VOICE_S

    def _hangup(self, call: _Call, at_s: float) -> float:
        bye: Elements = [(IE.CAUSE, "Normal Clearing"), (IE.CAUSECODE, 16)]
        self._pbx(call, at_s, Iax.HANGUP, bye)
        self._far(call, at_s + self.rtt_s, Iax.ACK)
        return at_s + self.rtt_s
