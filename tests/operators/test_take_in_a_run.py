"""A Take that has had enough ends its sources, unless somebody else needs more of them."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path

import pytest

from streamweave_lab.engine.run import LocalRun
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import Collect, Map, Replay, Take, Window
from streamweave_lab.operators import sum as total
from streamweave_lab.progress.window import Tumbling
from streamweave_lab.state.sqlite_store import SqliteStore


def ended_because_unneeded(run: LocalRun) -> list[str | None]:
    return [event.node for event in run.events if event.message.endswith("for nobody needs more of it")]


@pytest.mark.parametrize("deterministic", [True, False])
def test_a_source_without_end_ends_when_enough_was_taken(deterministic: bool) -> None:
    graph = Graph("g", Replay("n", count()) >> Map("double", lambda n: 2 * n) >> Take("three", 3) >> Collect("all"))
    run = graph.run_to_end(deterministic=deterministic)
    assert run["all"].items == [0, 2, 4]
    assert ended_because_unneeded(run) == ["n"]
    assert run.status().state == "stopped"


def test_a_source_that_is_awaited_ends_too() -> None:
    closed = []

    async def endless() -> AsyncIterator[int]:
        try:
            for n in count():
                yield n
                await asyncio.sleep(0)
        finally:
            closed.append(True)

    run = Graph("g", Replay("n", endless()) >> Take("three", 3) >> Collect("all")).run_to_end(deterministic=False)
    assert run["all"].items == [0, 1, 2]
    assert (ended_because_unneeded(run), closed) == (["n"], [True])


def test_a_source_goes_on_as_long_as_another_node_needs_it() -> None:
    numbers = Replay("n", range(100))
    run = Graph("g", numbers >> Take("three", 3) >> Collect("few"), numbers >> Collect("all")).run_to_end()
    assert (run["few"].items, len(run["all"].items)) == ([0, 1, 2], 100)
    assert ended_because_unneeded(run) == []


def test_who_takes_failures_needs_the_source_too() -> None:
    step = Map("inverse", lambda n: 1 / n)
    graph = Graph(
        "g", Replay("n", [1, 2, 0, 4, 0]) >> step >> Take("one", 1) >> Collect("all"), step.error >> Collect("bad")
    )
    run = graph.run_to_end()
    assert (run["all"].items, len(run["bad"].items)) == ([1.0], 2)


def test_several_takes_end_a_source_when_the_last_of_them_has_enough() -> None:
    numbers = Replay("n", count())
    run = Graph(
        "g", numbers >> Take("a", 3) >> Collect("few"), numbers >> Take("b", 500) >> Collect("many")
    ).run_to_end()
    assert (len(run["few"].items), len(run["many"].items)) == (3, 500)
    assert ended_because_unneeded(run) == ["n"]


def test_only_the_sources_before_it_end() -> None:
    both = Collect[int]("both")
    run = Graph("g", Replay("n", count()) >> Take("a", 2) >> both, Replay("m", range(10, 15)) >> both).run_to_end()
    assert sorted(run["both"].items) == [0, 1, 10, 11, 12, 13, 14]
    assert ended_because_unneeded(run) == ["n"]


def test_windows_after_it_close() -> None:
    windows = Window("ten", total(float), Tumbling(seconds=10))
    run = Graph("g", Replay("n", count(), time=float) >> Take("a", 15) >> windows >> Collect("all")).run_to_end()
    assert [row.value for row in run["all"].items] == [sum(range(10)), sum(range(10, 15))]


def test_a_run_that_is_resumed_with_enough_ends_at_once(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")

    def drawn() -> Graph:
        return Graph("g", Replay("n", range(10**6)) >> Take("three", 3) >> Collect("all"))

    first = drawn().run_to_end(store=store)
    again = drawn().run_to_end(store=store, resume=True)
    assert first["all"].items == again["all"].items == [0, 1, 2]
    assert ended_because_unneeded(again) == ["n"]
    assert again["n"].position < 10_000
