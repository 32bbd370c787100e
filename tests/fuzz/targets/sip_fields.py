"""Values inside SIP headers: pure, never raising, and nothing is lost by splitting.

Plain ones are read in one step; with a blank or an empty parameter more the same is read at length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sipdiag.protocols.sip.fields import (
    parse_cseq,
    parse_host_port,
    parse_name_addr,
    parse_params,
    parse_uri,
    parse_via,
    split_outside,
)
from tests.fuzz.target import Target

_PARSERS = (
    parse_cseq, parse_host_port, parse_name_addr, parse_params, parse_uri, parse_via,
)  # fmt: skip


_SIMPLE = re.compile(r'(?:"[^"\\<>]*" *(?=<))?[^"\\<>]*(?:<[^"\\<>]*>[^"\\<>]*)?')
"""No quotes but around a display name, no brackets but around the URI."""


def _port(port: int | None) -> None:
    assert port is None or 0 <= port <= 65535


def check(data: bytes) -> None:
    """See the module."""
    text = data.decode("utf-8", "surrogateescape")
    for parse in _PARSERS:
        assert parse(text) == parse(text)
    for separator in ",;":
        assert separator.join(split_outside(text, separator)) == text
    name_addr = parse_name_addr(text)
    assert name_addr.text == text.strip()
    assert name_addr.tag is None or isinstance(name_addr.tag, str)
    for uri in (parse_uri(text), name_addr.uri):
        if uri is not None:
            _port(uri.port)
            assert 0 < uri.effective_port <= 65535 or uri.port == 0
    via = parse_via(text)
    if via is not None:
        _port(via.port)
        _port(via.rport)
        assert via.host and via.transport
        assert isinstance(via.effective_port, int)
        assert via.branch is None or isinstance(via.branch, str)
        assert via.received is None or isinstance(via.received, str)
    _same_at_length(text)
    found = parse_host_port(text)
    if found is not None:
        _port(found[1])


def _same_at_length(text: str) -> None:
    assert parse_via(" " + text) == parse_via(text)
    if _SIMPLE.fullmatch(text) is None:
        return
    short, long = parse_name_addr(text), parse_name_addr(text + ";")
    assert (short.display, short.uri, short.params) == (long.display, long.uri, long.params)


def seeds() -> Iterator[bytes]:
    """Forms that the RFCs have, and those that they don't."""
    yield b'"A, \\"B\\" \\\\" <sip:a@b.invalid>\r\n  ;\r\n  tag = 1a'
    yield b"sip:odd~name&so=1,on?a/;;*@b.invalid:5060;lr?a=b"
    yield b'<sips:a:p@[fe80::1]:5061;transport=TLS>;expires=60;q="0.5",<sip:b>'
    yield b"SIP / 2.0 / UDP  192.0.2.9 : 4000 ;rport=1;received=[fe80::9];branch=x"
    yield b"SIP/2.0/TCP fe80::1;branch=z9hG4bK-~%66*"
    yield b'"Plain" <sip:101@192.168.1.50:5060;transport=udp;ob>;expires=60;q=1.0'
    yield b"<sip:[fe80::1]:5060>;tag=as1d07559a"
    yield b"SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1;rport=4444;received=192.0.2.9"
    yield b"0009 INVITE"
    yield b"*"
    yield b"tel:+1;phone-context=x"
    yield b'"unended <sip:a@b>;tag=1'


TARGET = Target(
    "sip_fields",
    check,
    seeds,
    words=(
        b"sip:", b"sips:", b"tel:", b"<sip:", b">;", b'"', b'\\"', b";tag=", b";expires=", b"@",
        b":5060", b"[::1]", b"SIP/2.0/UDP ", b";rport", b";received=", b";branch=", b",",
        b" INVITE",
    ),
)  # fmt: skip
