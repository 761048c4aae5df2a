import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streamweave_lab as sw
from streamweave_lab.errors import GraphError, HoldFullError, NoEventTimeError
from streamweave_lab.operators.shaping import Deduplicate, Sample, Take
from streamweave_lab.operators.shaping_rate import Debounce, Throttle
from streamweave_lab.operators.shaping_top import Ranking, TopK
from streamweave_lab.testing.harness import Drive


def test_take_sends_on_the_first_items_and_no_more():
    drive = Drive(Take("first", 3)).batch([1, 2], [1.0, 2.0]).batch([3, 4], [3.0, 4.0]).batch([5])
    assert (drive.out["out"], drive.times["out"]) == ([1, 2, 3], [1.0, 2.0, 3.0])


def test_a_sample_is_the_same_in_every_run_and_of_the_size_asked_for():
    first, second = (Drive(Sample("some", 0.1, seed=7)).batch(list(range(10_000))) for _ in range(2))
    assert first.out["out"] == second.out["out"]
    assert 900 < len(first.out["out"]) < 1100
    assert Drive(Sample("some", 0.1, seed=8)).batch(list(range(10_000))).out["out"] != first.out["out"]


@pytest.mark.parametrize(("share", "many"), [(0, 0), (1, 50)])
def test_a_sample_may_be_nothing_or_all(share, many):
    for key in (None, lambda n: n):
        assert len(Drive(Sample("some", share, key=key)).batch(list(range(50)), [0.0] * 50).out["out"]) == many


def test_a_sample_of_keys_has_all_items_of_a_key_or_none():
    words = [f"w{n % 1000}" for n in range(3000)]
    drive = Drive(Sample("some", 0.2, key=lambda word: word)).batch(words)
    chosen = set(drive.out["out"])
    assert drive.out["out"] == [word for word in words if word in chosen]
    assert 150 < len(chosen) < 250
    assert {"w3", "w7", "w8", "w15"} <= chosen  # the same in every process


def test_an_item_on_which_the_key_of_a_sample_raises_leaves_by_error():
    drive = Drive(Sample("some", 1.0, key=lambda n: 1 / n)).batch([1, 0], [1.0, 2.0])
    assert (drive.out["out"], [(f.item, f.time) for f in drive.failures]) == ([1], [(0, 2.0)])


def unique(within=60.0, **kwargs):
    return Drive(Deduplicate("once", lambda item: item[0], within, **kwargs))


def test_a_key_comes_again_after_its_seconds():
    drive = unique().batch(["a1", "a2", "b", "a3", "a4"], [0.0, 59.0, 59.0, 60.0, 61.0])
    assert (drive.out["out"], drive.times["out"]) == (["a1", "b", "a3"], [0.0, 59.0, 60.0])


def test_tenths_of_a_second_are_as_long_as_they_are_written():
    drive = unique(within=0.1).batch(["a1", "a2", "b1", "b2"], [0.2, 0.3, 0.7, 0.8])
    assert drive.out["out"] == ["a1", "a2", "b1", "b2"]


def test_an_earlier_item_that_comes_after_is_a_duplicate_as_well():
    assert unique().batch(["a1", "a2"], [50.0, 1.0]).out["out"] == ["a1"]


def test_keys_are_forgotten_and_items_of_that_time_are_late():
    drive = unique().batch(["a1", "b1"], [5.0, 70.0]).advance(119.0)
    assert len(drive.node.snapshot()["last"]) == 2
    drive.advance(120.0)
    assert list(drive.node.snapshot()["last"]) == ["b"]
    assert drive.batch(["a2", "a3"], [119.0, 120.0]).late_items == ["a2"]
    assert (drive.out["out"], drive.promised) == (["a1", "b1", "a3"], 120.0)


