"""Level, profile and sink: from STREAMWEAVE_LOG, or from the configuration."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import streamweave_lab as sw
from streamweave_lab.errors import ConfigError
from streamweave_lab.ops.logs.log import as_configured, log_to
from streamweave_lab.ops.logs.settings import LogSettings, of_config, parsed


class Service(sw.Config):
    speed: float = sw.live(1.0, gt=0)
    log: LogSettings = LogSettings()


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("", LogSettings(level="off")),
        ("off", LogSettings(level="off")),
        ("info", LogSettings()),
        ("error:/var/log/weave.jsonl", LogSettings(level="error", path=Path("/var/log/weave.jsonl"))),
        ("info:a:b,c", LogSettings(path=Path("a:b,c"))),
        ("warning,ecs", LogSettings(level="warning", profile="ecs")),
        ("debug, items ,otel:x", LogSettings(level="debug", profile="otel", items=True, path=Path("x"))),
    ],
)
def test_the_variable_names_level_profile_items_and_path(text: str, settings: LogSettings) -> None:
    assert parsed(text) == settings


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("loud", "'loud': 'loud' is not a level; use one of off, debug, info, warning, error"),
        ("info,gelf", "'gelf' is unknown; after the level may follow one of default, ecs, otel, and items"),
        ("info,ecs,otel", "there are two profiles; after the level may follow"),
        ("ecs", "'ecs' is not a level"),
    ],
)
def test_a_variable_that_cannot_be_understood_says_what_it_may_be(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match="environment STREAMWEAVE_LOG: ") as refused:
        parsed(text)
    assert said in str(refused.value)


def test_a_configuration_s_section_says_level_and_file(tmp_path: Path) -> None:
    file = tmp_path / "service.toml"
    file.write_text(f'schema_version = 1\n[log]\nlevel = "warning"\nprofile = "ecs"\npath = "{tmp_path}/log"\n')
    environ = {"STREAMWEAVE_LOG__LEVEL": "error"}
    settings = of_config(Service.load(file, environ=environ))
    assert settings == LogSettings(level="error", profile="ecs", path=tmp_path / "log")


def test_the_variable_goes_before_the_configuration(tmp_path: Path) -> None:
    stream = io.StringIO()
    environ = {"STREAMWEAVE_LOG": "error"}
    config = Service.load(environ=environ)
    for told, level in ((environ, "error"), ({}, "info")):
        log = as_configured(config, stream, told)
        assert log is not None
        with log:
            assert log.level == level
    assert as_configured(config, stream, {"STREAMWEAVE_LOG": "off"}) is None
    assert as_configured(None, stream, {}) is None


def test_a_file_that_cannot_be_written_is_a_configuration_error(tmp_path: Path) -> None:
    config = Service(log=LogSettings(path=tmp_path / "missing" / "log"))
    with pytest.raises(ConfigError, match=r"Service: log: .*No such file or directory.*; name a file that can be"):
        as_configured(config, io.StringIO(), {})


async def ticks() -> AsyncIterator[int]:
    while True:
        yield 1
        await asyncio.sleep(0.001)


def test_a_reload_changes_the_level() -> None:
    stream = io.StringIO()

    async def main() -> None:
        config = Service(log=LogSettings(level="off"))
        run = sw.Graph("g", sw.Replay("n", ticks()) >> sw.Count("count")).start(config)
        log = as_configured(config, stream, {})
        assert log is not None
        with log:
            await run.pause()
            await run.resume()
            await run.configure(config.changed(**{"log.level": "info"}))
            await run.drain()

    asyncio.run(main())
    events = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert "run.paused" not in events
    assert events[-2:] == ["run.draining", "run.drained"]


NOT_HEEDED = "log: has no effect, for STREAMWEAVE_LOG or --log goes before it; leave that away, and start the run again"


def test_a_section_that_the_variable_goes_before_is_not_live_and_a_change_of_it_says_so(tmp_path: Path) -> None:
    file = tmp_path / "service.toml"
    file.write_text("schema_version = 1\nspeed = 2\n")

    async def main(environ: dict[str, str]) -> tuple[object, ...]:
        run = sw.Graph("g", sw.Replay("n", ticks()) >> sw.Count("count")).start(Service.load(file, environ=environ))
        config = run.status().config
        assert config is not None
        quiet = await run.configure(speed=3)
        changed = await run.configure({"log.level": "error"})
        file.write_text('schema_version = 1\n[log]\nprofile = "default"\n')
        notes = [note for note in run.plan_reload().notes if note.startswith("log: ")]
        await run.stop()
        return config.live, quiet.notes, changed.notes, notes

    assert asyncio.run(main({})) == (("speed", "log.level"), (), (), [])
    file.write_text("schema_version = 1\nspeed = 2\n")
    assert asyncio.run(main({"STREAMWEAVE_LOG": "info"})) == (("speed",), (), (NOT_HEEDED,), [NOT_HEEDED])


def test_the_front_door_passes_everything_on() -> None:
    lines: list[str] = []
    ended = sw.log_to(lines.append, level="error", profile="otel", items=True, room=5)
    ended()
    assert lines == []
    with pytest.raises(ValueError, match="'gelf' is not a log profile"):
        log_to(lines.append, profile="gelf")  # type: ignore[arg-type]
