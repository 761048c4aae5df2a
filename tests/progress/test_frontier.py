from hypothesis import given
from hypothesis import strategies as st

from streamweave_lab.progress.frontier import Frontier


def test_the_frontier_is_the_minimum_over_inputs():
    frontier = Frontier(["a", "b"])
    assert frontier.promise("a", 10.0) is False
    assert frontier.time is None
    assert frontier.promise("b", 4.0) is True
    assert frontier.time == 4.0
    assert frontier.promise("b", 12.0) is True
    assert frontier.time == 10.0


def test_the_frontier_only_moves_forward():
    frontier = Frontier(["a"])
    frontier.promise("a", 10.0)
    assert frontier.promise("a", 3.0) is False
    assert frontier.time == 10.0


def test_an_ended_input_does_not_count():
    frontier = Frontier(["a", "b"])
    frontier.promise("a", 10.0)
    assert frontier.end("b") is True
    assert frontier.time == 10.0
    assert frontier.promise("b", 11.0) is False


def test_an_idle_input_does_not_count_until_it_wakes():
    frontier = Frontier(["a", "b"])
    frontier.promise("b", 1.0)
    frontier.promise("a", 10.0)
    assert frontier.idle("b") is True
    assert frontier.time == 10.0
    frontier.wake("b")
    assert frontier.promise("a", 20.0) is False
    assert frontier.time == 10.0
    assert frontier.promise("b", 15.0) is True
    assert frontier.time == 15.0


def test_a_promise_wakes_an_idle_input():
    frontier = Frontier(["a", "b"])
    frontier.idle("b")
    frontier.promise("a", 10.0)
    frontier.promise("b", 12.0)
    frontier.promise("a", 20.0)
    assert frontier.time == 12.0


def test_with_nothing_left_to_count_the_frontier_stays():
    frontier = Frontier(["a", "b"])
    frontier.promise("a", 5.0)
    frontier.promise("b", 6.0)
    frontier.idle("b")
    assert frontier.end("a") is False
    assert frontier.time == 5.0
    assert frontier.holders() == ()


def test_who_holds_the_frontier_is_told():
    frontier = Frontier(["a", "b", "c"])
    assert frontier.holders() == ("a", "b", "c")
    frontier.promise("a", 5.0)
    frontier.promise("b", 5.0)
    assert frontier.holders() == ("c",)
    frontier.promise("c", 9.0)
    assert frontier.holders() == ("a", "b")


def test_a_frontier_that_has_not_begun_is_before_every_time():
    frontier = Frontier(["a"])
    assert frontier.less_than(-1e300)
    assert frontier.less_equal(-1e300)


def test_less_than_and_less_equal_compare_the_frontier_with_a_time():
    frontier = Frontier(["a"])
    frontier.promise("a", 5.0)
    assert (frontier.less_than(5.0), frontier.less_equal(5.0)) == (False, True)
    assert (frontier.less_than(5.1), frontier.less_equal(4.9)) == (True, False)


MOVES = st.lists(
    st.tuples(st.sampled_from(["promise", "idle", "wake", "end"]), st.sampled_from("abc"), st.floats(-1e6, 1e6)),
    max_size=40,
)


@given(MOVES)
def test_the_frontier_never_goes_back_and_never_passes_an_input_that_counted_when_it_moved(moves):
    frontier = Frontier("abc")
    promised, idle = dict.fromkeys("abc"), set()
    for move, source, time in moves:
        before = frontier.time
        moved = frontier.promise(source, time) if move == "promise" else bool(getattr(frontier, move)(source))
        if move == "promise" and source in promised:
            promised[source] = time if promised[source] is None else max(time, promised[source])
            idle.discard(source)
        elif move == "idle":
            idle.add(source)
        elif move == "wake":
            idle.discard(source)
        elif move == "end":
            promised.pop(source, None)
        assert moved == (frontier.time != before)
        assert before is None or frontier.time >= before
        if moved:
            assert frontier.time == min(t for s, t in promised.items() if s not in idle)


def test_who_looks_from_another_thread_sees_the_holders_while_an_input_ends():
    class Input:
        """One that another ends beside, just when a looker has come as far as this one."""

        def __hash__(self):
            if looked_at:
                looked_at.pop().end(second)
            return id(self)

    looked_at = []
    first, second = Input(), Input()
    frontier = Frontier([first, second])
    looked_at.append(frontier)
    assert frontier.holders() == (first, second)
    assert frontier.holders() == (first,)
