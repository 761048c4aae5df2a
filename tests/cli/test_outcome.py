from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from streamweave_lab.cli.failing import code_of
from streamweave_lab.cli.outcome import Exit, exit_code, sentence
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.errors import RunFailedError, StoreHeldError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import Count, ForEach, Map, Replay
from streamweave_lab.state.sqlite_store import SqliteStore


def told(run: LocalRun) -> tuple[Exit, str]:
    return exit_code(run.status(), run.dropped), sentence(run.status(), run.dropped)


def test_a_run_whose_sources_ended_is_a_success() -> None:
    run = Graph("numbers", Replay("source", range(3)) >> Count("counted")).run_to_end()
    assert told(run) == (0, "run numbers has come to its end")


@pytest.mark.parametrize("verb", ["drain", "suspend", "stop"])
def test_where_the_end_of_the_sources_is_asked_for_to_be_ended_before_is_no_success(verb: str, tmp_path: Path) -> None:
    async def asked() -> LocalRun:
        run = Graph("numbers", Replay("source", []) >> Count("counted")).start(store=SqliteStore(tmp_path / "s.db"))
        await getattr(run, verb)()
        return run

    run = asyncio.run(asked())
    assert exit_code(run.status(), run.dropped, to_end=True) == 75
    ended = Graph("numbers", Replay("source", range(3)) >> Count("counted")).run_to_end()
    assert exit_code(ended.status(), ended.dropped, to_end=True) == 0


def held(begun: asyncio.Event) -> Graph:
    async def forever(_: int) -> None:
        begun.set()
        await asyncio.sleep(3600)

    return Graph("held", Replay("source", [1, 2]) >> ForEach("forever", forever))


def test_a_drained_run_is_a_success() -> None:
    async def drained() -> LocalRun:
        run = Graph("numbers", Replay("source", range(3)) >> Count("counted")).start()
        await run.drain()
        return run

    assert told(asyncio.run(drained())) == (0, "run numbers was drained; nothing was dropped")


@pytest.mark.parametrize("verb", ["drain", "stop"])
def test_a_run_that_dropped_items_says_how_many_and_where(verb: str) -> None:
    async def cut_off() -> LocalRun:
        begun = asyncio.Event()
        run = held(begun).start()
        await begun.wait()
        await (run.drain(timeout=0.01) if verb == "drain" else run.stop())
        return run

    code, said = told(asyncio.run(cut_off()))
    assert code == 3
    assert said.startswith("run held was ended before everything was finished; dropped: ")
    assert "in forever" in said


def test_a_failed_run_names_the_node() -> None:
    async def failed() -> LocalRun:
        run = Graph("broken", Replay("source", [0]) >> Map("invert", lambda n: 1 / n) >> Count("counted")).start()
        with pytest.raises(RunFailedError):
            await run.done()
        return run

    code, said = told(asyncio.run(failed()))
    assert code == 70
    assert said.startswith("run broken has failed")
    assert "invert" in said


def test_a_stopped_run_that_dropped_nothing_and_a_suspended_one_say_so(tmp_path: Path) -> None:
    async def stopped() -> LocalRun:
        async def ticks() -> AsyncIterator[int]:
            while True:
                await asyncio.sleep(3600)
                yield 1

        run = Graph("quiet", Replay("source", ticks()) >> Count("counted")).start()
        await asyncio.sleep(0)
        await run.stop()
        return run

    async def suspended() -> LocalRun:
        graph = Graph("numbers", Replay("source", range(10**6)) >> Count("counted"))
        run = graph.start(store=SqliteStore(tmp_path / "state.db"))
        assert (await run.suspend()).committed
        return run

    assert told(asyncio.run(stopped())) == (0, "run quiet was stopped; nothing was dropped")
    run = asyncio.run(suspended())
    assert run.checkpoints is not None
    assert told(run) == (0, f"run numbers was suspended; checkpoint {run.checkpoints.last_id} holds its state")


class Unkeepable(Count):
    """Its state can be written only while it is empty."""

    def snapshot(self) -> Any:
        return object() if self.count else super().snapshot()


def test_a_run_that_was_stopped_after_a_checkpoint_failed_says_so_beside_its_70(tmp_path: Path) -> None:
    async def main() -> LocalRun:
        brought = asyncio.Event()

        async def ticks() -> AsyncIterator[int]:
            yield 1
            brought.set()
            await asyncio.sleep(3600)

        graph = Graph("quiet", Replay("source", ticks()) >> Unkeepable("counted"))
        run = graph.start(store=SqliteStore(tmp_path / "state.db"))
        await brought.wait()
        assert not (await run.checkpoint()).committed
        await run.stop()
        return run

    run = asyncio.run(main())
    status = run.status()
    assert status.checkpoint is not None
    why = status.checkpoint.problem
    assert told(run) == (70, f"run quiet was stopped; nothing was dropped, but no checkpoint holds its end: {why}")
    dropped = {"source.out -> counted.in": 2}
    assert sentence(status, dropped).endswith(
        f"dropped: 2 in source.out -> counted.in; no checkpoint holds its end: {why}"
    )


def suspended(run: Graph, folder: Path, timeout: float, begun: asyncio.Event) -> LocalRun:
    async def main() -> LocalRun:
        going = run.start(store=SqliteStore(folder / "kept.db"))
        await begun.wait()
        await going.suspend(timeout=timeout)
        return going

    return asyncio.run(main())


def test_a_suspend_that_was_not_in_time_is_not_said_to_be_kept(tmp_path: Path) -> None:
    begun = asyncio.Event()
    run = suspended(held(begun), tmp_path, 0.01, begun)
    assert exit_code(run.status(), {}) == 70, "as if nothing had been dropped"
    assert sentence(run.status(), {}) == "run held was suspended, but no checkpoint holds its state: the time was up"
    assert told(run)[0] == 3


@pytest.mark.parametrize("lasting", [FileExistsError, FileNotFoundError, NotADirectoryError, PermissionError])
def test_what_no_time_mends_is_not_to_be_tried_again(lasting: type[OSError]) -> None:
    assert code_of(RunFailedError("g", "sink", None, lasting("there"))) is Exit.BAD_CONFIG
    assert code_of(lasting("there")) is Exit.BAD_CONFIG
    assert code_of(RunFailedError("g", "sink", None, TimeoutError("far"))) is Exit.TRY_AGAIN


def test_a_store_that_is_held_is_to_be_tried_again_by_whatever_the_system_says_so() -> None:
    held = StoreHeldError("held")
    held.__cause__ = PermissionError("what Windows says of a file that is locked")
    assert code_of(held) is Exit.TRY_AGAIN
