"""No text off the wire acts on whoever reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipdiag.report.safe import LONGEST, plain, plain_tree


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("101", "101"),
        ("[fe80::1]:5060", "[fe80::1]:5060"),
        ("[red]x[/red]", "[red]x[/red]"),
        ("Jürgen 東京", "Jürgen 東京"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m", "\\x9b31m"),
        ("a\r\nb\tc", "a\\x0d\\x0ab\\x09c"),
        ("abc\u202edef", "abc\\u202edef"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("line\u2028end", "line\\u2028end"),
        ("\udcff", "\\xff"),
        ("tag\U000e0041", "tag\\U000e0041"),
    ],
)
def test_what_could_act_is_escaped_and_the_rest_stays(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_a_megabyte_is_cut() -> None:
    shown = plain("x" * 1_000_000)
    assert len(shown) < LONGEST + 50
    assert "1000000 characters" in shown


def test_trees_are_escaped_throughout() -> None:
    assert plain_tree({"a\x00": ["\x1b", {"b": 1}], "c": None}) == {
        "a\\x00": ["\\x1b", {"b": 1}],
        "c": None,
    }


@given(st.text())
def test_what_comes_out_is_on_one_line_and_printable(text: str) -> None:
    shown = plain(text)
    assert "\x1b" not in shown and len(shown.splitlines()) <= 1
    shown.encode("utf-8")
