"""Which Asterisk wrote a message."""

from __future__ import annotations

import pytest

from sipdiag.asterisk.identify import driver_of, parse_version, version_of
from sipdiag.protocols.sip import parse


@pytest.mark.parametrize(
    ("software", "version"),
    [
        ("Asterisk PBX 16.28.0~dfsg-0+deb11u4", "16.28.0"),
        ("Asterisk PBX 22.10.1", "22.10.1"),
        ("FPBX-16.0.33(18.9.1)", "18.9.1"),
        ("FPBX-2.11.0(11.7.0)", "11.7.0"),
        ("Asterisk PBX certified/18.9-cert4", "18.9.4"),
        ("Asterisk PBX", None),
        ("baresip v1.0.0 (x86_64/linux)", None),
        (None, None),
    ],
)
def test_versions(software: str | None, version: str | None) -> None:
    found = version_of(software)
    assert (str(found) if found else None) == version


def test_versions_as_people_write_them() -> None:
    assert str(parse_version("18")) == "18"
    assert str(parse_version("1.8.32.3")) == "1.8.32"
    assert parse_version("newest") is None


@pytest.mark.parametrize(
    ("message", "driver"),
    [
        (b"INVITE sip:a@b SIP/2.0\r\nFrom: <sip:x@y>;tag=as0a1b2c3d\r\n\r\n", "chan_sip"),
        (b"SIP/2.0 200 OK\r\nTo: <sip:x@y>;tag=as0a1b2c3d\r\n\r\n", "chan_sip"),
        (
            b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKPj8a\r\n\r\n",
            "chan_pjsip",
        ),
        (
            b"SIP/2.0 401 Unauthorized\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK27\r\n"
            b"To: <sip:x@y>;tag=z9hG4bK27\r\n\r\n",
            "chan_pjsip",
        ),
        (b"INVITE sip:a@b SIP/2.0\r\nFrom: <sip:x@y>;tag=asdf\r\n\r\n", None),
        (b"SIP/2.0 200 OK\r\nFrom: <sip:x@y>;tag=as0a1b2c3d\r\n\r\n", None),
    ],
)
def test_drivers(message: bytes, driver: str | None) -> None:
    parsed = parse(message)
    assert parsed is not None
    assert driver_of(parsed) == driver
