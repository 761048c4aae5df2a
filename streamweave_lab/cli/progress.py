"""How far a run has come, shown in the terminal: a bar where there is one, plain lines where there is not."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Protocol

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress_bar import ProgressBar
from rich.text import Text

from streamweave_lab.engine.run import LocalRun
from streamweave_lab.engine.status import Status

TENTH = 0.1
SECONDS_BETWEEN_LOOKS = 0.25


class View(Protocol):
    """Something that shows a Status, again and again."""

    def __enter__(self) -> View:
        """Begin."""

    def __exit__(self, *_: object) -> None:
        """End."""

    def show(self, status: Status) -> None:
        """Show this."""


def progress_view(console: Console) -> View:
    """A bar on a terminal; on anything else a line for each tenth of the way."""
    return Bar(console) if console.is_terminal else Lines(console)


async def watch(run: LocalRun, view: View) -> None:
    """Show how far `run` has come until it has ended, and how far it came."""
    ended = asyncio.ensure_future(run.over())
    with view:
        while not ended.done():
            view.show(run.status())
            await asyncio.wait([ended], timeout=SECONDS_BETWEEN_LOOKS)
        view.show(run.status())


class Way(BarColumn):
    """A bar where the end is known; nothing where it is not, for nothing would be measured."""

    def render(self, task: Task) -> ProgressBar | Text:  # type: ignore[override]
        """How far it is."""
        return Text("") if task.total is None else super().render(task)


class Bar:
    """A progress bar over the items of the sources that know their total."""

    def __init__(self, console: Console) -> None:
        columns: list[ProgressColumn] = [
            TextColumn("[bold]{task.description}"),
            Way(),
            TaskProgressColumn(),
            TextColumn("{task.fields[facts]}"),
            TimeRemainingColumn(),
        ]
        self._progress = Progress(*columns, console=console)
        self._task = self._progress.add_task("", total=None, facts="")

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, status: Status) -> None:
        """Move the bar."""
        position, total = position_of(status)
        description = f"{status.graph} {status.state}"
        self._progress.update(self._task, completed=position, total=total, description=description, facts=facts(status))


class Lines:
    """A line at the beginning, for each tenth of the way, when the state changes, and at the end."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said: tuple[str, int] | None = None

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, status: Status) -> None:
        """Say how far it is, if that is worth a line."""
        position, total = position_of(status)
        now = (status.state, int(position / total / TENTH) if total else 0)
        if now != self._said:
            self._said = now
            share = f" ({position / total:.0%})" if total else ""
            line = f"{status.graph} {status.state}: {facts(status)}{share}"
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)


def position_of(status: Status) -> tuple[int, int | None]:
    """Items brought in so far by all sources, and how many there are altogether, if every source knows."""
    sources = [node for node in status.nodes if node.role == "source"]
    totals = [node.total for node in sources if node.total is not None]
    known = len(totals) == len(sources)
    return sum(node.position or 0 for node in sources), sum(totals) if known else None


def facts(status: Status) -> str:
    """Items, items a second of this process, and how far event time has come."""
    position, total = position_of(status)
    brought = sum(sum(node.items_out.values()) for node in status.nodes if node.role == "source")
    of = f" of {total:,}" if total is not None else ""
    rate = f", {brought / status.uptime:,.0f}/s" if status.uptime > 0 and brought else ""
    return f"{position:,}{of} items{rate}{_instant(status.frontier)}"


def _instant(frontier: float | None) -> str:
    try:
        return "" if frontier is None else f", up to {datetime.fromtimestamp(frontier, UTC):%Y-%m-%d %H:%M}"
    except (OverflowError, ValueError, OSError):
        return ""  # at its end a run's frontier may be infinite


__all__ = ["Bar", "Lines", "View", "facts", "position_of", "progress_view", "watch"]
