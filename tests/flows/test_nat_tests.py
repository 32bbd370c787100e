"""The bits of nat_uac_test, as Kamailio and OpenSIPS number them."""

from __future__ import annotations

import pytest

from sipdiag.base.datagram import Transport
from sipdiag.base.endpoint import Endpoint
from sipdiag.crafting import sip as craft
from sipdiag.crafting.scenario import Scenario
from sipdiag.flows.nat_tests import NAMES, nat_uac_test, words
from sipdiag.protocols import sip
from sipdiag.protocols.sip import Message
from tests.told import subjects_of

PUBLIC = Endpoint("203.0.113.7", 5060)


def _invite(via: str, *contacts: str, media: Endpoint | None = None, body: bytes = b"") -> Message:
    headers = [
        ("Via", f"SIP/2.0/UDP {via};branch=z9hG4bKx"),
        ("From", "<sip:101@pbx.example>;tag=1"),
        ("To", "<sip:200@pbx.example>"),
        ("Call-ID", "x"),
        ("CSeq", "1 INVITE"),
        *(("Contact", f"<sip:101@{contact}>") for contact in contacts),
    ]
    body = body or (craft.sdp(media) if media else b"")
    if body:
        headers.append(("Content-Type", "application/sdp"))
    message = sip.parse(craft.build("INVITE sip:200@pbx.example SIP/2.0", headers, body))
    assert message is not None
    return message


@pytest.mark.parametrize(
    ("via", "contact", "source", "kamailio", "opensips"),
    [
        ("203.0.113.7:5060", "203.0.113.7:5060", PUBLIC, 0, 0),
        ("203.0.113.7", "203.0.113.7", PUBLIC, 0, 0),
        ("192.168.1.50:5060", "203.0.113.7:5060", PUBLIC, 2 | 4, 2 | 4),
        ("203.0.113.7:5060", "192.168.1.50:5060", PUBLIC, 1, 1 | 32),
        ("203.0.113.7:5062", "203.0.113.7:5060", PUBLIC, 16, 16),
        ("203.0.113.7:5060", "203.0.113.7:5062", PUBLIC, 128, 64),
        ("198.51.100.1:5060", "198.51.100.1:5060", PUBLIC, 2, 2 | 32),
        ("100.64.1.1:5060", "100.64.1.1:5060", PUBLIC, 1 | 2 | 4, 1 | 2 | 4 | 32),
        ("10.0.0.9:5060", "10.0.0.9:5060", Endpoint("10.0.0.9", 5060), 1 | 4 | 32, 1 | 4),
        ("phone.example:5060", "phone.example:5060", PUBLIC, 2, 2 | 32),
        ("[2001:db8::5]:5060", "[2001:DB8:0::5]:5060", Endpoint("2001:db8::5", 5060), 0, 0),
        ("[fd00::5]:5060", "[fd00::5]:5060", Endpoint("2001:db8::5", 5060), 2, 2 | 32),
        (
            "192.168.1.50:5060", "192.168.1.50:5060", Endpoint("203.0.113.7", 31007),
            1 | 2 | 4 | 16 | 128, 1 | 2 | 4 | 16 | 32 | 64,
        ),
    ],
)  # fmt: skip
def test_addresses_and_ports(
    via: str, contact: str, source: Endpoint, kamailio: int, opensips: int
) -> None:
    assert nat_uac_test(_invite(via, contact), source) == (kamailio, opensips)


def test_a_private_sdp_sets_8_in_both() -> None:
    message = _invite("203.0.113.7", "203.0.113.7", media=Endpoint("192.168.1.50", 4000))
    assert nat_uac_test(message, PUBLIC) == (8, 8)


def test_a_private_address_of_the_second_stream_is_seen_by_kamailio_alone() -> None:
    body = craft.sdp(Endpoint("203.0.113.7", 4000))
    body += b"m=video 4002 RTP/AVP 96\r\nc=IN IP4 192.168.1.50\r\n"
    assert nat_uac_test(_invite("203.0.113.7", "203.0.113.7", body=body), PUBLIC) == (8, 0)


def test_a_second_contact_is_seen_by_opensips_alone() -> None:
    message = _invite("203.0.113.7", "203.0.113.7", "192.168.1.50")
    assert nat_uac_test(message, PUBLIC) == (0, 1 | 32)


def test_websocket_is_kamailios() -> None:
    message = _invite("203.0.113.7", "203.0.113.7")
    assert nat_uac_test(message, PUBLIC, Transport.WSS) == (64, 0)


def test_nothing_in_it_sets_nothing() -> None:
    message = sip.parse(b"OPTIONS sip:a@b SIP/2.0\r\n\r\n")
    assert message is not None
    assert nat_uac_test(message, PUBLIC) == (0, 0)


def test_every_bit_has_words() -> None:
    assert words(1 | 128, "Kamailio") == ["private Contact", "Contact's port isn't the source's"]
    assert words(1 | 32 | 64, "OpenSIPS")[1:] == ["diff-ip-src-contact", "diff-port-src-contact"]
    assert sum(NAMES["Kamailio"]) == 255 and sum(NAMES["OpenSIPS"]) == 127


def test_the_newest_register_of_a_client_is_kept_for_its_bits() -> None:
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7:31007")
    s.register(phone)
    registration = subjects_of(s).peers[0].registration
    assert registration is not None and registration.newest is not None
    source = registration.attempts[-1].src
    assert nat_uac_test(registration.newest, source) == (
        1 | 2 | 4 | 16 | 128,
        1 | 2 | 4 | 16 | 32 | 64,
    )
