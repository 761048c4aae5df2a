import pytest
from hypothesis import given
from hypothesis import strategies as st

import streamweave_lab.operators as sw
from streamweave_lab.progress.window import Counting, ProcessingTime, Session, Sliding, Tumbling
from streamweave_lab.testing.harness import Drive


def said(how, items):
    drive = Drive(sw.Window("w", how, Tumbling(seconds=1)))
    (result,) = drive.batch(items, [0.0] * len(items)).finish().out["out"]
    return result.value


NUMBERS = st.lists(st.integers(-1000, 1000), min_size=1)


@given(NUMBERS)
def test_folds_say_what_the_plain_functions_say(numbers):
    rows = [{"n": n} for n in numbers]

    def n_of(row):
        return row["n"]

    assert said(sw.count(), rows) == len(numbers)
    assert said(sw.sum(n_of), rows) == sum(numbers)
    assert said(sw.mean(n_of), rows) == pytest.approx(sum(numbers) / len(numbers))
    assert said(sw.min(n_of), rows) == min(numbers)
    assert said(sw.max(n_of), rows) == max(numbers)
    assert said(sw.fold(0, lambda total, row: total * 31 + row["n"]), rows) == said(
        sw.Fold(0, lambda total, row: total * 31 + row["n"]), rows
    )


def test_least_and_greatest_need_only_an_order():
    assert said(sw.min(str), ["b", "a"]) == "a"
    assert said(sw.max(str), ["b", "a"]) == "b"


def test_every_pane_begins_with_its_own_copy_of_the_initial_value():
    def append(items, item):
        items.append(item)
        return items

    drive = Drive(sw.Window("w", sw.fold([], append), Tumbling(seconds=1), key=lambda n: n))
    results = drive.batch([1, 2, 1], [0.0, 0.0, 5.0]).finish().out["out"]
    assert [result.value for result in results] == [[1], [2], [1]]


def append(items, item):
    items.append(item)
    return items


@pytest.mark.parametrize(
    ("size", "how_sent"),
    [
        (Tumbling(seconds=10), {"allowed_lateness": 50.0}),
        (Sliding(seconds=10, every=10), {"allowed_lateness": 50.0}),
        (Session(gap=10), {"allowed_lateness": 50.0}),
        (Tumbling(seconds=10), {"early": 1.0}),
        (Session(gap=10), {"early": 1.0}),
        (Counting(9), {"early": 1.0}),
        (ProcessingTime(60), {"early": 1.0}),
    ],
)
@pytest.mark.parametrize("merge", [None, lambda one, other: one + other])
def test_what_was_sent_of_a_fold_that_changes_its_value_in_place_does_not_change_any_more(size, how_sent, merge):
    drive = Drive(sw.Window("w", sw.fold([], append, merge=merge), size, **how_sent))
    drive.batch([1], [5.0]).advance(4.0 if "early" in how_sent else 30.0).sleep(1.5)
    drive.batch([2], [6.0]).sleep(1.5).finish()
    assert [result.value for result in drive.out["out"]][:2] == [[1], [1, 2]]


def test_a_result_names_key_window_and_value():
    result = sw.WindowResult("UA", 0.0, 60.0, 2)
    assert (result.key, result.start, result.end, result.value) == ("UA", 0.0, 60.0, 2)
