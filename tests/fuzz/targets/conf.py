"""Configuration directories: read without an error, changed only where it does what was asked."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from sipdiag.advice.conf_change import Desk, Wanted, holds
from sipdiag.advice.conf_diff import may_be_shown, unified_diff
from sipdiag.asterisk.conf_files import ConfDir
from sipdiag.asterisk.conf_setup import Setup, read_setup
from sipdiag.asterisk.identify import parse_version
from tests.fuzz.patching import applied, split
from tests.fuzz.target import Target

_FILES = ("sip.conf", "pjsip.conf", "iax.conf", "pjsip_wizard.conf", "extra.conf")
_VERSIONS = tuple(parse_version(text) for text in ("1.4.44", "11.25.3", "16.28.0", "22.1.0"))
_WISHES = (
    ("chan_sip", "sip.conf", "{}", "nat", "force_rport,comedia"),
    ("chan_sip", "sip.conf", "general", "maxexpiry", "60"),
    ("pjsip", "pjsip.conf", "[{}] type=endpoint", "rewrite_contact", "yes"),
    ("pjsip", "pjsip.conf", "[{}] type=aor", "qualify_frequency", "25"),
    ("iax2", "iax.conf", "{}", "qualifyfreqok", "25000"),
)


@cache
def _root() -> Path:
    root = Path(tempfile.mkdtemp(prefix="sipdiag-fuzz-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    for name in _FILES:
        (root / name).touch()
    return root


def check(data: bytes) -> None:
    """``data``: the files one after the other, NUL between them."""
    parts = data.split(b"\0", len(_FILES) - 1)
    contents = dict(zip(_FILES, parts + [b""] * len(_FILES), strict=False))
    version = _VERSIONS[len(data) % len(_VERSIONS)]
    setup = read_setup(ConfDir(_root(), contents), version)
    _places(setup)
    desk = Desk(setup)
    for where, file, section, option, value in _WISHES:
        for entity in [each for each in setup.entities if each.where == where][:2]:
            wanted = Wanted(where, file, section.format(entity.name), option, value)
            if desk.make(wanted) is not None:
                assert holds(desk.now, wanted)
    for name, after in desk.contents().items():
        before = setup.files[name]
        diff = unified_diff(name, before.raw_lines, desk.edits[name])
        assert applied(before.data, diff) == after
        for line in split(diff)[2:]:
            assert line.startswith((b"@@", b"\\")) or may_be_shown(line[1:]), line


def _places(setup: Setup) -> None:
    for config in setup.configs.values():
        assert len(config.defects) <= 200
        for section in config.sections:
            for setting in section.settings:
                assert "\n" not in setting.value
                lines = config.files[setting.place.file].lines
                line = lines[setting.place.line - 1]
                assert line is not None
                begin, end = setting.span
                assert 0 <= begin <= end <= len(line)
                if setting.value and not setting.appended and b";" not in line:
                    written = line[begin:end].decode("utf-8", "surrogateescape")
                    assert written == setting.value


def seeds() -> Iterator[bytes]:
    """Templates, includes, wizards, comments of every kind."""
    sip = (
        b"[general]\nbindport=5060 ; the port\nnat=no\n#include extra.conf\n[t](!)\ntype=friend\n"
        b"qualify=no\n[101](t)\nsecret=hush\\;hush\nnat => no\n;-- off\n[102]\n--;\n[101](+)\n"
        b"host=dynamic\nmaxexpiry=120\n"
    )
    pjsip = (
        b"[udp]\ntype=transport\nbind=0.0.0.0\n[101]\ntype=endpoint\naors=101\nauth=101\n"
        b"rewrite_contact=no\n[101]\ntype=aor\nmax_contacts=1\nqualify_frequency=0\n[101]\n"
        b"type=auth\npassword=hush\n"
    )
    iax = b"[general]\nminregexpire=60\n[bob]\ntype=friend\nhost=dynamic\nqualify=yes\n"
    wizard = b"[alice]\ntype=wizard\nendpoint/allow=all\naor/qualify_frequency=0\n"
    yield b"\0".join([sip, pjsip, iax, wizard, b"[103](t)\nhost=dynamic\n"])
    yield b"\0".join([sip.replace(b"\n", b"\r\n"), pjsip, b"", wizard])
    yield sip + b"#include sip.conf\n#tryinclude nowhere.conf\n#exec true\n#include /etc/passwd\n"
    yield b"[a](!)\nx=1\n[b](a,a)\n[c](b,b)\n[d](c,c,c,c)\n[e](d,+)\n[f](+&TEMPLATES=restrict)\n"
    yield b"\xef\xbb\xbf[general]\nnat+=yes\n[x\n=\n[](\nname = a = b\n" + b"y=" + b"z" * 9000


TARGET = Target(
    "conf",
    check,
    seeds,
    words=(
        b"[general]\n", b"](!)\n", b"](+)\n", b"#include extra.conf\n", b";--", b"--;", b"\\;",
        b" => ", b"+=", b"type=endpoint\n", b"type=aor\n", b"type=wizard\n", b"type=friend\n",
        b"host=dynamic\n", b"nat=", b"secret=", b"\0", b"\n[101]\n", b"aors=101\n",
    ),
)  # fmt: skip
