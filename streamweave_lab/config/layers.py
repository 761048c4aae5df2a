"""Layers of values, later ones above earlier ones, validated once and as a whole."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from streamweave_lab.config.fields import MASK, Leaf, defaults, flat, leaves, nested, section_names, short
from streamweave_lab.config.migrate import Migration, migrated, unversioned
from streamweave_lab.config.overruled import without_effect
from streamweave_lab.config.problems import sentences, unknown, without_secrets
from streamweave_lab.config.source import Found, in_environment, in_file, parsed, readable, variable_of
from streamweave_lab.errors import ConfigError

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Origin:
    """Where a configuration was read from, and where each of its values came from."""

    path: Path | None = None
    environ: Mapping[str, str] | None = field(default=None, repr=False)
    """None: the environment of this process, which cannot be pickled."""
    runtime: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Changes made at run time, by dotted name; they stand above file and environment."""
    places: Mapping[str, str] = field(default_factory=dict)
    files: tuple[Path, ...] = ()
    """The files that were read: the configuration's own, and those of secrets."""
    hidden: tuple[str, ...] = ()
    """A sentence for each value that is not heeded: a change at run time, or a variable of the process, goes before."""


_RID = "to be rid of that, roll back to a version before it and reload, or start the run again"


def read(model: type[M], origin: Origin, schema_version: int, migrations: Mapping[int, Migration]) -> tuple[M, Origin]:
    """Read everything `origin` names, and validate it as a whole.

    Raises: ConfigError with every problem that was found.
    """
    layers = Layers(model)
    if origin.path:
        content = parsed(origin.path)
        if problem := unversioned(content, schema_version, origin.path):
            # What else is wrong is told along, as far as it can be said of a file that is not older.
            layers.found.problems.append(problem)
            content["schema_version"] = schema_version
        content = migrated(content, model, schema_version, migrations, origin.path)
        layers.lay(in_file(flat(model, content), layers.leaves, origin.path), f"in {origin.path.name}")
    environ = os.environ if origin.environ is None else origin.environ
    layers.lay(in_environment(environ, layers.leaves), "in the environment")
    title = str(origin.path) if origin.path else "environment"
    below, places = _tried(layers, title) if origin.runtime else None, dict(layers.found.places)
    layers.lay(Found(dict(origin.runtime), dict.fromkeys(origin.runtime, "runtime")), "given at run time")
    built = layers.build(title)
    files = ((origin.path,) if origin.path else ()) + tuple(layers.found.files)
    hidden = (*_hidden(layers.leaves, below, places, built), *without_effect(model, layers.found.places, environ))
    return built, Origin(origin.path, origin.environ, origin.runtime, layers.found.places, files, hidden)


class Layers:
    """What has been found so far, the last layer on top."""

    def __init__(self, model: type[M]) -> None:
        self.model = model
        self.leaves: dict[str, Leaf] = {leaf.name: leaf for leaf in leaves(model)}
        self.found = Found()
        self._sections = set(section_names(model))

    def lay(self, layer: Found, where: str) -> None:
        """Put `layer` on top; a name that is no field becomes a problem."""
        self.found.problems += layer.problems
        self.found.files += layer.files
        self.found.withheld |= layer.withheld
        for name, value in layer.values.items():
            if name not in self.leaves and name not in self._sections:
                self.found.problems.append(unknown(name, list(self.leaves), where))
                continue
            for below in [n for n in self.found.values if n.startswith(f"{name}.")]:
                del self.found.values[below]
            for above in [n for n in self.found.values if name.startswith(f"{n}.") and self.found.values[n] is None]:
                del self.found.values[above]  # a section that was left out, and now is given in part
            self.found.put(name, value, layer.places[name])

    def build(self, title: str) -> Any:
        """The validated model. Raises: ConfigError with every problem there is."""
        problems, values = list(self.found.problems), self.found.values
        problems += [_withheld(*pair) for pair in self.found.withheld.items() if pair[0] not in values]
        built = None
        try:
            built = self.model.model_validate(nested(defaults(self.model, values) | values))
        except ValidationError as error:
            problems += without_secrets(sentences(self.model, error, self._place), values, self.model)
        except UnicodeEncodeError:  # pydantic cannot even say where
            problems.append("a text in it is no Unicode: it holds half a character (a lone surrogate)")
        if problems:
            # Not chained to pydantic's own error, which quotes what it was given: it may be a secret.
            raise ConfigError(title, tuple(problems)) from None
        return built

    def _place(self, field: str) -> str:
        places, name = self.found.places, field
        while name and name not in places:
            name = name.rpartition(".")[0]
        if name:
            return said(places[name])
        if not field:
            return ""
        if not readable(field):
            return f"and not given in a file; {variable_of(field)} is the process's own, and not read for it"
        return f"and given neither in a file nor as {variable_of(field)}"


def _tried(layers: Layers, title: str) -> BaseModel | ConfigError:
    try:
        built: BaseModel = layers.build(title)
    except ConfigError as error:
        return error
    return built


def _hidden(
    known: Mapping[str, Leaf], below: BaseModel | ConfigError | None, places: Mapping[str, str], built: BaseModel
) -> Iterator[str]:
    """What would be in force, or be refused, `below` the changes at run time."""
    if isinstance(below, ConfigError):
        yield from (f"{problem}; hidden by a change at run time: {_RID}" for problem in below.problems)
    elif below is not None:
        now = flat(type(built), dict(iter(built)))
        for name, value in flat(type(below), dict(iter(below))).items():
            if name in places and value != now.get(name):
                secret = name in known and known[name].holds_secret
                under, above = (short(MASK if secret else each) for each in (value, now.get(name)))
                yield f"{name}: {under} {said(places[name])} is hidden by the change at run time to {above}; {_RID}"


def _withheld(field: str, variable: str) -> str:
    return (
        f"{field}: cannot be given by {variable}, which is the process's own; write it in a file, "
        f"or give the field another name, such as my_{field}"
    )


def said(place: str) -> str:
    """A place as `provenance()` names it, in the words that end a sentence."""
    kind, _, which = place.partition(" ")
    if kind in ("file", "environment"):
        return f"in {which}"
    return "given at run time" if kind == "runtime" else f"from the {place}"
