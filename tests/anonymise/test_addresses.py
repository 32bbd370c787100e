"""Stand-ins for addresses mean the same to a NAT."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipdiag.anonymise.addresses import Addresses
from sipdiag.base.endpoint import Scope, scope_of


def _of(*texts: str) -> list[str]:
    addresses = Addresses()
    return [addresses.of(ip_address(text)) for text in texts]


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("10.20.30.40", "10."),
        ("172.20.1.2", "172."),
        ("192.168.178.20", "192.168."),
        ("100.80.1.2", "100."),
        ("169.254.7.8", "169.254."),
        ("fd12:3456::1", "fd00:"),
        ("fe80::1234", "fe80:"),
        ("2a02:8070::1", "2001:db8:"),
    ],
)
def test_the_block_and_the_scope_stay(text: str, block: str) -> None:
    (made,) = _of(text)
    assert made != text
    assert made.startswith(block)
    assert scope_of(made) is scope_of(text)


@pytest.mark.parametrize(
    "text",
    ["127.0.0.1", "::1", "0.0.0.0", "::", "224.0.1.75", "255.255.255.255", "192.0.0.1", "ff02::1"],
)
def test_what_names_nobody_stays(text: str) -> None:
    assert _of(text) == [text]


def test_public_addresses_become_those_of_documentation() -> None:
    made = _of("8.8.8.8", "93.184.216.34", "134.102.20.22")
    assert all(m.startswith(("192.0.2.", "198.51.100.", "203.0.113.")) for m in made)


def test_what_shared_a_network_still_does() -> None:
    one, other, third = _of("192.168.1.50", "192.168.1.51", "192.168.2.50")
    assert one.rpartition(".")[0] == other.rpartition(".")[0] != third.rpartition(".")[0]
    six, seven, eight = _of("2a02:1:2:3::1", "2a02:1:2:3::2", "2a02:1:2:4::1")
    assert six.rpartition(":")[0] == seven.rpartition(":")[0] != eight.rpartition(":")[0]


def test_lengths_stay_so_that_messages_keep_theirs() -> None:
    given = ["192.168.1.50", "10.0.0.1", "172.16.100.200", "91.12.33.4", "100.64.0.1"]
    assert [len(made) for made in _of(*given)] == [len(text) for text in given]


def test_the_same_input_gives_the_same_stand_ins() -> None:
    given = ["192.168.1.50", "91.12.33.4", "2a02::1", "192.168.1.50"]
    assert _of(*given) == _of(*given)
    assert _of(*given)[0] == _of(*given)[3]


@given(st.lists(st.ip_addresses(), unique=True, max_size=60))
def test_one_to_one_and_in_scope(given_: list[IPv4Address | IPv6Address]) -> None:
    addresses = Addresses()
    made = [addresses.of(address) for address in given_]
    assert len(set(made)) == len(made)
    assert [scope_of(m) for m in made] == [scope_of(str(address)) for address in given_]


def test_more_public_addresses_than_documentation_has() -> None:
    addresses = Addresses()
    made = {addresses.of(IPv4Address((91 << 24) + n * 7)) for n in range(3000)}
    assert len(made) == 3000
    assert {scope_of(m) for m in made} == {Scope.PUBLIC}
    assert sum(m.startswith(("198.18.", "198.19.", "240.")) for m in made) > 2000


def test_more_hosts_than_a_network_has_digits_for() -> None:
    addresses = Addresses()
    made = {addresses.of(ip_address(f"10.0.0.{n}")) for n in range(256)}
    assert len(made) == 256
    assert len({m.rpartition(".")[0] for m in made}) == 1


def test_a_whole_block_finds_room_in_itself() -> None:
    addresses = Addresses()
    made = {addresses.of(IPv4Address((192 << 24) + (168 << 16) + n)) for n in range(1 << 16)}
    assert len(made) == 1 << 16
    assert {scope_of(m) for m in made} == {Scope.PRIVATE}


@pytest.mark.parametrize(
    "text", ["10.1.2.3", "172.31.255.255", "192.168.0.1", "100.64.0.1", "169.254.1.1", "91.1.1.1",
             "fd00::1", "fe80::1", "2a02::1", "127.0.0.1"],
)  # fmt: skip
def test_a_shared_stand_in_is_in_scope(text: str) -> None:
    assert scope_of(Addresses.shared(ip_address(text))) is scope_of(text)
