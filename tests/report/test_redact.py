"""No secret leaves by any renderer, unless it is asked for."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipdiag.cli import main
from sipdiag.crafting import iax2 as make_iax2
from sipdiag.crafting.scenario import Scenario
from sipdiag.protocols import iax2
from sipdiag.protocols.iax2.names import IE, Iax
from sipdiag.report.redact import redact_message
from sipdiag.report.safe import plain, secrets_shown

PLANTED = {
    name: f"Pl4nted{number:02d}S3cret"
    for number, name in enumerate(
        (
            "response", "cnonce", "nonce", "opaque", "basic", "identity", "header", "crypto",
            "mikey", "k", "ice", "uri", "contact", "push", "iax-password", "iax-challenge",
            "iax-md5", "iax-rsa", "iax-token", "log-uri", "conf-secret", "conf-register",
        )
    )
}  # fmt: skip


def _sip(method: str = "REGISTER", cseq: int = 1) -> bytes:
    p = PLANTED
    return (
        f"{method} sip:101:{p['uri']}@203.0.113.80 SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 192.168.1.50:5060;branch=z9hG4bKx{cseq};rport\r\n"
        "From: <sip:101@203.0.113.80>;tag=1\r\nTo: <sip:101@203.0.113.80>\r\n"
        f"Call-ID: plant@192.168.1.50\r\nCSeq: {cseq} {method}\r\n"
        f"Contact: <sip:101:{p['contact']}@192.168.1.50:5060;pn-prid={p['push']}>;expires=60\r\n"
        f'Authorization: Digest username="101", realm="asterisk",\r\n nonce="{p["nonce"]}", '
        f'uri="sip:203.0.113.80", response="{p["response"]}", cnonce={p["cnonce"]}, '
        f'opaque="{p["opaque"]}"\r\n'
        f"Proxy-Authorization: Basic {p['basic']}\r\n"
        f"Identity: {p['identity']};info=<https://x>\r\n"
        f"X-Auth-Token: {p['header']}\r\n"
        "Content-Type: application/sdp\r\n\r\n"
        "v=0\r\no=- 1 1 IN IP4 192.168.1.50\r\ns=-\r\nc=IN IP4 192.168.1.50\r\nt=0 0\r\n"
        f"k=clear:{p['k']}\r\nm=audio 4000 RTP/SAVP 0\r\n"
        f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{p['crypto']}|2^20|1:4\r\n"
        f"a=key-mgmt:mikey {p['mikey']}\r\na=ice-pwd:{p['ice']}\r\n"
    ).encode()


def _iax2() -> bytes:
    p = PLANTED
    elements: list[tuple[int, bytes]] = [
        (IE.USERNAME, b"branch"),
        (IE.PASSWORD, p["iax-password"].encode()),
        (IE.CHALLENGE, p["iax-challenge"].encode()),
        (IE.MD5_RESULT, p["iax-md5"].encode()),
        (IE.RSA_RESULT, p["iax-rsa"].encode()),
        (IE.CALLTOKEN, p["iax-token"].encode()),
    ]
    chain = b"".join(bytes((number, len(data))) + data for number, data in elements)
    return make_iax2.build(Iax.REGREQ, source_call=5, timestamp_ms=3, data=chain)


def _left(text: str | bytes) -> list[str]:
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return [name for name, value in PLANTED.items() if value in shown]


@pytest.mark.parametrize("message", [_sip(), _iax2()], ids=["SIP", "IAX2"])
def test_a_message_loses_its_secrets_and_no_byte(message: bytes) -> None:
    assert _left(message)
    hidden = redact_message(message)
    assert _left(hidden) == []
    assert len(hidden) == len(message)
    assert [m.start() for m in re.finditer(b"\r\n", hidden)] == [
        m.start() for m in re.finditer(b"\r\n", message)
    ]
    assert b"192.168.1.50" in hidden or b"branch" in hidden


def test_a_frame_keeps_its_form() -> None:
    before, after = iax2.parse(_iax2()), iax2.parse(redact_message(_iax2()))
    assert isinstance(before, iax2.FullFrame) and isinstance(after, iax2.FullFrame)
    assert [(e.number, len(e.raw)) for e in before.elements] == [
        (e.number, len(e.raw)) for e in after.elements
    ]
    assert after.text("USERNAME") == "branch"
    assert after.text("CHALLENGE") == "*" * len(PLANTED["iax-challenge"])


def test_the_rest_of_a_cut_element_is_hidden_too() -> None:
    cut = _iax2()[:-5]
    hidden = redact_message(cut)
    assert b"Pl4nted" not in hidden and len(hidden) == len(cut)


def test_secrets_are_shown_where_that_was_asked_for() -> None:
    with secrets_shown():
        assert redact_message(_sip()) == _sip()
        assert plain(f"secret={PLANTED['k']}") == f"secret={PLANTED['k']}"
    assert redact_message(_sip()) != _sip()


@given(st.binary(max_size=400))
def test_any_bytes_keep_their_length(data: bytes) -> None:
    assert len(redact_message(data)) == len(data)


def test_a_secret_that_is_cut_off_is_hidden() -> None:
    text = "x " * 15 + f"sip:101:{PLANTED['uri']}@host"
    assert "Pl4nted" not in plain(text, longest=48)


def _run(*words: str) -> str:
    out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        contextlib.suppress(SystemExit),
    ):
        main(list(words))
    out.flush()
    data = out.buffer
    assert isinstance(data, io.BytesIO)
    return data.getvalue().decode() + err.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A capture, a log and a configuration full of secrets, with something to find."""
    made = tmp_path_factory.mktemp("secrets")
    s = Scenario()
    phone = s.sip_phone("101", inner="192.168.1.50", outer="203.0.113.7")
    s.register(phone)
    for number in range(3):
        s.at(5 + number * 10)
        s.send("203.0.113.7:5060", "203.0.113.80:5060", _sip("REGISTER", 10 + number))
        s.send("203.0.113.7:5060", "203.0.113.80:5060", _sip("INVITE", 50 + number))
        s.send("203.0.113.8:4569", "203.0.113.80:4569", _iax2())
    s.at(60)
    s.call(phone, answered=False, to="192.168.1.50:5060")
    s.write(made / "bad.pcap")
    uri = f"sip:101:{PLANTED['log-uri']}@203.0.113.7:5060"
    (made / "full.log").write_text(
        "[2026-11-23 10:00:00] WARNING[1]: res_pjsip: Contact 101/" + uri + " is now Unreachable.\n"
        f"[2026-11-23 10:00:01] NOTICE[1]: chan_iax2.c: Host 203.0.113.8 failed MD5 "
        f"authentication for 'branch' ({'0a' * 16} != {'0b' * 16})\n"
        "[2026-11-23 10:00:02] VERBOSE[1]: chan_sip.c: \n<--- SIP read from "
        "UDP:203.0.113.7:5060 --->\n" + _sip().decode() + "\n<------------->\n"
    )
    (made / "etc").mkdir()
    (made / "etc" / "sip.conf").write_text(
        f"[general]\nregister => 200:{PLANTED['conf-register']}@provider.example\n"
        f"[101]\ntype=friend\nhost=dynamic\nsecret={PLANTED['conf-secret']}\nnat=no\n"
    )
    return made


