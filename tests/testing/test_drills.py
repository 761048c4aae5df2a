"""Drills: each fault shows in the run, and is gone when the drill is over."""

import asyncio

import pytest

from streamweave_lab.errors import DrilledError, DrillRefusedError, IllegalMoveError, RunFailedError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.source import AsyncSource, Source, Wait
from streamweave_lab.operators import Collect, Count, Map, MapAsync
from streamweave_lab.testing import drills
from streamweave_lab.testing.laws import Witness
from streamweave_lab.testing.loop import run_virtual


class Ticks(Source[int]):
    """One item a second."""

    def opened(self):
        self.position = 0
        self.begin = self.clock.now()

    def poll(self, limit):
        due = self.begin + self.position - self.clock.now()
        if due > 0:
            return Wait(due)
        self.position += 1
        return [self.position - 1]


class AwaitedTicks(AsyncSource[int]):
    async def stream(self):
        for n in range(1000):
            await asyncio.sleep(1.0)
            yield [n]


def graph(source=Ticks, step=Map, drills=True, **kwargs):
    ticks, parse = source("ticks"), step("parse", same_later if step is MapAsync else abs, **kwargs)
    return Graph("drilled", ticks >> parse >> Collect("all"), parse.error >> Collect("spill"), drills=drills)


async def same_later(item):
    return item


def events(run):
    return [event.event for event in run.status().events if event.event.startswith("drill")][::-1]


def drilled(scenario, **kwargs):
    """Run `scenario(run)` with a run that is then checked and stopped."""

    async def main():
        run = graph(**kwargs).start()
        look = Witness(run)
        await asyncio.sleep(2.5)
        await scenario(run)
        look()
        assert drills.under_way(run) == ()
        await run.stop()

    run_virtual(main())


@pytest.mark.parametrize("step", [Map, MapAsync])
def test_a_delayed_node_rests_after_each_batch_and_then_catches_up(step):
    async def scenario(run):
        drill = drills.begin(run, "delay", "parse", seconds=3.0, lasting=20.0)
        await asyncio.sleep(7.0)
        assert run["ticks"].position == 10
        assert len(run["all"].items) < 7
        assert drills.under_way(run) == (drill,)
        node = next(node for node in run.status().nodes if node.name == "parse")
        assert node.state == "busy"
        drill.end()
        await asyncio.sleep(0.1)
        assert run["all"].items == list(range(10))
        assert events(run) == ["drill.began", "drill.ended"]

    drilled(scenario, step=step, **({"concurrency": 2} if step is MapAsync else {}))


def test_a_drill_ends_by_itself():
    async def scenario(run):
        drill = drills.begin(run, "delay", "parse", seconds=100.0, lasting=5.0)
        await asyncio.sleep(4.9)
        assert (drill.over, len(run["all"].items)) == (False, 4)
        await asyncio.sleep(0.2)
        assert (drill.over, len(run["all"].items)) == (True, 8)
        drill.end()
        assert events(run) == ["drill.began", "drill.ended"]

    drilled(scenario)


def test_a_slow_sink_takes_its_time_for_each_item():
    async def scenario(run):
        with drills.begin(run, "slow sink", "all", seconds=2.0) as drill:
            await asyncio.sleep(10.0)
            assert len(run["all"].items) < 10
        assert drill.over
        await asyncio.sleep(0.1)
        assert len(run["all"].items) == 13

    drilled(scenario)


@pytest.mark.parametrize("step", [Map, MapAsync])
def test_failing_items_leave_by_the_error_port_and_the_others_pass(step):
    async def scenario(run):
        drill = drills.begin(run, "failing item", "parse", items=2)
        await asyncio.sleep(4.0)
        assert drill.over
        assert [failure.item for failure in run["spill"].items] == [3, 4]
        assert all(isinstance(failure.error, DrilledError) for failure in run["spill"].items)
        assert run["all"].items == [0, 1, 2, 5, 6]

    drilled(scenario, step=step, **({"concurrency": 2} if step is MapAsync else {}))


def test_a_failing_item_in_the_midst_of_a_batch_leaves_the_rest_of_it_alone():
    async def main():
        run = graph().start()
        await asyncio.sleep(0.5)
        with drills.begin(run, "delay", "parse", seconds=10.0, lasting=10.0):
            await asyncio.sleep(9.0)
        drills.begin(run, "failing item", "parse", items=3)
        await asyncio.sleep(2.0)
        assert len(run["spill"].items) == 3
        assert sorted([failure.item for failure in run["spill"].items] + run["all"].items) == list(range(12))
        await run.stop()

    run_virtual(main())


@pytest.mark.parametrize("source", [Ticks, AwaitedTicks])
def test_a_silent_source_brings_nothing_until_the_drill_is_over(source):
    async def scenario(run):
        before = len(run["all"].items)
        drills.begin(run, "silent source", "ticks", lasting=6.0)
        await asyncio.sleep(5.9)
        assert len(run["all"].items) == before
        await asyncio.sleep(3.0)
        assert len(run["all"].items) >= before + 2
        assert run["all"].items == list(range(len(run["all"].items)))

    drilled(scenario, source=source)


