"""What is wrong with a configuration, in one sentence for each problem: field, value, limit, place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from streamweave_lab.config.fields import MASK, Leaf, leaves, nearest, short, shown

_SENTENCES: dict[str, Callable[[dict[str, Any]], str]] = {
    "greater_than": lambda c: f"must be greater than {_number(c['gt'])}",
    "greater_than_equal": lambda c: f"must be at least {_number(c['ge'])}",
    "less_than": lambda c: f"must be less than {_number(c['lt'])}",
    "less_than_equal": lambda c: f"must be at most {_number(c['le'])}",
    "multiple_of": lambda c: f"must be a multiple of {_number(c['multiple_of'])}",
    "literal_error": lambda c: f"must be {c['expected']}",
    "enum": lambda c: f"must be {c['expected']}",
    "missing": lambda _: "is required",
    "extra_forbidden": lambda _: "is no setting",
    "int_parsing": lambda _: "must be a whole number",
    "int_type": lambda _: "must be a whole number",
    "int_from_float": lambda _: "must be a whole number",
    "float_parsing": lambda _: "must be a number",
    "float_type": lambda _: "must be a number",
    "bool_parsing": lambda _: "must be true or false",
    "bool_type": lambda _: "must be true or false",
    "string_type": lambda _: "must be a text",
    "list_type": lambda _: "must be a list",
    "dict_type": lambda _: "must be a table of keys and values",
    "model_type": lambda _: "must be a section with keys of its own",
    "string_too_short": lambda c: f"must have at least {c['min_length']} characters",
    "string_too_long": lambda c: f"must have at most {c['max_length']} characters",
    "value_error": lambda c: str(c["error"]),
    "assertion_error": lambda c: str(c["error"]),
}


class Outside(str):
    """A sentence about something outside: a file or a secret that cannot be read, though the values may be right."""

    __slots__ = ()


class Passing(str):
    """A sentence about what time may mend, such as a port that somebody else has now."""

    __slots__ = ()


def passing(problems: Iterable[str]) -> bool:
    """All of them are about what time may mend."""
    return all(isinstance(problem, Passing) for problem in problems)


def sentences(model: type[BaseModel], error: ValidationError, place: Callable[[str], str]) -> tuple[str, ...]:
    """One sentence for each thing pydantic found wrong; `place` tells where the value of a field came from."""
    known = {leaf.name: leaf for leaf in leaves(model)}
    limits: dict[tuple[str, str], list[str]] = {}
    for problem in error.errors(include_url=False):
        name, value, limit = _facts(problem, known)
        limits.setdefault((f"{shown(name)}{value}: " if name else "", place(name)), []).append(limit)
    # Several limits on one value are what each of the alternatives of a union asks for.
    return tuple(
        f"{start}{' or '.join(dict.fromkeys(said))}{where and ', '}{where}" for (start, where), said in limits.items()
    )


def unknown(name: str, known: list[str], where: str) -> str:
    """The sentence about a key that is no field."""
    return f"{shown(name)}: is no setting, {where}; {nearest(name, known)}"


def without_secrets(problems: tuple[str, ...], values: Mapping[str, Any], model: type[BaseModel]) -> tuple[str, ...]:
    """The same sentences, should the message of a user's own validator have quoted a secret."""
    for leaf in leaves(model):
        text = values.get(leaf.name)
        if leaf.secret and isinstance(text, SecretStr):
            text = text.get_secret_value()
        if leaf.secret and isinstance(text, str) and text:
            problems = tuple(p.replace(text, MASK).replace(repr(text)[1:-1], MASK) for p in problems)
    return problems


def _facts(problem: ErrorDetails, known: Mapping[str, Leaf]) -> tuple[str, str, str]:
    name, kind, value = ".".join(map(str, problem["loc"])), problem["type"], problem["input"]
    leaf = next((leaf for leaf in known.values() if f"{name}.".startswith(f"{leaf.name}.")), None)
    if leaf and leaf.choices > 1:
        name = leaf.name
    say = _SENTENCES.get(kind)
    limit = say(problem.get("ctx", {})) if say else problem["msg"].replace("Input should be", "must be")
    if leaf and leaf.holds_secret and kind in ("value_error", "assertion_error"):
        limit = "is not accepted"
    # A table says little in a sentence, and may hold a secret further down.
    if not name or kind == "missing" or isinstance(value, dict | BaseModel):
        return name, "", limit
    # Where a section was given something else, a secret may be in that.
    inner = [k for k in known.values() if k.name.startswith(f"{name}.")] if isinstance(value, str | list) else []
    masked = any(each.holds_secret for each in ([leaf] if leaf else inner))
    return name, f" = {MASK if masked else short(value)}", limit


def _number(limit: Any) -> Any:
    """A limit as it was meant: pydantic turns `gt=0` into 0.0 for a float."""
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit
