from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamweave_lab.errors import GraphError
from streamweave_lab.operators import Reduce
from streamweave_lab.testing.harness import Drive


def tally(seen, word):
    return word, seen[1] + 1


WORDS = Reduce("words", tally, initial=("", 0), key=lambda word: word)


def test_each_item_sends_the_new_value_of_its_key():
    drive = Drive(WORDS).batch(["a", "b", "a"], [1.0, 2.0, 3.0])
    assert drive.out["out"] == [("a", 1), ("b", 1), ("a", 2)]
    assert drive.times["out"] == [1.0, 2.0, 3.0]


def test_without_a_key_there_is_one_value_for_all():
    assert Drive(Reduce("total", lambda a, b: a + b, initial=0)).batch([1, 2, 3]).out["out"] == [1, 3, 6]


def test_values_go_on_from_batch_to_batch_and_begin_anew_in_another_run():
    assert Drive(WORDS).batch(["a"]).batch(["a"]).out["out"] == [("a", 1), ("a", 2)]
    assert Drive(WORDS).batch(["a"]).out["out"] == [("a", 1)]


def test_an_item_on_which_the_function_raises_leaves_the_value_as_it_was():
    ratio = Reduce("ratio", lambda value, item: value / item, initial=8.0)
    drive = Drive(ratio).batch([2, 0, 2], [1.0, 2.0, 3.0])
    assert (drive.out["out"], drive.times["out"]) == ([4.0, 2.0], [1.0, 3.0])
    assert [(f.item, f.time) for f in drive.failures] == [(0, 2.0)]


def test_an_item_whose_key_cannot_be_had_or_hashed_leaves_by_error():
    drive = Drive(Reduce("r", lambda n, _: n + 1, initial=0, key=lambda item: item["key"])).batch(
        [{}, {"key": []}, {"key": 1}]
    )
    assert drive.out["out"] == [1]
    assert [type(f.error) for f in drive.failures] == [KeyError, TypeError]


def test_every_key_begins_with_its_own_copy_of_the_initial_value():
    def append(items, item):
        return [*items, item]

    def append_in_place(items, item):
        items.append(item)
        return items

    for f in (append, append_in_place):
        drive = Drive(Reduce("r", f, initial=[], key=lambda n: n % 2)).batch([1, 2, 3])
        assert drive.out["out"][1:] == [[2], [1, 3]]


def test_a_key_that_is_no_function_is_refused_when_it_is_drawn():
    with pytest.raises(GraphError, match=r"key= needs a function, not 'carrier'"):
        Reduce("r", tally, initial=0, key="carrier")


@given(st.lists(st.lists(st.sampled_from("abc"))))
def test_the_last_values_are_those_of_a_plain_loop_however_batches_are_cut(batches):
    drive = Drive(WORDS)
    for batch in batches:
        drive.batch(batch)
    assert dict(drive.out["out"]) == Counter(word for batch in batches for word in batch)
