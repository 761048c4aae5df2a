"""W3 with every aggregate that is built in, each beside a loop written by hand for just that one, in one process."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from time import process_time
from typing import Any

import streamweave_lab as sw
from tests.benchmarks import hand_aggregates
from tests.benchmarks.ours import run_graph
from tests.benchmarks.report import Result, alone, answer, median, told
from tests.benchmarks.workloads import DISORDER, given, key_of, time_of, value_of

ITEMS = 300_000
GROUP = "W3  with each built-in aggregate / the loop written by hand"
BAR = 0.70
LONG = "quantiles of long windows"
"""The same readings, fifty times as close: 5,000 a pane instead of 100."""

FOLDS: dict[str, sw.Fold[Any, Any]] = {
    "count": sw.count(),
    "sum": sw.sum(value_of),
    "mean": sw.mean(value_of),
    "min": sw.min(value_of),
    "max": sw.max(value_of),
    "quantiles": sw.quantiles(value_of, *hand_aggregates.SHARES),
    LONG: sw.quantiles(value_of, *hand_aggregates.SHARES),
}


def built_in(name: str, items: Any) -> list[tuple[Any, float, Any]]:
    window = sw.Window("window", FOLDS[name], sw.Tumbling(seconds=1), key=key_of)
    path = sw.Replay("readings", items, time=time_of, lag=DISORDER) >> window >> sw.Collect[Any]("end")
    return [(result.key, result.start, result.value) for result in run_graph(sw.Graph("W3", path))]


def by_hand(name: str, items: Any) -> list[tuple[Any, float, Any]]:
    return hand_aggregates.CAN["quantiles" if name == LONG else name](items)


def readings(size: int) -> dict[str, list[tuple[str, float, float]]]:
    """The input for each. The values are floats: to be given whole numbers slows DataSketches down fourfold."""
    usual = [(key, time, float(value)) for key, time, value in given("W3", size)]
    close = [(key, time / 50, value) for key, time, value in usual]
    return dict.fromkeys(FOLDS, usual) | {LONG: close}


def _seconds(work: Callable[[str, Any], Any], name: str, items: Any) -> float:
    gc.collect()
    began = process_time()
    work(name, items)
    return process_time() - began


def measured(rounds: int) -> dict[str, float]:
    """What each reaches of the hand loop's rate: by turns, so that both meet the same noise; the middle one."""
    ratios: dict[str, list[float]] = {name: [] for name in FOLDS}
    inputs = readings(ITEMS)
    for _ in range(rounds):
        for name, items in inputs.items():
            ratios[name].append(_seconds(by_hand, name, items) / _seconds(built_in, name, items))
    return {name: median(found) for name, found in ratios.items()}


def measure(rounds: int) -> list[Result]:
    """All of them."""
    told("aggregates")
    return [Result(GROUP, name, ratio, "×", BAR, at_least=True) for name, ratio in alone("aggregates", rounds).items()]


if __name__ == "__main__":
    answer(measured(int(sys.argv[1])))
