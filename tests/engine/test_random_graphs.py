"""Laws 1 to 8, 11 and 12 over random graphs, batch sizes and interleavings."""

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streamweave_lab.engine.reports import Drained, Reloaded, Stopped
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.errors import IllegalMoveError
from streamweave_lab.testing.interleave import Interleaver, run_interleaved
from streamweave_lab.testing.laws import Witness
from streamweave_lab.testing.strategies import Sketch, sketches
from streamweave_lab.testing.vertices import Notes, Version

quickly = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
seeds = st.integers(0, 2**32 - 1)
moments = st.integers(0, 150)


def nothing_is_left(run: LocalRun) -> bool:
    status = run.status()
    return not any(edge.queued or edge.dropped or edge.sent != edge.received for edge in status.edges) and not any(
        node.held for node in status.nodes
    )


@quickly
@given(sketches(), seeds)
def test_whoever_goes_first_the_outputs_are_those_of_plain_lists(sketch: Sketch, seed: int) -> None:
    run = run_interleaved(sketch.graph(), Random(seed), config=Version(), witness=Witness)
    assert run.status().state == "stopped"
    assert sketch.found(run) == sketch.expected()
    assert nothing_is_left(run)


@quickly
@given(sketches())
def test_run_to_end_gives_the_outputs_of_plain_lists(sketch: Sketch) -> None:
    run = sketch.graph().run_to_end(Version())
    assert sketch.found(run) == sketch.expected()
    assert nothing_is_left(run)


@settings(quickly, max_examples=30)
@given(sketches())
def test_run_to_end_does_exactly_the_same_a_second_time(sketch: Sketch) -> None:
    first, second = sketch.graph().run_to_end(Version()), sketch.graph().run_to_end(Version())
    for vertex in sketch.vertices:
        if vertex.kind == "sink":
            # A Failure's error is another object each time; all else must be equal, and in the same order.
            assert list(map(repr, first[vertex.name].items)) == list(map(repr, second[vertex.name].items))


@quickly
@given(sketches(), seeds, moments)
def test_a_drain_at_any_moment_finishes_all_that_was_brought_in_and_nothing_else(
    sketch: Sketch, seed: int, moment: int
) -> None:
    reports: list[Drained] = []

    async def script(run: LocalRun, interleaver: Interleaver) -> None:
        await interleaver.turn(moment)
        reports.append(await run.drain())

    run = run_interleaved(sketch.graph(), Random(seed), config=Version(), script=script, witness=Witness)
    assert (reports[0].complete, reports[0].dropped, reports[0].held_by) == (True, {}, ())
    assert sketch.found(run) == sketch.expected(sketch.positions(run))
    assert nothing_is_left(run)


@quickly
@given(sketches(), seeds, moments)
def test_a_stop_at_any_moment_counts_on_every_edge_what_it_lost(sketch: Sketch, seed: int, moment: int) -> None:
    reports: list[Stopped] = []

    async def script(run: LocalRun, interleaver: Interleaver) -> None:
        await interleaver.turn(moment)
        reports.append(await run.stop())

    run = run_interleaved(sketch.graph(), Random(seed), config=Version(), script=script, witness=Witness)
    Witness(run)()
    edges = run.status().edges
    assert [edge for edge in edges if edge.queued or edge.sent != edge.received + edge.dropped] == []
    lost = {f"{edge.source} -> {edge.target}": edge.dropped for edge in edges if edge.dropped}
    assert lost == {name: items for name, items in reports[0].dropped.items() if "->" in name}
    assert all(items > 0 for items in reports[0].dropped.values())


Verb = Callable[[LocalRun], Coroutine[Any, Any, object]]


async def change(run: LocalRun) -> Reloaded:
    return await run.configure(number=1)


async def pause_and_resume(run: LocalRun) -> None:
    try:
        await run.pause()
    except IllegalMoveError:
        assert run.lifecycle.over
        return
    before = counters(run)
    await asyncio.sleep(1.0)  # in which what was in flight comes back, and nothing moves
    assert counters(run) == before
    await run.resume()


def counters(run: LocalRun) -> object:
    status = run.status()
    nodes = [(node.items_in, node.items_out, node.frontier) for node in status.nodes]
    return nodes, [(edge.sent, edge.received, edge.queued) for edge in status.edges]


@quickly
@given(sketches(), seeds, st.lists(moments, min_size=1, max_size=3).map(sorted))
def test_every_item_meets_one_configuration_in_the_whole_graph(sketch: Sketch, seed: int, changes: list[int]) -> None:
    notes: Notes = {}
    reports: list[Reloaded] = []

    async def script(run: LocalRun, interleaver: Interleaver) -> None:
        for number, moment in enumerate(changes, 1):
            await interleaver.turn(moment)
            reports.append(await run.configure(number=number))

    run = run_interleaved(sketch.graph(notes), Random(seed), config=Version(), script=script, witness=Witness)
    assert {origin: numbers for origin, numbers in notes.items() if len(numbers) > 1} == {}
    for vertex in sketch.vertices:
        # Grains of one source are told apart by origins that rise: their configurations rise with them.
        met = [next(iter(notes[grain.origin])) for grain in vertex.grains if grain.origin in notes]
        assert met == sorted(met)
    applied = [report for report in reports if report.applied]
    assert [report.version for report in applied] == list(range(2, 2 + len(applied)))
    assert sketch.found(run) == sketch.expected()


@quickly
@given(
    sketches(), seeds, st.lists(st.tuples(moments, st.sampled_from([change, pause_and_resume])), max_size=4), moments
)
def test_pauses_and_changes_at_any_moments_lose_nothing_even_if_a_drain_cuts_in(
    sketch: Sketch, seed: int, verbs: list[tuple[int, Verb]], end: int
) -> None:
    async def script(run: LocalRun, interleaver: Interleaver) -> None:
        for moment, verb in sorted(verbs, key=lambda each: each[0]):
            if moment < end:
                await interleaver.turn(moment)
                await verb(run)
        await interleaver.turn(end)
        report = await run.drain()
        assert (report.complete, report.dropped) == (True, {})

    run = run_interleaved(sketch.graph(), Random(seed), config=Version(), script=script, witness=Witness)
    assert sketch.found(run) == sketch.expected(sketch.positions(run))
    assert nothing_is_left(run)


@quickly
@given(sketches(idle=True), seeds)
def test_sources_that_fall_idle_and_wake_change_what_is_late_and_nothing_else(sketch: Sketch, seed: int) -> None:
    run = run_interleaved(sketch.graph(), Random(seed), config=Version(), witness=Witness)
    assert nothing_is_left(run)
    if not any(vertex.kind == "window" for vertex in sketch.vertices):
        assert sketch.found(run) == sketch.expected()


@quickly
@given(sketches(wired=False), seeds)
def test_a_run_without_error_ports_ends_with_an_item_that_fails_or_without_one(sketch: Sketch, seed: int) -> None:
    run = run_interleaved(sketch.graph(), Random(seed), config=Version(), witness=Witness)
    Witness(run)()
    assert [edge for edge in run.status().edges if edge.queued or edge.sent != edge.received + edge.dropped] == []
    refused = [state.node.name for state in run.core.states if state.errors and not state.outs["error"]]
    if run.failure is None:
        assert (refused, run.dropped) == ([], {})
        assert sketch.found(run) == sketch.expected()
    else:
        assert [run.failure.node] == refused
        assert run.dropped[run.failure.node] > 0
