"""Whatever a node's logic does, the run ends with a reason and never stands still in silence."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from streamweave_lab.config.model import Config
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.errors import RunFailedError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.source import END, AsyncSource, Poll, Source
from streamweave_lab.operators import Collect, Count, ForEach, Map, MapAsync, Replay
from streamweave_lab.testing.loop import run_virtual


class Hooks(Step[int, int]):
    """Fails in the hook it is told to fail in."""

    def __init__(self, hook: str) -> None:
        super().__init__("hooks")
        self.hook = hook

    def fail_in(self, hook: str) -> None:
        if hook == self.hook:
            raise OSError(f"in {hook}")

    def opened(self) -> None:
        self.fail_in("opened")

    def configure(self, config: Config) -> None:
        self.fail_in("configure")

    def on_item(self, item: int) -> None:
        self.emit(self.out, item)

    def advanced(self, frontier: float) -> None:
        self.fail_in("advanced")

    def frontier_out(self, frontier: float) -> float:
        self.fail_in("frontier_out")
        return frontier

    def finished(self) -> None:
        self.fail_in("finished")

    def closed(self) -> None:
        self.fail_in("closed")


def hooked(hook: str) -> Graph:
    return Graph("hooked", Replay("n", [1, 2], time=float) >> Hooks(hook) >> Count("c"))


@pytest.mark.parametrize("hook", ["advanced", "frontier_out", "finished"])
def test_a_hook_that_fails_fails_the_run_in_that_node(hook: str) -> None:
    with pytest.raises(RunFailedError, match=f"failed in node 'hooks': OSError\\('in {hook}'\\)$") as failed:
        hooked(hook).run_to_end(Config())
    assert failed.value.item is None


@pytest.mark.parametrize("hook", ["opened", "configure"])
def test_a_node_that_cannot_be_opened_is_told_to_whoever_starts_the_graph(hook: str) -> None:
    async def main() -> None:
        from streamweave_lab.engine.registry import runs

        with pytest.raises(RunFailedError, match=f"run 'hooked' failed in node 'hooks': OSError\\('in {hook}'\\)$"):
            hooked(hook).start(Config())
        status = runs()["hooked"].status()
        assert (status.state, status.reasons) == ("failed", (f"failed: hooks: OSError('in {hook}')",))
        assert status.node("hooks").state == "failed"
        assert all(node.idle_seconds < 60 for node in status.nodes)
        # Nothing but the sink was open, and nothing else was closed.
        assert [event.event for event in status.events] == ["run.failed", "node.failed"]

    asyncio.run(main())


def test_a_node_that_cannot_be_closed_is_told_and_does_not_spoil_the_run() -> None:
    run = hooked("closed").run_to_end(Config())
    assert (run["c"].count, run.status().state) == (2, "stopped")
    told = [(event.event, event.level, event.node) for event in run.status().events]
    assert ("node.close_failed", "error", "hooks") in told


class Polling(Source[int]):
    """Answers twice, then with whatever it is given."""

    def __init__(self, answer: Any) -> None:
        super().__init__("polling")
        self.answer = answer

    def poll(self, limit: int) -> Poll[int]:
        self.position += 1
        if self.position < 3:
            return [self.position]
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (OSError("gone"), r"OSError\('gone'\)"),
        (None, "TypeError.*not None"),
        ((7,), r"TypeError.*not \(7,\)"),
    ],
)
def test_a_source_that_fails_or_answers_nonsense_fails_the_run(answer: Any, said: str) -> None:
    with pytest.raises(RunFailedError, match=f"failed in node 'polling': {said}"):
        Graph("polling", Polling(answer) >> Count("n")).run_to_end()


class Hesitating(Source[int]):
    """Answers with empty lists until its time has come."""

    def poll(self, limit: int) -> Poll[int]:
        if self.clock.now() < 3.0:
            return []
        return END


def test_a_source_may_answer_with_an_empty_list_and_time_goes_on() -> None:
    run = Graph("hesitating", Hesitating("hesitating") >> Count("n")).run_to_end()
    assert run.status().uptime == pytest.approx(3.0, abs=0.01)


async def ended(run: LocalRun) -> str:
    """How a run ended, which it has to do within a second."""
    try:
        return (await asyncio.wait_for(run.done(), 1.0)).state
    except RunFailedError as error:
        return str(error)


class Streaming(AsyncSource[int]):
    def __init__(self, error: BaseException | None) -> None:
        super().__init__("streaming")
        self.error = error

    async def stream(self) -> AsyncIterator[list[int]]:
        yield [1]
        yield []
        yield [2]
        if self.error is not None:
            raise self.error


@pytest.mark.parametrize(
    ("source", "how"),
    [
        (Streaming(None), "stopped"),
        (Streaming(OSError("cut")), "run 'stream' failed in node 'streaming': OSError('cut')"),
        (Streaming(asyncio.CancelledError()), "run 'stream' failed in node 'streaming': CancelledError()"),
    ],
    ids=["ends", "fails", "is cancelled"],
)
def test_a_stream_ends_or_fails_but_never_leaves_the_run_waiting(source: Any, how: str) -> None:
    async def main() -> None:
        run = Graph("stream", source >> Collect("all")).start()
        assert await ended(run) == how
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(main())


def test_an_item_in_hand_that_has_no_event_time_does_not_make_a_drain_hang() -> None:
    class Odd(AsyncSource[int]):
        time = staticmethod({1: 1.0, 2: 2.0}.__getitem__)

        async def stream(self) -> AsyncIterator[list[int]]:
            for item in (1, 2, 3):
                yield [item]

    async def main() -> None:
        run = Graph("odd", (Odd("odd") >> ForEach("hang", hang)).capacity(1)).start()
        await asyncio.sleep(1)
        assert not (await run.drain(timeout=5.0)).complete
        assert await ended(run) == "run 'odd' failed in node 'odd' on item 3: KeyError(3)"

    run_virtual(main())


async def hang(_item: object) -> None:
    await asyncio.Event().wait()


def cancelled(_item: int) -> int:
    raise asyncio.CancelledError


async def awaited_cancelled(_item: int) -> int:
    raise asyncio.CancelledError


def test_logic_that_raises_cancelled_error_fails_the_run() -> None:
    async def main() -> None:
        run = Graph("cancelled", Replay("n", [1]) >> Map("step", cancelled) >> Count("c")).start()
        assert await ended(run) == "run 'cancelled' failed in node 'step': CancelledError()"

    run_virtual(main())


def test_work_that_is_cancelled_from_inside_refuses_its_item_and_the_workers_go_on() -> None:
    async def work(item: int) -> int:
        if item % 2:
            raise asyncio.CancelledError
        return item

    step = MapAsync("step", work, concurrency=2)
    graph = Graph("inside", Replay("n", range(10)) >> step >> Collect("all"), step.error >> Collect("refused"))
    run = graph.run_to_end()
    assert run["all"].items == [0, 2, 4, 6, 8]
    assert [failure.item for failure in run["refused"].items] == [1, 3, 5, 7, 9]
    assert "cancelled from inside" in repr(run["refused"].items[0].error)


class Grave(BaseException):
    """Not an Exception."""


def test_work_that_raises_what_is_no_exception_fails_the_run() -> None:
    async def work(item: int) -> int:
        raise Grave(item)

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        run = Graph("grave", Replay("n", [5]) >> MapAsync("step", work, concurrency=2) >> Count("c")).start()
        assert (await ended(run)).startswith("run 'grave' failed in node 'step' on item 5: Grave(5); draw step.error")

    run_virtual(main())


def test_an_interrupt_in_a_nodes_logic_fails_the_run_and_goes_on_to_the_loop() -> None:
    def interrupted(item: int) -> int:
        raise KeyboardInterrupt

    runs: list[LocalRun] = []

    async def main() -> None:
        runs.append(Graph("interrupted", Replay("n", [5]) >> Map("step", interrupted) >> Count("c")).start())
        await asyncio.sleep(1)

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(main())
    assert (runs[0].status().state, runs[0].status().node("step").state) == ("failed", "failed")


def test_an_observer_that_fails_does_not_disturb_the_run() -> None:
    async def main() -> None:
        run = Graph("watched", Replay("n", range(5)) >> Count("c")).start()
        seen: list[str] = []

        def fail(event: Any) -> None:
            seen.append(event.event)
            raise ValueError

        forget = run.observe(fail)
        assert (await run.done()).state == "stopped"
        assert seen == ["source.ended", "run.stopped"]
        forget()
        forget()

    run_virtual(main())


def test_a_sink_that_fails_is_told_with_its_item() -> None:
    def refuse(item: int) -> None:
        raise OSError("disk full")

    with pytest.raises(RunFailedError, match=r"failed in node 'write' on item 3: OSError\('disk full'\)"):
        Graph("full", Replay("n", [3]) >> ForEach("write", refuse)).run_to_end()


def test_nodes_and_edges_of_a_failed_run_can_still_be_looked_at() -> None:
    async def main() -> None:
        run = Graph("post-mortem", Replay("n", [1, 2, 0]) >> Map("inverse", lambda n: 1 / n) >> Count("c")).start()
        assert "inverse" in await ended(run)
        status = run.status()
        assert (status.state, status.ready, status.node("inverse").state) == ("failed", False, "failed")
        assert status.reasons == ("failed: inverse: ZeroDivisionError('division by zero')",)
        assert [event.event for event in status.events] == ["run.failed", "node.failed", "run.started"]
        assert status.model_dump_json()

    run_virtual(main())
