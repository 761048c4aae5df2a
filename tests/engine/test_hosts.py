"""Where runs live: on the caller's loop, in a thread of their own, in virtual time; and how they are reached."""

import asyncio
import logging
import sys
import threading
from concurrent.futures import Future
from typing import Any

import pytest

from streamweave_lab.engine.registry import runs
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.errors import IllegalMoveError, RunFailedError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.node import Step
from streamweave_lab.graph.source import Poll, Source, Wait
from streamweave_lab.operators import Collect, Count, ForEach, Map, MapAsync, Replay
from streamweave_lab.testing.loop import run_virtual


def endless(name: str) -> Graph:
    return Graph(name, Replay("n", iter(int, 1)) >> Map("step", abs) >> Count("c"))


async def a_moment(item: int) -> int:
    await asyncio.sleep(0.001)
    return item


def test_without_a_running_loop_it_says_what_to_do() -> None:
    with pytest.raises(RuntimeError, match=r'no event loop is running here .* use start\(host="thread"\)'):
        endless("nowhere").start()
    with pytest.raises(ValueError, match='host must be "loop" or "thread", not "moon"'.replace('"moon"', "'moon'")):
        endless("nowhere").start(host="moon")
    with pytest.raises(ValueError, match="replace must be"):
        endless("nowhere").start(replace="ignore")


def test_a_run_in_a_thread_is_driven_from_another_loop() -> None:
    async def main() -> None:
        run = endless("threaded").start(host="thread")
        assert run.status().host == "thread"
        await run.pause()
        count = run["c"].count
        await asyncio.sleep(0.01)
        assert (run.status().state, run["c"].count) == ("paused", count)
        await run.resume()
        assert (await run.configure(number=1)).refused
        report = await run.drain()
        assert report.complete
        assert (await run.done()).state == "stopped"
        assert await run.drain() == report
        assert (await run.stop()).dropped == {}

    asyncio.run(main())


