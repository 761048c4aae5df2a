"""`streamweave-lab status`: how a run in another process is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import click

from streamweave_lab.cli.options import json_option, process, process_options
from streamweave_lab.cli.printing import on_terminal

if TYPE_CHECKING:
    from rich.console import RenderableType

    from streamweave_lab.engine.status import NodeStatus, Status
    from streamweave_lab.remote.run import RemoteRun

ENDED = {"stopped", "failed"}


@click.command()
@process_options
@click.option("--watch", is_flag=True, help="Show it again and again, until the run ends or Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Between two looks, with --watch.",
)
@json_option
def status(
    url: str | None, token_file: Path | None, ca: Path | None, watch: bool, interval: float, as_json: bool
) -> None:  # fmt: skip
    """Show how a run in another process is: ready or why not, how far it has come, what each node has done.

    With --watch and --json there is one document a line. Where nobody looks, --watch writes it again when it has
    changed. Exit codes: 0 the run was reached, 75 nothing answers.
    """
    run = process(url, token_file, ca)
    if not watch:
        _show(run.status(), as_json)
        return
    with contextlib.suppress(KeyboardInterrupt):
        if on_terminal() and not as_json:
            _live(run, interval)
        else:
            _follow(run, interval, as_json)


def _follow(run: RemoteRun, interval: float, as_json: bool) -> None:
    before = ""
    for each in _looks(run, interval):
        text = each.model_dump_json() if as_json else str(each)
        if text != before:
            click.echo(text)
        before = text


def _show(status: Status, as_json: bool) -> None:
    if as_json:
        click.echo(status.model_dump_json(indent=2))
    elif on_terminal():
        from rich.console import Console

        Console().print(_drawn(status))
    else:
        click.echo(str(status))


def _looks(run: RemoteRun, interval: float) -> Iterator[Status]:
    """The Status again and again, the last time when the run has ended."""
    ended = Event()
    run.on_end(ended.set)
    while not run.settled:
        yield run.status()
        ended.wait(interval)
    yield run.status()


def _live(run: RemoteRun, interval: float) -> None:
    from rich.live import Live

    with Live(_drawn(run.status()), auto_refresh=False) as live:
        for each in _looks(run, interval):
            live.update(_drawn(each), refresh=True)


def _drawn(status: Status) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for head in ("node", "kind", "state"):
        table.add_column(head)
    for head in ("in", "out", "errors", "late", "held", "busy", "blocked"):
        table.add_column(head, justify="right")
    for node in status.nodes:
        table.add_row(*map(Text, _row(node)))
    lines = [Text(line) for line in _lines(status)]
    return Group(*lines, table)


def _lines(status: Status) -> Iterator[str]:
    from streamweave_lab.cli.progress import facts

    reasons = "; ".join(status.reasons)
    yield f"{status.graph}: {status.state}, {'ready' if status.ready else f'not ready: {reasons}'}"
    yield facts(status)
    if status.bottleneck:
        yield status.bottleneck
    if status.checkpoint is not None:
        last = status.checkpoint.last_id
        yield f"checkpoint {last} is the newest" if last else "no checkpoint has been written yet"
        if status.checkpoint.problem:
            yield status.checkpoint.problem


def _row(node: NodeStatus) -> list[str]:
    counts: list[Any] = [sum(node.items_in.values()), sum(node.items_out.values()), node.errors, node.late, node.held]
    seconds = node.busy_seconds + node.idle_seconds + node.blocked_seconds
    shares = [part / seconds if seconds else 0.0 for part in (node.run_seconds, node.blocked_seconds)]
    return [
        node.name, node.kind, node.state, *(f"{count:,}" if count else "" for count in counts),
        *(f"{share:.0%}" for share in shares),
    ]  # fmt: skip


__all__ = ["status"]
