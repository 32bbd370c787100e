"""Hostile text: what an attacker may put into a name, a header or a file's name. One corpus for
every renderer, and what each must hold.

``HOSTILE`` by what it tries; ``poisoned`` puts one into every text of a report that can come off
the wire; the ``check_*`` functions look at what a renderer made of it.
"""

from __future__ import annotations

import enum
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from markdown_it import MarkdownIt

from sipdiag.crafting.scenario import Scenario
from sipdiag.report.model import Report

MARK = "INJECTED"
"""Stands behind every attempt to begin a new line: no line of a renderer may begin with it."""

HOSTILE: dict[str, str] = {
    "csi-clear": f"\x1b[2J\x1b[H{MARK}",
    "csi-colour": f"\x1b[31;1m{MARK}\x1b[0m",
    "c1-csi": f"\x9b2J\x9b31m{MARK}",
    "osc-title": "\x1b]0;owned\x07",
    "osc-8-link": "\x1b]8;;https://evil.example/\x1b\\click\x1b]8;;\x1b\\",
    "osc-52-clipboard": "\x1b]52;c;cm0gLXJmIH4=\x07",
    "dcs": '\x1bP$q"p\x1b\\',
    "c1-osc": "\x9d0;owned\x9c",
    "backspaces": f"ok\x08\x08{MARK}",
    "carriage-return": f"harmless\r{MARK}",
    "newline": f"harmless\n{MARK}",
    "crlf-header": f"101\r\n{MARK}: yes\r\n\r\n",
    "vertical-tab": f"a\x0b{MARK}\x0c{MARK}\x1c{MARK}\x1d{MARK}\x1e{MARK}",
    "next-line": f"a\x85{MARK}",
    "line-separator": f"a\u2028{MARK}\u2029{MARK}",
    "bidi-override": "101\u202egnp.exe",
    "bidi-isolates": "\u2066\u2067\u2068101\u2069\u200f\u200e\u061c",
    "zero-width": "1\u200b0\u200c1\u200d\ufeff\u2060",
    "soft-hyphen": "1\u00ad01",
    "tags": "101\U000e0041\U000e0042",
    "nul": "101\x00102",
    "delete": "101\x7f",
    "invalid-utf-8": "J\udcfcrgen \udcff\udcfe\udc80",
    "private-use": "\ue000\U000f0000",
    "rich-markup": f"[bold red]{MARK}[/bold red][link=https://evil.example]x[/link]",
    "ipv6-contact": "sip:101@[fe80::1]:5060",
    "html-script": "<script>alert(1)</script>",
    "html-image": "<img src=x onerror=alert(1)>",
    "html-attribute": '" onmouseover="alert(1)" x=\'',
    "html-entity": "&lt;script&gt;&#x3C;b&#x3E;&amp;",
    "html-comment": "--><svg/onload=alert(1)><!--",
    "html-style": "</style><style>*{display:none}",
    "html-cdata": "]]><script>alert(1)</script><![CDATA[",
    "javascript-url": "javascript:alert(document.domain)",
    "template": "{{ 7*7 }}{% raw %}${7*7}#{7*7}",
    "markdown-fence": f"```\n{MARK}\n```",
    "markdown-long-fence": "`````````````",
    "markdown-tilde": f"~~~\n{MARK}",
    "markdown-link": "[click](https://evil.example)",
    "markdown-image": "![x](https://evil.example/x.png)",
    "markdown-reference": "[a]: https://evil.example",
    "markdown-autolink": "<https://evil.example> www.evil.example https://evil.example",
    "markdown-mention": "@everyone #1 evil@evil.example GH-1",
    "markdown-table": "| a | b |\\| c \\\\| d",
    "markdown-heading": "# heading",
    "markdown-setext": f"text\n===\n{MARK}",
    "markdown-list": "- item\n1. item",
    "markdown-emphasis": "**bold** __bold__ *it* _it_ ~~gone~~",
    "markdown-html": "<details open><summary>x</summary>",
    "markdown-code": "`a` ``b`` \\`c\\`",
    "markdown-math": "$\\unicode{x}$ $$x$$",
    "backslashes": "\\\\\\",
    "formula": "=cmd|' /C calc'!A0",
    "format": "%s%n%x{0}{__class__}",
    "shell": "$(reboot)`reboot`;reboot|reboot",
    "path": "../../../etc/passwd",
    "cjk": "漢字かな交じり文",
    "combining": "Z" + "\u0351\u0489" * 40,
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "very-long": "x" * 20_000,
    "very-long-escapes": "\x1b[" * 10_000,
    "very-long-words": ("y" * 99 + " ") * 200,
}

_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})

_WORDS = frozenset(
    {
        "schema", "kind", "vantage", "severity", "confidence", "role", "driver", "asterisk",
        "overall", "reply", "request", "audio", "binding", "inward", "caused_by", "by", "where",
        "code", "finding",
    }
)  # fmt: skip
"""Fields that hold words of ours: renderers look them up."""


def poisoned(report: Report, text: str) -> Report:
    """The report with ``text`` in every field that may hold something off the wire."""
    root = report.verdict.finding
    made: Report = poison(report, text)
    made.verdict.finding = root
    for before, after in zip(report.findings, made.findings, strict=True):
        after.name = before.name
    for one, other in zip(report.undetermined, made.undetermined, strict=True):
        other.name = one.name
    return made


