"""Options that the commands of `streamweave-lab deploy` share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from streamweave_lab.cli.options import on_term_option
from streamweave_lab.ops.deploy.budget import Budget
from streamweave_lab.ops.deploy.deployment import PORT

Command = Callable[..., Any]

BUDGET = Budget()


def target_options(command: Command) -> Command:
    """What all three ask for."""
    options = [
        click.argument("target", metavar="GRAPH"),
        click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False), required=True,
                     help="The folder to write into; what an earlier call wrote is replaced."),
        click.option("--config-class", metavar="NAME", help="The class of the configuration, where it is not plain."),
        click.option("--name", help="What it is called; by default the graph's own name."),
        click.option("--port", type=click.IntRange(1, 65535), default=PORT, show_default=True,
                     help="Where probes, metrics and controls are served."),
    ]  # fmt: skip
    return _with(options, command)


def process_options(command: Command) -> Command:
    """What is asked for one process that is to be started, and ended."""
    options = [
        click.option("--config", "settings", type=click.Path(path_type=Path, dir_okay=False),
                     help="The configuration file to deploy; it may hold no secrets."),
        click.option("--drain-timeout", type=float, default=BUDGET.drain, show_default=True, metavar="SECONDS",
                     help="What a drain may take before what is left is dropped."),
        on_term_option,
        click.option("--checkpoint-timeout", type=float, default=BUDGET.checkpoint, show_default=True,
                     metavar="SECONDS", help="What the last checkpoint may take."),
        click.option("--margin", type=float, default=BUDGET.margin, show_default=True, metavar="SECONDS",
                     help="What the process itself needs to end."),
        click.option("--grace", type=click.IntRange(1), metavar="SECONDS",
                     help="From the signal to the kill; by default the least that is enough, and never less."),
        click.option("--startup", type=click.IntRange(1), default=300, show_default=True, metavar="SECONDS",
                     help="What it may take to restore the last checkpoint and start."),
    ]  # fmt: skip
    return _with(options, command)


def _with(options: list[Any], command: Command) -> Command:
    for option in reversed(options):
        command = option(command)
    return command


__all__ = ["process_options", "target_options"]
