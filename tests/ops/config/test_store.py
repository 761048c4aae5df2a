"""The journal of configuration versions: what survives a process, and what is never trusted."""

import asyncio
import json
import resource
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from click.testing import CliRunner
from pydantic import SecretStr

from streamweave_lab.cli.main import main as cli
from streamweave_lab.config.model import Config, live
from streamweave_lab.engine.actor import acting
from streamweave_lab.errors import ConfigError, StateError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.source import Wait
from streamweave_lab.operators import Collect, Replay
from streamweave_lab.ops.config.store import Journal
from streamweave_lab.testing.loop import run_virtual


class Ticking(Replay[int]):
    def poll(self, limit):
        return super().poll(1) if self.clock.now() >= self.position else Wait(self.position - self.clock.now())


class Settings(Config):
    factor: int = live(1, ge=0)
    token: SecretStr | None = live(None)
    fixed: str = "a"


def ticking(name: str = "ticking") -> Graph:
    return Graph(name, Ticking("ticks", range(1000)) >> Collect("all"))


def process(path: Path, config: Config, *changes, name: str = "ticking"):
    """As one process after another: start, change, end. Returns what `then` says about the run."""

    async def main():
        run = ticking(name).start(config)
        run.keep_history(path)
        reports = []
        for change in changes:
            report = await (run.configure(change) if isinstance(change, dict) else run.rollback(change))
            reports.append(report)
        said = str(run.history), run.config, run.status().config.version, reports
        await run.stop()
        return said

    return run_virtual(main())


def test_versions_are_numbered_on_through_all_processes(tmp_path):
    path = tmp_path / "deep" / "history.jsonl"
    with acting("anna", why="more"):
        process(path, Settings(), {"factor": 2}, {"factor": -2})
    said, _, number, _ = process(path, Settings(factor=5))
    assert number == 3
    assert said == (
        "version 3 started, by code\n"
        "refused, by anna (more): factor = -2: must be at least 0, given at run time\n"
        "version 2 applied, by anna (more): factor: 1 → 2\n"
        "version 1 started, by anna (more)"
    )


def test_a_process_that_begins_with_what_was_in_force_goes_on_with_its_number(tmp_path):
    path = tmp_path / "history.jsonl"
    process(path, Settings(), {"factor": 2})
    assert process(path, Settings(factor=2))[2] == 2


def test_a_rollback_reaches_what_an_earlier_process_had_and_says_what_it_cannot_bring_back(tmp_path):
    path = tmp_path / "history.jsonl"
    process(path, Settings(token=SecretStr("old-hush")), {"factor": 2})
    _, config, number, (report,) = process(path, Settings(factor=7, token=SecretStr("new-hush")), 2)
    assert (config.factor, config.token, number) == (2, SecretStr("new-hush"), 4)
    assert report.notes == ("token stays as it is now: secrets are not written down",)


def test_what_cannot_change_while_a_run_goes_on_cannot_be_rolled_back_either(tmp_path):
    path = tmp_path / "history.jsonl"
    process(path, Settings(fixed="old"))
    _, config, _, (report,) = process(path, Settings(fixed="new"), 1)
    assert (report.applied, config.fixed) == (False, "new")
    assert report.refused[0].startswith("fixed = 'old': cannot change while the run goes on")


def test_values_of_an_older_schema_are_migrated_when_they_are_brought_back(tmp_path):
    class Newer(Config):
        schema_version: ClassVar[int] = 2
        migrations: ClassVar = {1: lambda old: {"times": old["factor"]}}
        times: int = live(1)

    path = tmp_path / "history.jsonl"
    process(path, Settings(factor=9))
    assert process(path, Newer(), 1)[1] == Newer(times=9)


def test_a_change_that_a_crash_cut_off_stays_proposed_and_its_number_is_not_given_again(tmp_path):
    path = tmp_path / "history.jsonl"
    process(path, Settings())
    journal = Journal(path, "ticking")
    journal.write(replace(journal.versions()[0], id=2, version=2, outcome="proposed"))
    said, _, number, (report,) = process(path, Settings(factor=7), 2)
    assert (number, said.splitlines()[1]) == (3, "version 2 proposed, by code")
    assert report.refused == ("version 2 is not in the history; there are 1, 3",)


