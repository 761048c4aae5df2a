"""The check itself is checked: a store with a planted bug does not pass."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamweave_lab.state import Checkpoint, FolderStore, Info, SqliteStore
from streamweave_lab.testing.store_damages import damages_of
from streamweave_lab.testing.stores import check_store


class StartsAgain(FolderStore):
    """Gives ids anew after pruning."""

    def write(self, checkpoint: Checkpoint) -> Info:
        return super().write(replace(checkpoint, id=len(self.list(checkpoint.graph)) + 1))


class Forgets(FolderStore):
    """Loses positions."""

    def write(self, checkpoint: Checkpoint) -> Info:
        return super().write(replace(checkpoint, positions={}))


class Mixes(SqliteStore):
    """Knows one graph only."""

    def write(self, checkpoint: Checkpoint) -> Info:
        return super().write(replace(checkpoint, graph="all"))

    def latest(self, graph: str) -> Checkpoint | None:
        return super().latest("all")


class Trusts(SqliteStore):
    """Does not look whether what it reads is whole."""

    def verify(self, graph: str, id: int) -> tuple[str, ...]:  # noqa: A002
        return ()


class Hides(FolderStore):
    """Does not tell what was passed over."""

    def latest(self, graph: str) -> Checkpoint | None:
        latest = super().latest(graph)
        return latest and replace(latest, passed_over=())


@pytest.mark.parametrize(("broken", "sentence"), [
    (StartsAgain, "cannot be written|ids must grow"),
    (Forgets, "latest.* is Checkpoint"),
    (Mixes, "latest.* is"),
    (Trusts, r"verify\(\) of what is not there must say so"),
    (Hides, r"latest\(\) must name what it passed over"),
])  # fmt: skip
def test_a_store_with_a_bug_does_not_pass(broken: Any, sentence: str, tmp_path: Path) -> None:
    with pytest.raises(Exception, match=sentence):
        check_store(lambda: broken(tmp_path / "kept"), damages_of(broken(tmp_path / "kept")))


class InMemory:
    """A store of somebody else's, which is no subclass of anything."""

    def __init__(self, kept: dict[int, Checkpoint]) -> None:
        self.kept = kept


def test_damages_are_known_for_our_own_stores_only(tmp_path: Path) -> None:
    assert "a bit of COMMITTED is flipped" in damages_of(FolderStore(tmp_path))
    known: Mapping[str, object] = damages_of(SqliteStore(tmp_path / "kept.db"))
    assert "a state is missing" in known
    with pytest.raises(TypeError, match="how to damage a InMemory is not known here"):
        damages_of(InMemory({}))  # type: ignore[arg-type]
