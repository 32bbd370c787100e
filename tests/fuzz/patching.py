"""A strict ``patch``: applies a unified diff by its line numbers, and fails on any doubt."""

from __future__ import annotations

import re

_HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@\n")
_NO_END = b"\\ No newline at end of file\n"


def split(data: bytes) -> list[bytes]:
    """Lines with their ends."""
    parts = data.split(b"\n")
    return [part + b"\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def applied(before: bytes, diff: bytes) -> bytes:
    """``before`` with the diff of one file applied; ``AssertionError`` where it doesn't fit."""
    if not diff:
        return before
    old, lines = split(before), split(diff)
    assert lines[0].startswith(b"--- a/") and lines[1].startswith(b"+++ b/")
    out: list[bytes] = []
    at, number = 2, 0
    while at < len(lines):
        head = _HUNK.fullmatch(lines[at])
        assert head is not None, lines[at]
        first, count, new_first, new_count = (
            int(head[1]), int(head[2] or 1), int(head[3]), int(head[4] or 1),
        )  # fmt: skip
        at += 1
        begin = first if count == 0 else first - 1
        assert begin >= number
        out += old[number:begin]
        assert len(out) == (new_first if new_count == 0 else new_first - 1)
        number, left, made = begin, count, new_count
        while left or made:
            mark, line = lines[at][:1], lines[at][1:]
            at += 1
            if at < len(lines) and lines[at] == _NO_END:
                line = line[:-1]
                at += 1
            if mark in (b" ", b"-"):
                assert old[number] == line, (old[number], line)
                number += 1
                left -= 1
            if mark in (b" ", b"+"):
                out.append(line)
                made -= 1
            assert mark in (b" ", b"-", b"+") and left >= 0 and made >= 0
    return b"".join(out + old[number:])
