"""The manual page, ``man/sipdiag.1``, from the commands' own help.

The macros are those of man(7), as groff and mandoc both read them.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from docs.words import HELP, Word, words_of
from sipdiag._version import __version__
from sipdiag.cli.app import COMMANDS, app
from sipdiag.cli.lazy import LazyCommand, group_of

PAGE = Path(__file__).parents[1] / "man" / "sipdiag.1"

_DATE = "2026-11-23"
"""Of the last change to what isn't generated."""

_SYNOPSIS = """
.SH SYNOPSIS
.SY sipdiag
.B compare
.RI [ OPTION ].\\|.\\|.
.I GOOD BAD
.YS
.SY sipdiag
.B analyse
.RI [ OPTION ].\\|.\\|.
.IR FILE .\\|.\\|.
.YS
.SY sipdiag
.I COMMAND
.RI [ OPTION ].\\|.\\|.
.RI [ ARGUMENT ].\\|.\\|.
.YS
"""

_DESCRIPTION = """
.SH DESCRIPTION
.B sipdiag
tells an Asterisk administrator why a phone behind NAT loses its calls, proves
it from packets, and gives the settings that cure it.
It reads captures (pcap, pcapng) and Asterisk's logs, plain or compressed with
.BR gzip (1)
or
.BR xz (1),
from a file or, as
.RB \\[lq] \\- \\[rq],
from standard input, and tells them apart by their content.
.PP
The diagnosis goes to standard output, progress and notices to standard error.
Colour is used on a terminal only.
"""

_END = """
.SH EXIT STATUS
.TP
.B 0
Nothing was found at or above the level of
.BR \\-\\-fail\\-on .
.TP
.B 1
Something was found.
.TP
.B 2
The command's words don't fit.
.TP
.B 3
An input can't be read as a capture or a log.
.TP
.B 4
A permission or a tool is missing.
.SH ENVIRONMENT
.TP
.B NO_COLOR
Where it is set, no colour is used.
.SH EXAMPLES
Capture on the server, once while the phone works and once while it fails, and
compare:
.PP
.in +4n
.EX
tcpdump \\-i any \\-s 0 \\-w bad.pcap \\(aqudp or tcp port 5060\\(aq
sipdiag compare good.pcap bad.pcap
.EE
.in
.PP
See what was found, and the change as a patch for your own files:
.PP
.in +4n
.EX
sipdiag explain SD501
sipdiag advise \\-\\-config /etc/asterisk bad.pcap > nat.patch
.EE
.in
.SH SEE ALSO
.BR asterisk (8),
.BR tcpdump (8),
.BR tshark (1)
"""


def page() -> str:
    """The whole page, for this version."""
    general: Any = group_of(app, []).params
    parts = [
        '.\\" Made by "make docs" from the help of the commands: change that.',
        f'.TH SIPDIAG 1 {_DATE} "sipdiag {__version__}" "User commands"',
        ".SH NAME\nsipdiag \\- say why a phone behind NAT loses its calls",
        _SYNOPSIS.strip(),
        _DESCRIPTION.strip(),
        ".SH COMMANDS",
        *(_command(lazy) for lazy in COMMANDS if not lazy.hidden),
        ".SH GENERAL OPTIONS",
        *(_entry(Word(each.opts, "", each.help or "", "", False, False)) for each in general),
        _entry(HELP),
        _END.strip(),
    ]
    return "\n".join(parts) + "\n"


def _command(lazy: LazyCommand) -> str:
    """A command's section: what to write, what it does, its arguments and options."""
    arguments, options = words_of(lazy.function())
    synopsis = [f"\\fB{_escaped(lazy.name or '')}\\fR"]
    if options:
        synopsis.append("[\\fIOPTION\\fR].\\|.\\|.")
    for word in arguments:
        written = f"\\fI{_escaped(word.value)}\\fR" + (".\\|.\\|." if word.several else "")
        synopsis.append(written if word.required else f"[{written}]")
    parts = [f".SS {_escaped(lazy.name or '')}", " ".join(synopsis)]
    parts += [".PP", _prose(inspect.getdoc(lazy.function()) or "")]
    parts += [_entry(word) for word in (*arguments, *options)]
    return "\n".join(parts)


def _entry(word: Word) -> str:
    """What an argument or option means."""
    value = f"\\fI{_escaped(word.value)}\\fR" if word.value else ""
    names = ", ".join(f"\\fB{_escaped(name)}\\fR" for name in sorted(word.names, key=len))
    default = f" Default: {word.default}." if word.default else ""
    return f".TP\n{' '.join(filter(None, (names, value)))}\n{_prose(word.help + default)}"


def _prose(text: str) -> str:
    """A paragraph, one sentence a line, none beginning as a macro does."""
    lines = " ".join(text.split()).replace(". ", ".\n").split("\n")
    return "\n".join(
        f"\\&{line}" if line[:1] in (".", "'") else line for line in map(_escaped, lines)
    )


def _escaped(text: str) -> str:
    """As text, not as roff: hyphens stay hyphens (groff_char(7))."""
    for char, name in (("\\", "\\e"), ("-", "\\-"), ("'", "\\(aq"), ("^", "\\(ha"), ("~", "\\(ti")):
        text = text.replace(char, name)
    return text


def main() -> None:
    """Writes the page."""
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
