"""W3 once more, with the sum that is built in instead of a fold of the user's."""

from __future__ import annotations

from typing import Any

import streamweave_lab as sw
from tests.benchmarks.ours import run_graph, sink
from tests.benchmarks.workloads import DISORDER, key_of, time_of, value_of


def window_sums(items: Any, keep: bool = False) -> Any:
    sums = sw.Window("sums", sw.sum(value_of), sw.Tumbling(seconds=1), key=key_of)
    path = sw.Replay("readings", items, time=time_of, lag=DISORDER) >> sums >> sink(keep)
    results = run_graph(sw.Graph("W3", path))
    return [(result.key, result.start, result.value) for result in results] if keep else results


CAN = {"W3": window_sums}
