"""A change of configuration after which the run does worse is rolled back by the same road."""

import asyncio
from typing import Any

import pytest
from pydantic import SecretStr

from streamweave_lab.config.model import Config, live
from streamweave_lab.engine.verify import Health, Work, since, worse
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.source import Wait
from streamweave_lab.graph.supervision import Supervision
from streamweave_lab.operators import Collect, Map, Replay
from streamweave_lab.testing.loop import run_virtual


class Ticking(Replay[int]):
    """Ten items a second."""

    def poll(self, limit: int) -> Any:
        due = self.position / 10
        return super().poll(1) if self.clock.now() >= due else Wait(due - self.clock.now())


class Settings(Config):
    limit: int = live(100)
    token: SecretStr | None = live(None)


def checked(item: int, config: Settings) -> int:
    if item % 100 >= config.limit:
        raise ValueError("above the limit")
    return item


def graph() -> Graph:
    check = Map("check", checked, config=Settings)
    source, rejects = Ticking("ticks", range(100_000)), Collect[Any]("rejects")
    return Graph("checked", source >> check >> Collect("all"), check.error >> rejects)


def bare(**settings: Any) -> Graph:
    """A refused item fails the node."""
    source, check = Ticking("ticks", range(10_000)), Map("check", checked, config=Settings)
    return Graph("checked", source >> check >> Collect("all"), **settings)


def test_a_change_after_which_more_items_are_refused_is_rolled_back_and_the_report_says_why() -> None:
    async def main() -> None:
        run = graph().start(Settings())
        await asyncio.sleep(10)
        report = await run.configure({"limit": 0}, 5.0)
        assert (report.applied, report.rolled_back, report.version) == (False, True, 3)
        share, after = report.refused
        assert share == "check refuses 100% of its items, before it were 0.0%"
        assert after == f"so version 2 was rolled back after {report.verified:.1f} s"
        assert report.verified < 1.0
        assert run.config == Settings()
        config = run.status().config
        assert config.reloads == {"applied": 1, "rejected": 0, "rolled_back": 1}
        assert (config.version, config.last_reload_successful) == (3, False)
        back, bad, _ = run.history
        assert (back.version, back.outcome, back.restores) == (3, "applied", 1)
        assert (bad.version, bad.outcome, bad.notes) == (2, "rolled_back", (share, after))
        assert [event.event for event in run.events[:2]] == ["config.rolled_back", "node.item_refused"]
        assert share in run.events[0].message
        refused = len(run["rejects"].items)
        await asyncio.sleep(10)
        assert len(run["rejects"].items) == refused
        await run.stop()

    run_virtual(main())


def test_a_change_that_does_no_harm_stays() -> None:
    async def main() -> None:
        run = graph().start(Settings())
        report = await run.configure({"limit": 101}, 5.0)
        assert (report.applied, report.rolled_back, report.version, report.verified) == (True, False, 2, 5.0)
        await run.stop()

    run_virtual(main())


def test_a_run_that_refused_as_many_before_is_not_rolled_back() -> None:
    async def main() -> None:
        run = graph().start(Settings(limit=50))
        await asyncio.sleep(20)
        assert (await run.configure({"limit": 40}, 20.0)).applied
        await run.stop()

    run_virtual(main())


def test_without_verification_nothing_is_rolled_back() -> None:
    async def main() -> None:
        run = graph().start(Settings())
        report = await run.configure(limit=0)
        await asyncio.sleep(10)
        assert (report.applied, report.verified, run.config_version) == (True, 0.0, 2)
        await run.stop()

    run_virtual(main())


def test_a_node_that_fails_and_begins_again_is_a_reason_to_roll_back() -> None:
    async def main() -> None:
        run = bare(supervise={"check": Supervision(policy="restart")}).start(Settings())
        await asyncio.sleep(10)
        report = await run.configure({"limit": 0}, 5.0)
        assert (report.rolled_back, report.refused[0]) == (True, "check has failed and begins again")
        assert run.status().state == "running"
        await run.stop()

    run_virtual(main())


