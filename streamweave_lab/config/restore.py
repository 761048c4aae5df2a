"""Going back to the values of an earlier version. Secrets stay as they are: an old one has perhaps been revoked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from streamweave_lab.config.fields import flat, leaves, nested
from streamweave_lab.config.history import Version
from streamweave_lab.config.layers import Layers, Origin
from streamweave_lab.config.migrate import migrated
from streamweave_lab.config.model import Config
from streamweave_lab.config.source import Found
from streamweave_lab.errors import ConfigError


def restored(present: Config, version: Version, kept: Config | None) -> tuple[Config, tuple[str, ...]]:
    """The configuration with the values of `version`, and a sentence for each secret that was not brought back.

    `kept` is that configuration itself, where this process has had it; else it is made of the values written down.

    Raises: ConfigError if those values are not valid, or were written for another schema and cannot be migrated.
    """
    model, number = type(present), version.version
    now = flat(model, dict(iter(present)))
    then = flat(model, dict(iter(kept))) if kept is not None else _written(model, version)
    secrets = [leaf.name for leaf in leaves(model) if leaf.holds_secret]
    values = {name: value for name, value in then.items() if name not in secrets}
    values |= {name: now[name] for name in secrets if name in now and not _within(name, values)}
    sources = present.provenance()
    places = {
        name: sources.get(name, "runtime") if name in now and now[name] == value else f"version {number}"
        for name, value in values.items()
    }
    layers = Layers(model)
    layers.lay(Found(values, places), f"in version {number}")
    built: Config = layers.build(f"version {number}")
    built._origin = _origin(present, version, values, layers.found.places)
    return built, tuple(_notes(now, then if kept is not None else None, secrets, number))


def secrets_that_differ(old: Config, new: Config) -> list[str]:
    """The fields with secrets in them whose values differ."""
    before, after = flat(type(old), dict(iter(old))), flat(type(new), dict(iter(new)))
    names = [leaf.name for leaf in leaves(type(new)) if leaf.holds_secret]
    return [name for name in names if before.get(name) != after.get(name)]


def _written(model: type[Config], version: Version) -> dict[str, Any]:
    masked = {leaf.name for leaf in leaves(model) if leaf.holds_secret}
    values = {name: value for name, value in flat(model, version.values).items() if name not in masked}
    content = {**nested(values), "schema_version": version.schema_version}
    try:
        return flat(model, migrated(content, model, model.schema_version, model.migrations, Path("the history")))
    except ConfigError as error:
        raise ConfigError(f"version {version.version}", error.problems) from None


def _within(name: str, values: dict[str, Any]) -> bool:
    """A section above `name` is given as a whole, perhaps as None."""
    while "." in name:
        name = name.rpartition(".")[0]
        if name in values:
            return True
    return False


def _origin(present: Config, version: Version, values: dict[str, Any], places: dict[str, str]) -> Origin:
    before = present._origin or Origin()
    runtime = {name: values[name] for name, source in version.sources.items() if source == "runtime" and name in values}
    secret = {leaf.name for leaf in leaves(type(present)) if leaf.holds_secret}
    runtime |= {name: value for name, value in before.runtime.items() if name in secret}
    return Origin(before.path, before.environ, runtime, places, before.files)


def _notes(now: dict[str, Any], then: dict[str, Any] | None, secrets: list[str], number: int | None) -> list[str]:
    if then is None:
        return [
            f"{name} stays as it is now: secrets are not written down" for name in secrets if now.get(name) is not None
        ]
    changed = [name for name in secrets if name in now and now[name] != then.get(name)]
    return [f"{name} has changed since version {number}, and stays as it is now" for name in changed]


__all__ = ["restored", "secrets_that_differ"]
