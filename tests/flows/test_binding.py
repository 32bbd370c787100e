"""How one request becomes observations of the binding."""

from __future__ import annotations

from sipdiag.base.datagram import Transport
from sipdiag.base.endpoint import Endpoint
from sipdiag.base.interval import NS
from sipdiag.flows.binding import observe
from sipdiag.flows.subjects import Peer
from sipdiag.flows.transaction import Answer, Sent, Transaction

PBX, PHONE = Endpoint("203.0.113.80", 5060), Endpoint("203.0.113.7", 5060)


def _sent(at_s: float, heard_s: float) -> Sent:
    """A transmission at ``at_s``, the client last heard at ``heard_s``."""
    idle = round((at_s - heard_s) * NS)
    return Sent(round(at_s * NS), PBX, PHONE, "x", 1, None, idle, idle)


def _observed(sent: list[Sent], answered_s: float | None = None) -> list[tuple[float, bool]]:
    """(age at the first transmission, got through) of each stretch."""
    transaction = Transaction("SIP", "INVITE", "c", 1, Transport.UDP, tuple(sent))
    if answered_s is not None:
        answer = Answer(round(answered_s * NS), PHONE, PBX, "x", 2, None, 180, "180 Ringing")
        transaction.answers = (answer,)
    peer = Peer("SIP", "101", PBX, inbound=[transaction])
    return [(round(o.idle_s or 0.0, 3), o.through) for o in observe(peer)]


def test_an_answer_proves_the_age_of_the_first_transmission() -> None:
    sent = [_sent(30, 0), _sent(30.5, 0)]
    assert _observed(sent, answered_s=30.6) == [(30.0, True)]


def test_no_answer_is_one_loss() -> None:
    assert _observed([_sent(33, 0), _sent(33.5, 0), _sent(34.5, 0)]) == [(33.0, False)]


def test_a_late_answer_is_a_loss_before_the_client_was_heard_and_a_success_after() -> None:
    """The ghost call: the phone registers at 54 s, the next INVITE gets through."""
    sent = [_sent(45, 0), _sent(45.5, 0), _sent(46.5, 0), _sent(57.6, 54)]
    assert _observed(sent, answered_s=57.7) == [(45.0, False), (3.6, True)]


def test_a_client_heard_right_after_a_single_transmission_proves_nothing() -> None:
    sent = [_sent(53.8, 0), _sent(54.3, 54)]
    assert _observed(sent, answered_s=54.4) == [(0.3, True)]


def test_what_is_sent_after_the_answer_counts_no_more() -> None:
    sent = [_sent(10, 0), _sent(10.5, 10.1)]
    assert _observed(sent, answered_s=10.1) == [(10.0, True)]
