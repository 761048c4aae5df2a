"""Law 7: a change of configuration meets every item at one and the same place in the stream."""

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from streamweave_lab.config.model import Config, live
from streamweave_lab.engine.align import Alignment
from streamweave_lab.engine.channel import Channel
from streamweave_lab.engine.epochs import Epochs
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.errors import RunFailedError
from streamweave_lab.graph.batch import Barrier
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.source import Wait
from streamweave_lab.operators import Collect, Count, Filter, ForEach, Map, MapAsync, Replay
from streamweave_lab.testing.loop import run_virtual


class Settings(Config):
    number: int = live(1, ge=0)
    name: str = "fixed"


def channels(n: int) -> list[Channel]:
    return [Channel(f"a{i}.out", "b.in", 10, i, n, "in") for i in range(n)]


def test_an_input_that_has_met_the_barrier_is_held_until_the_others_have() -> None:
    a, b, c = inputs = channels(3)
    alignment = Alignment(inputs)
    barrier = Barrier(4)
    assert alignment.arrive(a, barrier) is None
    assert alignment.arrive(c, barrier) is None
    assert (a.held, b.held, c.held) == (True, False, True)
    assert alignment.arrive(b, barrier) is barrier
    assert (a.held, b.held, c.held) == (False, False, False)


def test_an_input_that_ends_counts_as_having_met_the_barrier() -> None:
    a, b = inputs = channels(2)
    alignment = Alignment(inputs)
    barrier, last = Barrier(4), Barrier(4, last=True)
    assert alignment.arrive(a, barrier) is None
    assert alignment.arrive(b, last) is barrier
    assert not alignment.ended
    assert alignment.arrive(a, last) is last
    assert alignment.ended


def test_an_input_that_has_ended_is_not_waited_for() -> None:
    a, b = inputs = channels(2)
    alignment = Alignment(inputs)
    assert alignment.arrive(a, Barrier(4, last=True)) is None
    barrier = Barrier(5)
    assert alignment.arrive(b, barrier) is barrier
    assert not b.held


def test_an_epoch_is_met_when_no_node_is_missing() -> None:
    epochs = Epochs()
    assert epochs.begin({1, 2}) == 1
    assert (epochs.confirm(2), epochs.confirm(2), epochs.met) == (False, False, False)
    assert (epochs.last(), epochs.awaited) == (2, 1)  # a drain does not make it forget
    assert (epochs.confirm(1), epochs.met) == (True, True)


def stamp(item: tuple[str, ...], config: Settings) -> tuple[Any, ...]:
    return (*item, config.number)


async def awaited_stamp(item: tuple[Any, ...], config: Settings) -> tuple[Any, ...]:
    await asyncio.sleep(item[0] % 5 * 0.001)
    return (*item, config.number)


def uneven() -> Graph:
    """A diamond whose ways are of unlike length and speed; every node adds its configuration to the item."""
    source, sink = Replay("numbers", [(n,) for n in range(2000)]), Collect[Any]("all")
    first = Map("first", stamp, config=Settings)
    last = Map("last", stamp, config=Settings)
    short = Filter("short", lambda item: item[0] % 2)
    long = Map("long", stamp, config=Settings)
    slow = MapAsync("slow", awaited_stamp, concurrency=3, ordered=False, config=Settings)
    return Graph(
        "uneven",
        (source >> first).capacity(7),
        (first >> short).capacity(500) >> last,
        ((first >> long).capacity(3) >> slow).capacity(5),
        (slow >> last).capacity(5) >> sink,
    )


def test_every_item_meets_one_version_on_all_its_ways() -> None:
    async def main() -> None:
        run = uneven().start(Settings(number=1))
        for number in (2, 3, 4):
            await asyncio.sleep(0.2)
            report = await run.configure(number=number)
            assert (report.applied, report.version, report.epoch) == (True, number, number - 1)
        await run.done()
        items = run["all"].items
        assert len(items) == 1000 + 2000
        assert {len(set(item[1:])) for item in items} == {1}  # no item has met two
        by_version = [[item[0] for item in items if item[1] == number] for number in (1, 2, 3, 4)]
        assert all(by_version)
        for earlier, later in pairwise(by_version):
            assert max(earlier) < min(later)  # and the cut is at one place in the source

    run_virtual(main())


def test_a_change_holds_from_the_moment_it_is_answered() -> None:
    async def main() -> None:
        source = Ticking("ticks", [(n,) for n in range(100)])
        live_run = Graph("now", source >> Map("m", stamp, config=Settings) >> Collect("all")).start(Settings())
        await asyncio.sleep(10.5)
        report = await live_run.configure(number=9)
        seen = len(live_run["all"].items)
        assert (report.changes[0].field, report.changes[0].old, report.changes[0].new) == ("number", 1, 9)
        await asyncio.sleep(10)
        assert [number for _, number in live_run["all"].items] == [1] * seen + [9] * 10
        config = live_run.status().config
        assert config is not None
        assert (config.version, config.epoch, config.values["number"], config.sources["number"]) == (2, 1, 9, "runtime")
        await live_run.stop()

    run_virtual(main())


class Ticking(Replay[Any]):
    """One item a second."""

    def poll(self, limit: int) -> Any:
        return super().poll(1) if self.clock.now() >= self.position else Wait(self.position - self.clock.now())


async def hang(_item: object) -> None:
    await asyncio.Event().wait()


def waiting() -> Graph:
    """A graph in which a barrier cannot pass."""
    return Graph("waiting", Ticking("ticks", range(100)) >> Map("m", abs) >> ForEach("hang", hang))


