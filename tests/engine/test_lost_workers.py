"""Worker processes that die or are interrupted: contained, told, and nothing left behind."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import pytest

from streamweave_lab.engine.run import LocalRun
from streamweave_lab.errors import RunFailedError, WorkerLostError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import Collect, Map, Replay, Window
from streamweave_lab.progress.window import Tumbling


def children() -> list[Any]:
    found: list[Any] = psutil.Process().children(recursive=True)
    return found


def left() -> list[Any]:
    """Those that do not go, though a machine with much to do is given its time."""
    alive: list[Any] = psutil.wait_procs(children(), timeout=30)[1]
    return alive


async def until(come: Callable[[], object]) -> None:
    while not come():  # noqa: ASYNC110 - what it waits for happens in other processes
        await asyncio.sleep(0.005)


def still_works(process: Any) -> bool:
    """A dead orphan may be a zombie until the first process of the machine looks."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def drawn(name: str, f: Callable[[Any], Any], items: Any, workers: int = 2) -> Graph:
    step = Map("m", f, workers=workers)
    return Graph(name, Replay("n", items) >> step >> Collect("all"), step.error >> Collect("refused"))


def ended(graph: Graph) -> LocalRun:
    run = graph.run_to_end(deterministic=False)
    assert left() == []
    return run


def told(run: LocalRun) -> list[str]:
    return [event.message for event in run.events if event.event == "node.worker_lost"]


def test_a_worker_that_is_killed_again_and_again_costs_no_item_and_no_order() -> None:
    def work(item: int) -> tuple[int, int]:
        import os
        import time

        time.sleep(0.001)
        return item, os.getpid()

    async def main() -> None:
        run = drawn("killed", work, range(400)).start()
        killed: set[int] = set()
        while len(killed) < 3:
            await until(lambda: {pid for _, pid in run["all"].items} - killed)
            pid = max({pid for _, pid in run["all"].items} - killed)
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        await run.done()
        assert [item for item, _ in run["all"].items] == list(range(400))
        assert run["refused"].items == []
        assert run["m"].workers_lost == 3
        assert "was ended by SIGKILL" in told(run)[-1]
        assert "each is tried again in a new one (1 lost so far)" in told(run)[-1]
        node = run.status().node("m")
        assert (node.items_in["in"], node.items_out["out"], node.held) == (400, 400, 0)

    asyncio.run(main())
    assert left() == []


def test_the_status_says_how_many_workers_were_lost() -> None:
    def work(item: int) -> int:
        import os
        import signal

        if item == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    status = ended(drawn("lost", work, range(5))).status()
    assert (status.node("m").workers_lost, status.node("n").workers_lost) == (2, None)
    assert "1 errors · 2 workers lost" in str(status)


@pytest.mark.parametrize(
    ("code", "how"), [("os._exit(7)", "ended with exit code 7"), ("os.abort()", "was ended by SIGABRT")]
)
def test_an_item_that_ends_its_worker_twice_is_refused_and_the_others_go_on(code: str, how: str) -> None:
    def work(item: int) -> int:
        if item == 33:
            exec("import os; " + code)
        if item % 10 == 7:
            raise ValueError(item)
        return item

    step: Any = Map("m", work, workers=2)
    window: Any = Window("w", lambda pane: [(pane.start, item) for item in pane.items], Tumbling(seconds=1))
    path = Replay("n", range(60), time=float) >> step >> window >> Collect("all")
    run = ended(Graph("poison", path, step.error >> Collect("refused")))
    good = [item for item in range(60) if item != 33 and item % 10 != 7]
    assert run["all"].items == [[(float(item), item)] for item in good]
    refused = {failure.item: failure for failure in run["refused"].items}
    assert sorted(refused) == [7, 17, 27, 33, 37, 47, 57]
    assert all(failure.time == failure.item for failure in refused.values())
    assert {type(refused[item].error) for item in refused if item != 33} == {ValueError}
    assert isinstance(error := refused[33].error, WorkerLostError)
    assert error.how == how
    assert how in str(error)
    assert run["m"].workers_lost == 2


