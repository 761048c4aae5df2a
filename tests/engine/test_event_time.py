"""Law 6: watermarks, frontiers, idle and ended inputs, and what is late."""

import asyncio
from collections import defaultdict
from math import inf
from random import Random

import pytest

from streamweave_lab.engine.run import LocalRun
from streamweave_lab.engine.stamping import Stamper
from streamweave_lab.graph.batch import Batch, Watermark
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.source import END, Poll, Source, Wait
from streamweave_lab.operators import Collect, Count, Map, Replay, Window
from streamweave_lab.operators import sum as total
from streamweave_lab.progress.window import Tumbling
from streamweave_lab.testing.interleave import run_interleaved
from streamweave_lab.testing.loop import run_virtual


def stamped(items: list[float], *, lag: float = 0.0, grain: float | None = None, size: int = 100) -> list[str]:
    """What a source sends for `items`, taken in `size` at a time: "1 2 |2" are two items and a watermark."""
    stamper = Stamper(float, lag, grain)
    sent: list[str] = []
    for at in range(0, len(items), size):
        for entry in stamper.stamp(items[at : at + size]):
            if isinstance(entry, Batch):
                assert entry.times == list(map(float, entry.items))
                sent += [f"{item:g}" for item in entry.items]
            elif isinstance(entry, Watermark):
                sent.append(f"|{entry.time:g}")
    return sent


def test_a_watermark_follows_every_batch_a_lag_behind_the_newest_item() -> None:
    assert stamped([5, 3, 9, 4], size=2) == ["5", "3", "|5", "9", "4", "|9"]
    assert stamped([5, 3, 9, 4], size=2, lag=3) == ["5", "3", "|2", "9", "4", "|6"]


