"""Diffs of configuration files: they apply, and show no secret and nothing a terminal acts on."""

from __future__ import annotations

from collections.abc import Iterator

from sipdiag.advice.conf_diff import edited, gives_away, may_be_shown, unified_diff
from tests.fuzz.patching import applied, split
from tests.fuzz.target import Taken, Target, block


def check(data: bytes) -> None:
    """``data``: changes (the line, one to three new lines), then the file."""
    taken = Taken(data)
    changes = [
        (taken.number(2), [taken.block() for _ in range(1 + taken.number() % 3)])
        for _ in range(taken.number() % 5)
    ]
    before = taken.rest()
    lines = split(before)
    if not lines:
        return
    edits: dict[int, list[bytes]] = {
        1 + number % len(lines): [line.replace(b"\n", b"") + b"\n" for line in new]
        for number, new in changes
    }
    after = edited(lines, edits)
    diff = unified_diff("sip.d/a b.conf", lines, edits)
    assert applied(before, diff) == after
    assert bool(diff) == (after != before)
    if not gives_away(lines, edits):
        for line in split(diff)[2:]:
            assert line.startswith((b"@@", b"\\")) or may_be_shown(line[1:]), line


def _input(before: bytes, *changes: tuple[int, list[bytes]]) -> bytes:
    out = bytes([len(changes)])
    for number, new in changes:
        out += number.to_bytes(2) + bytes([len(new) - 1]) + b"".join(map(block, new))
    return out + before


def seeds() -> Iterator[bytes]:
    """Changes at the start, the end, side by side, next to secrets, CRLF, no final newline."""
    many = b"".join(b"option%d=yes\n" % n for n in range(40))
    secret = b"[101]\ntype=friend\nsecret=hush\nqualify=no\nsecret=more\nhost=dynamic\n"
    yield _input(secret, (3, [b"qualify=yes"]))
    yield _input(secret, (1, [b"[101]", b"nat=yes"]), (5, [b"host=x"]))
    yield _input(many, (0, [b"a"]), (9, [b"b"]), (39, [b"c", b"d"]))
    yield _input(many.replace(b"\n", b"\r\n"), (5, [b"a\r"]))
    yield _input(many[:-1], (39, [b"a"]))
    yield _input(many[:-1], (39, [b"option39=yes", b"more"]))


TARGET = Target(
    "conf_diff", check, seeds, words=(b"\n", b"\r\n", b"secret=", b"[a]\n", b"\x1b", b"\0\0\0\1")
)
