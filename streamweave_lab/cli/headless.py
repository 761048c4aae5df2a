"""A run in the terminal, without Jupyter: to its end, or to the drain that a signal asks for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from streamweave_lab.cli.failing import in_options
from streamweave_lab.cli.progress import progress_view, watch
from streamweave_lab.cli.signals import OnTerm, obeyed
from streamweave_lab.config.model import Config
from streamweave_lab.engine.actor import acting
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.engine.status import EventStatus
from streamweave_lab.graph.graph import Graph
from streamweave_lab.ops.systemd.notify import notifying

if TYPE_CHECKING:
    from streamweave_lab.cli.serving import Serving
    from streamweave_lab.state.store import Store

DRAIN_SECONDS = 30.0
ANSWER_SECONDS = 2.0
FAREWELL_SECONDS = 1.0

Say = Callable[[str], None]

_TOLD = ("config.", "server.", "tls.")
"""How the names of those events begin that are worth a line."""


@dataclass(frozen=True)
class Headless:
    """How a graph is to be run."""

    graph: Graph
    config: Config | None = None
    store: Store | None = None
    every: float | None = None
    """Seconds between two checkpoints."""
    resume: bool | int = False
    """Go on from the newest checkpoint, or from that with this id."""
    allow_changed: bool = False
    serving: Serving | None = None
    drain_timeout: float = DRAIN_SECONDS
    """Seconds that the drain may take which a signal asks for, or the suspend."""
    history: Path | None = None
    """A journal of the configuration's versions."""
    watch_config: bool = False
    """Reload when the configuration's files change."""
    verify: float = 0.0
    """Seconds for which the run is watched after a reload, and the version before brought back if it does worse."""
    on_term: OnTerm = "drain"
    """What SIGTERM does."""
    collector: str | None = None
    """The OpenTelemetry collector to push metrics to; "env" for the one that the environment names."""

    async def carry_out(self, console: Console) -> LocalRun:
        """Run until the sources have ended or a signal ends it; `console` shows progress. Returns the ended run.

        Raises: what `Graph.start` and `Serving.begin` raise; then nothing goes on running.
        """

        def say(sentence: str) -> None:
            console.print(in_options(sentence), highlight=False, markup=False, soft_wrap=True)

        with acting("cli"):
            run = self.graph.start(
                self.config, store=self.store, checkpoint_every=self.every, resume=self.resume,
                allow_changed=self.allow_changed,
            )  # fmt: skip
        run.observe(lambda event: say(event.message) if _unsaid(event) else None)
        async with self._kept(run), self._served(run, say):
            # Last in, first out: systemd hears of the end before the probes fall silent.
            with notifying(run), obeyed(run, self.drain_timeout, say, self.verify, self.on_term):
                await watch(run, progress_view(console))
        return run

    @asynccontextmanager
    async def _kept(self, run: LocalRun) -> AsyncIterator[None]:
        try:
            if self.history is not None:
                run.keep_history(self.history)
            if self.watch_config:
                run.watch_config(verify=self.verify)
            if self.collector is not None:
                run.export(None if self.collector == "env" else self.collector)
            yield
        except BaseException:
            await run.stop()  # it has not had a turn yet: no item was taken in
            raise

    @asynccontextmanager
    async def _served(self, run: LocalRun, say: Say) -> AsyncIterator[None]:
        if self.resume:
            say(run.events[-1].message.replace("started", f"{run.name} started", 1))
            if run.resume_from is not None and run.resume_from.differs:
                say(f"warning: {run.resume_from.differs}")
        if self.serving is None:
            yield
            await _answered()
            return
        with self.serving.begin(run, self.verify) as server:
            self.serving.tell(run, server)
            yield
            await _answered()
            # Who has asked for the end over HTTP, or looks on, is to hear what came of it.
            await asyncio.sleep(FAREWELL_SECONDS)


def _unsaid(event: EventStatus) -> bool:
    """It is worth a line, and nobody else says it: what a signal has led to is said where signals are obeyed."""
    by_signal = (event.by or "").startswith("signal ")
    return event.event == "checkpoint.failed" or (event.event.startswith(_TOLD) and not by_signal)


async def _answered() -> None:
    """Let verbs that are under way have their answers: with the loop, what still runs on it would be cancelled."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=ANSWER_SECONDS)


def run_headless(
    graph: Graph, config: Config | None, console: Console, *, drain_timeout: float = DRAIN_SECONDS
) -> LocalRun:
    """Run `graph` until its sources have ended or a signal ends it; `console` shows progress. Returns the ended run."""
    return asyncio.run(Headless(graph, config, drain_timeout=drain_timeout).carry_out(console))


__all__ = ["DRAIN_SECONDS", "Headless", "run_headless"]
