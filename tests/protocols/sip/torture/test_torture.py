"""Every torture message of RFC 4475 and RFC 5118, with the verdict that the RFC gives on it.

What is valid has the fields that the RFC says and no defect; what isn't still has all that can be
read of it, and a defect that names what is wrong and where.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from sipdiag.protocols.recognise import is_sip
from sipdiag.protocols.sip import Message, NameAddr, Uri, parse
from tests.protocols.sip.torture import ARCHIVE, MESSAGES, RFC4475, RFC5118, Torture

pytestmark = pytest.mark.skipif(
    not ARCHIVE.exists(), reason="the archive of the RFCs' messages isn't beside this checkout"
)


def named(name: str) -> Message:
    """A torture message, parsed."""
    (torture,) = [each for each in MESSAGES if each.name == name]
    message = parse(torture.data)
    assert message is not None
    return message


def codes(message: Message) -> list[str]:
    return [defect.code for defect in message.defects]


def uri(value: Uri | None) -> str:
    """Scheme, user, host and port as they were decoded."""
    if value is None:
        return "-"
    user = "" if value.user is None else f"{value.user}@"
    port = "" if value.port is None else f" port {value.port}"
    return f"{value.scheme}:{user}{value.host}{port}"


def addr(value: NameAddr | None) -> str:
    """Display name, URI and tag."""
    if value is None:
        return "-"
    display = f"[{value.display}] " if value.display else ""
    return f"{display}{uri(value.uri)}" + (f" tag {value.tag}" if value.tag else "")


class Told(NamedTuple):
    """What a message says. ``what``: method or status; ``to`` and ``from_`` as ``addr`` has it;
    ``via``: topmost; ``body_bytes``."""

    what: str | int
    uri: str
    from_: str
    to: str
    via: str
    body_bytes: int


def told(message: Message) -> Told:
    via = message.via
    assert via is not None
    port = "" if via.port is None else f":{via.port}"
    return Told(
        message.method if message.is_request else message.status or 0,
        uri(message.request_uri),
        addr(message.from_),
        addr(message.to),
        f"{via.transport} {via.host}{port}",
        len(message.body),
    )


_INTMETH = "!interesting-Method0123456789_*+`.%indeed'~"
_INTUSER = "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
_LONGUSER = "amazinglylongcallername" * 5

VALID: dict[str, Told] = {
    "wsinv": Told(
        "INVITE", "sip:vivekg@chair-dnrc.example.com",
        '[J Rosenberg \\"] sip:jdrosen@example.com tag 98asjd8',
        "sip:vivekg@chair-dnrc.example.com tag 1918181833n", "UDP 192.0.2.2", 150,
    ),
    "intmeth": Told(
        _INTMETH, f"sip:{_INTUSER}@example.com",
        "[token1~` token2'+_ token3*%!.-] sip:mundane@example.com tag _token~1'+`*%!-.",
        f"[BEL:\x07 NUL:\x00 DEL:\x7f] sip:{_INTUSER}@example.com", "TCP host1.example.com", 0,
    ),
    "esc01": Told(
        "INVITE", "sip:sips%3Auser%40example.com@example.net",
        "sip:I%20have%20spaces@example.net tag 938", "sip:%75se%72@example.com",
        "UDP host5.example.net", 150,
    ),
    "escnull": Told(
        "REGISTER", "sip:example.com", "sip:null-%00-null@example.com tag 839923423",
        "sip:null-%00-null@example.com", "UDP host5.example.com", 0,
    ),
    "esc02": Told(
        "RE%47IST%45R", "sip:registrar.example.com",
        "[%Z%45] sip:resource@example.com tag f232jadfj23", "[%Z%45] sip:resource@example.com",
        "TCP host.example.com", 0,
    ),
    "lwsdisp": Told(
        "OPTIONS", "sip:user@example.com", "[caller] sip:caller@example.com tag 323",
        "sip:user@example.com", "UDP funky.example.com", 0,
    ),
    "longreq": Told(
        "INVITE", "sip:user@example.com", f"sip:{_LONGUSER}@example.net tag 1{'298' * 50}2424",
        f"[I have a user name of {'extreme' * 10} proportion] sip:user@example.com port 6000",
        "TCP sip33.example.com", 150,
    ),
    "dblreq": Told(
        "REGISTER", "sip:example.com", "sip:j.user@example.com tag 43251j3j324",
        "sip:j.user@example.com", "UDP 192.0.2.125", 0,
    ),
    "semiuri": Told(
        "OPTIONS", "sip:user;par=u%40example.net@example.com", "sip:caller@example.org tag 33242",
        "sip:j_user@example.com", "UDP 192.0.2.1", 0,
    ),
    "transports": Told(
        "OPTIONS", "sip:user@example.com", "sip:caller@example.com tag 323",
        "sip:user@example.com", "UDP t1.example.com", 0,
    ),
    "mpart01": Told(
        "MESSAGE", "sip:kumiko@example.org", "sip:fluffy@example.com tag 2fb0dcc9",
        "sip:kumiko@example.org", "UDP 127.0.0.1:5070", 553,
    ),
    "unreason": Told(
        200, "-", "sip:user@example.com tag 11141343", "sip:user@example.edu tag 2229",
        "UDP 192.0.2.198", 154,
    ),
    "noreason": Told(
        100, "-", "sip:user@example.com tag 39ansfi3", "sip:user@example.edu tag 902jndnke3",
        "UDP 192.0.2.105", 0,
    ),
    "unkscm": Told(
        "OPTIONS", "nobodyknowsthisscheme:totallyopaquecontent", "sip:caller@example.net tag 384",
        "sip:user@example.com", "TCP host9.example.com", 0,
    ),
    "novelsc": Told(
        "OPTIONS", "soap.beep://192.0.2.103:3002", "sip:caller@example.net tag 384",
        "sip:user@example.com", "TCP host9.example.com", 0,
    ),
    "unksm2": Told(
        "REGISTER", "sip:example.com", "http://www.example.com tag 3234233", "isbn:2983792873",
        "UDP 192.0.2.21:5060", 0,
    ),
    "bext01": Told(
        "OPTIONS", "sip:user@example.com", "sip:caller@example.net tag 242etr",
        "sip:j_user@example.com", "TLS fold-and-staple.example.com", 0,
    ),
    "invut": Told(
        "INVITE", "sip:user@example.com", "sip:caller@example.net tag 8392034",
        "sip:j.user@example.com", "UDP somehost.example.com", 40,
    ),
    "regaut01": Told(
        "REGISTER", "sip:example.com", "sip:j.user@example.com tag 87321hj23128",
        "sip:j.user@example.com", "TCP 192.0.2.253", 0,
    ),
    "bcast": Told(
        200, "-", "sip:user@example.com tag 11141343", "sip:user@example.edu tag 2229",
        "UDP 192.0.2.198", 154,
    ),
    "zeromf": Told(
        "OPTIONS", "sip:user@example.com", "sip:caller@example.net tag 3ghsd41",
        "sip:user@example.com", "UDP host1.example.com", 0,
    ),
    "cparam01": Told(
        "REGISTER", "sip:example.com", "sip:watson@example.com tag DkfVgjkrtMwaerKKpe",
        "sip:watson@example.com", "UDP saturn.example.com:5060", 0,
    ),
    "cparam02": Told(
        "REGISTER", "sip:example.com", "sip:watson@example.com tag 838293",
        "sip:watson@example.com", "UDP saturn.example.com:5060", 0,
    ),
    "regescrt": Told(
        "REGISTER", "sip:example.com", "sip:user@example.com tag 8", "sip:user@example.com",
        "UDP host5.example.com", 0,
    ),
    "sdp01": Told(
        "INVITE", "sip:user@example.com", "sip:caller@example.net tag 234",
        "sip:j_user@example.com", "UDP 192.0.2.15", 150,
    ),
    "inv2543": Told(
        "INVITE", "sip:UserB@example.com", "sip:+13035551111@ift.client.example.net",
        "sip:+16505552222@ss1.example.net", "UDP iftgw.example.com", 105,
    ),
    "ipv6-good": Told(
        "REGISTER", "sip:2001:db8::10", "sip:user@example.com tag 81x2", "sip:user@example.com",
        "UDP 2001:db8::9:1", 0,
    ),
    "port-ambiguous": Told(
        "REGISTER", "sip:2001:db8::10:5070", "sip:user@example.com tag 81x2",
        "sip:user@example.com", "UDP 2001:db8::9:1", 0,
    ),
    "port-unambiguous": Told(
        "REGISTER", "sip:2001:db8::10 port 5070", "sip:user@example.com tag 81x2",
        "sip:user@example.com", "UDP 2001:db8::9:1", 0,
    ),
    "via-received-param-with-delim": Told(
        "BYE", "sip:2001:db8::10", "sip:user@example.com tag 81x2",
        "sip:user@example.com tag bd76ya", "UDP 2001:db8::9:1", 0,
    ),
    "via-received-param-no-delim": Told(
        "OPTIONS", "sip:2001:db8::10", "sip:user@example.com tag 81x2", "sip:user@example.com",
        "UDP 2001:db8::9:1", 0,
    ),
    "ipv6-in-sdp": Told(
        "INVITE", "sip:user@2001:db8::10", "sip:user@example.com tag 81x2",
        "sip:user@2001:db8::10", "UDP 2001:db8::20", 251,
    ),
    "mult-ip-in-header": Told(
        "BYE", "sip:user@host.example.net", "sip:user@example.com tag 81x2",
        "sip:user@example.net tag 9817--94", "UDP 2001:db8::9:1:6050", 0,
    ),
    "mult-ip-in-sdp": Told(
        "INVITE", "sip:user@2001:db8::10", "sip:user@example.com tag 81x2",
        "sip:user@2001:db8::10", "UDP 2001:db8::9:1", 181,
    ),
    "ipv4-mapped-ipv6": Told(
        "INVITE", "sip:user@example.com", "sip:user@east.example.com tag 81x2",
        "sip:user@example.com", "UDP ::ffff:192.0.2.10:19823", 236,
    ),
    "ipv6-correct-abnf-2-colons": Told(
        "OPTIONS", "sip:user@2001:db8::192.0.2.1", "sip:user@example.com tag 810x2",
        "sip:user@2001:db8::192.0.2.1", "UDP lab1.east.example.com", 0,
    ),
}  # fmt: skip
"""What the RFCs call valid, or valid to a parser though an element may refuse it."""

ODD_LENGTHS = {
    "dblreq": "content-length-short",
    "ipv6-in-sdp": "content-length-long",
    "mult-ip-in-sdp": "content-length-short",
    "ipv4-mapped-ipv6": "content-length-short",
}
"""Bytes behind the body are there on purpose (RFC 4475, 3.1.1.8), or because the Content-Length
that RFC 5118 prints isn't that of the body that it prints."""

