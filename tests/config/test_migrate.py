"""Older files are brought to the present schema one step at a time; newer ones are refused."""

from typing import Any, ClassVar

import pytest

from streamweave_lab.config.migrate import Migration
from streamweave_lab.config.model import Config, live
from streamweave_lab.errors import ConfigError


def pace_became_speed(values: dict[str, Any]) -> dict[str, Any]:
    return {"speed" if key == "pace" else key: value for key, value in values.items()}


def hours_became_seconds(values: dict[str, Any]) -> dict[str, Any]:
    values["speed"] *= 3600
    return values


class FlightsConfig(Config):
    schema_version = 3
    migrations: ClassVar[dict[int, Migration]] = {1: pace_became_speed, 2: hours_became_seconds}

    speed: float = live(3600.0)


def loaded(tmp_path, text: str, kind: type[Config] = FlightsConfig) -> Any:
    path = tmp_path / "flights.toml"
    path.write_text(text)
    return kind.load(path, environ={})


def refused(tmp_path, text: str, kind: type[Config] = FlightsConfig) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text, kind)
    return caught.value.problems[0]


def test_an_older_file_takes_every_step(tmp_path):
    assert loaded(tmp_path, "schema_version = 1\npace = 2").speed == 7200.0


def test_a_file_takes_only_the_steps_it_needs(tmp_path):
    assert loaded(tmp_path, "schema_version = 2\nspeed = 2").speed == 7200.0
    assert loaded(tmp_path, "schema_version = 3\nspeed = 2").speed == 2.0


def test_a_newer_file_is_refused_with_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(FlightsConfig, "__module__", "pydantic.settings")
    assert refused(tmp_path, "schema_version = 4\nspeed = 2") == (
        "schema_version = 4: must be at most 3, in flights.toml; the file is newer than FlightsConfig here. "
        "Install a newer one: pip install --upgrade pydantic"
    )


def test_a_newer_file_for_a_module_of_ones_own_does_not_advise_to_install_what_a_stranger_may_have_published(
    tmp_path, monkeypatch
):
    for own in ("s", "pydantic_"):
        monkeypatch.setattr(FlightsConfig, "__module__", own)
        assert refused(tmp_path, "schema_version = 4").endswith(
            f"Use the newer {own}, in which FlightsConfig has schema_version = 4"
        )


def test_a_newer_file_in_a_notebook_asks_for_a_newer_definition(tmp_path, monkeypatch):
    monkeypatch.setattr(FlightsConfig, "__module__", "__main__")
    assert refused(tmp_path, "schema_version = 4").endswith(
        "Use the newer definition of FlightsConfig, which has schema_version = 4"
    )


def test_a_step_that_is_not_there_is_named(tmp_path):
    class Gap(Config):
        schema_version = 3
        migrations: ClassVar[dict[int, Migration]] = {1: pace_became_speed}

    assert refused(tmp_path, "schema_version = 1", Gap) == (
        "schema_version = 1: cannot be brought to 3, in flights.toml; there is no migration from 2 to 3"
    )


def test_a_step_that_fails_is_named_with_its_error(tmp_path):
    assert refused(tmp_path, "schema_version = 2\nspede = 2") == (
        "schema_version = 2: cannot be brought to 3, in flights.toml; "
        "the migration from 2 to 3 failed: KeyError('speed')"
    )


def test_a_step_that_returns_nothing_is_named(tmp_path):
    class Forgetful(Config):
        schema_version = 2
        migrations: ClassVar[dict[int, Any]] = {1: lambda values: None}

    assert refused(tmp_path, "schema_version = 1", Forgetful).endswith("the migration from 1 to 2 returned None")
