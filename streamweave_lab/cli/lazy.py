"""A group of commands that are imported when they are asked for, so that `--help` and each of them start quickly."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NamedTuple

import click

from streamweave_lab.cli.failing import failing


class Entry(NamedTuple):
    """One line of a table of commands."""

    where: str
    """The click command, as "module:name"."""
    summary: str
    """What the list of commands says about it; the command itself need not be imported for that."""


class LazyGroup(click.Group):
    """A group whose commands stand in a table. What a command raises ends it with a sentence and an exit code."""

    def __init__(self, *args: Any, table: Mapping[str, Entry] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table = dict(table or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the table, which is that of use."""
        return [*self.table, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command. Returns None for a name that is not in the table."""
        entry = self.table.get(cmd_name)
        if entry is None:
            return super().get_command(ctx, cmd_name)
        module, name = entry.where.split(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that `args` name. Raises: UsageError, with the nearest name there is."""
        name = args[0]
        if not ctx.resilient_parsing and not name.startswith("-") and name not in self.list_commands(ctx):
            near = get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(self.list_commands(ctx))}"
            raise click.UsageError(f"there is no command {name!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, out of the table."""
        own = [(name, self.commands[name].get_short_help_str()) for name in self.commands]
        with formatter.section("Commands"):
            formatter.write_dl([*((name, entry.summary) for name, entry in self.table.items()), *own])

    def invoke(self, ctx: click.Context) -> Any:
        """Carry the command out."""
        with failing():
            return super().invoke(ctx)


__all__ = ["Entry", "LazyGroup"]
