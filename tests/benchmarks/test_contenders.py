"""The benchmarks measure what is right, and nothing else."""

import tempfile

import pytest

from tests.benchmarks import aggregates, one
from tests.benchmarks.report import Result, table
from tests.benchmarks.workloads import SIZES

CONTENDERS = ("hand", "ours", "builtin", "peer_streamz", "peer_bytewax", "peer_reactivex", "peer_aiostream")


@pytest.fixture(scope="module", autouse=True)
def workloads_of_its_own(tmp_path_factory):
    """What is made for a benchmark once and for all is not left behind by a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("workloads")))
        yield


@pytest.mark.parametrize("name", CONTENDERS)
def test_what_a_contender_brings_out_is_right(name):
    if name.startswith("peer_"):
        pytest.importorskip(name.removeprefix("peer_"))
    for workload in SIZES:
        if (found := one.contender(name, workload)) is not None:
            one.check(name, workload, *found)


@pytest.mark.parametrize("name", aggregates.FOLDS)
def test_an_aggregate_says_what_the_loop_written_by_hand_says(name):
    items = aggregates.readings(20_000)[name]
    built_in, by_hand = sorted(aggregates.built_in(name, items)), sorted(aggregates.by_hand(name, items))
    assert [row[:2] for row in built_in] == [row[:2] for row in by_hand]
    near = 5 if name.startswith("quantiles") else 0  # a digest does not lay straight lines between its values
    for (*_, ours), (*_, theirs) in zip(built_in, by_hand, strict=True):
        assert ours == pytest.approx(theirs, abs=near)


def test_the_table_says_which_bars_are_met():
    results = [
        Result("Speed", "fast", 2.0, "×", bar=1.5, at_least=True),
        Result("Speed", "slow", 2.0, "ms", bar=1.5),
        Result("Size", "small", 12_345.0),
    ]
    lines = [" ".join(line.split()) for line in table(results).splitlines()]
    assert lines == ["", "Speed", "fast 2 × ≥ 1.5 met", "slow 2 ms ≤ 1.5 NOT MET", "", "Size", "small 12,345"]
