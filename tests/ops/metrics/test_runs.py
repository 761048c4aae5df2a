"""What real runs tell: each number is caused, and then read as a scrape would read it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import streamweave_lab as sw
from streamweave_lab.graph.source import Wait
from streamweave_lab.ops.metrics.prometheus import registry


class Settings(sw.Config):
    limit: int = sw.live(1)
    fixed: int = 1


class Seen:
    """The metrics of a run, read anew at each question."""

    def __init__(self, run: sw.LocalRun) -> None:
        self._own, self._graph = registry(run.status), run.name

    def __call__(self, name: str, **labels: str) -> float | None:
        return self._own.get_sample_value(f"streamweave_{name}", {"graph_id": self._graph, **labels})

    async def until(self, wanted: float, name: str, **labels: str) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(60):
                while self(name, **labels) != wanted:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
        assert self(name, **labels) == wanted, f"{name}{labels}"


async def then_nothing(*numbers: int) -> AsyncIterator[int]:
    for number in numbers:
        yield number
    await asyncio.Event().wait()


class Seven(sw.Source[int]):
    """Seven numbers, and no end."""

    def poll(self, limit: int) -> list[int] | Wait:
        if self.position == 7:
            return Wait(60)
        self.position += 1
        return [self.position]

    def seek(self, position: int) -> None:
        self.position = position


async def hang(_: int) -> None:
    await asyncio.Event().wait()


def stuck(name: str) -> sw.Graph:
    return sw.Graph(name, sw.Replay("numbers", range(100_000)) >> sw.ForEach("never", hang))


def test_a_wait_for_room_counts_while_it_goes_on() -> None:
    async def watched() -> None:
        run = stuck("waiting").start()
        seen = Seen(run)
        edge = {"node_id": "never", "port": "in"}
        capacity = run.status().edges[0].capacity
        await seen.until(capacity, "channel_backpressure", **edge)
        blocked = seen("channel_blocked_seconds_total", **edge) or 0.0
        await asyncio.sleep(0.02)
        assert (seen("channel_blocked_seconds_total", **edge) or 0.0) >= blocked + 0.02
        assert seen("channel_capacity", **edge) == capacity
        assert (seen("node_time_seconds_total", node_id="numbers", state="blocked") or 0.0) > blocked
        await run.stop()

    asyncio.run(watched())


def test_the_three_states_of_a_node_sum_to_wall_time() -> None:
    run = sw.Graph("times", sw.Replay("numbers", range(1000)) >> sw.Count("kept")).run_to_end(deterministic=False)
    seen, uptime = Seen(run), run.status().uptime
    for node in ("numbers", "kept"):
        spent = [seen("node_time_seconds_total", node_id=node, state=state) for state in ("busy", "idle", "blocked")]
        assert abs(sum(each or 0.0 for each in spent) - uptime) < 0.001


def test_the_committed_offset_follows_checkpoints_and_is_there_at_once_after_a_resume(tmp_path: Path) -> None:
    store = sw.FolderStore(tmp_path)
    where = {"node_id": "numbers", "partition": "0"}

    def graph() -> sw.Graph:
        return sw.Graph("kept", Seven("numbers") >> sw.Count("all"))

    async def watched() -> None:
        run = graph().start(store=store)
        seen = Seen(run)
        await seen.until(7, "items_in_total", node_id="all", port="in")
        assert seen("source_committed_offset", **where) == 0
        report = await run.checkpoint()
        assert seen("source_committed_offset", **where) == 7
        assert seen("checkpoint_last_committed_id") == report.id
        assert seen("checkpoints_total", result="failed") == 0
        await run.suspend()

    async def resumed() -> None:
        run = graph().start(store=store, resume=True)
        seen = Seen(run)
        await seen.until(1, "run_state", streamweave_run_state="running")
        assert seen("source_committed_offset", **where) == 7
        await run.stop()

    asyncio.run(watched())
    asyncio.run(resumed())


def test_changes_of_configuration_are_counted_by_what_became_of_them() -> None:
    async def watched() -> None:
        run = sw.Graph("set", sw.Replay("numbers", then_nothing(1)) >> sw.Count("all")).start(config=Settings())
        seen = Seen(run)
        await seen.until(1, "items_in_total", node_id="all", port="in")
        assert seen("config_last_reload_successful") is None
        assert (await run.configure(limit=2)).applied
        assert seen("config_last_reload_successful") == 1
        at = seen("config_last_reload_success_timestamp_seconds")
        assert not (await run.configure(fixed=2)).applied
        assert seen("config_reloads_total", result="applied") == 1
        assert seen("config_reloads_total", result="rejected") == 1
        assert seen("config_reloads_total", result="rolled_back") == 0
        assert seen("config_last_reload_successful") == 0
        assert seen("config_last_reload_success_timestamp_seconds") == at
        fingerprint = run.status().config.sha256  # type: ignore[union-attr]
        assert seen("config_info", config_version="2", schema_version="1", sha256=fingerprint) == 1
        await run.stop()

    asyncio.run(watched())


def test_a_drain_that_times_out_tells_how_long_it_took_and_what_it_left() -> None:
    async def watched() -> None:
        run = stuck("left").start()
        seen = Seen(run)
        await seen.until(run.status().edges[0].capacity, "channel_backpressure", node_id="never", port="in")
        assert seen("drain_duration_seconds") is None
        drained = await run.drain(timeout=0.05)
        assert seen("drain_duration_seconds") == drained.seconds >= 0.05
        assert seen("drain_dropped_items_total") == sum(drained.dropped.values()) > 1000
        assert seen("ready") == 0
        assert seen("run_state", streamweave_run_state="stopped") == 1

    asyncio.run(watched())


def test_errors_late_items_and_backlog_are_told_of_the_node() -> None:
    def refuse_odd(number: int) -> int:
        if number % 2:
            raise ValueError(number)
        return number

    numbers, picky, spill = (
        sw.Replay("numbers", [1, 2, 3, 50, 4], time=float),
        sw.Map("picky", refuse_odd),
        sw.Count("spill"),
    )
    hours = sw.Window("hours", sw.count(), sw.Tumbling(seconds=10))
    run = sw.Graph("told", numbers >> picky >> hours >> sw.Count("kept"), picky.error >> spill).run_to_end()
    seen = Seen(run)
    assert seen("errors_total", node_id="picky") == 2
    assert seen("items_out_total", node_id="picky", port="error") == 2
    assert seen("late_items_total", node_id="hours") == 1
    assert seen("progress_frontier", node_id="kept") == 50.0
    assert seen("progress_lag_seconds", node_id="kept") == 0.0
    assert seen("backlog_size", node_id="numbers") is None


def test_the_same_run_may_be_read_through_any_number_of_registries() -> None:
    run = sw.Graph("again", sw.Replay("numbers", range(3)) >> sw.Count("kept")).run_to_end()
    for _, seen in zip(range(3), (Seen(run) for _ in count()), strict=False):
        assert seen("items_in_total", node_id="kept", port="in") == 3
