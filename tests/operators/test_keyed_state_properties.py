"""State by key outlives a run: a snapshot anywhere, a new node, and the rest of the input give the same."""

import math
from dataclasses import dataclass
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamweave_lab.errors import GraphError, StateError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import Collect, Replay
from streamweave_lab.operators.copies import copied, unchanging
from streamweave_lab.operators.keyed_state import KeyedStep
from streamweave_lab.operators.per_key import PerKey
from streamweave_lab.operators.timers import Timers
from streamweave_lab.state.codec import decode, encode
from streamweave_lab.testing.harness import Drive
from streamweave_lab.testing.interleave import run_interleaved
from streamweave_lab.testing.logic import check_logic

calmly = settings(deadline=None)

Item = tuple[str, int]


class Everything(KeyedStep[str, Item, object]):
    """Says whatever happens, and uses all there is."""

    count = PerKey(0)
    items: PerKey[list[int]] = PerKey([])

    def on_item(self, item: Item) -> None:
        _, number = item
        self.count += 1
        self.items.append(number)
        if number % 5 == 0:
            self.cancel()
        if number == 11:
            self.forget()
        self.at(self.time + number % 7)
        self.after(1.0 + number % 3)
        self.emit(self.out, (self.key, self.count, list(self.items)))

    def on_timer(self, time: float) -> None:
        self.emit(self.out, (self.key, "timer", time, self.count))
        if self.count % 2:
            self.at(time + 1.5)

    def on_timeout(self, now: float) -> None:
        self.emit(self.out, (self.key, "timeout", now))
        del self.count


class InOrder(Everything):
    in_order = True


@dataclass(frozen=True)
class Move:
    """Items with times, then time passes: event time for the frontier, and time of the clock."""

    items: tuple[tuple[Item, float], ...]
    frontier: float
    seconds: float


instants = st.integers(0, 20).map(float)
item = st.tuples(st.tuples(st.sampled_from("ab"), st.integers(0, 12)), instants)
moves = st.lists(st.builds(Move, st.lists(item, max_size=3).map(tuple), instants, st.sampled_from([0.0, 0.5, 2.0])))


def node(kind: Any) -> Any:
    return kind("everything", key=lambda item: item[0])


def make(drive: Drive, move: Move) -> None:
    drive.batch([item for item, _ in move.items], [max(time, drive.frontier) for _, time in move.items])
    drive.advance(move.frontier).sleep(move.seconds)


def gone_on_from(drive: Drive) -> Drive:
    """A new node that begins with what the other one kept, at the same time."""
    fresh = Drive(drive.node)
    fresh.node.clock.move_to(drive.node.clock.now())
    fresh.node.opened()
    fresh.node.restore(decode(encode(drive.node.snapshot())))
    fresh.frontier, fresh.promised, fresh.behind = drive.frontier, drive.promised, drive.behind
    return fresh


@pytest.mark.parametrize("kind", [Everything, InOrder])
@calmly
@given(moves, st.integers(0, 30))
def test_a_run_cut_anywhere_and_gone_on_from_its_snapshot_says_the_same(kind, moves, cut):
    whole = Drive(node(kind))
    for move in moves:
        make(whole, move)
    first = Drive(node(kind))
    for move in moves[:cut]:
        make(first, move)
    then = gone_on_from(first)
    for move in moves[cut:]:
        make(then, move)
    then.finish()
    whole.finish()
    assert first.out["out"] + then.out["out"] == whole.out["out"]
    assert first.times["out"] + then.times["out"] == whole.times["out"]
    assert then.node.kept == whole.node.kept


class Timed(InOrder):
    def after(self, seconds: float) -> None:
        """The clock is left out of it."""


