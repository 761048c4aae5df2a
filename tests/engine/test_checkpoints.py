"""Laws 8 and 10: a run that goes on from a checkpoint does what the uninterrupted one does."""

import asyncio
import sqlite3
from collections import Counter as Multiset
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from streamweave_lab.config.model import Config, live
from streamweave_lab.engine.observer import observe_all
from streamweave_lab.engine.reports import Checkpointed
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.engine.status import EventStatus
from streamweave_lab.errors import IllegalMoveError, StateError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Sink, Step
from streamweave_lab.graph.source import Poll, Wait
from streamweave_lab.operators import Collect, Count, ForEach, Map, MapAsync, Replay, Window
from streamweave_lab.operators import sum as total
from streamweave_lab.progress.window import Tumbling
from streamweave_lab.state.sqlite_store import SqliteStore
from streamweave_lab.testing.interleave import Interleaver, run_interleaved
from streamweave_lab.testing.laws import Witness
from streamweave_lab.testing.loop import run_virtual
from streamweave_lab.testing.strategies import Sketch, sketches
from streamweave_lab.testing.vertices import Version
from tests.engine.ticking import ticks

quickly = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
seeds = st.integers(0, 2**32 - 1)
moments = st.integers(0, 150)


@quickly
@given(sketches(), seeds, st.lists(moments, max_size=3).map(sorted), moments)
def test_a_run_that_crashes_anywhere_and_goes_on_from_its_checkpoint_is_the_uninterrupted_one(
    tmp_path_factory: pytest.TempPathFactory, sketch: Sketch, seed: int, checkpoints: list[int], crash: int
) -> None:
    store = SqliteStore(tmp_path_factory.mktemp("crash") / "state.db")

    async def script(run: LocalRun, interleaver: Interleaver) -> None:
        for moment in checkpoints:
            if moment < crash:
                await interleaver.turn(moment)
                if not run.lifecycle.over:
                    await run.checkpoint()
        await interleaver.turn(crash)
        await run.stop()

    keeping = {"store": store}
    run_interleaved(sketch.graph(), Random(seed), config=Version(), script=script, witness=Witness, **keeping)
    again = run_interleaved(sketch.graph(), Random(seed + 1), config=Version(), witness=Witness, resume=True, **keeping)
    assert sketch.found(again) == sketch.expected()
    store.close()


@quickly
@given(sketches(), seeds, moments)
def test_a_run_that_is_suspended_anywhere_and_goes_on_is_the_uninterrupted_one(
    tmp_path_factory: pytest.TempPathFactory, sketch: Sketch, seed: int, moment: int
) -> None:
    store = SqliteStore(tmp_path_factory.mktemp("suspend") / "state.db")
    reports: list[Checkpointed] = []

    async def script(run: LocalRun, interleaver: Interleaver) -> None:
        await interleaver.turn(moment)
        if not run.lifecycle.over:
            reports.append(await run.suspend())

    keeping = {"store": store}
    first = run_interleaved(sketch.graph(), Random(seed), config=Version(), script=script, witness=Witness, **keeping)
    assert first.dropped == {}
    assert all(report.committed for report in reports)
    again = run_interleaved(sketch.graph(), Random(seed + 1), config=Version(), witness=Witness, resume=True, **keeping)
    assert sketch.found(again) == sketch.expected()
    store.close()


def sums() -> Graph:
    return Graph("sums", ticks() >> Window("ten", total(float), Tumbling(seconds=10)) >> Collect("all"))


def values(run: LocalRun) -> list[float]:
    return [row.value for row in run["all"].items]


