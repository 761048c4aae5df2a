"""A run in the terminal, without Jupyter: to its end, or to the drain that a signal asks for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Console

from streamweave_lab.cli.progress import progress_view, watch
from streamweave_lab.cli.signals import obeyed
from streamweave_lab.config.model import Config
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.graph.graph import Graph
from streamweave_lab.ops.systemd import notifying

if TYPE_CHECKING:
    from streamweave_lab.cli.serving import Serving
    from streamweave_lab.ops.server import Server
    from streamweave_lab.state.store import Store

DRAIN_SECONDS = 30.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Headless:
    """How a graph is to be run."""

    graph: Graph
    config: Config | None = None
    store: Store | None = None
    every: float | None = None
    """Seconds between two checkpoints."""
    resume: bool = False
    allow_changed: bool = False
    serving: Serving | None = None
    drain_timeout: float = DRAIN_SECONDS
    """Seconds that the drain may take which a signal asks for."""

    async def carry_out(self, console: Console) -> LocalRun:
        """Run until the sources have ended or a signal ends it; `console` shows progress. Returns the ended run.

        Raises: what `Graph.start` and `Serving.begin` raise; then nothing goes on running.
        """

        def say(sentence: str) -> None:
            console.print(sentence, highlight=False, markup=False, soft_wrap=True)

        run = self.graph.start(
            self.config, store=self.store, checkpoint_every=self.every, resume=self.resume,
            allow_changed=self.allow_changed,
        )  # fmt: skip
        async with self._served(run, say):
            # Last in, first out: systemd hears of the end before the probes fall silent.
            with notifying(run), obeyed(run, self.drain_timeout, say):
                await watch(run, progress_view(console))
        return run

    @asynccontextmanager
    async def _served(self, run: LocalRun, say: Say) -> AsyncIterator[None]:
        async with AsyncExitStack() as undo:
            if self.store is not None:
                undo.callback(self.store.close)
            if self.resume:
                say(run.events[0].message.replace("started", f"{run.name} started", 1))
            if self.serving is not None:
                say(self.serving.told(undo.enter_context(await self._begun(run, self.serving))))
            yield

    async def _begun(self, run: LocalRun, serving: Serving) -> Server:
        try:
            return serving.begin(run)
        except BaseException:
            await run.stop()  # it has not had a turn yet: no item was taken in
            raise


def run_headless(
    graph: Graph, config: Config | None, console: Console, *, drain_timeout: float = DRAIN_SECONDS
) -> LocalRun:
    """Run `graph` until its sources have ended or a signal ends it; `console` shows progress. Returns the ended run."""
    return asyncio.run(Headless(graph, config, drain_timeout=drain_timeout).carry_out(console))


__all__ = ["DRAIN_SECONDS", "Headless", "run_headless"]
