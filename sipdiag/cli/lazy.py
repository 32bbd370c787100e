"""Commands that are known by name and one line of help, and imported when they are called.

So ``sipdiag --help``, a mistyped name and completion cost no more than typer itself.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


class LazyCommand(TyperCommand):
    """Stands for a command until somebody calls it or asks for its options."""

    def __init__(self, name: str, short_help: str, home: str, *, hidden: bool = False) -> None:
        """``home``: where the command's function is, as ``module:name``."""
        super().__init__(name, short_help=short_help, hidden=hidden)
        self._home = home

    def function(self) -> Callable[..., None]:
        """What the command does, with its words as parameters: imports it."""
        module, _, name = self._home.partition(":")
        found: Callable[..., None] = getattr(import_module(module), name)
        return found

    def load(self) -> Any:
        """The command itself."""
        single = typer.Typer(
            add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None
        )
        single.command(self.name)(self.function())
        return typer.main.get_command(single)

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Of the command itself, which from here on takes this one's place."""
        return self.load().make_context(*args, **kwargs)


def group_of(app: typer.Typer, commands: list[LazyCommand]) -> TyperGroup:
    """The app as a group of these commands. It needs a callback."""
    group = typer.main.get_command(app)
    assert isinstance(group, TyperGroup)
    for command in commands:
        group.add_command(command)
    return group
