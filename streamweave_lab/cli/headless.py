"""A run in the terminal, without Jupyter: to its end, or to the drain that a signal asks for."""

from __future__ import annotations

import asyncio

from rich.console import Console

from streamweave_lab.cli.progress import progress_view, watch
from streamweave_lab.cli.signals import obeyed
from streamweave_lab.config.model import Config
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.graph.graph import Graph

DRAIN_SECONDS = 30.0


def run_headless(
    graph: Graph, config: Config | None, console: Console, *, drain_timeout: float = DRAIN_SECONDS
) -> LocalRun:
    """Run `graph` until its sources have ended or a signal ends it; `console` shows progress. Returns the ended run."""
    return asyncio.run(_carry_out(graph, config, console, drain_timeout))


async def _carry_out(graph: Graph, config: Config | None, console: Console, drain_timeout: float) -> LocalRun:
    run = graph.start(config)

    def say(sentence: str) -> None:
        console.print(sentence, highlight=False, markup=False, soft_wrap=True)

    with obeyed(run, drain_timeout, say):
        await watch(run, progress_view(console))
    return run


__all__ = ["run_headless"]
