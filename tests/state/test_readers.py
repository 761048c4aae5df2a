"""Who looks into a store while a run in another process writes to it and prunes: what it sees is true."""

from pathlib import Path
from typing import Any

import pytest

from streamweave_lab.errors import StateError
from streamweave_lab.state.folder_store import FolderStore
from streamweave_lab.state.sqlite_store import SqliteStore
from streamweave_lab.state.store import Checkpoint, NodeState, Store


def checkpoint(epoch: int) -> Checkpoint:
    return Checkpoint("g", epoch, 0.0, {"a": NodeState.of(epoch), "b": NodeState.of([epoch])})


class Overtaken(FolderStore):
    """Each time it has looked which checkpoints there are, a run elsewhere writes the next one, `writes` times."""

    def __init__(self, base: Path, writer: Store, writes: int) -> None:
        super().__init__(base)
        self.writer, self.writes = writer, writes

    def _ids(self, graph: str) -> Any:
        ids = super()._ids(graph)
        if self.writes:
            self.writes -= 1
            self.writer.write(checkpoint(0))
        return ids


def overtaken(kind: str, path: Path, writes: int = 1) -> Store:
    """A reader of a store with one checkpoint, where `keep=1` lets each new one delete the one before."""
    if kind == "folder":
        folder = FolderStore(path, keep=1)
        folder.write(checkpoint(1))
        return Overtaken(path, folder, writes)
    writer, reader = SqliteStore(path, keep=1), SqliteStore(path)
    writer.write(checkpoint(1))
    looked: list[str] = []

    def write_between(statement: str) -> None:
        looked.append(statement)
        if statement.startswith("SELECT graph, manifest") and looked.count(statement) == 1:
            writer.write(checkpoint(0))

    assert reader.latest("g") is not None
    reader._connection().set_trace_callback(write_between)
    return reader


@pytest.mark.parametrize("kind", ["sqlite", "folder"])
def test_the_newest_checkpoint_is_found_while_it_gives_way_to_a_newer_one(kind: str, tmp_path: Path) -> None:
    found = overtaken(kind, tmp_path / "s").latest("g")
    assert found is not None
    assert (found.id, found.passed_over) == (2 if kind == "folder" else 1, ())


@pytest.mark.parametrize("kind", ["sqlite", "folder"])
def test_a_list_calls_nothing_damaged_that_was_pruned_meanwhile_and_is_never_empty(kind: str, tmp_path: Path) -> None:
    listed = overtaken(kind, tmp_path / "s").list("g")
    assert [info.problems for info in listed] == [()]


def test_a_checkpoint_that_was_pruned_before_it_could_be_read_is_not_there(tmp_path: Path) -> None:
    assert overtaken("folder", tmp_path / "a").verify("g", 1) == (
        f"{tmp_path / 'a'} has no checkpoint 1 of graph 'g'; there are: 2",
    )
    with pytest.raises(StateError, match="has no checkpoint 1 of graph 'g'; there are: 2"):
        overtaken("folder", tmp_path / "b").read("g", 1)


def test_a_checkpoint_at_a_url_whose_pruning_was_cut_off_is_none_and_not_a_damaged_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = FolderStore("memory://cut_off", keep=1)
    store.write(checkpoint(1))
    with monkeypatch.context() as broken:
        broken.setattr(store._files._files, "rm", lambda *_, **__: None)  # type: ignore[union-attr]
        store.write(checkpoint(2))
    assert [(info.id, info.problems) for info in store.list("g")] == [
        (2, ()), (1, ("checkpoint memory://cut_off/1 was never finished: it has no COMMITTED",))
    ]  # fmt: skip
