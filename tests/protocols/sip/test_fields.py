"""Values inside header fields, strict and lenient forms."""

from __future__ import annotations

import pytest

from sipdiag.protocols.sip.fields import (
    parse_cseq,
    parse_host_port,
    parse_name_addr,
    parse_uri,
    parse_via,
    split_outside,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sip:a@b", ("a", "b", None)),
        ("SIP:a:password@b:5070;lr?X=1", ("a", "b", 5070)),
        ("sip:b", (None, "b", None)),
        ("sips:u;x=1@[2001:db8::1]:5061", ("u;x=1", "2001:db8::1", 5061)),
        ("sip:2001:db8::10", (None, "2001:db8::10", None)),
    ],
)
def test_uri(text: str, expected: tuple[str | None, str, int | None]) -> None:
    uri = parse_uri(text)
    assert uri is not None
    assert (uri.user, uri.host, uri.port) == expected


def test_default_ports() -> None:
    assert [u.effective_port for u in map(parse_uri, ("sip:a", "sips:a", "sip:a;transport=tls"))
            if u] == [5060, 5061, 5061]  # fmt: skip


def test_other_schemes_are_kept_whole() -> None:
    uri = parse_uri("tel:+49-30-1")
    assert uri is not None and (uri.scheme, uri.host) == ("tel", "+49-30-1")
    assert parse_uri("no scheme") is None


def test_parameters_belong_to_the_header_without_brackets() -> None:
    bare = parse_name_addr("sip:a@b;tag=1")
    assert bare.tag == "1" and bare.uri is not None and bare.uri.params == {}
    closed = parse_name_addr("<sip:a@b;ob>;tag=2")
    assert closed.tag == "2" and closed.uri is not None and closed.uri.params == {"ob": None}


def test_a_bracket_in_quotes_is_no_bracket() -> None:
    value = parse_name_addr('"a <b> \\" c" <sip:x@y>')
    assert value.uri is not None and value.uri.user == "x"


def test_splitting_respects_quotes_and_brackets() -> None:
    assert split_outside('"a,b" <sip:x?y=1,2>, <sip:z>', ",") == [
        '"a,b" <sip:x?y=1,2>',
        " <sip:z>",
    ]


def test_via_forms() -> None:
    via = parse_via(" SIP / 2.0 / UDP  first.example.com : 4000 ;ttl=16; branch = z9hG4bK ")
    assert via is not None
    assert (via.transport, via.host, via.port, via.branch) == (
        "UDP",
        "first.example.com",
        4000,
        "z9hG4bK",
    )
    assert parse_via("SIP/2.0/UDP") is None


@pytest.mark.parametrize("text", ["a:70000", "a:b", "", "[::1"])
def test_ports_and_hosts_that_are_none(text: str) -> None:
    parsed = parse_host_port(text)
    assert parsed is None or parsed[1] is None


def test_cseq() -> None:
    assert parse_cseq("0009  INVITE") == (9, "INVITE")
    assert parse_cseq("INVITE") is None


@pytest.mark.parametrize(
    ("text", "display"),
    [
        ('"a \\\\" <sip:x@y>', "a \\"),
        ('"a \\" b" <sip:x@y>', 'a " b'),
        ('"a, <sip:no@no>" <sip:x@y>', "a, <sip:no@no>"),
        ('"a <sip:x@y>', "a"),
        ("a b<sip:x@y>", "a b"),
        ('"" <sip:x@y>', ""),
        ('" a " <sip:x@y>', " a "),
        ('" a "<sip:x@y>;', " a "),
    ],
)
def test_display_names(text: str, display: str) -> None:
    value = parse_name_addr(text)
    assert value.display == display
    assert value.uri is not None and (value.uri.user, value.uri.host) == ("x", "y")


def test_quoted_values() -> None:
    params = parse_name_addr('<sip:a>;x="a\\"b";y=";,<>";z="open').params
    assert params == {"x": 'a"b', "y": ";,<>", "z": "open"}


def test_three_colons_before_an_ipv4_part() -> None:
    assert parse_host_port("[2001:db8:::192.0.2.1]:5060") == ("2001:db8::192.0.2.1", 5060)
    assert parse_host_port("[2001:db8:::1]") == ("2001:db8:::1", None)
    value = parse_name_addr("<sip:u@[2001:db8:::192.0.2.1]:5060>;tag=1")
    assert value.uri is not None and value.uri.host == "2001:db8::192.0.2.1"


@pytest.mark.parametrize(
    "piece", [*' :;,@<>"\\a1.[]%', "a ", ";a", '\\"', '"a"', "<a>", "::", " <", '" ']
)
def test_values_made_to_be_slow(piece: str) -> None:
    """A pattern that tries every way to split such a value would never come to an end."""
    long = piece * (60_000 // len(piece))
    for before in ("", "sip:", "<sip:", '"', "SIP/2.0/UDP ", "SIP/2.0/UDP a:", "1 ", "a;b="):
        for after in ("", "z", ">", '"', "\r", ":"):
            text = before + long + after
            parse_uri(text)
            parse_via(text)
            parse_cseq(text)
            parse_host_port(text)
            parse_name_addr(text)
