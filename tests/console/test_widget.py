"""The widget, with what it sends recorded where a kernel would carry it away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import comm
import pytest
from comm.base_comm import BaseComm

from streamweave_lab.console.console import Console
from streamweave_lab.console.feed import FRAME_SECONDS
from tests.console.runs import Limits, finished, sieve, waiting

if TYPE_CHECKING:
    from streamweave_lab.engine.run import LocalRun

Sent = list[tuple[dict[str, Any], list[bytes]]]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Sent:
    """All messages to the browser, in order, after a widget is made."""
    messages: Sent = []

    class Recorded(BaseComm):
        def publish_msg(
            self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **_: Any
        ) -> None:
            if msg_type == "comm_msg":
                messages.append((data, buffers or []))

    monkeypatch.setattr(comm, "create_comm", Recorded)
    return messages


def customs(sent: Sent) -> list[dict[str, Any]]:
    return [data["content"] for data, _ in sent if data.get("method") == "custom"]


def said_by_page(console: Console, **message: Any) -> None:
    console._handle_custom_msg(message, [])


async def until(what: Any) -> None:
    async with asyncio.timeout(60):
        while not what():  # noqa: ASYNC110 - what is sent is seen only by looking
            await asyncio.sleep(0.01)


def test_nothing_is_sent_before_a_page_looks(sent: Sent) -> None:
    async def main() -> None:
        run = sieve(iter(int, 1)).start(Limits())
        Console(run)
        await asyncio.sleep(2 * FRAME_SECONDS)
        assert sent == []
        await run.stop()

    asyncio.run(main())


def test_a_page_that_looks_gets_what_it_missed_and_then_frames(sent: Sent) -> None:
    async def main() -> None:
        run = sieve(iter(int, 1)).start(Limits())
        console = Console(run)
        said_by_page(console, do="see", page="p", visible=True)
        await until(lambda: sum("frame" in content for content in customs(sent)) >= 3)
        first, *others = customs(sent)
        assert first["present"]["words"]["state"] == "running"
        assert all(content["frame"] for content in others)
        said_by_page(console, do="see", page="p", visible=False)
        count = len(sent)
        await asyncio.sleep(3 * FRAME_SECONDS)
        assert len(sent) == count
        await run.stop()

    asyncio.run(main())


def test_the_end_is_sent_with_its_account_and_the_run_is_let_go(sent: Sent) -> None:
    async def main() -> None:
        run = waiting().start()
        console = Console(run)
        await run.drain()
        await until(lambda: console._run is None)
        last = customs(sent)[-1]
        assert last["words"]["state"] == "stopped"
        assert last["words"]["drain"] == {"phase": "over", "complete": True, "dropped": {}}
        assert console.present["words"]["state"] == "stopped"

    asyncio.run(main())


def test_a_new_page_is_told_what_is_true_now(sent: Sent) -> None:
    async def main() -> None:
        run = waiting().start()
        console = Console(run)
        assert console.get_state()["present"]["words"]["state"] == "running"
        await run.pause()
        assert console.get_state()["present"]["words"]["state"] == "paused"
        await run.stop()

    asyncio.run(main())


def test_the_console_of_a_run_that_has_ended_still_shows_it(sent: Sent) -> None:
    console = Console(finished())
    said_by_page(console, do="see", page="p", visible=True)
    assert console.get_state()["present"]["words"]["state"] == "stopped"
    said_by_page(console, do="drain", id="p-1")
    assert customs(sent) == [{"answer": "p-1", "verb": "drain", "stage": "refused", "reason": "the run is stopped"}]


def test_a_press_reaches_the_run(sent: Sent) -> None:
    async def main() -> None:
        run: LocalRun = waiting().start()
        console = Console(run)
        said_by_page(console, do="pause", id="p-1")
        assert customs(sent)[-1]["stage"] == "queued"
        await until(lambda: customs(sent)[-1]["stage"] == "done")
        assert run.status().state == "paused"
        await run.stop()

    asyncio.run(main())


def test_a_run_in_a_thread_is_shown_from_the_callers_loop(sent: Sent) -> None:
    async def main() -> None:
        run = sieve(iter(int, 1)).start(Limits(), host="thread")
        console = Console(run)
        said_by_page(console, do="see", page="p", visible=True)
        await until(lambda: sum("frame" in content for content in customs(sent)) >= 2)
        await run.stop()
        await until(lambda: console._run is None)
        assert customs(sent)[-1]["words"]["state"] == "stopped"

    asyncio.run(main())