INVALID: dict[str, tuple[str, ...]] = {
    "badinv01": ("parameter-empty", "via-unreadable", "parameter-empty"),
    "clerr": ("content-length-long",),
    "ncl": ("content-length-unreadable",),
    "scalar02": ("cseq-range", "max-forwards-range", "expires-range", "expires-range"),
    "scalarlg": ("cseq-unreadable",),
    "quotbal": ("quote-open",),
    "ltgtruri": ("request-uri-brackets",),
    "lwsruri": ("request-uri-blanks",),
    "lwsstart": ("start-line-blanks",),
    "trws": ("start-line-blanks",),
    "escruri": ("request-uri-headers",),
    "baddate": ("date-unreadable",),
    "regbadct": ("addr-brackets",),
    "badaspec": ("addr-blanks",),
    "baddn": ("display-name", "display-name"),
    "badvers": ("version",),
    "mismatch01": ("cseq-method",),
    "mismatch02": ("cseq-method",),
    "bigcode": ("status-range",),
    "badbranch": ("branch-empty",),
    "insuf": ("header-missing", "header-missing", "header-missing"),
    "multi01": ("header-repeated",) * 5,
    "mcl01": ("header-repeated", "content-length-short"),
    "ipv6-bad": ("ipv6-brackets",),
    "ipv6-bug-abnf-3-colons": ("ipv6-colons", "ipv6-colons"),
}
"""What they call invalid, and what is to be said of it."""