@pytest.mark.parametrize("node", ["ticks", "parse", "all"])
@pytest.mark.parametrize("source", [Ticks, AwaitedTicks])
def test_a_node_that_crashes_fails_the_run_which_names_it(node, source):
    async def main():
        run = graph(source).start()
        await asyncio.sleep(1.5)
        drills.begin(run, "crash", node)
        with pytest.raises(RunFailedError, match=f"in node '{node}'.*the drill 'crash' on '{node}'"):
            await run.done()
        assert events(run) == ["drill.began", "drill.ended"]

    run_virtual(main())


def test_a_node_that_is_supervised_bears_a_crash():
    async def main():
        ticks, parse = Ticks("ticks"), Map("parse", abs)
        drawn = Graph("borne", ticks >> parse >> Collect("all"), drills=True, supervise={"parse": "restart"})
        run = drawn.start()
        await asyncio.sleep(1.5)
        drills.begin(run, "crash", "parse")
        await asyncio.sleep(20.0)
        node = next(node for node in run.status().nodes if node.name == "parse")
        assert (run.status().state, node.restarts) == ("running", 1)
        assert len(run["all"].items) >= 20
        await run.stop()

    run_virtual(main())


@pytest.mark.parametrize("node", [None, "parse"])
def test_a_blocked_loop_stands_still_once(node):
    async def scenario(run):
        began = run.clock.now() if hasattr(run, "clock") else run.core.clock.now()
        drill = drills.begin(run, "blocked loop", node, seconds=30.0, lasting=100.0)
        await asyncio.sleep(1.1)
        assert drill.over
        assert run.core.clock.now() - began >= 30.0
        await asyncio.sleep(0.1)
        assert run["all"].items == list(range(run["ticks"].position))

    drilled(scenario)


def test_a_graph_that_is_not_marked_is_not_drilled():
    async def scenario(run):
        with pytest.raises(DrillRefusedError, match=r"as in Graph\('drilled', …, drills=True\)"):
            drills.begin(run, "delay", "parse")

    drilled(scenario, drills=False)


@pytest.mark.parametrize(
    ("kind", "node", "wrong", "said"),
    [
        ("flood", "parse", {}, "'flood' is no drill; there are delay, slow sink"),
        ("delay", None, {}, "needs node=, one of ticks, parse"),
        ("delay", "prase", {}, "has no node 'prase'"),
        ("delay", "parse", {"seconds": 0}, "more than 0"),
        ("slow sink", "parse", {}, "is no sink"),
        ("silent source", "parse", {}, "is no source"),
        ("failing item", "ticks", {}, "is a source"),
    ],
)
def test_a_drill_that_cannot_be_is_refused_and_says_why(kind, node, wrong, said):
    async def scenario(run):
        with pytest.raises(DrillRefusedError, match=said):
            drills.begin(run, kind, node, **wrong)
        assert events(run) == []

    drilled(scenario)


def test_a_node_has_one_drill_at_a_time():
    async def scenario(run):
        with drills.begin(run, "delay", "parse"), pytest.raises(DrillRefusedError, match="'delay' already"):
            drills.begin(run, "crash", "parse")

    drilled(scenario)


async def slow(item):
    await asyncio.sleep(3.0)
    return item


def test_a_drill_on_a_source_goes_on_after_a_step():
    async def main():
        run = Graph("stepped", Ticks("ticks") >> Collect("all"), drills=True).start()
        await asyncio.sleep(1.5)
        await run.pause()
        delay = drills.begin(run, "delay", node="ticks", seconds=50.0, lasting=100.0)
        for _ in range(2):
            await run.step()
        await run.resume()
        before = len(run["all"].items)
        await asyncio.sleep(40.0)
        assert len(run["all"].items) <= before + 1, "one turn, and then it rests"
        delay.end()
        await asyncio.sleep(1.0)
        assert len(run["all"].items) > before + 10
        assert "step" not in vars(run.core.by_name["ticks"])
        await run.stop()

    run_virtual(main())


def test_a_drill_may_end_while_a_step_is_taken_and_none_begins_on_a_source_meanwhile():
    async def main():
        fetch = MapAsync("fetch", slow, concurrency=20)
        run = Graph("stepped", Ticks("ticks") >> fetch >> Collect("all"), drills=True).start()
        await asyncio.sleep(1.5)
        drill = drills.begin(run, "delay", "ticks", seconds=0.1)
        await run.pause()
        stepping = asyncio.create_task(run.step())
        await asyncio.sleep(1.0)
        assert not stepping.done()
        drill.end()
        with pytest.raises(DrillRefusedError, match="begin the drill on ticks after it"):
            drills.begin(run, "delay", "ticks")
        await stepping
        await run.resume()
        await asyncio.sleep(10.0)
        assert run["all"].items[:10] == list(range(10))
        await run.stop()

    run_virtual(main())


def test_a_drill_ends_with_its_run_and_none_begins_after():
    async def main():
        run = graph().start()
        await asyncio.sleep(1.5)
        drill = drills.begin(run, "delay", "parse", seconds=0.5)
        assert (await run.drain()).complete
        assert drill.over
        with pytest.raises(IllegalMoveError, match="it cannot be drilled now"):
            drills.begin(run, "delay", "parse")

    run_virtual(main())


def test_a_drill_may_begin_and_end_in_another_thread():
    run = Graph("elsewhere", Ticks("ticks") >> Count("n"), drills=True).start(host="thread")
    drill = drills.begin(run, "silent source", "ticks")
    assert drills.under_way(run) == (drill,)
    drill.end()
    assert drill.over
    run.ask("stop").result(30)
