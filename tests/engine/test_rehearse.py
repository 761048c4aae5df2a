"""A checkpoint is tried out without a run."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from streamweave_lab.engine.rehearse import difference, rehearse
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.port import ClosedPath
from streamweave_lab.graph.source import Wait
from streamweave_lab.operators import Collect, Count, Filter, ForEach, Map, MapAsync, Reduce, Replay, Window, count
from streamweave_lab.progress.window import Tumbling
from streamweave_lab.state.sqlite_store import SqliteStore
from streamweave_lab.state.store import Checkpoint
from tests.engine.summing import Summing


class Forgetful(Summing):
    def restore(self, state: Any) -> None:
        self.sum = 0


class Broken(Summing):
    def restore(self, state: Any) -> None:
        raise KeyError("sum")


def drawn(keeper: type[Summing] = Summing, last: str = "all") -> Graph:
    path = Replay("n", range(1, 5)) >> Map("same", abs) >> keeper("keeper")
    return Graph("g", path >> Reduce("total", max, initial=0) >> Collect(last))


def checkpoint(folder: Path) -> Checkpoint:
    store = SqliteStore(folder / "state.db")
    drawn().run_to_end(store=store)
    found = store.latest("g")
    assert found is not None
    return found


def test_a_graph_that_can_go_on_says_so_for_each_node(tmp_path: Path) -> None:
    found = rehearse(drawn(), checkpoint(tmp_path))
    assert (found.ready, found.problems) == (True, ())
    assert found.outcomes == {
        "n": "stateless", "same": "stateless", "keeper": "restored", "total": "restored", "all": "restored",
    }  # fmt: skip


def test_a_node_that_comes_back_otherwise_or_not_at_all_is_named(tmp_path: Path) -> None:
    kept = checkpoint(tmp_path)
    forgetful, broken = rehearse(drawn(Forgetful), kept), rehearse(drawn(Broken), kept)
    assert (forgetful.ready, forgetful.outcomes["keeper"]) == (False, "differs")
    assert (broken.ready, broken.outcomes["keeper"]) == (False, "failed")
    assert broken.problems == ("keeper: KeyError('sum')",)


def test_nodes_that_are_new_or_gone_are_listed(tmp_path: Path) -> None:
    found = rehearse(drawn(last="other"), checkpoint(tmp_path))
    assert not found.ready
    assert found.problems == ("nodes new: other", "nodes gone: all")


def test_another_graph_s_checkpoint_is_refused(tmp_path: Path) -> None:
    other = Graph("other", Replay("n", [1]) >> Collect("all"))
    assert not rehearse(other, checkpoint(tmp_path)).ready


def test_a_source_with_fewer_items_than_had_come_is_found_out(tmp_path: Path) -> None:
    short = Graph("g", *_with(Replay("n", range(1, 3))))
    found = rehearse(short, checkpoint(tmp_path))
    assert (found.ready, found.outcomes["n"]) == (False, "failed")
    assert found.problems == ("n: it has only 2 items, and the checkpoint was taken after 4",)


def test_state_that_newer_code_wrote_is_told_as_that_and_never_migrated(tmp_path: Path) -> None:
    newer = checkpoint(tmp_path)

    class Old(Summing):
        state_version = 0

        def migrate(self, state: Any, version: int) -> Any:
            raise AssertionError("it is the other way round")

    found = rehearse(drawn(Old), newer)
    assert "newer code wrote its state, in version 1, and this Old knows versions up to 0" in found.problems[0]
    assert "install that code again, or go on from an older checkpoint" in found.problems[0]


def _with(source: Replay[int]) -> tuple[ClosedPath]:
    return (source >> Map("same", abs) >> Summing("keeper") >> Reduce("total", max, initial=0) >> Collect("all"),)


def test_where_a_state_differs_is_told_without_its_values(tmp_path: Path) -> None:
    told = rehearse(drawn(Forgetful), checkpoint(tmp_path)).problems
    assert told == (
        "keeper: what it keeps after it was restored is not what it was restored from: it has another value",
    )
    assert difference({"a": [1, (2, 3)]}, {"a": [1, (2, 4)]}) == "it['a'][1][1] has another value"
    assert difference({"a": 1}, {}) == "it has no 'a' any more"
    assert difference({}, {"b": 1}) == "it has 'b', which is new"
    assert difference([1, 2], [1]) == "it has 1 entries instead of 2"
    assert difference({"a": 1}, {"a": 1.0}) == "it['a'] is of type float instead of int"


def half_way(graph: Graph, folder: Path) -> Checkpoint:
    """A checkpoint from the middle."""
    store = SqliteStore(folder / "half.db")

    async def live() -> None:
        run = graph.start(store=store)
        while run.core.by_name["n"].node.position < 100:  # noqa: ASYNC110 - nothing tells of single items
            await asyncio.sleep(0.001)
        await run.suspend()

    asyncio.run(live())
    found = store.latest(graph.name)
    assert found is not None
    return found


class Slow(Replay[int]):
    """Brings one at a time, and rests after each."""

    rests = False

    def poll(self, limit: int) -> Any:
        self.rests = not self.rests
        return super().poll(1) if self.rests else Wait(0.0005)


def test_a_shadow_run_says_what_would_come_out_and_writes_nothing(tmp_path: Path) -> None:
    written: list[int] = []
    n = Slow("n", range(5000), time=float)
    graph = Graph(
        "g",
        n >> Filter("even", lambda x: x % 2 == 0) >> ForEach("write", written.append),
        n >> Window("w", count(), Tumbling(seconds=100)) >> Collect("hundreds"),
    )
    kept = half_way(graph, tmp_path)
    before, position = list(written), kept.positions["n"]
    found = rehearse(graph, kept, items=1000)
    assert (found.ready, found.problems) == (True, ())
    assert found.shadow is not None
    assert found.shadow.came_in == {"n": 1000}
    assert found.shadow.would_come_out["write"] == 500
    assert found.shadow.would_come_out["hundreds"] == (position + 999) // 100 - (position - 1) // 100
    assert found.shadow.first["write"][0] == str(position + position % 2)
    assert (found.shadow.failed, found.shadow.not_run, found.shadow.replaced) == (None, {}, ("write", "hundreds"))
    assert written == before


def test_a_shadow_run_that_would_fail_says_how(tmp_path: Path) -> None:
    def drawn(f: Any) -> Graph:
        return Graph("g", Slow("n", range(5000)) >> Map("m", f) >> Collect("all"))

    kept = half_way(drawn(abs), tmp_path)
    found = rehearse(drawn(lambda n: n // (n - kept.positions["n"] - 5)), kept, items=10)
    assert not found.ready
    assert found.problems[0].startswith("the shadow run failed in m: ZeroDivisionError")
    assert rehearse(drawn(lambda n: n // 0), kept).ready  # nothing was run


def test_what_touches_the_outside_is_left_out_of_a_shadow_run_and_named(tmp_path: Path) -> None:
    called: list[int] = []

    async def ask(n: int) -> int:
        called.append(n)
        return n

    graph = Graph(
        "g", Slow("n", range(2000)) >> MapAsync("ask", ask, concurrency=2) >> Collect("all"),
        Replay("once", iter([1, 2])) >> Count("ones"),
    )  # fmt: skip
    kept = half_way(graph, tmp_path)
    called.clear()
    again = Graph(
        "g", Slow("n", range(2000)) >> MapAsync("ask", ask, concurrency=2) >> Collect("all"),
        Replay("once", left := iter([1, 2])) >> Count("ones"),
    )  # fmt: skip
    found = rehearse(again, kept, items=7)
    assert found.shadow is not None
    assert found.shadow.not_run["ask"] == "its logic is awaited, so it touches what is outside"
    assert "cannot be replayed" in found.shadow.not_run["once"]
    assert (found.shadow.came_in["n"], found.shadow.would_come_out) == (7, {"all": 0, "ones": 0})
    assert (called, list(left)) == ([], [1, 2])


def test_a_store_in_the_place_of_a_checkpoint_is_told_how_to_give_one(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"rehearse takes a checkpoint, such as store.latest\('sums'\), not .*Store"):
        rehearse(Graph("sums", Replay("numbers", [1]) >> Count("all")), SqliteStore(tmp_path / "s.db"))  # type: ignore[arg-type]
