"""What checkpoints cost: how long one holds the loop, and the throughput that is left with one a second."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from itertools import count
from pathlib import Path

import streamweave_lab as sw
from streamweave_lab.engine.core import Core
from streamweave_lab.state.sqlite_store import SqliteStore
from tests.benchmarks.report import Result, alone, answer, median, told

KEYS = 100_000
SECONDS = 5.0
GROUP = f"Checkpoints of {KEYS:,} integer keys in SQLite"


def _key(n: int) -> int:
    return n % KEYS


def _add(total: int, n: int) -> int:
    return total + n


def _graph() -> sw.Graph:
    sums = sw.Reduce("sums", _add, initial=0, key=_key)
    return sw.Graph("checkpointed", sw.Replay("numbers", count()) >> sums >> sw.Count("end"))


async def _measured(every: float) -> dict[str, float]:
    held: list[float] = []
    keep = Core.keep

    def timed(core: Core, state: object) -> None:
        began = core.clock.now()
        keep(core, state)  # type: ignore[arg-type]
        held.append(core.clock.now() - began)

    Core.keep = timed  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "state.db")
        run = _graph().start(store=store, checkpoint_every=every or None)
        await asyncio.sleep(1.0)
        before = run["end"].count
        await asyncio.sleep(SECONDS)
        rate = (run["end"].count - before) / SECONDS
        status = run.status().checkpoint
        assert status is not None
        assert not every or status.committed >= SECONDS / every / 2, status
        await run.stop()
        store.close()
    return {"rate": rate, "held": max(held, default=0.0)}


def measure(rounds: int) -> list[Result]:
    """With one a second and without, in turn."""
    shares, held = [], []
    for number in range(min(rounds, 3)):
        told(f"checkpoints: round {number + 1}")
        plain, kept = alone("checkpoints", 0), alone("checkpoints", 1)
        shares.append(kept["rate"] / plain["rate"])
        held.append(kept["held"])
    return [
        Result(GROUP, "one holds the loop for, at most", median(held) * 1000, "ms", 10.0),
        Result(GROUP, "throughput with one a second / without", median(shares), "×", 0.9, at_least=True),
    ]


if __name__ == "__main__":
    answer(asyncio.run(_measured(float(sys.argv[1]))))