SAVED: dict[str, tuple[str, str, str]] = {
    "badinv01": ("sip:user@example.com", "sip:j.user@example.com", "UDP 192.0.2.15"),
    "clerr": ("sip:user@example.com", "sip:j.user@example.com", "UDP host5.example.com"),
    "ncl": ("sip:user@example.com", "sip:j.user@example.com", "UDP 192.0.2.53"),
    "scalar02": ("sip:example.com", "sip:user@example.com", "TCP host129.example.com"),
    "scalarlg": ("-", "sip:user@example.com", "TCP host129.example.com"),
    "quotbal": ("sip:user@example.com", "sip:j.user@example.com", "UDP 192.0.2.59"),
    "ltgtruri": ("sip:user@example.com", "sip:user@example.com", "UDP 192.0.2.5"),
    "lwsruri": ("sip:user@example.com", "sip:user@example.com", "UDP 192.0.2.1"),
    "lwsstart": ("sip:user@example.com", "sip:user@example.com", "UDP host1.example.com"),
    "trws": (
        "sip:remote-target@example.com", "sip:remote-target@example.com", "TCP host1.examle.com",
    ),
    "escruri": ("sip:user@example.com", "sip:user@example.com", "UDP host-of-the-hour.example.com"),
    "baddate": ("sip:user@example.com", "sip:user@example.com", "UDP host.example.com"),
    "regbadct": ("sip:example.com", "sip:user@example.com", "UDP 135.180.130.133"),
    "badaspec": ("sip:user@example.org", "sip:t.watson@example.org", "UDP host4.example.com"),
    "baddn": ("sip:t.watson@example.org", "sip:t.watson@example.org", "UDP c.example.com"),
    "badvers": ("sip:t.watson@example.org", "sip:t.watson@example.org", "UDP c.example.com"),
    "mismatch01": ("sip:user@example.com", "sip:j.user@example.com", "UDP host.example.com"),
    "mismatch02": ("sip:user@example.com", "sip:j.user@example.com", "UDP host.example.net"),
    "bigcode": ("-", "sip:user@example.edu", "UDP 192.0.2.105"),
    "badbranch": ("sip:user@example.com", "sip:user@example.com", "UDP 192.0.2.1"),
    "insuf": ("sip:user@example.com", "-", "UDP 192.0.2.95"),
    "multi01": ("sip:user@company.com", "sip:user@example.com", "UDP 192.0.2.25"),
    "mcl01": ("sip:user@example.com", "sip:user@example.com", "UDP host5.example.net"),
    "ipv6-bad": ("sip:2001:db8::10", "sip:user@example.com", "UDP 2001:db8::9:1"),
    "ipv6-bug-abnf-3-colons": (
        "sip:user@2001:db8::192.0.2.1", "sip:user@2001:db8::192.0.2.1",
        "UDP lab1.east.example.com",
    ),
}  # fmt: skip
"""Of the invalid ones: Request-URI, To and topmost Via, which can be read nevertheless."""


