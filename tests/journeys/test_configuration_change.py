"""A configuration change, whole: a file is replaced, and the run takes it, watches itself, and takes it back."""

import asyncio
import json
import re
from pathlib import Path

import httpx
from pydantic import SecretStr

import streamweave_lab as sw

SECRET = "open-sesame-1919"


class Settings(sw.Config):
    limit: float = sw.live(100.0, ge=0)
    token: SecretStr | None = sw.live(None)


class Every(sw.Source[int]):
    """A number every few milliseconds, for ever."""

    def poll(self, limit: int) -> list[int] | sw.Wait:
        if self.clock.now() < getattr(self, "due", 0.0):
            return sw.Wait(0.005)
        self.due = self.clock.now() + 0.005
        self.position += 1
        return [self.position]


def below(number: int, config: Settings) -> int:
    if number % 100 > config.limit:
        raise ValueError("above the limit")
    return number


def drawn() -> sw.Graph:
    check = sw.Map("check", below, config=Settings)
    return sw.Graph("limits", Every("numbers") >> check >> sw.Count("good"), check.error >> sw.Count("bad"))


def written(path: Path, text: str) -> Path:
    beside = path.with_name(path.name + "~")
    beside.write_text(f"schema_version = 1\ntoken_file = './token'\n{text}")
    beside.replace(path)
    return path


async def until(true) -> None:
    async with asyncio.timeout(120):
        while not true():  # noqa: ASYNC110 - the world outside sends no event
            await asyncio.sleep(0.02)


def test_a_replaced_file_is_taken_watched_and_taken_back_and_everybody_can_read_why(tmp_path):
    (tmp_path / "token").write_text(SECRET)
    path, journal = written(tmp_path / "limits.toml", "limit = 100"), tmp_path / "history.jsonl"

    async def main():
        run = drawn().start(Settings.load(path, environ={}))
        run.keep_history(journal)
        run.watch_config(verify=1.0)
        written(path, "limit = 99.5")
        await until(lambda: run.config.limit == 99.5)
        await until(lambda: run.history.versions[0].outcome == "applied")
        written(path, "limit = 'high'")
        await until(lambda: run.history.versions[0].outcome == "refused")
        written(path, "limit = 0")
        await until(lambda: run.config_version == 4)
        assert run.config.limit == 99.5
        await until(lambda: [v.outcome for v in run.history.versions[:2]] == ["applied", "rolled_back"])
        with sw.acting("anna", why="as it was at first"):
            report = await run.rollback(1)
        assert (report.applied, report.version, run.config.limit) == (True, 5, 100.0)
        told = await asyncio.to_thread(asked, run)
        await run.drain()
        return told, [str(version) for version in run.history]

    (history, metrics), said = asyncio.run(main())
    assert said[0] == "version 5 applied, as version 1, by anna (as it was at first): limit: 99.5 → 100.0"
    assert re.match(
        r"version 3 rolled back, by file limits.toml: limit: 99.5 → 0.0; "
        r"check refuses (9\d|100)% of its items, before it were 0.0%; so version 3 was rolled back after \d+\.\d s$",
        said[2],
    )
    assert said[3:] == [
        "refused, by file limits.toml: limit = 'high': must be a number, in limits.toml",
        "version 2 applied, by file limits.toml: limit: 100.0 → 99.5",
        "version 1 started, by code",
    ]
    assert [(version["version"], version["outcome"]) for version in history] == [
        (5, "applied"), (4, "applied"), (3, "rolled_back"), (None, "refused"), (2, "applied"), (1, "started"),
    ]  # fmt: skip
    assert 'streamweave_config_reloads_total{graph_id="limits",result="rolled_back"} 2.0' in metrics
    lines = [json.loads(line.partition(" ")[2]) for line in journal.read_text().splitlines()]
    assert [(line["version"], line["outcome"]) for line in lines if line["id"] == 4] == [
        (3, "proposed"), (3, "applied"), (3, "rolled_back"),
    ]  # fmt: skip
    assert SECRET not in journal.read_text() + metrics + json.dumps(history)


def asked(run) -> tuple[list, str]:
    server = run.serve()
    try:
        with httpx.Client(
            base_url=server.url, headers={"Authorization": f"Bearer {server.token}"}, timeout=60
        ) as client:
            return client.get("/config/history").json()["versions"], client.get("/metrics").text
    finally:
        server.close()
