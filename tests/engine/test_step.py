"""Steps of a paused run: an item, a batch, to a frontier; and what a pause costs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamweave_lab.engine.run import LocalRun
from streamweave_lab.engine.step import Stepped
from streamweave_lab.errors import IllegalMoveError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.source import AsyncSource, Poll, Wait
from streamweave_lab.operators import Collect, Count, ForEach, Map, MapAsync, Replay, Window, count
from streamweave_lab.progress.window import Tumbling
from streamweave_lab.testing.interleave import Interleaver, run_interleaved
from streamweave_lab.testing.laws import Witness, check_edge, check_node
from streamweave_lab.testing.loop import run_virtual
from streamweave_lab.testing.strategies import Sketch, sketches
from streamweave_lab.testing.vertices import Version
from tests.engine.test_random_graphs import counters, nothing_is_left
from tests.engine.test_truth import Ticking


class Queued(Ticking):
    """One item a second, of which it knows how many are due."""

    @property
    def backlog(self) -> int:  # type: ignore[override]
        return max(0, int(self.clock.now()) + 1 - self.position)


async def paused(graph: Graph) -> LocalRun:
    run = graph.start()
    await run.pause()
    return run


def check(run: LocalRun) -> None:
    """Counters balance."""
    for channel in run.core.channels:
        check_edge(channel)
    for state in run.core.states:
        check_node(state)


def numbers(n: int = 10_000) -> Replay[int]:
    return Replay("n", range(n), time=float)


def test_a_step_of_one_item_lets_one_item_through_to_the_sinks_and_no_more() -> None:
    async def main() -> None:
        run = await paused(Graph("one", numbers() >> Map("m", abs) >> Collect("end")))
        for expected in ([0], [0, 1], [0, 1, 2]):
            report = await run.step(items=1)
            assert run["end"].items == expected
            assert report == Stepped(1, expected[-1], {"n": 1}, {"n.out -> m.in": 1, "m.out -> end.in": 1})
        assert (run.status().state, run["n"].position) == ("paused", 3)
        await asyncio.sleep(60)
        assert (run["n"].position, run["end"].items) == (3, [0, 1, 2])
        check(run)
        await run.stop()

    run_virtual(main())


def test_a_step_is_one_batch_of_one_source_and_the_sources_take_turns() -> None:
    async def main() -> None:
        both = Count("end")
        run = await paused(Graph("turns", Replay("a", range(99)) >> both, Replay("b", range(99)) >> both))
        asked = [next(iter((await run.step()).sources)) for _ in range(4)]
        assert asked == ["a", "b", "a", "b"]
        assert (await run.step(items=30)).items == 30
        await run.resume()
        assert (await run.done()).node("end").items_in == {"in": 198}

    run_virtual(main())


def test_a_step_to_a_frontier_lets_in_not_an_item_more_than_it_takes() -> None:
    async def main() -> None:
        hours = Window("hours", count(), Tumbling(seconds=60))
        run = await paused(Graph("until", numbers() >> hours >> Collect("end")))
        report = await run.step(until=120)
        assert (report.items, report.frontier, report.ended_by) == (121, 120.0, None)
        assert [result.value for result in run["end"].items] == [60, 60]
        assert await run.step(until=100) == Stepped(0, 120.0, {}, {})
        await run.stop()

    run_virtual(main())


def test_a_step_to_a_frontier_asks_the_source_that_keeps_it_back() -> None:
    async def main() -> None:
        end = Count("end")
        fast = Replay("fast", range(0, 1000, 10), time=float)
        run = await paused(Graph("joined", fast >> end, numbers() >> end))
        assert (await run.step(until=50)).sources == {"fast": 6, "n": 51}
        await run.stop()

    run_virtual(main())


def test_a_step_first_lets_flow_what_was_on_its_way_when_the_run_was_paused() -> None:
    async def main() -> None:
        slow = MapAsync("slow", later, concurrency=2)
        run = Graph("way", Ticking() >> slow >> Collect("end")).start()
        await asyncio.sleep(1.2)
        await run.pause()
        await asyncio.sleep(5)
        assert run["end"].items == []
        report = await run.step(items=1)
        assert run["end"].items == [0, 1, 2]
        assert (report.items, report.flowed) == (1, {"ticks.out -> slow.in": 1, "slow.out -> end.in": 3})
        await run.stop()

    run_virtual(main())


async def later(item: int) -> int:
    await asyncio.sleep(2.0)
    return item


def test_where_sources_have_nothing_a_step_says_so_and_does_not_wait() -> None:
    async def main() -> None:
        end = Count("end")
        run = Graph("nothing", Ticking() >> end, Replay("two", [1, 2]) >> end).start()
        await asyncio.sleep(0.5)
        await run.pause()
        began = asyncio.get_running_loop().time()
        assert await run.step() == Stepped(0, 0.0, {}, {}, "ticks has nothing now; two has ended")
        assert (await run.step(until=5)).ended_by == "ticks has nothing now"
        assert asyncio.get_running_loop().time() == began
        await run.stop()

    run_virtual(main())


def test_a_source_that_only_reads_on_is_asked_again() -> None:
    class Reading(Replay[int]):
        asked = 0

        def poll(self, limit: int) -> Poll[int]:
            self.asked += 1
            return super().poll(limit) if self.asked % 3 == 0 else []

    async def main() -> None:
        run = await paused(Graph("reads", Reading("n", range(9)) >> Count("end")))
        assert await run.step(items=2) == Stepped(2, None, {"n": 2}, {"n.out -> end.in": 2})
        await run.stop()

    run_virtual(main())


def test_a_step_gives_up_on_what_never_comes_back_from_outside() -> None:
    async def main() -> None:
        run = await paused(Graph("hung", numbers() >> ForEach("write", never)))
        report = await run.step(items=1, timeout=7.0)
        assert (report.items, report.ended_by) == (1, "the time is up, and write has items in flight")
        assert run.status().state == "paused"
        await run.stop()

    run_virtual(main())


async def never(_item: Any) -> None:
    await asyncio.Event().wait()


def test_a_step_past_the_last_item_ends_the_run() -> None:
    async def main() -> None:
        run = await paused(Graph("ends", Replay("n", [1, 2]) >> Collect("end")))
        report = await run.step(items=5)
        assert (report.items, report.ended_by) == (2, "the run is stopped")
        assert (run.status().state, run["end"].items) == ("stopped", [1, 2])
        with pytest.raises(IllegalMoveError, match="is stopped: it cannot step now"):
            await run.step()

    run_virtual(main())


def test_an_item_that_fails_its_node_ends_the_step_and_the_run() -> None:
    async def main() -> None:
        run = await paused(Graph("fails", Replay("n", [1, 0]) >> Map("m", lambda n: 1 / n) >> Collect("end")))
        assert (await run.step(items=1)).ended_by is None
        assert (await run.step(items=1)).ended_by == "the run is failed"

    run_virtual(main())


def test_an_asynchronous_source_steps_too() -> None:
    async def source() -> AsyncIterator[int]:
        for n in range(3):
            yield n

    async def main() -> None:
        run = await paused(Graph("awaited", Replay("n", source()) >> Collect("end")))
        await asyncio.sleep(1)
        assert run["end"].items == []
        for expected in ([0], [0, 1], [0, 1, 2]):
            assert (await run.step()).items == 1
            assert run["end"].items == expected
            await asyncio.sleep(1)
        await run.drain()

    run_virtual(main())


def test_steps_that_are_asked_for_together_are_taken_one_after_the_other() -> None:
    async def main() -> None:
        run = await paused(Graph("two", numbers() >> MapAsync("slow", later, concurrency=9) >> Collect("end")))
        reports = await asyncio.gather(run.step(items=1), run.step(items=2))
        assert [report.items for report in reports] == [1, 2]
        assert run["end"].items == [0, 1, 2]
        await run.stop()

    run_virtual(main())


@pytest.mark.parametrize("verb", ["drain", "stop", "resume"])
def test_other_verbs_interrupt_a_step(verb: str) -> None:
    async def main() -> None:
        run = await paused(Graph("way", numbers(4) >> MapAsync("slow", later, concurrency=9) >> Collect("end")))
        stepping = asyncio.ensure_future(run.step(items=1))
        await asyncio.sleep(1)
        await getattr(run, verb)()
        state = {"drain": "stopped", "stop": "stopped", "resume": "running"}[verb]
        assert (await stepping).ended_by == f"the run is {'draining' if verb == 'drain' else state}"
        assert verb == "drain" or asyncio.get_running_loop().time() == 1.0
        await run.done()
        assert run["end"].items == {"drain": [0], "stop": [], "resume": [0, 1, 2, 3]}[verb]
        check(run)

    run_virtual(main())


def test_a_cancelled_step_leaves_the_run_paused() -> None:
    async def main() -> None:
        run = await paused(Graph("cancelled", numbers(4) >> MapAsync("slow", later, concurrency=9) >> Collect("end")))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(run.step(), 1)
        await asyncio.sleep(10)
        assert (run.status().state, run["end"].items) == ("paused", [])
        await run.resume()
        await run.done()
        assert run["end"].items == [0, 1, 2, 3]

    run_virtual(main())


def test_a_run_in_motion_cannot_step_and_a_step_is_of_items_or_to_a_frontier() -> None:
    async def main() -> None:
        run = Graph("moving", Ticking() >> Count("end")).start()
        with pytest.raises(IllegalMoveError, match="is running: it cannot step now"):
            await run.step()
        await run.pause()
        with pytest.raises(ValueError, match="not both"):
            await run.step(1, until=3.0)
        with pytest.raises(ValueError, match="a step is of 1 item at least, not 0"):
            await run.step(0)
        await run.stop()

    run_virtual(main())


def test_the_same_items_come_out_however_the_run_was_stepped() -> None:
    async def main(how: list[dict[str, Any]]) -> list[Any]:
        window = Window("w", count(), Tumbling(seconds=7), key=lambda n: n % 3)
        run = await paused(Graph("same", numbers(500) >> window >> Collect("end")))
        for step in how:
            await run.step(**step)
        await run.resume()
        await run.done()
        items: list[Any] = run["end"].items
        return items

    whole = run_virtual(main([]))
    assert len(whole) > 200
    batches: list[dict[str, Any]] = [{}] * 20
    single: list[dict[str, Any]] = [{"items": 1}] * 50
    for how in (batches, single, [{"until": 10.0 * n} for n in range(20)], [{"items": 13}, *batches] * 3):
        assert run_virtual(main(how)) == whole


def test_a_status_says_which_source_falls_behind_while_the_run_is_paused() -> None:
    async def main() -> None:
        run = Graph("behind", Queued() >> Count("end")).start()
        await asyncio.sleep(3.5)
        await run.pause()
        pause = run.status().pause
        assert pause is not None
        assert (run.status().reasons, pause.seconds, pause.grown) == (("paused",), 0.0, {})
        await asyncio.sleep(10)
        pause = run.status().pause
        assert pause is not None
        assert run.status().reasons == ("paused", "ticks falls behind")
        assert (pause.seconds, pause.grown, run.status().node("ticks").backlog) == (10.0, {"ticks": 10}, 10)
        await run.step(items=10)
        assert run.status().reasons == ("paused",)
        await run.resume()
        assert run.status().pause is None
        await run.stop()

    run_virtual(main())


def test_a_status_says_which_source_stands_with_items_in_hand_while_the_run_is_paused() -> None:
    async def source() -> AsyncIterator[int]:
        await asyncio.sleep(1)
        yield 1

    async def main() -> None:
        run = await paused(Graph("hand", Replay("pushed", source()) >> Count("end")))
        assert run.status().reasons == ("paused",)
        await asyncio.sleep(2)
        assert run.status().reasons == ("paused", "pushed has items in hand that it cannot send")
        await run.stop()

    run_virtual(main())


def test_a_pause_in_which_nobody_is_asked_declares_no_source_idle() -> None:
    class Rare(Ticking):
        def poll(self, limit: int) -> Poll[int]:
            return Wait(30.0) if self.position else super().poll(limit)

    async def main() -> None:
        rare = Rare("rare")
        rare.idle_after = 5.0
        run = Graph("idle", rare >> Count("end")).start()
        await asyncio.sleep(1)
        await run.pause()
        queued = [len(channel.queue) for channel in run.core.channels]
        await asyncio.sleep(10)
        assert [len(channel.queue) for channel in run.core.channels] == queued == [0]
        await run.stop()

    run_virtual(main())


STEPS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.just({}),
    st.integers(1, 7).map(lambda n: {"items": n}),
    st.integers(0, 60).map(lambda time: {"until": float(time)}),
)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(sketches(), st.integers(0, 2**32 - 1), st.integers(0, 100), st.lists(STEPS, max_size=6))
def test_steps_at_any_moment_lose_nothing_and_between_them_nothing_flows(
    sketch: Sketch, seed: int, moment: int, steps: list[dict[str, Any]]
) -> None:
    async def script(run: LocalRun, interleaver: Interleaver) -> None:
        await interleaver.turn(moment)
        with suppress(IllegalMoveError):  # where it has ended by now
            await run.pause()
            for step in steps:
                report = await run.step(**step)
                Witness(run)()
                if "items" in step and report.ended_by is None:
                    assert report.items == step["items"]
                if "until" in step and report.ended_by is None:
                    assert report.frontier is not None
                    assert report.frontier >= step["until"]
                before = counters(run)
                await asyncio.sleep(1.0)
                assert counters(run) == before
            await run.resume()

    run = run_interleaved(sketch.graph(), Random(seed), config=Version(), script=script, witness=Witness)
    assert sketch.found(run) == sketch.expected()
    assert nothing_is_left(run)


def test_an_asynchronous_source_has_the_next_item_in_hand_within_one_step() -> None:
    async def source() -> AsyncIterator[int]:
        for n in range(9):
            yield n

    async def main() -> None:
        run = await paused(Graph("awaited", Replay("n", source()) >> Collect("end")))
        assert (await run.step(items=4)).items == 4
        assert run["end"].items == [0, 1, 2, 3]
        await run.stop()

    run_virtual(main())


def test_a_step_to_a_frontier_needs_a_source_with_event_time() -> None:
    async def main() -> None:
        run = await paused(Graph("untimed", Replay("n", range(9)) >> Collect("end")))
        assert (await run.step(until=5)).ended_by == "no source that has event time is left"
        await run.stop()

    run_virtual(main())


def test_a_run_in_a_thread_is_stepped_and_tapped_and_explained_from_any_other() -> None:
    async def main() -> None:
        run = Graph("thread", numbers(10**9) >> Map("m", abs) >> Count("end")).start(host="thread")
        await run.pause()
        paused = run.status()  # what is on its way flows first
        before = run["end"].count + sum(e.queued for e in paused.edges) + sum(n.held for n in paused.nodes)
        tapping = run.ask("tap", pattern="m.out", n=2)
        stepped = await run.step(items=5)
        assert stepped.items == 5
        assert (await asyncio.wrap_future(tapping))["m.out"].passed == 2
        assert (await asyncio.wrap_future(run.ask("step", items=1))).items == 1
        assert run["end"].count == before + 5 + 1
        assert run.explain().of("frontier")[0].facts["cause"] == "pause"
        await run.stop()

    asyncio.run(main())


def test_of_a_list_that_an_asynchronous_source_has_in_hand_a_step_takes_as_much_as_was_asked_for() -> None:
    class Lists(AsyncSource[int]):
        async def stream(self) -> AsyncIterator[list[int]]:
            yield [0, 1, 2, 3, 4]
            yield [5, 6]

    async def main() -> None:
        run = await paused(Graph("lists", Lists("lists") >> Collect("end")))
        await asyncio.sleep(0)
        for items in ([0, 1], [0, 1, 2, 3]):
            assert (await run.step(items=2)).items == 2
            assert run["end"].items == items
        assert (await run.step()).items == 1
        assert (await run.step()).items == 2
        assert run["end"].items == [0, 1, 2, 3, 4, 5, 6]
        await run.drain()

    run_virtual(main())