def test_two_changes_at_once_follow_one_another() -> None:
    async def main() -> None:
        run = uneven().start(Settings())
        await asyncio.sleep(0.1)
        reports = await asyncio.gather(run.configure(number=2), run.configure(number=3))
        assert [(report.applied, report.version, report.epoch) for report in reports] == [(True, 2, 1), (True, 3, 2)]
        await run.done()
        assert {len(set(item[1:])) for item in run["all"].items} == {1}

    run_virtual(main())


def test_what_may_not_change_is_refused_whole_and_the_old_configuration_stays() -> None:
    async def main() -> None:
        run = uneven().start(Settings())
        for changes in ({"name": "other", "number": 5}, {"number": -1}, {"nummer": 2}):
            report = await run.configure(**changes)
            assert (report.applied, report.version, report.epoch, len(report.refused)) == (False, 1, None, 1)
        assert run.config == Settings()
        config = run.status().config
        assert config is not None
        assert (config.reloads["rejected"], config.last_reload_successful) == (3, False)
        await run.stop()

    run_virtual(main())


class Others(Config):
    number: int = live(1)


@pytest.mark.parametrize("started_with", [None, Settings()])
def test_a_configuration_of_another_class_is_refused(started_with: Settings | None) -> None:
    async def main() -> None:
        run = Graph("plain", Ticking("n", range(100)) >> Count("c")).start(started_with)
        report = await run.configure(Others(number=3))
        assert not report.applied
        assert run.status().state == "running"
        await run.stop()

    run_virtual(main())


def test_a_change_is_refused_unless_the_run_is_running() -> None:
    """And nothing is said against the configuration: no alarm is raised for it."""

    async def main() -> None:
        run = uneven().start(Settings())
        await run.pause()
        for asked in (run.configure(number=2), run.reload(), run.rollback(7)):
            assert (await asked).refused == (
                "the run is paused, and takes no configuration meanwhile; resume it first, then ask again",
            )
        assert run.events[0].event == "config.not_applied"
        assert (run.reloads["rejected"], run.last_reload_successful) == (0, None)
        await run.resume()
        assert (await run.configure(number=2)).applied
        await run.stop()
        assert (await run.configure(number=3)).refused == (
            "the run is stopped; a configuration is applied while it runs",
        )
        assert (run.reloads["rejected"], run.last_reload_successful) == (0, True)

    run_virtual(main())


def test_a_stop_in_the_middle_of_a_change_does_not_call_it_applied() -> None:
    async def main() -> None:
        run = waiting().start(Settings())
        await asyncio.sleep(3)
        change = asyncio.ensure_future(run.configure(number=2))
        await asyncio.sleep(3)
        assert not change.done()
        await run.stop()
        report = await change
        assert (report.applied, report.version) == (False, 1)
        assert report.refused == ("the run ended before every node had met epoch 1",)
        assert run.config == Settings()

    run_virtual(main())


def test_a_drain_in_the_middle_of_a_change_lets_it_finish() -> None:
    async def main() -> None:
        run = uneven().start(Settings())
        await asyncio.sleep(0.2)
        change = asyncio.ensure_future(run.configure(number=2))
        await asyncio.sleep(0.001)
        assert not change.done()
        drained = await run.drain()
        assert (drained.complete, (await change).applied) == (True, True)
        assert {len(set(item[1:])) for item in run["all"].items} == {1}

    run_virtual(main())


def test_whoever_gives_up_waiting_for_a_change_does_not_undo_it() -> None:
    async def main() -> None:
        async def work(item: int) -> None:
            await asyncio.sleep(10)

        run = Graph("slow", Ticking("ticks", range(100)) >> ForEach("work", work)).start(Settings())
        await asyncio.sleep(5)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(run.configure(number=2), 0.5)
        await asyncio.sleep(100)
        assert run.config == Settings(number=2)
        assert (await run.configure(number=3)).version == 3
        await run.stop()

    run_virtual(main())


class Stubborn(Step[int, int]):
    def configure(self, config: Config) -> None:
        assert isinstance(config, Settings)
        if config.number == 13:
            raise ValueError("not that one")

    def on_item(self, item: int) -> None:
        self.emit(self.out, item)


class StubbornSource(Ticking):
    configure = Stubborn.configure


@pytest.mark.parametrize("of_the_source", [False, True])
def test_a_node_that_cannot_be_configured_fails_the_run(of_the_source: bool) -> None:
    async def main() -> None:
        source = (StubbornSource if of_the_source else Ticking)("numbers", range(100))
        run = Graph("stubborn", source >> (Map("step", abs) if of_the_source else Stubborn("step")) >> Count("n"))
        live_run: LocalRun = run.start(Settings())
        await asyncio.sleep(0)
        report = await live_run.configure(number=13)
        assert report.refused == ("the run failed before every node had met epoch 1",)
        with pytest.raises(RunFailedError, match="not that one"):
            await live_run.done()

    run_virtual(main())


def test_reload_reads_the_file_again(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("schema_version = 1\nnumber = 5\n")

    async def main() -> None:
        run = uneven().start(Settings.load(file, environ={}))
        assert str(run.plan_reload()) == "no change"
        file.write_text("schema_version = 1\nnumber = 6\n")
        assert [str(change) for change in run.plan_reload().changes] == ["number: 5 → 6"]
        assert (await run.reload()).version == 2
        file.write_text("schema_version = 1\nnumber = -6\n")
        refused = await run.reload()
        assert (refused.applied, refused.version) == (False, 2)
        assert "number = -6" in refused.refused[0]
        await run.stop()

    run_virtual(main())
