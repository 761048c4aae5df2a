"""Bringing the content of an older file to the present schema, one step at a time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from streamweave_lab.config.fields import MASK, short
from streamweave_lab.errors import ConfigError

Migration = Callable[[dict[str, Any]], dict[str, Any]]
"""A pure function from the content of schema version n to that of n + 1."""


def migrated(
    values: Mapping[str, Any], model: type, to: int, migrations: Mapping[int, Migration], path: Path
) -> dict[str, Any]:
    """The content without `schema_version`, as schema version `to` has it.

    Raises: ConfigError if the version is missing or newer than `to`, or a step is missing or fails.
    """
    values = dict(values)
    problem = unversioned(values, to, path) or _too_new(values["schema_version"], model, to, path)
    version = values.pop("schema_version")
    if problem:
        raise ConfigError(str(path), (problem,))
    for step in range(version, to):
        values = _stepped(values, step, version, to, migrations, path)
    return values


def unversioned(values: Mapping[str, Any], to: int, path: Path) -> str:
    """What is wrong where the content does not say for which schema version it was written; "" where it does."""
    where, version = f"in {path.name}", values.get("schema_version")
    if version is None:
        return f"schema_version: is required, {where}; write schema_version = {to} at its top"
    if type(version) is not int or version < 1:
        return f"schema_version = {short(version)}: must be a whole number from 1 to {to}, {where}"
    return ""


def _too_new(version: int, model: type, to: int, path: Path) -> str:
    if version <= to:
        return ""
    return (
        f"schema_version = {short(version)}: must be at most {to}, in {path.name}; "
        f"the file is newer than {model.__name__} here. " + _what_to_install(model, version)
    )


def _what_to_install(model: type, version: int) -> str:
    module = model.__module__.partition(".")[0]
    if module == "__main__":
        return f"Use the newer definition of {model.__name__}, which has schema_version = {short(version)}"
    package = _installed(module)
    if package is None:  # a file of the user's own; in the registry its name may be a stranger's
        return f"Use the newer {model.__module__}, in which {model.__name__} has schema_version = {short(version)}"
    return f"Install a newer one: pip install --upgrade {package}"


def _installed(module: str) -> str | None:
    """The distribution that `module` was imported from."""
    from importlib.metadata import distribution, packages_distributions  # it takes 20 ms to import, for one message

    file = Path(getattr(sys.modules.get(module), "__file__", None) or "/")
    names = packages_distributions().get(module, [])
    return next((name for name in names if file.is_relative_to(Path(str(distribution(name).locate_file(""))))), None)


def _stepped(
    values: dict[str, Any], step: int, version: Any, to: int, migrations: Mapping[int, Migration], path: Path
) -> dict[str, Any]:
    start = f"schema_version = {version}: cannot be brought to {to}, in {path.name}; "
    migrate = migrations.get(step)
    if migrate is None:
        raise ConfigError(str(path), (f"{start}there is no migration from {step} to {step + 1}",))
    try:
        after: Any = migrate(deepcopy(values))
    except Exception as error:
        # Not chained: the error may quote a value, and any value may be a secret.
        said = f"{start}the migration from {step} to {step + 1} failed: {_without_values(repr(error), values)}"
        raise ConfigError(str(path), (said,)) from None
    if not isinstance(after, dict):
        returned = "None" if after is None else f"a {type(after).__name__}"
        said = f"{start}the migration from {step} to {step + 1} returned {returned}"
        raise ConfigError(str(path), (said,))
    return after


def _without_values(said: str, content: Any) -> str:
    """`said`, should it quote a text out of `content`."""
    if isinstance(content, str) and content:
        return said.replace(content, MASK).replace(repr(content)[1:-1], MASK)
    inner = content.values() if isinstance(content, dict) else content if isinstance(content, list) else ()
    for value in inner:
        said = _without_values(said, value)
    return said