def test_a_run_that_does_not_survive_a_change_cannot_be_rolled_back_and_the_history_says_which_it_was() -> None:
    async def main() -> None:
        run = bare().start(Settings())
        await asyncio.sleep(10)
        report = await run.configure({"limit": 0}, 5.0)
        assert (report.applied, report.rolled_back) == (False, False)
        assert report.refused[-1] == "start it again with the values of version 1"
        assert report.refused[1] == "failed: check: ValueError"  # its words may quote an item, and this is kept
        assert (run.history.versions[0].version, run.history.versions[0].outcome) == (2, "failed")

    run_virtual(main())


def test_another_change_does_not_wait_for_the_verification_of_the_one_before() -> None:
    async def main() -> None:
        run = graph().start(Settings())
        first = asyncio.ensure_future(run.configure({"limit": 110}, 600.0))
        await asyncio.sleep(1)
        began = asyncio.get_running_loop().time()
        second = await run.configure(limit=120)
        assert asyncio.get_running_loop().time() - began < 1
        report = await first
        assert (report.version, second.version) == (2, 3)
        assert report.notes == ("not watched to the end: another change was asked for",)
        await run.stop()

    run_virtual(main())


@pytest.mark.parametrize("verb", ["pause", "stop"])
def test_a_run_that_somebody_pauses_or_ends_meanwhile_is_not_rolled_back(verb: str) -> None:
    async def main() -> None:
        run = graph().start(Settings())
        change = asyncio.ensure_future(run.configure({"limit": 110}, 600.0))
        await asyncio.sleep(1)
        await getattr(run, verb)()
        report = await change
        assert (report.applied, report.rolled_back) == (True, False)
        assert report.notes == (f"not watched to the end: the run is {run.lifecycle.state.value}",)
        await run.stop()

    run_virtual(main())


def test_a_secret_goes_back_with_the_version_that_did_harm_and_that_is_said() -> None:
    async def main() -> None:
        run = graph().start(Settings(token=SecretStr("old-hush")))
        report = await run.configure({"limit": 0, "token": "new-hush"}, 5.0)
        assert report.notes == ("token went back too",)
        assert run.config.token == SecretStr("old-hush")
        assert "hush" not in repr(report) + repr(run.events) + str(run.history)
        await run.stop()

    run_virtual(main())


def test_what_a_node_refused_before_an_earlier_change_is_no_measure_for_the_next() -> None:
    async def main() -> None:
        run = graph().start(Settings(limit=0))
        await asyncio.sleep(100)
        await run.configure(limit=100)
        await asyncio.sleep(100)
        report = await run.configure({"limit": 50}, 20.0)
        assert report.rolled_back
        assert report.refused[0].endswith("of its items, before it were 0.0%")
        await run.stop()

    run_virtual(main())


def test_after_two_changes_in_quick_succession_all_that_came_before_is_the_measure() -> None:
    last = Health({"a": Work(1000, 50)})
    assert since(last, Health({"a": Work(1099, 50)})).nodes["a"] == Work(1099, 50)
    assert since(last, Health({"a": Work(1100, 50)})).nodes["a"] == Work(100, 0)


def test_what_is_worse_is_told_apart_from_what_was_so_before() -> None:
    before = Health({"a": Work(100, 1)}, ("a falls behind",))
    applied = Health({"a": Work(200, 2)}, ("a falls behind",))
    assert worse(before, applied, Health({"a": Work(1200, 4)}, ("a falls behind",))) == ()
    assert worse(before, applied, Health({"a": Work(300, 4)})) == ()  # two are too few
    assert worse(before, applied, Health({"a": Work(300, 12)})) == ("a refuses 10% of its items, before it were 1.0%",)
    assert worse(before, applied, Health({"a": Work(300, 2, 1)}, ("stuck",))) == (
        "it is not ready: stuck",
        "a has failed and begins again",
    )
