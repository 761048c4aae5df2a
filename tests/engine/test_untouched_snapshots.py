"""Law 10: a snapshot is of one moment, whatever its node does with what it has afterwards."""

import asyncio
from pathlib import Path
from typing import Any

from streamweave_lab.engine.rehearse import rehearse
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Step
from streamweave_lab.operators import Collect, Replay
from streamweave_lab.operators.merge import Merge
from streamweave_lab.state.sqlite_store import SqliteStore
from streamweave_lab.testing.loop import run_virtual
from tests.engine.ticking import ticks


def test_what_a_merge_takes_later_is_not_in_the_snapshot_it_gave() -> None:
    async def main() -> None:
        merge = Merge[int]("merge", every=100.0)
        run = Graph("merged", ticks() >> merge >> Collect("all")).start()
        await asyncio.sleep(2.5)
        snapshot = run["merge"].snapshot()
        assert len(snapshot["waiting"]) == 3
        await asyncio.sleep(2.0)
        assert (len(snapshot["waiting"]), run["merge"].holds) == (3, 5)
        await run.stop()

    run_virtual(main())


class Lists(Step[int, int]):
    """Goes on working on the very list that it was given."""

    def opened(self) -> None:
        self.seen: list[int] = []

    def on_item(self, item: int) -> None:
        self.seen.append(item)
        self.emit(self.out, item)

    def snapshot(self) -> Any:
        return self.seen[:]

    def restore(self, state: Any) -> None:
        self.seen = state


class Spoils(Lists):
    def restore(self, state: Any) -> None:
        state.append(-1)
        self.seen = state


def test_a_rehearsal_finds_out_who_changes_what_it_is_restored_from(tmp_path: Path) -> None:
    def drawn(kind: type[Lists]) -> Graph:
        return Graph("g", Replay("n", range(4)) >> kind("lists") >> Collect("all"))

    store = SqliteStore(tmp_path / "state.db")
    drawn(Lists).run_to_end(store=store)
    checkpoint = store.latest("g")
    assert checkpoint is not None
    assert rehearse(drawn(Lists), checkpoint).outcomes["lists"] == "restored"
    assert rehearse(drawn(Spoils), checkpoint).outcomes["lists"] == "differs"
