"""What a configuration model is made of: its fields by dotted name, which are secret, which may change live."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from streamweave_lab.errors import ConfigError

MASK = "**********"
"""What stands where a secret would."""


_CLASS_VAR = re.compile(r"(\w+\.)?ClassVar\b")


@dataclass(frozen=True)
class Leaf:
    """A field that holds a value rather than further fields; `name` is dotted, as in "sink.path"."""

    name: str
    info: FieldInfo
    live: bool

    @property
    def secret(self) -> bool:
        """The value must not be shown to anybody."""
        return _is_secret(self.info.annotation)

    @property
    def holds_secret(self) -> bool:
        """Somewhere within the value there may be a secret."""
        return _is_secret(self.info.annotation, within=True)

    @property
    def choices(self) -> int:
        """How many kinds of value it takes, None aside."""
        return len([kind for kind in _alternatives(self.info.annotation) if kind is not type(None)])

    @property
    def takes_text(self) -> bool:
        """A text is a value as it stands, and is not to be read as JSON."""
        return bool({str, SecretStr} & set(_alternatives(self.info.annotation)))


def leaves(model: type[BaseModel], prefix: str = "", live: bool = False) -> Iterator[Leaf]:
    """All leaves of `model`, in the order of declaration; a live section makes all its fields live."""
    for name, info in model.model_fields.items():
        alive = live or is_live(info)
        inner = section(info)
        if inner is None:
            yield Leaf(prefix + name, info, alive)
        else:
            yield from leaves(inner, f"{prefix}{name}.", alive)


def refuse_shadows(model: type, base: type) -> None:
    """Raises: ConfigError for a field of `model` that would hide what every `base` has, such as a method."""
    own = [name for name in vars(base) if not name.startswith("_")]
    shadows = [
        f"{name}: is what every Config has, and cannot name a field; name it otherwise, such as {name}_"
        for name, kind in inspect.get_annotations(model).items()
        if name in own and not _CLASS_VAR.match(kind if isinstance(kind, str) else repr(kind))
    ]
    if shadows:
        raise ConfigError(f"class {model.__name__}", tuple(shadows))


def is_live(info: FieldInfo) -> bool:
    """The field was declared with `live()`."""
    extra = info.json_schema_extra
    return isinstance(extra, dict) and extra.get("live") is True


def section(info: FieldInfo) -> type[BaseModel] | None:
    """The model of a field that holds further fields; None for a field that holds a value."""
    models = [kind for kind in _alternatives(info.annotation) if isinstance(kind, type) and issubclass(kind, BaseModel)]
    others = [kind for kind in _alternatives(info.annotation) if kind not in (*models, type(None))]
    return models[0] if len(models) == 1 and not others else None


def flat(model: type[BaseModel], values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested `values` by dotted name; what is not a field of `model` is kept under its dotted name too."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        info = model.model_fields.get(name)
        inner = section(info) if info else None
        if isinstance(value, BaseModel) and inner:
            value = dict(iter(value))  # not dict(value): a field may be named `keys`
        if inner and isinstance(value, Mapping):
            found |= flat(inner, value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value
    return found


def nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """The reverse of `flat`. Where a section was given a plain value, that value stays, to be refused."""
    tree: dict[str, Any] = {}
    for name, value in values.items():
        *sections, last = name.split(".")
        place: Any = tree
        for part in sections:
            place = place.setdefault(part, {}) if isinstance(place, dict) else place
        if isinstance(place, dict):
            place[last] = value
    return tree


def section_names(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The dotted names of all fields that hold further fields."""
    for name, info in model.model_fields.items():
        inner = section(info)
        if inner:
            yield prefix + name
            yield from section_names(inner, f"{prefix}{name}.")


def defaults(model: type[BaseModel], given: Mapping[str, Any]) -> dict[str, Any]:
    """What the default of a section says about its fields, for each section of which only some are given."""
    found: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        whole = info.get_default(call_default_factory=False)
        if isinstance(whole, BaseModel) and any(key.startswith(f"{name}.") for key in given):
            found |= flat(model, {name: whole})
    return found


def nearest(name: str, known: list[str]) -> str:
    """A hint that ends a sentence about an unknown `name`: what may have been meant, or what there is."""
    close = get_close_matches(name, known, n=1, cutoff=0.6) or [k for k in known if k.split(".")[-1] == name]
    if close:
        return f"did you mean {close[0]}?"
    return f"known are {', '.join(known)}" if known else "there are none"


def short(value: Any) -> str:
    """The value in a sentence, at most 60 characters of it."""
    try:
        text = repr(value)
    except (RecursionError, ValueError):  # nested too deep; a whole number of more digits than Python writes
        text = f"a {type(value).__name__} too large to show"
    return text if len(text) <= 60 else text[:59] + "…"


def shown(name: str, limit: int = 100) -> str:
    """A name that somebody else has chosen, in a sentence: on one line, and without what moves a cursor."""
    name = name if name.isprintable() else ascii(name)[1:-1]
    return name if len(name) <= limit else name[: limit - 1] + "…"


def hidden(value: Any) -> Any:
    """`value` with every secret in it replaced by the mask."""
    match value:
        case SecretStr() | SecretBytes():
            return MASK
        case BaseModel():
            return {name: hidden(inner) for name, inner in value}
        case dict():
            return {key: hidden(inner) for key, inner in value.items()}
        case list() | tuple():
            return [hidden(inner) for inner in value]
        case set() | frozenset():
            return sorted((hidden(inner) for inner in value), key=repr)
    return value


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, types.UnionType) else (annotation,)


def _is_secret(annotation: Any, within: bool = False) -> bool:
    if annotation in (SecretStr, SecretBytes):
        return True
    if within and isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return any(_is_secret(info.annotation, within) for info in annotation.model_fields.values())
    return any(_is_secret(inner, within) for inner in get_args(annotation))
