"""Config: the settings of a graph, as one frozen, validated value that knows where each of its values came from."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator
from pydantic_core import to_jsonable_python

from streamweave_lab.config.fields import flat, hidden, leaves, refuse_shadows
from streamweave_lab.config.finite import refuse_endless
from streamweave_lab.config.layers import Layers, Origin, read
from streamweave_lab.config.migrate import Migration
from streamweave_lab.config.overruled import live_fields, without_effect
from streamweave_lab.config.source import Found
from streamweave_lab.errors import ConfigError


def live(
    default: Any,
    *,
    ge: float | None = None,
    le: float | None = None,
    gt: float | None = None,
    lt: float | None = None,
    description: str | None = None,
) -> Any:
    """A field of a Config that can be changed while a run goes on; any other field cannot be.

    `ge`, `le`, `gt` and `lt` bound its value. Pass `...` as `default` for a field that must be given.
    """
    extra: dict[str, Any] = {"live": True}
    return Field(default, ge=ge, le=le, gt=gt, lt=lt, description=description, json_schema_extra=extra)


class Config(BaseModel):
    """The settings of a graph. Subclass it, and give every field a type, and a default unless it must be given.

        class FlightsConfig(sw.Config):
            speed: float = sw.live(3600.0, gt=0)
            month: int = Field(1, ge=1, le=12)

    Values come from the defaults, a file, the environment and changes at run time, the later above the
    earlier. Fields may be models themselves; their names are then dotted, as in "sink.path". A secret is a
    field of type `pydantic.SecretStr`: it is never shown, and can be read from the file that `<key>_file` names.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, validate_default=True, allow_inf_nan=False
    )

    schema_version: ClassVar[int] = 1
    """The shape of this class: a file says for which one it was written."""

    migrations: ClassVar[dict[int, Migration]] = {}
    """For each older schema version n a pure function from a file's content to that of version n + 1."""

    _origin: Origin | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _finite(self) -> Self:
        refuse_endless(self)
        return self

    def __init_subclass__(cls, **more: Any) -> None:
        super().__init_subclass__(**more)
        refuse_shadows(cls, Config)

    @classmethod
    def load(cls, path: str | os.PathLike[str] | None = None, *, environ: Mapping[str, str] = os.environ) -> Self:
        """Read the settings from a TOML or JSON file, if one is named, and from the environment.

        A file must say `schema_version`. In the environment the field `sink.path` is STREAMWEAVE_SINK__PATH. Not read
        are STREAMWEAVE_TOKEN, _TOKEN_FILE, _URL, _LOG and _METRICS_PORTS, which are the process's own.

        Raises: ConfigError that names everything that is wrong; nothing is applied in part.
        """
        own = None if environ is os.environ else environ
        return cls._read(Origin(Path(path) if path is not None else None, own))

    def reread(self) -> Self:
        """Read the same file and environment again; changes made at run time stay above them.

        Raises: ConfigError if this was not loaded from a file, or for everything that is wrong with it now.
        """
        if self._origin is None or self._origin.path is None:
            name = type(self).__name__
            raise ConfigError(
                name, (f"the configuration was not loaded from a file; load it with {name}.load(path) to reload it",)
            )
        return self._read(self._origin)

    def changed(self, **changes: Any) -> Self:
        """The same settings with some changed at run time: `changed(speed=60)`, `changed(**{"sink.path": "b"})`.

        Raises: ConfigError that names everything that is wrong with the changes.
        """
        new = flat(type(self), changes)
        layers = Layers(type(self))
        layers.lay(Found(flat(type(self), dict(iter(self))), self.provenance()), "given before")
        layers.lay(Found(new, dict.fromkeys(new, "runtime")), "given at run time")
        built: Self = layers.build("change at run time")
        before = self._origin or Origin()
        runtime = {**before.runtime, **new}
        hidden = without_effect(type(self), new, _environ(before))
        built._origin = Origin(before.path, before.environ, runtime, layers.found.places, before.files, hidden)
        return built

    def provenance(self) -> dict[str, str]:
        """Where each value came from, by dotted name.

        "default", "file flights.toml", "environment STREAMWEAVE_SPEED", "runtime", or "code" for what was
        given where this was made.
        """
        given = dict(self._origin.places) if self._origin else dict.fromkeys(self.model_fields_set, "code")
        return {name: _place_of(name, given) for name in flat(type(self), dict(iter(self)))}

    def public(self) -> dict[str, Any]:
        """All values, ready for JSON, with "**********" in the place of a secret."""
        shown: dict[str, Any] = to_jsonable_python(hidden(self), fallback=repr)
        return shown

    def fingerprint(self) -> str:
        """The sha256, in hexadecimal, of the values without secrets: equal settings have equal fingerprints."""
        secret = {leaf.name for leaf in leaves(type(self)) if leaf.secret}
        values = {
            name: hidden(value) for name, value in flat(type(self), dict(iter(self))).items() if name not in secret
        }
        content = {"schema_version": self.schema_version, "values": values}
        text = json.dumps(to_jsonable_python(content, fallback=repr), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        """Equal values of one class; where they came from does not matter."""
        return type(self) is type(other) and self.__dict__ == other.__dict__

    __hash__ = BaseModel.__hash__

    @classmethod
    def _read(cls, origin: Origin) -> Self:
        built, known = read(cls, origin, cls.schema_version, cls.migrations)
        built._origin = known
        return built


def files_of(config: Config) -> tuple[Path, ...]:
    """The files that `config` was read from: its own, and those of secrets."""
    return config._origin.files if config._origin else ()


def hidden_in(config: Config) -> tuple[str, ...]:
    """A sentence for each value that is not heeded: a change at run time, or a variable of the process, goes before."""
    return config._origin.hidden if config._origin else ()


def live_in(config: Config) -> tuple[str, ...]:
    """The dotted names of the fields that can be changed while a run goes on."""
    return live_fields(type(config), _environ(config._origin))


def _environ(origin: Origin | None) -> Mapping[str, str]:
    return os.environ if origin is None or origin.environ is None else origin.environ


def _place_of(name: str, places: Mapping[str, str]) -> str:
    while name and name not in places:
        name = name.rpartition(".")[0]
    return places.get(name, "default")
