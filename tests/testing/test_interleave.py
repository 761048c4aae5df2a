"""The test room's own promises: virtual time, turns in any order, and laws that notice when they are broken."""

import asyncio
from collections import Counter
from random import Random

import pytest

from streamweave_lab.engine.node_state import IDLE
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import Collect, ForEach, Map, Replay
from streamweave_lab.testing.evaluate import Refused, evaluate
from streamweave_lab.testing.interleave import Interleaver, look_again, run_interleaved
from streamweave_lab.testing.laws import Witness
from streamweave_lab.testing.loop import run_virtual
from streamweave_lab.testing.strategies import Sketch
from streamweave_lab.testing.vertices import Grain, Lead, Version, Vertex


def two_ways() -> Graph:
    source, sink = Replay("n", range(20)), Collect[int]("all")
    return Graph("ways", source >> Map("a", abs) >> sink, source >> Map("b", lambda n: -n) >> sink)


def test_hours_pass_at_once_and_the_result_is_returned() -> None:
    async def main() -> float:
        await asyncio.sleep(3600 * 24)
        return asyncio.get_running_loop().time()

    assert run_virtual(main()) == 3600 * 24


def test_other_dice_give_other_orders_and_the_same_dice_the_same() -> None:
    orders = {seed: tuple(run_interleaved(two_ways(), Random(seed))["all"].items) for seed in range(10)}
    assert len(set(orders.values())) > 5
    assert {tuple(sorted(order)) for order in orders.values()} == {
        tuple(sorted([*range(20), *(-n for n in range(20))]))
    }
    assert tuple(run_interleaved(two_ways(), Random(3))["all"].items) == orders[3]


def test_a_script_acts_after_so_many_turns() -> None:
    seen: list[int] = []

    async def script(run: LocalRun, interleaver: Interleaver) -> None:
        await interleaver.turn(5)
        seen.append(interleaver.turns)
        await run.stop()
        await interleaver.turn(10**9)  # returns when no more turns are to come

    run = run_interleaved(two_ways(), Random(1), script=script)
    assert (seen, run.status().state) == ([5], "stopped")


def test_what_a_script_or_a_witness_raises_reaches_the_test() -> None:
    async def script(run: LocalRun, interleaver: Interleaver) -> None:
        raise KeyError("script")

    with pytest.raises(KeyError, match="script"):
        run_interleaved(two_ways(), Random(1), script=script)

    def witness(run: LocalRun) -> Witness:
        run.core.channels[0].sent += 1
        return Witness(run)

    with pytest.raises(AssertionError, match=r"n.out -> a.in: \d+ items sent, \d+ accounted for"):
        run_interleaved(two_ways(), Random(1), witness=witness)


def test_a_run_that_stands_still_is_noticed() -> None:
    async def hang(item: int) -> None:
        await asyncio.Event().wait()

    with pytest.raises(AssertionError, match="nothing has moved for 3600 s"):
        run_interleaved(Graph("hangs", Replay("n", [1]) >> ForEach("hang", hang)), Random(1))


def test_a_node_that_the_engine_forgot_is_noticed() -> None:
    async def main() -> None:
        run = two_ways().start()
        state = run.core.by_name["n"]
        look_again(run.core)
        state.activity = IDLE
        with pytest.raises(AssertionError, match="n is BUSY, but the engine takes it for IDLE"):
            look_again(run.core)
        await run.stop()

    run_virtual(main())


def test_a_sketch_knows_by_hand_what_must_come_out() -> None:
    lead = Lead("source", "out", "in", 1)
    grains = tuple(Grain(n, value) for n, value in enumerate([3, 10, 4]))
    sketch = Sketch(
        (
            Vertex("source", "source", grains=grains, times=(0.0, 1.0, 0.5)),
            Vertex("fail", "fail", leads=(lead,)),
            Vertex("window", "window", leads=(Lead("fail", "out", "in", 1),), size=1.0),
            Vertex("good", "sink", leads=(Lead("window", "out", "in", 1),)),
            Vertex("late", "sink", leads=(Lead("window", "late", "in", 1), Lead("window", "error", "in", 1))),
            Vertex("bad", "sink", leads=(Lead("fail", "error", "in", 1),)),
        )
    )
    expected = {
        "good": Counter([Grain(None, 3 * 31 + 1)]),  # the pane of 3, whose key is 1
        "late": Counter([grains[2]]),
        "bad": Counter([Refused("fail", grains[1])]),
    }
    assert evaluate(sketch.vertices, {}) == sketch.expected() == expected
    run = sketch.graph().run_to_end(Version())
    assert sketch.found(run) == expected
    assert sketch.positions(run) == {"source": 3}
    assert sketch.expected({"source": 1})["late"] == Counter()
