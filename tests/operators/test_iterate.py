"""Rounds of a function, until converged or a limit."""

import operator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamweave_lab.errors import GraphError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import Collect, Replay
from streamweave_lab.operators.iterate import Iterate
from streamweave_lab.testing.harness import Drive

calmly = settings(deadline=None)


def collatz(n: int) -> int:
    return n // 2 if n % 2 == 0 else 3 * n + 1


def heron(guess: tuple[float, float]) -> tuple[float, float]:
    square, root = guess
    return square, (root + square / root) / 2


def close(before: tuple[float, float], after: tuple[float, float]) -> bool:
    return abs(before[1] - after[1]) < 1e-9


def test_what_has_converged_and_what_has_not_leave_by_two_ports_with_their_event_times():
    drive = Drive(Iterate("collatz", collatz, until=lambda n: n == 1, limit=10)).batch([6, 27, 1], [1.0, 2.0, 3.0])
    assert (drive.out["out"], drive.times["out"]) == ([1, 1], [1.0, 3.0])
    assert (drive.out["unconverged"], drive.times["unconverged"]) == ([214], [2.0])


def test_a_condition_may_look_at_a_round_that_is_at_the_value_before_and_after():
    drive = Drive(Iterate("root", heron, until=close, limit=20)).batch([(2.0, 1.0), (81.0, 1.0)])
    assert [root for _, root in drive.out["out"]] == pytest.approx([2**0.5, 9.0])


def test_without_a_condition_it_goes_round_until_nothing_changes():
    halve = Iterate("halve", lambda n: n // 2, limit=5)
    drive = Drive(halve).batch([0, 15, 31])
    assert (drive.out["out"], drive.out["unconverged"]) == ([0, 0], [0])


@pytest.mark.parametrize(("limit", "port"), [(6, "unconverged"), (7, "unconverged"), (8, "out")])
def test_the_last_round_counts(limit, port):
    drive = Drive(Iterate("collatz", collatz, until=lambda n: n == 1, limit=limit)).batch([6])
    assert list(drive.out) == [port]


def test_an_item_on_which_the_function_or_the_condition_raises_leaves_by_error():
    drive = Drive(Iterate("r", lambda n: 1 // n, until=lambda n: n > 1, limit=3)).batch([0, "a", 2], [1.0, 2.0, 3.0])
    assert [(f.item, f.time, type(f.error)) for f in drive.failures] == [
        (0, 1.0, ZeroDivisionError),
        ("a", 2.0, TypeError),
    ]
    assert drive.out["out"] == [2]


def test_an_iteration_goes_on_where_another_has_reached_its_limit():
    quick = Iterate("quick", collatz, until=lambda n: n == 1, limit=10)
    patient = Iterate("patient", collatz, until=lambda n: n == 1, limit=200)
    ends, never = Collect[int]("ends"), Collect[int]("never")
    paths = [Replay("n", [6, 27]) >> quick >> ends, quick.unconverged >> patient >> ends]
    run = Graph("collatz", *paths, patient.unconverged >> never).run_to_end()
    assert (run["ends"].items, run["never"].items) == ([1, 1], [])
    with pytest.raises(GraphError, match=r"patient\.unconverged leads nowhere"):
        Graph("collatz", *paths)


def test_what_is_drawn_wrong_is_said():
    with pytest.raises(GraphError, match="limit= needs a number of rounds, 1 or more, not 0"):
        Iterate("i", collatz, limit=0)
    with pytest.raises(GraphError, match="until= needs a function of the value, or of two in turn, not 1"):
        Iterate("i", collatz, until=1, limit=1)  # type: ignore[call-overload]
    with pytest.raises(GraphError, match="needs a function, not 3"):
        Iterate("i", 3, limit=1)  # type: ignore[call-overload]


def test_a_cycle_is_refused_and_told_what_to_do_instead():
    a, b = Iterate("a", abs, limit=1), Iterate("b", abs, limit=1)
    source = Replay("n", [1])
    with pytest.raises(GraphError, match=r"has a cycle: .*sw\.Iterate\(name, f, until=…, limit=…\)"):
        Graph("round", source >> a >> b, b >> a, a.unconverged >> Collect("c"), b.unconverged >> Collect("d"))


def test_a_condition_that_does_not_say_what_it_takes_is_given_the_value():
    assert Drive(Iterate("i", collatz, until=operator.itemgetter, limit=1)).batch([5]).out["out"] == [5]


@calmly
@given(st.lists(st.lists(st.integers(1, 60))), st.integers(1, 120))
def test_the_values_are_those_of_a_plain_loop_however_batches_are_cut(batches, limit):
    drive = Drive(Iterate("collatz", collatz, until=lambda n: n == 1, limit=limit))
    expected: dict[bool, list[int]] = {True: [], False: []}
    for batch in batches:
        drive.batch(batch)
        for n in batch:
            rounds = 0
            while n != 1 and rounds < limit:
                n, rounds = collatz(n), rounds + 1
            expected[n == 1].append(n)
    assert (drive.out["out"], drive.out["unconverged"]) == (expected[True], expected[False])
