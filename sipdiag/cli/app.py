"""Puts the commands together and turns errors into one line and an exit code.

A command's module is imported when the command is called: what is imported here is paid for by
``sipdiag --help``.
"""

from __future__ import annotations

import gc
import io
import os
import sys
from contextlib import suppress
from typing import NoReturn

import typer

from sipdiag._version import __version__
from sipdiag.base.errors import AccessError, SipdiagError
from sipdiag.cli.lazy import LazyCommand, group_of

app = typer.Typer(
    name="sipdiag",
    help="Says why a phone behind NAT loses its calls, proves it from packets, and gives the "
    "Asterisk settings that cure it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS = [
    LazyCommand(
        "compare",
        "Diagnose BAD with GOOD as its baseline: cause, settings.",
        "sipdiag.cli.compare:command",
    ),
    LazyCommand(
        "analyse",
        "Diagnose one or several captures, taken together.",
        "sipdiag.cli.analyse:command",
    ),
    LazyCommand(
        "analyze",
        "Diagnose one or several captures, taken together.",
        "sipdiag.cli.analyse:command",
        hidden=True,
    ),
    LazyCommand(
        "live",
        "Watch the traffic of a PBX and tell findings as they appear.",
        "sipdiag.cli.live:command",
    ),
    LazyCommand(
        "ladder",
        "Draw the messages of each session as a ladder.",
        "sipdiag.cli.ladder:command",
    ),
    LazyCommand(
        "advise",
        "Write the settings to change, as a diff of your own files.",
        "sipdiag.cli.advise:command",
    ),
    LazyCommand(
        "patch-iax2",
        "Write a patch for the IAX2 registration expiry in iax2.h.",
        "sipdiag.cli.patch_iax2:command",
    ),
    LazyCommand(
        "convert",
        "Write the messages of a log as a capture for Wireshark.",
        "sipdiag.cli.convert:command",
    ),
    LazyCommand(
        "explain",
        "Show a finding's page: meaning, cause, remedy.",
        "sipdiag.cli.explain:command",
    ),
    LazyCommand(
        "findings",
        "List the findings.",
        "sipdiag.cli.explain:listing",
    ),
    LazyCommand(
        "doctor",
        "Say what works on this machine, and what to do.",
        "sipdiag.cli.doctor:command",
    ),
    LazyCommand(
        "schema",
        "Print the JSON Schema of --json.",
        "sipdiag.cli.schema:command",
    ),
]
"""In the order of ``sipdiag --help``, which shows up to 62 characters of each."""


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sipdiag {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", callback=_show_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """Options before the command."""


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and ends the process with its exit code."""
    # What is read is kept until the report is made: to look through all of it for garbage again and
    # again, as Python does by itself, takes a quarter of the time and finds none.
    gc.set_threshold(100_000, 1000, 1000)
    _open_what_is_closed()
    # A name in a script that the terminal's encoding lacks must not end in a traceback.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            group_of(app, COMMANDS).main(arguments, prog_name="sipdiag", standalone_mode=True)
        finally:
            sys.stdout.flush()
    except SipdiagError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except BrokenPipeError:
        _give_up_output()
        sys.exit(0)
    except OSError as error:
        if error.filename is None:
            _give_up_output()
        _complain(f"{error.filename or 'the output'}: {error.strerror or error}")
        sys.exit(AccessError.exit_code)
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library == "sipdiag":
            raise
        _complain(f"the library {library} isn't installed: see sipdiag doctor")
        sys.exit(AccessError.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except (RecursionError, MemoryError):
        _complain("the input is more than this machine can hold; please report it")
        sys.exit(3)


def script() -> NoReturn:
    """``main`` for a process of its own. It ends at once: to take everything apart first, as Python
    does, is a fifth of the time that a small capture takes."""
    try:
        main()
    except SystemExit as end:
        code = end.code or 0
    else:
        code = 0
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    os._exit(int(code))


def _open_what_is_closed() -> None:
    """``>&-``: without this the next file to be opened would take the place of the output."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (as long as the process)


def _give_up_output() -> None:
    """Nobody can take it: what is still buffered must not raise once more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(text: str) -> None:
    from sipdiag.report.safe import plain

    print(f"sipdiag: {plain(text)}", file=sys.stderr)
