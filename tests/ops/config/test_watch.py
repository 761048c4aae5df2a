"""Files of a configuration that change while a run goes on: really watched, in real time."""

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from streamweave_lab.config.model import Config, live
from streamweave_lab.engine.run import LocalRun
from streamweave_lab.errors import ConfigError, IllegalMoveError
from streamweave_lab.graph.graph import Graph
from streamweave_lab.graph.source import Wait
from streamweave_lab.operators import Collect, Map, Replay


class Settings(Config):
    factor: int = live(1, ge=0)
    token: SecretStr | None = live(None)


class Silent(Replay[int]):
    def poll(self, limit):
        return Wait(60)


def silent() -> Graph:
    return Graph("silent", Silent("numbers", [1]) >> Map("abs", abs) >> Collect("all"))


def written(path: Path, text: str) -> Path:
    """As careful editors do: the new file takes the place of the old one."""
    beside = path.with_name(path.name + "~")
    beside.write_text("schema_version = 1\n" + text)
    beside.replace(path)
    return path


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():  # noqa: ASYNC110 - the world outside sends no event
            await asyncio.sleep(0.02)


def factor(run: LocalRun) -> int:
    return run.config.factor


def watched(path: Path, then, **options) -> None:
    """Start a run with the configuration in `path`, watch it, and do `then`."""

    async def main():
        run = silent().start(Settings.load(path, environ={}))
        with run.watch_config(verify=0.0, **options) as watch:
            await then(run)
        assert watch.closed
        await run.stop()

    asyncio.run(main())


def told(run: LocalRun, event: str) -> list[str]:
    return [each.message for each in run.events if each.event == event]


def test_a_file_that_is_replaced_is_reloaded_on_behalf_of_the_file(tmp_path):
    path = written(tmp_path / "settings.toml", "factor = 1")

    async def then(run):
        written(path, "factor = 2")
        await until(lambda: factor(run) == 2)
        await until(lambda: run.history.versions[0].outcome == "applied")
        assert [version.version for version in run.history] == [2, 1]
        assert (run.history.versions[0].who, run.events[0].by) == ("file settings.toml", "file settings.toml")
        path.write_text("schema_version = 1\nfactor = 3")  # in its place
        await until(lambda: factor(run) == 3)

    watched(path, then)


def test_a_link_that_is_swapped_in_a_mounted_folder_is_reloaded(tmp_path):
    for name, number in (("..2026_1", 1), ("..2026_2", 2), ("..2026_3", 3)):
        (tmp_path / name).mkdir()
        written(tmp_path / name / "settings.toml", f"factor = {number}")
    (tmp_path / "..data").symlink_to("..2026_1")
    (tmp_path / "settings.toml").symlink_to("..data/settings.toml")

    async def then(run):
        for number in (2, 3):
            (tmp_path / "..data_tmp").symlink_to(f"..2026_{number}")
            (tmp_path / "..data_tmp").replace(tmp_path / "..data")
            shutil.rmtree(tmp_path / f"..2026_{number - 1}")
            await until(lambda number=number: factor(run) == number)

    watched(tmp_path / "settings.toml", then)


def test_a_refused_change_is_told_once_and_the_old_configuration_stays(tmp_path):
    path = written(tmp_path / "settings.toml", "factor = 1")

    async def then(run):
        written(path, "factor = -1")
        await until(lambda: bool(told(run, "config.rejected")))
        (tmp_path / "another").write_text("something else happens in the folder")
        await asyncio.sleep(0.6)
        assert told(run, "config.rejected") == ["factor = -1: must be at least 0, in settings.toml"]
        assert factor(run) == 1
        written(path, "factor = 4")
        await until(lambda: factor(run) == 4)

    watched(path, then)


def test_a_file_that_vanishes_is_told_once_and_watched_until_it_is_back(tmp_path):
    path = written(tmp_path / "settings.toml", "factor = 1")

    async def then(run):
        path.unlink()
        await until(
            lambda: told(run, "config.rejected") == ["file settings.toml cannot be read: No such file or directory"]
        )
        written(path, "factor = 1")
        await until(lambda: run.status().config.last_reload_successful is True)
        written(path, "factor = 5")
        await until(lambda: factor(run) == 5)
        assert run.config_version == 2

    watched(path, then)


def test_a_folder_that_vanishes_is_watched_when_it_is_back(tmp_path):
    folder = tmp_path / "etc"
    folder.mkdir()
    path = written(folder / "settings.toml", "factor = 1")

    async def then(run):
        shutil.rmtree(folder)
        await until(lambda: len(told(run, "config.rejected")) == 1)
        folder.mkdir()
        written(path, "factor = 6")
        await until(lambda: factor(run) == 6)

    watched(path, then)


def test_the_file_of_a_secret_is_watched_too_and_its_content_never_told(tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "token").write_text("old-hush")
    path = written(tmp_path / "settings.toml", "token_file = 'secrets/token'")

    async def then(run):
        (tmp_path / "secrets" / "token").write_text("new-hush")
        await until(lambda: run.config.token == SecretStr("new-hush"))
        assert told(run, "config.applied") == ["version 2 active since epoch 1: token: '**********' → '**********'"]

    watched(path, then)


def test_what_was_refused_for_want_of_a_secret_is_applied_when_that_is_there(tmp_path):
    path = written(tmp_path / "settings.toml", "factor = 1")

    async def then(run):
        written(path, "factor = 2\ntoken_file = './late'")
        await until(lambda: len(told(run, "config.rejected")) == 1)
        (tmp_path / "late").write_text("hush")
        await until(lambda: factor(run) == 2)
        assert (run.config.token, len(told(run, "config.rejected"))) == (SecretStr("hush"), 1)
        (tmp_path / "late").write_text("new-hush")
        await until(lambda: run.config.token == SecretStr("new-hush"))

    watched(path, then)


def test_a_change_while_the_run_is_paused_is_applied_when_it_goes_on(tmp_path):
    path = written(tmp_path / "settings.toml", "factor = 1")

    async def then(run):
        await run.pause()
        written(path, "factor = 7")
        await asyncio.sleep(0.6)
        assert (factor(run), told(run, "config.rejected")) == (1, [])
        await run.resume()
        await until(lambda: factor(run) == 7)

    watched(path, then)


def test_a_change_between_loading_and_watching_is_not_missed(tmp_path):
    path = written(tmp_path / "settings.toml", "factor = 1")

    async def main():
        run = silent().start(Settings.load(path, environ={}))
        written(path, "factor = 2")
        with run.watch_config(verify=0.0):
            await until(lambda: factor(run) == 2)
        await run.stop()

    asyncio.run(main())


def test_the_watch_ends_with_the_run(tmp_path):
    path = written(tmp_path / "settings.toml", "")

    async def main():
        run = silent().start(Settings.load(path, environ={}))
        watch = run.watch_config()
        await run.stop()
        assert watch.closed
        assert repr(watch) == "<Watch of settings.toml: closed>"
        watch.close()

    asyncio.run(main())


def test_there_must_be_a_file_and_a_loop(tmp_path):
    async def main():
        run = silent().start(Settings())
        with pytest.raises(ConfigError, match=r"there is no file to watch; start it with a configuration from Config"):
            run.watch_config()
        await run.stop()

    asyncio.run(main())
    path = written(tmp_path / "settings.toml", "")
    ended = Graph("short", Replay("n", [1]) >> Collect("all")).run_to_end(Settings.load(path, environ={}))
    with pytest.raises(IllegalMoveError):
        ended.watch_config()