def test_they_are_all_there() -> None:
    assert len(RFC4475) == 49 and len(RFC5118) == 12
    names = [torture.name for torture in MESSAGES]
    assert len(set(names)) == len(names)
    assert set(names) == set(VALID) | set(INVALID)
    assert not set(VALID) & set(INVALID)
    assert set(SAVED) == set(INVALID)
    sections = [torture.section for torture in RFC4475]
    assert sections == [
        *(f"3.1.1.{n}" for n in range(1, 14)),
        *(f"3.1.2.{n}" for n in range(1, 20)),
        "3.2.1",
        *(f"3.3.{n}" for n in range(1, 16)),
        "3.4.1",
    ]


@pytest.mark.parametrize("name", VALID)
def test_valid_messages_have_their_fields(name: str) -> None:
    assert told(named(name)) == VALID[name]


@pytest.mark.parametrize("name", VALID)
def test_valid_messages_have_no_defects(name: str) -> None:
    assert codes(named(name)) == ([ODD_LENGTHS[name]] if name in ODD_LENGTHS else [])


@pytest.mark.parametrize("name", INVALID)
def test_invalid_messages_have_named_defects(name: str) -> None:
    assert codes(named(name)) == list(INVALID[name])


@pytest.mark.parametrize("name", SAVED)
def test_of_invalid_messages_is_saved_what_can_be(name: str) -> None:
    message = named(name)
    via = message.via
    assert via is not None
    to = uri(message.to.uri) if message.to else "-"
    assert (uri(message.request_uri), to, f"{via.transport} {via.host}") == SAVED[name]


@pytest.mark.parametrize("torture", MESSAGES, ids=lambda torture: torture.name)
def test_no_byte_is_lost_and_every_defect_has_its_place(torture: Torture) -> None:
    message = parse(torture.data)
    assert message is not None
    assert is_sip(torture.data) or torture.name == "bigcode", "a response to be discarded"
    lines = b"".join(message.raw[h.offset : h.end] for h in message.headers)
    start, rest = message.raw[: message.start_end], message.raw[message.body_offset :]
    assert start + lines + b"\r\n" + rest == torture.data
    offsets = {0, message.start_end, *(header.offset for header in message.headers)}
    for defect in message.defects:
        assert defect.offset in offsets
        assert defect.text


# What a single message is there for.


def test_white_space_everywhere() -> None:
    """3.1.1.1"""
    message = named("wsinv")
    assert message.cseq == (9, "INVITE")
    assert message.get("max-forwards") == "0068"
    assert message.get("subject") == ""
    assert message.get("newfangledheader") == "newfangled value continued newfangled value"
    assert message.get("unknownheaderwithunusualvalue") == ";;,,;;,;"
    assert [(v.transport, v.host, v.branch) for v in message.vias] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    (contact,) = message.contacts
    assert contact.display == 'Quoted string ""'
    assert contact.params == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    assert message.request_uri is not None
    assert message.request_uri.params == {"unknownparam": None}
    assert [header.written for header in message.headers][:3] == ["TO", "from", "MaX-fOrWaRdS"]


