"""A run of another process does what a run of this one does. The process is real, and so is its server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import streamweave_lab as sw
from streamweave_lab.engine.protocol import Run
from streamweave_lab.engine.reports import Drained
from streamweave_lab.errors import (
    ConfigError,
    IllegalMoveError,
    NotHereError,
    RunFailedError,
    StateError,
    UnreachableError,
)
from streamweave_lab.remote.attach import attach
from streamweave_lab.remote.attached import attached
from tests.remote.conftest import TOKEN, Process, until

if TYPE_CHECKING:
    from streamweave_lab.remote.run import RemoteRun


@pytest.fixture
def run(shared: Process) -> RemoteRun:
    return shared.attach()


def test_it_is_a_run_and_its_status_goes_on(run: RemoteRun) -> None:
    assert isinstance(run, Run)
    assert repr(run) == f"<Run of 'ticking' at {run.url}: 3 nodes, 2 edges>"
    before = run.status()
    assert (before.state, before.ready, before.stale_seconds) == ("running", True, None)
    until(lambda: run.status().node("board").items_in["in"] > before.node("board").items_in["in"] + 20)


def test_verbs_answer_the_same_reports_and_raise_the_same_errors(run: RemoteRun) -> None:
    async def main() -> None:
        with pytest.raises(IllegalMoveError, match="run 'ticking' is running: it cannot resume now") as caught:
            await run.resume()
        assert caught.value.state == "running"
        await run.pause()
        assert run.status().state == "paused", "what a control has changed is seen at once"
        until(lambda: run.ask("step", items=1).result(30).items == 1)
        await run.resume()
        with pytest.raises(StateError, match="cannot checkpoint: it was started without a store"):
            await run.checkpoint()
        with pytest.raises(ValueError, match=r"no drawn port of run 'ticking' fits 'nix\.\*'"):
            await run.tap("nix.*")
        tapped = await run.tap("ticks.out", n=3)
        assert tapped.complete
        first, second, third = tapped["ticks.out"].times
        assert (second, third) == (first + 1, first + 2)  # type: ignore[operator]
        with pytest.raises(ValueError, match="'explode' is not something a run can be asked"):
            run.ask("explode")  # type: ignore[arg-type]

    asyncio.run(main())


def test_a_drain_gives_its_account_and_the_end_is_known_though_the_process_is_gone(process: Process) -> None:
    run = process.attach()
    ends: list[str] = []
    run.on_end(lambda: ends.append("ended"))
    events: list[str] = []
    run.observe(lambda event: events.append(event.event))

    async def main() -> tuple[Drained, sw.Status]:
        return await run.drain(timeout=60), await run.done()

    drained, status = asyncio.run(main())
    assert (drained.complete, drained.dropped) == (True, {})
    assert status.state == "stopped"
    assert run.settled
    assert process.end() == 0
    assert run.status() == status, "it does not grow stale: nothing will change any more"
    assert events == ["run.draining", "run.drained"]
    assert ends == ["ended"]


def test_a_plan_is_shown_and_a_reload_applied(tmp_path: Any) -> None:
    served = Process(tmp_path)
    served.settings.write_text("schema_version = 1\nlimit = 20\n")
    served.start()
    run = served.attach()

    async def main() -> None:
        assert (await run.plan()).changes == ()
        served.settings.write_text("schema_version = 1\nlimit = 30\nplace = 'there'\n")
        plan = await run.plan()
        assert list(map(str, plan.changes)) == ["limit: 20 → 30", "place: 'here' → 'there' (not while the run goes on)"]
        assert "place" in plan.refused[0]
        served.settings.write_text("schema_version = 1\nlimit = 3000\n")
        with pytest.raises(ConfigError, match="must be at most 100") as caught:
            await run.plan()
        assert caught.value.source == str(served.settings)
        assert (await run.reload()).applied is False
        with sw.acting("anna", why="too tight"):
            assert (await run.configure(limit=40)).version == 2
        assert list(map(str, (await run.rollback(1)).changes)) == ["limit: 40 → 20"]
        back, asked, *_ = await run.history()
        assert (back.version, back.restores, asked.who, asked.why) == (3, 1, "http", "too tight")
        assert (await run.configure({"limit": 50}, 0.1)).verified == 0.1
        assert "did you mean limit?" in (await run.configure(limits=3)).refused[0]
        with pytest.raises(TypeError, match=r"such as run.configure\(limit=3\)"):
            await run.configure(sw.Config())

    asyncio.run(main())
    served.kill()


def test_its_nodes_are_in_the_other_process_and_it_says_what_to_do_instead(run: RemoteRun) -> None:
    with pytest.raises(NotHereError, match=r"await run.tap\('board.\*'\)"):
        run["board"]
    with pytest.raises(KeyError, match="there is no 'bord'; there is ticks, double, board"):
        run["bord"]


def test_it_explains_itself(run: RemoteRun) -> None:
    assert "ready       ticking is ready" in str(run.explain())


def test_it_is_found_by_name_until_it_is_detached(shared: Process, run: RemoteRun) -> None:
    assert attached()["ticking"] is run
    assert attached(taken=["ticking"]) == {f"ticking@127.0.0.1:{shared.port}": run}
    run.detach()
    assert attached() == {}
    assert run.status().reasons == ("no news: it has been detached",)
    with pytest.raises(UnreachableError, match="has been detached: it was not asked to stop"):
        run.ask("stop").result(30)


def test_a_run_that_fails_tells_which_node_and_why() -> None:
    broken = sw.Graph("broken", sw.Replay("numbers", [1, 0]) >> sw.Map("invert", lambda n: 1 / n) >> sw.Count("end"))
    local = broken.start(host="thread")
    with local.serve(token=TOKEN) as server:
        run = attach(server.url, TOKEN)
        with pytest.raises(RunFailedError, match=r"run 'broken' failed in node 'invert'.*division by zero"):
            asyncio.run(run.done())


def test_a_loop_that_is_blocked_does_not_keep_the_status_from_being_heard() -> None:
    async def main() -> None:
        local = sw.Graph("here", sw.Replay("one", iter(int, 1)) >> sw.Count("count")).start()
        with local.serve(token=TOKEN) as server:
            run = attach(server.url, TOKEN)  # blocks the loop on which the run itself lives
            assert run.status().state == "running"
            await run.stop()
            assert local.settled

    asyncio.run(main())
