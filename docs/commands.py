"""``docs/commands.md``: every command with its arguments and options, from their own help."""

from __future__ import annotations

import inspect
from pathlib import Path

from docs.words import Word, words_of
from sipdiag.cli.app import COMMANDS
from sipdiag.cli.lazy import LazyCommand

PAGE = Path(__file__).parent / "commands.md"

_TOP = """\
# Commands

Findings go to standard output, progress and notices to standard error; colour is used on a
terminal only (`NO_COLOR` is heeded). `-` as a file is standard input. What a file is, its content
tells.

Exit code: 0 nothing at or above `--fail-on`, 1 findings, 2 usage, 3 unreadable input, 4 a
permission or a tool is missing.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_TOP, *(_command(lazy) for lazy in COMMANDS if not lazy.hidden)])


def _command(lazy: LazyCommand) -> str:
    """What to write, what it does, its arguments and options."""
    arguments, options = words_of(lazy.function())
    synopsis = ["sipdiag", lazy.name or "", *(["[OPTION...]"] if options else [])]
    for word in arguments:
        written = word.value + ("..." if word.several else "")
        synopsis.append(written if word.required else f"[{written}]")
    about = inspect.getdoc(lazy.function()) or ""
    parts = [f"## {lazy.name}", f"```text\n{' '.join(synopsis)}\n```", about]
    if arguments or options:
        rows = [_row(word) for word in (*arguments, *options)]
        parts.append("\n".join(["| word | meaning |", "| --- | --- |", *rows]))
    return "\n\n".join(parts) + "\n"


def _row(word: Word) -> str:
    names = ", ".join(sorted(word.names, key=len))
    written = f"{names} {word.value}".strip().replace("|", "\\|")
    default = f" Default: `{word.default}`." if word.default else ""
    return f"| `{written}` | {word.help}{default} |"


def main() -> None:
    """Writes the page."""
    PAGE.write_text(page())