def test_a_wide_range_of_characters() -> None:
    """3.1.1.2"""
    message = named("intmeth")
    assert message.cseq == (139122385, _INTMETH)
    assert message.from_ is not None
    assert message.from_.params["fromparam''~+*_!.-%"] == "работающий"
    assert message.get("extensionheader-!.%*+_`'~") == "\ufeff大停電"
    assert message.call_id == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"


def test_escapes_are_left_as_they_were_written() -> None:
    """3.1.1.3 and 3.1.1.4"""
    (contact,) = named("esc01").contacts
    assert contact.uri is not None
    assert contact.uri.params == {"%6c%72": None, "n%61me": "v%61lue%25%34%31"}
    assert [c.uri.user for c in named("escnull").contacts if c.uri] == ["%00", "%00%00"]


def test_what_only_looks_like_an_escape() -> None:
    """3.1.1.5: neither is the method REGISTER, nor ``C%6Fntact`` a Contact."""
    message = named("esc02")
    assert [c.uri.user for c in message.contacts if c.uri] == ["alias1", "alias3"]


def test_long_values() -> None:
    """3.1.1.7"""
    message = named("longreq")
    assert len(message.vias) == 34
    assert message.vias[-1].branch == f"very{'long' * 50}branchvalue"
    assert message.vias[-1].received == "192.0.2.5"
    assert message.call_id == f"longreq.one{'really' * 20}longcallid"


def test_bytes_behind_the_body_are_no_second_message() -> None:
    """3.1.1.8"""
    message = named("dblreq")
    assert message.method == "REGISTER" and message.body == b""
    assert message.raw[message.body_offset :].startswith(b"\r\nINVITE sip:joe@example.com SIP/2.0")


def test_unknown_transports() -> None:
    """3.1.1.10"""
    kinds = [via.transport for via in named("transports").vias]
    assert kinds == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]


def test_a_multipart_body_with_nul_bytes() -> None:
    """3.1.1.11"""
    message = named("mpart01")
    assert b"\0" in message.body
    assert message.body.endswith(b"--7a9cbec02ceef655--\r\n")
    assert message.sdp is None


def test_reason_phrases() -> None:
    """3.1.1.12 and 3.1.1.13"""
    expected = "= 2**3 * 5**2 но сто девяносто девять - простое"
    assert named("unreason").reason == expected
    assert named("noreason").reason == ""


def test_parameters_of_the_header_and_of_the_uri() -> None:
    """3.3.12 to 3.3.14"""
    (header,) = named("cparam01").contacts
    assert header.params == {"unknownparam": None}
    (inner,) = named("cparam02").contacts
    assert inner.params == {} and inner.uri is not None
    assert inner.uri.params == {"unknownparam": None}
    (escaped,) = named("regescrt").contacts
    assert uri(escaped.uri) == "sip:user@example.com"


def test_uris_of_other_schemes() -> None:
    """3.3.4"""
    (contact,) = named("unksm2").contacts
    assert contact.uri is not None and contact.uri.scheme == "name"


def test_overlarge_numbers_are_no_numbers() -> None:
    """3.1.2.4"""
    message = named("scalar02")
    (contact,) = message.contacts
    assert message.expires is None and message.contact_expires(contact) is None


def test_a_message_shorter_than_it_says_keeps_its_body() -> None:
    """3.1.2.2"""
    sdp = named("clerr").sdp
    assert sdp is not None and sdp.audio is not None
    assert sdp.audio.address == "192.0.2.155"


def test_received_with_and_without_brackets() -> None:
    """RFC 5118, 4.5"""
    for name in ("via-received-param-with-delim", "via-received-param-no-delim"):
        via = named(name).via
        assert via is not None and via.received == "2001:db8::9:255"


def test_both_families_in_one_message() -> None:
    """RFC 5118, 4.6 to 4.9"""
    vias = named("mult-ip-in-header").vias
    assert [via.host for via in vias] == ["2001:db8::9:1", "192.0.2.1", "2001:db8::9:255"]
    assert vias[2].received == "192.0.2.200"
    sdp = named("mult-ip-in-sdp").sdp
    assert sdp is not None
    assert [media.address for media in sdp.media] == ["192.0.2.1", "2001:db8::1"]
    inside = named("ipv6-in-sdp").sdp
    assert inside is not None and inside.connection_address == "2001:db8::20"
    mapped = named("ipv4-mapped-ipv6").sdp
    assert mapped is not None and mapped.connection_address == "::ffff:192.0.2.2"
