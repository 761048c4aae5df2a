"""What is wrong with a configuration, in one sentence for each problem: field, value, limit, place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from streamweave_lab.config.fields import MASK, leaves, nearest

_SENTENCES: dict[str, Callable[[dict[str, Any]], str]] = {
    "greater_than": lambda c: f"must be greater than {_number(c['gt'])}",
    "greater_than_equal": lambda c: f"must be at least {_number(c['ge'])}",
    "less_than": lambda c: f"must be less than {_number(c['lt'])}",
    "less_than_equal": lambda c: f"must be at most {_number(c['le'])}",
    "multiple_of": lambda c: f"must be a multiple of {_number(c['multiple_of'])}",
    "literal_error": lambda c: f"must be {c['expected']}",
    "enum": lambda c: f"must be {c['expected']}",
    "missing": lambda _: "is required and has no default",
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


def sentences(model: type[BaseModel], error: ValidationError, place: Callable[[str], str]) -> tuple[str, ...]:
    """One sentence for each thing pydantic found wrong; `place` tells where the value of a field came from."""
    secret = {leaf.name for leaf in leaves(model) if leaf.secret}
    found = error.errors(include_url=False)
    return tuple(dict.fromkeys(_sentence(problem, secret, place) for problem in found))


def unknown(name: str, known: list[str], where: str) -> str:
    """The sentence about a key that is no field."""
    return f"{name}: is no setting, {where}; {nearest(name, known)}"


def shown(value: Any, secret: bool = False) -> str:
    """A value as it stands in a sentence: short, and masked where it is secret."""
    if secret:
        return MASK
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def without_secrets(problems: tuple[str, ...], values: Mapping[str, Any], model: type[BaseModel]) -> tuple[str, ...]:
    """The same sentences, should the message of a user's own validator have quoted a secret."""
    texts = [str(values[leaf.name]) for leaf in leaves(model) if leaf.secret and isinstance(values.get(leaf.name), str)]
    for text in filter(None, texts):
        problems = tuple(problem.replace(text, MASK) for problem in problems)
    return problems


def _sentence(problem: ErrorDetails, secret: set[str], place: Callable[[str], str]) -> str:
    name = ".".join(map(str, problem["loc"]))
    kind, value = problem["type"], problem["input"]
    say = _SENTENCES.get(kind)
    limit = say(problem.get("ctx", {})) if say else problem["msg"].replace("Input should be", "must be")
    if not name:
        return f"{limit}, {place('')}"
    if kind == "missing":
        return f"{name}: {limit}, {place(name)}"
    # A table may hold a secret further down, and says little in a sentence.
    with_value = "" if isinstance(value, dict | BaseModel) else f" = {shown(value, _within(name, secret))}"
    return f"{name}{with_value}: {limit}, {place(name)}"


def _number(limit: Any) -> Any:
    """A limit as it was meant: pydantic turns `gt=0` into 0.0 for a float."""
    return int(limit) if isinstance(limit, float) and limit.is_integer() else limit


def _within(name: str, secret: set[str]) -> bool:
    return any(name == field or name.startswith(field + ".") for field in secret)
