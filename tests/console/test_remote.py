"""The console of a run that is reached over HTTP: the same buttons, the same numbers, and what is said of its age."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamweave_lab.console import columns
from streamweave_lab.console.console import Console
from streamweave_lab.console.display import run_bundle
from streamweave_lab.console.feed import Feed
from streamweave_lab.console.snapshot import twin
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.remote.attach import attach
from streamweave_lab.remote.run import RemoteRun
from tests.console.runs import Limits, waiting
from tests.console.test_controls import Desk

Pair = tuple[LocalRun, RemoteRun]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    """A run in a thread, and the same over HTTP."""
    file = tmp_path / "limits.toml"
    file.write_text("schema_version = 1\nlimit = 20\n")
    here = waiting().start(Limits.load(file, environ={}), host="thread")
    with here.serve(token="a-token-to-be-asked-with") as server:
        far = attach(server.url, "a-token-to-be-asked-with")
        yield here, far
        far.detach()
    here.ask("stop").result(60)


def test_every_button_does_over_http_what_it_does_here(pair: Pair, tmp_path: Path) -> None:
    here, far = pair

    async def main() -> None:
        press = Desk(far).press
        assert (await press("pause"))["stage"] == "done"
        assert here.status().state == "paused"
        assert (await press("pause"))["stage"] == "done", "to press it again is no mistake"
        assert (await press("step"))["report"]["items"] == 0
        assert (await press("resume"))["stage"] == "done"
        assert (await press("checkpoint"))["reason"].endswith("pass store= to start")
        (tmp_path / "limits.toml").write_text("schema_version = 1\nlimit = 30\n")
        plan = (await press("reload-plan"))["report"]
        assert plan["changes"] == [{"field": "limit", "old": "20", "new": "30", "live": True}]
        (tmp_path / "limits.toml").write_text("schema_version = 1\nlimit = 31\n")
        assert (await press("reload-apply"))["report"]["changes"][0]["new"] == "31", "shown anew, not applied"
        assert here.config == Limits(limit=20)
        assert (await press("reload-apply"))["report"]["applied"] is True
        assert here.config == Limits(limit=31)
        drained = (await press("drain"))["report"]
        assert (drained["complete"], drained["dropped"]) == (True, {})
        assert far.status().state == here.status().state == "stopped"

    asyncio.run(main())


def test_what_a_button_asked_for_is_known_to_have_come_from_a_button(pair: Pair) -> None:
    here, _ = pair

    async def main() -> None:
        await Desk(here).press("pause")

    asyncio.run(main())
    assert [(e.event, e.by) for e in here.status().events][:1] == [("run.paused", "button")]


def test_the_console_follows_it_to_its_end_and_lets_it_go(pair: Pair) -> None:
    _, far = pair

    async def main() -> Console:
        console = Console(far)
        assert console.topology["url"] == far.url
        await far.stop()
        async with asyncio.timeout(60):
            while console._run is not None:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        return console

    assert asyncio.run(main()).present["words"]["state"] == "stopped"


def test_its_text_does_not_depend_on_where_it_is_served(pair: Pair) -> None:
    here, far = pair
    assert run_bundle(far)[0]["text/plain"] == "run of graph 'waiting' in another process: 3 nodes, 2 edges"
    assert run_bundle(here)[0]["text/html"] == run_bundle(far)[0]["text/html"]


def test_a_twin_and_the_words_say_how_old_a_status_is(pair: Pair) -> None:
    old = pair[1].status().model_copy(update={"stale_seconds": 75.4, "ready": False})
    assert columns.words(old)["stale"] == 75
    assert "was running when it was last heard of, 75 s before this was shown" in twin(old)
    assert columns.words(pair[0].status())["stale"] is None


def test_that_a_run_is_lost_and_found_is_told_though_no_number_moves(pair: Pair) -> None:
    known, feed = pair[1].status(), Feed()
    feed.viewers.saw("page", True, 0.0)
    told = []
    for tick in range(120):  # half a minute, in whose middle nothing is heard for 15 s
        now = tick * 0.25
        stale = now - 7.5 if 10.0 <= now < 22.5 else None
        message = feed.look(known.model_copy(update={"stale_seconds": stale}), now)
        if message and "words" in message[0]:
            told.append((now, message[0]["words"]["stale"]))
    assert told == [(0.0, None), (10.0, 2), (10.5, 3), (11.5, 4), (12.5, 5), (22.5, None)], "the page counts on"