@calmly
@given(st.dictionaries(instants, st.tuples(st.sampled_from("ab"), st.integers(0, 12))), st.data())
def test_in_order_the_outcome_does_not_depend_on_how_items_come_or_are_cut_into_batches(by_time, data):
    plain, mixed = Drive(node(Timed)), Drive(node(Timed))
    for time in sorted(by_time):
        plain.batch([by_time[time]], [time])
    rest = data.draw(st.permutations(list(by_time)))
    while rest:
        many = data.draw(st.integers(1, len(rest)))
        mixed.batch([by_time[time] for time in rest[:many]], rest[:many])
        rest = rest[many:]
        mixed.advance(min(rest, default=0.0))
    plain.finish()
    mixed.finish()
    assert (mixed.out["out"], mixed.times["out"]) == (plain.out["out"], plain.times["out"])
    assert mixed.times["out"] == sorted(mixed.times["out"])


def test_a_snapshot_does_not_change_with_what_is_taken_after_it():
    drive = Drive(node(Everything)).batch([("a", 1)], [0.0])
    before = drive.node.snapshot()
    drive.batch([("a", 2), ("b", 3)], [0.0, 0.0]).sleep(10)
    assert before["values"] == {"count": {"a": 1}, "items": {"a": [1]}}
    assert before["timers"] == [(1.0, "a")]


def test_items_that_wait_at_a_snapshot_stay_before_those_of_the_same_instant_that_come_after_it():
    drive = Drive(node(InOrder)).batch([("a", 9), ("a", 8)], [5.0, 5.0])
    kept = drive.node.snapshot()
    drive.advance(6.0)
    again = Drive(node(InOrder))
    again.node.restore(kept)
    assert again.node.holds == 2
    again.batch([("a", 7)], [5.0]).advance(6.0)
    assert [said[2][-1] for said in again.out["out"] if said[1] != "timer"] == [9, 8, 7]


def test_a_node_goes_on_twice_from_one_snapshot():
    kept = Drive(node(Everything)).batch([("a", 1)], [0.0]).node.snapshot()
    for _ in range(2):
        again = Drive(node(Everything))
        again.node.restore(kept)
        assert again.batch([("a", 2)], [0.0]).out["out"] == [("a", 2, [1, 2])]


class Machine:
    """A clock whose two readings differ, as those of a machine do."""

    def __init__(self, now: float, wall: float) -> None:
        self._now, self._wall = now, wall

    def now(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._wall


@pytest.mark.parametrize(
    ("clock", "due"),
    [
        (Machine(7000.0, 500.5), 7001.5),
        (Machine(3.0, 501.5), 3.5),
        (Machine(3.0, 900.0), -395.0),
        (Machine(0.0, 0.0), 1.5),
    ],
    ids=["at once", "a second later", "much later", "a virtual clock that begins anew"],
)
def test_time_that_passes_while_nothing_runs_counts_for_timeouts(clock, due):
    drive = Drive(node(Everything)).batch([("a", 1)], [0.0]).sleep(0.5)
    later = Drive(node(Everything))
    later.node.clock = clock
    later.node.restore(drive.node.snapshot() | {"clock": (0.5, 500.5)})
    assert later.alarms == [due]
    later.node.woken(clock.now() + 1.5)
    assert later._settled().out["out"] == [("a", "timeout", clock.now() + 1.5)]


def test_values_that_the_class_does_not_declare_are_not_dropped_in_silence():
    drive = Drive(node(Everything))
    state = drive.node.snapshot() | {"values": {"total": {"a": 1}}}
    with pytest.raises(StateError, match=r"everything: its state has values for total, and Everything declares no"):
        drive.node.restore(state)


@calmly
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("set"), st.integers(0, 5), st.sampled_from("abc")),
            st.tuples(st.just("cancel"), st.just(0), st.sampled_from("abc")),
            st.tuples(st.just("pop"), st.just(0), st.just("")),
        )
    )
)
def test_timers_are_those_of_a_sorted_list(steps):
    timers, plain = Timers(), []
    for step, instant, key in steps:
        if step == "set":
            timers.set(instant, key)
            plain += [] if (instant, key) in plain else [(instant, key)]
        elif step == "cancel":
            timers.cancel(key)
            plain = [entry for entry in plain if entry[1] != key]
        elif plain:
            earliest = min(plain, key=lambda entry: entry[0])
            assert timers.pop() == earliest
            plain.remove(earliest)
        timers = Timers(timers.entries()) if len(plain) % 3 == 2 else timers
        assert timers.entries() == plain
        assert timers.next() == min((instant for instant, _ in plain), default=math.inf)


