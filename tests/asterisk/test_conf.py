"""``*.conf`` files are read as main/config.c reads them, and every option keeps its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipdiag.asterisk.conf import Config, load
from sipdiag.asterisk.conf_files import ConfDir
from sipdiag.asterisk.conf_line import uncomment


def _read(tmp_path: Path, text: str | bytes, **others: str) -> Config:
    data = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "sip.conf").write_bytes(data)
    for name, content in others.items():
        file = tmp_path / name.replace("__", "/").replace("_conf", ".conf")
        file.parent.mkdir(exist_ok=True)
        file.write_text(content)
    config = load(ConfDir(tmp_path), "sip.conf")
    assert config is not None
    return config


def _values(config: Config, section: str, option: str) -> list[str]:
    found = config.first(section)
    assert found is not None
    return [setting.value for setting in found.all(option)]


def _codes(config: Config) -> list[str]:
    return [defect.code for defect in config.defects]


def test_options_signs_and_blanks(tmp_path: Path) -> None:
    config = _read(
        tmp_path, "\ufeff[general]\n a = 1\nb=>2\nc  =>  three words  \nd=\n= x\nnonsense\n"
    )
    section = config.sections[0]
    assert [(s.name, s.value) for s in section.settings] == [
        ("a", "1"),
        ("b", "2"),
        ("c", "three words"),
        ("d", ""),
    ]
    assert _codes(config) == ["no-name", "no-equal-sign"]
    assert config.refused is None
    line = config.files["sip.conf"].raw_lines[3]
    begin, end = section.settings[2].span
    assert line[begin:end] == b"three words"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (b"a=1 ; note", b"a=1 "),
        (b"a=1\\;2", b"a=1;2"),
        (b"a=1;--x--;2", b"a=12"),
        (b"a=1;-- x ;-- y --; z --;2", b"a=12"),
        (b";---- a line of dashes", b""),
        (b"a=1;-- open", b"a=1"),
    ],
)
def test_comments(text: bytes, left: bytes) -> None:
    got, columns, _ = uncomment(text, 0)
    assert got == left
    assert bytes(text[n] for n in columns) == left


def test_block_comments_over_lines(tmp_path: Path) -> None:
    config = _read(tmp_path, "[a]\nx=1\n;--\nx=2\n[b]\n--;x=3\ny=4 ;-- \n z=5\n")
    assert _values(config, "a", "x") == ["1", "3"]
    assert _values(config, "a", "y") == ["4"]
    assert [s.name for s in config.sections] == ["a"]
    assert _codes(config) == ["comment-open"]


def test_a_comment_that_ends_without_a_beginning_hides_what_follows(tmp_path: Path) -> None:
    config = _read(tmp_path, "[a]\nx=1 --; y\nz=2\n;-- \nw=3\n")
    assert [s.name for s in config.sections[0].settings] == ["x", "w"]
    assert _codes(config) == ["comment-end"]


def test_templates_and_parents(tmp_path: Path) -> None:
    config = _read(
        tmp_path,
        "[t](!)\nnat=yes\nq=1\n[u](!,t)\nq=2\n[a](t,u)\nq=3\n[b](a)\n",
    )
    assert _values(config, "a", "q") == ["1", "1", "2", "3"]
    assert _values(config, "b", "q") == ["1", "1", "2", "3"]
    section = config.first("a")
    assert section is not None
    assert [s.origin for s in section.all("q")] == ["t", "t", "u", None]
    assert section.parents == ["t", "u"]
    assert config.first("t") is None


def test_additions(tmp_path: Path) -> None:
    config = _read(
        tmp_path,
        "[a]\ntype=x\nq=1\n[a]\ntype=y\nq=2\n[a](+)\nr=3\n[a](+type=y)\nr=4\n[t](!)\n[t](+)\ns=5\n",
    )
    first, second = config.named("a")
    assert [s.value for s in first.all("r")] == ["3"]
    assert [s.value for s in second.all("r")] == ["4"]
    assert [(d.code, d.refused) for d in config.defects] == [("append-template", True)]


def test_plus_equals_adds_to_the_value(tmp_path: Path) -> None:
    config = _read(tmp_path, "[a]\nallow=ulaw\nallow+=,alaw\nx+=1\n")
    assert _values(config, "a", "allow") == ["ulaw,alaw"]
    assert _values(config, "a", "x") == ["1"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[a\nx=1\n", "header-open"),
        ("[a](t\nx=1\n", "header-open"),
        ("[a](t)\n", "parent-missing"),
        ("[t](!)\n[a]( t)\n", "parent-missing"),
        ("[a](+)\n", "append-missing"),
        ("x=1\n", "no-section"),
        ("[a]\n#include nothing.conf\n", "include-missing"),
    ],
)
def test_what_asterisk_refuses(text: str, code: str, tmp_path: Path) -> None:
    refused = _read(tmp_path, text).refused
    assert refused is not None and refused.code == code


def test_includes(tmp_path: Path) -> None:
    config = _read(
        tmp_path,
        '[general]\n#include "sip.d/*.conf"\nlast=1\n#tryinclude none.conf\n#exec /bin/date\n',
        **{"sip.d__a_conf": "x=1\n[peer]\ny=1\n", "sip.d__b_conf": "y=2\n"},
    )
    assert _values(config, "general", "x") == ["1"]
    assert _values(config, "general", "last") == ["1"]
    assert _values(config, "peer", "y") == ["1", "2"]
    assert _codes(config) == ["exec"]
    assert list(config.files) == ["sip.conf", "sip.d/a.conf", "sip.d/b.conf"]


def test_nothing_outside_is_read(tmp_path: Path) -> None:
    inside = tmp_path / "etc"
    inside.mkdir()
    (tmp_path / "secret.conf").write_text("[stolen]\nx=1\n")
    (inside / "link.conf").symlink_to(tmp_path / "secret.conf")
    for name in ("../secret.conf", str(tmp_path / "secret.conf"), "link.conf", "../*.conf"):
        config = _read(inside, f"[a]\n#include {name}\n")
        assert _codes(config) == ["outside"]
        assert [s.name for s in config.sections] == ["a"]
    (inside / "iax.conf").symlink_to(tmp_path / "secret.conf")
    linked = load(ConfDir(inside), "iax.conf")
    assert linked is not None and _codes(linked) == ["outside"]


def test_the_usual_directory_means_this_one(tmp_path: Path) -> None:
    config = _read(tmp_path, "[a]\n#include /etc/asterisk/b.conf\n", b_conf="x=1\n")
    assert _values(config, "a", "x") == ["1"]


def test_loops_and_doubling_end(tmp_path: Path) -> None:
    config = _read(tmp_path, "[a]\nx=1\n#include sip.conf\n#include sip.conf\n")
    assert _codes(config) == ["include-loop", "include-loop"]
    assert config.refused is not None
    doubling = "[t0](!)\nx=1\n" + "".join(f"[t{n}](!,t{n - 1},t{n - 1})\n" for n in range(1, 60))
    assert "settings-count" in _codes(_read(tmp_path, doubling))


def test_including_deeper_than_asterisk_does(tmp_path: Path) -> None:
    files = {f"f{n}_conf": f"#include f{n + 1}.conf\n" for n in range(12)}
    assert "include-depth" in _codes(_read(tmp_path, "#include f0.conf\n", **files))


def test_include_bombs_end(tmp_path: Path) -> None:
    """Each file includes the next one ten times; and a large one, a thousand times."""
    files = {f"f{n}_conf": f"[a{n}]\n" + f"#include f{n + 1}.conf\n" * 10 for n in range(8)}
    files["f8_conf"] = "[a8]\n"
    assert "include-count" in _codes(_read(tmp_path, "#include f0.conf\n", **files))
    large = "; " + "x" * 8000 + "\n"
    config = _read(tmp_path, "#include b.conf\n" * 900, b_conf=large * 100)
    assert _codes(config)[0] == "include-count"


def test_a_fifo_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.conf")
    assert _codes(_read(tmp_path, "[a]\n#include pipe.conf\n")) == ["unreadable"]


def test_long_lines_are_skipped(tmp_path: Path) -> None:
    config = _read(tmp_path, f"[a]\nx={'y' * 9000}\nz=1\n")
    assert _codes(config) == ["line-long"]
    assert _values(config, "a", "z") == ["1"]


def test_other_bytes_are_kept(tmp_path: Path) -> None:
    data = b"[a]\r\ncallerid=J\xf6rg <1>\r\nx=1"
    config = _read(tmp_path, data)
    value = _values(config, "a", "callerid")[0]
    assert value.encode("utf-8", "surrogateescape") == b"J\xf6rg <1>"
    assert b"".join(config.files["sip.conf"].raw_lines) == data


_HEADERS = ["[a]", "[b](!)", "[a](+)", "[c](b)", "[", "](", "(", ")", "[a](+nat=n("]
_MARKS = ["=", "=>", "+=", ";", ";--", "--;", "\\;", "\\", "\n", "\r\n", " ", "\t", "\0"]
_WORDS = ["#include sip.conf", "#include *", "nat", "no", "{a,b}", "ü", "\x85"]
_PIECES = st.sampled_from(_HEADERS + _MARKS + _WORDS)


@settings(max_examples=150, deadline=None)
@given(data=st.lists(_PIECES, max_size=30).map("".join) | st.binary(max_size=200))
def test_nothing_raises(data: str | bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("conf")
    config = _read(folder, data)
    file = config.files.get("sip.conf")
    raw = data if isinstance(data, bytes) else data.encode()
    assert file is not None and b"".join(file.raw_lines) == raw
    for section in config.sections:
        for setting in section.settings:
            line = file.raw_lines[setting.place.line - 1]
            begin, end = setting.span
            assert 0 <= begin <= end <= len(line)


@given(st.lists(_PIECES, max_size=12).map("".join))
def test_columns_point_at_what_is_left(text: str) -> None:
    raw = text.encode().replace(b"\n", b"")
    left, columns, _ = uncomment(raw, 0)
    if left is not None:
        assert bytes(raw[n] for n in columns) == left
