"""`python -m tests.journeys.soak --minutes 10`: full load, while everything is done to the run that can be done.

It is paused, stepped, reloaded, tapped, checkpointed, drilled, suspended, crashed, and resumed, at random. In the
end counters balance, memory is flat, and nothing is left behind.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import psutil

import streamweave_lab as sw
from streamweave_lab.errors import RunFailedError
from streamweave_lab.state.sqlite_store import SqliteStore
from streamweave_lab.testing import drills
from streamweave_lab.testing.laws import check_edge, check_node
from tests.journeys.soak_graph import SoakConfig, check, soak_graph

MB = 1024 * 1024
MOST_GROWN = 10.0
"""MB; an allocator's own ups and downs are a few."""


FEWEST_LOOKS = 10
"""However slow the machine is."""


@dataclass
class Report:
    """What was seen."""

    seconds: float = 0.0
    items: int = 0
    done: Counter[str] = field(default_factory=Counter)
    checkpoints: int = 0
    looks: int = 0
    """How often every edge and node was found balanced."""
    rss: list[float] = field(default_factory=list)
    """MB, the median of each tenth of the time; the first two are the warm-up."""
    tasks_left: list[str] = field(default_factory=list)
    timers_left: int = 0
    threads_left: list[str] = field(default_factory=list)
    children_left: int = 0

    @property
    def grown(self) -> float:
        """MB from the end of the warm-up to the end."""
        return self.rss[-1] - self.rss[min(2, len(self.rss) - 1)]

    @property
    def clean(self) -> bool:
        """Nothing is left behind."""
        return not (self.tasks_left or self.timers_left or self.threads_left or self.children_left)


