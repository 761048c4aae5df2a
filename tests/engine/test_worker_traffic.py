"""What travels to worker processes and back, and what becomes of what cannot."""

import threading
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from streamweave_lab.engine.run import LocalRun
from streamweave_lab.errors import RunFailedError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import Collect, Map, Replay


def drawn(name: str, f: Callable[[Any], Any], items: Any) -> Graph:
    step = Map("m", f, workers=2)
    return Graph(name, Replay("n", items) >> step >> Collect("all"), step.error >> Collect("refused"))


def ended(graph: Graph) -> LocalRun:
    run = graph.run_to_end(deterministic=False)
    assert psutil.Process().children(recursive=True) == []
    return run


def test_an_item_that_cannot_travel_is_refused_alone() -> None:
    items: list[Any] = [1, threading.Lock(), 3]
    run = ended(drawn("items", lambda item: 1, items))
    assert run["all"].items == [1, 1]
    assert [failure.item for failure in run["refused"].items] == [items[1]]
    assert "cannot travel" in str(run["refused"].items[0].error)
    assert run["m"].workers_lost == 0


def test_a_result_that_cannot_travel_back_is_refused_alone() -> None:
    run = ended(drawn("results", lambda item: threading.Lock() if item == 5 else item, range(9)))
    assert run["all"].items == [0, 1, 2, 3, 4, 6, 7, 8]
    assert [failure.item for failure in run["refused"].items] == [5]
    assert "the result cannot be sent back" in str(run["refused"].items[0].error)


def test_an_error_that_cannot_travel_back_comes_as_its_text() -> None:
    def work(item: int) -> int:
        class HiddenError(Exception):
            def __init__(self, a: int, b: int) -> None:
                super().__init__(f"{a} and {b}")

        raise HiddenError(item, 2)

    (failure,) = ended(drawn("errors", work, [1]))["refused"].items
    assert (type(failure.error), str(failure.error)) == (RuntimeError, "HiddenError: 1 and 2")


def test_a_function_that_the_worker_cannot_read_fails_the_run_and_says_so() -> None:
    class Unreadable:
        def __reduce__(self) -> Any:
            return eval, ("1 / 0",)

        def __call__(self, item: int) -> int:
            return item

    with pytest.raises(RunFailedError, match="cannot read the function: ZeroDivisionError"):
        drawn("unread", Unreadable(), [1]).run_to_end(deterministic=False)
    assert psutil.Process().children(recursive=True) == []


def test_large_items_both_ways_do_not_make_the_two_sides_wait_for_each_other() -> None:
    run = ended(drawn("large", lambda item: item + b"!", [bytes(1_000_000)] * 24))
    assert [len(item) for item in run["all"].items] == [1_000_001] * 24