def test_timers_that_are_moved_again_and_again_leave_nothing_behind():
    others = [(9e9 - number, f"b{number}") for number in range(9)]
    timers = Timers(others)
    for instant in range(10_000):
        timers.cancel("a")
        timers.set(instant, "a")
    assert (len(timers), len(timers._heap) < 100) == (10, True)
    for instant in range(200):
        timers.set(instant, "a")
    timers.cancel("a")
    assert [timers.pop() for _ in range(9)] == others[::-1]
    assert (len(timers), len(timers._of)) == (0, 0)


def test_only_what_can_be_changed_in_place_is_copied():
    @dataclass(frozen=True)
    class Frozen:
        values: object

    changing, frozen = [1], Frozen((1, "a", None))
    assert copied({"a": changing})["a"] is not changing
    assert copied({"a": frozen})["a"] is frozen
    assert unchanging([1, (2, (3.0, "x")), frozenset("a"), frozen])
    assert not unchanging([(1, [2])])
    assert not unchanging([Frozen([1])])
    assert not unchanging([object()])


class Told(KeyedStep[str, Item, object]):
    """Says its items in order, and when two and a half seconds have passed since one."""

    in_order = True
    every = 0.5

    def on_item(self, item: Item) -> None:
        self.emit(self.out, item)
        self.at(self.time + 2.5)
        self.at(self.time - 1.0)

    def on_timer(self, time: float) -> None:
        self.emit(self.out, (self.key, time))


tenths = st.lists(st.integers(0, 100).map(lambda n: n / 10), max_size=25)


def rows(times: list[float], key: str = "a") -> list[tuple[str, int, float]]:
    return [(key, number, time) for number, time in enumerate(times)]


@calmly
@given(tenths, st.sampled_from([0.0, 0.3, 2.0]), st.integers(0, 99))
def test_in_order_what_is_late_and_what_is_taken_does_not_depend_on_the_size_of_batches(times, lag, seed):
    check_logic(node(Told), rows(times), times, lag=lag, rounds=4, seed=seed)


@settings(deadline=None, max_examples=20)
@given(tenths, tenths, st.integers(0, 99))
def test_in_order_the_items_of_two_sources_come_out_the_same_however_they_meet(left, right, seed):
    told = node(Told)
    sources = [
        Replay(key, rows(times, key), time=lambda row: row[2], lag=10.0) for key, times in (("a", left), ("b", right))
    ]
    paths = [source >> told for source in sources]
    run = run_interleaved(Graph("g", *paths, told >> Collect("out"), told.late >> Collect("late")), Random(seed))
    said = [row for row in run["out"].items if len(row) == 3]
    assert run["late"].items == []
    assert [row[2] for row in said] == sorted(left + right)
    assert {key: [row for row in said if row[0] == key] for key in "ab"} == {
        key: sorted(rows(times, key), key=lambda row: row[2]) for key, times in (("a", left), ("b", right))
    }


def test_in_order_a_node_moves_on_and_promises_where_the_frontier_passes_a_multiple_of_every():
    drive = Drive(node(Told)).batch([("a", 1)], [5.2]).advance(5.4)
    assert (drive.node.window_granularity, drive.node.holds, drive.promised) == (0.5, 1, 5.0)
    drive.batch([("a", 2), ("a", 3)], [5.0, 4.9]).advance(5.5)
    assert drive.out["out"] == [("a", 2), ("a", 4.0), ("a", 1), ("a", 4.2)]
    assert drive.times["out"] == [5.0, 5.0, 5.2, 5.2]
    assert (drive.late_items, drive.promised) == ([("a", 3)], 5.5)


def test_every_is_a_number_of_seconds():
    class Never(Told):
        every = 0.0

    with pytest.raises(GraphError, match=r"every must be more than 0 seconds and finite, not 0\.0"):
        node(Never)
