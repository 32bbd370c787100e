"""``iax2.h``: refused in a line, or changed in nothing but the value, as diff and as sed."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator

from sipdiag.asterisk.iax2_header import (
    MOST_S,
    check_header,
    find,
    same_but_value,
    with_seconds,
)
from sipdiag.asterisk.iax2_header_patch import (
    ebuild_script,
    quilt_patch,
    sed_line,
    unified_diff,
)
from sipdiag.asterisk.iax2_header_scan import directives
from sipdiag.base.errors import InputError
from tests.asterisk.iax2_headers import SHAPES
from tests.fuzz.patching import applied
from tests.fuzz.target import Target

_PATH = "channels/iax2/include/iax2.h"


def check(data: bytes) -> None:
    """See the module."""
    with contextlib.suppress(InputError):
        check_header(data)
    for directive in directives(data):
        assert len(directive.offsets) == len(directive.body)
        assert list(directive.offsets) == sorted(set(directive.offsets))
    try:
        define = find(data)
    except InputError as error:
        assert str(error) and "\n" not in str(error)
        return
    assert re.sub(rb"\\[ \t]*\r?\n", b"", data[define.start : define.end]).isalnum()
    assert define.line == data.count(b"\n", 0, define.start) + 1
    seconds = 25 if define.seconds != 25 else MOST_S
    after = with_seconds(data, seconds)
    changed = find(after)
    assert (changed.seconds, changed.start) == (seconds, define.start)
    assert after[: define.start] == data[: define.start]
    assert after[changed.end :] == data[define.end :]
    assert same_but_value(data, after) and with_seconds(data, define.seconds) is data
    patch = unified_diff(_PATH, data, after)
    assert applied(data, patch) == after
    assert applied(after, unified_diff(_PATH, after, data)) == data
    quilt = quilt_patch(patch, data, after)
    assert quilt.endswith(patch) and quilt.count(b"\n") == patch.count(b"\n") + 7
    with contextlib.suppress(InputError):
        assert sed_line(_PATH, data, after).count(b"\n") == 1
        assert patch in ebuild_script(_PATH, "asterisk", patch, data, after)


def seeds() -> Iterator[bytes]:
    """Every shape that the header had."""
    for _, header in SHAPES.values():
        yield header
    yield b"#define IAX_DEFAULT_REG_EXPIRE (0x3c)\n"
    yield b'#define \\\n IAX_DEFAULT_REG_EXPIRE /* "60" */ 60UL // a minute\n'
    yield b"#if 1\n#define IAX_DEFAULT_REG_EXPIRE 60\n#endif\n"


TARGET = Target(
    "iax2_header",
    check,
    seeds,
    words=(
        b"#define IAX_DEFAULT_REG_EXPIRE ", b"#undef ", b"#ifndef ", b"#if ", b"#endif\n", b"\\\n",
        b"/*", b"*/", b"//", b'"', b"0x3c", b"(60)", b"060",
    ),
)  # fmt: skip
