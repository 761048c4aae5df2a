"""How commands answer: tables for people at a terminal, plain lines for everything else, JSON where it is asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

Row = Sequence[Any]


def on_terminal() -> bool:
    """A person reads what is written to stdout."""
    return sys.stdout.isatty()


def put_json(value: Any) -> None:
    """Write a value as JSON: dataclasses, models and paths too."""
    from pydantic_core import to_jsonable_python

    click.echo(json.dumps(to_jsonable_python(value, fallback=str, inf_nan_mode="null"), indent=2, ensure_ascii=False))


def put_table(heads: Sequence[str], rows: Iterable[Row], *, title: str = "", right: Iterable[str] = ()) -> None:
    """Write a table; where nobody looks, its rows without a frame, their cells apart by two blanks."""
    drawn = [[_cell(cell) for cell in row] for row in rows]
    if on_terminal():
        _put_framed(heads, drawn, title, set(right))
        return
    widths = [max(map(len, column)) for column in zip(heads, *drawn, strict=True)]
    for row in [list(heads), *drawn]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def put_facts(facts: dict[str, Any]) -> None:
    """Write names and values, a line each; those that are None are left out."""
    width = max(map(len, facts))
    for name, value in facts.items():
        if value is not None:
            click.echo(f"{name.ljust(width)}  {_cell(value)}")


def settings(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The settings of a configuration by dotted name, each value as JSON, which is how a file would have it."""
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from settings(value, f"{prefix}{name}.")
        else:
            yield prefix + name, json.dumps(value, ensure_ascii=False, default=str)


def when(seconds: float | None) -> str:
    """An instant of wall time, in UTC."""
    if not seconds:
        return "-"
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%SZ}"


def size(number: int) -> str:
    """A number of bytes for people."""
    for unit, each in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= each:
            return f"{number / each:.1f} {unit}"
    return f"{number} B"


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _put_framed(heads: Sequence[str], rows: list[list[str]], title: str, right: set[str]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, title_justify="left")
    for head in heads:
        table.add_column(head, justify="right" if head in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)


__all__ = ["on_terminal", "put_facts", "put_json", "put_table", "settings", "size", "when"]
