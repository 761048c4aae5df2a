import random
import sys

import pytest

from streamweave_lab.errors import GraphError, MissingExtraError
from streamweave_lab.operators import Window, quantiles
from streamweave_lab.operators.quantiles import EXACT, Sketch
from streamweave_lab.progress.window import Session, Tumbling
from streamweave_lab.state import codec
from streamweave_lab.testing.harness import Drive

SHARES = (0, 0.01, 0.25, 0.5, 0.9, 0.999, 1)


def said(numbers, size=Tumbling(seconds=1), times=None):  # noqa: B008 - a value
    drive = Drive(Window("w", quantiles(lambda row: row["n"], *SHARES), size))
    rows = [{"n": n} for n in numbers]
    (result,) = drive.batch(rows, times or [0.0] * len(rows)).finish().out["out"]
    return result.value


def test_few_values_have_the_quantiles_that_pandas_says():
    import pandas as pd

    numbers = [random.Random(1).gauss(0, 1) for _ in range(EXACT)]
    assert said(numbers) == pytest.approx(tuple(pd.Series(numbers).quantile(SHARES)))
    assert said([3]) == (3,) * len(SHARES)


def test_many_values_have_quantiles_of_which_the_share_is_off_by_less_than_a_hundredth():
    dice = random.Random(2)
    numbers = [dice.lognormvariate(0, 2) for _ in range(50_000)]
    values = said(numbers)
    assert (values[0], values[-1]) == (min(numbers), max(numbers))
    for share, value in zip(SHARES, values, strict=True):
        assert sum(n < value for n in numbers) / len(numbers) == pytest.approx(share, abs=0.01)


def test_sessions_that_become_one_have_the_quantiles_of_all_their_items():
    numbers = list(range(3000))
    times = [0.0] * 1000 + [1.5] * 1999 + [0.8]
    assert said(numbers, Session(gap=1), times) == pytest.approx([0, 30, 750, 1500, 2700, 2996, 2999], abs=30)


@pytest.mark.parametrize("n", [1, EXACT, EXACT + 1, 5000])
def test_a_sketch_comes_back_from_a_snapshot_and_goes_on_as_if_there_had_been_none(n):
    dice = random.Random(3)
    fold = quantiles(float, 0.5)
    kept, back, untouched = Sketch(), Sketch(), Sketch()
    for number in range(n + 2000):
        value = dice.random()
        if number == n:
            back = Sketch.load(codec.decode(codec.encode(kept.save())))
            kept.at((0.5,))  # to look changes nothing
        fold.step(kept, value)
        fold.step(untouched, value)
        if number >= n:
            fold.step(back, value)
    assert back.at(SHARES) == kept.at(SHARES) == untouched.at(SHARES)


def test_a_sketch_made_of_two_goes_on_the_same_whether_it_was_kept_or_not():
    fold, dice = quantiles(float, 0.5), random.Random(4)
    halves, same = [Sketch(), Sketch()], [Sketch(), Sketch()]
    for number in range(4001):
        value = dice.random()
        fold.step(halves[number % 2], value)
        fold.step(same[number % 2], value)
    kept, untouched = halves[0].merge(halves[1]), same[0].merge(same[1])
    kept.save()
    for _ in range(1000):
        value = dice.random()
        fold.step(kept, value)
        fold.step(untouched, value)
    assert kept.at(SHARES) == untouched.at(SHARES)


def test_a_value_that_is_no_number_leaves_by_error():
    drive = Drive(Window("w", quantiles(lambda n: n, 0.5), Tumbling(seconds=1)))
    drive.batch([1, float("nan"), None, float("inf")], [0.0] * 4).finish()
    assert [result.value for result in drive.out["out"]] == [(1,)]
    assert len(drive.failures) == 3


@pytest.mark.parametrize("shares", [(), (50,), ("0.5",), (float("nan"),)])
def test_shares_that_are_none_are_refused(shares):
    with pytest.raises(GraphError, match="needs shares from 0 to 1, such as"):
        quantiles(float, *shares)


def test_without_the_library_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasketches", None)
    with pytest.raises(MissingExtraError, match="sketches"):
        quantiles(float, 0.5)
