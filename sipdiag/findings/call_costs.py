"""What a dead binding does to calls beyond not ringing: they drop in the middle, or ring late.

A session timer (RFC 4028) has one side refresh the call with a re-INVITE or UPDATE after half of
Session-Expires: 15 min with Asterisk's default of 1800 s (chan_sip ``session-expires``, PJSIP
``timers_sess_expires``). Where that gets no reply, the call is hung up. An INVITE that is repeated
until the phone registers again does get through, seconds late.
"""

from __future__ import annotations

from typing import NamedTuple

from sipdiag.base.interval import seconds
from sipdiag.findings.reach import Fate, Reach
from sipdiag.flows.call import Call, End
from sipdiag.flows.transaction import Transaction

_REFRESH = ("INVITE", "UPDATE")


class Drop(NamedTuple):
    """A call whose refresh was lost. ``after_s``: from the answer to that refresh. ``ended_s``:
    from the answer to the BYE, None where none was seen."""

    call: Call
    refresh: Transaction
    after_s: float
    ended_s: float | None
    session_s: int | None
    """Session-Expires; None = not said, so that it may have been another re-INVITE (hold)."""


class LateRing(NamedTuple):
    """A request that was answered only after the client had been heard again."""

    transaction: Transaction
    late_s: float


def drops(reach: Reach) -> list[Drop]:
    """Calls that lost a re-INVITE or UPDATE on a dead binding, in order of time."""
    dead = {id(o.transaction) for o in reach.of(Fate.EXPIRED)}
    found = []
    for call in reach.peer.calls:
        if call.answered_ns is None:
            continue
        for t in call.transactions[1:]:
            if id(t) not in dead or t.answers or not t.in_dialog or t.method not in _REFRESH:
                continue
            hung_up = call.end is End.HUNG_UP and (call.ended_ns or 0) >= t.start_ns
            ended_ns = call.ended_ns if hung_up else None
            found.append(
                Drop(
                    call,
                    t,
                    seconds(t.start_ns - call.answered_ns),
                    None if ended_ns is None else seconds(ended_ns - call.answered_ns),
                    call.session_s,
                )
            )
    return found


def late_rings(reach: Reach) -> list[LateRing]:
    """Requests that were lost on a dead binding at first and then answered, in order of time."""
    dead = {id(o.transaction): o.transaction for o in reach.of(Fate.EXPIRED)}
    return [
        LateRing(t, seconds(t.answers[0].ts_ns - t.start_ns))
        for t in dead.values()
        if t.answers and t.method in ("INVITE", "NEW")
    ]
