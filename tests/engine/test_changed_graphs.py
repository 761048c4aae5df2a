"""A run that goes on with another drawing."""

import asyncio
from pathlib import Path

import pytest

from streamweave_lab.errors import StateError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.source import Poll, Source, Wait
from streamweave_lab.operators import Collect, Replay, Take, TopK, Window, count
from streamweave_lab.progress.window import Tumbling
from streamweave_lab.state.sqlite_store import SqliteStore
from streamweave_lab.testing.loop import run_virtual
from tests.engine.summing import Summing


class Seconds(Source[float]):
    """One number a second from `first` on, `n` of them; then it is silent, and idle after five seconds."""

    time = float
    idle_after = 5.0

    def __init__(self, name: str, n: int, first: float = 0.0) -> None:
        super().__init__(name)
        self.n, self.first = n, first

    def opened(self) -> None:
        self.began, self.before = self.clock.now(), self.position

    def poll(self, limit: int) -> Poll[float]:
        due = self.began + self.position - self.before - self.clock.now()
        if self.position == self.n or due > 0:
            return Wait(due if due > 0 else 1e6)
        self.position += 1
        return [self.first + self.position]

    def seek(self, position: int) -> None:
        self.position = self.before = position


class Totalling(Summing):
    """The same by another name."""


def test_a_new_node_behind_a_source_that_is_idle_does_not_wait_for_it(tmp_path: Path) -> None:
    async def main() -> None:
        store = SqliteStore(tmp_path / "s.db")
        quiet = Seconds("quiet", 3)
        run = Graph("g", quiet >> Collect("all")).start(store=store)
        await asyncio.sleep(20.0)
        await run.suspend()
        window = Window("w", count(), Tumbling(seconds=5.0))
        changed = Graph(
            "g", quiet >> Collect("all"), quiet >> window >> Collect("n"), Seconds("live", 12, 10.0) >> window
        )
        run = changed.start(store=store, resume=True, allow_changed=True)
        await asyncio.sleep(12.5)
        assert [(pane.start, pane.value) for pane in run["n"].items] == [(10.0, 4), (15.0, 5)]
        await run.stop()

    run_virtual(main())


def test_a_node_that_became_another_kind_and_cannot_go_on_from_what_was_kept_is_named(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "s.db")
    Graph("g", Replay("n", range(3)) >> Take("x", 7) >> Collect("all")).run_to_end(store=store)
    ranking = Graph("g", Replay("n", range(5)) >> TopK("x", 2, lambda n: n) >> Collect("all"))
    said = r"^x: this TopK cannot go on from the state that a Take has kept under its name .* under another name"
    with pytest.raises(StateError, match=said):
        ranking.run_to_end(store=store, resume=True)


def test_a_class_that_was_renamed_goes_on_and_the_run_says_so(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "s.db")
    Graph("g", Replay("n", [1, 2]) >> Summing("x") >> Collect("all")).run_to_end(store=store)
    renamed = Graph("g", Replay("n", [1, 2, 3]) >> Totalling("x") >> Collect("all"))
    run = renamed.run_to_end(store=store, resume=True)
    assert run["all"].items == [1, 3, 6]
    started = next(event for event in run.events if event.event == "run.started")
    assert started.message.endswith("; nodes of another kind: x, a Totalling that was a Summing")
