"""The scene that every finding is told on: one PBX, one phone behind one router."""

from __future__ import annotations

import pytest

from sipdiag.crafting.scenario import IaxPeer, Scenario, SipPhone

INNER, OUTER = "192.168.1.50:5060", "203.0.113.7:5060"


@pytest.fixture
def s() -> Scenario:
    """An Asterisk 16 that mistrusts its phones' addresses."""
    return Scenario(server="203.0.113.80", software="Asterisk PBX 16.28.0")


@pytest.fixture
def phone(s: Scenario) -> SipPhone:
    """A phone behind a router that keeps its port."""
    return s.sip_phone("101", inner=INNER, outer=OUTER)


@pytest.fixture
def box(s: Scenario) -> IaxPeer:
    """An Asterisk that registers by IAX2 from behind the same router."""
    return s.iax_peer("branch", inner="192.168.1.50:4569", outer="203.0.113.7:4569")
