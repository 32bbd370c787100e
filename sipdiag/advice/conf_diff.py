"""A change to a ``*.conf`` as a unified diff that applies and gives nothing away.

A hunk's context ends before a line that holds a secret, or that a terminal could act on: such a
line is never printed, and the diff applies without it. GNU patch takes a hunk with less context
before than behind for one at the file's start (and the other way for its end), so that both sides
are cut alike; with no context left it goes by line numbers (``git apply`` wants
``--unidiff-zero`` for that). ``patch`` finds a changed line by its old text in any case.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sipdiag.base.secrets import in_conf_line

Edits = dict[int, list[bytes]]
"""By line from 1: the lines, with their ends, that take its place."""

CONTEXT = 3
_ACTS = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories that steer a terminal (as in ``report.safe``)."""


def may_be_shown(line: bytes) -> bool:
    """Whether a line can be printed: no secret in it, and nothing but text."""
    if in_conf_line(line):
        return False
    try:
        text = line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        return False
    return all(char == "\t" or unicodedata.category(char) not in _ACTS for char in text)


def edited(lines: Sequence[bytes], edits: Mapping[int, Sequence[bytes]]) -> bytes:
    """The file with its changes. A last line without an end keeps none."""
    return b"".join(step.line for step in _steps(lines, edits) if step.mark != b"-")


def unified_diff(name: str, lines: Sequence[bytes], edits: Mapping[int, Sequence[bytes]]) -> bytes:
    """The change of one file, ``a/name`` to ``b/name``; empty where nothing changes."""
    steps = _steps(lines, edits)
    tab = "\t" if " " in name else ""
    out = [f"--- a/{name}{tab}\n+++ b/{name}{tab}\n".encode("utf-8", "surrogateescape")]
    done = shift = 0
    runs = _runs(steps)
    for number, (first, last) in enumerate(runs):
        limit = runs[number + 1][0] if number + 1 < len(runs) else len(steps)
        before = _room(steps, range(first - 1, done - 1, -1))
        behind = _room(steps, range(last + 1, limit))
        if behind > before and before != first:
            behind = before
        if before > behind and last + 1 + behind != len(steps):
            before = behind
        begin, end = first - before, last + 1 + behind
        hunk = steps[begin:end]
        old = sum(step.mark != b"+" for step in hunk)
        new = sum(step.mark != b"-" for step in hunk)
        above = sum(step.mark != b"+" for step in steps[:begin])
        out.append(f"@@ -{_span(above, old)} +{_span(above + shift, new)} @@\n".encode())
        out += [_line(step) for step in hunk]
        shift += new - old
        done = end
    return b"".join(out) if runs else b""


def gives_away(lines: Sequence[bytes], edits: Mapping[int, Sequence[bytes]]) -> bool:
    """Whether the change itself touches a line that mustn't be shown (a file's last one without an
    end gets one where something is put behind it)."""
    return any(s.mark != b" " and not may_be_shown(s.line) for s in _steps(lines, edits))


class _Step(NamedTuple):
    """One line of the whole diff: kept (`` ``), taken out (``-``) or put in (``+``)."""

    mark: bytes
    line: bytes


def _steps(lines: Sequence[bytes], edits: Mapping[int, Sequence[bytes]]) -> list[_Step]:
    steps: list[_Step] = []
    for number, line in enumerate(lines, 1):
        new = list(edits.get(number, [line]))
        if number == len(lines) and not line.endswith(b"\n"):
            end = b"\r\n" if lines[0].endswith(b"\r\n") else b"\n"
            new = [n if n.endswith(b"\n") else n + end for n in new]
            new[-1] = new[-1].rstrip(b"\r\n")
        if new[0] == line:
            steps.append(_Step(b" ", line))
            new = new[1:]
        else:
            steps.append(_Step(b"-", line))
        steps += [_Step(b"+", each) for each in new]
    return steps


def _runs(steps: list[_Step]) -> list[tuple[int, int]]:
    """First and last changed step of each hunk: changes so near to each other that one holds
    them, with nothing between that mustn't be shown."""
    runs: list[tuple[int, int]] = []
    for number, step in enumerate(steps):
        if step.mark == b" ":
            continue
        between = steps[runs[-1][1] + 1 : number] if runs else []
        if runs and len(between) <= 2 * CONTEXT and all(may_be_shown(s.line) for s in between):
            runs[-1] = runs[-1][0], number
        else:
            runs.append((number, number))
    return runs


def _room(steps: list[_Step], numbers: range) -> int:
    """How many lines of context there are one after the other."""
    count = 0
    for number in numbers[:CONTEXT]:
        if not may_be_shown(steps[number].line):
            break
        count += 1
    return count


def _span(above: int, count: int) -> str:
    """``begin,count`` of a hunk with so many lines above it; an empty one counts from the line
    before it."""
    if count == 0:
        return f"{above},0"
    return f"{above + 1}" if count == 1 else f"{above + 1},{count}"


def _line(step: _Step) -> bytes:
    end = b"" if step.line.endswith(b"\n") else b"\n\\ No newline at end of file\n"
    return step.mark + step.line + end
