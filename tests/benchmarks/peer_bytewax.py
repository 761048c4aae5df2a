"""The workloads on bytewax. It cannot await items."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import bytewax.operators as op
from bytewax.dataflow import Dataflow
from bytewax.operators import windowing
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import TestingSource, run_main

from tests.benchmarks.tally import Tally
from tests.benchmarks.workloads import (
    DISORDER,
    add,
    affine,
    digits,
    half,
    is_even,
    itself,
    key_of,
    one_more,
    time_of,
    triple,
    words,
)

BATCH = 1024
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


class _TallySink(DynamicSink[Any], StatelessSinkPartition[Any]):
    def __init__(self, tally: Tally) -> None:
        self.tally = tally

    def build(self, step_id: str, worker_index: int, worker_count: int) -> _TallySink:
        return self

    def write_batch(self, items: list[Any]) -> None:
        if self.tally.kept is None:
            self.tally.count += len(items)
        else:
            self.tally.kept += items


def _run(flow: Dataflow, out: Any, keep: bool) -> Any:
    tally = Tally(keep)
    op.output("out", out, _TallySink(tally))
    run_main(flow)
    return tally.result()


def numbers(items: Any, keep: bool = False) -> Any:
    flow = Dataflow("numbers")
    s = op.input("in", flow, TestingSource(items, BATCH))
    s = op.map("digits", op.filter("even", op.map("affine", s, affine), is_even), digits)
    return _run(flow, s, keep)


def word_count(items: Any, keep: bool = False) -> Any:
    def count(value: int | None, word: str) -> tuple[int, int]:
        value = one_more(value or 0, word)
        return value, value

    flow = Dataflow("words")
    s = op.flat_map("words", op.input("in", flow, TestingSource(items, BATCH)), words)
    counted = op.stateful_map("count", op.key_on("key", s, itself), count)
    return _run(flow, op.map("value", counted, lambda pair: pair[1]), keep)


def window_sums(items: Any, keep: bool = False) -> Any:
    second = timedelta(seconds=1)
    flow = Dataflow("windows")
    s = op.key_on("key", op.input("in", flow, TestingSource(items, BATCH)), key_of)
    # Its watermark goes on with the machine's clock as well: on a busy machine items would be late. So that stands.
    clock = windowing.EventClock(time_of, timedelta(seconds=DISORDER), now_getter=lambda: EPOCH)
    windower = windowing.TumblingWindower(length=second, align_to=EPOCH)
    summed = windowing.fold_window("sum", s, clock, windower, int, add, lambda a, b: a + b, ordered=False)
    flat = op.map("flat", summed.down, lambda pair: (pair[0], float(pair[1][0]), pair[1][1]))
    return _run(flow, flat, keep)


def parity(items: Any, keep: bool = False) -> Any:
    flow = Dataflow("parity")
    split = op.branch("parity", op.input("in", flow, TestingSource(items, BATCH)), is_even)
    merged = op.merge("merge", op.map("half", split.trues, half), op.map("triple", split.falses, triple))
    return _run(flow, merged, keep)


def as_given(workload: str, items: Any) -> Any:
    """The times of W3 as the datetimes bytewax wants, made before the clock starts."""
    if workload == "W3":
        return [(key, EPOCH + timedelta(seconds=time), value) for key, time, value in items]
    return items


CAN = {"W1": numbers, "W2": word_count, "W3": window_sums, "W4": parity}