COMMANDS = [
    "analyse bad.pcap",
    "analyse bad.pcap --what-if",
    "analyse bad.pcap --json",
    "analyse bad.pcap --markdown",
    "analyse bad.pcap --anonymise --json",
    "analyse bad.pcap --plot out.svg",
    "analyse bad.pcap --html out.html",
    "analyse full.log --html out.html",
    "analyse full.log",
    "analyse full.log --json",
    "compare bad.pcap bad.pcap --markdown",
    "ladder bad.pcap",
    "ladder full.log",
    "ladder bad.pcap --svg out.svg",
    "advise bad.pcap",
    "advise bad.pcap --json",
    "advise --config etc",
    "advise --config etc bad.pcap --json",
    "convert full.log out.pcapng",
    "explain SD101",
]


@pytest.fixture
def inside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(folder)
    yield folder
    for name in ("out.svg", "out.html"):
        (folder / name).unlink(missing_ok=True)


@pytest.mark.parametrize("words", COMMANDS)
def test_no_command_gives_a_secret_away(inside: Path, words: str) -> None:
    shown = _run(*words.split())
    shown += "".join(file.read_text() for file in inside.glob("out.[hs]*"))
    assert shown
    assert _left(shown) == []
    assert "0a" * 16 not in shown


def test_a_page_shows_them_where_that_was_asked_for(inside: Path) -> None:
    """The messages stand in it; each is looked at as it was."""
    _run("analyse", "bad.pcap", "--html", "out.html", "--show-secrets")
    page = (inside / "out.html").read_text()
    assert {"response", "nonce", "cnonce", "basic", "crypto"} <= set(_left(page))


def test_two_words_that_contradict_each_other(inside: Path) -> None:
    assert "don't go together" in _run("analyse", "bad.pcap", "--anonymise", "--show-secrets")