def test_without_an_error_port_such_an_item_fails_the_run_and_is_named() -> None:
    def work(item: int) -> None:
        import os

        os._exit(item)

    graph = Graph("fatal", Replay("n", [3]) >> Map("m", work, workers=1) >> Collect("all"))
    with pytest.raises(RunFailedError, match=r"'m' on item 3: .*ended with exit code 3"):
        graph.run_to_end(deterministic=False)
    assert left() == []


def test_a_worker_that_dies_with_nothing_to_do_is_replaced_before_the_next_item() -> None:
    async def main() -> None:
        gate = asyncio.Event()

        async def items() -> Any:
            yield 1
            await gate.wait()
            yield 2

        run = drawn("idle", lambda item: (item, __import__("os").getpid()), items(), workers=1).start()
        await until(lambda: run["all"].items)
        first = run["all"].items[0][1]
        os.kill(first, signal.SIGKILL)
        await until(lambda: run["m"].workers_lost)
        await until(lambda: [child.pid for child in children()] not in ([], [first]))
        gate.set()
        await run.done()
        assert [item for item, _ in run["all"].items] == [1, 2]
        assert first != run["all"].items[1][1]
        assert "it had no items" in told(run)[0]

    asyncio.run(main())
    assert left() == []


def test_workers_end_where_a_loop_is_closed_with_the_run_still_on_it() -> None:
    async def main() -> None:
        run = drawn("closed", lambda item: item, count()).start()
        await until(lambda: run["all"].items)

    asyncio.run(main())
    assert left() == []


_NOTEBOOK = """
import asyncio, os, signal, sys
import streamweave_lab as sw

class Order:
    def __init__(self, n): self.n = n

class OddError(Exception): pass

factor = 3
def work(order):
    import os
    if order.n == 1: raise OddError(order.n)
    order.n *= factor
    return order, os.getpid()

async def main():
    step = sw.Map("m", work, workers=2)
    source = sw.Replay("n", (Order(n) for n in __import__("itertools").count()))
    run = sw.Graph("g", source >> step >> sw.Collect("all"), step.error >> sw.Collect("no")).start()
    while len({pid for _, pid in run["all"].items}) < 2: await asyncio.sleep(0.01)
    assert isinstance(run["all"].items[0][0], Order) and run["all"].items[1][0].n == 6
    assert type(run["no"].items[0].error) is OddError
    signal.signal(signal.SIGINT, lambda *_: None)
    os.killpg(0, signal.SIGINT)
    before, seen = run["m"].workers_lost, len(run["all"].items)
    while len(run["all"].items) < seen + 100: await asyncio.sleep(0.01)
    print(before, run["m"].workers_lost, *{pid for _, pid in run["all"].items}, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_workers_do_not_hear_an_interrupt_of_the_kernel_but_end_when_it_is_killed(tmp_path: Path) -> None:
    (tmp_path / "notebook.py").write_text(_NOTEBOOK)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*filter(None, sys.path), str(Path.cwd())])}
    command = [sys.executable, str(tmp_path / "notebook.py")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, start_new_session=True, env=environment
    ) as process:
        assert process.stdout is not None
        before, after, *pids = map(int, process.stdout.readline().split())
        workers = list(map(psutil.Process, pids))
        assert (before, after, len(workers)) == (0, 0, 2)
        process.kill()
    asyncio.run(asyncio.wait_for(until(lambda: not any(map(still_works, workers))), 30))


def test_killed_workers_while_the_configuration_changes_and_a_drain_lose_nothing() -> None:
    async def main() -> None:
        run = drawn("drain", lambda item: (item, __import__("os").getpid()), count()).start()
        await until(lambda: run["all"].items)
        draining = asyncio.ensure_future(run.drain())
        await asyncio.sleep(0)
        os.kill(run["all"].items[-1][1], signal.SIGKILL)
        assert (await draining).complete
        assert [item for item, _ in run["all"].items] == list(range(run["n"].position))

    asyncio.run(main())
    assert left() == []
