from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streamweave_lab.operators as sw
from streamweave_lab.progress.window import Tumbling
from streamweave_lab.testing.harness import Drive


def key_of(row):
    return row[0].lower()


def value_of(row):
    return row[1] + 0


FOLDS = {
    "count": sw.count(),
    "sum": sw.sum(value_of),
    "mean": sw.mean(value_of),
    "min": sw.min(value_of),
    "max": sw.max(value_of),
    "quantiles": sw.quantiles(value_of, 0, 0.5, 1),
}
KEYS = st.sampled_from(["a", "a", "b", "c", None])
VALUES = st.one_of(st.integers(-9, 9), st.floats(), st.floats(-1, 1), st.sampled_from([1j, 10**400, "no", None]))
TIMES = st.one_of(st.sampled_from([1.0, 1.0, 11.0, 12.0, 25.0, -5.0, None]), st.floats(-9, 30))
ROWS = st.lists(st.tuples(KEYS, VALUES, TIMES), min_size=1, max_size=40)


def driven(fold, batches):
    """All that a window says, and what it holds before it ends."""
    drive = Drive(sw.Window("w", fold, Tumbling(seconds=10), key=key_of, allowed_lateness=5.0)).advance(0.0)
    for rows in batches:
        drive.batch(rows, [time for *_, time in rows])
    holds = drive.node.holds
    drive.finish()
    failed = [(failure.item, failure.time) for failure in drive.failures]
    return repr((drive.out["out"], drive.times["out"], failed, drive.late_items, holds))


@pytest.mark.parametrize("fold", FOLDS.values(), ids=FOLDS)
@given(rows=ROWS, cut=st.integers(0, 40))
def test_values_gathered_by_key_make_the_panes_that_items_make_one_by_one(fold, rows, cut):
    batches = [part for part in (rows[:cut], rows[cut:]) if part]
    assert driven(fold, batches) == driven(replace(fold, at_once=None), batches)


def test_sums_of_floats_are_the_same_in_batches_of_any_size():
    rows = [("a", 0.1 * n * (-1) ** n, 1.0) for n in range(1000)]
    total = 0
    for _, value, _ in rows:
        total += value
    for size in (1, 7, 1000):
        drive = Drive(sw.Window("w", sw.sum(value_of), Tumbling(seconds=10), key=key_of))
        for at in range(0, len(rows), size):
            drive.batch(rows[at : at + size], [1.0] * len(rows[at : at + size]))
        assert [result.value for result in drive.finish().out["out"]] == [total]


def test_items_that_fail_are_named_alone_in_their_order_and_nothing_is_asked_twice():
    asked = []

    def key(row):
        asked.append(row)
        return row[0].lower()

    def value(row):
        asked.append(row)
        return 1 / row[1]

    rows = [("a", 1), ("a", 0), ("a", 2), (None, 1), ("a", 4), ("a", 0.0), ("a", 1)]
    drive = Drive(sw.Window("w", sw.sum(value), Tumbling(seconds=10), key=key))
    drive.batch(rows, [1.0, 11.0, 2.0, 12.0, 3.0, 4.0, 12.0]).finish()
    assert [(failure.item[1], failure.time) for failure in drive.failures] == [(0, 11.0), (1, 12.0), (0.0, 4.0)]
    assert [(result.start, result.value) for result in drive.out["out"]] == [(0.0, 1.75), (10.0, 1.0)]
    assert len(asked) == 2 * len(rows) - 1