def test_no_secret_is_written(tmp_path):
    path = tmp_path / "history.jsonl"
    process(path, Settings(token=SecretStr("old-hush")), {"token": "new-hush"}, {"token": ["third-hush"]})
    text = path.read_text()
    assert "hush" not in text
    assert [json.loads(line.partition(" ")[2])["outcome"] for line in text.splitlines()] == [
        "started", "proposed", "applied", "refused",
    ]  # fmt: skip


def mended(path: Path) -> tuple[str, tuple[str, ...]]:
    """A process that begins with the journal `path`: its version, and what it was warned of."""

    async def main():
        run = ticking().start(Settings())
        run.keep_history(path)
        warned = tuple(each.message for each in run.events if each.event == "config.journal_mended")
        await run.stop()
        return str(run.history), warned

    return run_virtual(main())


@pytest.mark.parametrize("cut", [lambda text: text[:-40], lambda text: text[:-1] + "\0" * 9])
def test_a_last_line_that_a_power_cut_has_torn_is_dropped_and_the_run_goes_on_from_the_others(tmp_path, cut):
    path = tmp_path / "history.jsonl"
    process(path, Settings(), {"factor": 2})
    path.write_text(cut(path.read_text()))
    said, warned = mended(path)
    assert said == (
        "version 1 started, by code\nversion 2 proposed, by code: factor: 1 → 2\nversion 1 started, by code"
    )
    assert warned == (f"{path}: line 3, its last, was not written to its end, and is dropped",)
    assert len(Journal(path, None).versions()) == 3


@pytest.mark.parametrize(
    ("damage", "where"),
    [
        (lambda text: text.replace('"factor":2', '"factor":3'), 2),
        (lambda text: "".join(text.splitlines(keepends=True)[1:]), 1),
        (lambda text: text.replace("\n", "\n\n", 1), 2),
        (lambda text: text.replace('"factor":2', '"factor":3')[:-20], 2),
    ],
)
def test_a_journal_that_is_damaged_elsewhere_is_set_aside_and_never_trusted(tmp_path, damage, where):
    path = tmp_path / "history.jsonl"
    process(path, Settings(), {"factor": 2})
    (tmp_path / "history.jsonl.damaged-1").write_text("of an earlier day")
    path.write_text(damage(path.read_text()))
    spoilt = path.read_bytes()
    with pytest.raises(StateError, match=f"line {where} is damaged, its checksum .*sets it aside"):
        Journal(path, None if where == 2 else "ticking").versions()
    said, (warned,) = mended(path)
    assert said == "version 1 started, by code"
    assert warned == (
        f"{path}: line {where} is damaged, its checksum is wrong: it was changed, or a line before it taken out; "
        f"it is set aside as history.jsonl.damaged-2, and a new one begins"
    )
    assert (tmp_path / "history.jsonl.damaged-2").read_bytes() == spoilt


@pytest.mark.parametrize("content", ["limit = 5\n", "limit = 5", '{"limit": 5}'])
def test_a_file_that_is_no_journal_is_left_as_it_is(tmp_path, content):
    (tmp_path / "settings.toml").write_text(content)
    with pytest.raises(StateError, match=r"settings\.toml is no journal of a configuration; name another file"):
        process(tmp_path / "settings.toml", Settings())
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("settings.toml", content)]


def test_a_line_that_waits_for_a_journal_that_is_set_aside_comes_into_the_new_one(tmp_path):
    path = tmp_path / "history.jsonl"
    process(path, Settings())
    journal = Journal(path, "ticking")
    (version,) = journal.versions()
    with ThreadPoolExecutor(1) as other, journal._alone():
        writing = other.submit(journal.write, version)
        path.rename(tmp_path / "aside")
        assert not writing.done()
    writing.result()
    assert journal.versions() == (version,)


def test_a_journal_of_another_graph_is_refused(tmp_path):
    path = tmp_path / "history.jsonl"
    process(path, Settings())
    with pytest.raises(StateError, match="is the journal of graph 'ticking', not 'other'; name another"):
        process(path, Settings(), name="other")


