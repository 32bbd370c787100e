"""The words of a command: its arguments and options, as typer makes them of a function.

They are read from the functions themselves, so that what is generated from them is the same with
every version of typer.
"""

from __future__ import annotations

import enum
import inspect
import typing
from collections.abc import Callable
from typing import Any, NamedTuple


class Word(NamedTuple):
    """An argument or option: what is written for it, what it does, what it is without it."""

    names: list[str]
    value: str
    help: str
    default: str
    required: bool
    several: bool


HELP = Word(["-h", "--help"], "", "Show help, of a command or of all.", "", False, False)


def words_of(function: Callable[..., None]) -> tuple[list[Word], list[Word]]:
    """The arguments and the options that typer makes of a function's parameters."""
    arguments: list[Word] = []
    options: list[Word] = []
    hints = typing.get_type_hints(function, include_extras=True)
    for name, parameter in inspect.signature(function).parameters.items():
        kind, info = typing.get_args(hints[name])[:2]
        if info.hidden:
            continue
        value = str(info.metavar or _choices(kind) or name.upper()).strip("[].")
        word = Word(
            # What typer.Option is given first stands for a default, unless it is in an Annotated.
            names=[each for each in (info.default, *(info.param_decls or ())) if _is_name(each)],
            value="" if kind is bool else value,
            help=info.help or "",
            default=parameter.default.value if isinstance(parameter.default, enum.Enum) else "",
            required=parameter.default is parameter.empty,
            several="list[" in str(kind),
        )
        (options if word.names else arguments).append(word)
    return arguments, options


def _is_name(written: object) -> bool:
    return isinstance(written, str) and written.startswith("-")


def _choices(kind: Any) -> str:
    """``native|tshark`` for an enumeration, a list of one, or one that may be None; else ""."""
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return "|".join(str(each.value) for each in kind)
    return next(filter(None, map(_choices, typing.get_args(kind))), "")
