"""What a run shows to who explores it: names to complete, and a verb that was not awaited."""

import asyncio
from collections.abc import Coroutine

import streamweave_lab as sw
from streamweave_lab.engine.protocol import VERBS
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.graph.graph import Graph
from streamweave_lab.operators import Count, Replay
from streamweave_lab.testing.loop import run_virtual


def ended() -> LocalRun:
    return Graph("small", Replay("numbers", range(3)) >> Count("end")).run_to_end()


def test_a_verb_that_is_not_awaited_says_so_and_has_done_nothing() -> None:
    async def main() -> None:
        run = Graph("small", Replay("numbers", range(3)) >> Count("end")).start()
        asked = run.stop()
        assert repr(asked) == "run 'small': write await before stop(…); without it nothing happens"
        assert run.status().state == "running"
        assert isinstance(asked, Coroutine)
        assert (await asyncio.create_task(asked)).dropped == {}
        assert run.status().state == "stopped"
        finished = run.done()
        assert "await before done(…)" in repr(finished)
        assert (await finished).state == "stopped"

    run_virtual(main())


def test_a_run_completes_its_verbs_and_its_nodes_and_nothing_of_the_engine() -> None:
    run = ended()
    assert run._ipython_key_completions_() == ["numbers", "end"]
    assert {*VERBS, "status", "explain", "done", "graph", "events"} <= set(dir(run))
    assert not {"core", "epochs", "lifecycle", "stepper", "begin", "told"} & set(dir(run))
    assert all(hasattr(run, name) for name in dir(run))


def test_the_front_door_completes_its_public_names_only() -> None:
    assert [name for name in dir(sw) if not name.startswith("_")] == sorted(sw.__all__)
    assert all(hasattr(sw, name) for name in dir(sw))
