"""Each cause in a real run that was brought into that state, and the sentence that tells it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from random import Random
from threading import Event
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamweave_lab.engine.run import LocalRun
from streamweave_lab.engine.status import CheckpointStatus, LoopStatus, Status
from streamweave_lab.errors import RunFailedError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.source import Poll, Source, Wait
from streamweave_lab.graph.supervision import Supervision
from streamweave_lab.operators import Collect, Count, ForEach, Map, MapAsync, Replay
from streamweave_lab.ops.explain.explain import Explained, Explanation, explain
from streamweave_lab.state.sqlite_store import SqliteStore
from streamweave_lab.testing.interleave import Interleaver, run_interleaved
from streamweave_lab.testing.loop import run_virtual
from streamweave_lab.testing.strategies import Sketch, sketches
from streamweave_lab.testing.vertices import Version

Document = Callable[..., Status]


class Ticking(Replay[int]):
    """One item a second, without end, or until it falls silent."""

    def __init__(self, name: str = "ticks", last: float = float("inf"), **how: Any) -> None:
        super().__init__(name, range(10**9), **({"time": float} | how))
        self.last = last

    @property
    def backlog(self) -> int:  # type: ignore[override]
        return max(0, int(self.clock.now()) + 1 - self.position)

    def poll(self, limit: int) -> Poll[int]:
        if self.position >= self.last:
            return Wait(1.0)
        return super().poll(1) if self.clock.now() >= self.position else Wait(self.position - self.clock.now())


async def slow(item: int) -> int:
    await asyncio.sleep(100.0)
    return item


def of(graph: Graph, seconds: float = 10.5, then: Callable[[LocalRun], Awaitable[Any]] | None = None) -> Explained:
    """What is explained of a run of `graph` after some seconds, when `then` has been done to it."""

    async def main() -> Explained:
        run = graph.start()
        await asyncio.sleep(seconds)
        if then is not None:
            await then(run)
        explained = run.explain()
        await run.stop()
        return explained

    explained = run_virtual(main())
    for each in explained.explanations:
        assert json.loads(json.dumps(each.facts)) == each.facts
        assert each.facts["cause"]
    return explained


def the(explained: Explained, question: str) -> Explanation:
    (only,) = explained.of(question)
    return only


async def pause(run: LocalRun) -> None:
    await run.pause()
    await asyncio.sleep(20)


# Why the frontier stands


def test_a_silent_source_holds_the_frontier() -> None:
    end = Count("end")
    found = the(of(Graph("g", Ticking("quiet", last=3) >> end, Ticking() >> end)), "frontier")
    assert found.sentence == (
        "the frontier stands at 2: quiet has brought in nothing after the item at 2; "
        "with idle_after= it would let ticks go on without it"
    )
    assert found.facts["cause"] == "silent source"
    assert (found.facts["source"], found.facts["quiet_seconds"]) == ("quiet", 8.5)


def test_a_source_that_never_brought_an_item_has_promised_nothing() -> None:
    end = Count("end")
    found = the(of(Graph("g", Ticking("never", last=0) >> end, Ticking() >> end)), "frontier")
    assert found.sentence == ("there is no frontier yet: never has not brought in an item, and so has promised nothing")
    assert (found.facts["cause"], found.facts["frontier"]) == ("missing watermark", None)


def test_without_event_time_there_is_no_frontier() -> None:
    found = the(of(Graph("g", Ticking(time=None) >> Count("end"))), "frontier")
    assert found.sentence == (
        "there is no frontier yet: ticks: no source has event time; give one time=, a function of an item"
    )
    assert found.facts["cause"] == "no event time"


def test_a_source_that_was_declared_idle_holds_nobody() -> None:
    found = the(of(Graph("g", Ticking(last=3, idle_after=2.0) >> Count("end"))), "frontier")
    assert found.sentence == (
        "the frontier stands at 2: no source counts, for those with event time have ended or are idle (ticks)"
    )


def test_an_item_in_flight_holds_the_frontier() -> None:
    graph = Graph("g", Ticking() >> MapAsync("fetch", slow, concurrency=3) >> Count("end"))
    found = the(of(graph), "frontier")
    assert found.sentence == "there is no frontier yet: fetch has 3 items in flight, and 8 stand before it"
    assert (found.facts["cause"], found.facts["queued"]) == ("item in flight", {"ticks.out -> fetch.in": 8})


def test_an_item_that_does_not_come_back_is_told_with_its_node_and_for_how_long() -> None:
    explained = of(Graph("g", Ticking() >> MapAsync("fetch", slow, concurrency=3) >> Count("end")), seconds=42.5)
    said = "fetch has been waiting for more than 30 s for an item that does not come back, of 3 in flight"
    found = the(explained, "frontier")
    assert found.sentence == f"there is no frontier yet: {said}, and 40 stand before it"
    assert (found.facts["cause"], found.facts["seconds"]) == ("hanging item", 42.5)
    hanging = the(explained, "trouble")
    assert (hanging.sentence, hanging.facts["node"], hanging.facts["seconds"]) == (said, "fetch", 42.5)


def test_a_node_that_hangs_is_named_also_where_there_is_no_event_time_and_no_full_edge() -> None:
    async def fetch(item: int) -> int:
        await asyncio.sleep(1e6 if item == 20 else 0)
        return item

    graph = Graph("g", Replay("all", range(100)) >> MapAsync("fetch", fetch, concurrency=4) >> Count("end"))
    early = the(of(graph, seconds=3.5), "bottleneck")
    assert early.sentence == "fetch is the slowest so far: busy 100 %, 72 items wait before it, 8 in flight"
    assert (early.facts["cause"], early.facts["node"], early.facts["oldest_seconds"]) == (
        "slowest so far",
        "fetch",
        3.5,
    )
    late = of(graph, seconds=31.0)
    said = "has been waiting for more than 30 s for an item that does not come back, of 8 in flight"
    assert the(late, "trouble").sentence == f"fetch {said}"
    assert the(late, "bottleneck").sentence == f"{early.sentence}; it {said}"
    assert the(late, "bottleneck").facts["trouble"] == "hanging item"


def test_a_worker_that_hangs_is_named() -> None:
    begun, released = Event(), Event()

    def wait(item: int) -> int:
        begun.set()
        released.wait()
        return item

    async def main() -> Status:
        run = Graph(
            "g", Replay("all", range(100)) >> Map("work", wait, workers=1, on="threads") >> Count("end")
        ).start()
        await asyncio.to_thread(begun.wait)
        status = run.status()
        released.set()
        await run.stop()
        return status

    status = asyncio.run(main())
    node = status.node("work")
    assert node.oldest_seconds is not None
    later = node.model_copy(update={"oldest_seconds": node.oldest_seconds + 31})
    nodes = tuple(later if each.name == "work" else each for each in status.nodes)
    explained = explain(status.model_copy(update={"nodes": nodes}))
    assert the(explained, "trouble").sentence.startswith("work has been waiting for more than 30 s for an item")
    assert the(explained, "bottleneck").facts["node"] == "work"


def test_the_node_behind_which_items_gather_is_named_before_an_edge_is_full() -> None:
    async def write(item: int) -> None:
        await asyncio.sleep(5.0)

    graph = Graph("g", Ticking() >> Map[int, int]("parse", abs) >> ForEach("write", write))
    found = the(of(graph, seconds=200.5), "bottleneck")
    assert found.sentence == "write is the slowest so far: busy 100 %, 160 items wait before it, 1 in flight"
    assert (found.facts["cause"], found.facts["queued"]) == ("slowest so far", 160)


def test_a_node_that_keeps_up_is_no_bottleneck_and_one_that_slowed_down_lately_is(document: Document) -> None:
    source, parse, spill = document().nodes
    edges = tuple(edge.model_copy(update={"blocked": False}) for edge in document().edges)

    def of_parse(busy: float) -> Explanation:
        nodes = (source, parse.model_copy(update={"run_seconds": busy}), spill)
        return the(explain(document(nodes=nodes, edges=edges)), "bottleneck")

    assert of_parse(9.0).sentence == "no node is: nothing waits for room"  # of 200 s; what waits takes it 0.6 s
    assert of_parse(20.0).sentence == "parse is the slowest so far: busy 10 %, 64 items wait before it"


def odd(item: int) -> int:
    if item == 3:
        raise ValueError(item)
    return item


def test_a_node_that_rests_after_a_failure_is_told_and_when_it_begins_again() -> None:
    async def failed(run: LocalRun) -> None:
        node = run.status().node("odd")
        assert (node.resting_seconds, node.restarts) == (pytest.approx(92.5, abs=25.5), 0)

    drawn = (Ticking() >> Map("odd", odd)).capacity(4) >> Count("end")
    supervise = {"odd": Supervision(policy="restart", backoff=100.0)}
    explained = of(Graph("g", drawn, supervise=supervise), seconds=10.5, then=failed)
    said = "odd has failed, and rests before it begins again"
    assert the(explained, "trouble").sentence == said
    assert the(explained, "frontier").sentence == f"the frontier stands at 2: {said}"
    assert the(explained, "frontier").facts["cause"] == "resting node"
    bottleneck = the(explained, "bottleneck")
    assert bottleneck.sentence.endswith(f"where 4 of 4 items stand; {said}")
    assert bottleneck.facts["trouble"] == "resting node"
    assert of(Graph("g", drawn, supervise=supervise), seconds=200.5).of("trouble") == ()


class Hoarding(Step[int, int]):
    """Keeps every item until the end, and with them the frontier."""

    def on_item(self, item: int) -> None:
        self.holds += 1

    def frontier_out(self, frontier: float) -> float:
        return min(frontier, 0.0)


def test_an_item_that_a_step_holds_back_holds_the_frontier() -> None:
    found = the(of(Graph("g", Ticking() >> Hoarding("hoard") >> Count("end"))), "frontier")
    assert found.sentence == (
        "the frontier stands at 0: hoard holds 11 items back, until the frontier of its input lets them go"
    )
    assert (found.facts["cause"], found.facts["held"], found.facts["input_frontier"]) == ("item held", 11, 10.0)


def test_an_edge_that_a_node_leaves_full_holds_the_frontier_and_is_why_nothing_moves() -> None:
    async def hold(run: LocalRun) -> None:
        run.core.channels[0].held = True  # as a node does that waits for another input
        await asyncio.sleep(10)

    end = Count("end")
    explained = of(Graph("g", (Ticking() >> end).capacity(4), Replay("other", [1], time=float) >> end), then=hold)
    found = the(explained, "frontier")
    assert found.sentence == (
        "the frontier stands at 10: end leaves 4 items on ticks.out -> end.in, for it waits for its other inputs"
    )
    assert found.facts["cause"] == "blocked edge"
    assert found.facts["edges"]["ticks.out -> end.in"]["queued"] == 4
    said = "nothing can move: ticks.out -> end.in wait for each other; give them more capacity, as (a >> b)."
    assert the(explained, "ready").sentence == f"{said}capacity(n) does"
    found = the(explained, "bottleneck")
    assert found.sentence == "no single node: ticks.out -> end.in wait for each other"
    assert found.facts["cause"] == "stuck"


def test_a_slow_sink_is_the_bottleneck_and_holds_the_frontier() -> None:
    step = Map[int, int]("m", abs)
    status = run_until_blocked(
        Graph("g", (Ticking() >> step).capacity(2), (step >> ForEach("write", slow)).capacity(2))
    )
    explained = explain(status)
    assert the(explained, "frontier").sentence == (
        "there is no frontier yet: write has 1 item in flight, and 2 stand before it"
    )
    found = the(explained, "bottleneck")
    assert found.sentence == (
        "write is the bottleneck: m waits for room on m.out -> write.in, where 2 of 2 items stand, "
        "and write itself holds 1"
    )
    assert (found.facts["cause"], found.facts["node"], found.facts["waiting"]) == ("slow node", "write", "m")
    assert found.facts["blocked_share"] > 0.5
    assert status.bottleneck is not None
    assert found.sentence.startswith(status.bottleneck)
    # Where the node that holds the frontier is itself blocked, the end of the chain is named.
    held = the(explain(status.model_copy(update={"frontier_held_by": "ticks"})), "frontier")
    assert held.sentence.endswith("ticks is blocked: m.out -> write.in is full (2 of 2), for write is slow to take")
    assert (held.facts["cause"], held.facts["slow"]) == ("blocked edge", "write")


def run_until_blocked(graph: Graph) -> Status:
    async def main() -> Status:
        run = graph.start()
        await asyncio.sleep(20.5)
        status = run.status()
        await run.stop()
        return status

    return run_virtual(main())


def test_a_pause_holds_the_frontier() -> None:
    found = the(of(Graph("g", Ticking() >> Count("end")), then=pause), "frontier")
    assert found.sentence == (
        "the frontier stands at 10: the run is paused, and nothing flows until it is resumed or stepped"
    )
    assert (found.facts["cause"], found.facts["seconds"]) == ("pause", 20.0)


def test_a_failed_node_holds_the_frontier_and_is_why_the_run_is_not_ready() -> None:
    async def until_it_fails(run: LocalRun) -> None:
        with pytest.raises(RunFailedError):
            await run.done()

    graph = Graph("g", Ticking() >> Map("m", lambda n: 1 / (n - 12)) >> Count("end"))
    explained = of(graph, then=until_it_fails)
    assert the(explained, "frontier").sentence == (
        "the frontier stands at 11: m has failed, and nothing flows any more"
    )
    found = the(explained, "ready")
    assert found.sentence == "the run has failed: m: ZeroDivisionError('division by zero')"
    assert (found.facts["cause"], found.facts["node"]) == ("failed node", "m")
    assert the(explained, "bottleneck").sentence == "the run has ended: nothing waits for room"


def test_a_frontier_that_moves_follows_its_source() -> None:
    explained = of(Graph("g", Ticking() >> Count("end")))
    found = the(explained, "frontier")
    assert found.sentence == "the frontier stands at 10: ticks has brought in nothing after the item at 10"
    assert the(explained, "bottleneck").sentence == "no node is: nothing waits for room"
    assert the(explained, "ready").sentence == ("g is ready: it runs, its event loop answers, and items can move")


def test_a_source_at_work_is_named_where_it_is_furthest_behind(document: Document) -> None:
    first, *others = document().nodes
    busy = first.model_copy(update={"state": "busy"})
    status = document(nodes=(busy, *others), frontier=3600.5, frontier_held_by="departures")
    assert the(explain(status), "frontier").sentence == (
        "the frontier stands at 3600.500: it follows departures, and brings in items"
    )


# Why it is not ready, and what a pause costs


def test_a_drain_says_its_phase_and_who_holds_it_up() -> None:
    async def drain(run: LocalRun) -> None:
        run.ask("drain")
        await asyncio.sleep(1)

    found = the(of(Graph("g", Ticking() >> ForEach("write", slow)), then=drain), "ready")
    assert found.sentence == "the run drains: it is in the phase 'sinks', and write still holds items"
    assert (found.facts["cause"], found.facts["seconds"], found.facts["held"]) == ("drain", 1.0, {"write": 1})


def test_a_pause_that_makes_a_source_fall_behind_says_by_how_much() -> None:
    explained = of(Graph("g", Ticking() >> Count("end")), then=pause)
    assert the(explained, "ready").sentence == "the run is paused: nothing flows until it is resumed or stepped"
    found = the(explained, "pause")
    assert found.sentence == "ticks falls behind: 20 items wait outside, 20 more than when the pause began"
    assert (found.facts["cause"], found.facts["grown"], found.facts["backlog"]) == ("falling behind", 20, 20)


def test_a_pause_names_sources_that_stand_with_items_in_hand_or_are_not_asked_or_were_blocked() -> None:
    async def pushed() -> AsyncIterator[int]:
        yield 1
        await asyncio.sleep(15)
        yield 2

    end = Count("end")
    full = (Replay("full", range(99)) >> ForEach("write", slow)).capacity(3)
    graph = Graph("g", Replay("pushed", pushed()) >> end, Replay("ended", [1]) >> end, full, Ticking(last=3) >> end)
    assert [each.sentence for each in of(graph, then=pause).of("pause")] == [
        "pushed has items in hand that it cannot send",
        "full has items, and no room for them: it was blocked before the pause",
        "ticks falls behind: 28 items wait outside, 20 more than when the pause began",
    ]


def test_a_pause_says_how_much_a_source_has_still_to_bring() -> None:
    class Rare(Ticking):
        backlog = None  # type: ignore[assignment]

        def poll(self, limit: int) -> Poll[int]:
            return super().poll(limit) if not self.position else Wait(1000.0)

    explained = of(Graph("g", Rare("rare") >> Count("end")), then=pause)
    said = "rare is not asked: 999,999,999 of its 1,000,000,000 items are still to come"
    assert the(explained, "pause").sentence == said
    assert of(Graph("g", Rare("rare") >> Count("end"))).of("pause") == ()


class Outside(Source[int]):
    """Has never more nor less outside than it says."""

    def __init__(self, name: str, backlog: int | None) -> None:
        super().__init__(name)
        self.backlog = backlog

    def poll(self, limit: int) -> Poll[int]:
        return Wait(1.0)


@pytest.mark.parametrize(
    ("backlog", "said"),
    [
        (12345, "q is not asked: 12,345 items wait outside, no more than when the pause began"),
        (None, "q is not asked, and how many items wait outside is not known of it"),
        (0, "no source waits: the pause has cost nothing so far"),
    ],
)
def test_a_pause_tells_how_much_waits_outside_as_far_as_the_source_knows(backlog: int | None, said: str) -> None:
    explained = of(Graph("g", Outside("q", backlog) >> Count("end")), seconds=0.0, then=pause)
    assert the(explained, "pause").sentence == said


def test_a_loop_that_does_not_answer_is_why_nothing_moves(document: Document) -> None:
    loop = LoopStatus(stalled_seconds=12.5, blocked_by="a cell")
    explained = explain(document(ready=False, reasons=("…",), loop=loop))
    assert the(explained, "frontier").sentence == "there is no frontier yet: a cell blocks the event loop"
    assert the(explained, "ready") == Explanation(
        "ready",
        "the event loop does not answer: a cell blocks it",
        {"cause": "stalled loop", "blocked_by": "a cell", "seconds": 12.5},
    )


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("created", "the run has not been started"),
        ("starting", "starting: the run it replaces has not ended"),
        ("suspending", "the run is being suspended"),
        ("stopped", "the run has stopped"),
    ],
)
def test_every_other_state_is_a_sentence(document: Document, state: str, said: str) -> None:
    reasons = ("starting: the run it replaces has not ended",)
    assert the(explain(document(state=state, ready=False, reasons=reasons)), "ready").sentence == said


def test_a_run_that_is_starting_says_what_it_waits_for(document: Document) -> None:
    reason = "starting: what the run begins with is not in the store yet"
    found = the(explain(document(ready=False, reasons=(reason,), edges=())), "ready")
    assert (found.sentence, found.facts["cause"]) == (reason, "starting")


def test_a_checkpoint_that_failed_is_told_until_one_is_written(document: Document) -> None:
    failing = CheckpointStatus(
        every=1.0, committed=2, failed=3, last_id=4, last_at=1.0, problem="no space left", resumed_from=None
    )
    status = document(checkpoint=failing)
    found = the(explain(status), "checkpoint")
    assert found.sentence == "the last one failed, checkpoint 4 is the newest: no space left"
    assert (found.facts["cause"], found.facts["failed"]) == ("failed checkpoint", 3)
    said = "flights: running, ready, configuration version 3; the last checkpoint failed (3 so far): no space left"
    assert str(status).splitlines()[0] == said
    well = document(checkpoint=failing.model_copy(update={"problem": None}))
    assert explain(well).of("checkpoint") == ()
    assert "checkpoint" not in str(well)


def test_a_checkpoint_that_does_not_come_through_is_told_with_the_node_it_waits_for() -> None:
    async def main() -> tuple[Status, Status]:
        graph = Graph("g", Replay("all", range(9)) >> MapAsync("fetch", slow, concurrency=1) >> Count("end"))
        run = graph.start(store=SqliteStore(":memory:"), checkpoint_every=1.0)
        await asyncio.sleep(5.0)
        early = run.status()
        await asyncio.sleep(10.0)
        late = run.status()
        await run.stop()
        return early, late

    early, late = run_virtual(main())
    assert explain(early).of("checkpoint") == ()
    assert early.awaited is not None
    assert (early.awaited.purpose, early.awaited.seconds, early.awaited.nodes) == ("checkpoint", 4.0, ("fetch",))
    found = the(explain(late), "checkpoint")
    assert found.sentence == "a checkpoint waits for fetch, not yet at its barrier"
    assert found.facts == {"cause": "awaited barrier", "purpose": "checkpoint", "seconds": 14.0, "nodes": ["fetch"]}
    assert str(late).splitlines()[0] == f"g: running, ready; {found.sentence}"


# How it is shown


def test_as_text_it_is_a_few_lines_without_clocks() -> None:
    def text() -> str:
        return repr(of(Graph("g", Ticking() >> Collect("end")), then=pause))

    assert (
        text()
        == text()
        == (
            "g\n"
            "  frontier    the frontier stands at 10: the run is paused, "
            "and nothing flows until it is resumed or stepped\n"
            "  bottleneck  no node is: nothing waits for room\n"
            "  ready       the run is paused: nothing flows until it is resumed or stepped\n"
            "  pause       ticks falls behind: 20 items wait outside, 20 more than when the pause began"
        )
    )


def test_as_html_it_has_the_facts_and_nothing_in_it_is_markup(document: Document) -> None:
    loop = LoopStatus(stalled_seconds=12.5, blocked_by="<b>a cell</b>")
    html = explain(document(graph="flights", ready=False, reasons=("…",), loop=loop))._repr_html_()
    assert "&lt;b&gt;a cell&lt;/b&gt; blocks it<br><small>cause: stalled loop; " in html
    assert "seconds: 12.500" in html
    assert "<b>" not in html
    assert "<script" not in html


def test_an_ended_run_can_be_explained_too() -> None:
    run = Graph("g", Replay("n", [1, 2], time=float) >> Count("end")).run_to_end()
    assert the(run.explain(), "frontier").sentence == "the frontier stands at 2: the run has stopped"


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(sketches(idle=True), st.integers(0, 2**32 - 1), st.integers(0, 60))
def test_whatever_happens_in_a_run_can_be_explained(sketch: Sketch, seed: int, moment: int) -> None:
    def explaining(run: LocalRun) -> Callable[[], None]:
        turns = count()

        def look() -> None:
            if next(turns) % 20:
                return
            explained = run.explain()
            assert len(explained.of("frontier")) == len(explained.of("bottleneck")) == 1
            assert bool(explained.of("pause")) == (run.status().state == "paused")
            assert explained.of("ready")
            json.dumps([each.facts for each in explained.explanations])
            assert explained._repr_html_()

        return look

    async def script(run: LocalRun, interleaver: Interleaver) -> None:
        await interleaver.turn(moment)
        if not run.lifecycle.over:
            await run.pause()
            explaining(run)()
            await run.resume()

    run = run_interleaved(sketch.graph(), Random(seed), config=Version(), script=script, witness=explaining)
    explaining(run)()
