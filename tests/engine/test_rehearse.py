"""A checkpoint is tried out without a run."""

from pathlib import Path
from typing import Any

from streamweave_lab.engine.rehearse import rehearse
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.port import ClosedPath
from streamweave_lab.operators import Collect, Map, Reduce, Replay
from streamweave_lab.state.sqlite_store import SqliteStore
from streamweave_lab.state.store import Checkpoint


class Keeper(Step[int, int]):
    """Keeps the sum of what came."""

    def opened(self) -> None:
        self.sum = 0

    def on_item(self, item: int) -> None:
        self.sum += item
        self.emit(self.out, self.sum)

    def snapshot(self) -> Any:
        return self.sum

    def restore(self, state: Any) -> None:
        self.sum = state


class Forgetful(Keeper):
    def restore(self, state: Any) -> None:
        self.sum = 0


class Broken(Keeper):
    def restore(self, state: Any) -> None:
        raise KeyError("sum")


def drawn(keeper: type[Keeper] = Keeper, last: str = "all") -> Graph:
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
        "n": "stateless", "same": "stateless", "keeper": "restored", "total": "restored", "all": "readable",
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

    class Old(Keeper):
        state_version = 0

        def migrate(self, state: Any, version: int) -> Any:
            raise AssertionError("it is the other way round")

    found = rehearse(drawn(Old), newer)
    assert "newer code wrote its state, in version 1, and this Old knows versions up to 0" in found.problems[0]
    assert "install that code again, or go on from an older checkpoint" in found.problems[0]


def _with(source: Replay[int]) -> tuple[ClosedPath]:
    return (source >> Map("same", abs) >> Keeper("keeper") >> Reduce("total", max, initial=0) >> Collect("all"),)
