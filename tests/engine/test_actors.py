"""Who asked for something is known to the events that follow from it, and to no others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import streamweave_lab as sw
from streamweave_lab.errors import RunFailedError


def endless() -> sw.Graph:
    async def numbers() -> Any:
        number = 0
        while True:
            number += 1
            yield number
            await asyncio.sleep(0.001)

    return sw.Graph("endless", sw.Replay[Any]("numbers", numbers()) >> sw.Map("even", even) >> sw.Count("end"))


def even(number: int) -> int:
    if number % 50 == 0:
        raise ValueError(number)
    return number


def test_what_a_verb_does_is_told_with_who_asked_and_by_which_request() -> None:
    async def work() -> sw.LocalRun:
        run = endless().start(host="thread")
        with sw.acting("anna", why="a look", request_id="r-1"):
            await run.pause()
            await run.resume()
        await run.stop()
        return run

    told = {event.event: (event.by, event.request_id) for event in asyncio.run(work()).status().events}
    assert told["run.paused"] == told["run.resumed"] == ("anna", "r-1")
    assert told["run.started"] == told["run.stopped"] == (None, None)


def test_what_a_run_does_by_itself_is_nobodys_doing_whoever_started_and_resumed_it() -> None:
    async def work() -> sw.LocalRun:
        with sw.acting("anna"):
            run = endless().start()
            await run.pause()
            await run.resume()
            with pytest.raises(RunFailedError):
                await run.done()
        return run

    failed = next(event for event in asyncio.run(work()).status().events if event.event == "node.failed")
    assert failed.by is None