def test_a_batch_is_cut_exactly_where_the_watermark_passes_a_multiple_of_the_granularity() -> None:
    assert stamped([1, 2, 11, 3, 12, 31], grain=10) == ["1", "|1", "2", "11", "|11", "3", "12", "31", "|31"]
    assert stamped([1, 2, 11, 3, 12, 31], grain=10, lag=2) == [
        "1",
        "|-1",
        "2",
        "|0",
        "11",
        "3",
        "12",
        "|10",
        "31",
        "|29",
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 100])
def test_the_multiples_that_have_been_passed_before_an_item_do_not_depend_on_the_size_of_batches(size: int) -> None:
    dice = Random(7)
    items = [n * 0.3 + dice.uniform(-4, 4) for n in range(200)]

    def passed(sent: list[str]) -> list[tuple[str, float]]:
        seen, passed_before = -inf, []
        for entry in sent:
            if entry.startswith("|"):
                seen = max(seen, float(entry[1:]) // 2.5)
            else:
                passed_before.append((entry, seen))
        return passed_before

    assert passed(stamped(items, grain=2.5, lag=1.0, size=size)) == passed(stamped(items, grain=2.5, lag=1.0, size=1))


def late_items(capacity: int, seed: int) -> tuple[list[int], list[int]]:
    dice = Random(1)
    source = Replay("rows", [n + dice.randint(-30, 0) for n in range(300)], time=float, lag=5.0)
    window = Window("sums", lambda pane: sum(pane.items), Tumbling(seconds=10))
    paths = (source >> Map("same", int)).capacity(capacity) >> window
    graph = Graph("late", paths >> Collect("sums-out"), window.late >> Collect("late"))
    run = run_interleaved(graph, Random(seed))
    return run["late"].items, run["sums-out"].items


def test_what_is_late_depends_on_the_items_alone() -> None:
    first = late_items(capacity=8192, seed=0)
    assert len(first[0]) > 50
    assert all(late_items(capacity, seed) == first for capacity, seed in [(1, 1), (3, 2), (64, 3), (64, 4), (8192, 5)])


class Frontiers(Step[int, int]):
    """Remembers its frontiers."""

    def opened(self) -> None:
        self.frontiers: list[float] = []

    def on_item(self, item: int) -> None:
        self.emit(self.out, item)

    def advanced(self, frontier: float) -> None:
        self.frontiers.append(frontier)


class Script(Source[int]):
    """At certain seconds brings items whose time is their value; ends at the last of them if that is empty."""

    def __init__(self, name: str, script: dict[float, list[int]], idle_after: float | None = None) -> None:
        super().__init__(name)
        self.script, self.idle_after = script, idle_after
        self.time = float

    def opened(self) -> None:
        self.ahead = sorted(self.script.items())

    def poll(self, limit: int) -> Poll[int]:
        if not self.ahead:
            return Wait(1e6)
        due, items = self.ahead[0]
        if self.clock.now() < due:
            return Wait(due - self.clock.now())
        self.ahead.pop(0)
        return items or END


def frontier_at(run: LocalRun, node: str = "f") -> float | None:
    return run.status().node(node).frontier


def test_a_frontier_is_the_minimum_over_the_inputs_and_moves_only_forward() -> None:
    async def main() -> None:
        node = Frontiers("f")
        a, b = Script("a", {0: [10], 2: [20], 4: [15]}), Script("b", {1: [5], 3: [30]})
        run = Graph("two", a >> node, b >> node >> Count("n")).start()
        await asyncio.sleep(10)
        assert run["f"].frontiers == [5.0, 20.0]
        assert run.status().frontier == 20.0
        assert (run.status().frontier_held_by, run.status().lag) == ("a", 10.0)
        await run.stop()

    run_virtual(main())


def test_an_input_that_has_ended_no_longer_counts() -> None:
    async def main() -> None:
        node = Frontiers("f")
        a, b = Script("a", {0: [10], 5: []}), Script("b", {1: [50]})
        run = Graph("two", a >> node, b >> node >> Count("n")).start()
        await asyncio.sleep(4)
        assert frontier_at(run) == 10.0
        await asyncio.sleep(4)
        assert frontier_at(run) == 50.0
        await run.stop()

    run_virtual(main())


def test_a_silent_source_holds_the_frontier_until_it_is_declared_idle() -> None:
    async def main() -> None:
        node = Frontiers("f")
        a, b = Script("a", {0: [10], 60: [12]}, idle_after=20.0), Script("b", {1: [50], 2: [70]})
        run = Graph("idle", a >> node, b >> node >> Count("n")).start()
        await asyncio.sleep(19)
        assert (frontier_at(run), run.status().frontier_held_by) == (10.0, "a")
        await asyncio.sleep(3)
        assert frontier_at(run) == 70.0
        await asyncio.sleep(60)
        assert frontier_at(run) == 70.0  # it woke, and cannot take the frontier back
        await run.stop()

    run_virtual(main())


def test_an_idle_sink_that_wakes_does_not_take_the_frontier_of_the_run_back() -> None:
    async def main() -> None:
        quiet, busy = Script("quiet", {30: [5]}, idle_after=4.0), Script("busy", {1: [50], 60: [70]})
        run = Graph("two-sinks", quiet >> Count("rare"), busy >> Count("often")).start()
        seen = []
        for seconds in (20, 11, 19, 20):
            await asyncio.sleep(seconds)
            status = run.status()
            seen.append((status.frontier, status.frontier_held_by, status.node("rare").frontier))
        assert seen == [(50.0, "busy", None), (50.0, "quiet", 5.0), (50.0, "busy", 5.0), (70.0, "busy", 5.0)]
        await run.stop()

    run_virtual(main())


def test_a_source_that_never_had_anything_can_be_declared_idle() -> None:
    async def main() -> None:
        node = Frontiers("f")
        run = Graph(
            "never", Script("a", {}, idle_after=5.0) >> node, Script("b", {1: [50]}) >> node >> Count("n")
        ).start()
        await asyncio.sleep(4)
        assert frontier_at(run) is None
        await asyncio.sleep(4)
        assert frontier_at(run) == 50.0
        await run.stop()

    run_virtual(main())


def test_a_source_that_is_idle_with_its_last_word_unheard_still_moves_the_frontier_to_it() -> None:
    async def main() -> None:
        window = Window("sums", total(float), Tumbling(seconds=10))
        only = Script("only", {0: [3, 4], 1: [12]}, idle_after=2.0)
        run = Graph("last-word", only >> window >> Collect("all")).start()
        await run.pause()
        await asyncio.sleep(0.5)
        await run.resume()
        await asyncio.sleep(10)
        assert [(row.start, row.value) for row in run["all"].items] == [(0.0, 7.0)]
        await run.stop()

    run_virtual(main())


def test_a_source_that_wakes_is_waited_for_before_its_items_are_judged() -> None:
    async def main() -> None:
        window = Window("sums", total(float), Tumbling(seconds=10))
        quiet = Script("quiet", {0: [1], 10: [2, 3, 4, 6]}, idle_after=3.0)
        busy = Script("busy", {1: [3], 9: [5], 10.1: [9, 11, 21]})
        # Its items come one by one, and meanwhile the other source would close their window.
        graph = Graph(
            "wake", (quiet >> window).capacity(1), busy >> window >> Collect("all"), window.late >> Collect("late")
        )
        run = graph.start()
        await asyncio.sleep(9.5)
        assert run.status().node("sums").frontier == 5.0
        await run.pause()
        await asyncio.sleep(1)
        await run.resume()
        await asyncio.sleep(1)
        assert run["late"].items == []
        await run.drain()
        assert {row.start: row.value for row in run["all"].items} == {
            0.0: 1 + 2 + 3 + 4 + 6 + 3 + 5 + 9,
            10.0: 11,
            20.0: 21,
        }

    run_virtual(main())


def test_a_source_that_waits_for_room_is_not_idle() -> None:
    async def main() -> None:
        node = Frontiers("f")
        slow = Replay("slow", range(100), time=float, idle_after=0.5)
        other = Script("other", {0: [1000]})
        graph = Graph("room", (slow >> node).capacity(3), other >> node, (node >> Count("n")).capacity(1))
        run = graph.start()
        run.core.channels[2].held = True  # the sink takes nothing
        await asyncio.sleep(5)
        assert run.status().node("slow").state == "blocked"
        assert max(run["f"].frontiers, default=0.0) < 100
        await run.stop()

    run_virtual(main())


def test_a_source_is_not_idle_because_the_run_was_paused() -> None:
    async def main() -> None:
        node = Frontiers("f")
        many = Replay("many", range(100_000), time=float, idle_after=0.5)
        run = Graph("paused", many >> node, Script("other", {0: [10**9]}) >> node >> Count("n")).start()
        await run.pause()
        await asyncio.sleep(60)
        assert not run.core.by_name["many"].idle
        await run.resume()
        await asyncio.sleep(1)
        assert [frontier for frontier in run["f"].frontiers[:-1] if frontier > 10**6] == []
        await run.stop()

    run_virtual(main())


def test_a_source_without_event_time_holds_nobodys_frontier() -> None:
    sink = Collect[int]("all")
    graph = Graph("mixed", Replay("timed", [1, 2, 3], time=float) >> sink, Replay("untimed", [7, 8]) >> sink)
    assert graph.run_to_end().status().frontier == 3.0
    assert Graph("none", Replay("untimed", [7, 8]) >> Count("n")).run_to_end().status().frontier is None


def test_the_runs_frontier_waits_for_every_sink() -> None:
    async def main() -> None:
        run = Graph("sinks", Script("a", {0: [10]}) >> Count("x"), Script("b", {5: [3]}) >> Count("y")).start()
        await asyncio.sleep(1)
        assert (run.status().frontier, run.status().frontier_held_by) == (None, "b")
        await asyncio.sleep(5)
        assert run.status().frontier == 3.0
        await run.stop()

    run_virtual(main())


class Closing(Step[int, str]):
    """Sends a word when its frontier moves, and one at the end; gives them no time of their own."""

    def on_item(self, item: int) -> None:
        pass

    def advanced(self, frontier: float) -> None:
        self.emit(self.out, f"at {frontier:g}")

    def finished(self) -> None:
        self.emit(self.out, "end")


def test_what_a_node_emits_as_time_moves_has_that_time_and_is_not_late() -> None:
    window = Window("words", lambda pane: (pane.start, pane.items), Tumbling(seconds=10))
    path = Replay("n", [5, 12, 31], time=float) >> Closing("closing") >> window >> Collect("all")
    run = Graph("words", path, window.late >> Collect("late")).run_to_end()
    # The window's granularity makes the source send a watermark exactly where it passes 10 and 30.
    assert run["all"].items == [(0.0, ["at 5"]), (10.0, ["at 12"]), (30.0, ["at 31", "end"])]
    assert run["late"].items == []


def test_windows_in_a_row_agree_on_where_time_is_cut() -> None:
    dice = Random(3)
    items = [n / 7 + dice.uniform(-2, 0) for n in range(700)]
    small = Window("small", lambda pane: len(pane.items), Tumbling(seconds=2.5))
    large = Window("large", lambda pane: (pane.start, sum(pane.items)), Tumbling(seconds=10))
    run = Graph("row", Replay("t", items, time=float, lag=2.0) >> small >> large >> Collect("all")).run_to_end()
    by_hand: dict[float, int] = defaultdict(int)
    for item in items:
        by_hand[item // 10 * 10] += 1
    assert run["all"].items == sorted(by_hand.items())


def test_virtual_time_goes_on_where_the_moment_of_idleness_is_lost_in_rounding() -> None:
    quiet = Script("quiet", {1.1: [1], 10: []}, idle_after=3.0)  # 4.1 - 1.1 is less than 3.0
    run = Graph("g", quiet >> Count("n")).run_to_end()
    assert run["n"].count == 1
