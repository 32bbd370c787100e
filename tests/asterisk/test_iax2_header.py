"""The define is understood as the preprocessor would, or refused with the reason."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipdiag.asterisk.iax2_header import (
    check_header,
    check_seconds,
    find,
    reregisters_after_s,
    same_but_value,
    with_seconds,
)
from sipdiag.base.errors import InputError, UsageError
from tests.asterisk.iax2_headers import SHAPES, header

SPELLINGS = {
    "tabs": "#define\tIAX_DEFAULT_REG_EXPIRE\t\t60\n",
    "blank after #": "#  define IAX_DEFAULT_REG_EXPIRE 60\n",
    "indented": "  \t# define   IAX_DEFAULT_REG_EXPIRE   60  \n",
    "comment between": "#define IAX_DEFAULT_REG_EXPIRE /* s */ 60 // once\n",
    "comment instead of blanks": "#define/**/IAX_DEFAULT_REG_EXPIRE/*600*/60/*0*/\n",
    "comment over two lines": "#define IAX_DEFAULT_REG_EXPIRE /* in\nseconds */ 60\n",
    "comment before": "/* was: */ #define IAX_DEFAULT_REG_EXPIRE 60\n",
    "continued": "#define IAX_DEFAULT_REG_EXPIRE \\\n    60\n",
    "continued in the name": "#define IAX_DEFAULT_\\\nREG_EXPIRE 60\n",
    "continued with CR": "#define IAX_DEFAULT_REG_EXPIRE \\\r\n 60\r\n",
    "hexadecimal": "#define IAX_DEFAULT_REG_EXPIRE 0x3c\n",
    "HEXADECIMAL": "#define IAX_DEFAULT_REG_EXPIRE 0X3C\n",
    "octal": "#define IAX_DEFAULT_REG_EXPIRE 074\n",
    "suffix": "#define IAX_DEFAULT_REG_EXPIRE 60UL\n",
    "brackets": "#define IAX_DEFAULT_REG_EXPIRE ( (60) )\n",
    "one in a comment": "/*\n#define IAX_DEFAULT_REG_EXPIRE 10\n*/\n"
    "// #define IAX_DEFAULT_REG_EXPIRE 20\n#define IAX_DEFAULT_REG_EXPIRE 60\n",
    "another name": "#define IAX_DEFAULT_REG_EXPIRE_MAX 60\n#define IAX_DEFAULT_REG_EXPIRE 60\n",
    "a literal": '#define T "/* #define IAX_DEFAULT_REG_EXPIRE 1"\n'
    "#define IAX_DEFAULT_REG_EXPIRE 60\n#define C '\"'\n",
    "used elsewhere": "#define IAX_DEFAULT_REG_EXPIRE 60\n"
    "#define TWICE (2 * IAX_DEFAULT_REG_EXPIRE)\n",
}  # fmt: skip

REFUSED = {
    "twice": (
        "#define IAX_DEFAULT_REG_EXPIRE 60\n#define IAX_DEFAULT_REG_EXPIRE 60\n", "lines 15, 16"
    ),
    "undone": (
        "#define IAX_DEFAULT_REG_EXPIRE 60\n#undef IAX_DEFAULT_REG_EXPIRE\n", "set or unset"
    ),
    "only undone": ("#undef IAX_DEFAULT_REG_EXPIRE\n", "only unsets"),
    "overridable": (
        "#ifndef IAX_DEFAULT_REG_EXPIRE\n#define IAX_DEFAULT_REG_EXPIRE 60\n#endif\n", "inside an"
    ),
    "switched off": ("#if 0\n#define IAX_DEFAULT_REG_EXPIRE 60\n#endif\n", "inside an #if"),
    "either, or": (
        "#ifdef A\n#define IAX_DEFAULT_REG_EXPIRE 60\n#else\n#define IAX_DEFAULT_REG_EXPIRE 90\n"
        "#endif\n", "several times"
    ),
    "in an unclosed group": ("#if A\n#define IAX_DEFAULT_REG_EXPIRE 60\n", "inside an #if"),
    "an expression": ("#define IAX_DEFAULT_REG_EXPIRE (6*10)\n", "no plain number"),
    "a name": ("#define IAX_DEFAULT_REG_EXPIRE MINUTE\n", "no plain number"),
    "nothing": ("#define IAX_DEFAULT_REG_EXPIRE\n", "no plain number"),
    "a function": ("#define IAX_DEFAULT_REG_EXPIRE(x) 60\n", "no plain number"),
    "no octal number": ("#define IAX_DEFAULT_REG_EXPIRE 089\n", "no plain number"),
    "open bracket": ("#define IAX_DEFAULT_REG_EXPIRE (60\n", "no plain number"),
    "a fraction": ("#define IAX_DEFAULT_REG_EXPIRE 60.0\n", "no plain number"),
    "negative": ("#define IAX_DEFAULT_REG_EXPIRE -60\n", "no plain number"),
    "absent": ("", "has no #define"),
    "commented out": ("/* #define IAX_DEFAULT_REG_EXPIRE 60 */\n", "has no #define"),
}  # fmt: skip


def _compiled(data: bytes, folder: Path) -> int:
    """What the C compiler makes of the define."""
    (folder / "iax2.h").write_bytes(data)
    text = '#include "iax2.h"\nthe_value_is IAX_DEFAULT_REG_EXPIRE\n'
    done = subprocess.run(
        ["cc", "-E", "-P", "-w", "-xc", "-I", str(folder), "-"],
        input=text, capture_output=True, text=True, check=True,
    )  # fmt: skip
    value = done.stdout.rpartition("the_value_is")[2].strip(" ()\n").rstrip("UL")
    return int(value, 0 if not value.startswith("0") or value[1:2] in "xX" else 8)


needs_cc = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler (cc)")


@needs_cc
@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_of_every_release(shape: str, tmp_path: Path) -> None:
    _, data = SHAPES[shape]
    check_header(data)
    define = find(data)
    assert (define.seconds, data[define.start : define.end]) == (60, b"60")
    changed = with_seconds(data, 25)
    assert changed == data[: define.start] + b"25" + data[define.end :]
    assert data.replace(b"EXPIRE  60", b"EXPIRE  25") == changed
    assert _compiled(changed, tmp_path) == find(changed).seconds == 25
    assert with_seconds(changed, 60) == data


@needs_cc
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings(spelling: str, tmp_path: Path) -> None:
    data = header(SPELLINGS[spelling])
    assert find(data).seconds == _compiled(data, tmp_path) == 60
    for seconds in (9, 25, 12345):
        changed = with_seconds(data, seconds)
        assert _compiled(changed, tmp_path) == seconds
        assert same_but_value(data, changed)
    assert with_seconds(data, 60) is data


@pytest.mark.parametrize("value", ["600", "3600", "6000", "60060"])
def test_a_value_that_begins_or_ends_in_60_is_replaced_whole(value: str) -> None:
    data = header(f"#define IAX_DEFAULT_REG_EXPIRE  {value} /* 60 */\n")
    changed = with_seconds(data, 25)
    assert b"EXPIRE  25 /* 60 */\n" in changed
    assert find(data).seconds == int(value)


@pytest.mark.parametrize("shape", REFUSED)
def test_what_is_not_certain_is_refused(shape: str) -> None:
    lines, reason = REFUSED[shape]
    with pytest.raises(InputError, match=reason):
        with_seconds(header(lines), 25)


def test_the_line_is_that_of_the_value() -> None:
    data = header("#define IAX_DEFAULT_REG_EXPIRE \\\n 60\n")
    line = data.split(b"\n").index(b" 60") + 1
    assert find(data).line == line


@pytest.mark.parametrize(
    ("before", "after", "held"),
    [
        ("#ifndef A", "#define A", True),
        ("#if !defined(A)", "#define A 1", True),
        ("# if ! defined A", "# define A", True),
        ("#pragma once", "", True),
        ("#ifndef A", "#define B", False),
        ("#ifdef A", "#define A", False),
        ("#if defined(A)", "#define A", False),
    ],
)
def test_an_include_guard_is_no_condition(before: str, after: str, held: bool) -> None:
    end = "" if "pragma" in before else "#endif\n"
    data = f"{before}\n{after}\n#define IAX_DEFAULT_REG_EXPIRE 60\n{end}".encode()
    if held:
        assert find(data).seconds == 60
        return
    with pytest.raises(InputError, match="inside an #if"):
        find(data)


def test_what_follows_the_guard_takes_it_away() -> None:
    data = header() + b"#define MORE\n"
    with pytest.raises(InputError, match="inside an #if"):
        find(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"#define IAX_DEFAULT_REG_EXPIRE  60\n",
        b"notes: #define IAX_DEFAULT_REG_EXPIRE 60\nIAX_IE_REFRESH\n",
        header().replace(b"IAX_IE_REFRESH", b"IAX_IE_REFRESHED"),
        header() + b"\0",
        header() + b"\n" * (1 << 20),
        header().decode().encode("utf-16"),
    ],
)
def test_another_file_is_not_taken_for_iax2_h(data: bytes) -> None:
    with pytest.raises(InputError, match=r"isn't Asterisk's iax2\.h"):
        check_header(data)


@given(st.binary(max_size=300))
def test_no_bytes_break_it(noise: bytes) -> None:
    for data in (noise, header().replace(b"/*! once", noise + b"/*! once")):
        try:
            changed = with_seconds(data, 25)
        except InputError:
            continue
        assert same_but_value(data, changed)


@pytest.mark.parametrize("seconds", [2, 20, 25, 60, 0xFFFF])
def test_values_that_work(seconds: int) -> None:
    check_seconds(seconds)


@pytest.mark.parametrize(("seconds", "reason"), [(65_536, "16-bit"), (1, "at once"), (-5, "5/6")])
def test_values_that_can_not(seconds: int, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        check_seconds(seconds)


def test_the_client_comes_back_after_five_sixths_in_integers() -> None:
    assert [reregisters_after_s(n) for n in (60, 30, 25, 20, 1)] == [50, 25, 20, 16, 0]