def test_a_history_is_kept_from_its_beginning_or_not_at_all(tmp_path):
    async def main():
        run = ticking().start(Settings())
        await run.configure(factor=2)
        with pytest.raises(StateError, match="before any change"):
            run.keep_history(tmp_path / "history.jsonl")
        await run.stop()
        bare = ticking("bare").start()
        with pytest.raises(ConfigError, match="without a configuration"):
            bare.keep_history(tmp_path / "history.jsonl")
        await bare.stop()

    run_virtual(main())
    assert list(tmp_path.iterdir()) == []


def test_a_journal_that_can_no_longer_be_written_stops_no_change_and_is_told(tmp_path):
    async def main():
        run = ticking().start(Settings())
        run.keep_history(tmp_path / "history.jsonl")
        (tmp_path / "history.jsonl").write_text("spoilt by somebody\n")
        assert (await run.configure(factor=2)).applied
        told = [event for event in run.events if event.event == "config.journal_failed"]
        assert len(told) == 2
        assert "line 1 is damaged" in told[0].message
        await run.stop()

    run_virtual(main())


def test_where_there_is_no_room_no_half_line_is_left(tmp_path):
    path = tmp_path / "history.jsonl"
    process(path, Settings())
    journal, before = Journal(path, "ticking"), path.read_bytes()
    (version,) = journal.versions()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 40, hard))
    try:
        with pytest.raises(OSError, match=r"no room|File too large"):
            journal.write(version)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    journal.write(version)
    assert journal.versions() == (version,)


class Silent(Replay[int]):
    def poll(self, limit):
        return Wait(60)


def test_on_a_loop_of_real_time_the_journal_is_written_beside_it(tmp_path):
    async def main():
        run = Graph("ticking", Silent("silent", []) >> Collect("all")).start(Settings())
        run.keep_history(tmp_path / "history.jsonl")
        await run.configure(factor=2)
        await run.stop()
        assert (await run.configure(factor=3)).refused == (
            "the run is stopped; a configuration is applied while it runs",
        )

    asyncio.run(main())
    assert [version.outcome for version in Journal(tmp_path / "history.jsonl", "ticking").versions()] == [
        "refused", "applied", "started",
    ]  # fmt: skip


def test_a_journal_is_read_while_nothing_runs_and_what_is_none_is_refused(tmp_path):
    path = tmp_path / "history.jsonl"
    process(path, Settings(), {"factor": 2})
    assert [(each.version, each.outcome) for each in Journal(path, None).versions()] == [(2, "applied"), (1, "started")]
    answer = CliRunner().invoke(cli, ["config", "history", str(path)])
    assert (answer.exit_code, "factor: 1 → 2" in answer.stdout) == (0, True)
    (tmp_path / "other").write_text("{}")
    with pytest.raises(StateError, match="is no journal of a configuration; name another file"):
        Journal(tmp_path / "other", None).versions()


def test_a_process_that_goes_on_with_a_version_that_was_gone_back_to_goes_back_from_what_that_one_restored(tmp_path):
    path = tmp_path / "history.jsonl"
    process(path, Settings(factor=1), {"factor": 2}, {"factor": 3}, 1)
    history, config, version, (report,) = process(path, Settings(factor=1), None)
    assert report.refused == ("there is no version before version 1 to go back to",)
    assert (config.factor, version) == (1, 4)
    assert "version 4 started, as version 1, by code" in history.splitlines()


def test_who_started_a_run_is_kept_in_its_journal(tmp_path):
    async def main():
        with acting("cli", why="by hand"):
            run = ticking().start(Settings())
        run.keep_history(tmp_path / "history.jsonl")
        await run.stop()

    run_virtual(main())
    (started,) = Journal(tmp_path / "history.jsonl", None).versions()
    assert (started.who, started.why, started.outcome, started.epoch) == ("cli", "by hand", "started", 0)


def test_a_number_that_is_not_finite_is_refused():
    class Bounded(Config):
        limit: float = live(1.0, gt=0)

    with pytest.raises(ConfigError, match="limit = inf"):
        Bounded().changed(limit=float("inf"))
