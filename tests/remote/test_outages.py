"""The process is killed, stopped and started again, and answers are lost: what is known stays, and is done once."""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

import streamweave_lab as sw
from streamweave_lab.engine.status import EventStatus
from streamweave_lab.errors import UnreachableError
from streamweave_lab.remote import line, watch
from streamweave_lab.remote.attach import attach
from tests.remote.conftest import TOKEN, Process, until
from tests.remote.lossy import Lossy


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked again soon: a test has no time for the real pauses."""
    monkeypatch.setattr(watch, "LONGEST_RETRY", 0.5)


@pytest.fixture
def lossy(shared: Process) -> Iterator[Lossy]:
    between = Lossy(shared.port)
    yield between
    between.close()


def stale(status: sw.Status) -> bool:
    return status.stale_seconds is not None


def test_a_killed_process_leaves_its_last_status_which_grows_old_until_it_is_back(process: Process) -> None:
    run = process.attach()
    told: list[EventStatus] = []
    run.observe(told.append)
    until(lambda: run.status().node("board").items_in["in"] > 20)
    process.kill()
    last = until(lambda: stale(run.status()) and run.status())
    assert (last.state, last.ready) == ("running", False)
    assert last.node("board").items_in["in"] > 20
    assert last.reasons[0].startswith("no news: ")
    assert re.fullmatch(r"ticking: running when it was last heard of, \d+ s ago", str(last).splitlines()[0])
    assert "ready       no news: " in str(run.explain())
    until(lambda: (run.status().stale_seconds or 0) > 1.0)
    with pytest.raises(UnreachableError, match=r"'ticking' was not asked to drain: nothing answers at .*: no process"):
        run.ask("drain").result(30)
    process.start()
    until(lambda: not stale(run.status()))
    assert run.status().ready
    assert run.status().started_at != last.started_at
    until(lambda: "run.started" in [event.event for event in told])


def test_a_process_that_hangs_is_noticed_and_does_once_what_it_was_asked_meanwhile(
    shared: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(watch, "SILENT_SECONDS", 0.2)
    run = shared.attach()
    shared.send(signal.SIGSTOP)
    until(lambda: stale(run.status()))
    assert "does not answer" in run.status().reasons[0]
    asked = run.ask("pause")
    until(lambda: (run.status().stale_seconds or 0) > 2.5)  # by now it has been asked more than once
    assert not asked.done()
    shared.send(signal.SIGCONT)
    assert asked.result(60) is None
    until(lambda: run.status().state == "paused")
    assert [event.event for event in run.status().events].count("run.paused") == 1
    run.ask("resume").result(30)


def test_a_control_whose_answers_are_lost_is_carried_out_once(lossy: Lossy) -> None:
    run = attach(lossy.url, TOKEN)
    run.ask("pause").result(30)
    run.ask("step", items=1).result(30)  # what was on its way, and what was due, has come in
    before = run.status().node("ticks").items_out["out"]
    lossy.posted.clear()
    lossy.lose = 2
    stepped = until(lambda: run.ask("step", items=1).result(30))
    after = run.status().node("ticks").items_out["out"]
    assert lossy.posted == [b"POST /step?wait=1 HTTP/1.1"] * 3
    assert after - before == stepped.items <= 1
    assert lossy.lose == 0
    run.ask("resume").result(30)


def test_a_control_is_not_asked_a_second_time_of_another_process(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "SILENT_SECONDS", 0.2)
    run = process.attach()
    process.send(signal.SIGSTOP)
    asked = run.ask("drain")
    until(lambda: stale(run.status()))
    process.kill()
    process.start()
    with pytest.raises(UnreachableError, match="its process was replaced before it answered: it is not asked a second"):
        asked.result(60)
    until(lambda: not stale(run.status()))
    assert run.status().state == "running", "the new process goes on"


def test_another_graph_at_the_same_address_is_not_taken_for_it(process: Process) -> None:
    run = process.attach()
    process.kill()
    other = sw.Graph("other", sw.Replay("one", [1]) >> sw.Count("count")).run_to_end()
    with other.serve(port=process.port, token=TOKEN):
        until(lambda: "another graph runs at" in " ".join(run.status().reasons))
        assert run.status().graph == "ticking"
    process.start()
    until(lambda: not stale(run.status()))


def test_nothing_is_asked_of_a_run_that_nobody_holds_any_more(shared: Process) -> None:
    run: Any = shared.attach()
    looked = run._watch
    del run
    until(lambda: looked.closed)


def test_whoever_looks_on_is_told_often_and_others_seldom(lossy: Lossy) -> None:
    run = attach(lossy.url, TOKEN)

    def looks_a_second(pause: float) -> float:
        before, began = lossy.looks, time.monotonic()
        while (lasted := time.monotonic() - began) < 2.0:
            time.sleep(pause)
            run.status()
        return (lossy.looks - before) / lasted

    until(lambda: looks_a_second(pause=0.1) > 2.0)  # at most four, and fewer if the machine is slow
    until(lambda: 0 < looks_a_second(pause=0.6) < 2.0)  # one in 0.8 s, once it is seen that nobody looks on


def test_a_notebooks_loop_never_waits_for_a_process_that_hangs(shared: Process) -> None:
    async def main() -> list[float]:
        run, loop = shared.attach(), asyncio.get_running_loop()
        shared.send(signal.SIGSTOP)
        took = []
        asked = [run.ask("plan"), run.ask("tap", pattern="*")]
        for _ in range(100):
            began = loop.time()
            run.status()
            run._repr_mimebundle_()
            await asyncio.sleep(0.01)
            took.append(loop.time() - began)
        shared.send(signal.SIGCONT)
        for future in asked:
            future.cancel()
        return sorted(took)

    assert asyncio.run(main())[-10] < 1.0, "not waited for, though the machine may stand still a few times"