def test_for_good_every_key_comes_once_and_needs_no_event_time():
    drive = unique(math.inf).batch(["a1", "b1", "a2"]).advance(1e9).batch(["b2", "c"], [0.0, 1e9])
    assert (drive.out["out"], drive.times["out"]) == (["a1", "b1", "c"], [None, None, 1e9])
    assert drive.node.window_granularity is None


def test_what_cannot_be_told_apart_leaves_by_error():
    drive = unique(hold=1).batch(["a"]).batch([7, "a", "b"], [1.0, 2.0, 3.0])
    assert [(f.item, type(f.error)) for f in drive.failures] == [
        ("a", NoEventTimeError),
        (7, TypeError),
        ("b", HoldFullError),
    ]


def test_a_ranking_is_sent_when_an_item_enters_it():
    drive = Drive(TopK("best", 2, lambda item: int(item[1:]), key=lambda item: item[0]))
    drive.batch(["a3", "a1", "b9", "a1", "a5", "a4"], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert drive.out["out"] == [
        Ranking("a", ("a3",)),
        Ranking("a", ("a3", "a1")),
        Ranking("b", ("b9",)),
        Ranking("a", ("a5", "a3")),
        Ranking("a", ("a5", "a4")),
    ]
    assert drive.times["out"] == [1.0, 2.0, 3.0, 5.0, 6.0]


@given(st.lists(st.integers(0, 9)), st.integers(1, 5))
def test_the_last_ranking_is_the_greatest_items_the_earlier_first(numbers, k):
    rows = list(enumerate(numbers))
    drive = Drive(TopK("best", k, lambda row: row[1])).batch(rows)
    assert [r.items for r in drive.out["out"][-1:]] == [tuple(sorted(rows, key=lambda row: -row[1])[:k])][: len(rows)]


def test_an_item_that_cannot_be_ranked_leaves_by_error():
    drive = Drive(TopK("best", 2, lambda item: item)).batch([1, "x", 3])
    assert ([f.item for f in drive.failures], drive.out["out"][-1].items) == (["x"], (3, 1))


def settled(**kwargs):
    return Drive(Debounce("settled", 5.0, key=lambda item: item[0], **kwargs))


def test_an_item_is_sent_after_that_many_seconds_without_another_one():
    drive = settled().batch(["a1"], [1.0]).sleep(4.0).batch(["a2", "b1"], [2.0, 3.0]).sleep(4.9)
    assert (drive.out["out"], drive.node.holds) == ([], 2)
    drive.sleep(0.1)
    assert (drive.out["out"], drive.times["out"], drive.node.holds) == (["a2", "b1"], [2.0, 3.0], 0)
    assert drive.batch(["a3"]).sleep(5.0).out["out"][2:] == ["a3"]


def test_keys_settle_for_themselves():
    drive = settled().batch(["a1"]).sleep(3.0).batch(["b1"]).sleep(2.0)
    assert drive.out["out"] == ["a1"]
    assert drive.sleep(3.0).out["out"] == ["a1", "b1"]


class Then(sw.Source[str]):
    """Three items; the third comes at the very instant at which the second is due."""

    def poll(self, limit):
        self.position += 1
        return (["a1"], sw.Wait(2.0), ["a2"], sw.Wait(5.0), ["a3"], sw.END)[self.position - 1]


def test_an_item_that_comes_when_the_one_before_is_due_does_not_take_its_place():
    graph = sw.Graph("tie", Then("then") >> Debounce("last", 5.0) >> sw.Collect("settled"))
    assert graph.run_to_end()["settled"].items == ["a2", "a3"]


def test_a_clock_that_was_set_back_meanwhile_makes_nobody_wait_longer():
    last = settled().sleep(1000.0).batch(["a1"])
    again = settled()
    again.node.restore(last.node.snapshot())
    assert again.sleep(5.0).out["out"] == ["a1"]
    throttle = Throttle("few", 1, 10.0)
    full, after = Drive(throttle).sleep(1000.0).batch(["a1"]), Drive(throttle)
    after.node.restore(full.node.snapshot())
    assert after.batch(["a2"]).sleep(10.0).batch(["a3"]).out == {"excess": ["a2"], "out": ["a3"]}


def test_what_is_held_holds_the_frontier_and_is_sent_at_the_end():
    drive = settled().batch(["a1", "b1"], [7.0, 3.0]).advance(9.0)
    assert drive.promised == 3.0
    assert drive.batch(["b2"], [9.0]).advance(10.0).promised == 7.0
    assert drive.finish().out["out"] == ["a1", "b2"]


def test_a_debounce_refuses_what_has_no_key_or_no_room():
    drive = settled(hold=1).batch([7, "a", "b"], [1.0, 2.0, 3.0])
    assert [(f.item, type(f.error), f.time) for f in drive.failures] == [(7, TypeError, 1.0), ("b", HoldFullError, 3.0)]


def test_in_a_run_a_debounce_sends_the_last_of_a_burst():
    graph = sw.Graph("burst", sw.Replay("numbers", range(1000)) >> Debounce("last", 5.0) >> sw.Collect("settled"))
    assert graph.run_to_end()["settled"].items == [999]


class Quiet(sw.Source[tuple[float, str]]):
    """Two items at once, and then a long silence."""

    time = staticmethod(lambda row: row[0])
    answers = ([(0.0, "a"), (100.0, "b")], sw.Wait(1000.0), sw.END)

    def poll(self, limit):
        self.position += 1
        return self.answers[self.position - 1]


def test_in_a_run_the_frontier_goes_on_when_what_was_held_has_gone():
    seen = []

    class See(sw.Sink[sw.WindowResult[None, int]]):
        def on_item(self, item):
            seen.append((self.clock.now(), item.start))

    window = sw.Window("tens", sw.count(), sw.Tumbling(seconds=10))
    graph = sw.Graph("quiet", Quiet("two") >> Debounce("last", 5.0, key=lambda row: row[1]) >> window >> See("see"))
    graph.run_to_end()
    assert seen == [(5.0, 0.0), (1000.0, 100.0)]


def test_a_throttle_lets_so_many_through_and_the_others_aside():
    drive = Drive(Throttle("few", 2, 10.0, key=lambda item: item[0]))
    drive.batch(["a1", "a2", "a3", "b1"], [1.0, 2.0, 3.0, 4.0]).sleep(9.0).batch(["a4"]).sleep(1.0).batch(["a5"])
    assert (drive.out["out"], drive.times["out"]) == (["a1", "a2", "b1", "a5"], [1.0, 2.0, 4.0, None])
    assert (drive.out["excess"], drive.times["excess"]) == (["a3", "a4"], [3.0, None])


def test_a_throttle_forgets_keys_that_are_over_and_refuses_items_without_one():
    drive = Drive(Throttle("few", 1, 10.0, key=lambda item: item[0])).batch(["a", "b", 7])
    assert [f.item for f in drive.failures] == [7]
    assert list(drive.sleep(10.0).batch(["c"]).node.snapshot()) == ["c"]


@pytest.mark.parametrize(
    ("draw", "message"),
    [
        (lambda: Take("n", 0), "n must be a whole number and at least 1, not 0"),
        (lambda: Sample("n", 1.5), "share must be from 0 to 1, not 1.5"),
        (lambda: Deduplicate("n", str, 0.0), "seconds and finite, not 0.0"),
        (lambda: Deduplicate("n", "id", 1.0), "key= needs a function, not 'id'"),
        (lambda: TopK("n", 1.5, str), "k must be a whole number and at least 1, not 1.5"),
        (lambda: Debounce("n", -1.0), "seconds must be more than 0 seconds and finite, not -1.0"),
        (lambda: Throttle("n", 0, 1.0), "items must be a whole number and at least 1, not 0"),
    ],
)
def test_what_is_out_of_range_is_refused_when_it_is_drawn(draw, message):
    with pytest.raises(GraphError, match=message):
        draw()
