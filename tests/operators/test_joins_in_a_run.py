"""All nodes where streams meet, in one graph: the same pairs whoever goes first, and whenever the run was killed."""

from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import streamweave_lab as sw
from streamweave_lab.operators import Enrich, IntervalJoin, Merge, WindowJoin, Zip
from streamweave_lab.state.sqlite_store import SqliteStore
from streamweave_lab.testing.interleave import run_interleaved
from streamweave_lab.testing.laws import Witness
from tests.operators.scripts import two

quickly = settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
seeds = st.integers(0, 2**32 - 1)


def key(row):
    return row[1]


def drawn(streams):
    left, right = (
        sw.Replay(port, streams.side(port), time=lambda row: row[0], lag=streams.lag) for port in ("left", "right")
    )
    near = IntervalJoin("near", key, key, within=(2.0, 3.0))
    same = WindowJoin("same", key, key, sw.Tumbling(seconds=5))
    rich = Enrich("rich", lambda item, row: (item, row), key=key, table_key=key, otherwise=lambda item: (item, None))
    zipped, merged = Zip("zipped"), Merge("merged")
    joins = (near, same, zipped)
    edges = [left >> join.left for join in joins] + [right >> join.right for join in joins]
    edges += [join >> sw.Collect(f"{join.name}_out") for join in joins]
    edges += [join.left_only >> sw.Collect(f"{join.name}_left") for join in joins]
    edges += [left >> rich >> sw.Collect("rich_out"), right >> rich.table]
    edges += [left >> merged >> sw.Collect("merged_out"), right >> merged]
    return sw.Graph("joins", *edges)


def assert_right(run, streams):
    left, right = streams.side("left"), streams.side("right")
    near = [(a, b) for a in left for b in right if a[1] == b[1] and a[0] - 2.0 <= b[0] <= a[0] + 3.0]
    assert Counter(run["near_out"].items) == Counter(near)
    assert Counter(run["near_left"].items) == Counter(left) - Counter(a for a, _ in near)
    in_order = sorted(left, key=lambda row: row[0] // 5)
    same = [(a, b) for a in in_order for b in right if (a[0] // 5, a[1]) == (b[0] // 5, b[1])]
    assert run["same_out"].items == same
    assert run["same_left"].items == [a for a in in_order if a not in {a for a, _ in same}]
    assert run["zipped_out"].items == list(zip(left, right, strict=False))
    assert run["zipped_left"].items == left[len(right) :]
    rich = []
    for item in sorted(left, key=lambda row: row[0]):
        rows = [row for row in enumerate(right) if row[1][1] == item[1] and row[1][0] <= item[0]]
        rich.append((item, max(rows, key=lambda row: (row[1][0], row[0]))[1] if rows else None))
    assert run["rich_out"].items == rich
    merged = run["merged_out"].items
    assert [row[0] for row in merged] == sorted(row[0] for row in left + right)
    assert Counter(merged) == Counter(left + right)


@quickly
@given(two(), seeds)
def test_the_pairs_do_not_depend_on_who_goes_first(streams, seed):
    assert_right(run_interleaved(drawn(streams), Random(seed), witness=Witness), streams)


@quickly
@given(two(), seeds, st.integers(0, 120), st.integers(0, 60))
def test_a_run_that_crashes_anywhere_and_goes_on_has_the_pairs_of_the_uninterrupted_one(
    tmp_path_factory: pytest.TempPathFactory, streams, seed, checkpoint, more
):
    store = SqliteStore(tmp_path_factory.mktemp("crash") / "state.db")

    async def script(run, interleaver):
        await interleaver.turn(checkpoint)
        if not run.lifecycle.over:
            await run.checkpoint()
        await interleaver.turn(interleaver.turns + more)
        await run.stop()

    run_interleaved(drawn(streams), Random(seed), script=script, store=store)
    again = run_interleaved(drawn(streams), Random(seed + 1), witness=Witness, store=store, resume=True)
    assert_right(again, streams)
    store.close()