def test_windows_stay_open_across_a_suspend_and_close_at_a_drain(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")

    async def main() -> None:
        run = sums().start(store=store)
        await asyncio.sleep(15.5)
        report = await run.suspend()
        assert (report.committed, report.dropped, run.status().state) == (True, {}, "stopped")
        assert values(run) == [45.0]
        again = sums().start(store=store, resume=True)
        await asyncio.sleep(10.2)
        assert values(again) == [45.0, 145.0]
        assert "from checkpoint" in again.status().events[-1].message
        await again.drain()
        assert values(again)[:2] == [45.0, 145.0]

    run_virtual(main())


class Deep(Config):
    path: str = "a"


class Bounds(Config):
    limit: float = live(500.0)
    key: SecretStr = SecretStr("old hush")
    sink: Deep = Deep()


def gone_on(store: SqliteStore, config: Config | None) -> list[tuple[str, str, str]]:
    """What a run that goes on with `config` tells of itself when it starts."""

    async def main() -> list[tuple[str, str, str]]:
        run = sums().start(config, store=store, resume=True)
        told = [(each.event, each.level, each.message) for each in reversed(run.events)]
        await asyncio.sleep(1)
        await run.suspend()
        return told

    return run_virtual(main())


def test_going_on_with_another_configuration_is_warned_of_with_each_value_and_no_secret(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")
    gone_on(store, Bounds(limit=600.0, sink=Deep(path="b"), key=SecretStr("new hush")))
    _, (event, level, said), *_ = gone_on(store, Bounds())
    assert (event, level) == ("config.differs", "warning")
    assert said.endswith(": limit: 600.0 → 500.0; sink.path: 'b' → 'a'")
    assert said.startswith("the configuration differs from that of checkpoint ")
    assert [event for event, *_ in gone_on(store, Bounds())] == ["run.started"]
    assert gone_on(store, None)[1][2].endswith(" was written with a configuration, and this run has none")
    store.close()


class Once(Replay[int]):
    """One item, far ahead, and then nothing more for hours."""

    def poll(self, limit: int) -> Poll[int]:
        return super().poll(1) if self.position == 0 else Wait(3600.0)


def test_what_a_silent_input_promised_before_is_still_known_after_a_resume(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")

    def drawn() -> Graph:
        both = Map("both", abs)
        return Graph("g", ticks() >> both, Once("once", [100], time=float) >> both >> Count("n"))

    async def main() -> None:
        run = drawn().start(store=store)
        await asyncio.sleep(3.5)
        assert run.status().frontier == 3.0
        await run.suspend()
        again = drawn().start(store=store, resume=True)
        assert again.status().frontier == 3.0
        await asyncio.sleep(3.5)
        status = again.status()
        assert (status.frontier, status.node("once").newest, status.lag) == (7.0, 100.0, 93.0)
        await again.stop()

    run_virtual(main())


async def _slow_after_100(item: int) -> int:
    await asyncio.sleep(0.0 if item <= 100 else 10.0)
    return item


def test_a_suspend_does_not_let_the_frontier_go_on_without_the_input_that_met_it_first(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")

    class OneByOne(Replay[int]):
        def poll(self, limit: int) -> Poll[int]:
            return super().poll(1) if self.position < 2 else Wait(3600.0)

    def drawn() -> Graph:
        ten = Window("ten", total(float), Tumbling(seconds=10))
        ahead = OneByOne("ahead", [100, 101], time=float) >> MapAsync("slow", _slow_after_100, concurrency=1)
        return Graph("g", ahead >> ten, ticks() >> ten, ten >> Collect("all"), ten.late >> Collect("late"))

    async def main() -> None:
        run = drawn().start(store=store)
        await asyncio.sleep(3.5)
        assert (await run.suspend()).committed
        assert (values(run), run.status().node("ten").frontier) == ([], 3.0)
        again = drawn().start(store=store, resume=True)
        await asyncio.sleep(8.0)
        assert (values(again), again["late"].items) == ([45.0], [])
        await again.stop()

    run_virtual(main())


async def _ten_seconds(item: int) -> int:
    await asyncio.sleep(10.0)
    return item


def test_windows_stay_open_across_a_suspend_also_where_another_input_comes_to_its_own_end_meanwhile(
    tmp_path: Path,
) -> None:
    store = SqliteStore(tmp_path / "state.db")

    def drawn() -> Graph:
        ten = Window("ten", total(float), Tumbling(seconds=10))
        slow = Replay("few", [1, 2], time=float) >> MapAsync("slow", _ten_seconds, concurrency=1)
        return Graph("g", slow >> ten, ticks() >> ten, ten >> Collect("all"), ten.late >> Collect("late"))

    async def main() -> None:
        run = drawn().start(store=store)
        await asyncio.sleep(5.5)
        assert run.status().node("few").state == "ended"
        assert (await run.suspend()).committed
        assert values(run) == []
        again = drawn().start(store=store, resume=True)
        await asyncio.sleep(6.0)
        assert (values(again), again["late"].items) == ([48.0], [])
        await again.stop()

    run_virtual(main())


def test_a_checkpoint_is_taken_as_often_as_was_asked_and_counted(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")

    async def main() -> None:
        run = sums().start(store=store, checkpoint_every=5.0)
        await asyncio.sleep(22)
        status = run.status().checkpoint
        assert status is not None
        assert (status.committed, status.failed, status.last_id) == (5, 0, 5)
        await run.stop()

    run_virtual(main())
    assert [info.reason for info in store.list("sums")] == ["interval"] * 4 + ["start"]


def test_a_second_start_with_a_store_suspends_the_first_and_goes_on_where_it_was(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")

    async def main() -> None:
        first = sums().start(store=store)
        await asyncio.sleep(12.5)
        second = sums().start(store=store, resume=True)
        await asyncio.sleep(9)
        assert first.status().state == "stopped"
        assert values(second) == [45.0, 145.0]
        assert second["ticks"].position >= 20
        await second.stop()

    run_virtual(main())


def test_a_graph_with_other_nodes_is_refused_unless_that_is_allowed(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")
    before = Graph("g", Replay("n", range(5)) >> Map("old", abs) >> Collect("all"))
    before.run_to_end(store=store)
    after = Graph("g", Replay("n", range(8)) >> Map("new", abs) >> Collect("all"))
    with pytest.raises(StateError, match="new: new; gone: old; pass allow_changed=True"):
        after.run_to_end(store=store, resume=True)
    run = after.run_to_end(store=store, resume=True, allow_changed=True)
    assert run["all"].items == list(range(8))
    assert "nodes new: new; nodes gone: old" in run.status().events[-1].message


def test_a_run_that_cannot_go_on_from_what_its_store_holds_says_why_and_blames_no_node(tmp_path: Path) -> None:
    path, told = tmp_path / "state.db", list[EventStatus]()
    sums().run_to_end(store=SqliteStore(path))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE streamweave_states SET data = x'00'")
    forget = observe_all(lambda _, event, __: told.append(event))
    with pytest.raises(StateError, match="no checkpoint is whole") as refused:
        sums().run_to_end(store=SqliteStore(path), resume=True)
    forget()
    assert [(event.event, event.message) for event in told] == [("run.failed", f"{refused.value}; 0 items dropped")]


def test_a_finished_run_that_is_resumed_adds_nothing(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")
    graph = Graph("g", Replay("n", range(5)) >> Collect("all"))
    assert graph.run_to_end(store=store)["all"].items == [0, 1, 2, 3, 4]
    assert graph.run_to_end(store=store, resume=True)["all"].items == [0, 1, 2, 3, 4]


class Versioned(Step[int, int]):
    state_version = 2

    def opened(self) -> None:
        self.seen = 0

    def on_item(self, item: int) -> None:
        self.seen += item
        self.emit(self.out, self.seen)

    def snapshot(self) -> Any:
        return {"seen": self.seen}

    def restore(self, state: Any) -> None:
        self.seen = state["seen"]

    def migrate(self, state: Any, version: int) -> Any:
        return {"seen": state}


class First(Versioned):
    state_version = 1

    def snapshot(self) -> Any:
        return self.seen


def test_state_of_an_older_version_is_migrated_and_without_migration_refused(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")
    Graph("g", Replay("n", [1, 2]) >> First("sum") >> Collect("all")).run_to_end(store=store)
    run = Graph("g", Replay("n", [1, 2, 3]) >> Versioned("sum") >> Collect("all")).run_to_end(store=store, resume=True)
    assert run["all"].items == [1, 3, 6]
    ahead = Graph("g", Replay("n", [1, 2, 3]) >> Unmoved("sum") >> Collect("all"))
    with pytest.raises(StateError, match="sum: its state has version 2 and Unmoved is at version 3; define migrate"):
        ahead.run_to_end(store=store, resume=True)


def test_state_that_newer_code_wrote_is_refused_with_what_to_do(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")
    Graph("g", Replay("n", [1, 2]) >> Versioned("sum") >> Collect("all")).run_to_end(store=store)
    back = Graph("g", Replay("n", [1, 2, 3]) >> First("sum") >> Collect("all"))
    with pytest.raises(StateError) as refused:
        back.run_to_end(store=store, resume=True)
    assert str(refused.value) == (
        "sum: newer code wrote its state, in version 2, and this First knows versions up to 1; "
        "install that code again, or go on from an older checkpoint"
    )


class Unmoved(Versioned):
    state_version = 3
    migrate = Step.migrate


class Secretive(Sink[int]):
    def on_item(self, item: int) -> None:
        self.last = item

    def snapshot(self) -> Any:
        return object()


def test_state_that_cannot_be_kept_is_told_with_its_node_and_the_run_goes_on(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")

    async def main() -> None:
        run = Graph("g", ticks() >> Secretive("secret")).start(store=store)
        await asyncio.sleep(1.2)
        report = await run.checkpoint()
        assert not report.committed
        assert report.problem is not None
        assert report.problem.startswith("secret: ")
        status = run.status()
        assert (status.state, status.events[0].event) == ("running", "checkpoint.failed")
        assert status.checkpoint is not None
        assert (status.checkpoint.failed, status.checkpoint.problem) == (2, report.problem)
        await run.stop()

    run_virtual(main())


async def _hang(_: object) -> None:
    await asyncio.Event().wait()


def test_a_suspend_that_takes_too_long_stops_and_says_what_was_left(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")

    async def main() -> None:
        run = Graph("g", ticks() >> ForEach("hang", _hang)).start(store=store)
        await asyncio.sleep(3.2)
        report = await run.suspend(timeout=5.0)
        assert not report.committed
        assert report.problem == "hang had not met the barrier within 5 s"
        assert run.events[0].message == f"stopped, not suspended: {report.problem}; 4 items dropped"
        assert run.events[0].level == "warning"
        assert Multiset(report.dropped) == Multiset({"hang": 1, "ticks.out -> hang.in": 3})
        assert [info.reason for info in store.list("g")] == ["start"]

    run_virtual(main())


class Settings(Config):
    number: int = live(1)


def test_a_checkpoint_that_the_end_of_the_run_overtakes_does_not_keep_what_an_earlier_one_had(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "state.db")

    async def main() -> None:
        run = Graph("g", ticks() >> ForEach("write", _a_second)).start(Settings(), store=store)
        await asyncio.sleep(1.2)
        assert (await run.checkpoint()).id == 2
        assert (await run.configure(number=2)).applied
        overtaken, _ = await asyncio.gather(run.checkpoint(), _stop_soon(run))
        assert not overtaken.committed
        assert [info.id for info in store.list("g")] == [2, 1]

    run_virtual(main())


async def _a_second(_: object) -> None:
    await asyncio.sleep(1.0)


async def _stop_soon(run: LocalRun) -> None:
    await asyncio.sleep(0.01)
    await run.stop()


def test_without_a_store_there_is_nothing_to_keep_and_the_verbs_say_so() -> None:
    async def main() -> None:
        run = Graph("g", ticks() >> Count("n")).start()
        for verb in (run.checkpoint, run.suspend):
            with pytest.raises(StateError, match="it was started without a store; pass store= to start"):
                await verb()
        await run.stop()
        with pytest.raises(StateError, match="checkpoint_every= needs a store="):
            Graph("g", ticks() >> Count("n")).start(checkpoint_every=1.0)
        with pytest.raises(StateError, match="resume= needs a store="):
            Graph("g", ticks() >> Count("n")).start(resume=True)

    run_virtual(main())


def test_a_run_that_has_ended_takes_no_checkpoint(tmp_path: Path) -> None:
    async def main() -> None:
        run = Graph("g", ticks(2) >> Count("n")).start(store=SqliteStore(tmp_path / "state.db"))
        await run.done()
        with pytest.raises(IllegalMoveError, match="checkpoint"):
            await run.checkpoint()

    run_virtual(main())


@pytest.mark.parametrize("ordered", [True, False])
def test_what_is_in_flight_at_a_barrier_comes_before_it_and_nothing_after_it_is_let_in_meanwhile(
    tmp_path: Path, ordered: bool
) -> None:
    store = SqliteStore(tmp_path / "state.db")

    async def work(item: int) -> int:
        await asyncio.sleep(3.5 if item <= 10 else 0.1)  # what comes later would overtake what is in flight
        return item

    def drawn() -> Graph:
        return Graph("flight", ticks(20) >> MapAsync("m", work, concurrency=8, ordered=ordered) >> Collect("all"))

    async def main() -> None:
        run = drawn().start(store=store)
        await asyncio.sleep(10.2)
        assert (await run.checkpoint()).committed
        await run.stop()
        again = drawn().start(store=store, resume=True)
        await again.done()
        assert sorted(again["all"].items) == list(range(20))

    run_virtual(main())
    store.close()
