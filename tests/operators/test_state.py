"""Law 10, node by node: run half, take a snapshot, throw the node away, restore another one, run the rest."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamweave_lab.operators import Collect, Count, ForEach, Latest, Reduce, Replay, Route
from streamweave_lab.state import codec
from streamweave_lab.testing.harness import Drive

batches = st.lists(st.lists(st.integers(-5, 20), max_size=6), max_size=6)
ends = st.tuples(batches, batches)


def half_and_half(node, first, second, lose):
    """What two lives of `node` send, and the second of them."""
    before = Drive(node)
    for batch in first:
        before.batch(batch)
    state = codec.decode(codec.encode(before.node.snapshot()))
    sent = list(before.out["out"])
    for batch in lose:
        before.batch(batch)
    after = Drive(node)
    after.node.restore(state)
    for batch in second:
        after.batch(batch)
    return sent + after.out["out"], after


def uninterrupted(node, first, second):
    drive = Drive(node)
    for batch in [*first, *second]:
        drive.batch(batch)
    return drive.out["out"], drive


def by_sign(n):
    return n if n > 0 else 1 // (n + 1)


SINKS = [Collect("c"), Latest("l", key=by_sign), Latest("all"), Count("n")]
REDUCES = [
    Reduce("sum", lambda a, b: a + b, initial=0),
    Reduce("lists", lambda a, b: [*a, b][-3:], initial=[], key=by_sign),
]


@pytest.mark.parametrize("node", SINKS, ids=repr)
@settings(max_examples=40, deadline=None)
@given(halves=ends, lost=batches)
def test_sinks_have_again_what_they_had(node, halves, lost):
    _, expected = uninterrupted(node, *halves)
    _, again = half_and_half(node, *halves, lost)
    kept = "count" if isinstance(node, Count) else "items"
    assert getattr(again.node, kept) == getattr(expected.node, kept)
    if isinstance(node, Latest):
        assert list(again.node.items) == list(expected.node.items)


@pytest.mark.parametrize("node", REDUCES, ids=repr)
@settings(max_examples=40, deadline=None)
@given(halves=ends, lost=batches)
def test_running_values_go_on(node, halves, lost):
    assert half_and_half(node, *halves, lost)[0] == uninterrupted(node, *halves)[0]


@settings(max_examples=40, deadline=None)
@given(count=st.integers(0, 30), at=st.integers(0, 30), lost=st.integers(0, 30), limit=st.integers(1, 7))
@pytest.mark.parametrize("kind", [list, tuple, set, lambda numbers: numbers], ids=["list", "tuple", "set", "range"])
def test_a_replay_goes_on_from_the_position_of_the_checkpoint(kind, count, at, lost, limit):
    source = Replay("source", kind(range(count)))
    before = Drive(source).node
    head = before.poll(at) if at and count else []
    position = before.position
    before.poll(lost)
    after = Drive(source).node
    after.seek(position)
    while isinstance(items := after.poll(limit), list):
        head += items
    assert head == list(range(count))


def test_a_snapshot_does_not_change_any_more():
    drive = Drive(Collect("all")).batch([1])
    state = drive.node.snapshot()
    drive.batch([2])
    assert state == [1]
    again = Drive(Collect("all"))
    again.node.restore(state)
    again.batch([3])
    assert state == [1]


def test_a_snapshot_of_a_hundred_thousand_keys_is_a_shallow_copy():
    drive = Drive(Reduce("seen", lambda n, _: n + 1, initial=0, key=lambda n: n)).batch(list(range(100_000)))
    assert type(drive.node.snapshot()) is dict
    assert len(drive.node.snapshot()) == 100_000


def test_what_has_no_state_says_so():
    assert Drive(Route("parity", even=lambda n: n % 2 == 0)).node.snapshot() is None
    assert Drive(ForEach("look", print)).node.snapshot() is None


def test_sinks_say_what_they_guarantee():
    guarantees = [node.guarantee for node in (*SINKS, ForEach("look", print))]
    assert guarantees == ["effectively once"] * 4 + ["at least once"]
