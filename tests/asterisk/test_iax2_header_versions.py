"""The record of releases, against the table it was taken from."""

from __future__ import annotations

import pytest

from sipdiag.asterisk.iax2_header_versions import (
    OLD_PATH,
    PATH,
    beyond_record,
    parse_release,
    recorded,
)
from sipdiag.base.errors import InputError, UsageError

COMMENT, TAB, BARE = b"60\t/*", b"60\t\n", b"60\n"


@pytest.mark.parametrize(
    ("release", "path", "line", "ends"),
    [
        ("0.4.0", OLD_PATH, 67, COMMENT),
        ("0.5.0", OLD_PATH, 69, COMMENT),
        ("0.9.0", OLD_PATH, 69, COMMENT),
        ("1.0.0", OLD_PATH, 71, COMMENT),
        ("1.0.12", OLD_PATH, 71, COMMENT),
        ("1.2.34", OLD_PATH, 71, COMMENT),
        ("1.2.35", OLD_PATH, 72, COMMENT),
        ("1.2.40", OLD_PATH, 72, COMMENT),
        ("1.4.0", OLD_PATH, 72, COMMENT),
        ("1.4.19.1", OLD_PATH, 72, COMMENT),
        ("1.4.19.2", OLD_PATH, 77, COMMENT),
        ("1.4.26.1", OLD_PATH, 77, COMMENT),
        ("1.4.26.2", OLD_PATH, 79, COMMENT),
        ("1.4.44", OLD_PATH, 79, COMMENT),
        ("1.6.0-beta1", OLD_PATH, 110, TAB),
        ("1.6.0-beta8", OLD_PATH, 110, TAB),
        ("1.6.0-beta9", OLD_PATH, 115, TAB),
        ("1.6.0", OLD_PATH, 115, TAB),
        ("1.6.0.10", OLD_PATH, 115, TAB),
        ("1.6.0.11-rc1", OLD_PATH, 115, BARE),
        ("1.6.0.14", OLD_PATH, 115, BARE),
        ("1.6.0.15", OLD_PATH, 118, BARE),
        ("1.6.0.28", OLD_PATH, 118, BARE),
        ("1.6.1.0", OLD_PATH, 117, TAB),
        ("1.6.1.3-rc1", OLD_PATH, 117, BARE),
        ("1.6.2.0-rc1", OLD_PATH, 117, BARE),
        ("1.6.1.10", OLD_PATH, 119, BARE),
        ("1.6.2.24", OLD_PATH, 119, BARE),
        ("1.8.0", OLD_PATH, 119, BARE),
        ("1.8.20", OLD_PATH, 119, BARE),
        ("1.8.21", OLD_PATH, 123, BARE),
        ("1.8.32.3", OLD_PATH, 123, BARE),
        ("certified/1.8.28-cert5", OLD_PATH, 123, BARE),
        ("10.12.4", OLD_PATH, 119, BARE),
        ("11.9.0", OLD_PATH, 119, BARE),
        ("certified/11.2-cert3", OLD_PATH, 119, BARE),
        ("11.10.0", OLD_PATH, 123, BARE),
        ("11.25.3", OLD_PATH, 123, BARE),
        ("certified/11.6-cert18", OLD_PATH, 123, BARE),
        ("12.0.0", PATH, 123, BARE),
        ("16.28.0~dfsg-0+deb11u4", PATH, 123, BARE),
        ("Asterisk 18", PATH, 123, BARE),
        ("22.10.1+dfsg+~cs6.17.60671434-1", PATH, 123, BARE),
        ("23.4.1", PATH, 123, BARE),
        ("24.0.0", PATH, 123, BARE),
    ],
)
def test_where_and_how(release: str, path: str, line: int, ends: bytes) -> None:
    known = recorded(parse_release(release))
    assert (known.path, known.line) == (path, line)
    define = known.text.split(b"\n")[1] + b"\n"
    assert define.startswith(b"#define IAX_DEFAULT_REG_EXPIRE  " + ends)
    assert known.text.count(b"\n") == 3 and known.text.endswith(b"\n\n")


@pytest.mark.parametrize("release", ["0.3.0", "0.1.12"])
def test_before_there_was_an_iax2_h(release: str) -> None:
    with pytest.raises(InputError, match="no iax2"):
        recorded(parse_release(release))


@pytest.mark.parametrize("release", ["1.6.1-beta1", "1.6.1.2", "1.6.2.0-beta3"])
def test_what_the_record_does_not_say_is_not_guessed(release: str) -> None:
    with pytest.raises(InputError, match="source tree"):
        recorded(parse_release(release))


@pytest.mark.parametrize("text", ["", "sixteen", "16.28.0.1.2", "v16", "16 28", "-1"])
def test_no_version(text: str) -> None:
    with pytest.raises(UsageError, match="no version"):
        parse_release(text)


def test_the_settings_came_with_1_2_0() -> None:
    assert not any(parse_release(v).configurable for v in ("1.0.12", "0.9.0", "1.2.0-beta1"))
    assert all(parse_release(v).configurable for v in ("1.2.0", "1.4", "10", "23.4.1"))


def test_newer_than_what_was_looked_at() -> None:
    assert [beyond_record(parse_release(v)) for v in ("23.4.1", "24.0.0")] == [False, True]
