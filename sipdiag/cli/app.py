"""Puts the commands together and turns errors into one line and an exit code."""

from __future__ import annotations

import os
import sys

import typer

from sipdiag._version import __version__
from sipdiag.base.errors import SipdiagError
from sipdiag.cli import advise, analyse, compare, convert, explain, ladder, patch_iax2
from sipdiag.report.safe import plain

app = typer.Typer(
    name="sipdiag",
    help="Says why a phone behind NAT loses its calls, proves it from packets, and gives the "
    "Asterisk settings that cure it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("compare")(compare.command)
app.command("analyse")(analyse.command)
app.command("analyze", hidden=True)(analyse.command)
app.command("ladder")(ladder.command)
app.command("patch-iax2")(patch_iax2.command)
app.command("advise")(advise.command)
app.command("convert")(convert.command)
app.command("explain")(explain.command)
app.command("findings")(explain.listing)


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
    try:
        app(arguments, standalone_mode=True)
    except SipdiagError as error:
        _complain(str(error))
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output is gone; what is still buffered must not raise once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except KeyboardInterrupt:
        sys.exit(130)
    except (RecursionError, MemoryError):
        _complain("the input is more than this machine can hold; please report it")
        sys.exit(3)


def _complain(text: str) -> None:
    print(f"sipdiag: {plain(text)}", file=sys.stderr)
