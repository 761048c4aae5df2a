"""Configuration versions of a run: who asked for each, what became of it, and how to go back."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, SecretStr, model_validator

from streamweave_lab.config.model import Config, live
from streamweave_lab.engine.actor import acting
from streamweave_lab.engine.protocol import VERBS
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.source import Wait
from streamweave_lab.operators import Collect, Map, Replay
from streamweave_lab.testing.loop import run_virtual


class Ticking(Replay[int]):
    """One item a second."""

    def poll(self, limit: int) -> Any:
        return super().poll(1) if self.clock.now() >= self.position else Wait(self.position - self.clock.now())


class Board(BaseModel):
    token: SecretStr | None = None
    rows: int = 3


class Settings(Config):
    factor: int = live(1, ge=0)
    name: str = "fixed"
    board: Board = live(Board())


def times(item: int, config: Settings) -> int:
    return item * config.factor


def ticking() -> Graph:
    return Graph(
        "ticking", Ticking("ticks", range(1, 10_000)) >> Map("times", times, config=Settings) >> Collect("all")
    )


def loaded(tmp_path: Path, text: str = "factor = 1") -> Settings:
    path = tmp_path / "settings.toml"
    path.write_text("schema_version = 1\n" + text)
    return Settings.load(path, environ={})


def test_the_history_says_who_asked_for_each_version_when_why_and_what_became_of_it() -> None:
    async def main() -> None:
        run = ticking().start(Settings())
        await asyncio.sleep(10.5)
        with acting("anna", why="too little", request_id="r1"):
            await run.configure(factor=3)
        await run.configure(factor=-1)
        refused, applied, started = run.history
        assert (started.version, started.outcome, started.who, started.at) == (1, "started", "code", 0.0)
        assert (applied.version, applied.outcome, applied.epoch, applied.at) == (2, "applied", 1, 10.5)
        assert (applied.who, applied.why, applied.request_id) == ("anna", "too little", "r1")
        assert applied.fingerprint == Settings(factor=3).fingerprint()
        assert [str(change) for change in applied.changes] == ["factor: 1 → 3"]
        assert (applied.values["factor"], applied.sources["factor"]) == (3, "runtime")
        assert (refused.version, refused.outcome) == (None, "refused")
        assert str(run.history) == (
            "refused, by code: factor = -1: must be at least 0, given at run time\n"
            "version 2 applied, by anna (too little): factor: 1 → 3\n"
            "version 1 started, by code"
        )
        await run.stop()

    run_virtual(main())


def test_a_version_is_proposed_while_its_barrier_is_on_its_way() -> None:
    async def main() -> None:
        run = ticking().start(Settings())
        await asyncio.sleep(5.2)
        seen = []
        run.history.keeper = lambda version: seen.append((version.version, version.outcome, run.config.factor))
        await run.configure(factor=2)
        assert seen == [(2, "proposed", 1), (2, "applied", 2)]
        assert len(run.history) == 2
        await run.stop()

    run_virtual(main())


def test_rollback_brings_back_the_version_before_and_then_the_one_before_that() -> None:
    async def main() -> None:
        run = ticking().start(Settings(factor=1))
        for factor in (2, 3):
            await run.configure(factor=factor)
        versions = []
        for _ in range(2):
            report = await run.rollback()
            versions.append((report.applied, report.version, run.config.factor, run.history.versions[0].restores))
        assert versions == [(True, 4, 2, 2), (True, 5, 1, 1)]
        assert (await run.rollback()).refused == ("there is no version before version 1 to go back to",)
        assert run.status().config.reloads == {"applied": 2, "rejected": 0, "rolled_back": 2}
        assert [event.event for event in run.events if event.event.startswith("config")] == [
            "config.rolled_back", "config.rolled_back", "config.applied", "config.applied",
        ]  # fmt: skip
        await run.stop()

    run_virtual(main())


def test_going_back_to_a_version_that_was_itself_gone_back_to_goes_on_from_what_that_one_restored() -> None:
    async def main() -> None:
        run = ticking().start(Settings(factor=1))
        for factor in (2, 3):
            await run.configure(factor=factor)
        await run.rollback()  # version 4 is version 2 again: 3 has been taken back
        await run.configure(factor=5)
        factors = []
        for _ in range(2):
            assert (await run.rollback()).applied
            factors.append(run.config.factor)
        assert factors == [2, 1]
        assert (await run.rollback()).refused == ("there is no version before version 1 to go back to",)
        await run.stop()

    run_virtual(main())


def test_a_reload_that_changes_nothing_is_told_as_that_and_names_what_a_change_at_run_time_hides(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        run = ticking().start(loaded(tmp_path, "factor = 1"))
        await run.reload()
        assert (run.events[0].event, run.events[0].message) == ("config.unchanged", "version 1 stays: nothing changed")
        await run.configure(factor=6)
        loaded(tmp_path, "factor = 7")
        report = await run.reload()
        assert (report.applied, report.version, report.changes) == (True, 2, ())
        (note,) = report.notes
        assert note.startswith(
            "factor: 7 in settings.toml is hidden by the change at run time to 6; to be rid of that, "
        )
        assert (run.events[0].event, note in run.events[0].message) == ("config.unchanged", True)
        await run.rollback()
        assert (await run.reload()).notes == ()
        assert run.config.factor == 7
        await run.stop()

    run_virtual(main())


def test_rollback_to_a_version_by_its_number_through_the_door_for_threads() -> None:
    async def main() -> None:
        run = ticking().start(Settings(factor=7))
        for factor in (2, 3):
            await run.configure(factor=factor)
        with acting("button"):
            report = await asyncio.wrap_future(run.ask("rollback", version=1))
        assert (report.applied, report.version, run.config.factor) == (True, 4, 7)
        assert [str(change) for change in report.changes] == ["factor: 3 → 7"]
        assert (run.history.versions[0].who, run.events[0].by) == ("button", "button")
        assert run.events[0].message == "version 4 active since epoch 3 with the values of version 1: factor: 3 → 7"
        assert (await run.rollback(9)).refused == ("version 9 is not in the history; there are 1, 2, 3, 4",)
        await run.stop()

    assert "rollback" in VERBS
    run_virtual(main())


def test_after_a_rollback_a_reload_reads_the_file_as_ever(tmp_path: Path) -> None:
    async def main() -> None:
        run = ticking().start(loaded(tmp_path, "factor = 1"))
        loaded(tmp_path, "factor = 2")
        assert (await run.reload()).applied
        await run.rollback()
        assert (run.config.factor, run.config.provenance()["factor"]) == (1, "version 1")
        loaded(tmp_path, "factor = 5")
        await run.reload()
        assert (run.config.factor, run.config.provenance()["factor"]) == (5, "file settings.toml")
        await run.stop()

    run_virtual(main())


def test_a_secret_that_has_changed_since_is_not_brought_back_and_that_is_said() -> None:
    async def main() -> None:
        run = ticking().start(Settings(board=Board(token=SecretStr("first-hush"))))
        await run.configure({"board.token": "second-hush", "factor": 2})
        report = await run.rollback()
        assert run.config == Settings(board=Board(token=SecretStr("second-hush")))
        assert report.notes == ("board.token has changed since version 1, and stays as it is now",)
        assert report.notes[0] in run.events[0].message
        told = str(run.history) + repr(list(run.history)) + repr([v.public() for v in run.history]) + repr(run.events)
        assert "hush" not in told
        await run.stop()

    run_virtual(main())


def test_two_changes_of_different_fields_at_once_both_hold() -> None:
    async def main() -> None:
        run = ticking().start(Settings())
        await asyncio.gather(run.configure(factor=2), run.configure({"board.rows": 9}))
        assert (run.config.factor, run.config.board.rows, run.config_version) == (2, 9, 3)
        await run.stop()

    run_virtual(main())


def test_a_reload_that_changes_nothing_is_no_new_version_and_heals_an_earlier_refusal(tmp_path: Path) -> None:
    async def main() -> None:
        run = ticking().start(loaded(tmp_path))
        (tmp_path / "settings.toml").write_text("nonsense")
        assert not (await run.reload()).applied
        assert run.status().config.last_reload_successful is False
        loaded(tmp_path)
        report = await run.reload()
        assert (report.applied, report.version, report.changes, run.epochs.current) == (True, 1, (), 0)
        assert run.status().config.last_reload_successful is True
        await run.stop()

    run_virtual(main())


def test_a_field_may_be_named_as_the_seconds_of_verification_are() -> None:
    class Odd(Config):
        verify: int = live(1)

    async def main() -> None:
        run = Graph("odd", Ticking("ticks", range(100)) >> Collect("all")).start(Odd())
        assert (await run.configure(verify=2)).version == 2
        assert (await run.configure({"verify": 3}, 0.5)).verified == pytest.approx(0.5)
        assert run.config == Odd(verify=3)
        await run.stop()

    run_virtual(main())


def test_the_history_is_bounded_and_goes_back_as_far_as_it_reaches() -> None:
    async def main() -> None:
        run = ticking().start(Settings())
        for factor in range(120):
            await run.configure(factor=factor % 2 + 2)
        assert (len(run.history), run.history.versions[0].version, run.history.versions[-1].version) == (100, 121, 22)
        assert (await run.rollback(60)).applied
        assert "version 1 is not in the history" in (await run.rollback(1)).refused[0]
        assert len(run.history._configs) <= 100
        await run.stop()

    run_virtual(main())


class Bounds(Config):
    low: int = live(1)
    high: int = live(10)
    name: str = "fixed"

    @model_validator(mode="after")
    def ordered(self) -> "Bounds":
        if self.low >= self.high:
            raise ValueError("low must be below high")
        return self


def held(item: int, config: Bounds) -> int:
    return min(max(item, config.low), config.high)


def test_what_is_wrong_is_refused_at_once_also_while_another_change_is_under_way() -> None:
    async def main() -> None:
        graph = Graph("held", Ticking("ticks", range(1, 10_000)) >> Map("hold", held, config=Bounds) >> Collect("all"))
        run = graph.start(Bounds())
        await asyncio.sleep(0.5)
        first = asyncio.ensure_future(run.configure({"high": 100}, 60.0))
        await asyncio.sleep(1)
        for wrong in ({"low": "many"}, {"lwo": 3}, {"name": "other"}, {"low": 200}):
            asked = run.core.clock.now()
            refused = await run.configure(wrong)
            assert not refused.applied
            assert run.core.clock.now() == asked
            assert not first.done()  # nor is the watching cut short
        assert (await run.configure(low=50)).applied  # right with what is under way, wrong without
        assert (await first).applied
        await run.stop()

    run_virtual(main())
