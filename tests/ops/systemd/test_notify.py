from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace

import pytest

import streamweave_lab as sw
from streamweave_lab.clock import SYSTEM_CLOCK
from streamweave_lab.errors import RunFailedError
from streamweave_lab.ops.systemd.notify import notifier_of, notifying
from tests.ops.systemd.notify_manager import Manager, managing


@pytest.fixture
def manager() -> Iterator[Manager]:
    with managing() as manager:
        yield manager


class Settings(sw.Config):
    limit: int = sw.live(3, ge=1)
    fixed: int = 1


async def ticks() -> AsyncIterator[int]:
    while True:
        yield 1
        await asyncio.sleep(0.001)


async def forever(_: int) -> None:
    await asyncio.Event().wait()


def endless(name: str = "endless", *, held: bool = False) -> sw.Graph:
    sink: sw.Sink[int] = sw.ForEach("sink", forever) if held else sw.Count("sink")
    return sw.Graph(name, sw.Replay("ticks", ticks()) >> sink)


def test_a_run_is_ready_then_stopping_and_both_once(manager: Manager) -> None:
    async def main() -> None:
        run = endless().start()
        with notifying(run, manager.environ):
            (ready,) = await manager.hears()
            assert ready["READY"] == "1"
            await run.drain()
            assert not any({"STOPPING", "READY"} & set(message) for message in manager.heard()), "it may live on"

    asyncio.run(main())
    (stopping,) = manager.heard()
    assert stopping["STOPPING"] == "1"
    assert stopping["STATUS"].startswith("drained, 0 items dropped; ")


def test_ready_is_said_soon_but_not_before_handlers_of_signals_can_be_installed(manager: Manager) -> None:
    async def main() -> None:
        run = endless().start(Settings())
        with notifying(run, manager.environ):
            assert manager.heard() == []
            (first,) = await manager.hears()
            assert first["READY"] == "1"
            assert re.fullmatch(
                r"running; \d+ items in(; \d+ waiting or held)?; configuration version 1", first["STATUS"]
            )
            await run.stop()

    asyncio.run(main())


def test_a_reload_from_elsewhere_is_reloading_then_ready_again(manager: Manager) -> None:
    async def main() -> None:
        run = endless().start(Settings())
        with notifying(run, manager.environ):
            await manager.hears()
            before = SYSTEM_CLOCK.now()
            await run.configure(limit=5)
            reloading, again = manager.heard()
            assert reloading["RELOADING"] == "1"
            assert before * 1e6 <= int(reloading["MONOTONIC_USEC"]) + 1 <= SYSTEM_CLOCK.now() * 1e6 + 1
            assert again["READY"] == "1"
            assert "configuration version 2" in again["STATUS"]
            await run.stop()

    asyncio.run(main())


def test_a_refused_reload_is_ready_again_too_and_status_says_why_until_one_is_applied(manager: Manager) -> None:
    async def main() -> None:
        run = endless().start(Settings())
        with notifying(run, manager.environ):
            await manager.hears()
            await run.configure(limit=0)
            reloading, again = manager.heard()
            assert (reloading["RELOADING"], again["READY"]) == ("1", "1")
            assert "reload refused: limit" in again["STATUS"]
            await run.configure(limit=7)
            assert "refused" not in manager.heard()[-1]["STATUS"]
            await run.stop()

    asyncio.run(main())


def test_a_reload_that_changes_nothing_takes_an_earlier_refusal_from_the_status(manager: Manager) -> None:
    async def main() -> None:
        run = endless().start(Settings())
        with notifying(run, manager.environ):
            await manager.hears()
            await run.configure(limit=0)
            await run.configure(limit=3)
            assert ["refused" in message["STATUS"] for message in manager.heard()[1::2]] == [True, False]
            await run.stop()

    asyncio.run(main())


def test_what_a_pause_has_refused_is_in_the_status_until_the_run_goes_on(manager: Manager) -> None:
    async def main() -> None:
        run = endless().start(Settings())
        with notifying(run, manager.environ):
            await manager.hears()
            await run.pause()
            await run.configure(limit=7)
            assert "reload refused: the run is paused" in manager.heard()[-1]["STATUS"]
            await run.resume()
            assert "refused" not in manager.heard()[-1]["STATUS"]
            await run.stop()

    asyncio.run(main())


def test_around_a_reload_that_a_signal_began_nothing_is_said_twice(manager: Manager) -> None:
    async def main() -> None:
        run = endless().start(Settings())
        with notifying(run, manager.environ):
            notifier = notifier_of(run)
            assert notifier is not None
            await manager.hears()
            notifier.reload_begins()
            await run.configure(limit=9)
            notifier.reload_ended()
            assert ["READY" in message for message in manager.heard()] == [False, True]
            await run.stop()
        assert notifier_of(run) is None

    asyncio.run(main())


