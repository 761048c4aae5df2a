import asyncio

import pytest
from hypothesis import given, settings

import streamweave_lab as sw
from streamweave_lab.errors import HoldFullError, NoEventTimeError, StreamweaveError
from streamweave_lab.operators.merge import Merge, Zip
from streamweave_lab.testing.harness import Drive
from streamweave_lab.testing.loop import run_virtual
from tests.operators.scripts import two


def test_items_leave_in_the_order_of_event_time_when_the_frontier_has_passed_them():
    drive = Drive(Merge("merged")).batch(["c", "a"], [3.0, 1.0]).batch(["b", "b'"], [2.0, 2.0]).advance(2.0)
    assert (drive.out["out"], drive.node.holds, drive.promised) == (["a"], 3, 2.0)
    assert drive.finish().out["out"] == ["a", "b", "b'", "c"]
    assert (drive.times["out"], drive.node.holds) == ([1.0, 2.0, 2.0, 3.0], 0)


def test_a_merge_moves_in_steps_and_promises_no_more():
    drive = Drive(Merge("merged", every=10.0)).batch(["a"], [12.0]).advance(19.0)
    assert (drive.out["out"], drive.promised) == ([], 10.0)
    assert drive.advance(20.0).out["out"] == ["a"]


def test_what_a_merge_cannot_put_in_order_leaves_by_late_or_error():
    drive = Drive(Merge("merged", hold=1)).advance(5.0).batch(["a", "b", "c"], [4.0, 5.0, 6.0]).batch(["d"])
    assert (drive.late_items, drive.node.holds) == (["a"], 1)
    assert [(f.item, type(f.error)) for f in drive.failures] == [("c", HoldFullError), ("d", NoEventTimeError)]


def test_a_merge_that_goes_on_has_the_items_of_one_instant_in_the_order_they_came():
    first = Drive(Merge("merged")).batch(["c", "b"], [1.0, 1.0])
    later = Drive(Merge("merged"))
    later.node.restore(first.node.snapshot())
    assert later.batch(["a"], [1.0]).finish().out["out"] == ["c", "b", "a"]


def of_two_branches(many):
    left = sw.Replay("left", [(float(2 * n), "left") for n in range(many)], time=lambda row: row[0])
    right = sw.Replay("right", [(float(3 * n), "right") for n in range(many)], time=lambda row: row[0])
    return left, right


@pytest.mark.parametrize("deterministic", [True, False])
def test_in_a_run_two_sources_become_one_in_order(deterministic):
    left, right = of_two_branches(5000)
    merged = Merge("merged", every=60.0)
    graph = sw.Graph("two", left >> merged, right >> merged, merged >> sw.Collect("all"))
    times = [time for time, _ in graph.run_to_end(deterministic=deterministic)["all"].items]
    assert times == sorted([2.0 * n for n in range(5000)] + [3.0 * n for n in range(5000)])


@settings(max_examples=40)
@given(two(ports=("in", "in")))
def test_a_merge_sorts(streams):
    drive = Drive(Merge("merged", every=1.0))
    for what, value in streams.script(every=1.0):
        drive.advance(value) if what == "frontier" else drive.batch(value, [row[0] for row in value])
    assert drive.finish().out["out"] + drive.late_items == [
        *sorted((row for row in streams.side("in") if row not in drive.late_items), key=lambda row: row[0]),
        *drive.late_items,
    ]


def test_a_zip_pairs_by_place():
    drive = Drive(Zip("pairs")).batch([1, 2, 3], [1.0, 2.0, 3.0], port="left")
    assert (drive.out["out"], drive.node.holds) == ([], 3)
    drive.batch(["a", "b"], [5.0, 1.0], port="right")
    assert (drive.out["out"], drive.times["out"], drive.node.holds) == ([(1, "a"), (2, "b")], [5.0, 2.0], 1)
    drive.batch(["c", "d"], port="right")
    assert (drive.out["out"][2:], drive.times["out"][2:], drive.node.holds) == ([(3, "c")], [None], 1)


def test_what_waits_for_a_partner_holds_the_frontier_and_leaves_at_the_end_with_its_own_time():
    drive = (
        Drive(Zip("pairs")).batch([1, 2, 3, 4], [1.0, 3.0, 2.0, 30.0], port="left").batch(["a"], [1.0], port="right")
    )
    assert drive.advance(10.0).promised == 2.0
    assert drive.batch(["b", "c"], [11.0, 12.0], port="right").advance(40.0).promised == 30.0
    drive.finish()
    assert (drive.out["left_only"], drive.times["left_only"], drive.node.holds) == ([4], [30.0], 0)


