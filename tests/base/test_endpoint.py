"""Scopes are about NAT: documentation networks are public, carriers' are not."""

from __future__ import annotations

import pytest

from sipdiag.base.endpoint import Endpoint, Scope, behind_nat, same_address, scope_of


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("192.168.1.50", Scope.PRIVATE),
        ("172.16.0.1", Scope.PRIVATE),
        ("172.32.0.1", Scope.PUBLIC),
        ("10.0.0.1", Scope.PRIVATE),
        ("100.64.0.1", Scope.CARRIER),
        ("100.128.0.1", Scope.PUBLIC),
        ("192.0.0.2", Scope.CARRIER),
        ("192.0.0.8", Scope.PUBLIC),
        ("203.0.113.7", Scope.PUBLIC),
        ("169.254.1.1", Scope.LINK_LOCAL),
        ("127.0.0.1", Scope.LOOPBACK),
        ("0.0.0.0", Scope.UNSPECIFIED),
        ("224.0.0.1", Scope.MULTICAST),
        ("fd00::1", Scope.PRIVATE),
        ("fe80::1%eth0", Scope.LINK_LOCAL),
        ("2001:db8::1", Scope.PUBLIC),
        ("::ffff:192.168.0.1", Scope.PRIVATE),
        ("[2001:db8::1]", Scope.PUBLIC),
        ("phone.example.com", None),
        ("1.2.3.4.5", None),
    ],
)
def test_scope(text: str, scope: Scope | None) -> None:
    assert scope_of(text) is scope


def test_behind_nat() -> None:
    assert behind_nat("192.168.1.50")
    assert behind_nat("100.64.0.1")
    assert not behind_nat("203.0.113.7")
    assert not behind_nat("phone.local")


def test_same_address_compares_by_value() -> None:
    assert same_address("2001:DB8::0:1", "2001:db8::1")
    assert same_address("::ffff:10.0.0.1", "10.0.0.1")
    assert same_address("Phone.Example", "phone.example")
    assert not same_address("10.0.0.1", "10.0.0.2")


def test_endpoints_print_as_uris_do() -> None:
    assert str(Endpoint("2001:db8::1", 5060)) == "[2001:db8::1]:5060"
    assert str(Endpoint("192.0.2.1", 5060)) == "192.0.2.1:5060"
