"""What is a secret, and what isn't."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipdiag.base.secrets import HIDDEN, hide, in_conf_line, spans


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('response="9a1b"', f'response="{HIDDEN}"'),
        ('Response = "9a1b"', f'Response = "{HIDDEN}"'),
        ("cnonce=9a1b, nc=00000001", f"cnonce={HIDDEN}, nc=00000001"),
        ('nonce="with \\" quote", qop=auth', f'nonce="{HIDDEN}", qop=auth'),
        ('response="9a1b', f'response="{HIDDEN}'),
        ('opaque="",stale=true', 'opaque="",stale=true'),
        ("Authorization: Basic dXNlcjpwdw==", f"Authorization: Basic {HIDDEN}"),
        ("Proxy-Authorization: NTLM TlRMTVNT x", f"Proxy-Authorization: NTLM {HIDDEN}"),
        ("Authorization: dXNlcjpwdw==", f"Authorization: {HIDDEN}"),
        ("with Bearer abcdef.123456 in it", f"with Bearer {HIDDEN} in it"),
        ("Identity: eyJhbGci.eyJkZXN0.sig;info=<x>", f"Identity: {HIDDEN}"),
        ("X-Api-Key: k123", f"X-Api-Key: {HIDDEN}"),
        ("a=crypto:1 AES_CM_128 inline:KEY|2^20", f"a=crypto:1 AES_CM_128 {HIDDEN}"),
        ("a=key-mgmt:mikey AAAA", f"a=key-mgmt:mikey {HIDDEN}"),
        ("k=base64:S0VZ", f"k=base64:{HIDDEN}"),
        ("a=ice-pwd:asd88fgpdd777uzjYhagZg", f"a=ice-pwd:{HIDDEN}"),
        ("sip:101:hunter2@203.0.113.80", f"sip:101:{HIDDEN}@203.0.113.80"),
        ("<sips:101:hunter2@[fe80::1]:5061>", f"<sips:101:{HIDDEN}@[fe80::1]:5061>"),
        ("register => 101:hunter2@pbx/101", f"register => 101:{HIDDEN}@pbx/101"),
        ("IAX2/101:hunter2@pbx/200", f"IAX2/101:{HIDDEN}@pbx/200"),
        ("secret = hunter2 ; comment", f"secret = {HIDDEN} ; comment"),
        ("md5secret=0123", f"md5secret={HIDDEN}"),
        (
            "failed MD5 authentication for 'bob' (00112233445566778899 != aabbccddeeff00112233)",
            f"failed MD5 authentication for 'bob' {HIDDEN}",
        ),
        ("   CHALLENGE       : 212331104", f"   CHALLENGE       : {HIDDEN}"),
    ],
)
def test_hidden(text: str, shown: str) -> None:
    assert hide(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "sip:101@203.0.113.80:5060",
        "<sip:101@[fe80::1]:5060;transport=udp>",
        "sip:[2001:db8::1]:5060",
        "203.0.113.7:5060 to sip:x@y",
        'Digest username="101", realm="asterisk", uri="sip:203.0.113.80", algorithm=MD5',
        "WWW-Authenticate: Digest algorithm=MD5",
        "secret=<the same on both sides>",
        "401 Unauthorized",
        "a=candidate:1 1 UDP 2130706431 192.168.1.50 8998 typ host",
        "The password may be wrong: nobody knows.",
        "qualify=yes",
        "the response came after 0.5 s",
    ],
)
def test_not_hidden(text: str) -> None:
    assert hide(text) == text


def test_folded_credentials_are_hidden_to_their_end() -> None:
    message = "Authorization: Basic abc\r\n def\r\n\tghi\r\nFrom: <sip:101@x>\r\n"
    assert hide(message) == f"Authorization: Basic {HIDDEN}\r\nFrom: <sip:101@x>\r\n"


@pytest.mark.parametrize(
    ("line", "held"),
    [
        (b"secret=x", True),
        (b"; password = x", True),
        (b"register => a:b@c", True),
        (b"host=dynamic", False),
        (b"qualify=yes", False),
    ],
)
def test_lines_of_a_conf(line: bytes, held: bool) -> None:
    assert in_conf_line(line) is held


@given(st.text(max_size=300))
def test_spans_are_in_order_and_inside(text: str) -> None:
    found = spans(text)
    assert found == sorted(found)
    assert all(0 <= begin <= end <= len(text) for begin, end in found)
