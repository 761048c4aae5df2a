import asyncio
import os
import sys
import threading

import pytest

from streamweave_lab.errors import GraphError, MissingExtraError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import Collect, Map, MapAsync, Replay
from streamweave_lab.operators.worker import call_each
from streamweave_lab.testing.harness import Drive


def test_a_node_with_workers_driven_by_hand_calls_its_function_here():
    drive = Drive(Map("double", lambda n: 2 * n, workers=2)).batch([1, 2], [0.0, 1.0])
    assert (drive.out["out"], drive.times["out"]) == ([2, 4], [0.0, 1.0])


@pytest.mark.parametrize("workers", [0, -1, True, 1.5, "2"])
def test_workers_are_a_whole_number_of_at_least_1(workers):
    with pytest.raises(GraphError, match="workers must be a whole number of at least 1"):
        Map("double", abs, workers=workers)


def test_workers_are_on_processes_or_threads():
    with pytest.raises(GraphError, match=r"on must be .* not 'moon'"):
        Map("double", abs, workers=2, on="moon")


def test_a_function_that_cannot_be_sent_is_refused_when_drawn_and_the_message_says_what_to_do():
    lock = threading.Lock()
    with pytest.raises(
        GraphError, match=r"Map\('guarded'\): its function cannot be sent .*lock.* or use on=\"threads\""
    ):
        Map("guarded", lambda n: (lock, n), workers=2)
    assert Map("guarded", lambda n: (lock, n), workers=2, on="threads").on == "threads"


def test_without_cloudpickle_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(MissingExtraError, match=r'pip install "streamweave_lab\[workers\]"'):
        Map("double", abs, workers=2)
    assert Map("double", abs, workers=2, on="threads").workers == 2


def test_each_item_is_called_once_and_failures_know_their_places():
    calls = []

    def tenth(n):
        calls.append(n)
        if n == 3:
            raise StopIteration
        return 10 // n

    out, failed = call_each(tenth, [1, 0, 2, 3, 5, 0])
    assert out == [10, 5, 2]
    assert [(place, type(error)) for place, error in failed] == [
        (1, ZeroDivisionError),
        (3, RuntimeError),
        (5, ZeroDivisionError),
    ]
    assert calls == [1, 0, 2, 3, 5, 0]


def test_deterministic_mode_calls_the_function_here_and_starts_no_process():
    graph = Graph("here", Replay("n", range(5)) >> Map("m", lambda n: (n, os.getpid()), workers=2) >> Collect("all"))
    assert graph.run_to_end()["all"].items == [(n, os.getpid()) for n in range(5)]


def test_in_virtual_time_with_a_loop_the_function_is_called_here_too():
    async def fetched(item):
        await asyncio.sleep(3600)
        return item

    path = Replay("n", range(3)) >> MapAsync("fetch", fetched, concurrency=1)
    graph = Graph("both", path >> Map("m", lambda n: (n, os.getpid()), workers=2) >> Collect("all"))
    assert graph.run_to_end()["all"].items == [(n, os.getpid()) for n in range(3)]