def poison(value: Any, text: str, name: str = "") -> Any:
    """The value with ``text`` behind every string in it; words of ours (``_WORDS``) stay."""
    if name in _WORDS or isinstance(value, enum.Enum):
        return value
    if isinstance(value, str):
        return f"{value} {text}" if name != "time" else value
    if isinstance(value, list):
        return [poison(item, text) for item in value]
    if isinstance(value, tuple):
        made = [poison(item, text) for item in value]
        return type(value)(*made) if hasattr(value, "_fields") else tuple(made)
    if isinstance(value, dict):
        return {f"{key} {text}": poison(item, text) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        changes = {f.name: poison(getattr(value, f.name), text, f.name) for f in fields(value)}
        return replace(value, **changes)
    return value


def hostile_capture(path: Path, texts: Iterable[str] = HOSTILE.values()) -> Path:
    """A capture of a phone for each text, whose user, software and called number say it, and whose
    calls fail: something is found."""
    s = Scenario()
    for number, text in enumerate(texts):
        name = text[:1500].encode("utf-8", "replace").decode()
        address = f"203.0.113.{number + 100}"
        phone = s.sip_phone(
            name, inner=f"192.168.{number}.50", outer=address, user_agent=name, writes="inner"
        )
        s.at(number * 10)
        s.register(phone)
        s.at(number * 10 + 5)
        s.call(phone, answered=False, to=f"192.168.{number}.50:5060")
        s.at(number * 10 + 6)
        request = raw_request(text[:3000].encode("utf-8", "surrogateescape"))
        s.send(f"{address}:5060", "203.0.113.80:5060", request)
    return s.write(path)


def raw_request(text: bytes) -> bytes:
    """An INVITE with ``text`` wherever RFC 3261 has room for it, grammar or not."""
    return (
        b"INVITE sip:" + text + b"@203.0.113.80 SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP 192.168.1.50:5060;branch=z9hG4bKhostile;rport;x=" + text + b"\r\n"
        b'From: "' + text + b'" <sip:101@203.0.113.80>;tag=' + text + b"\r\n"
        b"To: <sip:" + text + b"@203.0.113.80>\r\n"
        b"Call-ID: " + text + b"@192.168.1.50\r\n"
        b"CSeq: 1 INVITE\r\n"
        b"Contact: <sip:" + text + b"@[fe80::1]:5060>\r\n"
        b"User-Agent: " + text + b"\r\n"
        b"Content-Type: application/sdp\r\n\r\n"
        b"v=0\r\no=" + text + b" 1 1 IN IP4 192.168.1.50\r\ns=" + text + b"\r\n"
        b"c=IN IP4 192.168.1.50\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\na=" + text + b"\r\n"
    )


def strings_of(value: Any) -> Iterator[str]:
    """Every text in a JSON value, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings_of(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from strings_of(item)


def check_shown(text: str) -> None:
    """Nothing in it steers, or hides from, whoever reads it."""
    bad = {char for char in text if unicodedata.category(char) in _HIDDEN} - {"\n"}
    assert not bad, sorted(f"{ord(char):04x}" for char in bad)


def check_terminal(text: str) -> None:
    """Output for a terminal. Where it is made so wide that no line is broken by its renderer, none
    begins with what should stand within one."""
    check_shown(text)
    assert not any(line.lstrip(" │|-─").startswith(MARK) for line in text.split("\n"))


def check_json(text: str) -> None:
    """One JSON object, pure ASCII, and nothing that acts in any of its texts."""
    assert text.isascii()
    for string in strings_of(json.loads(text)):
        check_shown(string)
        assert "\n" not in string


_MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_OURS = frozenset(
    {
        "heading", "paragraph", "bullet_list", "list_item", "table", "thead", "tbody", "tr", "th",
        "td", "strong", "inline", "text", "code_inline", "fence", "softbreak",
    }
)  # fmt: skip
_LINKED = re.compile(
    r"://|www\.|(?<!\w)@\w|\w@\w|(?<!\w)#\d|javascript:\S*://|mailto:", re.IGNORECASE
)


def check_markdown(text: str) -> None:
    """Markdown without HTML, links, images, or anything else that isn't ours; no word outside of
    code that a forum would make a link or a mention of; every heading and fence one of ours."""
    check_shown(text)
    assert len(text) < 400_000
    for token in _MARKDOWN.parse(text):
        for one in [token, *(token.children or [])]:
            kind = one.type.removesuffix("_open").removesuffix("_close")
            assert kind in _OURS, (kind, one.content[:200])
            if kind == "text":
                assert not _LINKED.search(one.content), one.content[:200]
                assert not one.content.lstrip().startswith(MARK)
            if kind == "heading" and one.level == 0:
                assert one.tag == "h3"
            if kind == "fence":
                assert one.info in ("ini", "text"), one.info
                assert not any(line.startswith(MARK) for line in one.content.split("\n"))


_SVG = "{http://www.w3.org/2000/svg}"
_DRAWN = frozenset(
    f"{_SVG}{name}"
    for name in (
        "svg", "g", "path", "line", "rect", "circle", "text", "tspan", "title", "desc", "style",
        "defs", "pattern", "polyline", "polygon", "marker", "clipPath", "a",
    )
)  # fmt: skip


def check_svg(text: str) -> None:
    """Well-formed SVG of drawing elements only, without scripts, handlers and outward links."""
    check_shown(text)
    for element in ElementTree.fromstring(text).iter():
        assert element.tag in _DRAWN, element.tag
        for name, value in element.attrib.items():
            assert not name.lower().startswith("on"), name
            if name.endswith("href"):
                assert value.startswith("#"), value
            assert "javascript:" not in value.lower()
