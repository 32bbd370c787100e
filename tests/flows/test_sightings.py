"""One message at two places: paired, timed, and compared byte for byte."""

from __future__ import annotations

import pytest

from sipdiag.base.datagram import Datagram, Source
from sipdiag.crafting.scenario import Scenario
from sipdiag.flows.sightings import Sightings, changes_of, cross, identity_of


def _datagrams() -> list[Datagram]:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    s.register(phone)
    s.at(10)
    s.call(phone, answered=False, retransmissions=6)
    s.at(60)
    s.call(phone, talk_s=1, media="none")
    return s.datagrams()


def _seen(datagrams: list[Datagram], *, ahead_s: float = 0.0) -> Sightings:
    source = Source("x")
    shift = round(ahead_s * 1e9)
    source.first_ns = datagrams[0].ts_ns + shift
    source.last_ns = datagrams[-1].ts_ns + shift
    seen = Sightings(source)
    for d in datagrams:
        seen.add(Datagram(d.ts_ns + shift, d.src, d.dst, d.transport, d.payload, d.origin))
    return seen


@pytest.mark.parametrize("ahead_s", [0.0, 3.25, -7200.0])
def test_clocks_are_aligned_by_the_messages(ahead_s: float) -> None:
    crossing = cross(_seen(_datagrams()), _seen(_datagrams(), ahead_s=ahead_s))
    assert crossing is not None
    assert crossing.far_ahead_ns == round(ahead_s * 1e9)
    assert len(crossing.matches) == len(_datagrams())
    assert crossing.near_only == crossing.far_only == []


def test_lost_retransmissions_are_told_apart_by_time() -> None:
    everything = _datagrams()
    invites = [n for n, d in enumerate(everything) if d.payload.startswith(b"INVITE")][:7]
    lost = invites[1:4]
    near = [d for n, d in enumerate(everything) if n not in lost]
    crossing = cross(_seen(near), _seen(everything, ahead_s=5))
    assert crossing is not None
    assert [s.origin for s in crossing.far_only] == [everything[n].origin for n in lost]
    assert all(m.near.origin == m.far.origin for m in crossing.matches)


def test_what_was_seen_while_the_other_did_not_capture_is_not_lost() -> None:
    everything = _datagrams()
    crossing = cross(_seen(everything[:8]), _seen(everything))
    assert crossing is not None
    assert crossing.far_only == []


def test_sources_with_nothing_in_common() -> None:
    everything = _datagrams()
    assert cross(_seen(everything[:2]), _seen(everything[5:])) is None


def test_changes_are_named_with_both_values() -> None:
    everything = _datagrams()
    changed = [
        Datagram(
            d.ts_ns, d.src, d.dst, d.transport,
            d.payload.replace(b"Contact: <sip:101@192.168.1.50", b"Contact: <sip:101@203.0.113.7"),
            d.origin,
        )
        for d in everything
    ]  # fmt: skip
    crossing = cross(_seen(everything), _seen(changed))
    assert crossing is not None
    found = [change for match in crossing.matches for change in changes_of(match)]
    assert found
    assert {change.what for change in found} == {"Contact"}
    assert "192.168.1.50" in found[0].near and "203.0.113.7" in found[0].far


def test_a_call_id_whose_host_was_mapped_is_the_same_message() -> None:
    inside = b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP x;branch=b\r\nCSeq: 1 OPTIONS\r\nCall-ID: "
    assert identity_of(inside + b"k@192.168.1.50\r\n\r\n") == identity_of(
        inside + b"k@203.0.113.7\r\n\r\n"
    )
    assert identity_of(b"\x00" * 20) is None
