"""Who is taken for a scanner, and who isn't."""

from __future__ import annotations

from sipdiag.base.endpoint import Endpoint
from sipdiag.base.limits import LimitHits, Limits
from sipdiag.live.scanners import MANY_USERS, MANY_USERS_AT_ADDRESS, STEADY, Scanners
from sipdiag.live.signals import Signal

FAR = Endpoint("198.51.100.9", 5060)


def ask(user: str, method: str = "REGISTER", agent: str | None = None) -> Signal:
    """A request."""
    return Signal(
        "SIP", method, opens=True, answers=False, key=None, call_id=user, user=user, agent=agent
    )


def test_many_users_from_one_port_are_a_scan() -> None:
    scanners = Scanners()
    said = [scanners.asked(FAR, ask(str(n))) for n in range(MANY_USERS)]
    assert said == [False] * (MANY_USERS - 1) + [True]
    assert scanners.count == 1
    assert scanners.known(FAR.ip) and scanners.packets == 1
    assert not scanners.known("198.51.100.10") and scanners.packets == 1
    assert scanners.addresses(5) == [FAR.ip]


def test_one_user_is_a_phone_however_often_it_tries() -> None:
    scanners = Scanners()
    assert not any(scanners.asked(FAR, ask("101")) for _ in range(10_000))


def test_a_scan_of_numbers_by_calling_is_one_too() -> None:
    scanners = Scanners()
    assert any(scanners.asked(FAR, ask(f"900{n}", "INVITE")) for n in range(MANY_USERS))


def test_an_office_of_phones_with_wrong_passwords_is_none() -> None:
    """Thirty phones behind one address, each with a port of its own, each trying on."""
    scanners = Scanners()
    for _ in range(20):
        for n in range(30):
            assert not scanners.asked(Endpoint(FAR.ip, 20_000 + n), ask(f"1{n}"))


def test_accounts_that_keep_trying_are_not_counted() -> None:
    scanners = Scanners()
    for user in ("1", "2", "3", "4", "5"):
        for _ in range(STEADY):
            scanners.asked(FAR, ask(user))
    assert not any(scanners.asked(FAR, ask(str(n))) for n in range(100, 100 + MANY_USERS - 1))


def test_many_users_from_many_ports_take_more() -> None:
    scanners = Scanners()
    said = [
        scanners.asked(Endpoint(FAR.ip, 1000 + n), ask(str(n)))
        for n in range(MANY_USERS_AT_ADDRESS)
    ]
    assert said.index(True) == MANY_USERS_AT_ADDRESS - 1


def test_a_name_is_a_hint_and_no_proof() -> None:
    scanners = Scanners()
    agent = "friendly-scanner"
    assert not any(scanners.asked(FAR, ask("101", agent=agent)) for _ in range(50))
    assert not scanners.asked(FAR, ask("102", agent=agent))
    assert scanners.asked(FAR, ask("103", agent=agent)) or scanners.asked(
        FAR, ask("104", agent=agent)
    )


def test_who_was_granted_something_is_none_and_no_longer_one() -> None:
    scanners = Scanners()
    scanners.trust(FAR.ip)
    assert not any(scanners.asked(FAR, ask(str(n))) for n in range(200))
    other = Endpoint("198.51.100.10", 5060)
    for n in range(MANY_USERS):
        scanners.asked(other, ask(str(n)))
    assert scanners.known(other.ip)
    scanners.trust(other.ip)
    assert not scanners.known(other.ip) and scanners.count == 0


def test_made_up_addresses_are_forgotten_and_trust_is_not() -> None:
    hits = LimitHits()
    scanners = Scanners(Limits(live_scanned=10), hits)
    scanners.trust("192.0.2.1")
    for n in range(100):
        scanners.asked(Endpoint(f"10.0.0.{n}", 5060), ask("1"))
    assert hits.counts["live_scanned"] == 91
    assert not any(scanners.asked(Endpoint("192.0.2.1", 5060), ask(str(n))) for n in range(50))


def test_all_trusted_stay_bounded_too() -> None:
    scanners = Scanners(Limits(live_scanned=3))
    for n in range(50):
        scanners.trust(f"10.0.0.{n}")
    assert scanners.addresses(9) == []