def test_a_long_drain_asks_for_more_time_again_and_again(manager: Manager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamweave_lab.ops.systemd.notify.LOOK_SECONDS", 0.02)

    async def main() -> None:
        run = endless(held=True).start()
        with notifying(run, manager.environ):
            await asyncio.sleep(0.05)
            assert not any("EXTEND_TIMEOUT_USEC" in message for message in manager.heard())
            drain, extended = asyncio.ensure_future(run.drain(timeout=60)), list[dict[str, str]]()
            while len(extended) < 2:
                extended += [message for message in await manager.hears() if "EXTEND_TIMEOUT_USEC" in message]
            assert run.draining is not None
            run.draining.hurry(0.0)
            await drain
            assert {message["EXTEND_TIMEOUT_USEC"] for message in extended} == {"15000000"}
            assert re.match(r"draining for \d+ s, now ", extended[-1]["STATUS"])

    asyncio.run(main())
    assert "items dropped" in manager.heard()[-1]["STATUS"]


def test_a_reload_that_is_watched_for_long_asks_for_more_time(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamweave_lab.ops.systemd.notify.LOOK_SECONDS", 0.02)

    async def main() -> None:
        run = endless().start(Settings())
        with notifying(run, manager.environ):
            await manager.hears()
            notifier = notifier_of(run)
            assert notifier is not None
            for limit, seconds in ((4, 0.2), (5, 2.0), (6, 20.0)):  # where the machine stands still, for longer
                notifier.reload_begins()
                await run.configure(None, seconds, limit=limit)
                notifier.reload_ended()
                heard = manager.heard()
                told = [word for message in heard for word in ("RELOADING", "READY") if word in message]
                assert told == ["RELOADING", "READY"]
                if (asked := sum("EXTEND_TIMEOUT_USEC" in message for message in heard)) >= 2:
                    break
            assert asked >= 2
            await run.stop()

    asyncio.run(main())


def test_the_watchdog_hears_from_the_loop_at_half_of_its_time_and_not_while_the_loop_is_blocked(
    manager: Manager,
) -> None:
    environ = manager.environ | {"WATCHDOG_USEC": "100000", "WATCHDOG_PID": str(os.getpid())}

    async def main() -> None:
        run = endless().start()
        with notifying(run, environ):
            began, beats = SYSTEM_CLOCK.now(), 0
            while beats < 4:
                beats += (await manager.hears()).count({"WATCHDOG": "1"})
            assert SYSTEM_CLOCK.now() - began >= 0.14, "the first at once, then every 50 ms"
            blocked = SYSTEM_CLOCK.now() + 0.3
            while SYSTEM_CLOCK.now() < blocked:
                pass
            assert manager.heard() == []
            assert {"WATCHDOG": "1"} in await manager.hears(), "it goes on when the loop does"
            await run.stop()

    asyncio.run(main())


def test_a_manager_that_is_gone_harms_nothing(manager: Manager) -> None:
    async def main() -> None:
        run = endless().start()
        with notifying(run, manager.environ):
            manager.go()
            assert (await run.drain()).complete

    asyncio.run(main())


def test_without_a_manager_nothing_is_done() -> None:
    async def main() -> None:
        run = endless().start()
        with notifying(run, {"WATCHDOG_USEC": "nonsense"}):
            assert notifier_of(run) is None
            await run.stop()

    asyncio.run(main())


def test_in_a_jupyter_kernel_that_a_service_began_nothing_is_said(
    manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel = SimpleNamespace(IPKernelApp=SimpleNamespace(initialized=lambda: True))
    monkeypatch.setitem(sys.modules, "ipykernel.kernelapp", kernel)

    async def main() -> None:
        run = endless().start()
        with notifying(run, manager.environ):
            await run.stop()

    asyncio.run(main())
    assert manager.heard() == []


def test_a_failure_is_told_without_the_item_that_the_error_quotes(manager: Manager) -> None:
    async def main() -> None:
        run = sw.Graph("g", sw.Replay("in", ["secret"]) >> sw.Map("parse", int) >> sw.Count("n")).start()
        with notifying(run, manager.environ), pytest.raises(RunFailedError):
            await run.done()

    asyncio.run(main())
    last = manager.heard()[-1]
    assert (last["STOPPING"], last["STATUS"]) == ("1", "failed in parse; see the log; 1 items in")


def test_a_run_that_ends_before_anybody_looks_was_ready_all_the_same(manager: Manager) -> None:
    async def main() -> None:
        run = sw.Graph("g", sw.Replay("in", [1]) >> sw.Count("n")).start()
        await run.done()
        with notifying(run, manager.environ):
            pass

    asyncio.run(main())
    assert [next(iter(message)) for message in manager.heard()] == ["READY", "STOPPING"]