class Soak:
    """One soak: the run that goes on now, and what is done to it."""

    def __init__(self, folder: Path, dice: Random) -> None:
        self.store = SqliteStore(folder / "state.db")
        self.file = folder / "soak.toml"
        self.dice, self.report = dice, Report()
        self.rss: list[float] = []
        self._write_config()
        self.run = self._start()

    async def go_on(self, seconds: float) -> Report:
        """Do at random whatever there is to be done, for so long."""
        clock = asyncio.get_running_loop().time
        began = clock()
        acts: list[Callable[[], Awaitable[Any]]] = [
            self.pause, self.step, self.reload, self.checkpoint, self.tap, self.drill, self.drill, self.drill,
            self.suspend, self.crash,
        ]  # fmt: skip
        while clock() - began < seconds or self.report.looks < FEWEST_LOOKS:
            act = self.dice.choices(acts, [4, 2, 4, 4, 4, 4, 4, 4, 1, 1])[0]
            self.report.done[act.__name__] += 1
            await act()
            await asyncio.sleep(self.dice.uniform(0.05, 0.5))
            self.look()
        await self.end()
        self.report.seconds = clock() - began
        return self.report

    async def end(self) -> None:
        """Drain, and see that everything came out."""
        report = await self.run.drain(120)
        assert report.complete, f"{report}"
        self.look()
        check(self.run)
        for channel in self.run.core.channels:
            assert channel.sent == channel.received, f"{channel.name}: {channel.sent} sent, {channel.received} received"
        self.report.items = self.run["numbers"].position
        self.report.checkpoints = self.store.list("soak")[0].id
        self.store.close()
        loop: Any = asyncio.get_running_loop()
        for _ in range(60):
            await asyncio.sleep(0.5)
            self.report.tasks_left = [str(task) for task in asyncio.all_tasks() - {asyncio.current_task()}]
            self.report.timers_left = sum(not timer.cancelled() for timer in loop._scheduled)
            if not (self.report.tasks_left or self.report.timers_left):
                break

    def look(self) -> None:
        """Every edge and every node is balanced now; how much memory that takes."""
        assert self.run.failure is None, f"{self.run.failure!r}"
        for channel in self.run.core.channels:
            check_edge(channel)
        for state in self.run.core.states:
            check_node(state)
        self.report.looks += 1
        self.rss.append(psutil.Process().memory_info().rss / MB)

    # What is done

    async def pause(self) -> None:
        await self.run.pause()
        await asyncio.sleep(self.dice.uniform(0.0, 0.3))
        await self.run.resume()

    async def step(self) -> None:
        await self.run.pause()
        await self.run.step(self.dice.choice([None, 1, 100]))
        await self.run.resume()

    async def reload(self) -> None:
        self._write_config()
        assert (await self.run.reload()).applied

    async def checkpoint(self) -> None:
        report = await self.run.checkpoint()
        assert report.committed, f"{report}"

    async def tap(self) -> None:
        tapped = await self.run.tap("parse.*", n=self.dice.choice([3, 30]), seconds=0.2)
        assert tapped is not None

    async def drill(self) -> None:
        lasting = self.dice.uniform(0.05, 0.5)
        kind, node, seconds = self.dice.choice([
            ("delay", "parse", 0.01), ("delay", "numbers", 0.01), ("delay", "fetch", 0.05), ("delay", "square", 0.05),
            ("slow sink", "sums", 0.001), ("slow sink", "fetched", 0.01), ("failing item", "parse", 1.0),
            ("silent source", "numbers", 1.0), ("blocked loop", None, 0.1), ("blocked loop", "windows", 0.1),
        ])  # fmt: skip
        self.report.done[kind] += 1
        drills.begin(self.run, kind, node, seconds=seconds, items=self.dice.randint(1, 5000), lasting=lasting)
        await asyncio.sleep(lasting + (0.2 if kind == "blocked loop" else 0.02))
        for drill in drills.under_way(self.run):
            drill.end()

    async def suspend(self) -> None:
        report = await self.run.suspend()
        assert report.committed, f"{report}"
        self.run = self._start(resume=True)

    async def crash(self) -> None:
        node = self.dice.choice([*self.run.graph.nodes])
        drills.begin(self.run, "crash", node)
        try:
            await asyncio.wait_for(self.run.done(), 120)
        except RunFailedError as error:
            assert "the drill 'crash'" in str(error), f"{error!r}"  # noqa: PT017 - it must be the drill's
        self.run = self._start(resume=True)

    def _start(self, resume: bool = False) -> sw.LocalRun:
        config = SoakConfig.load(self.file)
        return soak_graph().start(config, store=self.store, checkpoint_every=1.0, resume=resume)

    def _write_config(self) -> None:
        self.file.write_text(f"schema_version = 1\nleast = {self.dice.randrange(900)}\n")


def soak(seconds: float, seed: int = 0) -> Report:
    """Soak for so many seconds. Raises: AssertionError for whatever is not as it must be."""
    threads, children = set(threading.enumerate()), set(psutil.Process().children(recursive=True))

    async def main(folder: Path) -> tuple[Report, list[float]]:
        soaking = Soak(folder, Random(seed))
        return await soaking.go_on(seconds), soaking.rss

    with tempfile.TemporaryDirectory() as folder:
        report, rss = asyncio.run(main(Path(folder)))
    tenths = [rss[len(rss) * n // 10 : len(rss) * (n + 1) // 10] for n in range(10)]
    report.rss = [round(median(tenth), 1) for tenth in tenths if tenth]
    report.threads_left = [thread.name for thread in threading.enumerate() if thread not in threads]
    report.children_left = len(set(psutil.Process().children(recursive=True)) - children)
    return report


def main() -> int:
    """Soak, and print what was seen."""
    parser = argparse.ArgumentParser(prog="python -m tests.journeys.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    report = soak(asked.minutes * 60, asked.seed)
    sys.stdout.write(json.dumps(vars(report), indent=1) + "\n")
    sys.stdout.write(f"{report.items / report.seconds:,.0f} items/s; memory grew by {report.grown:.1f} MB\n")
    return 0 if report.clean and report.grown < MOST_GROWN else 1


if __name__ == "__main__":
    sys.exit(main())
