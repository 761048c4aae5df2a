"""What the buttons do, pressed once, twice, and too late."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

from streamweave_lab.console.controls import Controls
from tests.console.runs import Limits, waiting

if TYPE_CHECKING:
    from pathlib import Path

    from streamweave_lab.engine.protocol import Run


class Desk:
    """Controls of a run, and the answers they gave."""

    def __init__(self, run: Run) -> None:
        self.answers: list[dict[str, Any]] = []
        self._controls = Controls(run, asyncio.get_running_loop(), self.answers.append)
        self._pressed = 0

    async def press(self, verb: str, **more: Any) -> dict[str, Any]:
        """Press, and wait for the outcome."""
        self._pressed += 1
        press = more.pop("id", f"p{self._pressed}")
        self._controls.press({"do": verb, "id": press, **more})
        assert self.answers[-1]["stage"] in ("queued", "refused")
        return await self.outcome(press)

    async def outcome(self, press: str) -> dict[str, Any]:
        async with asyncio.timeout(60):
            while True:
                for answer in self.answers:
                    if answer["answer"] == press and answer["stage"] != "queued":
                        return answer
                await asyncio.sleep(0)

    def press_unheard(self, verb: str, press: str) -> None:
        self._controls.press({"do": verb, "id": press})


def test_a_press_is_answered_at_once_and_again_when_it_is_done() -> None:
    async def main() -> None:
        desk = Desk(waiting().start())
        outcome = await desk.press("drain", timeout=5)
        assert [answer["stage"] for answer in desk.answers] == ["queued", "done"]
        assert outcome["report"]["complete"] is True
        assert outcome["report"]["dropped"] == {}

    asyncio.run(main())


def test_every_button_can_be_pressed_twice() -> None:
    async def main() -> None:
        run = waiting().start()
        desk = Desk(run)
        for verb, state in [("pause", "paused"), ("resume", "running"), ("drain", "stopped"), ("stop", "stopped")]:
            first, second = await desk.press(verb), await desk.press(verb)
            assert (first["stage"], second["stage"]) == ("done", "done")
            assert run.status().state == state

    asyncio.run(main())


def test_the_same_press_delivered_twice_counts_once() -> None:
    async def main() -> None:
        run = waiting().start()
        desk = Desk(run)
        desk.press_unheard("pause", "once")
        desk.press_unheard("pause", "once")
        await desk.outcome("once")
        assert [answer["stage"] for answer in desk.answers] == ["queued", "done"]
        await run.stop()

    asyncio.run(main())


def test_what_is_not_possible_now_is_refused_with_its_reason() -> None:
    async def main() -> None:
        run = waiting().start()
        await run.stop()
        outcome = await Desk(run).press("resume")
        assert outcome["stage"] == "refused"
        assert outcome["reason"] == "run 'waiting' is stopped: it cannot resume now; start the graph again"

    asyncio.run(main())


def test_a_button_that_does_not_exist_is_refused() -> None:
    async def main() -> None:
        run = waiting().start()
        assert (await Desk(run).press("explode"))["reason"] == "there is no control 'explode'"
        await run.stop()

    asyncio.run(main())


def test_buttons_work_from_any_thread() -> None:
    async def main() -> None:
        run = waiting().start()
        desk = Desk(run)
        threading.Thread(target=desk.press_unheard, args=("pause", "from afar")).start()
        assert (await desk.outcome("from afar"))["stage"] == "done"
        assert run.status().state == "paused"
        await run.stop()

    asyncio.run(main())


def test_a_reload_is_shown_before_it_is_applied(tmp_path: Path) -> None:
    async def main() -> None:
        file = tmp_path / "limits.toml"
        file.write_text("schema_version = 1\nlimit = 20\n")
        run = waiting().start(Limits.load(file, environ={}))
        desk = Desk(run)
        file.write_text("schema_version = 1\nlimit = 30\n")
        plan = (await desk.press("reload-plan"))["report"]
        assert plan == {
            "changes": [{"field": "limit", "old": "20", "new": "30", "live": True}],
            "refused": (),
            "notes": (),
        }
        assert run.config == Limits(limit=20)
        applied = (await desk.press("reload-apply"))["report"]
        assert (applied["applied"], applied["version"]) == (True, 2)
        assert run.config == Limits(limit=30)
        await run.stop()

    asyncio.run(main())


def test_a_file_that_changed_since_it_was_shown_is_shown_again(tmp_path: Path) -> None:
    async def main() -> None:
        file = tmp_path / "limits.toml"
        file.write_text("schema_version = 1\nlimit = 20\n")
        run = waiting().start(Limits.load(file, environ={}))
        desk = Desk(run)
        file.write_text("schema_version = 1\nlimit = 30\n")
        await desk.press("reload-plan")
        file.write_text("schema_version = 1\nlimit = 40\n")
        outcome = await desk.press("reload-apply")
        assert outcome["report"]["changes"][0]["new"] == "40"
        assert run.config == Limits(limit=20)
        await run.stop()

    asyncio.run(main())


def test_a_bad_file_is_refused_with_field_value_and_limit(tmp_path: Path) -> None:
    async def main() -> None:
        file = tmp_path / "limits.toml"
        file.write_text("schema_version = 1\nlimit = 20\n")
        run = waiting().start(Limits.load(file, environ={}))
        file.write_text("schema_version = 1\nlimit = 1000\n")
        report = (await Desk(run).press("reload-plan"))["report"]
        (reason,) = report["refused"]
        assert "limit = 1000" in reason
        assert "100" in reason
        assert run.status().config is not None
        assert run.config == Limits(limit=20)
        await run.stop()

    asyncio.run(main())


def test_without_a_configuration_a_reload_says_so() -> None:
    async def main() -> None:
        run = waiting().start()
        report = (await Desk(run).press("reload-plan"))["report"]
        assert report["refused"] == ["it was started without a configuration; pass config= to start"]
        await run.stop()

    asyncio.run(main())