def test_a_zip_goes_on_from_what_its_first_version_kept():
    old = {"frontier": 7.0, "left": [(1, 8.0)], "right": []}
    drive = Drive(Zip("pairs"))
    drive.node.restore(drive.node.brought_up(old, 1))
    assert drive.batch(["a"], [9.0], port="right").out["out"] == [(1, "a")]


@settings(max_examples=40)
@given(two())
def test_a_zip_is_a_zip_whichever_side_came_first(streams):
    drive = Drive(Zip("pairs"))
    for what, value in streams.script(every=None):
        if what != "frontier":
            drive.batch(value, [row[0] for row in value], port=what)
    left, right = streams.side("left"), streams.side("right")
    assert drive.finish().out["out"] == list(zip(left, right, strict=False))
    assert drive.out["left_only"] == left[len(right) :]
    assert drive.out["right_only"] == right[len(left) :]


def test_in_a_run_the_branches_of_one_source_meet_again():
    numbers = sw.Replay("numbers", range(20_000))
    pairs = Zip("pairs")
    graph = sw.Graph(
        "diamond",
        numbers >> sw.Map("double", lambda n: 2 * n) >> pairs.left,
        numbers >> sw.Map("square", lambda n: n * n) >> pairs.right,
        pairs >> sw.Collect("both"),
    )
    assert graph.run_to_end()["both"].items == [(2 * n, n * n) for n in range(20_000)]


def uneven(end: int, hold: int = 100) -> sw.Graph:
    numbers = sw.Replay("numbers", range(end))
    pairs = Zip("pairs", hold=hold)
    few = numbers >> sw.Filter("few", lambda n: n % 1000 == 0) >> pairs.right
    return sw.Graph("uneven", numbers >> pairs.left, few, pairs >> sw.Count("n"), pairs.left_only >> sw.Count("alone"))


def test_in_a_run_uneven_branches_do_not_fill_the_memory_and_the_edges_that_wait_are_named():
    with pytest.raises(StreamweaveError, match=r"nothing can move: numbers\.out -> pairs\.left wait for each other"):
        uneven(20_000).run_to_end()

    async def main():
        run = uneven(20_000).start()
        await asyncio.sleep(1.0)
        status = run.status()
        assert not status.ready
        assert "numbers.out -> pairs.left" in status.reasons[0]
        assert status.node("pairs").held <= 100 + 4096
        report = await run.drain(timeout=10.0)
        assert (report.complete, report.dropped) == (True, {})
        assert run["n"].count + run["alone"].count == run["numbers"].position

    run_virtual(main())


def test_in_a_run_a_side_that_has_ended_lets_the_other_go_on_without_partners():
    pairs = Zip("pairs", hold=100)
    graph = sw.Graph(
        "ended",
        sw.Replay("many", range(50_000)) >> pairs.left,
        sw.Replay("few", range(10)) >> pairs.right,
        pairs >> sw.Count("n"),
        pairs.left_only >> sw.Count("alone"),
    )
    run = graph.run_to_end()
    assert (run["n"].count, run["alone"].count) == (10, 49_990)
    assert run.status().node("pairs").held == 0


class Ticking(sw.Replay[int]):
    """One item a second."""

    def poll(self, limit):
        wait = self.position - self.clock.now()
        return sw.Wait(wait) if wait > 0 else super().poll(1)


def test_in_a_run_what_comes_after_the_other_side_has_ended_does_not_stay():
    async def main():
        pairs = Zip("pairs")
        run = sw.Graph(
            "ended",
            Ticking("many", range(1000)) >> pairs.left,
            sw.Replay("few", range(10)) >> pairs.right,
            pairs >> sw.Count("n"),
            pairs.left_only >> sw.Count("alone"),
        ).start()
        await asyncio.sleep(20.5)
        assert (run["n"].count, run["alone"].count, run.status().node("pairs").held) == (10, 11, 0)
        await run.stop()

    run_virtual(main())


def test_in_a_run_a_checkpoint_gets_through_a_zip_that_leaves_a_side_alone(tmp_path):
    async def main():
        run = uneven(20_000).start(store=sw.SqliteStore(tmp_path / "state.db"))
        await asyncio.sleep(1.0)
        assert not run.status().ready
        assert (await asyncio.wait_for(run.checkpoint(), 10.0)).committed
        await run.stop()

    run_virtual(main())