def test_a_run_in_a_thread_is_driven_from_many_loops_at_once() -> None:
    run = endless("many-loops").start(host="thread")
    reports: list[Any] = []
    threads = [threading.Thread(target=lambda: reports.append(asyncio.run(run.drain()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(reports) == 8
    assert all(report == reports[0] and report.complete for report in reports)


def test_a_run_in_a_thread_leaves_no_thread_behind() -> None:
    before = set(threading.enumerate())
    run = Graph("short", Replay("n", range(100)) >> MapAsync("m", a_moment, concurrency=10) >> Count("c")).start(
        host="thread"
    )
    assert asyncio.run(run.done()).state == "stopped"
    for thread in set(threading.enumerate()) - before:
        thread.join(60)
        assert not thread.is_alive()
    assert run["c"].count == 100


def test_to_give_up_waiting_in_another_loop_leaves_the_run_alone_and_makes_no_noise(
    caplog: pytest.LogCaptureFixture,
) -> None:
    run = endless("left-alone").start(host="thread")

    async def impatient() -> None:
        await asyncio.wait_for(run.done(), 0.01)

    with caplog.at_level(logging.DEBUG, logger="concurrent.futures"):
        with pytest.raises(TimeoutError):
            asyncio.run(impatient())
        assert run.status().state == "running"
        assert run.ask("stop").result(30).dropped is not None
        asyncio.run(run.done())
    assert caplog.records == []


class Unopened(Step[int, int]):
    def opened(self) -> None:
        raise OSError("no such device")


def test_a_graph_that_cannot_be_opened_in_a_thread_says_so_here() -> None:
    with pytest.raises(RunFailedError, match="in node 'u': OSError\\('no such device'\\)"):
        Graph("unopened", Replay("n", [1]) >> Unopened("u") >> Count("c")).start(host="thread")
    assert runs()["unopened"].status().state == "failed"


def test_a_thread_can_ask_for_every_verb() -> None:
    async def main() -> None:
        run = endless("asked").start()

        def ask() -> list[Any]:
            answers = [run.ask(verb).result(30) for verb in ("pause", "resume", "reload", "configure", "drain", "stop")]
            return [type(answer).__name__ for answer in answers]

        names = await asyncio.to_thread(ask)
        assert names == ["NoneType", "NoneType", "Reloaded", "Reloaded", "Drained", "Stopped"]
        with pytest.raises(ValueError, match="'explode' is not something a run can be asked; ask one of drain, "):
            run.ask("explode")  # type: ignore[arg-type]

    asyncio.run(main())


def test_a_button_can_be_pressed_again_when_the_run_has_ended() -> None:
    run = Graph("over", Replay("n", range(3)) >> Count("c")).run_to_end()
    assert run.ask("drain").result(0).complete
    assert run.ask("stop").result(0).dropped == {}
    assert run.ask("reload").result(0).refused
    with pytest.raises(IllegalMoveError):
        run.ask("pause").result(0)


def test_logic_can_ask_its_own_run_for_a_verb() -> None:
    async def main() -> None:
        asked: list[Future[Any]] = []

        def stop_at_five(item: int) -> None:
            if item == 5:
                asked.append(run.ask("drain"))

        class Slow(Source[int]):
            def poll(self, limit: int) -> Poll[int]:
                if self.clock.now() < self.position:
                    return Wait(self.position - self.clock.now())
                self.position += 1
                return [self.position]

        run: LocalRun = Graph("itself", Slow("slow") >> ForEach("look", stop_at_five)).start()
        await run.done()
        assert run["slow"].position == 5
        await asyncio.sleep(0.1)
        assert asked[0].result(0).complete

    run_virtual(main())


def test_run_to_end_works_inside_a_running_loop() -> None:
    async def main() -> list[int]:
        plain = Graph("plain", Replay("n", range(5)) >> Collect("all")).run_to_end()
        awaited = Graph("awaited", Replay("n", range(5)) >> MapAsync("m", a_moment, concurrency=2) >> Collect("all"))
        assert plain.status().host == "virtual"
        assert plain["all"].items == awaited.run_to_end()["all"].items
        return plain["all"].items

    assert asyncio.run(main()) == [0, 1, 2, 3, 4]


def test_run_to_end_jumps_over_every_wait() -> None:
    class Hourly(Source[int]):
        def poll(self, limit: int) -> Poll[int]:
            from streamweave_lab.graph.source import END

            if self.clock.now() < self.position * 3600:
                return Wait(self.position * 3600 - self.clock.now())
            self.position += 1
            return [self.position] if self.position < 25 else END

    run = Graph("day", Hourly("hourly") >> Count("c")).run_to_end()
    assert (run["c"].count, run.status().uptime) == (24, 24 * 3600.0)


@pytest.mark.parametrize("deterministic", [True, False])
def test_run_to_end_tells_a_failure(deterministic: bool) -> None:
    graph = Graph("bad", Replay("n", [0]) >> Map("inverse", lambda n: 1 / n) >> Count("c"))
    with pytest.raises(RunFailedError, match="inverse"):
        graph.run_to_end(deterministic=deterministic)


def test_run_to_end_in_real_time_gives_the_same_items() -> None:
    graph = Graph("real", Replay("n", range(5000)) >> MapAsync("m", a_moment, concurrency=500) >> Collect("all"))
    run = graph.run_to_end(deterministic=False)
    assert (run["all"].items, run.status().host) == (list(range(5000)), "thread")


def test_a_run_on_a_virtual_loop_lives_in_its_time() -> None:
    async def main() -> None:
        class Minutes(Source[int]):
            def poll(self, limit: int) -> Poll[int]:
                if self.clock.now() < self.position * 60:
                    return Wait(self.position * 60 - self.clock.now())
                self.position += 1
                return [self.position]

        run = Graph("minutes", Minutes("minutes") >> Count("c")).start()
        await asyncio.sleep(3601)
        assert (run["c"].count, run.status().uptime) == (61, 3601.0)
        await run.stop()

    run_virtual(main())


def test_the_runs_of_a_process_are_found_by_name() -> None:
    async def main() -> None:
        run = endless("found").start()
        assert runs()["found"] is run
        await run.stop()
        assert runs()["found"] is run
        with pytest.raises(KeyError, match="run 'found' has no node 'd'; it has n, step, c"):
            run["d"]

    asyncio.run(main())


def test_the_switch_interval_is_short_until_the_last_run_on_any_loop_has_ended() -> None:
    before = sys.getswitchinterval()

    async def main() -> None:
        first, second = endless("first").start(host="thread"), endless("second").start()
        assert sys.getswitchinterval() < before
        await first.stop()
        await asyncio.sleep(0.1)
        assert sys.getswitchinterval() < before
        await second.stop()

    asyncio.run(main())
    assert sys.getswitchinterval() == before
